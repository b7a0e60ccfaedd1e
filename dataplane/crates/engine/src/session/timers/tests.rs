use core::time::Duration;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn id(index: u32) -> SessionId {
    SessionId::from_parts(index, NonZeroU32::MIN)
}

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

fn expired(timers: &mut SessionTimers, now: Instant) -> Vec<u32> {
    core::iter::from_fn(|| timers.pop_expired(now)).map(SessionId::index).collect()
}

const TICK: Duration = Duration::from_nanos(1 << TICK_BITS);

#[test]
fn deadline_is_met_once_and_never_early() {
    let mut timers = SessionTimers::new(at(0));
    timers.set(id(7), at(1_000));
    assert_eq!(expired(&mut timers, at(999)), []);
    assert_eq!(expired(&mut timers, at(1_000) + TICK), [7]);
    assert_eq!(expired(&mut timers, at(5_000)), []);
    assert!(timers.is_empty());
    assert_eq!(timers.next_deadline(), None);
}

#[test]
fn cancelled_deadline_is_not_met() {
    let mut timers = SessionTimers::new(at(0));
    timers.set(id(1), at(100));
    timers.set(id(2), at(100));
    assert!(timers.cancel(id(1)));
    assert!(!timers.cancel(id(1)));
    assert_eq!(expired(&mut timers, at(200)), [2]);
}

#[test]
fn handle_of_a_removed_session_cancels_nothing() {
    let mut timers = SessionTimers::new(at(0));
    let newer = SessionId::from_parts(1, NonZeroU32::new(2).unwrap());
    timers.set(newer, at(100));
    assert!(!timers.cancel(id(1)));
    assert_eq!(timers.pop_expired(at(200)), Some(newer));
}

#[test]
fn deadline_in_the_past_is_met_at_the_next_tick_and_not_in_the_same_call() {
    let mut timers = SessionTimers::new(at(0));
    timers.set(id(1), at(10));
    let mut calls = 0;
    timers.expire(at(1_000), |_| {
        calls += 1;
        Some(at(0))
    });
    assert_eq!((calls, timers.len()), (1, 1));
    assert_eq!(expired(&mut timers, at(1_000) + TICK), [1]);
}

#[test]
fn set_sooner_never_postpones_a_deadline() {
    let mut timers = SessionTimers::new(at(0));
    timers.set_sooner(id(1), at(500));
    timers.set_sooner(id(1), at(900));
    assert_eq!(expired(&mut timers, at(600)), [1]);
    timers.set_sooner(id(1), at(900));
    timers.set_sooner(id(1), at(700));
    assert_eq!(expired(&mut timers, at(720)), [1]);
}

#[test]
fn equal_deadlines_are_met_in_the_order_they_were_set() {
    let mut timers = SessionTimers::new(at(0));
    for index in [5, 3, 9, 1] {
        timers.set(id(index), at(60_000));
    }
    assert_eq!(expired(&mut timers, at(61_000)), [5, 3, 9, 1]);
}

#[test]
fn deadline_beyond_the_horizon_is_met_at_the_horizon_and_can_be_set_again() {
    let mut timers = SessionTimers::new(at(0));
    let day = Duration::from_hours(24);
    timers.set(id(1), at(0) + day * 400);
    let mut now = at(0);
    let mut wakes = 0;
    while let Some(next) = timers.next_deadline() {
        assert!(next >= now);
        now = next;
        timers.expire(now, |_| {
            wakes += 1;
            (now < at(0) + day * 400).then_some(at(0) + day * 400)
        });
    }
    assert!(now >= at(0) + day * 400 && now <= at(0) + day * 400 + TICK);
    assert!((4..=6).contains(&wakes), "{wakes}");
}

