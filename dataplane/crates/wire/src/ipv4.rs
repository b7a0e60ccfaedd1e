//! IPv4 (RFC 791).

use core::net::Ipv4Addr;

use crate::bytes::{array_at, put, put_u16, u8_at, u16_at};
use crate::checksum::{self, Delta};
use crate::error::WireError;
use crate::ip::Fragment;

mod field {
    pub(super) const VERSION_IHL: usize = 0;
    pub(super) const TRAFFIC_CLASS: usize = 1;
    pub(super) const TOTAL_LEN: usize = 2;
    pub(super) const ID: usize = 4;
    pub(super) const FRAGMENT: usize = 6;
    pub(super) const TTL: usize = 8;
    pub(super) const PROTOCOL: usize = 9;
    pub(super) const CHECKSUM: usize = 10;
    pub(super) const SRC: usize = 12;
    pub(super) const DST: usize = 16;
}

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// Length of a header without options.
pub const HEADER_LEN: usize = 20;

/// View of an IPv4 packet.
///
/// Every setter keeps the header checksum right, provided it was right before (RFC 1624).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a whole packet; the buffer may be longer than it.
    pub fn new_checked(buffer: T) -> Result<Self, WireError> {
        let packet = Self::new_truncated(buffer)?;
        if usize::from(packet.total_len()) > packet.0.as_ref().len() {
            return Err(WireError::BadTotalLength);
        }
        Ok(packet)
    }

    /// A view of a packet of which only the beginning may be there, as quoted by an ICMP error.
    pub fn new_truncated(buffer: T) -> Result<Self, WireError> {
        let bytes = buffer.as_ref();
        if bytes.len() < HEADER_LEN {
            return Err(WireError::TruncatedNetwork);
        }
        if u8_at(bytes, field::VERSION_IHL) >> 4 != 4 {
            return Err(WireError::UnknownVersion);
        }
        let available = bytes.len();
        let packet = Self(buffer);
        let header_len = packet.header_len();
        if header_len < HEADER_LEN || header_len > available {
            return Err(WireError::BadHeaderLength);
        }
        if usize::from(packet.total_len()) < header_len {
            return Err(WireError::BadTotalLength);
        }
        Ok(packet)
    }

    /// The buffer.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Length of the header with its options.
    pub fn header_len(&self) -> usize {
        usize::from(u8_at(self.0.as_ref(), field::VERSION_IHL) & 0x0f) * 4
    }

    /// Length of header and payload.
    pub fn total_len(&self) -> u16 {
        u16_at(self.0.as_ref(), field::TOTAL_LEN)
    }

    /// Differentiated services code point, 6 bits.
    pub fn dscp(&self) -> u8 {
        u8_at(self.0.as_ref(), field::TRAFFIC_CLASS) >> 2
    }

    /// Explicit congestion notification, 2 bits.
    pub fn ecn(&self) -> u8 {
        u8_at(self.0.as_ref(), field::TRAFFIC_CLASS) & 0x03
    }

    /// Identification.
    pub fn id(&self) -> u16 {
        u16_at(self.0.as_ref(), field::ID)
    }

    /// Whether routers must not fragment it.
    pub fn dont_fragment(&self) -> bool {
        u16_at(self.0.as_ref(), field::FRAGMENT) & DONT_FRAGMENT != 0
    }

    /// What piece of a packet this is; `None` when it is whole.
    pub fn fragment(&self) -> Option<Fragment> {
        let word = u16_at(self.0.as_ref(), field::FRAGMENT);
        let fragment = Fragment {
            offset: (word & FRAGMENT_OFFSET) << 3,
            more: word & MORE_FRAGMENTS != 0,
            id: u32::from(self.id()),
        };
        (fragment.more || fragment.offset != 0).then_some(fragment)
    }

    /// Time to live.
    pub fn ttl(&self) -> u8 {
        u8_at(self.0.as_ref(), field::TTL)
    }

    /// Protocol number of the payload.
    pub fn protocol(&self) -> u8 {
        u8_at(self.0.as_ref(), field::PROTOCOL)
    }

    /// Header checksum.
    pub fn checksum(&self) -> u16 {
        u16_at(self.0.as_ref(), field::CHECKSUM)
    }

    /// Source address.
    pub fn src(&self) -> Ipv4Addr {
        Ipv4Addr::from(array_at(self.0.as_ref(), field::SRC))
    }

    /// Destination address.
    pub fn dst(&self) -> Ipv4Addr {
        Ipv4Addr::from(array_at(self.0.as_ref(), field::DST))
    }

    /// Whether the header checksum is right.
    pub fn verify_checksum(&self) -> bool {
        checksum::sum(self.0.as_ref().get(..self.header_len()).unwrap_or_default()) == 0xffff
    }

    /// What is carried, as far as it is there.
    pub fn payload(&self) -> &[u8] {
        let bytes = self.0.as_ref();
        let end = usize::from(self.total_len()).min(bytes.len());
        bytes.get(self.header_len()..end).unwrap_or_default()
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the length of header and payload.
    pub fn set_total_len(&mut self, length: u16) {
        self.replace(field::TOTAL_LEN, length);
    }

    /// Sets the differentiated services code point (lower 6 bits of `dscp`).
    pub fn set_dscp(&mut self, dscp: u8) {
        self.set_traffic_class((dscp << 2) | self.ecn());
    }

    /// Sets the congestion notification (lower 2 bits of `ecn`).
    pub fn set_ecn(&mut self, ecn: u8) {
        self.set_traffic_class((self.dscp() << 2) | (ecn & 0x03));
    }

    /// Sets the identification.
    pub fn set_id(&mut self, id: u16) {
        self.replace(field::ID, id);
    }

    /// Forbids or allows fragmentation on the way.
    pub fn set_dont_fragment(&mut self, dont_fragment: bool) {
        let word = u16_at(self.0.as_ref(), field::FRAGMENT) & !DONT_FRAGMENT;
        self.replace(field::FRAGMENT, if dont_fragment { word | DONT_FRAGMENT } else { word });
    }

    /// Sets the place in the original packet; `offset` is in bytes, a multiple of 8.
    pub fn set_fragment(&mut self, offset: u16, more: bool) {
        let word = u16_at(self.0.as_ref(), field::FRAGMENT) & DONT_FRAGMENT;
        self.replace(field::FRAGMENT, word | (offset >> 3) | if more { MORE_FRAGMENTS } else { 0 });
    }

    /// Sets the time to live.
    pub fn set_ttl(&mut self, ttl: u8) {
        let protocol = self.protocol();
        self.replace(field::TTL, u16::from_be_bytes([ttl, protocol]));
    }

    /// Sets the protocol number of the payload.
    pub fn set_protocol(&mut self, protocol: u8) {
        let ttl = self.ttl();
        self.replace(field::TTL, u16::from_be_bytes([ttl, protocol]));
    }

    /// Sets the source address.
    pub fn set_src(&mut self, address: Ipv4Addr) {
        self.replace_address(field::SRC, address);
    }

    /// Sets the destination address.
    pub fn set_dst(&mut self, address: Ipv4Addr) {
        self.replace_address(field::DST, address);
    }

    /// Computes the header checksum anew.
    pub fn fill_checksum(&mut self) {
        put_u16(self.0.as_mut(), field::CHECKSUM, 0);
        let sum = checksum::sum(self.0.as_ref().get(..self.header_len()).unwrap_or_default());
        put_u16(self.0.as_mut(), field::CHECKSUM, !sum);
    }

    fn set_traffic_class(&mut self, traffic_class: u8) {
        let version_ihl = u8_at(self.0.as_ref(), field::VERSION_IHL);
        self.replace(field::VERSION_IHL, u16::from_be_bytes([version_ihl, traffic_class]));
    }

    fn replace(&mut self, at: usize, new: u16) {
        let delta = Delta::NONE.u16(u16_at(self.0.as_ref(), at), new);
        put_u16(self.0.as_mut(), at, new);
        self.apply(delta);
    }

    fn replace_address(&mut self, at: usize, new: Ipv4Addr) {
        let old: [u8; 4] = array_at(self.0.as_ref(), at);
        put(self.0.as_mut(), at, new.octets());
        self.apply(Delta::NONE.u32(u32::from_be_bytes(old), new.to_bits()));
    }

    fn apply(&mut self, delta: Delta) {
        let field = delta.apply(self.checksum());
        put_u16(self.0.as_mut(), field::CHECKSUM, field);
    }
}

