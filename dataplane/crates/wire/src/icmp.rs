//! ICMP (RFC 792) and `ICMPv6` (RFC 4443): echo, and errors with the packet they quote.

use core::ops::Range;

use crate::bytes::{put, put_u16, put_u32, u8_at, u16_at, u32_at};
use crate::error::WireError;
use crate::ip::Version;

mod field {
    pub(super) const TYPE: usize = 0;
    pub(super) const CODE: usize = 1;
    pub(super) const CHECKSUM: usize = 2;
    pub(super) const ECHO_ID: usize = 4;
    pub(super) const MTU_V6: usize = 4;
    pub(super) const QUOTE_LEN_V6: usize = 4;
    pub(super) const QUOTE_LEN_V4: usize = 5;
    pub(super) const ECHO_SEQ: usize = 6;
    pub(super) const MTU_V4: usize = 6;
}

/// Message types of IPv4's ICMP.
pub mod v4 {
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 0;
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 3;
    /// Source quench (obsolete).
    pub const SOURCE_QUENCH: u8 = 4;
    /// Redirect.
    pub const REDIRECT: u8 = 5;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 8;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 11;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 12;
    /// Unreachable: port.
    pub const CODE_PORT: u8 = 3;
    /// Unreachable: fragmentation needed and DF set.
    pub const CODE_FRAGMENTATION_NEEDED: u8 = 4;
    /// Unreachable: communication administratively prohibited.
    pub const CODE_PROHIBITED: u8 = 13;
}

/// Message types of `ICMPv6`.
pub mod v6 {
    /// Destination unreachable.
    pub const UNREACHABLE: u8 = 1;
    /// Packet too big.
    pub const PACKET_TOO_BIG: u8 = 2;
    /// Time exceeded.
    pub const TIME_EXCEEDED: u8 = 3;
    /// Parameter problem.
    pub const PARAMETER_PROBLEM: u8 = 4;
    /// Echo request.
    pub const ECHO_REQUEST: u8 = 128;
    /// Echo reply.
    pub const ECHO_REPLY: u8 = 129;
    /// Unreachable: communication administratively prohibited.
    pub const CODE_PROHIBITED: u8 = 1;
    /// Unreachable: port.
    pub const CODE_PORT: u8 = 4;
}

/// Length of the header of echo and error messages.
pub const HEADER_LEN: usize = 8;
/// Length of a quoted packet below which RFC 4884 does not allow extensions to follow.
const MIN_QUOTE_BEFORE_EXTENSIONS: usize = 128;

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A question that is answered with the same id.
    EchoRequest,
    /// The answer.
    EchoReply,
    /// A complaint that quotes a packet.
    Error,
    /// Anything else (router discovery, neighbour discovery, timestamps, ...).
    Other,
}

/// What a message of `version` with the type `kind` is for.
#[inline]
pub const fn class(version: Version, kind: u8) -> Class {
    match (version, kind) {
        (Version::V4, v4::ECHO_REQUEST) | (Version::V6, v6::ECHO_REQUEST) => Class::EchoRequest,
        (Version::V4, v4::ECHO_REPLY) | (Version::V6, v6::ECHO_REPLY) => Class::EchoReply,
        (
            Version::V4,
            v4::UNREACHABLE | v4::SOURCE_QUENCH | v4::REDIRECT | v4::TIME_EXCEEDED | v4::PARAMETER_PROBLEM,
        )
        | (Version::V6, v6::UNREACHABLE | v6::PACKET_TOO_BIG | v6::TIME_EXCEEDED | v6::PARAMETER_PROBLEM) => {
            Class::Error
        }
        (Version::V4 | Version::V6, _) => Class::Other,
    }
}

