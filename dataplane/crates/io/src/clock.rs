//! The two clocks of the machine, read here and nowhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quiver_engine::time::{Instant, Now};

/// Reads both clocks; copies share one origin.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: std::time::Instant,
    origin_unix: Duration,
}

impl Clock {
    /// A clock whose origin is this moment.
    #[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
    pub fn start() -> Self {
        let origin_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { origin: std::time::Instant::now(), origin_unix }
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "this is where time comes in")]
    pub fn now(self) -> Now {
        let at = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Now { at: Instant::from_nanos(at), unix_ms: u64::try_from(unix.as_millis()).unwrap_or(u64::MAX) }
    }

    /// The Unix time of `at` in nanoseconds, for records. Never runs backwards, even when the wall clock is set.
    pub fn unix_nanos(self, at: Instant) -> u64 {
        u64::try_from(self.origin_unix.as_nanos()).unwrap_or(u64::MAX).saturating_add(at.as_nanos())
    }
}
