//! Longest prefix match over a fixed set of prefixes, with every shorter match behind it.
//!
//! The prefixes cut the address space into ranges, each owned by its longest prefix; a prefix knows the next shorter one that
//! holds it. A lookup is one binary search, however many lengths there are, and allocates nothing.

use core::net::IpAddr;
use std::collections::BTreeMap;

use crate::config::Prefix;

/// Values by prefix.
#[derive(Clone, Debug)]
pub(crate) struct PrefixTable<T> {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    nodes: Box<[Node<T>]>,
}

#[derive(Clone, Debug)]
struct Node<T> {
    length: u8,
    /// The next shorter prefix that holds this one.
    parent: Option<u32>,
    value: T,
}

/// The ranges of one family: where each starts, and the node of its longest prefix. IPv4 has its own width to stay in the cache.
#[derive(Clone, Debug)]
struct Ranges<K> {
    starts: Vec<K>,
    owners: Vec<Option<u32>>,
}

impl<T> PrefixTable<T> {
    /// Builds the table. The prefixes must be of valid length and without host bits.
    pub(crate) fn build(values: BTreeMap<Prefix, T>) -> Self {
        let mut nodes: Vec<Node<T>> = Vec::with_capacity(values.len());
        let mut builders = [RangesBuilder::new(), RangesBuilder::new()];
        // By address, then shorter before longer: a prefix follows all that hold it.
        for (prefix, value) in values {
            let index = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            let [v4, v6] = &mut builders;
            let builder = if prefix.address.is_ipv4() { v4 } else { v6 };
            let parent = builder.push(&prefix, index);
            nodes.push(Node { length: prefix.length, parent, value });
        }
        let [v4, v6] = builders.map(RangesBuilder::finish);
        // Behind the last IPv4 address no range begins.
        let starts: Vec<u32> = v4.starts.iter().map_while(|start| u32::try_from(*start).ok()).collect();
        let v4 = Ranges { starts, owners: v4.owners };
        Self { v4, v6, nodes: nodes.into_boxed_slice() }
    }

    /// The values of all prefixes that hold `address`, with their lengths, the longest prefix first.
    pub(crate) fn containing(&self, address: IpAddr) -> impl Iterator<Item = (u8, &T)> + Clone + '_ {
        let owner = match address {
            IpAddr::V4(address) => self.v4.owner(address.to_bits()),
            IpAddr::V6(address) => self.v6.owner(address.to_bits()),
        };
        let first = owner.and_then(|index| self.node(index));
        core::iter::successors(first, |node| self.node(node.parent?)).map(|node| (node.length, &node.value))
    }

    fn node(&self, index: u32) -> Option<&Node<T>> {
        self.nodes.get(index as usize)
    }
}

impl<K: Ord + Copy> Ranges<K> {
    fn owner(&self, key: K) -> Option<u32> {
        let behind = self.starts.partition_point(|start| *start <= key);
        self.owners.get(behind.checked_sub(1)?).copied().flatten()
    }
}

impl Ranges<u128> {
    /// Begins a range; an empty one in front of it disappears.
    fn begin(&mut self, start: u128, owner: Option<u32>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.owners.pop();
        }
        self.starts.push(start);
        self.owners.push(owner);
    }
}

/// Sweeps over prefixes in order.
struct RangesBuilder {
    ranges: Ranges<u128>,
    /// Prefixes that hold the present place: last address and node.
    open: Vec<(u128, u32)>,
}

impl RangesBuilder {
    const fn new() -> Self {
        Self { ranges: Ranges { starts: Vec::new(), owners: Vec::new() }, open: Vec::new() }
    }

    /// Adds a prefix and returns the node of the next shorter one.
    fn push(&mut self, prefix: &Prefix, index: u32) -> Option<u32> {
        let first = prefix.first();
        self.close_before(Some(first));
        let parent = self.open.last().map(|(_, node)| *node);
        self.ranges.begin(first, Some(index));
        self.open.push((prefix.last(), index));
        parent
    }

