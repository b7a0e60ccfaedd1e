//! Versions of a key side by side: all are accepted, one is sent with, and the former one overlaps for a while.

use core::fmt;

/// Why a rotation step is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySlotError {
    /// A version names one key for good.
    #[error("version {version} is held already")]
    VersionHeld {
        /// The version given.
        version: u32,
    },
    /// Only a held version can be sent with.
    #[error("version {version} is not held")]
    UnknownVersion {
        /// The version given.
        version: u32,
    },
    /// As many versions as there are slots are held; one has to retire first.
    #[error("all key slots are taken")]
    Full,
}

/// Versions held at once, at most.
pub const CAPACITY: usize = 4;

/// Key versions of one relation. Times are milliseconds of a clock that never steps back.
pub struct KeySlots<K> {
    slots: [Option<Slot<K>>; CAPACITY],
    active: u32,
}

struct Slot<K> {
    version: u32,
    key: K,
    retires_at_ms: Option<u64>,
}

impl<K> KeySlots<K> {
    /// Starts with one version, accepted and sent with.
    pub fn new(version: u32, key: K) -> Self {
        let first = Slot { version, key, retires_at_ms: None };
        Self { slots: [Some(first), None, None, None], active: version }
    }

    /// Accepts a further version, without sending with it yet: receivers learn a key before senders use it.
    pub fn insert(&mut self, version: u32, key: K) -> Result<(), KeySlotError> {
        if self.find(version).is_some() {
            return Err(KeySlotError::VersionHeld { version });
        }
        let free = self.slots.iter_mut().find(|slot| slot.is_none()).ok_or(KeySlotError::Full)?;
        *free = Some(Slot { version, key, retires_at_ms: None });
        Ok(())
    }

    /// Sends with `version` from now on; the version sent with so far is accepted for `overlap_ms` more.
    pub fn activate(&mut self, version: u32, now_ms: u64, overlap_ms: u64) -> Result<(), KeySlotError> {
        if self.accepted(version, now_ms).is_none() {
            return Err(KeySlotError::UnknownVersion { version });
        }
        let former = self.active;
        for slot in self.slots.iter_mut().flatten() {
            if slot.version == version {
                slot.retires_at_ms = None;
            } else if slot.version == former {
                slot.retires_at_ms = Some(now_ms.saturating_add(overlap_ms));
            }
        }
        self.active = version;
        Ok(())
    }

    /// The key of a received version, unless its overlap is over.
    pub fn accepted(&self, version: u32, now_ms: u64) -> Option<&K> {
        self.find(version).filter(|slot| slot.is_accepted(now_ms)).map(|slot| &slot.key)
    }

    /// The version to send with, and its key.
    pub fn active(&self) -> Option<(u32, &K)> {
        self.find(self.active).map(|slot| (slot.version, &slot.key))
    }

    /// Drops, and so wipes, the keys whose overlap is over; returns how many.
    pub fn retire(&mut self, now_ms: u64) -> usize {
        let over = |slot: &Option<Slot<K>>| slot.as_ref().is_some_and(|slot| !slot.is_accepted(now_ms));
        self.slots.iter_mut().filter(|slot| over(slot)).map(Option::take).count()
    }

    /// When [`KeySlots::retire`] next has something to do.
    pub fn next_retirement_ms(&self) -> Option<u64> {
        self.slots.iter().flatten().filter_map(|slot| slot.retires_at_ms).min()
    }

    fn find(&self, version: u32) -> Option<&Slot<K>> {
        self.slots.iter().flatten().find(|slot| slot.version == version)
    }
}

impl<K> Slot<K> {
    fn is_accepted(&self, now_ms: u64) -> bool {
        self.retires_at_ms.is_none_or(|retires_at_ms| now_ms < retires_at_ms)
    }
}

impl<K> fmt::Debug for KeySlots<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let versions = self.slots.iter().flatten().map(|slot| (slot.version, slot.retires_at_ms));
        f.write_str("KeySlots ")?;
        f.debug_map().entries(versions).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserted_version_is_accepted_before_it_is_sent_with() {
        let mut slots = KeySlots::new(1, 'a');
        slots.insert(2, 'b').unwrap();
        assert_eq!(slots.accepted(2, 0), Some(&'b'));
        assert_eq!(slots.active(), Some((1, &'a')));
    }

    #[test]
    fn former_version_is_accepted_during_the_overlap_and_not_after() {
        let mut slots = KeySlots::new(1, 'a');
        slots.insert(2, 'b').unwrap();
        slots.activate(2, 100, 30).unwrap();
        assert_eq!(slots.active(), Some((2, &'b')));
        assert_eq!(slots.accepted(1, 129), Some(&'a'));
        assert_eq!(slots.accepted(1, 130), None);
        assert_eq!(slots.next_retirement_ms(), Some(130));
        assert_eq!((slots.retire(129), slots.retire(130)), (0, 1));
        assert_eq!(slots.next_retirement_ms(), None);
    }

    #[test]
    fn version_sent_with_again_does_not_retire() {
        let mut slots = KeySlots::new(1, 'a');
        slots.insert(2, 'b').unwrap();
        slots.activate(2, 100, 30).unwrap();
        slots.activate(1, 110, 30).unwrap();
        assert_eq!(slots.retire(200), 1);
        assert_eq!(slots.active(), Some((1, &'a')));
    }

    #[test]
    fn activating_the_active_version_keeps_it() {
        let mut slots = KeySlots::new(1, 'a');
        slots.activate(1, 100, 30).unwrap();
        assert_eq!(slots.retire(u64::MAX), 0);
    }

    #[test]
    fn retired_or_unknown_version_cannot_be_activated() {
        let mut slots = KeySlots::new(1, 'a');
        slots.insert(2, 'b').unwrap();
        slots.activate(2, 100, 30).unwrap();
        assert_eq!(slots.activate(1, 130, 30), Err(KeySlotError::UnknownVersion { version: 1 }));
        assert_eq!(slots.activate(9, 100, 30), Err(KeySlotError::UnknownVersion { version: 9 }));
    }

    #[test]
    fn fifth_version_and_second_key_of_a_version_are_refused() {
        let mut slots = KeySlots::new(1, 'a');
        assert_eq!(slots.insert(1, 'x'), Err(KeySlotError::VersionHeld { version: 1 }));
        for version in 2..=4 {
            slots.insert(version, 'b').unwrap();
        }
        assert_eq!(slots.insert(5, 'e'), Err(KeySlotError::Full));
    }
}