/// Meaning of an IPv4 header without options and not of a fragment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub src: Ipv4Addr,
    /// Destination address.
    pub dst: Ipv4Addr,
    /// Protocol number of the payload.
    pub protocol: u8,
    /// Bytes behind the header.
    pub payload_len: u16,
    /// Time to live.
    pub ttl: u8,
    /// Code point, 6 bits.
    pub dscp: u8,
    /// Congestion notification, 2 bits.
    pub ecn: u8,
    /// Identification.
    pub id: u16,
    /// Whether routers must not fragment it.
    pub dont_fragment: bool,
}

impl Repr {
    /// The meaning of `packet`; options are passed over, fragments refused.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self, WireError> {
        if packet.fragment().is_some() {
            return Err(WireError::Fragmented);
        }
        Ok(Self {
            src: packet.src(),
            dst: packet.dst(),
            protocol: packet.protocol(),
            payload_len: packet.total_len().saturating_sub(packet.header_len() as u16),
            ttl: packet.ttl(),
            dscp: packet.dscp(),
            ecn: packet.ecn(),
            id: packet.id(),
            dont_fragment: packet.dont_fragment(),
        })
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header with its checksum to the front of `buffer`.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let total_len = self.payload_len.checked_add(HEADER_LEN as u16).ok_or(WireError::BadTotalLength)?;
        let header = buffer.first_chunk_mut::<HEADER_LEN>().ok_or(WireError::BufferTooShort)?;
        *header = [0; HEADER_LEN];
        put(header, field::VERSION_IHL, [0x45, (self.dscp << 2) | (self.ecn & 0x03)]);
        put_u16(header, field::TOTAL_LEN, total_len);
        put_u16(header, field::ID, self.id);
        put_u16(header, field::FRAGMENT, if self.dont_fragment { DONT_FRAGMENT } else { 0 });
        put(header, field::TTL, [self.ttl, self.protocol]);
        put(header, field::SRC, self.src.octets());
        put(header, field::DST, self.dst.octets());
        Packet(header.as_mut_slice()).fill_checksum();
        Ok(())
    }
}
