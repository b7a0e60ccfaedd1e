//! Where Quiver is the node's pod network: packets of pods that leave the cluster get the node's address.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use quiver_api::PodNetwork;
use quiver_engine::config::Prefix;
use serde_json::{Value, json};

use super::expression::{destination, equal, not_equal, prefixes, source};
use super::{Commands, Family, Steering};

/// Priority of source NAT.
const SOURCE_NAT: i32 = 100;

/// Prefixes of pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pods {
    /// Of this node.
    pub own: Vec<Prefix>,
    /// Of the other nodes of the cluster.
    pub others: Vec<Prefix>,
}

impl Pods {
    pub(crate) fn of(network: &PodNetwork) -> Self {
        Self { own: network.own.clone(), others: network.routes.iter().map(|route| route.prefix).collect() }
    }
}

/// Groups are no place outside of the cluster.
const fn multicast(family: Family) -> Prefix {
    match family {
        Family::Ip => Prefix { address: IpAddr::V4(Ipv4Addr::new(224, 0, 0, 0)), length: 4 },
        Family::Ip6 => Prefix { address: IpAddr::V6(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0)), length: 8 },
    }
}

pub(super) fn commands(steering: &Steering, family: Family, list: &mut Vec<Value>) {
    let Some(pods) = &steering.pods else { return };
    let of_family = |prefix: &&Prefix| family.has(prefix.address);
    let own: Vec<&Prefix> = pods.own.iter().filter(of_family).collect();
    if own.is_empty() {
        return;
    }
    let pools = steering.service_pool.iter().chain(&steering.return_pool);
    let groups = multicast(family);
    let inside = pods.own.iter().chain(&pods.others).chain(pools).filter(of_family).chain([&groups]);
    let mut commands = Commands { family: family.name(), table: &steering.table, list };
    commands.table();
    commands.nat_chain("masquerade", "postrouting", SOURCE_NAT);
    commands.rule(
        "masquerade",
        &[
            equal(&source(family), &prefixes(own)),
            not_equal(&destination(family), &prefixes(inside)),
            json!({ "masquerade": null }),
        ],
    );
}
