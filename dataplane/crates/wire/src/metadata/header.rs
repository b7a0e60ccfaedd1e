//! The 12-byte metadata header and the sections behind it.

use crate::bytes::{array_at, put, put_u16, u16_at};
use crate::error::WireError;

mod field {
    pub(super) const COOKIE: usize = 0;
    pub(super) const VERSION_HEADER_LEN: usize = 8;
    pub(super) const PAYLOAD_LEN: usize = 10;
}

/// First eight bytes of all metadata.
pub const COOKIE: [u8; 8] = [0x4c, 0x48, 0xdb, 0xc6, 0xdd, 0xf6, 0x67, 0x0c];
/// The version spoken here.
pub const VERSION: u8 = 1;
/// Length of the fixed header.
pub const HEADER_LEN: usize = 12;
/// Most bytes of header and payload section together: metadata never fills a usual MTU.
pub const MAX_LEN: usize = 1400;
const MAX_HEADER_LEN: u16 = 0x0fff;

/// Whether a transport payload begins with the metadata cookie.
#[inline]
pub fn is_metadata(payload: &[u8]) -> bool {
    payload.starts_with(&COOKIE)
}

/// View of a transport payload that begins with metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<T>(T);

impl<T: AsRef<[u8]>> Packet<T> {
    /// A view; both sections lie inside the transport payload and respect [`MAX_LEN`].
    pub fn new_checked(payload: T) -> Result<Self, WireError> {
        let bytes = payload.as_ref();
        if !is_metadata(bytes) {
            return Err(WireError::NotMetadata);
        }
        if bytes.len() < HEADER_LEN {
            return Err(WireError::BadMetadataLength);
        }
        let available = bytes.len();
        let packet = Self(payload);
        if packet.version() != VERSION {
            return Err(WireError::UnknownMetadataVersion);
        }
        if packet.header_len() < HEADER_LEN || packet.total_len() > available {
            return Err(WireError::BadMetadataLength);
        }
        if packet.total_len() > MAX_LEN {
            return Err(WireError::MetadataTooLong);
        }
        Ok(packet)
    }

    /// Version of the metadata format.
    pub fn version(&self) -> u8 {
        let [first, ..] = array_at::<2>(self.0.as_ref(), field::VERSION_HEADER_LEN);
        first >> 4
    }

    /// Length of the fixed header and the header TLVs.
    pub fn header_len(&self) -> usize {
        usize::from(u16_at(self.0.as_ref(), field::VERSION_HEADER_LEN) & MAX_HEADER_LEN)
    }

    /// Length of the payload section: payload TLVs, with what their encryption adds.
    pub fn payload_len(&self) -> usize {
        usize::from(u16_at(self.0.as_ref(), field::PAYLOAD_LEN))
    }

    /// Length of the metadata; the original payload begins there.
    pub fn total_len(&self) -> usize {
        self.header_len() + self.payload_len()
    }

    /// Fixed header and header TLVs: what is authenticated beside the payload section.
    pub fn header(&self) -> &[u8] {
        self.0.as_ref().get(..self.header_len()).unwrap_or_default()
    }

    /// The header TLVs.
    pub fn header_tlvs(&self) -> &[u8] {
        self.0.as_ref().get(HEADER_LEN..self.header_len()).unwrap_or_default()
    }

    /// The payload section, as it came: opened or not.
    pub fn payload(&self) -> &[u8] {
        self.0.as_ref().get(self.header_len()..self.total_len()).unwrap_or_default()
    }

    /// What stands behind the metadata.
    pub fn rest(&self) -> &[u8] {
        self.0.as_ref().get(self.total_len()..).unwrap_or_default()
    }
}

impl<T: AsRef<[u8]> + AsMut<[u8]>> Packet<T> {
    /// Header (fixed and TLVs) and payload section, to open or seal the latter in place.
    pub fn split_mut(&mut self) -> (&mut [u8], &mut [u8]) {
        let (header_len, payload_len) = (self.header_len(), self.payload_len());
        let Some((header, behind)) = self.0.as_mut().split_at_mut_checked(header_len) else {
            return Default::default();
        };
        (header, behind.get_mut(..payload_len).unwrap_or_default())
    }
}

/// Meaning of the fixed header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderRepr {
    /// Length of the fixed header and the header TLVs, 12 to 4,095.
    pub header_len: u16,
    /// Length of the payload section.
    pub payload_len: u16,
}

impl HeaderRepr {
    /// The meaning of the fixed header of `packet`.
    pub fn parse<T: AsRef<[u8]>>(packet: &Packet<T>) -> Self {
        Self { header_len: packet.header_len() as u16, payload_len: packet.payload_len() as u16 }
    }

    /// Length of the header written by [`Self::emit`].
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Writes the fixed header to the front of `buffer`.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        if usize::from(self.header_len) < HEADER_LEN || self.header_len > MAX_HEADER_LEN {
            return Err(WireError::BadMetadataLength);
        }
        let header = buffer.first_chunk_mut::<HEADER_LEN>().ok_or(WireError::BufferTooShort)?;
        put(header, field::COOKIE, COOKIE);
        put_u16(header, field::VERSION_HEADER_LEN, (u16::from(VERSION) << 12) | self.header_len);
        put_u16(header, field::PAYLOAD_LEN, self.payload_len);
        Ok(())
    }
}
