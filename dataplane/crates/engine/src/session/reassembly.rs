//! Puts fragments together, within bounds, and refuses what no honest sender makes.

use core::time::Duration;

use crate::packet::{MAX_PACKET, Packet};
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// Bookkeeping of a piece, counted as memory.
const PIECE_COST: usize = 64;

/// Bounds of a [`Reassembler`].
#[derive(Clone, Copy, Debug)]
pub struct ReassemblyLimits {
    /// Packets under reassembly; the oldest gives way to a new one.
    pub packets: usize,
    /// Pieces of one packet.
    pub pieces: usize,
    /// Bytes held, bookkeeping included; the oldest packets give way.
    pub memory: usize,
    /// Time from the first piece to the last.
    pub timeout: Duration,
    /// All pieces but the last are a multiple of this long.
    pub granularity: usize,
}

impl ReassemblyLimits {
    /// For IP fragments of local clients and servers. RFC 8200 4.5 allows 60 s, which only helps those who flood.
    pub const IP: Self =
        Self { packets: 64, pieces: 64, memory: 1 << 20, timeout: Duration::from_secs(5), granularity: 8 };
    /// For fragments between two routers, which are sent at once.
    pub const SVR: Self = Self { timeout: Duration::from_secs(1), granularity: 1, ..Self::IP };
}

/// A fragment.
#[derive(Clone, Copy, Debug)]
pub struct Piece<'a> {
    /// What is to stand in front of the whole, such as an IP header; only the piece at offset 0 counts.
    pub header: &'a [u8],
    /// Where in the whole (header not counted) the content belongs.
    pub offset: usize,
    /// No piece follows.
    pub is_last: bool,
    /// Content.
    pub content: &'a [u8],
}

/// A packet has been written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reassembled {
    /// Length of the header in front.
    pub header_len: usize,
    /// The longest piece (content only), for sending it on in pieces no larger.
    pub largest_piece: usize,
}

/// Why a piece, and with it the whole packet, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReassemblyError {
    /// It covers bytes that another one has (RFC 5722, RFC 8200 4.5); exact duplicates are not refused.
    #[error("the fragment overlaps another one")]
    Overlap,
    /// It ends where no packet can end, or elsewhere than the last piece says.
    #[error("the fragment reaches beyond the end of its packet")]
    TooLong,
    /// It is not the last and not a multiple of the granularity.
    #[error("the fragment has a length only the last one may have")]
    Misaligned,
    /// It has no content.
    #[error("the fragment is empty")]
    Empty,
    /// The packet is in more pieces than allowed.
    #[error("the packet is in too many fragments")]
    TooManyPieces,
    /// The piece does not fit into the memory, even alone.
    #[error("no space for fragments")]
    NoSpace,
    /// Another piece of this packet was refused before.
    #[error("the packet of this fragment was refused")]
    RefusedBefore,
}

/// Packets under reassembly, told apart by `K`.
pub struct Reassembler<K> {
    limits: ReassemblyLimits,
    /// In the order of their first pieces, and so of their deadlines.
    packets: Vec<Incomplete<K>>,
    memory: usize,
    evicted: u64,
    expired: u64,
}

struct Incomplete<K> {
    key: K,
    deadline: Instant,
    /// Later pieces of a refused packet must not begin it anew.
    is_refused: bool,
    header: Box<[u8]>,
    /// By offset, without overlap.
    pieces: Vec<(usize, Box<[u8]>)>,
    /// Length of the whole, once the last piece is there.
    end: Option<usize>,
}

impl<K: Copy + Eq> Reassembler<K> {
    /// Nothing under reassembly.
    pub const fn new(limits: ReassemblyLimits) -> Self {
        Self { limits, packets: Vec::new(), memory: 0, evicted: 0, expired: 0 }
    }

    /// Adds a piece. When it completes its packet, header and content are written into `out`, whose other fields are reset.
    pub fn insert(
        &mut self,
        key: K,
        piece: &Piece<'_>,
        now: Instant,
        out: &mut Packet,
    ) -> Result<Option<Reassembled>, ReassemblyError> {
        if piece.offset == 0 && piece.is_last {
            // RFC 6946: a packet in one piece has nothing to do with others of the same identification.
            return write_out(piece.header, core::iter::once((0, piece.content)), out).map(Some);
        }
        self.expire(now);
        let place = self.place_of(key, now);
        match self.add(place, piece) {
            Ok(place) => self.complete(place, out),
            Err(error) => {
                self.refuse(key);
                Err(error)
            }
        }
    }

    /// Gives up packets whose time is over; says how many had not been refused before.
    pub fn expire(&mut self, now: Instant) -> usize {
        let over = self.packets.partition_point(|packet| packet.deadline <= now);
        let mut given_up = 0;
        for packet in self.packets.drain(..over) {
            self.memory -= packet.memory();
            given_up += usize::from(!packet.is_refused);
        }
        self.expired += given_up as u64;
        given_up
    }

