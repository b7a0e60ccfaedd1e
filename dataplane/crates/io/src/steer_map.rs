//! Flows that belong to another worker than their hash says: written by their owner, read by all, without locks.
//!
//! Open addressing over one array of atomics. A slot holds 58 bits of the flow number and the owner; the few bits that are lost
//! can, once in 2^58, hand a packet to a worker that knows no session for it: the packet is then handled as a first one.

use core::sync::atomic::{AtomicU64, Ordering};

const EMPTY: u64 = 0;
const GONE: u64 = 1;
const OWNER_BITS: u32 = 6;
const PROBES: usize = 64;

/// A shared map from flow number to worker.
#[derive(Debug)]
pub struct SteerMap {
    slots: Box<[AtomicU64]>,
}

impl SteerMap {
    /// A map with room for `flows` flows.
    pub fn with_room_for(flows: usize) -> Self {
        let length = (flows.max(64) * 2).next_power_of_two();
        Self { slots: (0..length).map(|_| AtomicU64::new(EMPTY)).collect() }
    }

    /// Makes `owner` (below 64) the owner of `flow`. `false`: there is no room; the flow stays where it hashes to.
    pub fn insert(&self, flow: u64, owner: u8) -> bool {
        let entry = entry(flow, owner);
        for slot in self.probe(flow) {
            let mut seen = slot.load(Ordering::Acquire);
            loop {
                if seen > GONE && key(seen) != key(entry) {
                    break;
                }
                match slot.compare_exchange(seen, entry, Ordering::AcqRel, Ordering::Acquire) {
                    Ok(_) => return true,
                    Err(now) => seen = now,
                }
            }
        }
        false
    }

    /// Forgets `flow`, when it belongs to `owner`.
    pub fn remove(&self, flow: u64, owner: u8) {
        let entry = entry(flow, owner);
        for slot in self.probe(flow) {
            match slot.load(Ordering::Acquire) {
                EMPTY => return,
                seen if seen == entry => {
                    // A flow that somebody else took over in the meantime stays.
                    let _ = slot.compare_exchange(entry, GONE, Ordering::AcqRel, Ordering::Acquire);
                    return;
                }
                _ => {}
            }
        }
    }

    /// Forgets all flows of `owner`.
    pub fn remove_all(&self, owner: u8) {
        for slot in &self.slots {
            let seen = slot.load(Ordering::Acquire);
            if seen > GONE && owner_of(seen) == owner {
                let _ = slot.compare_exchange(seen, GONE, Ordering::AcqRel, Ordering::Acquire);
            }
        }
    }

    /// The owner of `flow`.
    pub fn owner(&self, flow: u64) -> Option<u8> {
        let wanted = key(entry(flow, 0));
        for slot in self.probe(flow) {
            match slot.load(Ordering::Acquire) {
                EMPTY => return None,
                seen if seen > GONE && key(seen) == wanted => return Some(owner_of(seen)),
                _ => {}
            }
        }
        None
    }

    fn probe(&self, flow: u64) -> impl Iterator<Item = &AtomicU64> {
        let mask = self.slots.len() - 1;
        let start = usize::try_from(flow & 0xffff_ffff).unwrap_or_default();
        (0..PROBES).filter_map(move |i| self.slots.get((start + i) & mask))
    }
}

/// The lowest bits of the key are set, so that no entry looks empty or gone.
const fn entry(flow: u64, owner: u8) -> u64 {
    ((flow | 1 << OWNER_BITS) & !((1 << OWNER_BITS) - 1)) | owner as u64 & ((1 << OWNER_BITS) - 1)
}

const fn key(entry: u64) -> u64 {
    entry >> OWNER_BITS
}

const fn owner_of(entry: u64) -> u8 {
    (entry & ((1 << OWNER_BITS) - 1)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spreads small numbers over 64 bits, as the flow hash does.
    fn flow(i: u64) -> u64 {
        i.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    #[test]
    fn flow_belongs_to_its_owner_until_removed() {
        let map = SteerMap::with_room_for(100);
        assert!(map.insert(flow(7), 3));
        assert_eq!(map.owner(flow(7)), Some(3));
        assert_eq!(map.owner(flow(8)), None);
        map.remove(flow(7), 3);
        assert_eq!(map.owner(flow(7)), None);
    }

    #[test]
    fn removal_by_a_former_owner_leaves_the_new_one() {
        let map = SteerMap::with_room_for(100);
        assert!(map.insert(flow(7), 3));
        assert!(map.insert(flow(7), 4));
        map.remove(flow(7), 3);
        assert_eq!(map.owner(flow(7)), Some(4));
    }

    #[test]
    fn many_flows_come_and_go_without_filling_the_map() {
        let map = SteerMap::with_room_for(1000);
        for i in 0..100_000 {
            assert!(map.insert(flow(i), 1), "flow {i}");
            if i >= 900 {
                map.remove(flow(i - 900), 1);
            }
        }
        assert_eq!(map.owner(flow(99_999)), Some(1));
        assert_eq!(map.owner(flow(1)), None);
    }

    #[test]
    fn all_flows_of_one_worker_are_forgotten_at_once() {
        let map = SteerMap::with_room_for(100);
        assert!(map.insert(flow(1), 1) && map.insert(flow(2), 2));
        map.remove_all(1);
        assert_eq!((map.owner(flow(1)), map.owner(flow(2))), (None, Some(2)));
    }
}
