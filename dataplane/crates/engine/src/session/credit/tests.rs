use proptest::prelude::*;

use super::*;

fn at(ms: u64) -> Instant {
    Instant::from_nanos(ms * 1_000_000)
}

#[test]
fn answers_are_never_larger_than_what_came_in() {
    let mut credit = AnswerCredit::new(at(0));
    assert_eq!(credit.spend(1, at(0)), Err(AnswerRefused::NoCredit));
    credit.earn(100);
    assert_eq!(credit.spend(60, at(0)), Ok(()));
    assert_eq!(credit.spend(60, at(0)), Err(AnswerRefused::NoCredit));
    assert_eq!(credit.spend(40, at(0)), Ok(()));
    assert_eq!(credit.bytes(), 0);
}

#[test]
fn credit_does_not_grow_beyond_sixty_four_kibibytes() {
    let mut credit = AnswerCredit::new(at(0));
    for _ in 0..10_000 {
        credit.earn(1500);
    }
    credit.earn(usize::MAX);
    assert_eq!(credit.bytes(), 65_536);
}

#[test]
fn refused_answer_costs_no_credit() {
    let mut credit = AnswerCredit::new(at(0));
    credit.earn(60_000);
    let answered = (0..500).filter(|_| credit.spend(1, at(0)).is_ok()).count();
    assert_eq!(answered, 100);
    assert_eq!(credit.spend(1, at(0)), Err(AnswerRefused::TooMany));
    assert_eq!(credit.bytes(), 60_000 - 100);
}

#[test]
fn flow_is_answered_once_a_second() {
    let mut limiter = FlowLimiter::new();
    assert!(limiter.allow(7, at(0)));
    assert!(!limiter.allow(7, at(999)));
    assert!(limiter.allow(8, at(999)));
    assert!(limiter.allow(7, at(1_000)));
}

#[test]
fn flood_of_flows_does_not_let_a_flow_be_answered_forever_silent() {
    let mut limiter = FlowLimiter::new();
    for flow in 0..100_000u64 {
        assert!(limiter.allow(flow, at(flow / 100)));
    }
    assert!(limiter.allow(5, at(5_000)));
    assert!(!limiter.allow(99_999, at(1_000)), "the latest is still remembered");
}

proptest! {
    #[test]
    fn any_second_sees_at_most_a_thousand_answers(gaps in prop::collection::vec(0u64..3_000, 0..4_000)) {
        let mut credit = AnswerCredit::new(at(0));
        let mut now = 0;
        let mut answered: Vec<u64> = Vec::new();
        for gap in gaps {
            now += gap * 1_000;
            credit.earn(1);
            if credit.spend(1, Instant::from_nanos(now)).is_ok() {
                answered.push(now);
            }
        }
        for (n, start) in answered.iter().enumerate() {
            let within = answered[n..].partition_point(|moment| moment - start < 1_000_000_000);
            prop_assert!(within <= 1_000, "{}", within);
        }
    }

    #[test]
    fn bucket_gives_what_its_rate_promises(rate in 1u32..2_000, burst in 2u32..50, seconds in 1u64..5) {
        let mut bucket = TokenBucket::new(rate, burst, at(0));
        let taken = (0..seconds * 10_000).filter(|n| bucket.take(Instant::from_nanos(n * 100_000))).count() as u64;
        let promised = u64::from(rate) * seconds + u64::from(burst);
        prop_assert!(taken <= promised + 1, "{} of {}", taken, promised);
        prop_assert!(taken * 100 >= (promised - u64::from(burst)) * 98, "{} of {}", taken, promised);
    }
}
