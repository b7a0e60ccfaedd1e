//! From a flow's key to its session, without keeping the key: the session has it already.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;

#[cfg(test)]
mod tests;

/// Tables an index is cut into, so that no insertion ever moves more than this fraction of the entries.
const SEGMENTS: usize = 64;
/// The side is kept in the top bit of a position.
const SIDE: u32 = 1 << 31;

/// Which leg of a session is meant (`docs/protocol.md` section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LegSide {
    /// Towards the side that opened the session.
    Client,
    /// Towards the server.
    Server,
}

impl LegSide {
    /// The other leg.
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// What an index points to: a position in the [`super::table::SessionTable`] and a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowRef {
    /// Position of the session; below 2³¹.
    pub session: u32,
    /// The leg the key belongs to.
    pub side: LegSide,
}

/// Eight bytes: where to look, and enough of the hash to grow without the key and to skip nearly all strangers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Entry {
    target: u32,
    hash: u32,
}

impl Entry {
    const fn new(hash: u64, flow: FlowRef) -> Self {
        let side = match flow.side {
            LegSide::Client => 0,
            LegSide::Server => SIDE,
        };
        Self { target: flow.session & !SIDE | side, hash: hash as u32 }
    }

    const fn flow(self) -> FlowRef {
        let side = if self.target & SIDE == 0 { LegSide::Client } else { LegSide::Server };
        FlowRef { session: self.target & !SIDE, side }
    }

    /// hashbrown takes the position from the low bits and the tag from the top seven.
    const fn table_hash(hash: u32) -> u64 {
        hash as u64 | (hash as u64) << 32
    }
}

/// Finds legs of sessions by the precomputed hash of a key; a closure compares the key with the session's own.
///
/// An entry takes 9 bytes at full load and 20 right after its segment grew.
pub struct FlowIndex {
    segments: Box<[HashTable<Entry>]>,
    len: usize,
}

impl Default for FlowIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl FlowIndex {
    /// An empty index.
    pub fn new() -> Self {
        Self { segments: (0..SEGMENTS).map(|_| HashTable::new()).collect(), len: 0 }
    }

    /// Keys there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The leg whose key has this hash and satisfies `is`.
    pub fn find(&self, hash: u64, mut is: impl FnMut(FlowRef) -> bool) -> Option<FlowRef> {
        let entry = self
            .segments
            .get(segment(hash))?
            .find(Entry::table_hash(hash as u32), |entry| entry.hash == hash as u32 && is(entry.flow()))?;
        Some(entry.flow())
    }

    /// Adds a key. Returns the leg that `is` says has this very key already; nothing is changed then.
    pub fn insert(
        &mut self,
        hash: u64,
        flow: FlowRef,
        mut is: impl FnMut(FlowRef) -> bool,
    ) -> Result<(), FlowRef> {
        let Some(table) = self.segments.get_mut(segment(hash)) else { return Ok(()) };
        let same = |entry: &Entry| entry.hash == hash as u32 && is(entry.flow());
        match table.entry(Entry::table_hash(hash as u32), same, |entry| Entry::table_hash(entry.hash)) {
            Found::Occupied(entry) => Err(entry.get().flow()),
            Found::Vacant(room) => {
                room.insert(Entry::new(hash, flow));
                self.len += 1;
                Ok(())
            }
        }
    }

    /// Takes out the key with this hash that points to `flow`; `false` when there is none.
    pub fn remove(&mut self, hash: u64, flow: FlowRef) -> bool {
        let Some(table) = self.segments.get_mut(segment(hash)) else { return false };
        let entry = Entry::new(hash, flow);
        match table.find_entry(Entry::table_hash(entry.hash), |there| *there == entry) {
            Ok(found) => {
                found.remove();
                self.len -= 1;
                true
            }
            Err(_) => false,
        }
    }

    /// Bytes taken by the entries.
    pub fn allocation_size(&self) -> usize {
        self.segments.iter().map(HashTable::allocation_size).sum()
    }
}

/// By the top bits, which are not kept in the entry.
const fn segment(hash: u64) -> usize {
    (hash >> 58) as usize % SEGMENTS
}
