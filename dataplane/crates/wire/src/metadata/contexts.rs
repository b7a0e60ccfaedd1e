//! Tuples: what a session looked like to its client (TLVs 2 to 5), and what its egress made of it (0x8013).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::bytes::{array_at, put, put_u16, u8_at, u16_at};
use crate::error::WireError;
use crate::metadata::tlv::{Repr, copy};

/// Length of a context of IPv4 addresses.
pub const CONTEXT_V4_LEN: usize = 13;
/// Length of a context of IPv6 addresses.
pub const CONTEXT_V6_LEN: usize = 37;
/// Length of an egress binding of IPv4 addresses.
pub const BINDING_V4_LEN: usize = 12;
/// Length of an egress binding of IPv6 addresses.
pub const BINDING_V6_LEN: usize = 36;

/// A pair of addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressPair {
    /// Both IPv4.
    V4 {
        /// Source.
        src: Ipv4Addr,
        /// Destination.
        dst: Ipv4Addr,
    },
    /// Both IPv6.
    V6 {
        /// Source.
        src: Ipv6Addr,
        /// Destination.
        dst: Ipv6Addr,
    },
}

impl AddressPair {
    /// The pair; families must not be mixed.
    pub const fn new(src: IpAddr, dst: IpAddr) -> Result<Self, WireError> {
        match (src, dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => Ok(Self::V4 { src, dst }),
            (IpAddr::V6(src), IpAddr::V6(dst)) => Ok(Self::V6 { src, dst }),
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => Err(WireError::FamilyMismatch),
        }
    }

    /// Source address.
    pub const fn src(&self) -> IpAddr {
        match *self {
            Self::V4 { src, .. } => IpAddr::V4(src),
            Self::V6 { src, .. } => IpAddr::V6(src),
        }
    }

    /// Destination address.
    pub const fn dst(&self) -> IpAddr {
        match *self {
            Self::V4 { dst, .. } => IpAddr::V4(dst),
            Self::V6 { dst, .. } => IpAddr::V6(dst),
        }
    }
}

/// The 5-tuple of a session as its client used it (forward), or the same turned round (reverse).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Context {
    /// Source and destination.
    pub addresses: AddressPair,
    /// Source port, or the identifier of an ICMP echo.
    pub src_port: u16,
    /// Destination port, or the identifier of an ICMP echo.
    pub dst_port: u16,
    /// IP protocol number.
    pub protocol: u8,
}

impl Context {
    /// The tuple of the other direction.
    pub const fn reversed(self) -> Self {
        let addresses = match self.addresses {
            AddressPair::V4 { src, dst } => AddressPair::V4 { src: dst, dst: src },
            AddressPair::V6 { src, dst } => AddressPair::V6 { src: dst, dst: src },
        };
        Self { addresses, src_port: self.dst_port, dst_port: self.src_port, protocol: self.protocol }
    }
}

impl Repr<'_> for Context {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let (addresses, at) = match value.len() {
            CONTEXT_V4_LEN => {
                let (src, dst) = (array_at::<4>(value, 0).into(), array_at::<4>(value, 4).into());
                (AddressPair::V4 { src, dst }, 8)
            }
            CONTEXT_V6_LEN => {
                let (src, dst) = (array_at::<16>(value, 0).into(), array_at::<16>(value, 16).into());
                (AddressPair::V6 { src, dst }, 32)
            }
            _ => return Err(WireError::BadTlvLength),
        };
        let (src_port, dst_port) = (u16_at(value, at), u16_at(value, at + 2));
        Ok(Self { addresses, src_port, dst_port, protocol: u8_at(value, at + 4) })
    }

    fn buffer_len(&self) -> usize {
        match self.addresses {
            AddressPair::V4 { .. } => CONTEXT_V4_LEN,
            AddressPair::V6 { .. } => CONTEXT_V6_LEN,
        }
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.get_mut(..self.buffer_len()).ok_or(WireError::BufferTooShort)?;
        let at = match self.addresses {
            AddressPair::V4 { src, dst } => {
                put(buffer, 0, src.octets());
                put(buffer, 4, dst.octets());
                8
            }
            AddressPair::V6 { src, dst } => {
                put(buffer, 0, src.octets());
                put(buffer, 16, dst.octets());
                32
            }
        };
        put_u16(buffer, at, self.src_port);
        put_u16(buffer, at + 2, self.dst_port);
        put(buffer, at + 4, [self.protocol]);
        Ok(())
    }
}

/// The egress' decision for a session: which server, and with which source towards it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EgressBinding {
    /// The source used towards the server, and the server.
    pub addresses: AddressPair,
    /// The source port used towards the server.
    pub source_port: u16,
    /// The server's port.
    pub target_port: u16,
}

impl Repr<'_> for EgressBinding {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let (addresses, length) = match value.len() {
            BINDING_V4_LEN => {
                let (dst, src) = (array_at::<4>(value, 0).into(), array_at::<4>(value, 6).into());
                (AddressPair::V4 { src, dst }, 4)
            }
            BINDING_V6_LEN => {
                let (dst, src) = (array_at::<16>(value, 0).into(), array_at::<16>(value, 18).into());
                (AddressPair::V6 { src, dst }, 16)
            }
            _ => return Err(WireError::BadTlvLength),
        };
        let (target_port, source_port) = (u16_at(value, length), u16_at(value, 2 * length + 2));
        Ok(Self { addresses, source_port, target_port })
    }

    fn buffer_len(&self) -> usize {
        match self.addresses {
            AddressPair::V4 { .. } => BINDING_V4_LEN,
            AddressPair::V6 { .. } => BINDING_V6_LEN,
        }
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.get_mut(..self.buffer_len()).ok_or(WireError::BufferTooShort)?;
        let length = match self.addresses {
            AddressPair::V4 { src, dst } => {
                put(buffer, 0, dst.octets());
                put(buffer, 6, src.octets());
                4
            }
            AddressPair::V6 { src, dst } => {
                put(buffer, 0, dst.octets());
                put(buffer, 18, src.octets());
                16
            }
        };
        put_u16(buffer, length, self.target_port);
        put_u16(buffer, 2 * length + 2, self.source_port);
        Ok(())
    }
}

impl Repr<'_> for IpAddr {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        match value.len() {
            4 => Ok(array_at::<4>(value, 0).into()),
            16 => Ok(array_at::<16>(value, 0).into()),
            _ => Err(WireError::BadTlvLength),
        }
    }

    fn buffer_len(&self) -> usize {
        match self {
            Self::V4(_) => 4,
            Self::V6(_) => 16,
        }
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        match self {
            Self::V4(address) => copy(buffer, &address.octets()),
            Self::V6(address) => copy(buffer, &address.octets()),
        }
    }
}

impl Repr<'_> for Ipv4Addr {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        value.first_chunk::<4>().copied().map(Self::from).ok_or(WireError::BadTlvLength)
    }

    fn buffer_len(&self) -> usize {
        4
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        copy(buffer, &self.octets())
    }
}
