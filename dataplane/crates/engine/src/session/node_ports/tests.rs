use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn ports(first: u16, last: u16, index: u8, count: u8) -> NodePorts {
    NodePorts::new(PortRange { first, last }, Residue { index, count }, HashSeed::new([6; 32]))
}

#[test]
fn port_comes_again_only_after_all_the_others() {
    let mut ports = ports(16_384, 29_999, 1, 4);
    let picked: Vec<_> = (0..3404).map(|_| ports.pick(|_| true).unwrap()).collect();
    assert_eq!(picked.iter().collect::<BTreeSet<_>>().len(), 3404);
    assert_eq!(ports.pick(|_| true).unwrap(), picked[0]);
}

#[test]
fn busy_ports_are_passed_and_a_full_range_is_exhausted() {
    let mut ports = ports(100, 119, 0, 1);
    assert_eq!(ports.pick(|port| port == 113), Ok(113));
    assert_eq!(ports.pick(|_| false), Err(NodePortsExhausted));
}

#[test]
fn recovered_session_gets_a_free_port_of_this_worker_only() {
    let ports = ports(100, 119, 0, 2);
    assert!(ports.contains(100));
    assert!(!ports.contains(102), "another worker's");
    assert!(!ports.contains(120));
}

proptest! {
    #[test]
    fn one_round_meets_exactly_the_ports_of_this_worker(first: u16, width in 0u16..200, index: u8, count in 0u8..8) {
        let (last, index) = (first.saturating_add(width), index % count.max(1));
        let residue = Residue { index, count };
        let mine: BTreeSet<u16> = (first..=last).filter(|port| residue.owns(*port)).collect();
        let mut ports = ports(first, last, index, count);
        let met: BTreeSet<u16> = (0..mine.len()).filter_map(|_| ports.pick(|_| true).ok()).collect();
        prop_assert_eq!(met, mine);
    }
}