#[test]
fn million_timers_take_sixteen_bytes_each_and_all_fire() {
    let mut timers = SessionTimers::new(at(0));
    for index in 0..1_000_000 {
        timers.set(id(index), at(1_000 + u64::from(index) % 180_000));
    }
    assert_eq!(size_of::<Node>(), 16);
    let mut fired = 0;
    timers.expire(at(182_000), |_| {
        fired += 1;
        None
    });
    assert_eq!((fired, timers.len()), (1_000_000, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Set(u32, u64),
    SetSooner(u32, u64),
    Cancel(u32),
    Advance(u64),
    AdvanceToNext,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Durations of all orders of magnitude, so that every level is met.
    let ahead = (0u32..53).prop_flat_map(|bits| 0..1u64 << bits);
    let ahead2 = (0u32..53).prop_flat_map(|bits| 0..1u64 << bits);
    let advance = (0u32..50).prop_flat_map(|bits| 0..1u64 << bits);
    let step = prop_oneof![
        4 => (0u32..30, ahead).prop_map(|(i, t)| Step::Set(i, t)),
        1 => (0u32..30, ahead2).prop_map(|(i, t)| Step::SetSooner(i, t)),
        1 => (0u32..30).prop_map(Step::Cancel),
        2 => advance.prop_map(Step::Advance),
        2 => Just(Step::AdvanceToNext),
    ];
    prop::collection::vec(step, 0..150)
}

/// What the wheel promises: ticks in order, never early, a past deadline at the next tick.
#[derive(Default)]
struct Model {
    ticks: BTreeMap<u32, u64>,
    present: u64,
}

impl Model {
    fn set(&mut self, index: u32, nanos: u64) {
        self.ticks.insert(index, nanos.div_ceil(1 << TICK_BITS).max(self.present + 1));
    }

    fn expire(&mut self, now: u64) -> Vec<(u64, u32)> {
        self.present = self.present.max(now >> TICK_BITS);
        let mut due: Vec<_> =
            self.ticks.iter().map(|(i, t)| (*t, *i)).filter(|(tick, _)| *tick <= self.present).collect();
        self.ticks.retain(|_, tick| *tick > self.present);
        due.sort_unstable();
        due
    }
}

proptest! {
    #[test]
    fn wheel_behaves_like_a_list_of_deadlines(steps in steps(), start in prop_oneof![Just(0u64), Just((1u64 << 53) - 5), Just((1u64 << 55) - 1000), 0u64..1 << 58]) {
        let mut now = start;
        let mut timers = SessionTimers::new(Instant::from_nanos(now));
        let mut model = Model { present: now >> TICK_BITS, ..Model::default() };
        for step in steps {
            match step {
                Step::Set(i, ahead) => {
                    timers.set(id(i), Instant::from_nanos(now + ahead));
                    model.set(i, now + ahead);
                }
                Step::SetSooner(i, ahead) => {
                    timers.set_sooner(id(i), Instant::from_nanos(now + ahead));
                    if model.ticks.get(&i).is_none_or(|&t| t > (now + ahead).div_ceil(1 << TICK_BITS)) {
                        model.set(i, now + ahead);
                    }
                }
                Step::Cancel(i) => prop_assert_eq!(timers.cancel(id(i)), model.ticks.remove(&i).is_some()),
                Step::Advance(nanos) => now += nanos,
                Step::AdvanceToNext => {
                    let next = timers.next_deadline().map(Instant::as_nanos);
                    let first = model.ticks.values().min().map(|tick| tick << TICK_BITS);
                    prop_assert_eq!(next.is_some(), first.is_some());
                    prop_assert!(next <= first, "never later than the first deadline");
                    now = next.map_or(now, |next| next.max(now));
                }
            }
            let mut met = Vec::new();
            while let Some(popped) = timers.pop_expired(Instant::from_nanos(now)) {
                met.push((timers.present, popped.index()));
            }
            prop_assert!(met.is_sorted_by_key(|(tick, _)| *tick));
            met.sort_unstable();
            prop_assert_eq!(met, model.expire(now));
            prop_assert_eq!(timers.len() as usize, model.ticks.len());
        }
    }
}
