//! Remembers which metadata was accepted, for as long as it would still be fresh, in bounded memory.
//!
//! A message is refused when its sender's window has its counter, or when it could belong to a window that was given up.
//! A window is given up only when all it accepted is stale, and its newest sender time becomes the *horizon*: a window made
//! later accepts only what is newer. So nothing is accepted twice, even if the receiver's clock is set back.

use core::fmt;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::replay::{Freshness, MetadataReplayWindow, ReplayError, Unseen};
use crate::secret::BootId;

/// Whose counter it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReplayOrigin {
    /// The caller's number for the sending node.
    pub peer: u32,
    /// The sender's start.
    pub boot: BootId,
    /// The sender's nonce serial: one per worker.
    pub serial: u32,
}

/// A message that [`MetadataReplay::check`] let pass; to be committed once it proved authentic.
#[derive(Debug)]
#[must_use = "a message that is not committed will be accepted again"]
pub struct Fresh {
    origin: ReplayOrigin,
    counter: u64,
    sender_unix_ms: u64,
    /// Milliseconds the sender's clock is ahead of ours.
    pub offset_ms: i64,
}

/// The windows of all senders of metadata.
pub struct MetadataReplay {
    windows: HashMap<ReplayOrigin, Remembered, FxBuildHasher>,
    limit: usize,
    freshness: Freshness,
    horizon_unix_ms: u64,
}

struct Remembered {
    window: Box<MetadataReplayWindow>,
    newest_sender_unix_ms: u64,
    last_used_unix_ms: u64,
    /// The horizon when this window was made: an earlier window of the same sender may have accepted what is older.
    horizon_unix_ms: u64,
}

impl MetadataReplay {
    /// Remembers at most `limit` senders (8 KiB each). What was sent before `horizon_unix_ms` is refused: give the time of
    /// the start, so that what a former life accepted opens nothing in this one.
    pub fn new(limit: usize, freshness: Freshness, horizon_unix_ms: u64) -> Self {
        Self { windows: HashMap::default(), limit, freshness, horizon_unix_ms }
    }

    /// Whether a message with these values may be accepted at `now_unix_ms`. Changes nothing: nothing of it is proved yet.
    pub fn check(
        &self,
        origin: ReplayOrigin,
        counter: u64,
        sender_unix_ms: u64,
        now_unix_ms: u64,
    ) -> Result<Fresh, ReplayError> {
        let offset_ms = self.freshness.check(sender_unix_ms, now_unix_ms)?;
        match self.windows.get(&origin) {
            Some(remembered) => drop(remembered.check(counter, sender_unix_ms)?),
            None => check_horizon(self.horizon_unix_ms, sender_unix_ms)?,
        }
        Ok(Fresh { origin, counter, sender_unix_ms, offset_ms })
    }

    /// Notes a message that proved authentic. Fails when another copy of it, or too many other senders, came in between;
    /// the message is then to be dropped.
    #[expect(clippy::needless_pass_by_value, reason = "a token is spent by its commit")]
    pub fn commit(&mut self, fresh: Fresh, now_unix_ms: u64) -> Result<(), ReplayError> {
        let Fresh { origin, counter, sender_unix_ms, offset_ms: _ } = fresh;
        if !self.windows.contains_key(&origin) {
            check_horizon(self.horizon_unix_ms, sender_unix_ms)?;
            self.make_room(now_unix_ms)?;
            check_horizon(self.horizon_unix_ms, sender_unix_ms)?;
        }
        let horizon = self.horizon_unix_ms;
        let remembered = self.windows.entry(origin).or_insert_with(|| Remembered::new(horizon));
        let unseen = remembered.check(counter, sender_unix_ms)?;
        remembered.window.commit(unseen);
        remembered.newest_sender_unix_ms = remembered.newest_sender_unix_ms.max(sender_unix_ms);
        remembered.last_used_unix_ms = now_unix_ms;
        Ok(())
    }

    /// Senders remembered.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Whether no sender is remembered.
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Gives up the least recently used of the windows that hold nothing fresh, when there are too many.
    fn make_room(&mut self, now_unix_ms: u64) -> Result<(), ReplayError> {
        if self.windows.len() < self.limit {
            return Ok(());
        }
        let origin = self.least_recently_used(now_unix_ms).ok_or(ReplayError::Full)?;
        if let Some(given_up) = self.windows.remove(&origin) {
            let after = given_up.newest_sender_unix_ms.saturating_add(1);
            self.horizon_unix_ms = self.horizon_unix_ms.max(after);
        }
        Ok(())
    }

