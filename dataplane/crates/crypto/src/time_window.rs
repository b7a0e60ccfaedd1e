//! The two-second windows of time-based signatures.

/// Number of a two-second window since the Unix epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimeWindow(u64);

impl TimeWindow {
    const LENGTH_MS: u64 = 2_000;

    /// The window that holds `unix_ms` milliseconds since the Unix epoch.
    pub const fn from_unix_ms(unix_ms: u64) -> Self {
        Self(unix_ms / Self::LENGTH_MS)
    }

    /// The window's number in network order, as it is signed.
    pub const fn to_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }

    /// What a receiver in this window accepts, the likeliest first.
    pub const fn accepted(self) -> [Self; 3] {
        [self, Self(self.0.saturating_sub(1)), Self(self.0.saturating_add(1))]
    }
}
