use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const WHOLE: PortRange = PortRange { first: 16_384, last: 29_999 };
const ALONE: Residue = Residue { index: 0, count: 1 };

fn at(secs: u64) -> Instant {
    Instant::from_nanos(secs * 1_000_000_000)
}

fn pool(range: PortRange, residue: Residue, seed: u8) -> PortPool {
    PortPool::new(range, residue, HashSeed::new([seed; 32]))
}

#[test]
fn own_port_is_even_of_this_worker_and_peer_port_is_odd() {
    for index in 0..5 {
        let residue = Residue { index, count: 5 };
        let mut pool = pool(WHOLE, residue, 1);
        for _ in 0..3_000 {
            let pair = pool.allocate(7, at(0)).unwrap();
            assert_eq!((pair.own % 2, pair.peer % 2, residue.owns(pair.own)), (0, 1, true));
            assert!((16_384..=29_999).contains(&pair.own) && (16_384..=29_999).contains(&pair.peer));
        }
    }
}

#[test]
fn freed_pair_is_not_given_again_for_sixty_seconds() {
    let range = PortRange { first: 100, last: 103 };
    let mut pool = pool(range, ALONE, 1);
    let pairs: BTreeSet<_> = (0..3).map(|_| pool.allocate(7, at(0)).unwrap()).collect();
    assert_eq!(pool.capacity(), 3, "2 × 2 pairs, one of them for announcements");
    assert_eq!(pool.allocate(7, at(0)), Err(PortExhausted));
    let freed = *pairs.first().unwrap();
    pool.release(freed, at(10));
    assert_eq!((pool.in_use(), pool.quarantined()), (2, 1));
    assert_eq!(pool.allocate(7, at(69)), Err(PortExhausted));
    assert_eq!(pool.allocate(7, at(70)), Ok(freed));
    assert_eq!((pool.in_use(), pool.quarantined()), (3, 0));
}

#[test]
fn pair_of_announcements_is_never_allocated() {
    let range = PortRange { first: 101, last: 106 };
    assert_eq!(PortPair::announcement(range), PortPair { own: 102, peer: 101 });
    let mut pool = pool(range, ALONE, 3);
    let mut all = BTreeSet::new();
    while let Ok(pair) = pool.allocate(7, at(0)) {
        all.insert(pair);
    }
    assert_eq!(all.len(), 3 * 3 - 1);
    assert!(!all.contains(&PortPair::announcement(range)));
}

#[test]
fn recovered_session_claims_its_pair_even_out_of_quarantine() {
    let mut pool = pool(WHOLE, ALONE, 1);
    let pair = pool.allocate(7, at(0)).unwrap();
    assert!(!pool.claim(pair), "another session has it");
    pool.release(pair, at(0));
    assert!(pool.claim(pair));
    assert_eq!((pool.in_use(), pool.quarantined()), (1, 0));
    // Released anew: the first release no longer counts.
    pool.release(pair, at(50));
    pool.release(PortPair { own: 2, peer: 1 }, at(61));
    assert_eq!((pool.in_use(), pool.quarantined()), (0, 1));
    pool.release(PortPair { own: 2, peer: 1 }, at(110));
    assert_eq!(pool.quarantined(), 0);
}

#[test]
fn engines_with_different_seeds_start_at_different_places() {
    let starts: BTreeSet<_> =
        (0..50).map(|seed| pool(WHOLE, ALONE, seed).allocate(7, at(0)).unwrap().own).collect();
    assert!(starts.len() > 40, "{}", starts.len());
    assert_eq!(pool(WHOLE, ALONE, 9).allocate(7, at(0)), pool(WHOLE, ALONE, 9).allocate(7, at(0)));
}

#[test]
fn own_port_comes_again_only_after_all_the_others() {
    let mut pool = pool(WHOLE, Residue { index: 1, count: 4 }, 5);
    let own: BTreeSet<_> = (0..1702).map(|_| pool.allocate(7, at(0)).unwrap().own).collect();
    assert_eq!(own.len(), 1702);
}

#[test]
fn peer_ports_spread_over_the_workers_of_the_peer() {
    let mut pool = pool(WHOLE, ALONE, 2);
    let mut per_worker = [0u32; 4];
    for hash in 0..8_000 {
        let peer = pool.allocate(hash, at(0)).unwrap().peer;
        per_worker[usize::from(peer / 2 % 4)] += 1;
    }
    assert!(per_worker.iter().all(|n| (1_800..2_200).contains(n)), "{per_worker:?}");
}

#[test]
fn one_own_port_serves_many_sessions_when_ports_are_few() {
    let range = PortRange { first: 200, last: 399 };
    let mut pool = pool(range, Residue { index: 0, count: 64 }, 2);
    let mut pairs = BTreeSet::new();
    while let Ok(pair) = pool.allocate(7, at(0)) {
        pairs.insert(pair);
    }
    assert_eq!(pairs.len() as u64, pool.capacity());
    assert!(pairs.iter().map(|pair| pair.own).collect::<BTreeSet<_>>().len() <= 2);
}

