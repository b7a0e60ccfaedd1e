//! IPv6 (RFC 8200) and its extension headers.

use core::net::Ipv6Addr;

use crate::bytes::{array_at, put, put_u16, put_u32, u8_at, u16_at, u32_at};
use crate::error::WireError;
use crate::ip::{Fragment, protocol};

mod field {
    pub(super) const VERSION_CLASS_LABEL: usize = 0;
    pub(super) const PAYLOAD_LEN: usize = 4;
    pub(super) const NEXT_HEADER: usize = 6;
    pub(super) const HOP_LIMIT: usize = 7;
    pub(super) const SRC: usize = 8;
    pub(super) const DST: usize = 24;
}

/// Length of the fixed header.
pub const HEADER_LEN: usize = 40;
/// Length of the fragment extension header.
pub const FRAGMENT_HEADER_LEN: usize = 8;
/// Extension headers followed at most; nobody sends as many.
pub const MAX_EXTENSIONS: usize = 8;

/// View of an IPv6 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T>(T);

/// Where the chain of extension headers ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// Protocol number of what comes there.
    pub protocol: u8,
    /// Its offset from the start of the packet.
    pub offset: usize,
    /// What piece of a packet this is; `None` when it is whole, atomic fragments (RFC 6946) included.
    pub fragment: Option<Fragment>,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a whole packet; the buffer may be longer than it. Jumbograms (RFC 2675) are not known.
    pub fn new_checked(buffer: T) -> Result<Self, WireError> {
        let packet = Self::new_truncated(buffer)?;
        if packet.total_len() > packet.0.as_ref().len() {
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
        if u8_at(bytes, field::VERSION_CLASS_LABEL) >> 4 != 6 {
            return Err(WireError::UnknownVersion);
        }
        Ok(Self(buffer))
    }

    /// The buffer.
    pub fn into_inner(self) -> T {
        self.0
    }

    /// Length of everything behind the fixed header.
    pub fn payload_len(&self) -> u16 {
        u16_at(self.0.as_ref(), field::PAYLOAD_LEN)
    }

    /// Length of fixed header and payload.
    pub fn total_len(&self) -> usize {
        HEADER_LEN + usize::from(self.payload_len())
    }

    /// Differentiated services code point, 6 bits.
    pub fn dscp(&self) -> u8 {
        self.traffic_class() >> 2
    }

    /// Explicit congestion notification, 2 bits.
    pub fn ecn(&self) -> u8 {
        self.traffic_class() & 0x03
    }

    /// Flow label, 20 bits.
    pub fn flow_label(&self) -> u32 {
        u32_at(self.0.as_ref(), field::VERSION_CLASS_LABEL) & 0x000f_ffff
    }

    /// Protocol number of the first header behind the fixed one.
    pub fn next_header(&self) -> u8 {
        u8_at(self.0.as_ref(), field::NEXT_HEADER)
    }

    /// Hop limit.
    pub fn hop_limit(&self) -> u8 {
        u8_at(self.0.as_ref(), field::HOP_LIMIT)
    }

    /// Source address.
    pub fn src(&self) -> Ipv6Addr {
        Ipv6Addr::from(array_at::<16>(self.0.as_ref(), field::SRC))
    }

    /// Destination address.
    pub fn dst(&self) -> Ipv6Addr {
        Ipv6Addr::from(array_at::<16>(self.0.as_ref(), field::DST))
    }

    /// Everything behind the fixed header, as far as it is there.
    pub fn payload(&self) -> &[u8] {
        let bytes = self.0.as_ref();
        bytes.get(HEADER_LEN..self.total_len().min(bytes.len())).unwrap_or_default()
    }

    /// Follows the extension headers to the transport header, or to the data of a later fragment.
    pub fn upper(&self) -> Result<Upper, WireError> {
        let bytes = self.0.as_ref();
        let bytes = bytes.get(..self.total_len()).unwrap_or(bytes);
        let mut upper = Upper { protocol: self.next_header(), offset: HEADER_LEN, fragment: None };
        if !is_extension(upper.protocol) {
            return Ok(upper);
        }
        for _ in 0..MAX_EXTENSIONS {
            upper = step(bytes, upper)?;
            if !is_extension(upper.protocol) || upper.fragment.is_some_and(|f| f.offset != 0) {
                return Ok(upper);
            }
        }
        Err(WireError::TooManyExtensions)
    }

    fn traffic_class(&self) -> u8 {
        (u16_at(self.0.as_ref(), field::VERSION_CLASS_LABEL) >> 4) as u8
    }
}

const fn is_extension(next_header: u8) -> bool {
    matches!(
        next_header,
        protocol::HOP_BY_HOP
            | protocol::ROUTING
            | protocol::FRAGMENT
            | protocol::AUTHENTICATION
            | protocol::DESTINATION_OPTIONS
            | protocol::MOBILITY
    )
}

