//! A slab of sessions that grows in chunks: an entry never moves, and growing never copies the entries there are.

use core::num::NonZeroU32;

#[cfg(test)]
mod tests;

/// Slots per chunk. Small enough that adding one is not felt, large enough that the list of chunks stays short.
const CHUNK: usize = 1024;
/// End of the free list; never a position.
const NONE: u32 = u32::MAX;

/// Handle of a session in its [`SessionTable`]; not the session's UUID. A handle of a removed session finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    index: u32,
    generation: NonZeroU32,
}

impl SessionId {
    /// Position in the table; below its capacity, used again after removal.
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many sessions had this position, this one included (wrapping, never zero).
    pub const fn generation(self) -> u32 {
        self.generation.get()
    }

    pub(super) const fn from_parts(index: u32, generation: NonZeroU32) -> Self {
        Self { index, generation }
    }

    pub(super) const fn non_zero_generation(self) -> NonZeroU32 {
        self.generation
    }
}

struct Slot<S> {
    generation: NonZeroU32,
    next_free: u32,
    session: Option<S>,
}

/// At most `capacity` sessions, found by [`SessionId`] or by index.
pub struct SessionTable<S> {
    chunks: Vec<Vec<Slot<S>>>,
    free: u32,
    slots: u32,
    len: u32,
    capacity: u32,
}

impl<S> SessionTable<S> {
    /// An empty table for at most `capacity` sessions. Takes no memory yet.
    pub const fn new(capacity: u32) -> Self {
        Self { chunks: Vec::new(), free: NONE, slots: 0, len: 0, capacity: bounded(capacity) }
    }

    /// Sessions there are.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sessions there may be.
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// Whether another session would be refused.
    pub const fn is_full(&self) -> bool {
        self.len >= self.capacity
    }

    /// Changes the maximum. Sessions beyond a lowered one stay until they end.
    pub const fn set_capacity(&mut self, capacity: u32) {
        self.capacity = bounded(capacity);
    }

    /// Adds a session; gives it back when the table is full.
    pub fn insert(&mut self, session: S) -> Result<SessionId, S> {
        let Some(id) = self.reserve() else { return Err(session) };
        match self.slot_mut(id.index) {
            Some(slot) => {
                slot.session = Some(session);
                Ok(id)
            }
            None => Err(session),
        }
    }

    /// The session of a handle.
    pub fn get(&self, id: SessionId) -> Option<&S> {
        let slot = self.slot(id.index)?;
        if slot.generation == id.generation { slot.session.as_ref() } else { None }
    }

    /// The session of a handle, to be changed.
    pub fn get_mut(&mut self, id: SessionId) -> Option<&mut S> {
        let slot = self.slot_mut(id.index)?;
        if slot.generation == id.generation { slot.session.as_mut() } else { None }
    }

    /// The session at a position, as kept in a [`super::index::FlowIndex`].
    pub fn at(&self, index: u32) -> Option<&S> {
        self.slot(index)?.session.as_ref()
    }

    /// The handle of the session at a position.
    pub fn id_at(&self, index: u32) -> Option<SessionId> {
        let slot = self.slot(index)?;
        slot.session.is_some().then_some(SessionId { index, generation: slot.generation })
    }

    /// Takes a session out; its handle is void from now on.
    pub fn remove(&mut self, id: SessionId) -> Option<S> {
        let free = self.free;
        let slot = self.slot_mut(id.index)?;
        if slot.generation != id.generation {
            return None;
        }
        let session = slot.session.take()?;
        slot.generation = slot.generation.checked_add(1).unwrap_or(NonZeroU32::MIN);
        slot.next_free = free;
        self.free = id.index;
        self.len -= 1;
        Some(session)
    }

    /// All sessions by position.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &S)> {
        self.chunks.iter().flatten().zip(0u32..).filter_map(|(slot, index)| {
            let id = SessionId { index, generation: slot.generation };
            slot.session.as_ref().map(|session| (id, session))
        })
    }

    /// One past the highest position ever used: the end of a walk in steps with [`Self::id_at`].
    pub const fn end(&self) -> u32 {
        self.slots
    }

    /// Takes a free slot out of the free list, or makes one. The caller fills it.
    fn reserve(&mut self) -> Option<SessionId> {
        if self.is_full() {
            return None;
        }
        let id = if self.free == NONE { self.grow() } else { self.reuse()? };
        self.len += 1;
        Some(id)
    }

    fn reuse(&mut self) -> Option<SessionId> {
        let index = self.free;
        let slot = self.slot(index)?;
        let id = SessionId { index, generation: slot.generation };
        self.free = slot.next_free;
        Some(id)
    }

    fn grow(&mut self) -> SessionId {
        let slot = Slot { generation: NonZeroU32::MIN, next_free: NONE, session: None };
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(slot),
            Some(_) | None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(slot);
                self.chunks.push(chunk);
            }
        }
        let index = self.slots;
        self.slots += 1;
        SessionId { index, generation: NonZeroU32::MIN }
    }

    fn slot(&self, index: u32) -> Option<&Slot<S>> {
        let index = index as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn slot_mut(&mut self, index: u32) -> Option<&mut Slot<S>> {
        let index = index as usize;
        self.chunks.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }
}

/// A [`super::index::FlowRef`] has 31 bits for the position.
const fn bounded(capacity: u32) -> u32 {
    if capacity < 1 << 31 { capacity } else { (1 << 31) - 1 }
}
