//! What IPv4 and IPv6 have in common.

use core::net::IpAddr;
use core::ops::Range;

use crate::error::WireError;
use crate::{ipv4, ipv6};

/// Protocol numbers (IANA).
pub mod protocol {
    /// IPv6 hop-by-hop options.
    pub const HOP_BY_HOP: u8 = 0;
    /// ICMP for IPv4.
    pub const ICMP: u8 = 1;
    /// TCP.
    pub const TCP: u8 = 6;
    /// UDP.
    pub const UDP: u8 = 17;
    /// IPv6 routing header.
    pub const ROUTING: u8 = 43;
    /// IPv6 fragment header.
    pub const FRAGMENT: u8 = 44;
    /// GRE.
    pub const GRE: u8 = 47;
    /// Encapsulating security payload (ESP).
    pub const ESP: u8 = 50;
    /// Authentication header (AH).
    pub const AUTHENTICATION: u8 = 51;
    /// ICMP for IPv6.
    pub const ICMPV6: u8 = 58;
    /// IPv6: nothing follows.
    pub const NO_NEXT_HEADER: u8 = 59;
    /// IPv6 destination options.
    pub const DESTINATION_OPTIONS: u8 = 60;
    /// IPv6 mobility header.
    pub const MOBILITY: u8 = 135;
}

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// What piece of a fragmented packet something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fragment {
    /// Place in the original payload, in bytes; a multiple of 8.
    pub offset: u16,
    /// Whether further pieces follow.
    pub more: bool,
    /// Identification; 16 bits in IPv4.
    pub id: u32,
}

/// View of an IP packet of either version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<T> {
    /// IPv4.
    V4(ipv4::Packet<T>),
    /// IPv6.
    V6(ipv6::Packet<T>),
}

/// Where the transport header is, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upper {
    /// Protocol number behind all extension headers.
    pub protocol: u8,
    /// Offset of the transport header, or of the data in a later fragment.
    pub start: usize,
    /// Length of the packet by its own header.
    pub end: usize,
    /// What piece of a packet this is; `None` when it is whole.
    pub fragment: Option<Fragment>,
}

