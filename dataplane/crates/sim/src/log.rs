//! What happened, line by line, with a hash that tells two runs apart.

use core::fmt::Write as _;

use quiver_engine::time::Instant;

/// The event log of a simulation.
#[derive(Debug)]
pub struct Log {
    enabled: bool,
    lines: Vec<String>,
    hash: u64,
}

impl Default for Log {
    fn default() -> Self {
        // FNV-1a's offset basis.
        Self { enabled: true, lines: Vec::new(), hash: 0xcbf2_9ce4_8422_2325 }
    }
}

impl Log {
    /// Stops writing: for runs of which only the outcome counts.
    pub const fn disable(&mut self) {
        self.enabled = false;
    }

    /// Adds one line.
    pub fn write(&mut self, at: Instant, place: &str, what: core::fmt::Arguments<'_>) {
        if !self.enabled {
            return;
        }
        let mut line = String::with_capacity(96);
        let nanos = at.as_nanos();
        let written =
            write!(line, "{:>5}.{:09} {place} {what}", nanos / 1_000_000_000, nanos % 1_000_000_000);
        written.expect("writing to a string does not fail");
        for byte in line.bytes().chain([b'\n']) {
            self.hash = (self.hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.lines.push(line);
    }

    /// All lines.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Hash of all lines in order (FNV-1a).
    pub const fn hash(&self) -> u64 {
        self.hash
    }
}
