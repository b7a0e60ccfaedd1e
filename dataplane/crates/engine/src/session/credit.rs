//! How many answers strangers may cause (`docs/protocol.md` section 4, anti-amplification).

use core::time::Duration;

use crate::time::Instant;

#[cfg(test)]
mod tests;

/// Credit never exceeds this, so that silence is not saved up for a burst.
const MOST_CREDIT: u32 = 65_536;
/// Answers per path at once and then per second: together at most 1,000 in any second.
const ANSWERS_AT_ONCE: u32 = 100;
const ANSWERS_PER_SECOND: u32 = 900;
/// One answer per flow and this time.
const PER_FLOW: Duration = Duration::from_secs(1);
/// Flows remembered, in sets of [`WAYS`].
const SETS: usize = 256;
const WAYS: usize = 4;

/// Why an unauthenticated packet is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerRefused {
    /// The answers would be larger than what came in.
    #[error("no byte credit is left on this peer path")]
    NoCredit,
    /// Too many answers on this path.
    #[error("the limit of answers per second is reached")]
    TooMany,
}

/// Bytes and number of answers to unauthenticated packets of one peer path.
#[derive(Clone, Debug)]
pub struct AnswerCredit {
    bytes: u32,
    rate: TokenBucket,
}

impl AnswerCredit {
    /// No credit yet.
    pub const fn new(now: Instant) -> Self {
        Self { bytes: 0, rate: TokenBucket::new(ANSWERS_PER_SECOND, ANSWERS_AT_ONCE, now) }
    }

    /// An unauthenticated packet of this size (IP length) came in.
    pub fn earn(&mut self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(MOST_CREDIT);
        self.bytes = self.bytes.saturating_add(bytes).min(MOST_CREDIT);
    }

    /// Whether an answer of this size could be paid for.
    pub const fn covers(&self, bytes: usize) -> bool {
        self.bytes as usize >= bytes
    }

    /// Pays for an answer of this size (IP length), or takes nothing.
    pub fn spend(&mut self, bytes: usize, now: Instant) -> Result<(), AnswerRefused> {
        let left = u32::try_from(bytes).ok().and_then(|bytes| self.bytes.checked_sub(bytes));
        let left = left.ok_or(AnswerRefused::NoCredit)?;
        if !self.rate.take(now) {
            return Err(AnswerRefused::TooMany);
        }
        self.bytes = left;
        Ok(())
    }

    /// Bytes that may be answered.
    pub const fn bytes(&self) -> u32 {
        self.bytes
    }
}

/// So many at once, so many a second.
///
/// Kept as the virtual scheduling form of the generic cell rate algorithm (ITU-T I.371): one moment in time says it all.
#[derive(Clone, Debug)]
pub struct TokenBucket {
    interval: Duration,
    tolerance: Duration,
    full_at: Instant,
}

impl TokenBucket {
    /// A full bucket of `burst` tokens, refilled with `per_second` (0 counts as 1).
    pub const fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        let per_second = if per_second == 0 { 1 } else { per_second as u64 };
        let nanos = 1_000_000_000u64.div_ceil(per_second);
        Self {
            interval: Duration::from_nanos(nanos),
            tolerance: Duration::from_nanos(nanos.saturating_mul(burst as u64)),
            full_at: now,
        }
    }

    /// Takes a token, if there is one.
    #[must_use]
    pub fn take(&mut self, now: Instant) -> bool {
        let full_at = self.full_at.max(now) + self.interval;
        if full_at.since(now) > self.tolerance {
            return false;
        }
        self.full_at = full_at;
        true
    }
}

/// One answer a second for each flow.
///
/// Remembers 1,024 flows; the longest unanswered of a set is forgotten for a new one, so that a flood of different flows
/// passes here and is held back by [`AnswerCredit`].
pub struct FlowLimiter {
    sets: Box<[[Answered; WAYS]]>,
}

#[derive(Clone, Copy, Default)]
struct Answered {
    flow: u64,
    /// Next answer allowed from here on; the origin marks a free entry.
    next: Instant,
}

impl Default for FlowLimiter {
    fn default() -> Self {
        Self::new()
    }
}

impl FlowLimiter {
    /// Remembers nothing yet.
    pub fn new() -> Self {
        Self { sets: vec![[Answered::default(); WAYS]; SETS].into_boxed_slice() }
    }

    /// Whether the flow with this keyed hash may be answered now; if so, not again within a second.
    #[must_use]
    pub fn allow(&mut self, flow: u64, now: Instant) -> bool {
        let Some(set) = self.sets.get_mut(flow as usize % SETS) else { return false };
        if set.iter().any(|entry| entry.flow == flow && entry.next > now) {
            return false;
        }
        if let Some(oldest) = set.iter_mut().min_by_key(|entry| entry.next) {
            *oldest = Answered { flow, next: now + PER_FLOW };
        }
        true
    }
}
