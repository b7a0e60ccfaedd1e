//! Who and what: names (TLVs 7, 10, 14, 15, 17, 19, 35) and the session id (6).

use crate::error::WireError;
use crate::metadata::tlv::{Repr, copy};

/// Most bytes of a name.
pub const MAX_NAME: usize = 255;

/// A name: UTF-8 without terminator.
impl<'a> Repr<'a> for &'a str {
    fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        core::str::from_utf8(value).map_err(|_| WireError::NameNotUtf8)
    }

    fn buffer_len(&self) -> usize {
        self.len()
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        copy(buffer, self.as_bytes())
    }
}

/// A session id: the bytes of a UUID (RFC 9562), equal at every hop.
impl Repr<'_> for [u8; 16] {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        value.try_into().map_err(|_| WireError::BadTlvLength)
    }

    fn buffer_len(&self) -> usize {
        16
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        copy(buffer, self)
    }
}