    fn least_recently_used(&self, now_unix_ms: u64) -> Option<ReplayOrigin> {
        let stale = self.windows.iter().filter(|(_, remembered)| self.is_stale(remembered, now_unix_ms));
        let key = |(origin, remembered): &(&ReplayOrigin, &Remembered)| {
            (remembered.last_used_unix_ms, origin.peer, origin.boot, origin.serial)
        };
        stale.min_by_key(key).map(|(origin, _)| *origin)
    }

    fn is_stale(&self, remembered: &Remembered, now_unix_ms: u64) -> bool {
        remembered.newest_sender_unix_ms.saturating_add(self.freshness.tolerance_ms()) < now_unix_ms
    }
}

fn check_horizon(horizon_unix_ms: u64, sender_unix_ms: u64) -> Result<(), ReplayError> {
    if sender_unix_ms < horizon_unix_ms {
        return Err(ReplayError::BehindHorizon);
    }
    Ok(())
}

impl Remembered {
    fn new(horizon_unix_ms: u64) -> Self {
        Self {
            window: Box::new(MetadataReplayWindow::new()),
            newest_sender_unix_ms: 0,
            last_used_unix_ms: 0,
            horizon_unix_ms,
        }
    }

    fn check(&self, counter: u64, sender_unix_ms: u64) -> Result<Unseen, ReplayError> {
        check_horizon(self.horizon_unix_ms, sender_unix_ms)?;
        self.window.check(counter)
    }
}

