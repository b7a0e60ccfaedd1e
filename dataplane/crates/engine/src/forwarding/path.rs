//! Peer paths: the ways from a waypoint of this node to a waypoint of another router.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use crate::config::{Config, Peer, PeerWaypoint, Transport};
use crate::config_error::ConfigErrorCode;
use crate::forwarding::problems::Problems;
use crate::forwarding::tables::Tables;

/// The least MTU of a device or path, in bytes: what every IPv4 host must take (RFC 791 section 3.1).
pub(crate) const MIN_MTU: u16 = 576;

/// A peer path of one set of tables. [`Tables::same_path`] finds it again in another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(u32);

impl PathId {
    /// Its place among the peer paths of its tables, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A compiled peer path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerPath {
    /// The peer's router.
    pub router: Arc<str>,
    /// The peer's node: keys belong to it.
    pub node: Arc<str>,
    /// Own waypoint.
    pub local: IpAddr,
    /// The peer's waypoint.
    pub remote: IpAddr,
    /// Cost of the waypoint; lower is preferred.
    pub cost: u32,
    /// Largest IP packet, in bytes.
    pub mtu: u16,
    /// Transport of clear TCP.
    pub transport: Transport,
    /// Every payload over it is sealed.
    pub always_encrypt: bool,
    /// Only the peer opens sessions over it.
    pub is_passive: bool,
}

/// All peer paths.
#[derive(Clone, Debug)]
pub(crate) struct PathTable {
    paths: Box<[PeerPath]>,
    by_ends: HashMap<(IpAddr, IpAddr), PathId, FxBuildHasher>,
    by_router: BTreeMap<Arc<str>, Box<[PathId]>>,
}

impl PathTable {
    pub(crate) fn build(config: &Config, problems: &mut Problems) -> Self {
        problems.check_count("peers", config.peers.len());
        let mut seen = BTreeSet::new();
        let mut builder = PathsBuilder::default();
        for peer in &config.peers {
            problems.check_name("peers", &peer.router, &mut seen);
            if peer.router == config.router {
                let message = format!("{} is this router itself", peer.router);
                problems.add(ConfigErrorCode::PeerIsSelf, format!("peers[{}]", peer.router), message);
            }
            builder.add_peer(peer, config, problems);
        }
        builder.add_passive(config);
        problems.check_count("peers.waypoints", builder.paths.len());
        Self {
            paths: builder.paths.into_boxed_slice(),
            by_ends: builder.by_ends,
            by_router: builder.by_router,
        }
    }

    pub(crate) fn get(&self, path: PathId) -> Option<&PeerPath> {
        self.paths.get(path.index())
    }

    /// The paths to a router; `None` when it is no peer.
    pub(crate) fn to_router(&self, router: &str) -> Option<&[PathId]> {
        self.by_router.get(router).map(|paths| &**paths)
    }
}

#[derive(Default)]
struct PathsBuilder {
    paths: Vec<PeerPath>,
    by_ends: HashMap<(IpAddr, IpAddr), PathId, FxBuildHasher>,
    by_router: BTreeMap<Arc<str>, Box<[PathId]>>,
    /// Router and node of each remote waypoint.
    owners: BTreeMap<IpAddr, (Arc<str>, Arc<str>)>,
}

impl PathsBuilder {
    fn add_peer(&mut self, peer: &Peer, config: &Config, problems: &mut Problems) {
        let mut ids = Vec::with_capacity(peer.waypoints.len());
        for (waypoint, index) in peer.waypoints.iter().zip(0usize..) {
            let field = format!("peers[{}].waypoints[{index}]", peer.router);
            check_waypoint(&field, waypoint, config, problems);
            self.check_owner(&field, peer, waypoint, problems);
            let id = PathId(u32::try_from(self.paths.len()).unwrap_or(u32::MAX));
            if self.by_ends.insert((waypoint.local, waypoint.address), id).is_some() {
                let message =
                    format!("there is another path from {} to {}", waypoint.local, waypoint.address);
                problems.add(ConfigErrorCode::PathDuplicate, &*field, message);
            }
            ids.push(id);
            self.paths.push(PeerPath {
                router: peer.router.clone(),
                node: waypoint.node.clone(),
                local: waypoint.local,
                remote: waypoint.address,
                cost: waypoint.cost,
                mtu: waypoint.mtu,
                transport: peer.transport,
                always_encrypt: peer.always_encrypt,
                is_passive: false,
            });
        }
        self.by_router.insert(peer.router.clone(), ids.into_boxed_slice());
    }

