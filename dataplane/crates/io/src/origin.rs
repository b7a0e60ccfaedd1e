//! By which interface a packet with some source must have come in: routes, read backwards.
//!
//! A TUN device does not tell. The steering rules drop a packet whose source does not lead back to its interface, so this is the truth.

use core::net::IpAddr;

use hashbrown::HashMap;
use quiver_api::InterfaceNames;
use quiver_engine::config::Prefix;
use quiver_engine::packet::InterfaceId;
use rustc_hash::FxBuildHasher;

use crate::netlink::{Link, Route, RouteKind};

/// Longest-prefix match from source address to interface number. Empty when no tenant names an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins {
    v4: Vec<Length>,
    v6: Vec<Length>,
}

/// All prefixes of one length.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Length {
    mask: u128,
    interfaces: HashMap<u128, InterfaceId, FxBuildHasher>,
}

impl Origins {
    /// Builds the match from the node's routes.
    pub fn build(names: &InterfaceNames, links: &[Link], routes: &[Route]) -> Self {
        if names.is_empty() {
            return Self::default();
        }
        let number = |index: u32| {
            let link = links.iter().find(|link| link.index == index);
            link.and_then(|link| names.id(&link.name)).unwrap_or_default()
        };
        // With equal prefixes the lowest metric wins, so it is inserted last.
        let mut routes: Vec<&Route> = routes.iter().collect();
        routes.sort_by_key(|route| core::cmp::Reverse(route.metric));
        let mut origins = Self::default();
        for route in routes {
            if let RouteKind::Device(index) = route.kind {
                origins.insert(route.prefix, number(index));
            }
        }
        for lengths in [&mut origins.v4, &mut origins.v6] {
            lengths.sort_by_key(|length| core::cmp::Reverse(length.mask));
        }
        origins
    }

    /// The interface that packets from `source` come in by; number 0 when no tenant names it.
    pub fn of(&self, source: IpAddr) -> InterfaceId {
        let (lengths, bits) = match source {
            IpAddr::V4(a) => (&self.v4, u128::from(a.to_bits())),
            IpAddr::V6(a) => (&self.v6, a.to_bits()),
        };
        lengths
            .iter()
            .find_map(|length| length.interfaces.get(&(bits & length.mask)).copied())
            .unwrap_or_default()
    }

    fn insert(&mut self, prefix: Prefix, interface: InterfaceId) {
        let (lengths, bits, width) = match prefix.address {
            IpAddr::V4(a) => (&mut self.v4, u128::from(a.to_bits()), 32),
            IpAddr::V6(a) => (&mut self.v6, a.to_bits(), 128),
        };
        let all = u128::MAX >> (128 - width);
        let host = all.checked_shr(prefix.length.into()).unwrap_or(0);
        let mask = all & !if u32::from(prefix.length) >= width { 0 } else { host };
        let found = lengths.iter().position(|length| length.mask == mask);
        if let Some(length) = found.and_then(|i| lengths.get_mut(i)) {
            length.interfaces.insert(bits & mask, interface);
            return;
        }
        let mut interfaces = HashMap::default();
        interfaces.insert(bits & mask, interface);
        lengths.push(Length { mask, interfaces });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quiver_api::proto::{Tenant, TenantMember};

    fn link(index: u32, name: &str) -> Link {
        Link {
            index,
            name: name.into(),
            mtu: 1500,
            alias: String::new(),
            tun: false,
            carrier: true,
            loopback: false,
        }
    }

    fn route(address: &str, length: u8, index: u32, metric: u32) -> Route {
        let prefix = Prefix { address: address.parse().unwrap(), length };
        Route { prefix, kind: RouteKind::Device(index), via: None, metric, protocol: 2 }
    }

    fn named(interfaces: &[&str]) -> InterfaceNames {
        let members = interfaces
            .iter()
            .map(|name| TenantMember { cidr: "0.0.0.0/0".into(), interface: (*name).into() })
            .collect();
        InterfaceNames::of(&[Tenant { name: "t".into(), members }])
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn longest_prefix_decides_the_interface_of_a_source() {
        let names = named(&["lan1", "lan2"]);
        let routes = [
            route("0.0.0.0", 0, 1, 0),
            route("10.1.0.0", 16, 2, 0),
            route("10.1.2.0", 24, 3, 0),
            route("fd00::", 8, 3, 1024),
        ];
        let origins = Origins::build(&names, &[link(1, "wan"), link(2, "lan1"), link(3, "lan2")], &routes);
        assert_eq!(origins.of(address("10.1.9.9")), InterfaceId(1));
        assert_eq!(origins.of(address("10.1.2.9")), InterfaceId(2));
        assert_eq!(origins.of(address("fd00::1")), InterfaceId(2));
        assert_eq!(origins.of(address("192.0.2.1")), InterfaceId(0));
        assert_eq!(origins.of(address("2001:db8::1")), InterfaceId(0));
    }

    #[test]
    fn lower_metric_wins_between_equal_prefixes() {
        let names = named(&["a", "b"]);
        let routes = [route("10.0.0.0", 8, 1, 100), route("10.0.0.0", 8, 2, 50)];
        let origins = Origins::build(&names, &[link(1, "a"), link(2, "b")], &routes);
        assert_eq!(origins.of(address("10.1.1.1")), InterfaceId(2));
    }

    #[test]
    fn host_route_and_default_route_are_both_matched() {
        let names = named(&["a", "b"]);
        let routes = [route("0.0.0.0", 0, 1, 0), route("10.0.0.7", 32, 2, 0), route("::", 0, 2, 0)];
        let origins = Origins::build(&names, &[link(1, "a"), link(2, "b")], &routes);
        assert_eq!(origins.of(address("10.0.0.7")), InterfaceId(2));
        assert_eq!(origins.of(address("10.0.0.8")), InterfaceId(1));
        assert_eq!(origins.of(address("2001:db8::8")), InterfaceId(2));
    }
}
