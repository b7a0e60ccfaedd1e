//! Going through all sessions in small steps: after a change of the configuration, and after the restart of a peer.

use core::time::Duration;

use crate::time::Instant;

/// Sessions looked at in one step; a step takes some 50 µs.
pub(crate) const STEP: u32 = 512;
/// Time between steps: 200,000 sessions take about 0.8 s.
pub(crate) const PAUSE: Duration = Duration::from_millis(2);

/// Times after which neighbours that have restarted are told once more of sessions they said nothing about: what they were told may
/// have been lost, or their clock may be ahead by as much as freshness allows.
const REPEATS: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(7)];

/// Where a sweep stands. What is asked for while it runs makes it go on for a whole round from there: changes that come faster than a
/// round takes keep no session from its turn.
#[derive(Debug, Default)]
pub(crate) struct Sweep {
    due: Option<Instant>,
    next: u32,
    /// Positions still to be visited, at most.
    left: u32,
    /// When a neighbour was seen to have restarted, and how many rounds have been repeated for it.
    restart: Option<(Instant, usize)>,
}

impl Sweep {
    /// Every session is to be looked at.
    pub(crate) const fn start(&mut self, now: Instant) {
        self.left = u32::MAX;
        if self.due.is_none() {
            self.due = Some(now);
        }
    }

    /// A neighbour has restarted: every session is to be looked at, and again after a while.
    pub(crate) const fn start_with_repeats(&mut self, now: Instant) {
        self.start(now);
        self.restart = Some((now, 0));
    }

    /// When the next step is due.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.due.into_iter().chain(self.repeat()).min()
    }

    fn repeat(&self) -> Option<Instant> {
        let (at, repeated) = self.restart?;
        REPEATS.get(repeated).map(|after| at + *after)
    }

    /// The positions of the next step; `slots` is how many positions there are.
    pub(crate) fn step(&mut self, slots: u32, now: Instant) -> core::ops::Range<u32> {
        while self.repeat().is_some_and(|due| due <= now) {
            self.left = u32::MAX;
            self.restart = self.restart.map(|(at, repeated)| (at, repeated + 1));
        }
        let from = if self.next < slots { self.next } else { 0 };
        let count = STEP.min(slots - from).min(self.left);
        self.next = from + count;
        self.left = self.left.min(slots) - count;
        self.due = if self.left > 0 { Some(now + PAUSE) } else { None };
        from..from + count
    }

    /// The last positions of the step could not be dealt with: they come again.
    pub(crate) fn go_back(&mut self, count: u32, now: Instant) {
        self.next = self.next.saturating_sub(count);
        self.left = self.left.saturating_add(count);
        self.due = Some(now + PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_visits_every_position_once_and_then_rests() {
        let mut sweep = Sweep::default();
        assert_eq!(sweep.due(), None);
        sweep.start(Instant::ORIGIN);
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
    fn a_second_change_makes_the_sweep_go_a_whole_round_from_where_it_is() {
        let mut sweep = Sweep::default();
        sweep.start(Instant::ORIGIN);
        assert_eq!(sweep.step(1300, Instant::ORIGIN), 0..STEP);
        sweep.start(Instant::ORIGIN);
        let mut rest = Vec::new();
        while let Some(due) = sweep.due() {
            rest.push(sweep.step(1300, due));
        }
        assert_eq!(rest, [STEP..2 * STEP, 2 * STEP..1300, 0..STEP]);
    }

    #[test]
    fn after_a_restart_of_a_neighbour_three_more_rounds_follow() {
        let mut sweep = Sweep::default();
        sweep.start_with_repeats(Instant::ORIGIN);
        let mut seconds = Vec::new();
        while let Some(due) = sweep.due() {
            if sweep.step(600, due).start == 0 {
                seconds.push((due - Instant::ORIGIN).as_secs());
            }
        }
        assert_eq!(seconds, [0, 1, 3, 7]);
    }

    #[test]
    fn changes_without_end_keep_no_position_from_its_turn() {
        let mut sweep = Sweep::default();
        let mut visited = [0u32; 1300];
        for _ in 0..9 {
            sweep.start(Instant::ORIGIN);
            for index in sweep.step(1300, Instant::ORIGIN) {
                visited[index as usize] += 1;
            }
        }
        assert_eq!(visited, [3; 1300]);
    }

    #[test]
    fn positions_that_had_to_wait_are_visited_by_the_next_step() {
        let mut sweep = Sweep::default();
        sweep.start(Instant::ORIGIN);
        assert_eq!(sweep.step(600, Instant::ORIGIN), 0..STEP);
        sweep.go_back(STEP - 100, Instant::ORIGIN);
        let mut seen = 100;
        while let Some(due) = sweep.due() {
            let range = sweep.step(600, due);
            assert_eq!(range.start, seen);
            seen = range.end;
        }
        assert_eq!(seen, 600);
    }

    #[test]
    fn a_sweep_over_no_sessions_ends_with_its_first_step() {
        let mut sweep = Sweep::default();
        sweep.start(Instant::ORIGIN);
        assert_eq!(sweep.step(0, Instant::ORIGIN), 0..0);
        assert_eq!(sweep.due(), None);
    }
}
