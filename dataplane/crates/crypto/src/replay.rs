//! What was received before is not received again: windows over counters, and the age of a message.
//!
//! [`ReplayWindow::check`] comes before authentication and changes nothing; [`ReplayWindow::commit`] after it. A forged
//! packet can so never move a window.

/// Why a counter or a time is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// This counter was accepted before.
    #[error("seen before")]
    Duplicate,
    /// The counter lies behind the window: nobody knows any more whether it was accepted.
    #[error("counter is behind the window")]
    BehindWindow,
    /// The sender's time is too far from the receiver's; the offset is sender minus receiver.
    #[error("sender's clock is {offset_ms} ms off")]
    Stale {
        /// Milliseconds the sender is ahead.
        offset_ms: i64,
    },
    /// The message is not newer than what was forgotten about its sender.
    #[error("sent before what is remembered")]
    BehindHorizon,
    /// Too many senders within the freshness window.
    #[error("too many senders to remember")]
    Full,
}

/// A sliding window over the counters of one sender: `WORDS` times 64 of them. RFC 6479 in spirit; every bit is used.
#[derive(Clone, Debug)]
pub struct ReplayWindow<const WORDS: usize> {
    /// One above the highest counter accepted; 0 while there is none.
    next: u64,
    /// A ring: the counter modulo the window's size is its bit.
    seen: [u64; WORDS],
}

/// The window of a session's payload: 1,024 packets.
pub type PayloadReplayWindow = ReplayWindow<16>;
/// The window of a worker's metadata: 65,536 messages. Eight KiB: keep it boxed.
pub type MetadataReplayWindow = ReplayWindow<1_024>;

/// A counter that [`ReplayWindow::check`] has not found; to be committed once its packet proved authentic.
#[derive(Debug)]
#[must_use = "a counter that is not committed will be accepted again"]
pub struct Unseen(u64);

impl<const WORDS: usize> ReplayWindow<WORDS> {
    const BITS: u64 = WORDS as u64 * 64;

    /// Nothing received yet.
    pub const fn new() -> Self {
        Self { next: 0, seen: [0; WORDS] }
    }

    /// Whether `counter` may still be accepted. The last counter of all is never sent and always refused.
    pub fn check(&self, counter: u64) -> Result<Unseen, ReplayError> {
        if counter == u64::MAX || counter.saturating_add(Self::BITS) < self.next {
            return Err(ReplayError::BehindWindow);
        }
        if counter < self.next && self.is_set(counter) {
            return Err(ReplayError::Duplicate);
        }
        Ok(Unseen(counter))
    }

    /// Notes a counter whose packet is authentic.
    #[expect(clippy::needless_pass_by_value, reason = "a token is spent by its commit")]
    pub fn commit(&mut self, unseen: Unseen) {
        let Unseen(counter) = unseen;
        if counter >= self.next {
            self.slide_to(counter);
        } else if counter.saturating_add(Self::BITS) < self.next {
            return;
        }
        let (word, mask) = Self::place(counter);
        if let Some(word) = self.seen.get_mut(word) {
            *word |= mask;
        }
    }

    /// Forgets the counters that fall out when `counter` becomes the highest.
    fn slide_to(&mut self, counter: u64) {
        if counter - self.next >= Self::BITS {
            self.seen.fill(0);
        } else {
            self.clear(self.next, counter);
        }
        self.next = counter + 1;
    }

    /// Clears the bits of `first..=last`, a word at a time.
    fn clear(&mut self, first: u64, last: u64) {
        let mut from = first;
        while from <= last {
            let end = (from | 63).min(last);
            let mask = (u64::MAX << (from % 64)) & (u64::MAX >> (63 - end % 64));
            let (word, _) = Self::place(from);
            if let Some(word) = self.seen.get_mut(word) {
                *word &= !mask;
            }
            from = end + 1;
        }
    }

    fn is_set(&self, counter: u64) -> bool {
        let (word, mask) = Self::place(counter);
        self.seen.get(word).is_some_and(|word| word & mask != 0)
    }

    const fn place(counter: u64) -> (usize, u64) {
        (((counter % Self::BITS) / 64) as usize, 1 << (counter % 64))
    }
}

impl<const WORDS: usize> Default for ReplayWindow<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

/// How far a sender's clock may be from the receiver's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    tolerance_ms: u64,
}

impl Freshness {
    /// Five seconds either way.
    pub const METADATA: Self = Self::within_ms(5_000);

    /// Accepts up to `tolerance_ms` milliseconds either way.
    pub const fn within_ms(tolerance_ms: u64) -> Self {
        Self { tolerance_ms }
    }

    /// The tolerance, in milliseconds.
    pub const fn tolerance_ms(self) -> u64 {
        self.tolerance_ms
    }