    /// Paths that peers may choose and this node does not: from any known waypoint of theirs to any of ours.
    fn add_passive(&mut self, config: &Config) {
        let chosen: Vec<PeerPath> = self.paths.clone();
        for path in chosen {
            for &local in config.waypoints.iter().filter(|local| local.is_ipv4() == path.remote.is_ipv4()) {
                let id = PathId(u32::try_from(self.paths.len()).unwrap_or(u32::MAX));
                if self.by_ends.contains_key(&(local, path.remote)) {
                    continue;
                }
                self.by_ends.insert((local, path.remote), id);
                self.paths.push(PeerPath { local, is_passive: true, ..path.clone() });
            }
        }
    }

    fn check_owner(&mut self, field: &str, peer: &Peer, waypoint: &PeerWaypoint, problems: &mut Problems) {
        let owner = (peer.router.clone(), waypoint.node.clone());
        let known = self.owners.entry(waypoint.address).or_insert_with(|| owner.clone());
        if *known != owner {
            let message =
                format!("{} is a waypoint of node {} of {} already", waypoint.address, known.1, known.0);
            problems.add(ConfigErrorCode::PathNodeConflict, field, message);
        }
    }
}

fn check_waypoint(field: &str, waypoint: &PeerWaypoint, config: &Config, problems: &mut Problems) {
    problems.check_text(&format!("{field}.node"), &waypoint.node);
    problems.check_address(&format!("{field}.address"), waypoint.address);
    let (local, remote) = (waypoint.local, waypoint.address);
    if !config.waypoints.contains(&local) {
        let message = format!("{local} is no waypoint of this node");
        problems.add(ConfigErrorCode::PathLocalUnknown, format!("{field}.local"), message);
    }
    if local.is_ipv4() != remote.is_ipv4() {
        let message =
            format!("{local} and {remote} cannot reach each other; use a waypoint of the same family");
        problems.add(ConfigErrorCode::PathFamilyMismatch, field, message);
    }
    if config.waypoints.contains(&remote) {
        let message = format!("{remote} is a waypoint of this node");
        problems.add(ConfigErrorCode::PathToSelf, format!("{field}.address"), message);
    }
    if waypoint.mtu < MIN_MTU {
        let message = format!("{} is below {MIN_MTU}", waypoint.mtu);
        problems.add(ConfigErrorCode::MtuInvalid, format!("{field}.mtu"), message);
    }
}

impl Tables {
    /// What is known of a peer path.
    pub fn path(&self, path: PathId) -> Option<&PeerPath> {
        self.paths.get(path)
    }

    /// All peer paths, by [`PathId::index`].
    pub fn paths(&self) -> &[PeerPath] {
        &self.paths.paths
    }

    /// All peer paths with their ids.
    pub fn path_ids(&self) -> impl Iterator<Item = (PathId, &PeerPath)> {
        self.paths.paths.iter().zip(0..).map(|(path, index)| (PathId(index), path))
    }

    /// The peer path between an own and a remote waypoint.
    pub fn path_between(&self, local: IpAddr, remote: IpAddr) -> Option<PathId> {
        self.paths.by_ends.get(&(local, remote)).copied()
    }

    /// The peer paths to a router; none when it is no peer.
    pub fn paths_to(&self, router: &str) -> &[PathId] {
        self.paths.to_router(router).unwrap_or_default()
    }

