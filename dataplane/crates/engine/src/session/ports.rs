//! Port pairs of one peer path (`docs/protocol.md` section 5).

use core::time::Duration;
use std::collections::VecDeque;

use hashbrown::{HashMap, HashTable};
use rustc_hash::FxBuildHasher;

use crate::config::PortRange;
use crate::time::Instant;

use super::keys::HashSeed;

#[cfg(test)]
mod tests;

/// How long a freed pair is not given again: the peer and the middle of the network may still hold its old flow.
const QUARANTINE: Duration = Duration::from_mins(1);
/// Random peer ports tried, each with another own port, before pairs are looked through one after the other.
const RANDOM_PROBES: u32 = 32;
/// Pairs looked through in order before the pool counts as exhausted. Every pair of a small range; with a large one
/// the pairs in use are spread at random, so that a free one is met long before.
const ORDERED_PROBES: u32 = 16_384;
/// Classes of peer ports, the finest first: `(port / 2) % classes` decides the peer's worker for every number of workers that divides
/// it. Each divides the one before.
const CLASSES: [u32; 4] = [960, 192, 12, 1];
/// Peer ports that a class has at least.
const LEAST_OF_CLASS: u32 = 4;
/// Quarantined pairs freed by one call at most, so that no call takes long.
const FREED_AT_ONCE: usize = 64;
/// Tables the set of pairs is cut into, so that growing never moves all of them.
const SEGMENTS: usize = 16;
/// In a pair's number: freed, but not to be given yet. Own ports are even, so the bit is free.
const QUARANTINED: u32 = 1 << 16;

/// The ports of a worker: those with `(port / 2) % count == index`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Residue {
    /// This worker.
    pub index: u8,
    /// Workers there are; 0 counts as 1.
    pub count: u8,
}

impl Residue {
    /// Whether packets to this port of ours belong to this worker.
    pub const fn owns(self, port: u16) -> bool {
        (port / 2) % self.modulus() == self.index as u16
    }

    /// The worker that packets to this port of ours belong to.
    pub const fn index_of(self, port: u16) -> u8 {
        ((port / 2) % self.modulus()) as u8
    }

    pub(super) const fn modulus(self) -> u16 {
        if self.count == 0 { 1 } else { self.count as u16 }
    }
}

/// Both ports of a Hop flow, as the router that allocated them sees them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortPair {
    /// Port at the own waypoint; even.
    pub own: u16,
    /// Port at the peer's waypoint; odd.
    pub peer: u16,
}

impl PortPair {
    /// The pair of announcements, which stand for no session: the lowest even and the lowest odd port.
    pub const fn announcement(range: PortRange) -> Self {
        Self { own: range.first.saturating_add(range.first % 2), peer: range.first | 1 }
    }

    const fn number(self) -> u32 {
        (self.own as u32) << 16 | self.peer as u32
    }
}

/// No pair of this path and worker is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no free port pair on this peer path")]
pub struct PortExhausted;

/// Allocates the pairs this worker initiates sessions with on one peer path.
///
/// Own ports rotate, peer ports are drawn: two sessions may share one port, never both. The class of peer ports follows from the
/// conversation: in every life of this node it comes to the same worker of the peer, which may hold the session already. Memory is in proportion to the pairs in use.
pub struct PortPool {
    range: PortRange,
    residue: Residue,
    seed: HashSeed,
    draws: u64,
    cursor: u32,
    pairs: PairSet,
    quarantine: VecDeque<Freed>,
    /// Pairs claimed out of quarantine: how many of their entries in `quarantine` are void.
    void: HashMap<u32, u32, FxBuildHasher>,
    in_use: u32,
    quarantined: u32,
}

impl PortPool {
    /// A pool over `range` for this worker's own ports. The seed decides where allocation starts.
    pub fn new(range: PortRange, residue: Residue, seed: HashSeed) -> Self {
        Self {
            range,
            residue,
            seed,
            draws: 1,
            cursor: seed.words(&[0]) as u32,
            pairs: PairSet::default(),
            quarantine: VecDeque::new(),
            void: HashMap::with_hasher(FxBuildHasher),
            in_use: 0,
            quarantined: 0,
        }
    }

