//! TCP (RFC 9293).

use crate::bytes::{put, put_u16, put_u32, u8_at, u16_at, u32_at};
use crate::checksum::{self, Change, Delta};
use crate::error::WireError;
use crate::ip::protocol;
use crate::offload::Checksum;

mod field {
    pub(super) const SRC_PORT: usize = 0;
    pub(super) const DST_PORT: usize = 2;
    pub(super) const SEQ: usize = 4;
    pub(super) const ACK: usize = 8;
    pub(super) const DATA_OFFSET: usize = 12;
    pub(super) const FLAGS: usize = 13;
    pub(super) const WINDOW: usize = 14;
    pub(super) const CHECKSUM: usize = 16;
    pub(super) const URGENT: usize = 18;
}

/// Length of a header without options.
pub const HEADER_LEN: usize = 20;
/// Option kind of the maximum segment size (RFC 9293 3.2).
pub const OPTION_MSS: u8 = 2;
const OPTION_MSS_LEN: usize = 4;

/// The control bits of byte 13.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// Last segment of this direction.
    pub const FIN: Self = Self(0x01);
    /// First segment of this direction.
    pub const SYN: Self = Self(0x02);
    /// The connection is gone.
    pub const RST: Self = Self(0x04);
    /// To be handed up at once.
    pub const PSH: Self = Self(0x08);
    /// The acknowledgement number counts.
    pub const ACK: Self = Self(0x10);
    /// The urgent pointer counts.
    pub const URG: Self = Self(0x20);
    /// Congestion was noticed (RFC 3168).
    pub const ECE: Self = Self(0x40);
    /// The window was reduced (RFC 3168).
    pub const CWR: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Bits of both.
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether this opens a connection: SYN without ACK.
    #[inline]
    pub const fn is_opening(self) -> bool {
        self.0 & (Self::SYN.0 | Self::ACK.0) == Self::SYN.0
    }
}

/// View of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a segment that fills the buffer.
    pub fn new_checked(buffer: T) -> Result<Self, WireError> {
        let available = buffer.as_ref().len();
        if available < HEADER_LEN {
            return Err(WireError::TruncatedTransport);
        }
        let packet = Self(buffer);
        let header_len = packet.header_len();
        if header_len < HEADER_LEN {
            return Err(WireError::BadTransportLength);
        }
        if header_len > available {
            return Err(WireError::TruncatedTransport);
        }
        Ok(packet)
    }

    /// Source port.
    pub fn src_port(&self) -> u16 {
        u16_at(self.0.as_ref(), field::SRC_PORT)
    }

    /// Destination port.
    pub fn dst_port(&self) -> u16 {
        u16_at(self.0.as_ref(), field::DST_PORT)
    }

    /// Sequence number.
    pub fn seq(&self) -> u32 {
        u32_at(self.0.as_ref(), field::SEQ)
    }

    /// Acknowledgement number.
    pub fn ack(&self) -> u32 {
        u32_at(self.0.as_ref(), field::ACK)
    }

    /// Length of the header with its options.
    pub fn header_len(&self) -> usize {
        usize::from(u8_at(self.0.as_ref(), field::DATA_OFFSET) >> 4) * 4
    }

    /// The four reserved bits beside the data offset.
    pub fn reserved(&self) -> u8 {
        u8_at(self.0.as_ref(), field::DATA_OFFSET) & 0x0f
    }

    /// Control bits.
    pub fn flags(&self) -> Flags {
        Flags(u8_at(self.0.as_ref(), field::FLAGS))
    }

    /// Window, not scaled.
    pub fn window(&self) -> u16 {
        u16_at(self.0.as_ref(), field::WINDOW)
    }

    /// Checksum.
    pub fn checksum(&self) -> u16 {
        u16_at(self.0.as_ref(), field::CHECKSUM)
    }

    /// Urgent pointer.
    pub fn urgent(&self) -> u16 {
        u16_at(self.0.as_ref(), field::URGENT)
    }

    /// Options up to the end mark or the first malformed one.
    pub fn options(&self) -> Options<'_> {
        Options { header: self.0.as_ref().get(..self.header_len()).unwrap_or_default(), at: HEADER_LEN }
    }

    /// Value of the maximum segment size option.
    pub fn mss(&self) -> Option<u16> {
        self.mss_at().map(|at| u16_at(self.0.as_ref(), at))
    }

    /// What is carried.
    pub fn payload(&self) -> &[u8] {
        self.0.as_ref().get(self.header_len()..).unwrap_or_default()
    }

    fn mss_at(&self) -> Option<usize> {
        self.options().find(|o| o.kind == OPTION_MSS && o.data.len() == 2).map(|option| option.at + 2)
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the source port; the checksum is not touched.
    pub fn set_src_port(&mut self, port: u16) {
        put_u16(self.0.as_mut(), field::SRC_PORT, port);
    }

    /// Sets the destination port; the checksum is not touched.
    pub fn set_dst_port(&mut self, port: u16) {
        put_u16(self.0.as_mut(), field::DST_PORT, port);
    }

    /// Sets the sequence number; the checksum is not touched.
    pub fn set_seq(&mut self, seq: u32) {
        put_u32(self.0.as_mut(), field::SEQ, seq);
    }

    /// Sets the acknowledgement number; the checksum is not touched.
    pub fn set_ack(&mut self, ack: u32) {
        put_u32(self.0.as_mut(), field::ACK, ack);
    }

    /// Sets the four reserved bits; the checksum is not touched.
    pub fn set_reserved(&mut self, reserved: u8) {
        let offset = u8_at(self.0.as_ref(), field::DATA_OFFSET) & 0xf0;
        put(self.0.as_mut(), field::DATA_OFFSET, [offset | (reserved & 0x0f)]);
    }

    /// Sets the control bits; the checksum is not touched.
    pub fn set_flags(&mut self, flags: Flags) {
        put(self.0.as_mut(), field::FLAGS, [flags.0]);
    }

    /// Sets the window; the checksum is not touched.
    pub fn set_window(&mut self, window: u16) {
        put_u16(self.0.as_mut(), field::WINDOW, window);
    }

    /// Sets the checksum field.
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16(self.0.as_mut(), field::CHECKSUM, checksum);
    }

    /// Sets the urgent pointer; the checksum is not touched.
    pub fn set_urgent(&mut self, urgent: u16) {
        put_u16(self.0.as_mut(), field::URGENT, urgent);
    }

    /// Sets the maximum segment size option where there is one, and keeps the checksum right in its `state`.
    /// Returns the former value.
    pub fn set_mss(&mut self, mss: u16, state: Checksum) -> Option<u16> {
        let at = self.mss_at()?;
        let old = u16_at(self.0.as_ref(), at);
        put_u16(self.0.as_mut(), at, mss);
        let delta = Delta::NONE.u16(old, mss);
        let segment = if at % 2 == 0 { delta } else { delta.at_odd_offset() };
        let change = Change { segment, ..Change::default() };
        let field = checksum::updated(self.checksum(), state, protocol::TCP, change);
        self.set_checksum(field);
        Some(old)
    }

    /// Lowers the maximum segment size option to `limit`; says whether it had to.
    pub fn clamp_mss(&mut self, limit: u16, state: Checksum) -> bool {
        self.mss().is_some_and(|mss| mss > limit) && self.set_mss(limit, state).is_some()
    }
}

