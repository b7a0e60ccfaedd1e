//! Going through all sessions in small steps: after a change of the configuration, and after the restart of a peer.

use core::time::Duration;

use crate::time::Instant;

/// Sessions looked at in one step; a step takes some 50 µs.
pub(crate) const STEP: u32 = 512;
/// Time between steps: 200,000 sessions take about 0.8 s.
const PAUSE: Duration = Duration::from_millis(2);

/// Where a sweep stands. Two sweeps never run beside each other: a new one starts from the front again.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    due: Option<Instant>,
    next: u32,
}

impl Sweep {
    /// Every session is to be judged by the tables in force.
    pub(crate) const fn judge_all(&mut self, now: Instant) {
        self.start(now);
    }

    /// Every session with a restarted peer is to be told to it again.
    pub(crate) const fn renew(&mut self, now: Instant) {
        self.start(now);
    }

    const fn start(&mut self, now: Instant) {
        self.next = 0;
        self.due = Some(now);
    }

    /// When the next step is due.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The positions of the next step; `slots` is how many positions there are.
    pub(crate) fn step(&mut self, slots: u32, now: Instant) -> core::ops::Range<u32> {
        let from = self.next.min(slots);
        let to = from.saturating_add(STEP).min(slots);
        self.next = to;
        self.due = if to < slots { Some(now + PAUSE) } else { None };
        from..to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_visits_every_position_once_and_then_rests() {
        let mut sweep = Sweep::default();
        assert_eq!(sweep.due(), None);
        sweep.judge_all(Instant::ORIGIN);
        let mut now = Instant::ORIGIN;
        let mut seen = 0;
        while let Some(due) = sweep.due() {
            now = due;
            let range = sweep.step(1300, now);
            assert_eq!(range.start, seen);
            seen = range.end;
        }
        assert_eq!(seen, 1300);
        assert_eq!(now.as_nanos(), 2 * 2_000_000);
    }

    #[test]
    fn a_second_change_starts_the_sweep_anew() {
        let mut sweep = Sweep::default();
        sweep.judge_all(Instant::ORIGIN);
        assert_eq!(sweep.step(2000, Instant::ORIGIN), 0..STEP);
        sweep.renew(Instant::ORIGIN);
        assert_eq!(sweep.step(2000, Instant::ORIGIN), 0..STEP);
    }
}
