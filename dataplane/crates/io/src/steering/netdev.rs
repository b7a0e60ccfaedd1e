//! Ingress of the uplinks (towards the engine) and of the TUN device (towards the next hop).

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::expression::{
    addresses, destination, equal, field, forward, ports, raw_addresses, source, tcp_or_udp, transport_bits,
};
use super::{Commands, Family, Hop, Steering, expression};

const TO_ENGINE: &str = "to_engine";
const TO_UPLINK: &str = "to_uplink";

/// A TUN device has no neighbours: any address will do.
const ANY_NEIGHBOUR: [(Family, &str); 2] = [(Family::Ip, "169.254.97.1"), (Family::Ip6, "fe80::97:1")];

pub(super) fn commands(steering: &Steering, list: &mut Vec<Value>) {
    let mut commands = Commands { family: "netdev", table: &steering.table, list };
    commands.table();
    commands.chain(TO_ENGINE);
    for (family, neighbour) in ANY_NEIGHBOUR {
        let inward = Inward { steering, family, to_tun: forward(family, neighbour, &steering.device) };
        inward.admit_peers(&mut commands);
        inward.admit_targets(&mut commands);
    }
    commands.base_chain(TO_UPLINK, "ingress", 0, Some(&steering.device));
    outward(steering, &mut commands);
    for (i, uplink) in steering.uplinks.iter().enumerate() {
        let chain = format!("uplink_{i}");
        commands.base_chain(&chain, "ingress", 0, Some(uplink));
        commands.rule(&chain, &[json!({ "jump": { "target": TO_ENGINE } })]);
    }
}

/// Rules of one family that bring packets to the engine.
struct Inward<'a> {
    steering: &'a Steering,
    family: Family,
    to_tun: Value,
}

impl Inward<'_> {
    /// Both ports must be in the range: with the destination's alone, masqueraded traffic to a peer's node would be taken too.
    fn admit_peers(&self, commands: &mut Commands<'_>) {
        let own: Vec<&IpAddr> = self.of_family(&self.steering.waypoints);
        let peers: Vec<&IpAddr> = self.of_family(&self.steering.peers);
        if own.is_empty() || peers.is_empty() {
            return;
        }
        let range = ports(self.steering.ports);
        let matches = [
            equal(&source(self.family), &addresses(peers.iter().copied())),
            equal(&destination(self.family), &addresses(own.iter().copied())),
            tcp_or_udp(),
            equal(&field("th", "sport"), &range),
            equal(&field("th", "dport"), &range),
        ];
        commands.forward(TO_ENGINE, &matches, self.to_tun.clone());
        let mut errors = self.errors();
        errors.push(equal(&destination(self.family), &addresses(own.iter().copied())));
        errors.push(equal(&self.quoted_source(), &raw_addresses(own)));
        errors.push(equal(&self.quoted_destination(), &raw_addresses(peers)));
        errors.push(equal(&self.quoted_source_port(), &range));
        commands.forward(TO_ENGINE, &errors, self.to_tun.clone());
    }

    /// Replies of servers that see this node's address and a waypoint port (an echo identifier in the range).
    fn admit_targets(&self, commands: &mut Commands<'_>) {
        let mut by_own: BTreeMap<IpAddr, BTreeSet<IpAddr>> = BTreeMap::new();
        for hop in self.steering.targets.iter().filter(|hop| self.family.has(hop.own)) {
            by_own.entry(hop.own).or_default().insert(hop.remote);
        }
        let range = ports(self.steering.ports);
        for (own, targets) in &by_own {
            let here = equal(&destination(self.family), &json!(own.to_string()));
            let ends = [equal(&source(self.family), &addresses(targets)), here.clone()];
            let mut session = ends.to_vec();
            session.extend([tcp_or_udp(), equal(&field("th", "dport"), &range)]);
            commands.forward(TO_ENGINE, &session, self.to_tun.clone());
            let mut echo = ends.to_vec();
            echo.extend([
                equal(&field(self.icmp(), "type"), &json!("echo-reply")),
                equal(&field(self.icmp(), "id"), &range),
            ]);
            commands.forward(TO_ENGINE, &echo, self.to_tun.clone());
            let mut errors = self.errors();
            errors.push(here);
            errors.push(equal(&self.quoted_source(), &raw_addresses([own])));
            errors.push(equal(&self.quoted_destination(), &raw_addresses(targets)));
            errors.push(equal(&self.quoted_source_port(), &range));
            commands.forward(TO_ENGINE, &errors, self.to_tun.clone());
        }
    }

    fn of_family<'a>(&self, list: &'a [IpAddr]) -> Vec<&'a IpAddr> {
        let unique: BTreeSet<&IpAddr> = list.iter().filter(|&&a| self.family.has(a)).collect();
        unique.into_iter().collect()
    }

    const fn icmp(&self) -> &'static str {
        match self.family {
            Family::Ip => "icmp",
            Family::Ip6 => "icmpv6",
        }
    }

    /// Errors that mean something to a session: without them path MTU discovery would end here.
    fn errors(&self) -> Vec<Value> {
        let types = match self.family {
            Family::Ip => json!("destination-unreachable"),
            Family::Ip6 => json!({ "set": ["destination-unreachable", "packet-too-big"] }),
        };
        vec![equal(&field(self.icmp(), "type"), &types)]
    }

    // Behind the 8 bytes of the ICMP header stands the IP header of the packet that met the error; ours have no options and
    // no extension headers.

    fn quoted_source(&self) -> Value {
        match self.family {
            Family::Ip => transport_bits(64 + 96, 32),
            Family::Ip6 => transport_bits(64 + 64, 128),
        }
    }

    fn quoted_destination(&self) -> Value {
        match self.family {
            Family::Ip => transport_bits(64 + 128, 32),
            Family::Ip6 => transport_bits(64 + 192, 128),
        }
    }

    fn quoted_source_port(&self) -> Value {
        match self.family {
            Family::Ip => transport_bits(64 + 160, 16),
            Family::Ip6 => transport_bits(64 + 320, 16),
        }
    }
}

/// Packets of the engine with an own address as source: to the neighbour, past routing, its source checks and connection tracking.
fn outward(steering: &Steering, commands: &mut Commands<'_>) {
    let mut ways: BTreeMap<(IpAddr, &str, IpAddr), BTreeSet<IpAddr>> = BTreeMap::new();
    let hops: Vec<&Hop> = steering.paths.iter().chain(&steering.targets).collect();
    for hop in &hops {
        ways.entry((hop.next_hop, &hop.device, hop.own)).or_default().insert(hop.remote);
    }
    for ((next_hop, device, own), remotes) in &ways {
        let Some(family) = Family::BOTH.into_iter().find(|f| f.has(*own) && f.has(*next_hop)) else {
            continue;
        };
        commands.rule(
            TO_UPLINK,
            &[
                equal(&source(family), &json!(own.to_string())),
                equal(&destination(family), &addresses(remotes)),
                forward(family, &next_hop.to_string(), device),
            ],
        );
    }
    for family in Family::BOTH {
        let own: BTreeSet<&IpAddr> = steering
            .waypoints
            .iter()
            .chain(hops.iter().map(|hop| &hop.own))
            .filter(|&&own| family.has(own))
            .collect();
        if !own.is_empty() {
            commands.rule(TO_UPLINK, &[equal(&source(family), &addresses(own)), expression::drop()]);
        }
    }
}
