//! Multicast: the group of a session (TLV 50) and the routers it goes to (51).

use crate::bytes::{array_at, put, put_u16, u8_at, u16_at};
use crate::error::WireError;
use crate::metadata::contexts::AddressPair;
use crate::metadata::tlv::{Repr, copy};

const V4_LEN: usize = 11;
const V6_LEN: usize = 35;

/// Source and group of a multicast session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MulticastGroup {
    /// Flags; their meaning is not public.
    pub flags: u8,
    /// Source, and the group as destination.
    pub addresses: AddressPair,
    /// IP protocol number.
    pub protocol: u8,
}

impl Repr<'_> for MulticastGroup {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let addresses = match (value.len(), u8_at(value, 0)) {
            (V4_LEN, 4) => {
                AddressPair::V4 { src: array_at::<4>(value, 2).into(), dst: array_at::<4>(value, 6).into() }
            }
            (V6_LEN, 6) => AddressPair::V6 {
                src: array_at::<16>(value, 2).into(),
                dst: array_at::<16>(value, 18).into(),
            },
            (V4_LEN | V6_LEN, _) => return Err(WireError::BadTlvValue),
            _ => return Err(WireError::BadTlvLength),
        };
        Ok(Self { flags: u8_at(value, 1), addresses, protocol: u8_at(value, value.len() - 1) })
    }

    fn buffer_len(&self) -> usize {
        match self.addresses {
            AddressPair::V4 { .. } => V4_LEN,
            AddressPair::V6 { .. } => V6_LEN,
        }
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let length = self.buffer_len();
        let buffer = buffer.get_mut(..length).ok_or(WireError::BufferTooShort)?;
        match self.addresses {
            AddressPair::V4 { src, dst } => {
                put(buffer, 0, [4, self.flags]);
                put(buffer, 2, src.octets());
                put(buffer, 6, dst.octets());
            }
            AddressPair::V6 { src, dst } => {
                put(buffer, 0, [6, self.flags]);
                put(buffer, 2, src.octets());
                put(buffer, 18, dst.octets());
            }
        }
        put(buffer, length - 1, [self.protocol]);
        Ok(())
    }
}

/// Names of the routers that a multicast session goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MulticastEgress<'a>(&'a [u8]);

impl<'a> MulticastEgress<'a> {
    /// Writes `names` into `buffer` and answers the list made of them.
    pub fn new<'n>(
        names: impl IntoIterator<Item = &'n str>,
        buffer: &'a mut [u8],
    ) -> Result<Self, WireError> {
        let (mut count, mut at) = (0_u16, 2);
        for name in names {
            let length = u8::try_from(name.len()).map_err(|_| WireError::NameTooLong)?;
            let room = buffer.get_mut(at..).ok_or(WireError::BufferTooShort)?;
            let (first, behind) = room.split_first_mut().ok_or(WireError::BufferTooShort)?;
            *first = length;
            copy(behind, name.as_bytes())?;
            at += 1 + name.len();
            count = count.checked_add(1).ok_or(WireError::BadTlvLength)?;
        }
        put_u16(buffer.get_mut(..2).ok_or(WireError::BufferTooShort)?, 0, count);
        Self::parse(buffer.get(..at).unwrap_or_default())
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        let mut entries = self.0.get(2..).unwrap_or_default();
        core::iter::from_fn(move || {
            let (name, rest) = split_name(entries).ok()?;
            entries = rest;
            Some(name)
        })
    }
}

impl<'a> Repr<'a> for MulticastEgress<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        let mut entries = value.get(2..).ok_or(WireError::BadTlvLength)?;
        for _ in 0..u16_at(value, 0) {
            (_, entries) = split_name(entries)?;
        }
        if entries.is_empty() { Ok(Self(value)) } else { Err(WireError::BadTlvLength) }
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        copy(buffer, self.0)
    }
}

fn split_name(entries: &[u8]) -> Result<(&str, &[u8]), WireError> {
    let (length, behind) = entries.split_first().ok_or(WireError::BadTlvLength)?;
    let (name, rest) = behind.split_at_checked(usize::from(*length)).ok_or(WireError::BadTlvLength)?;
    Ok((core::str::from_utf8(name).map_err(|_| WireError::NameNotUtf8)?, rest))
}
