//! A hierarchical timing wheel: one deadline for each position of the session table.
//!
//! Setting, moving and cancelling take constant time, but a packet need not do any of it: whoever is told that a deadline
//! passed compares it with what the session really wants, and sets it again if there is time left.
//!
//! Layout after Varghese and Lauck, "Hashed and Hierarchical Timing Wheels" (1987): five levels of 64 slots; a slot of level n is
//! as long as the whole level n-1. A timer waits in the level of the highest digit in which its tick differs from the
//! present one, and moves down when the present reaches its slot.

use core::num::NonZeroU32;

use crate::time::Instant;

use super::table::SessionId;

#[cfg(test)]
mod tests;

/// 2²³ ns: 8.4 ms.
const TICK_BITS: u32 = 23;
/// log2 of the slots of a level.
const LEVEL_BITS: u32 = 6;
const SLOTS: usize = 1 << LEVEL_BITS;
const LEVELS: usize = 5;
/// Ticks ahead at most: one slot less than the whole top level (102 days). Later deadlines are met early, at this one.
const HORIZON: u64 = (1 << (LEVEL_BITS * LEVELS as u32)) - (1 << (LEVEL_BITS * (LEVELS as u32 - 1))) - 1;
/// Nodes are made in chunks, so that growing never moves all of them.
const CHUNK: usize = 4096;
/// The list of timers that are due now.
const DUE: usize = LEVELS * SLOTS;
const NONE: u32 = u32::MAX;

/// 16 bytes for each position of the session table that ever had a timer.
#[derive(Clone, Copy)]
struct Node {
    /// Neighbours in the list of a slot, which is a ring; `next` is [`NONE`] when the timer is not set.
    next: u32,
    previous: u32,
    /// Low half of the tick; the present tells the rest.
    tick: u32,
    generation: NonZeroU32,
}

const UNSET: Node = Node { next: NONE, previous: NONE, tick: 0, generation: NonZeroU32::MIN };

/// Deadlines of sessions. A deadline is never met early and at most one tick (8.4 ms) late.
pub struct SessionTimers {
    nodes: Vec<Vec<Node>>,
    heads: [u32; DUE + 1],
    occupied: [u64; LEVELS],
    /// The tick everything before which has been met.
    present: u64,
    /// The tick of the latest `now`: ahead of the present while deadlines are being met.
    reached: u64,
    len: u32,
}

impl SessionTimers {
    /// No deadlines, starting at `now`.
    pub const fn new(now: Instant) -> Self {
        Self {
            nodes: Vec::new(),
            heads: [NONE; DUE + 1],
            occupied: [0; LEVELS],
            present: now.as_nanos() >> TICK_BITS,
            reached: now.as_nanos() >> TICK_BITS,
            len: 0,
        }
    }

