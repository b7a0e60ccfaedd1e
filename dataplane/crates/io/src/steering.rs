//! The nftables rule sets that bring packets to the engine and from it to the uplink. Pure: a description in, JSON out.
//!
//! Three tables of our own: `netdev` (ingress of the uplinks and of the TUN device) and `ip`/`ip6` (before connection tracking; the pods'
//! masquerade).
//! Each rule that hands packets to a device is followed by a drop: without the device `fwd` does nothing, the packet would be
//! delivered locally, and the kernel would reset a session it knows nothing about.

mod expression;
mod netdev;
mod pods;
mod raw;

use core::net::IpAddr;

use quiver_engine::config::{PortRange, Prefix};
use serde_json::{Value, json};

pub use pods::Pods;

/// The chain by which our tables are recognised. It is never jumped to.
pub const MARK: &str = "owned_by_quiver";

/// The way to another address outside this node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hop {
    /// Own address.
    pub own: IpAddr,
    /// The other end.
    pub remote: IpAddr,
    /// The neighbour that packets are handed to; the other end itself when it is one.
    pub next_hop: IpAddr,
    /// Name of the device they leave by.
    pub device: String,
}

/// What is to be steered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Steering {
    /// Name of the tables.
    pub table: String,
    /// Name of the TUN device.
    pub device: String,
    /// Devices by which packets of peers and remote servers may come in.
    pub uplinks: Vec<String>,
    /// Ports of waypoints.
    pub ports: PortRange,
    /// Own waypoints.
    pub waypoints: Vec<IpAddr>,
    /// Waypoints of peers.
    pub peers: Vec<IpAddr>,
    /// Ways to peers.
    pub paths: Vec<Hop>,
    /// Ways to servers that see this node's address.
    pub targets: Vec<Hop>,
    /// Prefixes that clients dial.
    pub service_pool: Vec<Prefix>,
    /// Prefixes of source addresses towards local servers.
    pub return_pool: Vec<Prefix>,
    /// Pods whose packets get the node's address when they leave the cluster.
    pub pods: Option<Pods>,
    /// Whether the source of a client's packet must lead back to the device it came in by.
    pub strict_source: bool,
}

/// An address family, as nftables calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Ip,
    Ip6,
}

impl Family {
    const BOTH: [Self; 2] = [Self::Ip, Self::Ip6];

    const fn name(self) -> &'static str {
        match self {
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
        }
    }

    const fn has(self, address: IpAddr) -> bool {
        matches!((self, address), (Self::Ip, IpAddr::V4(_)) | (Self::Ip6, IpAddr::V6(_)))
    }
}

/// The families of our tables.
pub const TABLE_FAMILIES: [&str; 3] = ["netdev", "ip", "ip6"];

/// Commands that put the tables in place of those that are there, in one transaction.
pub fn install(steering: &Steering) -> Value {
    let mut commands = cleared(&steering.table);
    netdev::commands(steering, &mut commands);
    for family in Family::BOTH {
        raw::commands(steering, family, &mut commands);
        pods::commands(steering, family, &mut commands);
    }
    json!({ "nftables": commands })
}

/// Commands that remove the tables.
pub fn remove(table: &str) -> Value {
    json!({ "nftables": cleared(table) })
}

/// Adding before deleting makes deletion work when there is nothing.
fn cleared(table: &str) -> Vec<Value> {
    TABLE_FAMILIES
        .iter()
        .flat_map(|family| {
            let it = json!({ "table": { "family": family, "name": table } });
            [json!({ "add": it }), json!({ "delete": it })]
        })
        .collect()
}

/// Collects commands for one table.
struct Commands<'a> {
    family: &'static str,
    table: &'a str,
    list: &'a mut Vec<Value>,
}

impl Commands<'_> {
    /// Adds the table, with the mark.
    fn table(&mut self) {
        self.list.push(json!({ "add": { "table": { "family": self.family, "name": self.table } } }));
        self.chain(MARK);
    }

    /// Adds a chain that is only jumped to.
    fn chain(&mut self, name: &str) {
        self.list.push(
            json!({ "add": { "chain": { "family": self.family, "table": self.table, "name": name } } }),
        );
    }

    /// Adds a chain at a hook; `extra` are its own fields.
    fn base_chain(&mut self, name: &str, hook: &str, priority: i32, device: Option<&str>) {
        let mut chain = json!({
            "family": self.family, "table": self.table, "name": name,
            "type": "filter", "hook": hook, "prio": priority, "policy": "accept",
        });
        if let (Some(device), Some(fields)) = (device, chain.as_object_mut()) {
            fields.insert("dev".to_owned(), json!(device));
        }
        self.list.push(json!({ "add": { "chain": chain } }));
    }

    /// Adds a chain that translates addresses.
    fn nat_chain(&mut self, name: &str, hook: &str, priority: i32) {
        self.list.push(json!({ "add": { "chain": {
            "family": self.family, "table": self.table, "name": name,
            "type": "nat", "hook": hook, "prio": priority, "policy": "accept",
        } } }));
    }

    /// Adds a rule.
    fn rule(&mut self, chain: &str, expressions: &[Value]) {
        self.list.push(json!({ "add": { "rule": {
            "family": self.family, "table": self.table, "chain": chain, "expr": expressions,
        } } }));
    }

    /// Adds a rule that hands packets to `verdict`, and one that drops them when it could not.
    fn forward(&mut self, chain: &str, matches: &[Value], verdict: Value) {
        let mut rule = matches.to_vec();
        rule.push(verdict);
        self.rule(chain, &rule);
        rule.pop();
        rule.push(expression::drop());
        self.rule(chain, &rule);
    }
}

#[cfg(test)]
mod tests;