/// View of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T> {
    version: Version,
    buffer: T,
}

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a message in a packet of `version`; the message fills the buffer.
    pub fn new_checked(version: Version, buffer: T) -> Result<Self, WireError> {
        if buffer.as_ref().len() < HEADER_LEN {
            return Err(WireError::TruncatedTransport);
        }
        Ok(Self { version, buffer })
    }

    /// Message type.
    pub fn kind(&self) -> u8 {
        u8_at(self.buffer.as_ref(), field::TYPE)
    }

    /// Message code.
    pub fn code(&self) -> u8 {
        u8_at(self.buffer.as_ref(), field::CODE)
    }

    /// Checksum; in `ICMPv6` over a pseudo header too.
    pub fn checksum(&self) -> u16 {
        u16_at(self.buffer.as_ref(), field::CHECKSUM)
    }

    /// What the message is for.
    pub fn class(&self) -> Class {
        class(self.version, self.kind())
    }

    /// Identifier, if this is an echo message.
    pub fn echo_id(&self) -> Option<u16> {
        self.is_echo().then(|| u16_at(self.buffer.as_ref(), field::ECHO_ID))
    }

    /// Sequence number, if this is an echo message.
    pub fn echo_seq(&self) -> Option<u16> {
        self.is_echo().then(|| u16_at(self.buffer.as_ref(), field::ECHO_SEQ))
    }

    /// The MTU of the link that a packet did not fit, if that is what this message says. Zero from routers older than RFC 1191.
    pub fn next_hop_mtu(&self) -> Option<u32> {
        let bytes = self.buffer.as_ref();
        match (self.version, self.kind(), self.code()) {
            (Version::V4, v4::UNREACHABLE, v4::CODE_FRAGMENTATION_NEEDED) => {
                Some(u32::from(u16_at(bytes, field::MTU_V4)))
            }
            (Version::V6, v6::PACKET_TOO_BIG, _) => Some(u32_at(bytes, field::MTU_V6)),
            (Version::V4 | Version::V6, ..) => None,
        }
    }

    /// Bytes of this message that quote the beginning of a packet, if this is an error. Extensions (RFC 4884) are left out.
    pub fn quoted(&self) -> Option<Range<usize>> {
        if self.class() != Class::Error {
            return None;
        }
        let bytes = self.buffer.as_ref();
        let announced = match self.version {
            Version::V4 => usize::from(u8_at(bytes, field::QUOTE_LEN_V4)) * 4,
            Version::V6 if self.kind() == v6::PACKET_TOO_BIG => 0,
            Version::V6 => usize::from(u8_at(bytes, field::QUOTE_LEN_V6)) * 8,
        };
        let end = HEADER_LEN + announced;
        if announced >= MIN_QUOTE_BEFORE_EXTENSIONS && end <= bytes.len() {
            return Some(HEADER_LEN..end);
        }
        Some(HEADER_LEN..bytes.len())
    }

    /// Everything behind the 8-byte header.
    pub fn payload(&self) -> &[u8] {
        self.buffer.as_ref().get(HEADER_LEN..).unwrap_or_default()
    }

    fn is_echo(&self) -> bool {
        matches!(self.class(), Class::EchoRequest | Class::EchoReply)
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Sets the identifier of an echo message, and nothing in others; the checksum is not touched.
    pub fn set_echo_id(&mut self, id: u16) {
        if self.is_echo() {
            put_u16(self.buffer.as_mut(), field::ECHO_ID, id);
        }
    }

    /// Sets the MTU in a message that has one, and nothing in others; the checksum is not touched.
    pub fn set_next_hop_mtu(&mut self, mtu: u32) {
        match (self.next_hop_mtu(), self.version) {
            (Some(_), Version::V4) => {
                put_u16(self.buffer.as_mut(), field::MTU_V4, u16::try_from(mtu).unwrap_or(u16::MAX));
            }
            (Some(_), Version::V6) => put_u32(self.buffer.as_mut(), field::MTU_V6, mtu),
            (None, Version::V4 | Version::V6) => {}
        }
    }

    /// Sets the checksum field.
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16(self.buffer.as_mut(), field::CHECKSUM, checksum);
    }
}

