//! What a peer path did: fragments made by a router (TLV 1), inline measurements (26).

use crate::bytes::{put_u16, put_u32, u16_at, u32_at};
use crate::error::WireError;
use crate::metadata::tlv::Repr;

const FRAGMENT_LEN: usize = 10;
const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const FRAGMENT_OFFSET: u16 = 0x1fff;

/// A piece of a packet that a router had to cut, because it was larger than the peer path's MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FragmentInfo {
    /// Identification within the peer path.
    pub extended_id: u32,
    /// Identification in the original IP header.
    pub original_id: u16,
    /// Whether the original packet must not be fragmented.
    pub dont_fragment: bool,
    /// Whether further pieces follow.
    pub more: bool,
    /// Place in the original payload in bytes; a multiple of 8.
    pub offset: u16,
    /// The largest piece in which the original packet came.
    pub largest_seen: u16,
}

impl Repr<'_> for FragmentInfo {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let value: &[u8; FRAGMENT_LEN] = value.try_into().map_err(|_| WireError::BadTlvLength)?;
        let word = u16_at(value, 6);
        Ok(Self {
            extended_id: u32_at(value, 0),
            original_id: u16_at(value, 4),
            dont_fragment: word & DONT_FRAGMENT != 0,
            more: word & MORE_FRAGMENTS != 0,
            offset: (word & FRAGMENT_OFFSET) << 3,
            largest_seen: u16_at(value, 8),
        })
    }

    fn buffer_len(&self) -> usize {
        FRAGMENT_LEN
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.first_chunk_mut::<FRAGMENT_LEN>().ok_or(WireError::BufferTooShort)?;
        let dont_fragment = if self.dont_fragment { DONT_FRAGMENT } else { 0 };
        let more = if self.more { MORE_FRAGMENTS } else { 0 };
        put_u32(buffer, 0, self.extended_id);
        put_u16(buffer, 4, self.original_id);
        put_u16(buffer, 6, dont_fragment | more | (self.offset >> 3));
        put_u16(buffer, 8, self.largest_seen);
        Ok(())
    }
}

/// A block edge of alternate marking (RFC 9341).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// Colour of the block, 4 bits.
    pub colour: u8,
    /// Clock of whoever coloured it, milliseconds modulo 2^28.
    pub time_ms: u32,
}

const COLOUR_SHIFT: u32 = 28;
const TIME_MASK: u32 = 0x0fff_ffff;

impl Mark {
    const fn from_word(word: u32) -> Self {
        Self { colour: (word >> COLOUR_SHIFT) as u8, time_ms: word & TIME_MASK }
    }

    fn word(self) -> u32 {
        (u32::from(self.colour) << COLOUR_SHIFT) | (self.time_ms & TIME_MASK)
    }
}

/// Measurements that ride on real packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathMetrics {
    /// The sender's current block.
    pub sent: Mark,
    /// The last block edge seen from the other side.
    pub received: Mark,
    /// Whether the packet carries nothing else: meter, then drop.
    pub drop: bool,
    /// Packets received with the previous colour, 15 bits.
    pub count: u16,
}

const PATH_METRICS_LEN: usize = 10;
const DROP: u16 = 0x8000;

impl Repr<'_> for PathMetrics {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let value: &[u8; PATH_METRICS_LEN] = value.try_into().map_err(|_| WireError::BadTlvLength)?;
        let word = u16_at(value, 8);
        Ok(Self {
            sent: Mark::from_word(u32_at(value, 0)),
            received: Mark::from_word(u32_at(value, 4)),
            drop: word & DROP != 0,
            count: word & !DROP,
        })
    }

    fn buffer_len(&self) -> usize {
        PATH_METRICS_LEN
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.first_chunk_mut::<PATH_METRICS_LEN>().ok_or(WireError::BufferTooShort)?;
        put_u32(buffer, 0, self.sent.word());
        put_u32(buffer, 4, self.received.word());
        put_u16(buffer, 8, (self.count & !DROP) | if self.drop { DROP } else { 0 });
        Ok(())
    }
}
