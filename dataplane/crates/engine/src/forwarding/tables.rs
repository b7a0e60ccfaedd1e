//! One configuration, compiled: what all workers of a node share and look things up in.

use core::net::IpAddr;
use std::collections::BTreeSet;
use std::sync::Arc;

use quiver_crypto::SharedSecret;

use crate::config::{Cipher, Config, MetadataProtection, PortRange, Prefix, Rejection, ServiceMatch};
use crate::config_error::{ConfigError, ConfigErrorCode};
use crate::forwarding::path::{MIN_MTU, PathTable};
use crate::forwarding::problems::Problems;
use crate::forwarding::route::RouteTable;
use crate::forwarding::service::ServiceTable;
use crate::forwarding::tenant::TenantTable;

/// The fewest waypoint ports: two pairs.
const MIN_WAYPOINT_PORTS: u16 = 4;
/// Versions of the fabric secret, at most.
const MAX_SECRETS: usize = 4;

/// A compiled configuration. Immutable; its ids are valid for itself only.
#[derive(Clone, Debug)]
pub struct Tables {
    /// What concerns the node as a whole.
    pub node: NodeSettings,
    pub(crate) tenants: TenantTable,
    pub(crate) services: ServiceTable,
    pub(crate) routes: RouteTable,
    pub(crate) paths: PathTable,
}

/// What concerns the node as a whole.
#[derive(Clone, Debug)]
pub struct NodeSettings {
    /// Name of the fabric.
    pub fabric: Arc<str>,
    /// Name of this router.
    pub router: Arc<str>,
    /// Name of this node.
    pub node: Arc<str>,
    /// Own waypoints, the preferred one of each family first.
    pub waypoints: Box<[IpAddr]>,
    /// Ports of waypoints.
    pub waypoint_ports: PortRange,
    /// Prefixes clients dial.
    pub service_pool: Box<[Prefix]>,
    /// Prefixes of source addresses towards local servers.
    pub return_pool: Box<[Prefix]>,
    /// Versions of the fabric secret, by security identifier.
    pub secrets: Box<[(u32, SharedSecret)]>,
    /// The version to send with.
    pub active_secret: u32,
    /// How payload TLVs of metadata are protected.
    pub metadata: MetadataProtection,
    /// Algorithms of metadata.
    pub cipher: Cipher,
    /// Sessions of this engine, at most.
    pub max_sessions: u32,
    /// What a denied local client is told.
    pub rejection: Rejection,
    /// Whether a denied tenant falls through to the next matching service.
    pub service_match: ServiceMatch,
    /// Largest IP packet of the LAN side, in bytes.
    pub lan_mtu: u16,
}

impl NodeSettings {
    /// The fabric secret of a version.
    pub fn secret(&self, version: u32) -> Option<&SharedSecret> {
        self.secrets.iter().find(|(known, _)| *known == version).map(|(_, secret)| secret)
    }

    /// Whether an address is one that clients dial.
    pub fn in_service_pool(&self, address: IpAddr) -> bool {
        self.service_pool.iter().any(|pool| pool.contains(address))
    }

    /// Whether an address is one that servers answer to.
    pub fn in_return_pool(&self, address: IpAddr) -> bool {
        self.return_pool.iter().any(|pool| pool.contains(address))
    }

    fn build(config: &Config, problems: &mut Problems) -> Self {
        for (field, name) in [("fabric", &config.fabric), ("router", &config.router), ("node", &config.node)]
        {
            problems.check_text(field, name);
        }
        check_waypoints(config, problems);
        check_pools(config, problems);
        check_secrets(config, problems);
        if config.max_sessions == 0 {
            problems.add(ConfigErrorCode::LimitInvalid, "max_sessions", "no session could be opened");
        }
        if config.lan_mtu < MIN_MTU {
            let message = format!("{} is below {MIN_MTU}", config.lan_mtu);
            problems.add(ConfigErrorCode::MtuInvalid, "lan_mtu", message);
        }
        Self {
            fabric: config.fabric.clone(),
            router: config.router.clone(),
            node: config.node.clone(),
            waypoints: config.waypoints.clone().into_boxed_slice(),
            waypoint_ports: config.waypoint_ports,
            service_pool: config.service_pool.clone().into_boxed_slice(),
            return_pool: config.return_pool.clone().into_boxed_slice(),
            secrets: config.secrets.clone().into_boxed_slice(),
            active_secret: config.active_secret,
            metadata: config.metadata,
            cipher: config.cipher,
            max_sessions: config.max_sessions,
            rejection: config.rejection,
            service_match: config.service_match,
            lan_mtu: config.lan_mtu,
        }
    }
}