/// Meaning of the header of a message that Quiver makes itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repr {
    /// Echo request.
    EchoRequest {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// Echo reply.
    EchoReply {
        /// Identifier.
        id: u16,
        /// Sequence number.
        seq: u16,
    },
    /// A packet did not fit the next link.
    TooBig {
        /// MTU of that link; 16 bits in IPv4.
        mtu: u32,
    },
    /// Nobody listens on the port.
    PortUnreachable,
    /// Policy forbids it.
    Prohibited,
    /// Time to live or hop limit came to zero on the way.
    TimeExceeded,
}

impl Repr {
    /// The meaning of `packet`; `None` for messages that Quiver does not make.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Option<Self> {
        let bytes = packet.buffer.as_ref();
        let (id, seq) = (u16_at(bytes, field::ECHO_ID), u16_at(bytes, field::ECHO_SEQ));
        match packet.class() {
            Class::EchoRequest => return Some(Self::EchoRequest { id, seq }),
            Class::EchoReply => return Some(Self::EchoReply { id, seq }),
            Class::Error => {}
            Class::Other => return None,
        }
        if let Some(mtu) = packet.next_hop_mtu() {
            return Some(Self::TooBig { mtu });
        }
        [Self::PortUnreachable, Self::Prohibited, Self::TimeExceeded]
            .into_iter()
            .find(|repr| repr.type_and_code(packet.version) == (packet.kind(), packet.code()))
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header with a checksum of zero; the echo data or the quoted packet comes behind it.
    pub fn emit(&self, version: Version, buffer: &mut [u8]) -> Result<(), WireError> {
        let header = buffer.first_chunk_mut::<HEADER_LEN>().ok_or(WireError::BufferTooShort)?;
        *header = [0; HEADER_LEN];
        let (kind, code) = self.type_and_code(version);
        put(header, field::TYPE, [kind, code]);
        match *self {
            Self::EchoRequest { id, seq } | Self::EchoReply { id, seq } => {
                put_u16(header, field::ECHO_ID, id);
                put_u16(header, field::ECHO_SEQ, seq);
            }
            Self::TooBig { mtu } => {
                Packet { version, buffer: header.as_mut_slice() }.set_next_hop_mtu(mtu);
            }
            Self::PortUnreachable | Self::Prohibited | Self::TimeExceeded => {}
        }
        Ok(())
    }

    const fn type_and_code(self, version: Version) -> (u8, u8) {
        match (self, version) {
            (Self::EchoRequest { .. }, Version::V4) => (v4::ECHO_REQUEST, 0),
            (Self::EchoRequest { .. }, Version::V6) => (v6::ECHO_REQUEST, 0),
            (Self::EchoReply { .. }, Version::V4) => (v4::ECHO_REPLY, 0),
            (Self::EchoReply { .. }, Version::V6) => (v6::ECHO_REPLY, 0),
            (Self::TooBig { .. }, Version::V4) => (v4::UNREACHABLE, v4::CODE_FRAGMENTATION_NEEDED),
            (Self::TooBig { .. }, Version::V6) => (v6::PACKET_TOO_BIG, 0),
            (Self::PortUnreachable, Version::V4) => (v4::UNREACHABLE, v4::CODE_PORT),
            (Self::PortUnreachable, Version::V6) => (v6::UNREACHABLE, v6::CODE_PORT),
            (Self::Prohibited, Version::V4) => (v4::UNREACHABLE, v4::CODE_PROHIBITED),
            (Self::Prohibited, Version::V6) => (v6::UNREACHABLE, v6::CODE_PROHIBITED),
            (Self::TimeExceeded, Version::V4) => (v4::TIME_EXCEEDED, 0),
            (Self::TimeExceeded, Version::V6) => (v6::TIME_EXCEEDED, 0),
        }
    }
}
