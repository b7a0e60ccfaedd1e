//! The only functions that change packets.
//!
//! Each works in place in a [`Packet`], or from one packet into buffers of an [`OutputSink`]; none allocates and none
//! panics: a packet that cannot be changed as asked comes back as a [`Refusal`], and is then unchanged, but for padding and
//! IPv4 options.
//! Unless a function says otherwise it takes IPv4 and IPv6, single packets and superpackets, in every checksum state.
//!
//! A packet towards a hop: [`rewrite`] (or [`encapsulate`]), then [`tcp_udp`] and a [`shield`], then [`metadata`].
//! From a hop the same turned round.

pub mod blank;
pub mod encapsulate;
pub mod fragment;
pub mod icmp_error;
pub mod icmp_reply;
pub mod integrity;
pub mod layout;
pub mod metadata;
pub mod mss;
pub mod overhead;
pub mod reset;
pub mod rewrite;
pub mod seal;
pub mod segments;
pub mod shield;
pub mod tcp_udp;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

mod checksum;
mod datagrams;
mod icmp_mapping;
mod join;

use core::net::IpAddr;

use quiver_wire::ip::Version;

use crate::packet::Packet;

/// IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// Bytes of an IP header without options or extension headers.
    pub const fn header_len(self) -> u16 {
        match self {
            Self::V4 => 20,
            Self::V6 => 40,
        }
    }

    /// The version, as the wire formats name it.
    pub const fn version(self) -> Version {
        match self {
            Self::V4 => Version::V4,
            Self::V6 => Version::V6,
        }
    }
}

impl From<Version> for Family {
    fn from(version: Version) -> Self {
        match version {
            Version::V4 => Self::V4,
            Version::V6 => Self::V6,
        }
    }
}

/// Where packets that are made go to.
pub trait OutputSink {
    /// An empty buffer; `None` when there is none left.
    fn take(&mut self) -> Option<Packet>;
    /// Accepts a finished packet.
    fn put(&mut self, packet: Packet);
    /// Takes back a buffer that was not needed.
    fn give_back(&mut self, packet: Packet);
}

/// Why a packet was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Refusal {
    /// A length field contradicts another one, or the packet ends early.
    #[error("a length in the packet contradicts another one")]
    Malformed,
    /// IPv4 source routing (RFC 7126 section 4.3). Other IPv4 options are dropped from the packet.
    #[error("IPv4 source route option")]
    SourceRoute,
    /// An IPv6 extension header other than the fragment header.
    #[error("IPv6 extension header")]
    ExtensionHeader,
    /// An IP fragment.
    #[error("IP fragment")]
    Fragment,
    /// A superpacket where a single packet is needed.
    #[error("superpacket where a single packet is needed")]
    Superpacket,
    /// The packet's protocol is not one the function is for.
    #[error("not a protocol this can be done to")]
    Protocol,
    /// Source and destination of a tuple are of different families, or an ICMP message has no like in the other family.
    #[error("no counterpart in the other IP family")]
    Family,
    /// The result would be longer than an IP packet can be.
    #[error("result longer than an IP packet")]
    TooLong,
    /// The buffer has no room in front or behind.
    #[error("no room in the buffer")]
    NoRoom,
    /// The sink has no buffer.
    #[error("no buffer")]
    NoBuffer,
    /// The transport checksum is wrong.
    #[error("wrong transport checksum")]
    Checksum,
    /// TTL or hop limit is used up.
    #[error("time to live used up")]
    TtlExpired,
    /// Does not fit, and must not be fragmented (RFC 791 DF).
    #[error("must not be fragmented")]
    DontFragment,
    /// A packet that must not be answered with an ICMP error or a reset (RFC 1122 section 3.2.2, RFC 4443 section 2.4).
    #[error("must not be answered")]
    NotAnswerable,
    /// The payload was not protected with this key, was changed on its way, or was received before.
    #[error("payload not authentic, or a repetition")]
    NotAuthentic,
    /// The key cannot protect anything more.
    #[error("key cannot be used")]
    Key,
}