fn step(bytes: &[u8], at: Upper) -> Result<Upper, WireError> {
    let header: [u8; 8] =
        bytes.get(at.offset..).and_then(<[u8]>::first_chunk).copied().ok_or(WireError::TruncatedExtension)?;
    let [next, length, _, segments_left, ..] = header;
    let mut fragment = at.fragment;
    let length = match at.protocol {
        protocol::FRAGMENT => {
            fragment = fragment_of(header);
            FRAGMENT_HEADER_LEN
        }
        // RFC 4302 2.2: in units of 4 bytes, minus 2.
        protocol::AUTHENTICATION => (usize::from(length) + 2) * 4,
        protocol::ROUTING if segments_left != 0 => return Err(WireError::SourceRouted),
        _ => (usize::from(length) + 1) * 8,
    };
    let offset = at.offset + length;
    if offset > bytes.len() {
        return Err(WireError::TruncatedExtension);
    }
    Ok(Upper { protocol: next, offset, fragment })
}

fn fragment_of(header: [u8; 8]) -> Option<Fragment> {
    let word = u16_at(&header, 2);
    let fragment = Fragment { offset: word & 0xfff8, more: word & 1 != 0, id: u32_at(&header, 4) };
    (fragment.more || fragment.offset != 0).then_some(fragment)
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the length of everything behind the fixed header.
    pub fn set_payload_len(&mut self, length: u16) {
        put_u16(self.0.as_mut(), field::PAYLOAD_LEN, length);
    }

    /// Sets the differentiated services code point (lower 6 bits of `dscp`).
    pub fn set_dscp(&mut self, dscp: u8) {
        self.set_traffic_class((dscp << 2) | self.ecn());
    }

    /// Sets the congestion notification (lower 2 bits of `ecn`).
    pub fn set_ecn(&mut self, ecn: u8) {
        self.set_traffic_class((self.dscp() << 2) | (ecn & 0x03));
    }

    /// Sets the flow label (lower 20 bits of `label`).
    pub fn set_flow_label(&mut self, label: u32) {
        let word = u32_at(self.0.as_ref(), field::VERSION_CLASS_LABEL) & 0xfff0_0000;
        put_u32(self.0.as_mut(), field::VERSION_CLASS_LABEL, word | (label & 0x000f_ffff));
    }

    /// Sets the protocol number of the first header behind the fixed one.
    pub fn set_next_header(&mut self, next_header: u8) {
        put(self.0.as_mut(), field::NEXT_HEADER, [next_header]);
    }

    /// Sets the hop limit.
    pub fn set_hop_limit(&mut self, hop_limit: u8) {
        put(self.0.as_mut(), field::HOP_LIMIT, [hop_limit]);
    }

    /// Sets the source address.
    pub fn set_src(&mut self, address: Ipv6Addr) {
        put(self.0.as_mut(), field::SRC, address.octets());
    }

    /// Sets the destination address.
    pub fn set_dst(&mut self, address: Ipv6Addr) {
        put(self.0.as_mut(), field::DST, address.octets());
    }

    fn set_traffic_class(&mut self, traffic_class: u8) {
        let word = u16_at(self.0.as_ref(), field::VERSION_CLASS_LABEL) & 0xf00f;
        put_u16(self.0.as_mut(), field::VERSION_CLASS_LABEL, word | (u16::from(traffic_class) << 4));
    }
}

/// Meaning of a fixed IPv6 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source address.
    pub src: Ipv6Addr,
    /// Destination address.
    pub dst: Ipv6Addr,
    /// Protocol number of what follows.
    pub next_header: u8,
    /// Bytes behind the fixed header.
    pub payload_len: u16,
    /// Hop limit.
    pub hop_limit: u8,
    /// Code point, 6 bits.
    pub dscp: u8,
    /// Congestion notification, 2 bits.
    pub ecn: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
}

impl Repr {
    /// The meaning of the fixed header of `packet`.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self {
        Self {
            src: packet.src(),
            dst: packet.dst(),
            next_header: packet.next_header(),
            payload_len: packet.payload_len(),
            hop_limit: packet.hop_limit(),
            dscp: packet.dscp(),
            ecn: packet.ecn(),
            flow_label: packet.flow_label(),
        }
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header to the front of `buffer`.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let header = buffer.first_chunk_mut::<HEADER_LEN>().ok_or(WireError::BufferTooShort)?;
        put_u32(header, field::VERSION_CLASS_LABEL, 6 << 28);
        let mut packet = Packet(header.as_mut_slice());
        packet.set_traffic_class((self.dscp << 2) | (self.ecn & 0x03));
        packet.set_flow_label(self.flow_label);
        packet.set_payload_len(self.payload_len);
        packet.set_next_header(self.next_header);
        packet.set_hop_limit(self.hop_limit);
        packet.set_src(self.src);
        packet.set_dst(self.dst);
        Ok(())
    }
}