    /// Allocates from another range from now on; pairs given before stay given until released.
    pub const fn set_range(&mut self, range: PortRange) {
        self.range = range;
    }

    /// Takes a free pair for a conversation with this hash. Its own port belongs to this worker; the peer's to the class of the hash
    /// while that has free ones, and else to any.
    pub fn allocate(&mut self, hash: u64, now: Instant) -> Result<PortPair, PortExhausted> {
        self.free_quarantined(now);
        let (own, peer) = (self.own_ports(), odd_ports(self.range));
        if own.count == 0 || peer.count == 0 {
            return Err(PortExhausted);
        }
        let class = class_of(self.range, peer.count, hash);
        let pair = self.draw(own, class).or_else(|| self.draw(own, peer)).or_else(|| self.search(own, peer));
        let pair = pair.ok_or(PortExhausted)?;
        self.pairs.insert(pair.number());
        self.in_use += 1;
        Ok(pair)
    }

    /// Takes this very pair, because a session that is being recovered has it; `false` when another session has it.
    /// Quarantine does not stand in the way: it is the former owner that comes back.
    #[must_use]
    pub fn claim(&mut self, pair: PortPair) -> bool {
        let number = pair.number();
        if pair.own % 2 == 1 || self.pairs.contains(number) {
            return false;
        }
        if self.pairs.remove(number | QUARANTINED) {
            self.quarantined -= 1;
            *self.void.entry(number).or_insert(0) += 1;
        }
        self.pairs.insert(number);
        self.in_use += 1;
        true
    }

    /// Gives a pair back; it is quarantined. Pairs that are not in use are ignored.
    pub fn release(&mut self, pair: PortPair, now: Instant) {
        self.free_quarantined(now);
        let number = pair.number();
        if pair.own % 2 == 1 || !self.pairs.remove(number) {
            return;
        }
        self.pairs.insert(number | QUARANTINED);
        self.in_use -= 1;
        self.quarantined += 1;
        self.quarantine.push_back(Freed { number, at: Seconds::from(now) });
    }

    /// Pairs of sessions.
    pub const fn in_use(&self) -> u32 {
        self.in_use
    }

    /// Pairs that wait to be given again.
    pub const fn quarantined(&self) -> u32 {
        self.quarantined
    }

    /// Pairs there are for this worker on this path.
    pub fn capacity(&self) -> u64 {
        let all = u64::from(self.own_ports().count) * u64::from(odd_ports(self.range).count);
        let announcement = PortPair::announcement(self.range);
        all.saturating_sub(u64::from(self.residue.owns(announcement.own)))
    }

    fn draw(&mut self, own: Ports, peer: Ports) -> Option<PortPair> {
        for _ in 0..RANDOM_PROBES {
            let random = self.seed.words(&[self.draws]);
            self.draws = self.draws.wrapping_add(1);
            let pair = PortPair { own: own.at(self.cursor), peer: peer.at((random >> 32) as u32) };
            self.cursor = self.cursor.wrapping_add(1) % own.count;
            if self.is_free(pair) {
                return Some(pair);
            }
        }
        None
    }

    fn search(&mut self, own: Ports, peer: Ports) -> Option<PortPair> {
        let pairs = own.count.saturating_mul(peer.count);
        for n in 0..pairs.min(ORDERED_PROBES) {
            let pair = PortPair { own: own.at(self.cursor + n / peer.count), peer: peer.at(n) };
            if self.is_free(pair) {
                self.cursor = (self.cursor + n / peer.count + 1) % own.count;
                return Some(pair);
            }
        }
        None
    }

    fn is_free(&self, pair: PortPair) -> bool {
        let number = pair.number();
        pair != PortPair::announcement(self.range)
            && !self.pairs.contains(number)
            && !self.pairs.contains(number | QUARANTINED)
    }