    /// Deadlines there are.
    pub const fn len(&self) -> u32 {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets the deadline of a session, in place of the one it had. One that has passed is met at the next tick.
    pub fn set(&mut self, id: SessionId, deadline: Instant) {
        self.cancel_at(id.index());
        let tick = deadline.as_nanos().div_ceil(1 << TICK_BITS);
        let tick = tick.max(self.reached + 1).min(self.present + HORIZON);
        let fresh = Node { generation: id.non_zero_generation(), tick: tick as u32, ..UNSET };
        if let Some(node) = self.node_or_new(id.index()) {
            *node = fresh;
            self.len += 1;
            self.link(id.index(), tick);
        }
    }

    /// Sets the deadline only when the session has none or a later one: for a deadline that has come nearer.
    pub fn set_sooner(&mut self, id: SessionId, deadline: Instant) {
        let tick = deadline.as_nanos().div_ceil(1 << TICK_BITS);
        match self.tick_of(id) {
            Some(there) if there <= tick => {}
            Some(_) | None => self.set(id, deadline),
        }
    }

    /// Takes away the deadline of a session; `false` when it had none.
    pub fn cancel(&mut self, id: SessionId) -> bool {
        match self.node(id.index()) {
            Some(node) if node.generation == id.non_zero_generation() => self.cancel_at(id.index()),
            Some(_) | None => false,
        }
    }

    /// When [`Self::pop_expired`] is to be called next. May be early, when deadlines have to move down a level.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.head(DUE) != NONE {
            return Some(instant_of(self.present));
        }
        self.next_slot().map(|(_, start)| instant_of(start))
    }

    /// Takes out one session whose deadline has passed. Call until `None`. Deadlines of one tick come in a fixed order.
    pub fn pop_expired(&mut self, now: Instant) -> Option<SessionId> {
        self.reached = self.reached.max(now.as_nanos() >> TICK_BITS);
        while self.head(DUE) == NONE {
            match self.next_slot() {
                Some((slot, start)) if start <= self.reached => {
                    self.present = start;
                    self.move_down(slot);
                }
                Some(_) | None => {
                    self.present = self.reached;
                    return None;
                }
            }
        }
        let index = self.head(DUE);
        let generation = self.node(index)?.generation;
        self.unlink(index, DUE);
        Some(SessionId::from_parts(index, generation))
    }

    /// Hands each session whose deadline has passed to `on_expired`, which returns the next deadline, if any.
    pub fn expire(&mut self, now: Instant, mut on_expired: impl FnMut(SessionId) -> Option<Instant>) {
        while let Some(id) = self.pop_expired(now) {
            if let Some(deadline) = on_expired(id) {
                self.set(id, deadline);
            }
        }
    }

    fn cancel_at(&mut self, index: u32) -> bool {
        let Some(tick) =
            self.node(index).filter(|node| node.next != NONE).map(|node| self.whole_tick(node.tick))
        else {
            return false;
        };
        self.unlink(index, self.slot_of(tick));
        true
    }

    fn tick_of(&self, id: SessionId) -> Option<u64> {
        let node = self.node(id.index())?;
        let is_set = node.next != NONE && node.generation == id.non_zero_generation();
        is_set.then(|| self.whole_tick(node.tick))
    }

    /// The tick whose low half is `low`, at or after the present.
    const fn whole_tick(&self, low: u32) -> u64 {
        self.present + low.wrapping_sub(self.present as u32) as u64
    }

    /// The list in which a timer of this tick waits. It stays the same until the present reaches the start of its slot.
    const fn slot_of(&self, tick: u64) -> usize {
        let differs = tick ^ self.present;
        if differs == 0 {
            return DUE;
        }
        let level = (differs.ilog2() / LEVEL_BITS) as usize;
        let level = if level < LEVELS { level } else { LEVELS - 1 };
        level * SLOTS + (tick >> (LEVEL_BITS * level as u32)) as usize % SLOTS
    }

    /// The slot the present reaches first, and the tick at which. A lower level always comes before a higher one.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let (level, occupied) = (0..LEVELS).zip(self.occupied).find(|(_, occupied)| *occupied != 0)?;
        let shift = LEVEL_BITS * level as u32;
        let present = self.present >> shift;
        let distance = u64::from(occupied.rotate_right((present % SLOTS as u64) as u32).trailing_zeros());
        let start = present + distance;
        Some((level * SLOTS + (start % SLOTS as u64) as usize, start << shift))
    }

    /// Distributes the timers of a slot that the present has just reached over lower levels and the due list.
    fn move_down(&mut self, slot: usize) {
        let first = self.head(slot);
        self.set_head(slot, NONE);
        let mut index = first;
        while let Some(&node) = self.node(index) {
            self.link(index, self.whole_tick(node.tick));
            index = node.next;
            if index == first {
                break;
            }
        }
    }

    /// Appends a node to the list of its tick.
    fn link(&mut self, index: u32, tick: u64) {
        let slot = self.slot_of(tick);
        let head = self.head(slot);
        if head == NONE {
            self.set_head(slot, index);
            self.set_neighbours(index, index, index);
            return;
        }
        let tail = self.node(head).map_or(head, |node| node.previous);
        self.set_neighbours(index, tail, head);
        if let Some(node) = self.node_mut(tail) {
            node.next = index;
        }
        if let Some(node) = self.node_mut(head) {
            node.previous = index;
        }
    }

    fn unlink(&mut self, index: u32, slot: usize) {
        let Some(&Node { next, previous, .. }) = self.node(index) else { return };
        if next == index {
            self.set_head(slot, NONE);
        } else {
            if let Some(node) = self.node_mut(previous) {
                node.next = next;
            }
            if let Some(node) = self.node_mut(next) {
                node.previous = previous;
            }
            if self.head(slot) == index {
                self.set_head(slot, next);
            }
        }
        self.set_neighbours(index, NONE, NONE);
        self.len -= 1;
    }

    fn head(&self, slot: usize) -> u32 {
        self.heads.get(slot).copied().unwrap_or(NONE)
    }

    fn set_head(&mut self, slot: usize, index: u32) {
        if let Some(head) = self.heads.get_mut(slot) {
            *head = index;
        }
        if let Some(occupied) = self.occupied.get_mut(slot / SLOTS) {
            let bit = 1u64 << (slot % SLOTS);
            *occupied = if index == NONE { *occupied & !bit } else { *occupied | bit };
        }
    }

    fn set_neighbours(&mut self, index: u32, previous: u32, next: u32) {
        if let Some(node) = self.node_mut(index) {
            node.previous = previous;
            node.next = next;
        }
    }

    fn node(&self, index: u32) -> Option<&Node> {
        let index = index as usize;
        self.nodes.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn node_mut(&mut self, index: u32) -> Option<&mut Node> {
        let index = index as usize;
        self.nodes.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    fn node_or_new(&mut self, index: u32) -> Option<&mut Node> {
        let chunk = index as usize / CHUNK;
        while self.nodes.len() <= chunk {
            self.nodes.push(Vec::new());
        }
        let chunk = self.nodes.get_mut(chunk)?;
        if chunk.is_empty() {
            chunk.resize(CHUNK, UNSET);
        }
        chunk.get_mut(index as usize % CHUNK)
    }
}

const fn instant_of(tick: u64) -> Instant {
    Instant::from_nanos(tick << TICK_BITS)
}
