//! Arithmetic on address prefixes.

use core::fmt;
use core::net::IpAddr;

use crate::config::Prefix;

/// The address as a number; IPv4 and IPv6 are numbered apart.
pub(crate) fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Prefix {
    /// The prefix that holds one address.
    pub const fn host(address: IpAddr) -> Self {
        Self { address, length: width(address) }
    }

    /// Whether its length fits its family.
    pub(crate) const fn is_length_valid(&self) -> bool {
        self.length <= width(self.address)
    }

    /// Whether bits are set behind its length.
    pub(crate) fn has_host_bits(&self) -> bool {
        bits(self.address) & self.host_mask() != 0
    }

    /// Whether `address` is one of it; never for the other family.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv6() == address.is_ipv6()
            && (bits(self.address) ^ bits(address)) & !self.host_mask() == 0
    }

    /// Whether the two have an address in common.
    pub fn overlaps(&self, other: &Self) -> bool {
        if self.length <= other.length { self.contains(other.address) } else { other.contains(self.address) }
    }

    /// Number of its first address.
    pub(crate) fn first(&self) -> u128 {
        bits(self.address) & !self.host_mask()
    }

    /// Number of its last address.
    pub(crate) fn last(&self) -> u128 {
        bits(self.address) | self.host_mask()
    }

    /// The bits behind its length.
    fn host_mask(&self) -> u128 {
        let free = u32::from(width(self.address).saturating_sub(self.length));
        1u128.checked_shl(free).map_or(u128::MAX, |size| size - 1)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Bits of an address of this family.
const fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests {
    use crate::forwarding::fixture::{ip, prefix};

    #[test]
    fn prefix_contains_its_first_and_last_address_and_no_neighbour() {
        let net = prefix("10.1.4.0/22");
        for inside in ["10.1.4.0", "10.1.7.255"] {
            assert!(net.contains(ip(inside)), "{inside}");
        }
        for outside in ["10.1.3.255", "10.1.8.0", "::a01:400"] {
            assert!(!net.contains(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn prefix_of_length_zero_contains_its_whole_family_only() {
        assert!(prefix("0.0.0.0/0").contains(ip("255.255.255.255")));
        assert!(prefix("::/0").contains(ip("ffff::1")));
        assert!(!prefix("::/0").contains(ip("1.2.3.4")));
    }

    #[test]
    fn prefixes_overlap_only_when_one_holds_the_other() {
        assert!(prefix("10.0.0.0/8").overlaps(&prefix("10.9.0.0/16")));
        assert!(prefix("10.9.0.0/16").overlaps(&prefix("10.0.0.0/8")));
        assert!(!prefix("10.8.0.0/16").overlaps(&prefix("10.9.0.0/16")));
        assert!(!prefix("0.0.0.0/0").overlaps(&prefix("::/0")));
    }

    #[test]
    fn prefix_with_bits_behind_its_length_is_noticed() {
        assert!(prefix("10.0.0.1/31").has_host_bits());
        assert!(!prefix("10.0.0.1/32").has_host_bits());
        assert!(prefix("2001:db8::1/64").has_host_bits());
    }
}