    /// Ends the prefixes that end before `place` (all, when there is none).
    fn close_before(&mut self, place: Option<u128>) {
        while let Some((last, _)) = self.open.pop_if(|(last, _)| place.is_none_or(|place| *last < place)) {
            if let Some(next) = last.checked_add(1) {
                self.ranges.begin(next, self.open.last().map(|(_, node)| *node));
            }
        }
    }

    fn finish(mut self) -> Ranges<u128> {
        self.close_before(None);
        self.ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::fixture::{ip, prefix};
    use proptest::prelude::*;

    fn lookup(table: &PrefixTable<Prefix>, address: &str) -> Vec<String> {
        table.containing(ip(address)).map(|(_, value)| value.to_string()).collect()
    }

    fn table(prefixes: &[&str]) -> PrefixTable<Prefix> {
        PrefixTable::build(prefixes.iter().map(|text| (prefix(text), prefix(text))).collect())
    }

    #[test]
    fn all_prefixes_that_hold_an_address_come_longest_first() {
        let table = table(&["10.0.0.0/8", "10.1.0.0/16", "0.0.0.0/0", "10.1.2.0/24", "10.2.0.0/16"]);
        assert_eq!(lookup(&table, "10.1.2.3"), ["10.1.2.0/24", "10.1.0.0/16", "10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(lookup(&table, "10.3.0.1"), ["10.0.0.0/8", "0.0.0.0/0"]);
        assert_eq!(lookup(&table, "11.0.0.0"), ["0.0.0.0/0"]);
    }

    #[test]
    fn address_behind_the_last_prefix_matches_nothing() {
        let table = table(&["10.1.2.0/24", "2001:db8::/64"]);
        for outside in ["10.1.1.255", "10.1.3.0", "0.0.0.0", "255.255.255.255", "2001:db8:0:1::", "::"] {
            assert_eq!(lookup(&table, outside), Vec::<String>::new(), "{outside}");
        }
    }

    #[test]
    fn prefixes_up_to_the_last_address_of_a_family_match() {
        let table = table(&["255.255.255.255/32", "255.0.0.0/8", "ffff::/16", "::/0"]);
        assert_eq!(lookup(&table, "255.255.255.255"), ["255.255.255.255/32", "255.0.0.0/8"]);
        assert_eq!(lookup(&table, "ffff:ffff::1"), ["ffff::/16", "::/0"]);
    }

    /// Prefixes that nest often: few distinct bits, any length.
    fn nested_prefix() -> impl Strategy<Value = Prefix> {
        (any::<bool>(), 0u128..64, 0u8..=32).prop_map(|(v4, seed, length)| {
            let spread = (seed & 7) << 29 | (seed >> 3) & 7;
            let (address, length) = if v4 {
                (IpAddr::V4(core::net::Ipv4Addr::from_bits(spread as u32)), length)
            } else {
                (IpAddr::V6(core::net::Ipv6Addr::from_bits(spread << 96 | spread)), length * 4)
            };
            let raw = Prefix { address, length };
            let first = raw.first();
            let address = match address {
                IpAddr::V4(_) => IpAddr::V4(core::net::Ipv4Addr::from_bits(first as u32)),
                IpAddr::V6(_) => IpAddr::V6(core::net::Ipv6Addr::from_bits(first)),
            };
            Prefix { address, length }
        })
    }

    proptest! {
        #[test]
        fn lookup_agrees_with_a_scan_of_all_prefixes(
            prefixes in proptest::collection::btree_set(nested_prefix(), 0..40),
            probes in proptest::collection::vec(nested_prefix(), 0..20),
        ) {
            let table = PrefixTable::build(prefixes.iter().map(|prefix| (*prefix, *prefix)).collect());
            for address in probes.iter().chain(&prefixes).map(|prefix| prefix.address) {
                let mut model: Vec<_> = prefixes.iter().filter(|prefix| prefix.contains(address)).copied().collect();
                model.sort_by_key(|prefix| core::cmp::Reverse(prefix.length));
                let found: Vec<_> = table.containing(address).map(|(_, prefix)| *prefix).collect();
                prop_assert_eq!(found, model);
            }
        }
    }
}