    /// Milliseconds the sender is ahead of the receiver, when that is tolerable. Both times are Unix milliseconds.
    pub fn check(self, sender_unix_ms: u64, receiver_unix_ms: u64) -> Result<i64, ReplayError> {
        let distance = i64::try_from(sender_unix_ms.abs_diff(receiver_unix_ms)).unwrap_or(i64::MAX);
        let offset_ms = if sender_unix_ms < receiver_unix_ms { -distance } else { distance };
        if sender_unix_ms.abs_diff(receiver_unix_ms) > self.tolerance_ms {
            return Err(ReplayError::Stale { offset_ms });
        }
        Ok(offset_ms)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn accept<const WORDS: usize>(window: &mut ReplayWindow<WORDS>, counter: u64) -> Result<(), ReplayError> {
        let unseen = window.check(counter)?;
        window.commit(unseen);
        Ok(())
    }

    /// The same by remembering everything.
    fn accept_naively(seen: &mut Vec<u64>, bits: u64, counter: u64) -> Result<(), ReplayError> {
        let next = seen.iter().max().map_or(0, |highest| highest + 1);
        if counter == u64::MAX || next.saturating_sub(bits) > counter {
            return Err(ReplayError::BehindWindow);
        }
        if seen.contains(&counter) {
            return Err(ReplayError::Duplicate);
        }
        seen.push(counter);
        Ok(())
    }

    fn counters(start: u64) -> impl Strategy<Value = Vec<u64>> {
        let step = prop_oneof![
            6 => -300_i64..300,
            2 => -1_100_i64..1_100,
            1 => -200_000_i64..200_000,
            1 => Just(0_i64),
        ];
        prop::collection::vec(step, 1..200).prop_map(move |steps| {
            let mut counter = start;
            steps
                .into_iter()
                .map(|step| {
                    counter = counter.saturating_add_signed(step);
                    counter
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn window_agrees_with_a_memory_of_everything(
            counters in prop_oneof![Just(0), Just(1_u64 << 40), Just(u64::MAX - 500)].prop_flat_map(counters)
        ) {
            let mut window = PayloadReplayWindow::new();
            let mut seen = Vec::new();
            for counter in counters {
                let naive = accept_naively(&mut seen, 1_024, counter);
                prop_assert_eq!(accept(&mut window, counter), naive, "counter {}", counter);
            }
        }

        #[test]
        fn large_window_agrees_with_a_memory_of_everything(counters in counters(70_000)) {
            let mut window = Box::new(MetadataReplayWindow::new());
            let mut seen = Vec::new();
            for counter in counters {
                prop_assert_eq!(accept(&mut window, counter), accept_naively(&mut seen, 65_536, counter));
            }
        }
    }

    #[test]
    fn checking_without_committing_changes_nothing() {
        let window = PayloadReplayWindow::new();
        assert!(window.check(5_000).is_ok());
        assert!(window.check(5_000).is_ok());
        assert!(window.check(0).is_ok());
    }

    #[test]
    fn oldest_counter_of_the_window_is_accepted_and_the_one_before_not() {
        let mut window = PayloadReplayWindow::new();
        accept(&mut window, 2_000).unwrap();
        assert_eq!(accept(&mut window, 977), Ok(()));
        assert_eq!(accept(&mut window, 976), Err(ReplayError::BehindWindow));
    }

    #[test]
    fn the_very_last_counter_is_never_accepted() {
        assert_eq!(accept(&mut PayloadReplayWindow::new(), u64::MAX), Err(ReplayError::BehindWindow));
        assert_eq!(accept(&mut PayloadReplayWindow::new(), u64::MAX - 1), Ok(()));
    }

    #[test]
    fn counter_overtaken_between_check_and_commit_leaves_the_window_sound() {
        let mut window = PayloadReplayWindow::new();
        let slow = window.check(1).unwrap();
        accept(&mut window, 5_000).unwrap();
        window.commit(slow);
        assert_eq!(accept(&mut window, 5_000 - 1_023), Ok(()));
        assert_eq!(accept(&mut window, 1), Err(ReplayError::BehindWindow));
    }

    #[test]
    fn message_five_seconds_off_is_fresh_and_a_millisecond_more_is_not() {
        let now = 1_700_000_000_000;
        assert_eq!(Freshness::METADATA.check(now + 5_000, now), Ok(5_000));
        assert_eq!(Freshness::METADATA.check(now - 5_000, now), Ok(-5_000));
        let ahead = Freshness::METADATA.check(now + 5_001, now);
        assert_eq!(ahead, Err(ReplayError::Stale { offset_ms: 5_001 }));
        let behind = Freshness::METADATA.check(now - 5_001, now);
        assert_eq!(behind, Err(ReplayError::Stale { offset_ms: -5_001 }));
        let absurd = Freshness::METADATA.check(u64::MAX, 0);
        assert_eq!(absurd, Err(ReplayError::Stale { offset_ms: i64::MAX }));
    }
}
