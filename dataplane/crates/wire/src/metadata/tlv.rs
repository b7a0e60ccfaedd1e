//! Type, length, value: the walk over a section, and the way values are read and written.

use crate::bytes::{put_u16, u16_at};
use crate::error::WireError;
use crate::metadata::kind::Kind;

/// Most TLVs of one section.
pub const MAX_TLVS: usize = 64;
/// Length of type and length in front of each value.
pub const TLV_HEADER_LEN: usize = 4;

/// Meaning of a value.
pub trait Repr<'a>: Sized {
    /// Reads a value; its length is one that its [`Kind`] allows.
    fn parse(value: &'a [u8]) -> Result<Self, WireError>;
    /// Length of the value.
    fn buffer_len(&self) -> usize;
    /// Writes the value into `buffer`, which is as long as [`Self::buffer_len`] says.
    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError>;
}

/// One TLV of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tlv<'a> {
    /// Type, known or not.
    pub number: u16,
    /// Value.
    pub value: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Reads the value as the meaning of `kind`.
    #[inline]
    pub fn read<R: Repr<'a>>(&self, kind: Kind) -> Result<R, WireError> {
        kind.check_length(self.value.len())?;
        R::parse(self.value)
    }

    /// Reads the value into `slot`, which must be empty.
    #[inline]
    pub(crate) fn read_into<R: Repr<'a>>(&self, kind: Kind, slot: &mut Option<R>) -> Result<(), WireError> {
        match slot.replace(self.read(kind)?) {
            None => Ok(()),
            Some(_) => Err(WireError::DuplicateTlv),
        }
    }

    /// Raises `flag`, which must not be raised yet; the value is empty.
    #[inline]
    pub(crate) fn raise(&self, flag: &mut bool) -> Result<(), WireError> {
        if !self.value.is_empty() {
            return Err(WireError::BadTlvLength);
        }
        if core::mem::replace(flag, true) { Err(WireError::DuplicateTlv) } else { Ok(()) }
    }
}

/// Walk over the TLVs of a section. Ends behind the first error.
#[derive(Clone, Debug)]
pub struct Tlvs<'a> {
    section: &'a [u8],
    seen: usize,
}

impl<'a> Tlvs<'a> {
    /// The walk over `section`.
    pub const fn new(section: &'a [u8]) -> Self {
        Self { section, seen: 0 }
    }

    fn step(&mut self) -> Result<Tlv<'a>, WireError> {
        self.seen += 1;
        if self.seen > MAX_TLVS {
            return Err(WireError::TooManyTlvs);
        }
        let (head, behind) = self.section.split_at_checked(TLV_HEADER_LEN).ok_or(WireError::TruncatedTlv)?;
        let length = usize::from(u16_at(head, 2));
        let (value, rest) = behind.split_at_checked(length).ok_or(WireError::TruncatedTlv)?;
        self.section = rest;
        Ok(Tlv { number: u16_at(head, 0), value })
    }
}

impl<'a> Iterator for Tlvs<'a> {
    type Item = Result<Tlv<'a>, WireError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.section.is_empty() {
            return None;
        }
        let step = self.step();
        if step.is_err() {
            self.section = &[];
        }
        Some(step)
    }
}

/// What a section is given to, TLV by TLV in wire order: a length or a buffer.
pub(crate) trait Sink {
    fn tlv<'a, R: Repr<'a>>(&mut self, kind: Kind, value: &R) -> Result<(), WireError>;

    fn maybe<'a, R: Repr<'a>>(&mut self, kind: Kind, value: Option<&R>) -> Result<(), WireError> {
        value.map_or(Ok(()), |value| self.tlv(kind, value))
    }

    fn flag(&mut self, kind: Kind, raised: bool) -> Result<(), WireError> {
        if raised { self.tlv(kind, &Empty) } else { Ok(()) }
    }
}

/// Counts the bytes of a section.
#[derive(Default)]
pub(crate) struct Length(pub(crate) usize);

impl Sink for Length {
    fn tlv<'a, R: Repr<'a>>(&mut self, _kind: Kind, value: &R) -> Result<(), WireError> {
        self.0 += TLV_HEADER_LEN + value.buffer_len();
        Ok(())
    }
}

/// Writes a section.
pub(crate) struct Writer<'b> {
    room: &'b mut [u8],
    at: usize,
}

impl<'b> Writer<'b> {
    pub(crate) fn new(room: &'b mut [u8]) -> Self {
        Self { room, at: 0 }
    }
}

impl Sink for Writer<'_> {
    fn tlv<'a, R: Repr<'a>>(&mut self, kind: Kind, value: &R) -> Result<(), WireError> {
        let length = value.buffer_len();
        kind.check_length(length)?;
        let room = self.room.get_mut(self.at..).unwrap_or_default();
        let (head, behind) = room.split_at_mut_checked(TLV_HEADER_LEN).ok_or(WireError::BufferTooShort)?;
        put_u16(head, 0, kind.number());
        put_u16(head, 2, length as u16);
        value.emit(behind.get_mut(..length).ok_or(WireError::BufferTooShort)?)?;
        self.at += TLV_HEADER_LEN + length;
        Ok(())
    }
}

struct Empty;

impl Repr<'_> for Empty {
    fn parse(_value: &[u8]) -> Result<Self, WireError> {
        Ok(Self)
    }

    fn buffer_len(&self) -> usize {
        0
    }

    fn emit(&self, _buffer: &mut [u8]) -> Result<(), WireError> {
        Ok(())
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        impl Repr<'_> for $integer {
            #[inline]
            fn parse(value: &[u8]) -> Result<Self, WireError> {
                value.try_into().map(Self::from_be_bytes).map_err(|_| WireError::BadTlvLength)
            }

            fn buffer_len(&self) -> usize {
                size_of::<Self>()
            }

            #[inline]
            fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
                copy(buffer, &self.to_be_bytes())
            }
        }
    )*};
}

integers!(u8, u16, u32, u64);

/// Fills `buffer` with `bytes` of the same length.
#[inline]
pub(crate) fn copy(buffer: &mut [u8], bytes: &[u8]) -> Result<(), WireError> {
    let room = buffer.get_mut(..bytes.len()).ok_or(WireError::BufferTooShort)?;
    room.copy_from_slice(bytes);
    Ok(())
}
