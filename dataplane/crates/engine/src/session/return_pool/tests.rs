use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: address.parse().unwrap(), length: length.parse().unwrap() }
}

fn pool(prefixes: &[&str], boot: u64) -> ReturnPool {
    let prefixes: Vec<_> = prefixes.iter().map(|text| prefix(text)).collect();
    ReturnPool::new(&prefixes, HashSeed::new([4; 32]), boot)
}

fn request(client: &str, port: u16) -> ReturnRequest {
    let client: IpAddr = client.parse().unwrap();
    let target = if client.is_ipv4() { "10.244.1.5" } else { "fd00::5" };
    ReturnRequest { client, client_port: Some(port), target: target.parse().unwrap() }
}

#[test]
fn free_binding_keeps_the_port_of_the_client() {
    let pool = pool(&["169.254.96.0/20"], 1);
    for port in [1, 500, 33_000, 65_535] {
        let binding = pool.pick(&request("10.0.0.1", port), |_| true, |_| true).unwrap();
        assert_eq!(binding.port, port);
        assert!(pool.contains(binding.address));
    }
}

#[test]
fn one_client_is_seen_under_one_address_until_the_next_boot() {
    let before = pool(&["169.254.96.0/20"], 1);
    let after = pool(&["169.254.96.0/20"], 2);
    let mut moved = 0;
    for n in 0..100 {
        let client = format!("10.0.1.{n}");
        let first = before.pick(&request(&client, 1000), |_| true, |_| true).unwrap();
        let second = before.pick(&request(&client, 2000), |_| true, |_| true).unwrap();
        assert_eq!(first.address, second.address);
        moved += u32::from(after.pick(&request(&client, 1000), |_| true, |_| true).unwrap() != first);
    }
    assert!(moved > 95, "{moved}");
}

#[test]
fn first_and_last_addresses_of_a_prefix_are_never_used() {
    let pool = pool(&["192.0.2.8/30", "198.51.100.6/31", "203.0.113.9/32"], 1);
    let mut used = BTreeSet::new();
    while let Ok(binding) =
        pool.pick(&request("10.0.0.1", 80), |b| b.port == 80 && !used.contains(&b), |_| true)
    {
        used.insert(binding);
    }
    let used: Vec<String> = used.iter().map(|binding| binding.address.to_string()).collect();
    assert_eq!(used, ["192.0.2.9", "192.0.2.10", "198.51.100.6", "198.51.100.7", "203.0.113.9"]);
}

#[test]
fn ipv6_pool_leaves_out_anycast_addresses_and_serves_ipv6_targets_only() {
    let pool = pool(&["fd00:1::/64", "169.254.96.0/20"], 1);
    assert_eq!(pool.capacity(false), u64::MAX - 128);
    assert!(!pool.contains("fd00:1::".parse().unwrap()));
    assert!(pool.contains("fd00:1::1".parse().unwrap()));
    assert!(pool.contains("fd00:1::ffff:ffff:ffff:ff7f".parse().unwrap()));
    assert!(!pool.contains("fd00:1::ffff:ffff:ffff:ff80".parse().unwrap()));
    assert!(pool.pick(&request("2001:db8::1", 1), |_| true, |_| true).unwrap().address.is_ipv6());
    assert!(pool.pick(&request("10.0.0.1", 1), |_| true, |_| true).unwrap().address.is_ipv4());
}

#[test]
fn taken_port_is_replaced_by_one_of_its_class_and_parity() {
    let pool = pool(&["192.0.2.1/32"], 1);
    for port in [22, 123, 5060, 40_001] {
        let binding = pool.pick(&request("10.0.0.1", port), |b| b.port != port, |_| true).unwrap();
        assert_eq!((binding.port % 2, binding.port < 1024), (port % 2, port < 1024), "{port}");
        assert_ne!((binding.port, binding.port), (port, 0));
    }
}

#[test]
fn preference_for_this_worker_is_met_before_the_port_is_given_up() {
    let pool = pool(&["169.254.96.0/20"], 1);
    let hashes_here = |b: ReturnBinding| HashSeed::new([8; 32]).address(b.address).is_multiple_of(16);
    let binding = pool.pick(&request("10.0.0.1", 7000), |_| true, hashes_here).unwrap();
    assert_eq!((binding.port, hashes_here(binding)), (7000, true));
}

#[test]
fn preference_that_cannot_be_met_falls_back_to_the_own_port() {
    let pool = pool(&["169.254.96.0/20"], 1);
    let plain = pool.pick(&request("10.0.0.1", 7000), |_| true, |_| true).unwrap();
    assert_eq!(pool.pick(&request("10.0.0.1", 7000), |_| true, |_| false), Ok(plain));
}

#[test]
fn protocol_without_ports_varies_the_address_only() {
    let pool = pool(&["192.0.2.0/29"], 1);
    let request = ReturnRequest { client_port: None, ..request("10.0.0.1", 0) };
    let mut used = BTreeSet::new();
    while let Ok(binding) = pool.pick(&request, |b| !used.contains(&b), |_| true) {
        assert_eq!(binding.port, 0);
        used.insert(binding);
    }
    assert_eq!(used.len(), 6);
}

#[test]
fn restarted_egress_takes_its_former_binding_again() {
    let before = pool(&["169.254.96.0/20"], 1);
    let binding = before.pick(&request("10.0.0.1", 7000), |_| true, |_| true).unwrap();
    let after = pool(&["169.254.96.0/20"], 2);
    assert!(after.contains(binding.address));
    assert!(!pool(&["198.51.100.0/24"], 2).contains(binding.address));
}

#[test]
fn pool_without_an_address_of_the_family_is_exhausted() {
    assert_eq!(pool(&[], 1).pick(&request("10.0.0.1", 1), |_| true, |_| true), Err(ReturnPoolExhausted));
    let v6_only = pool(&["fd00::/112"], 1);
    assert_eq!(v6_only.pick(&request("10.0.0.1", 1), |_| true, |_| true), Err(ReturnPoolExhausted));
    let whole = pool(&["::/0"], 1);
    assert!(whole.pick(&request("fd00::1", 1), |_| true, |_| true).is_ok());
}

proptest! {
    #[test]
    fn picked_binding_is_free_and_in_the_pool(length in 8u8..=32, client: [u8; 4], port: u16, boot: u64, busy in 0u64..8) {
        let prefix = Prefix { address: [10, 0, 0, 0].into(), length };
        let pool = ReturnPool::new(&[prefix], HashSeed::new([1; 32]), boot);
        let request = ReturnRequest { client: client.into(), client_port: Some(port), target: [1, 1, 1, 1].into() };
        let seed = HashSeed::new([2; 32]);
        let is_free = |b: ReturnBinding| seed.words(&[seed.address(b.address), u64::from(b.port)]) % 8 >= busy;
        let mut asked = 0;
        let picked = pool.pick(&request, |b| { asked += 1; is_free(b) }, |_| true);
        prop_assert!(asked <= 512);
        let picked = picked.unwrap();
        prop_assert!(is_free(picked) && pool.contains(picked.address));
    }
}