    /// The path of these tables between the same two waypoints as `path` of `former`: state of the path is carried over so.
    /// `None` when it is gone or now leads to another node.
    pub fn same_path(&self, former: &Self, path: PathId) -> Option<PathId> {
        let before = former.path(path)?;
        let id = self.path_between(before.local, before.remote)?;
        let now = self.path(id)?;
        (now.router == before.router && now.node == before.node).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::fixture::{codes, config, ip, peer, tables};

    #[test]
    fn path_is_found_by_its_two_waypoints() {
        let mut config = config();
        config.peers = vec![peer("b", &[("b1", "203.0.113.21", 0), ("b2", "203.0.113.22", 5)])];
        let tables = tables(&config);
        let id = tables.path_between(ip("192.0.2.1"), ip("203.0.113.22")).unwrap();
        let path = tables.path(id).unwrap();
        assert_eq!((&*path.router, &*path.node, path.cost), ("b", "b2", 5));
        assert_eq!(tables.path_between(ip("203.0.113.22"), ip("192.0.2.1")), None);
        assert_eq!(tables.paths_to("b").len(), 2);
        assert_eq!(tables.paths_to("c"), []);
    }

    #[test]
    fn path_keeps_its_identity_when_others_come_and_go() {
        let mut config = config();
        config.peers = vec![peer("b", &[("b1", "203.0.113.21", 0)]), peer("c", &[("c1", "203.0.113.31", 0)])];
        let before = tables(&config);
        config.peers.remove(0);
        let after = tables(&config);
        let gone = before.path_between(ip("192.0.2.1"), ip("203.0.113.21")).unwrap();
        let kept = before.path_between(ip("192.0.2.1"), ip("203.0.113.31")).unwrap();
        assert_eq!(after.same_path(&before, gone), None);
        let moved = after.same_path(&before, kept).unwrap();
        assert_ne!(moved, kept);
        assert_eq!(&*after.path(moved).unwrap().router, "c");
    }

    #[test]
    fn path_that_leads_to_another_node_is_another_path() {
        let mut config = config();
        config.peers = vec![peer("b", &[("b1", "203.0.113.21", 0)])];
        let before = tables(&config);
        config.peers = vec![peer("b", &[("b2", "203.0.113.21", 0)])];
        let id = before.path_between(ip("192.0.2.1"), ip("203.0.113.21")).unwrap();
        assert_eq!(tables(&config).same_path(&before, id), None);
    }

    #[test]
    fn impossible_peer_paths_are_refused_by_name() {
        use ConfigErrorCode as Code;
        let with = |peers: Vec<Peer>| {
            let mut config = config();
            config.peers = peers;
            codes(&config)
        };
        assert_eq!(with(vec![peer("a", &[("b1", "203.0.113.21", 0)])]), [Code::PeerIsSelf]);
        assert_eq!(with(vec![peer("b", &[("b1", "192.0.2.1", 0)])]), [Code::PathToSelf]);
        assert_eq!(with(vec![peer("b", &[("b1", "2001:db8:b::1", 0)])]), [Code::PathFamilyMismatch]);
        assert_eq!(with(vec![peer("b", &[("b1", "224.0.0.9", 0)])]), [Code::AddressInvalid]);
        let twice = vec![peer("b", &[("b1", "203.0.113.21", 0), ("b1", "203.0.113.21", 0)])];
        assert_eq!(with(twice), [Code::PathDuplicate]);
        let shared = vec![peer("b", &[("b1", "203.0.113.21", 0)]), peer("c", &[("c1", "203.0.113.21", 0)])];
        assert_eq!(with(shared), [Code::PathNodeConflict, Code::PathDuplicate]);
        let mut thin = peer("b", &[("b1", "203.0.113.21", 0)]);
        thin.waypoints[0].mtu = 575;
        thin.waypoints[0].local = ip("192.0.2.2");
        assert_eq!(with(vec![thin]), [Code::PathLocalUnknown, Code::MtuInvalid]);
    }
}
