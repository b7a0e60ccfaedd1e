//! One pass over an IP packet: everything a session lookup needs.

use core::net::IpAddr;

use crate::bytes::{u8_at, u16_at};
use crate::checksum;
use crate::error::WireError;
use crate::ip::{self, Fragment, Upper, Version, protocol};
use crate::tcp::{self, Flags};
use crate::{icmp, udp};

/// What the transport of a packet is, as far as sessions are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP echo request of the packet's own family.
    EchoRequest,
    /// ICMP echo reply of the packet's own family.
    EchoReply,
    /// ICMP error; the packet that it quotes is at [`Parsed::payload_at`].
    IcmpError,
    /// Another ICMP message.
    IcmpOther,
    /// A protocol without ports.
    Other,
    /// A fragment that is not the first: there is no transport header.
    FragmentTail,
}

/// Where things are in an IP packet, and the fields a session is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// IP version.
    pub version: Version,
    /// What the transport is.
    pub transport: Transport,
    /// Protocol number behind all extension headers.
    pub protocol: u8,
    /// TCP control bits; none for other protocols.
    pub tcp_flags: Flags,
    /// Source port; the identifier of an ICMP echo; otherwise 0.
    pub src_port: u16,
    /// Destination port; the identifier of an ICMP echo; otherwise 0.
    pub dst_port: u16,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// What piece of a packet this is; `None` when it is whole.
    pub fragment: Option<Fragment>,
    /// Offset of the transport header: IP header, options and extension headers are in front of it.
    pub transport_at: usize,
    /// Offset of the transport payload. Other protocols and later fragments: the same as `transport_at`.
    pub payload_at: usize,
    /// Length of the packet by its own header; the buffer may be longer.
    pub total_len: usize,
}

/// Transport fields found behind the IP header.
struct Found {
    transport: Transport,
    tcp_flags: Flags,
    src_port: u16,
    dst_port: u16,
    header_len: usize,
}

impl Parsed {
    /// Reads a whole packet. Lengths of IP and transport header must agree with each other and with the buffer.
    pub fn parse(packet: &[u8]) -> Result<Self, WireError> {
        let view = ip::Packet::new_checked(packet)?;
        let upper = view.upper()?;
        let segment = packet.get(upper.range()).ok_or(WireError::BadTotalLength)?;
        let found = match upper.fragment {
            Some(Fragment { offset: 1.., .. }) => Found::bare(Transport::FragmentTail),
            Some(_) => Found::first_fragment(view.version(), upper.protocol, segment)?,
            None => Found::whole(view.version(), upper.protocol, segment)?,
        };
        Ok(Self::new(&view, upper, &found))
    }

    /// Reads the beginning of a packet as quoted by an ICMP error: 8 bytes of the transport header are enough, and
    /// `payload_at` and `total_len` may lie beyond the buffer.
    pub fn parse_quoted(packet: &[u8]) -> Result<Self, WireError> {
        let view = ip::Packet::new_truncated(packet)?;
        let upper = view.upper()?;
        let segment = packet.get(upper.start..).ok_or(WireError::TruncatedTransport)?;
        let found = match upper.fragment {
            Some(Fragment { offset: 1.., .. }) => Found::bare(Transport::FragmentTail),
            Some(_) | None => Found::quoted(view.version(), upper.protocol, segment)?,
        };
        Ok(Self::new(&view, upper, &found))
    }

    /// The transport payload within `packet`, the packet this was read from.
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.payload_at..self.total_len).unwrap_or_default()
    }

    /// Transport header and payload within `packet`, the packet this was read from.
    pub fn segment<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        packet.get(self.transport_at..self.total_len).unwrap_or_default()
    }

    /// Offset of the transport checksum within the packet, where there is one. ICMP of the other family is a protocol like any other.
    #[inline]
    pub fn checksum_at(&self) -> Option<usize> {
        match self.transport {
            Transport::Tcp
            | Transport::Udp
            | Transport::EchoRequest
            | Transport::EchoReply
            | Transport::IcmpError
            | Transport::IcmpOther => {
                checksum::field_offset(self.protocol).map(|offset| self.transport_at + offset)
            }
            Transport::Other | Transport::FragmentTail => None,
        }
    }

    fn new(view: &ip::Packet<&[u8]>, upper: Upper, found: &Found) -> Self {
        Self {
            version: view.version(),
            transport: found.transport,
            protocol: upper.protocol,
            tcp_flags: found.tcp_flags,
            src_port: found.src_port,
            dst_port: found.dst_port,
            src: view.src(),
            dst: view.dst(),
            fragment: upper.fragment,
            transport_at: upper.start,
            payload_at: upper.start + found.header_len,
            total_len: upper.end,
        }
    }
}

impl Found {
    const fn bare(transport: Transport) -> Self {
        Self { transport, tcp_flags: Flags(0), src_port: 0, dst_port: 0, header_len: 0 }
    }

    fn whole(version: Version, protocol: u8, segment: &[u8]) -> Result<Self, WireError> {
        if protocol == protocol::UDP {
            udp::Packet::new_checked(segment)?;
        }
        Self::first_fragment(version, protocol, segment)
    }

    fn first_fragment(version: Version, protocol: u8, segment: &[u8]) -> Result<Self, WireError> {
        if protocol == protocol::TCP {
            tcp::Packet::new_checked(segment)?;
        }
        Self::quoted(version, protocol, segment)
    }

    #[inline]
    fn quoted(version: Version, protocol: u8, segment: &[u8]) -> Result<Self, WireError> {
        let header_len = match (version, protocol) {
            (_, protocol::TCP) => usize::from(u8_at(segment, 12) >> 4) * 4,
            (_, protocol::UDP) | (Version::V4, protocol::ICMP) | (Version::V6, protocol::ICMPV6) => 8,
            (Version::V4 | Version::V6, _) => return Ok(Self::bare(Transport::Other)),
        };
        // The first 8 bytes of all of them; RFC 792 has routers quote no more.
        if segment.len() < 8 {
            return Err(WireError::TruncatedTransport);
        }
        let ports = Self {
            transport: Transport::Udp,
            tcp_flags: Flags(0),
            src_port: u16_at(segment, 0),
            dst_port: u16_at(segment, 2),
            header_len,
        };
        Ok(match protocol {
            protocol::TCP => {
                Self { transport: Transport::Tcp, tcp_flags: Flags(u8_at(segment, 13)), ..ports }
            }
            protocol::UDP => ports,
            _ => Self::icmp(version, segment),
        })
    }

    fn icmp(version: Version, segment: &[u8]) -> Self {
        let id = u16_at(segment, 4);
        let (transport, port) = match icmp::class(version, u8_at(segment, 0)) {
            icmp::Class::EchoRequest => (Transport::EchoRequest, id),
            icmp::Class::EchoReply => (Transport::EchoReply, id),
            icmp::Class::Error => (Transport::IcmpError, 0),
            icmp::Class::Other => (Transport::IcmpOther, 0),
        };
        Self { transport, tcp_flags: Flags(0), src_port: port, dst_port: port, header_len: icmp::HEADER_LEN }
    }
}