/// One option of a TCP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpOption<'a> {
    /// Kind (IANA).
    pub kind: u8,
    /// Offset of the kind byte from the start of the header.
    pub at: usize,
    /// Value.
    pub data: &'a [u8],
}

/// Iterator over the options of a TCP header; padding is passed over.
#[derive(Clone, Debug)]
pub struct Options<'a> {
    header: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Options<'a> {
    type Item = TcpOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match *self.header.get(self.at)? {
                0 => return None,
                1 => self.at += 1,
                kind => {
                    let at = self.at;
                    let length = usize::from(*self.header.get(at + 1)?);
                    // A length below 2 would not get on.
                    let data = self.header.get(at + 2..at.checked_add(length)?)?;
                    self.at = at + length;
                    return Some(TcpOption { kind, at, data });
                }
            }
        }
    }
}

/// Meaning of a TCP header with at most one option, the maximum segment size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Control bits.
    pub flags: Flags,
    /// Window, not scaled.
    pub window: u16,
    /// Urgent pointer.
    pub urgent: u16,
    /// Maximum segment size option.
    pub mss: Option<u16>,
}

impl Repr {
    /// The meaning of the header of `packet`; other options are passed over.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self {
        Self {
            src_port: packet.src_port(),
            dst_port: packet.dst_port(),
            seq: packet.seq(),
            ack: packet.ack(),
            flags: packet.flags(),
            window: packet.window(),
            urgent: packet.urgent(),
            mss: packet.mss(),
        }
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN + if self.mss.is_some() { OPTION_MSS_LEN } else { 0 }
    }

    /// Writes the header with a checksum of zero; [`crate::checksum::finish`] computes it when the packet is whole.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let length = self.buffer_len();
        let header = buffer.get_mut(..length).ok_or(WireError::BufferTooShort)?;
        header.fill(0);
        put(header, field::DATA_OFFSET, [(length as u8 / 4) << 4, self.flags.0]);
        if let Some(mss) = self.mss {
            put(header, HEADER_LEN, [OPTION_MSS, OPTION_MSS_LEN as u8]);
            put_u16(header, HEADER_LEN + 2, mss);
        }
        let mut packet = Packet(header);
        packet.set_src_port(self.src_port);
        packet.set_dst_port(self.dst_port);
        packet.set_seq(self.seq);
        packet.set_ack(self.ack);
        packet.set_window(self.window);
        packet.set_urgent(self.urgent);
        Ok(())
    }
}
