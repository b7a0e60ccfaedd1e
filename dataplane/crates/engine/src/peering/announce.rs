//! Telling a peer's node that this engine has started with an empty table.

use core::time::Duration;

use crate::time::Instant;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Repetition of the announcement until it is answered.
#[derive(Clone, Debug)]
pub(crate) struct Announce {
    due: Option<Instant>,
    pause: Duration,
}

impl Announce {
    /// Due at once.
    pub(crate) const fn new(now: Instant) -> Self {
        Self { due: Some(now), pause: FIRST }
    }

    /// When the next announcement is to go out; `None` once answered.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// One went out.
    pub(crate) fn sent(&mut self, now: Instant) {
        self.due = Some(now + self.pause);
        self.pause = (self.pause * 2).min(LONGEST);
    }

    /// The peer knows.
    pub(crate) const fn answered(&mut self) {
        self.due = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unanswered_announcement_is_repeated_ever_more_seldom() {
        let mut now = Instant::ORIGIN;
        let mut announce = Announce::new(now);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            now = announce.due().expect("unanswered");
            announce.sent(now);
            pauses.push((announce.due().expect("unanswered") - now).as_secs());
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        announce.answered();
        assert_eq!(announce.due(), None);
    }
}
