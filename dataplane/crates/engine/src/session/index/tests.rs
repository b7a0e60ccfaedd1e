use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::session::keys::{HashSeed, HopKey};

fn key(n: u16) -> HopKey {
    HopKey {
        local: [10, 0, 0, 1].into(),
        remote: [10, 0, 0, 2].into(),
        local_port: 16_384 + n,
        remote_port: 16_385,
    }
}

#[test]
fn keys_with_equal_hashes_are_told_apart_by_the_session() {
    let sessions = ["a", "b"];
    let mut index = FlowIndex::new();
    for (session, name) in (0u32..).zip(sessions) {
        let flow = FlowRef { session, side: LegSide::Server };
        assert_eq!(index.insert(7, flow, |f| sessions[f.session as usize] == name), Ok(()));
    }
    let found = index.find(7, |flow| sessions[flow.session as usize] == "b");
    assert_eq!(found, Some(FlowRef { session: 1, side: LegSide::Server }));
    assert_eq!(index.find(7, |_| false), None);
}

#[test]
fn both_legs_of_one_session_are_different_entries() {
    let mut index = FlowIndex::new();
    let client = FlowRef { session: 5, side: LegSide::Client };
    let server = FlowRef { session: 5, side: client.side.other() };
    index.insert(1, client, |_| false).unwrap();
    index.insert(1, server, |_| false).unwrap();
    assert!(index.remove(1, client));
    assert!(!index.remove(1, client));
    assert_eq!(index.find(1, |_| true), Some(server));
}

#[test]
fn key_in_use_is_refused_and_its_owner_named() {
    let mut index = FlowIndex::new();
    let first = FlowRef { session: 1, side: LegSide::Client };
    index.insert(9, first, |_| true).unwrap();
    assert_eq!(index.insert(9, FlowRef { session: 2, side: LegSide::Client }, |_| true), Err(first));
    assert_eq!(index.len(), 1);
}

#[test]
fn one_key_costs_at_most_twenty_bytes() {
    let seed = HashSeed::new([3; 32]);
    let mut index = FlowIndex::new();
    for n in 0..200_000u32 {
        let flow = FlowRef { session: n, side: LegSide::Client };
        index.insert(seed.words(&[u64::from(n)]), flow, |_| false).unwrap();
        if n > 20_000 && n % 10_000 == 0 {
            assert!(index.allocation_size() / index.len() <= 21, "{n}: {}", index.allocation_size());
        }
    }
}

proptest! {
    #[test]
    fn index_behaves_like_a_map_of_whole_keys(steps in prop::collection::vec((0u16..60, any::<bool>()), 0..300), masks: bool) {
        // With all but two bits of the hash cleared, nearly every key collides.
        let mask = if masks { 0x8000_0000_0000_0001 } else { u64::MAX };
        let seed = HashSeed::new([9; 32]);
        let mut keys: Vec<HopKey> = Vec::new();
        let mut index = FlowIndex::new();
        let mut model: BTreeMap<HopKey, FlowRef> = BTreeMap::new();
        for (n, add) in steps {
            let key = key(n);
            let hash = key.hash(&seed) & mask;
            if add {
                let flow = FlowRef { session: keys.len() as u32, side: LegSide::Client };
                let done = index.insert(hash, flow, |f| keys[f.session as usize] == key);
                keys.push(key);
                prop_assert_eq!(done.err(), model.get(&key).copied());
                model.entry(key).or_insert(flow);
            } else if let Some(flow) = model.remove(&key) {
                prop_assert!(index.remove(hash, flow));
            } else {
                prop_assert_eq!(index.find(hash, |f| keys[f.session as usize] == key), None);
            }
            prop_assert_eq!(index.len(), model.len());
        }
        for (key, flow) in model {
            prop_assert_eq!(index.find(key.hash(&seed) & mask, |f| keys[f.session as usize] == key), Some(flow));
        }
    }
}
