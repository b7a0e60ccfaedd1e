use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn seed(n: u8) -> HashSeed {
    HashSeed::new([n; 32])
}

fn v4(n: u32) -> IpAddr {
    IpAddr::V4(n.into())
}

#[test]
fn each_field_of_a_tuple_changes_its_hash() {
    let base = LanKey { protocol: 6, src: v4(1), dst: v4(2), src_port: 3, dst_port: 4 };
    let keys = [
        base,
        base.reversed(),
        LanKey { protocol: 17, ..base },
        LanKey { src: v4(9), ..base },
        LanKey { dst: v4(9), ..base },
        LanKey { src_port: 9, ..base },
        LanKey { dst_port: 9, ..base },
        LanKey { src: "::ffff:0.0.0.1".parse().unwrap(), dst: "::ffff:0.0.0.2".parse().unwrap(), ..base },
    ];
    let hashes: BTreeSet<_> = keys.iter().map(|key| key.hash(&seed(1))).collect();
    assert_eq!(hashes.len(), keys.len());
}

#[test]
fn different_seeds_give_unrelated_hashes() {
    let key = HopKey { local: v4(1), remote: v4(2), local_port: 16_384, remote_port: 16_385 };
    assert_ne!(key.hash(&seed(1)), key.hash(&seed(2)));
}

#[test]
fn names_of_equal_beginning_have_different_hashes() {
    let names = ["", "a", "a\0", "alpha-00", "alpha-00\0", "alpha-0000000001", "alpha-0000000002"];
    let hashes: BTreeSet<_> = names.iter().map(|name| seed(3).name(name)).collect();
    assert_eq!(hashes.len(), names.len());
}

#[test]
fn neighbouring_flows_spread_over_all_buckets_evenly() {
    // 64 Ki tuples that differ in few bits, into 256 buckets by the low and by the high byte: 256 each, sigma 16.
    for shift in [0, 24, 56] {
        let mut buckets = [0u32; 256];
        for n in 0..65_536u32 {
            let key = LanKey {
                protocol: 6,
                src: v4(0x0a00_0000 | n >> 8),
                dst: v4(0xc612_0001),
                src_port: 40_000 + (n & 0xff) as u16,
                dst_port: 443,
            };
            buckets[usize::from((key.hash(&seed(7)) >> shift) as u8)] += 1;
        }
        assert!(buckets.iter().all(|n| (160..360).contains(n)), "shift {shift}: {buckets:?}");
    }
}

#[test]
fn single_flipped_bit_changes_about_half_of_the_hash() {
    let base =
        LanKey { protocol: 6, src: v4(0x0a00_0001), dst: v4(0xc612_0001), src_port: 40_000, dst_port: 443 };
    let mut flipped = 0;
    for bit in 0..32 {
        let other = LanKey { src: v4(0x0a00_0001 ^ 1 << bit), ..base };
        flipped += (base.hash(&seed(5)) ^ other.hash(&seed(5))).count_ones();
    }
    assert!((28 * 32..36 * 32).contains(&flipped), "{flipped}");
}

proptest! {
    #[test]
    fn reversing_a_tuple_twice_gives_it_back(src: IpAddr, dst: IpAddr, protocol: u8, src_port: u16, dst_port: u16) {
        let key = LanKey { protocol, src, dst, src_port, dst_port };
        prop_assert_eq!(key.reversed().reversed(), key);
    }

    #[test]
    fn different_contexts_have_different_hashes(ingress: [u64; 2], src: IpAddr, port: u16) {
        prop_assume!(ingress[0] != ingress[1]);
        let tuple = LanKey { protocol: 6, src, dst: src, src_port: port, dst_port: 80 };
        let [a, b] = ingress.map(|ingress| ContextKey { ingress, tuple }.hash(&seed(1)));
        prop_assert_ne!(a, b);
    }
}
