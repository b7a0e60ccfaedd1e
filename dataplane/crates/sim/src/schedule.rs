//! What is to happen, by time and then by the order in which it was planned.

use std::collections::BTreeMap;

use quiver_engine::time::Instant;

/// A queue of future actions.
#[derive(Debug)]
pub struct Schedule<T> {
    entries: BTreeMap<(Instant, u64), T>,
    sequence: u64,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self { entries: BTreeMap::new(), sequence: 0 }
    }
}

impl<T> Schedule<T> {
    /// Plans `action` for `at`.
    pub fn add(&mut self, at: Instant, action: T) {
        self.entries.insert((at, self.sequence), action);
        self.sequence += 1;
    }

    /// When the next action is due.
    pub fn next_at(&self) -> Option<Instant> {
        self.entries.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next action that is due at `now`.
    pub fn take_due(&mut self, now: Instant) -> Option<T> {
        if self.next_at()? > now {
            return None;
        }
        self.entries.pop_first().map(|(_, action)| action)
    }

    /// How many actions wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_of_one_moment_happen_in_the_order_of_planning() {
        let mut schedule = Schedule::default();
        schedule.add(Instant::from_nanos(2), "late");
        schedule.add(Instant::from_nanos(1), "first");
        schedule.add(Instant::from_nanos(1), "second");
        let at = Instant::from_nanos(1);
        assert_eq!(schedule.take_due(at), Some("first"));
        assert_eq!(schedule.take_due(at), Some("second"));
        assert_eq!(schedule.take_due(at), None);
        assert_eq!(schedule.len(), 1);
    }
}