    fn free_quarantined(&mut self, now: Instant) {
        for _ in 0..FREED_AT_ONCE {
            let Some(freed) = self.quarantine.pop_front_if(|freed| freed.at.is_over(now)) else { return };
            let void = self.void.get_mut(&freed.number);
            match void {
                Some(1) => {
                    self.void.remove(&freed.number);
                }
                Some(more) => *more -= 1,
                None => {
                    self.pairs.remove(freed.number | QUARANTINED);
                    self.quarantined -= 1;
                }
            }
        }
    }

    /// Even ports of the range with this worker's residue.
    fn own_ports(&self) -> Ports {
        let modulus = u32::from(self.residue.modulus());
        let first_half = u32::from(self.range.first).div_ceil(2);
        let last_half = u32::from(self.range.last) / 2;
        let index = u32::from(self.residue.index);
        let start = first_half + (index + modulus - first_half % modulus) % modulus;
        Ports::new(start * 2, last_half * 2, modulus * 2)
    }
}

fn odd_ports(range: PortRange) -> Ports {
    Ports::new(u32::from(range.first | 1), u32::from(range.last), 2)
}

/// The odd ports of a conversation's class.
fn class_of(range: PortRange, count: u32, hash: u64) -> Ports {
    let classes = CLASSES.into_iter().find(|classes| count / classes >= LEAST_OF_CLASS).unwrap_or(1);
    let class = ((hash ^ hash >> 32) % u64::from(classes)) as u32;
    let first_half = u32::from(range.first | 1) / 2;
    let half = first_half + (class + classes - first_half % classes) % classes;
    Ports::new(half * 2 + 1, u32::from(range.last), 2 * classes)
}

/// Ports at equal distances.
#[derive(Clone, Copy)]
struct Ports {
    first: u32,
    step: u32,
    count: u32,
}

impl Ports {
    const fn new(first: u32, last: u32, step: u32) -> Self {
        let count = if first <= last { (last - first) / step + 1 } else { 0 };
        Self { first, step, count }
    }

    const fn at(self, n: u32) -> u16 {
        (self.first + n % self.count * self.step) as u16
    }
}

/// A pair in quarantine.
#[derive(Clone, Copy)]
struct Freed {
    number: u32,
    at: Seconds,
}

/// Seconds since the origin, rounded up.
#[derive(Clone, Copy)]
struct Seconds(u32);

impl Seconds {
    const fn from(now: Instant) -> Self {
        Self(now.as_nanos().div_ceil(1_000_000_000) as u32)
    }

    const fn is_over(self, now: Instant) -> bool {
        let now = now.as_nanos() / 1_000_000_000;
        now >= self.0 as u64 + QUARANTINE.as_secs()
    }
}

/// A set of pair numbers.
#[derive(Default)]
struct PairSet([HashTable<u32>; SEGMENTS]);

impl PairSet {
    fn contains(&self, number: u32) -> bool {
        let hash = spread(number);
        self.0.get(segment(hash)).is_some_and(|table| table.find(hash, |&n| n == number).is_some())
    }

    fn insert(&mut self, number: u32) {
        let hash = spread(number);
        if let Some(table) = self.0.get_mut(segment(hash)) {
            table.insert_unique(hash, number, |&n| spread(n));
        }
    }

    fn remove(&mut self, number: u32) -> bool {
        let hash = spread(number);
        let Some(table) = self.0.get_mut(segment(hash)) else { return false };
        table.find_entry(hash, |&n| n == number).map(hashbrown::hash_table::OccupiedEntry::remove).is_ok()
    }
}

/// Pairs are chosen by us, not by strangers: a fixed multiplicative hash will do.
const fn spread(number: u32) -> u64 {
    let product = (number as u64 ^ 0x5851_f42d).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ product >> 32
}

const fn segment(hash: u64) -> usize {
    (hash >> 48) as usize % SEGMENTS
}