impl Tables {
    /// Compiles a configuration, or tells everything that is wrong with it. Allocates; not for the packet path.
    pub fn build(config: &Config) -> Result<Self, Vec<ConfigError>> {
        let mut problems = Problems::default();
        let node = NodeSettings::build(config, &mut problems);
        let tenants = TenantTable::build(&config.tenants, &mut problems);
        let paths = PathTable::build(config, &mut problems);
        let routes = RouteTable::build(config, &paths, &mut problems);
        let services = ServiceTable::build(&config.services, &routes, &paths, &mut problems);
        if problems.is_empty() {
            Ok(Self { node, tenants, services, routes, paths })
        } else {
            Err(problems.into_vec())
        }
    }
}

fn check_waypoints(config: &Config, problems: &mut Problems) {
    let has_paths = config.peers.iter().any(|peer| !peer.waypoints.is_empty());
    if has_paths && config.waypoints.is_empty() {
        let message = "give the node an address at which it sends and receives";
        problems.add(ConfigErrorCode::WaypointMissing, "waypoints", message);
    }
    let mut seen = BTreeSet::new();
    for waypoint in &config.waypoints {
        let field = format!("waypoints[{waypoint}]");
        problems.check_address(&field, *waypoint);
        if !seen.insert(waypoint) {
            problems.add(ConfigErrorCode::WaypointDuplicate, &*field, format!("{waypoint} is there twice"));
        }
        let mut pools = config.service_pool.iter().chain(&config.return_pool);
        if let Some(pool) = pools.find(|pool| pool.contains(*waypoint)) {
            let message = format!("{waypoint} lies in {pool}; pools must hold no address of a node");
            problems.add(ConfigErrorCode::WaypointInPool, &*field, message);
        }
    }
    let PortRange { first, last } = config.waypoint_ports;
    if first == 0 || first > last {
        let message = format!("{first}-{last} is not a range of ports from 1 up");
        problems.add(ConfigErrorCode::WaypointPortsInvalid, "waypoint_ports", message);
    } else if last - first < MIN_WAYPOINT_PORTS - 1 {
        let message = format!("{first}-{last} holds fewer than {MIN_WAYPOINT_PORTS} ports");
        problems.add(ConfigErrorCode::WaypointPortsTooFew, "waypoint_ports", message);
    }
}

fn check_pools(config: &Config, problems: &mut Problems) {
    for (field, pool) in [("service_pool", &config.service_pool), ("return_pool", &config.return_pool)] {
        problems.check_count(field, pool.len());
        for prefix in pool {
            problems.check_prefix(field, prefix);
        }
    }
    for prefix in &config.service_pool {
        if let Some(other) = config.return_pool.iter().find(|other| prefix.overlaps(other)) {
            let message = format!("{other} overlaps {prefix} of the service pool");
            problems.add(ConfigErrorCode::PoolOverlap, "return_pool", message);
        }
    }
}

fn check_secrets(config: &Config, problems: &mut Problems) {
    let has_paths = config.peers.iter().any(|peer| !peer.waypoints.is_empty());
    if config.secrets.is_empty() {
        if has_paths {
            let message = "peer paths need a fabric secret to authenticate metadata";
            problems.add(ConfigErrorCode::SecretMissing, "secrets", message);
        }
        return;
    }
    if config.secrets.len() > MAX_SECRETS {
        let message =
            format!("{} versions; remove those that no node sends with any more", config.secrets.len());
        problems.add(ConfigErrorCode::SecretTooMany, "secrets", message);
    }
    let mut seen = BTreeSet::new();
    for (version, _) in &config.secrets {
        if !seen.insert(version) {
            let message = format!("version {version} is there twice");
            problems.add(ConfigErrorCode::SecretDuplicate, format!("secrets[{version}]"), message);
        }
    }
    if !seen.contains(&config.active_secret) {
        let message = format!("version {} is not among the given ones", config.active_secret);
        problems.add(ConfigErrorCode::SecretActiveMissing, "active_secret", message);
    }
}

#[cfg(test)]
mod tests;
