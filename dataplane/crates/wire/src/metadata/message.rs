//! A complete piece of metadata.

use crate::error::WireError;
use crate::metadata::{HEADER_LEN, HeaderRepr, HeaderTlvs, MAX_LEN, Packet, PayloadTlvs};

/// Header and payload section of one packet, in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header section.
    pub header: HeaderTlvs,
    /// The payload section.
    pub payload: PayloadTlvs<'a>,
}

impl<'a> Message<'a> {
    /// Reads metadata whose payload section is in clear.
    pub fn parse<T: AsRef<[u8]>>(packet: &'a Packet<T>) -> Result<Self, WireError> {
        let header = HeaderTlvs::parse(packet.header_tlvs())?;
        Ok(Self { header, payload: PayloadTlvs::parse(packet.payload())? })
    }

    /// Length of the metadata, when encryption adds `added` bytes to the payload section.
    pub fn buffer_len(&self, added: usize) -> usize {
        (HEADER_LEN + self.header.buffer_len() + self.payload.buffer_len()).saturating_add(added)
    }

    /// Writes the metadata to the front of `buffer` and answers its length. The payload section is in clear, but its length counts
    /// the `added` bytes of room left behind it for padding, IV or tag.
    pub fn emit(&self, added: usize, buffer: &mut [u8]) -> Result<usize, WireError> {
        let (header_len, payload_len) = (HEADER_LEN + self.header.buffer_len(), self.payload.buffer_len());
        let total = self.buffer_len(added);
        if total > MAX_LEN {
            return Err(WireError::MetadataTooLong);
        }
        let buffer = buffer.get_mut(..total).ok_or(WireError::BufferTooShort)?;
        let lengths = HeaderRepr { header_len: header_len as u16, payload_len: (payload_len + added) as u16 };
        lengths.emit(buffer)?;
        self.header.emit(buffer.get_mut(HEADER_LEN..).unwrap_or_default())?;
        self.payload.emit(buffer.get_mut(header_len..).unwrap_or_default())?;
        Ok(total)
    }
}