    /// When [`Self::expire`] has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        self.packets.first().map(|packet| packet.deadline)
    }

    /// Packets under reassembly, refused ones that are still remembered included.
    pub const fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// Packets that gave way to later ones.
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Packets that were given up because their time was over.
    pub const fn expired(&self) -> u64 {
        self.expired
    }

    fn place_of(&mut self, key: K, now: Instant) -> usize {
        if let Some(place) = self.packets.iter().position(|packet| packet.key == key) {
            return place;
        }
        while self.packets.len() >= self.limits.packets.max(1) {
            self.evict(0);
        }
        self.packets.push(Incomplete {
            key,
            deadline: now + self.limits.timeout,
            is_refused: false,
            header: Box::default(),
            pieces: Vec::new(),
            end: None,
        });
        self.packets.len() - 1
    }

    /// Checks and stores a piece; returns where its packet is now.
    fn add(&mut self, place: usize, piece: &Piece<'_>) -> Result<usize, ReassemblyError> {
        let limits = self.limits;
        let packet = self.packets.get(place).ok_or(ReassemblyError::NoSpace)?;
        let Some(position) = packet.check(piece, &limits)? else { return Ok(place) };
        let place = self.make_room(place, cost(piece))?;
        let packet = self.packets.get_mut(place).ok_or(ReassemblyError::NoSpace)?;
        if piece.is_last {
            packet.end = Some(piece.offset + piece.content.len());
        }
        if piece.offset == 0 {
            packet.header = piece.header.into();
        }
        packet.pieces.insert(position, (piece.offset, piece.content.into()));
        self.memory += cost(piece);
        Ok(place)
    }

    /// Lets the oldest packets give way, but not the one at `place`; returns where that one is then.
    fn make_room(&mut self, mut place: usize, bytes: usize) -> Result<usize, ReassemblyError> {
        while self.memory + bytes > self.limits.memory {
            let victim = usize::from(place == 0);
            if victim >= self.packets.len() {
                return Err(ReassemblyError::NoSpace);
            }
            self.evict(victim);
            place -= usize::from(victim < place);
        }
        Ok(place)
    }

    fn evict(&mut self, place: usize) {
        if place < self.packets.len() {
            let packet = self.packets.remove(place);
            self.memory -= packet.memory();
            self.evicted += u64::from(!packet.is_refused);
        }
    }

    fn complete(&mut self, place: usize, out: &mut Packet) -> Result<Option<Reassembled>, ReassemblyError> {
        if !self.packets.get(place).is_some_and(Incomplete::is_complete) {
            return Ok(None);
        }
        let packet = self.packets.remove(place);
        self.memory -= packet.memory();
        let pieces = packet.pieces.iter().map(|(offset, content)| (*offset, content.as_ref()));
        write_out(&packet.header, pieces, out).map(Some)
    }

    fn refuse(&mut self, key: K) {
        if let Some(packet) = self.packets.iter_mut().find(|packet| packet.key == key) {
            self.memory -= packet.memory();
            packet.is_refused = true;
            packet.pieces = Vec::new();
            packet.header = Box::default();
        }
    }
}

impl<K> Incomplete<K> {
    fn memory(&self) -> usize {
        self.header.len() + self.pieces.iter().map(|(_, content)| content.len() + PIECE_COST).sum::<usize>()
    }

    fn is_complete(&self) -> bool {
        let received: usize = self.pieces.iter().map(|(_, content)| content.len()).sum();
        self.end == Some(received)
    }

    /// Where among the pieces this one goes; `None` when it is there already.
    fn check(&self, piece: &Piece<'_>, limits: &ReassemblyLimits) -> Result<Option<usize>, ReassemblyError> {
        if self.is_refused {
            return Err(ReassemblyError::RefusedBefore);
        }
        if piece.content.is_empty() {
            return Err(ReassemblyError::Empty);
        }
        if !piece.is_last && !piece.content.len().is_multiple_of(limits.granularity.max(1)) {
            return Err(ReassemblyError::Misaligned);
        }
        let end = piece.offset.saturating_add(piece.content.len());
        let header = if piece.offset == 0 { piece.header.len() } else { self.header.len() };
        if end.saturating_add(header) > MAX_PACKET || !self.may_end(end, piece.is_last) {
            return Err(ReassemblyError::TooLong);
        }
        let position = match self.pieces.binary_search_by_key(&piece.offset, |(offset, _)| *offset) {
            Ok(same) => {
                let is_duplicate =
                    self.pieces.get(same).is_some_and(|(_, content)| **content == *piece.content);
                return if is_duplicate { Ok(None) } else { Err(ReassemblyError::Overlap) };
            }
            Err(position) => position,
        };
        let before = position.checked_sub(1).and_then(|before| self.pieces.get(before));
        let reaches_in = before.is_some_and(|(offset, content)| offset + content.len() > piece.offset);
        let reaches_out = self.pieces.get(position).is_some_and(|(offset, _)| end > *offset);
        if reaches_in || reaches_out {
            return Err(ReassemblyError::Overlap);
        }
        if self.pieces.len() >= limits.pieces {
            return Err(ReassemblyError::TooManyPieces);
        }
        Ok(Some(position))
    }

    fn may_end(&self, end: usize, is_last: bool) -> bool {
        let farthest = self.pieces.last().map_or(0, |(offset, content)| offset + content.len());
        let fits_known_end = self.end.is_none_or(|known| if is_last { end == known } else { end <= known });
        fits_known_end && (!is_last || end >= farthest)
    }
}

const fn cost(piece: &Piece<'_>) -> usize {
    let header = if piece.offset == 0 { piece.header.len() } else { 0 };
    header + piece.content.len() + PIECE_COST
}

fn write_out<'a>(
    header: &[u8],
    pieces: impl Iterator<Item = (usize, &'a [u8])>,
    out: &mut Packet,
) -> Result<Reassembled, ReassemblyError> {
    out.clear();
    let mut done = Reassembled { header_len: header.len(), largest_piece: 0 };
    let mut len = header.len();
    let room = out.room();
    room.get_mut(..header.len()).ok_or(ReassemblyError::TooLong)?.copy_from_slice(header);
    for (offset, content) in pieces {
        let start = header.len() + offset;
        let end = start + content.len();
        room.get_mut(start..end).ok_or(ReassemblyError::TooLong)?.copy_from_slice(content);
        done.largest_piece = done.largest_piece.max(content.len());
        len = len.max(end);
    }
    out.set_len(len);
    Ok(done)
}