impl fmt::Debug for MetadataReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataReplay")
            .field("senders", &self.windows.len())
            .field("limit", &self.limit)
            .field("horizon_unix_ms", &self.horizon_unix_ms)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: u64 = 1_700_000_000_000;

    fn origin(peer: u32) -> ReplayOrigin {
        ReplayOrigin { peer, boot: BootId(1), serial: 0 }
    }

    fn accept(
        replay: &mut MetadataReplay,
        origin: ReplayOrigin,
        counter: u64,
        sent: u64,
        now: u64,
    ) -> Result<(), ReplayError> {
        let fresh = replay.check(origin, counter, sent, now)?;
        replay.commit(fresh, now)
    }

    fn replay_of(limit: usize) -> MetadataReplay {
        MetadataReplay::new(limit, Freshness::METADATA, 0)
    }

    #[test]
    fn recorded_message_is_refused_while_it_is_fresh_and_after() {
        let mut replay = replay_of(4);
        accept(&mut replay, origin(1), 0, NOON, NOON).unwrap();
        let again = accept(&mut replay, origin(1), 0, NOON, NOON + 4_000);
        assert_eq!(again, Err(ReplayError::Duplicate));
        let late = accept(&mut replay, origin(1), 0, NOON, NOON + 5_001);
        assert_eq!(late, Err(ReplayError::Stale { offset_ms: -5_001 }));
    }

    #[test]
    fn two_copies_checked_together_are_committed_once() {
        let mut replay = replay_of(4);
        let first = replay.check(origin(1), 0, NOON, NOON).unwrap();
        let second = replay.check(origin(1), 0, NOON, NOON).unwrap();
        assert_eq!(replay.commit(first, NOON), Ok(()));
        assert_eq!(replay.commit(second, NOON), Err(ReplayError::Duplicate));
    }

    #[test]
    fn each_start_and_each_worker_of_a_peer_counts_by_itself() {
        let mut replay = replay_of(4);
        let restarted = ReplayOrigin { boot: BootId(2), ..origin(1) };
        let other_worker = ReplayOrigin { serial: 1 << 26, ..origin(1) };
        for origin in [origin(1), restarted, other_worker] {
            assert_eq!(accept(&mut replay, origin, 0, NOON, NOON), Ok(()));
        }
        assert_eq!(replay.len(), 3);
    }

    #[test]
    fn new_sender_is_refused_while_all_windows_hold_fresh_messages() {
        let mut replay = replay_of(2);
        accept(&mut replay, origin(1), 0, NOON, NOON).unwrap();
        accept(&mut replay, origin(2), 0, NOON, NOON).unwrap();
        let third = accept(&mut replay, origin(3), 0, NOON + 5_000, NOON + 5_000);
        assert_eq!(third, Err(ReplayError::Full));
        let later = accept(&mut replay, origin(3), 0, NOON + 5_001, NOON + 5_001);
        assert_eq!(later, Ok(()));
        assert_eq!(replay.len(), 2);
    }

    #[test]
    fn sender_with_a_fast_clock_is_remembered_for_longer() {
        let mut replay = replay_of(1);
        accept(&mut replay, origin(1), 0, NOON + 5_000, NOON).unwrap();
        let early = accept(&mut replay, origin(2), 0, NOON + 9_000, NOON + 9_000);
        assert_eq!(early, Err(ReplayError::Full));
        let again = accept(&mut replay, origin(1), 0, NOON + 5_000, NOON + 9_000);
        assert_eq!(again, Err(ReplayError::Duplicate));
    }

    #[test]
    fn message_overtaken_by_an_older_one_is_remembered_while_it_is_fresh() {
        let mut replay = replay_of(1);
        accept(&mut replay, origin(1), 1, NOON + 3_000, NOON).unwrap();
        accept(&mut replay, origin(1), 0, NOON, NOON).unwrap();
        let other = accept(&mut replay, origin(2), 0, NOON + 6_000, NOON + 6_000);
        assert_eq!(other, Err(ReplayError::Full));
        let again = accept(&mut replay, origin(1), 1, NOON + 3_000, NOON + 6_000);
        assert_eq!(again, Err(ReplayError::Duplicate));
    }

    #[test]
    fn forgotten_sender_is_not_accepted_again_after_the_clock_was_set_back() {
        let mut replay = replay_of(1);
        accept(&mut replay, origin(1), 0, NOON, NOON).unwrap();
        accept(&mut replay, origin(2), 0, NOON + 6_000, NOON + 6_000).unwrap();
        let recorded = accept(&mut replay, origin(1), 0, NOON, NOON);
        assert_eq!(recorded, Err(ReplayError::BehindHorizon));
    }

    #[test]
    fn sender_that_was_forgotten_and_came_back_cannot_be_replayed_either() {
        let mut replay = replay_of(1);
        accept(&mut replay, origin(1), 7, NOON, NOON).unwrap();
        accept(&mut replay, origin(2), 0, NOON + 6_000, NOON + 6_000).unwrap();
        accept(&mut replay, origin(1), 8, NOON + 12_000, NOON + 12_000).unwrap();
        let recorded = accept(&mut replay, origin(1), 7, NOON, NOON);
        assert_eq!(recorded, Err(ReplayError::BehindHorizon));
    }

    #[test]
    fn message_recorded_before_the_start_opens_nothing() {
        let mut replay = MetadataReplay::new(4, Freshness::METADATA, NOON);
        let recorded = accept(&mut replay, origin(1), 0, NOON - 1, NOON + 1);
        assert_eq!(recorded, Err(ReplayError::BehindHorizon));
        assert_eq!(accept(&mut replay, origin(1), 1, NOON, NOON + 1), Ok(()));
    }

    #[test]
    fn least_recently_used_sender_is_the_one_given_up() {
        let mut replay = replay_of(2);
        accept(&mut replay, origin(1), 0, NOON, NOON).unwrap();
        accept(&mut replay, origin(2), 0, NOON, NOON + 1).unwrap();
        accept(&mut replay, origin(1), 1, NOON, NOON + 2).unwrap();
        accept(&mut replay, origin(3), 0, NOON + 6_000, NOON + 6_000).unwrap();
        assert!(replay.windows.contains_key(&origin(1)));
        assert!(!replay.windows.contains_key(&origin(2)));
    }

    proptest! {
        /// Senders, counters, sender times and a receiver clock that also jumps back: nothing is accepted twice.
        #[test]
        fn no_message_is_ever_accepted_twice(
            steps in prop::collection::vec((0_u32..6, 0_u64..40, -6_000_i64..6_000, -3_000_i64..9_000), 1..300)
        ) {
            let mut replay = replay_of(3);
            let mut now = NOON;
            let mut sent: Vec<(u32, u64, u64)> = Vec::new();
            let mut accepted: Vec<(u32, u64)> = Vec::new();
            for (peer, counter, offset, step) in steps {
                now = now.saturating_add_signed(step);
                let known = sent.iter().find(|(p, c, _)| (*p, *c) == (peer, counter)).map(|(_, _, at)| *at);
                let at = known.unwrap_or(now.saturating_add_signed(offset));
                if known.is_none() {
                    sent.push((peer, counter, at));
                }
                if accept(&mut replay, origin(peer), counter, at, now).is_ok() {
                    prop_assert!(!accepted.contains(&(peer, counter)));
                    accepted.push((peer, counter));
                }
                prop_assert!(replay.len() <= 3);
            }
        }
    }
}
