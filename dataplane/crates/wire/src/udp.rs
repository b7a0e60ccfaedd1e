//! UDP (RFC 768).

use crate::bytes::{put, put_u16, u16_at};
use crate::error::WireError;

mod field {
    pub(super) const SRC_PORT: usize = 0;
    pub(super) const DST_PORT: usize = 2;
    pub(super) const LENGTH: usize = 4;
    pub(super) const CHECKSUM: usize = 6;
}

/// Length of the header.
pub const HEADER_LEN: usize = 8;

/// View of a UDP datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view of a datagram that fills the buffer exactly: bytes behind the UDP length could be read differently by two receivers.
    pub fn new_checked(buffer: T) -> Result<Self, WireError> {
        let packet = Self::new_truncated(buffer)?;
        if usize::from(packet.length()) != packet.0.as_ref().len() {
            return Err(WireError::BadTransportLength);
        }
        Ok(packet)
    }

    /// A view of a datagram of which only the beginning may be there (first fragments, ICMP quotes).
    pub fn new_truncated(buffer: T) -> Result<Self, WireError> {
        if buffer.as_ref().len() < HEADER_LEN {
            return Err(WireError::TruncatedTransport);
        }
        Ok(Self(buffer))
    }

    /// Source port.
    pub fn src_port(&self) -> u16 {
        u16_at(self.0.as_ref(), field::SRC_PORT)
    }

    /// Destination port.
    pub fn dst_port(&self) -> u16 {
        u16_at(self.0.as_ref(), field::DST_PORT)
    }

    /// Length of header and payload.
    pub fn length(&self) -> u16 {
        u16_at(self.0.as_ref(), field::LENGTH)
    }

    /// Checksum; zero = none.
    pub fn checksum(&self) -> u16 {
        u16_at(self.0.as_ref(), field::CHECKSUM)
    }

    /// What is carried, as far as it is there.
    pub fn payload(&self) -> &[u8] {
        self.0.as_ref().get(HEADER_LEN..).unwrap_or_default()
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

    /// Sets the length of header and payload; the checksum is not touched.
    pub fn set_length(&mut self, length: u16) {
        put_u16(self.0.as_mut(), field::LENGTH, length);
    }

    /// Sets the checksum field.
    pub fn set_checksum(&mut self, checksum: u16) {
        put_u16(self.0.as_mut(), field::CHECKSUM, checksum);
    }
}

/// Meaning of a UDP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repr {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Bytes behind the header.
    pub payload_len: u16,
}

impl Repr {
    /// The meaning of the header of `packet`.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Result<Self, WireError> {
        let payload_len =
            packet.length().checked_sub(HEADER_LEN as u16).ok_or(WireError::BadTransportLength)?;
        Ok(Self { src_port: packet.src_port(), dst_port: packet.dst_port(), payload_len })
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the header with a checksum of zero; [`crate::checksum::finish`] computes it when the packet is whole.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let length = self.payload_len.checked_add(HEADER_LEN as u16).ok_or(WireError::BadTransportLength)?;
        let header = buffer.first_chunk_mut::<HEADER_LEN>().ok_or(WireError::BufferTooShort)?;
        put(header, field::CHECKSUM, [0; 2]);
        put_u16(header, field::SRC_PORT, self.src_port);
        put_u16(header, field::DST_PORT, self.dst_port);
        put_u16(header, field::LENGTH, length);
        Ok(())
    }
}