#[test]
fn range_without_a_port_of_this_worker_is_exhausted_at_once() {
    let mut none = pool(PortRange { first: 100, last: 103 }, Residue { index: 63, count: 64 }, 1);
    assert_eq!((none.capacity(), none.allocate(7, at(0))), (0, Err(PortExhausted)));
    let mut reversed = pool(PortRange { first: 10, last: 5 }, ALONE, 1);
    assert_eq!((reversed.capacity(), reversed.allocate(7, at(0))), (0, Err(PortExhausted)));
    let mut top = pool(PortRange { first: 65_534, last: 65_535 }, ALONE, 1);
    assert_eq!((top.capacity(), top.allocate(7, at(0))), (0, Err(PortExhausted)));
}

#[test]
fn changed_range_still_takes_back_pairs_of_the_former_one() {
    let mut pool = pool(WHOLE, ALONE, 1);
    let pair = pool.allocate(7, at(0)).unwrap();
    pool.set_range(PortRange { first: 40_000, last: 40_999 });
    assert!(pool.allocate(7, at(0)).unwrap().own >= 40_000);
    pool.release(pair, at(1));
    assert_eq!((pool.in_use(), pool.quarantined()), (1, 1));
}

#[derive(Clone, Debug)]
enum Step {
    Allocate,
    Release(usize),
    Claim(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Allocate),
        3 => any::<usize>().prop_map(Step::Release),
        1 => any::<usize>().prop_map(Step::Claim),
        2 => (0u64..40).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    #[test]
    fn pool_behaves_like_a_list_of_all_pairs(steps in steps(), first in 0u16..9, width in 0u16..9, count in 1u8..4, seed: u8) {
        let range = PortRange { first, last: first + width };
        let residue = Residue { index: count - 1, count };
        let reserved = PortPair::announcement(range);
        let all: Vec<_> = (first..=first + width)
            .flat_map(|own| (first..=first + width).map(move |peer| PortPair { own, peer }))
            .filter(|p| p.own % 2 == 0 && residue.owns(p.own) && p.peer % 2 == 1 && *p != reserved)
            .collect();
        let mut pool = pool(range, residue, seed);
        prop_assert_eq!(pool.capacity(), all.len() as u64);
        let mut now = 0;
        // Pair -> `None` in use, `Some(t)` free from t on.
        let mut model: BTreeMap<PortPair, Option<u64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Wait(secs) => now += secs,
                Step::Allocate => {
                    model.retain(|_, free| free.is_none_or(|t| t > now));
                    if let Ok(pair) = pool.allocate(7, at(now)) {
                        prop_assert!(all.contains(&pair));
                        prop_assert_eq!(model.insert(pair, None), None);
                    } else {
                        prop_assert_eq!(model.len(), all.len());
                    }
                }
                Step::Release(i) if !all.is_empty() => {
                    let pair = all[i % all.len()];
                    pool.release(pair, at(now));
                    if let Some(state @ None) = model.get_mut(&pair) {
                        *state = Some(now + 60);
                    }
                }
                Step::Claim(i) if !all.is_empty() => {
                    let pair = all[i % all.len()];
                    prop_assert_eq!(pool.claim(pair), model.get(&pair) != Some(&None));
                    model.insert(pair, None);
                }
                Step::Release(_) | Step::Claim(_) => {}
            }
            prop_assert_eq!(pool.in_use() as usize, model.values().filter(|free| free.is_none()).count());
        }
    }
}

#[test]
fn conversation_comes_to_the_same_worker_of_the_peer_in_every_life() {
    for hash in [0, 7, 0xdead_beef_0123_4567, u64::MAX] {
        for workers in [1, 2, 3, 4, 5, 6, 8, 12, 16, 32, 64] {
            let residue = Residue { index: 0, count: workers };
            let mut of_lives = BTreeSet::new();
            for life in 0..20 {
                let mut pool = pool(WHOLE, ALONE, life);
                for _ in 0..20 {
                    of_lives.insert(residue.index_of(pool.allocate(hash, at(0)).unwrap().peer));
                }
            }
            assert_eq!(of_lives.len(), 1, "{hash} {workers}");
        }
    }
}

#[test]
fn class_without_free_pairs_leaves_the_others() {
    let mut pool = pool(PortRange { first: 20_000, last: 20_199 }, ALONE, 9);
    let capacity = pool.capacity();
    let given = (0..capacity).filter(|_| pool.allocate(7, at(0)).is_ok()).count();
    assert_eq!(given as u64, capacity);
}