impl Upper {
    /// Bytes of the packet from the transport header (or, in a later fragment, from its data) to the end.
    pub const fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The version of a packet, from its first byte.
#[inline]
pub fn version(packet: &[u8]) -> Result<Version, WireError> {
    match packet.first() {
        None => Err(WireError::Empty),
        Some(first) if first >> 4 == 4 => Ok(Version::V4),
        Some(first) if first >> 4 == 6 => Ok(Version::V6),
        Some(_) => Err(WireError::UnknownVersion),
    }
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a whole packet; the buffer may be longer than it.
    #[inline]
    pub fn new_checked(buffer: T) -> Result<Self, WireError> {
        Ok(match version(buffer.as_ref())? {
            Version::V4 => Self::V4(ipv4::Packet::new_checked(buffer)?),
            Version::V6 => Self::V6(ipv6::Packet::new_checked(buffer)?),
        })
    }

    /// A view of a packet of which only the beginning may be there, as quoted by an ICMP error.
    #[inline]
    pub fn new_truncated(buffer: T) -> Result<Self, WireError> {
        Ok(match version(buffer.as_ref())? {
            Version::V4 => Self::V4(ipv4::Packet::new_truncated(buffer)?),
            Version::V6 => Self::V6(ipv6::Packet::new_truncated(buffer)?),
        })
    }

    /// Its version.
    #[inline]
    pub const fn version(&self) -> Version {
        match self {
            Self::V4(_) => Version::V4,
            Self::V6(_) => Version::V6,
        }
    }

    /// Source address.
    #[inline]
    pub fn src(&self) -> IpAddr {
        match self {
            Self::V4(packet) => packet.src().into(),
            Self::V6(packet) => packet.src().into(),
        }
    }

    /// Destination address.
    #[inline]
    pub fn dst(&self) -> IpAddr {
        match self {
            Self::V4(packet) => packet.dst().into(),
            Self::V6(packet) => packet.dst().into(),
        }
    }

    /// Length of the whole packet by its own header.
    #[inline]
    pub fn total_len(&self) -> usize {
        match self {
            Self::V4(packet) => usize::from(packet.total_len()),
            Self::V6(packet) => packet.total_len(),
        }
    }

    /// Code point, 6 bits.
    pub fn dscp(&self) -> u8 {
        match self {
            Self::V4(packet) => packet.dscp(),
            Self::V6(packet) => packet.dscp(),
        }
    }

    /// Congestion notification, 2 bits.
    pub fn ecn(&self) -> u8 {
        match self {
            Self::V4(packet) => packet.ecn(),
            Self::V6(packet) => packet.ecn(),
        }
    }

    /// Time to live or hop limit.
    pub fn ttl(&self) -> u8 {
        match self {
            Self::V4(packet) => packet.ttl(),
            Self::V6(packet) => packet.hop_limit(),
        }
    }

    /// Whether routers must not fragment it; always so in IPv6.
    pub fn dont_fragment(&self) -> bool {
        match self {
            Self::V4(packet) => packet.dont_fragment(),
            Self::V6(_) => true,
        }
    }

    /// Finds the transport header behind options and extension headers.
    #[inline]
    pub fn upper(&self) -> Result<Upper, WireError> {
        let end = self.total_len();
        let (protocol, start, fragment) = match self {
            Self::V4(packet) => (packet.protocol(), packet.header_len(), packet.fragment()),
            Self::V6(packet) => {
                let upper = packet.upper()?;
                (upper.protocol, upper.offset, upper.fragment)
            }
        };
        if let Some(fragment) = fragment {
            check_fragment(fragment, end.saturating_sub(start))?;
        }
        Ok(Upper { protocol, start, end, fragment })
    }
}

/// Refuses what no fragmentation makes and what a reassembly must not be given (RFC 5722, ping of death).
fn check_fragment(fragment: Fragment, length: usize) -> Result<(), WireError> {
    let uneven = fragment.more && !length.is_multiple_of(8);
    if length == 0 || uneven || usize::from(fragment.offset) + length > 65_535 {
        return Err(WireError::BadFragment);
    }
    Ok(())
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the code point; the IPv4 header checksum is kept right.
    pub fn set_dscp(&mut self, dscp: u8) {
        match self {
            Self::V4(packet) => packet.set_dscp(dscp),
            Self::V6(packet) => packet.set_dscp(dscp),
        }
    }

    /// Sets the congestion notification; the IPv4 header checksum is kept right.
    pub fn set_ecn(&mut self, ecn: u8) {
        match self {
            Self::V4(packet) => packet.set_ecn(ecn),
            Self::V6(packet) => packet.set_ecn(ecn),
        }
    }

    /// Sets time to live or hop limit; the IPv4 header checksum is kept right.
    pub fn set_ttl(&mut self, ttl: u8) {
        match self {
            Self::V4(packet) => packet.set_ttl(ttl),
            Self::V6(packet) => packet.set_hop_limit(ttl),
        }
    }

    /// Declares the whole packet to be `length` bytes long; the IPv4 header checksum is kept right.
    pub fn set_total_len(&mut self, length: usize) -> Result<(), WireError> {
        match self {
            Self::V4(packet) => {
                packet.set_total_len(u16::try_from(length).map_err(|_| WireError::BadTotalLength)?);
            }
            Self::V6(packet) => {
                let payload = length.checked_sub(ipv6::HEADER_LEN).ok_or(WireError::BadTotalLength)?;
                packet.set_payload_len(u16::try_from(payload).map_err(|_| WireError::BadTotalLength)?);
            }
        }
        Ok(())
    }

    /// Sets both addresses; the IPv4 header checksum is kept right, the transport checksum is not touched.
    pub fn set_addresses(&mut self, src: IpAddr, dst: IpAddr) -> Result<(), WireError> {
        match (self, src, dst) {
            (Self::V4(packet), IpAddr::V4(src), IpAddr::V4(dst)) => {
                packet.set_src(src);
                packet.set_dst(dst);
                Ok(())
            }
            (Self::V6(packet), IpAddr::V6(src), IpAddr::V6(dst)) => {
                packet.set_src(src);
                packet.set_dst(dst);
                Ok(())
            }
            _ => Err(WireError::FamilyMismatch),
        }
    }
}
