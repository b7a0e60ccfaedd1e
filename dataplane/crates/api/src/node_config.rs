//! The whole configuration of a node.

use core::net::IpAddr;

use quiver_engine::config::{Cipher, Config, MetadataProtection, Prefix, Rejection, ServiceMatch};

use crate::interfaces::InterfaceNames;
use crate::pod_network::{self, PodNetwork};
use crate::proto::{self, NodeConfig, Rejected, SecretMaterial};
use crate::rejected::{Problems, RejectCode};
use crate::surroundings::Surroundings;
use crate::{keys, peers, services, tenants, value};

const DEFAULT_MAX_SESSIONS: u32 = 262_144;

/// A configuration as the engine takes it, and what it means to the devices around.
#[derive(Clone, Debug)]
pub struct Converted {
    /// For the engine.
    pub config: Config,
    /// Interfaces that tenants name.
    pub interfaces: InterfaceNames,
    /// The node's pod network, where Quiver is all of it.
    pub pod_network: Option<PodNetwork>,
}

/// What parts of a configuration need to know of the others.
pub(crate) struct Context<'a> {
    pub(crate) waypoints: &'a [IpAddr],
    pub(crate) return_pool: &'a [Prefix],
    pub(crate) surroundings: &'a dyn Surroundings,
}

impl Context<'_> {
    /// The first own waypoint of the family of `other`, or a problem at `field`.
    pub(crate) fn waypoint_like(
        &self,
        other: IpAddr,
        field: &str,
        problems: &mut Problems,
    ) -> Option<IpAddr> {
        let found = self.waypoints.iter().copied().find(|w| w.is_ipv4() == other.is_ipv4());
        if found.is_none() {
            problems.reject(
                RejectCode::NoWaypoint,
                field,
                format_args!("this node has no waypoint of the address family of {other}"),
            );
        }
        found
    }
}

/// Converts a configuration, or names everything that is wrong with it.
///
/// `lan_mtu` is the MTU of the device towards local clients and servers, in bytes.
pub fn convert(
    node: &NodeConfig,
    secrets: &[SecretMaterial],
    surroundings: &dyn Surroundings,
    lan_mtu: u16,
) -> Result<Converted, Vec<Rejected>> {
    let mut problems = Problems::default();
    let p = &mut problems;
    let waypoints = waypoints(&node.waypoints, p);
    let return_pool = value::prefixes(&node.return_pool, "return_pool", p);
    let context = Context { waypoints: &waypoints, return_pool: &return_pool, surroundings };
    let interfaces = InterfaceNames::of(&node.tenants);
    let (keys, active_secret) = keys::keys(node.key_source.as_ref(), secrets, p);
    let config = Config {
        fabric: value::name(&node.fabric, "fabric", p),
        router: value::name(&node.router, "router", p),
        node: value::name(&node.node, "node", p),
        waypoint_ports: value::waypoint_ports(node.waypoint_ports.as_ref(), p),
        service_pool: value::prefixes(&node.service_pool, "service_pool", p),
        secrets: keys,
        active_secret,
        metadata: metadata(node.metadata, p),
        cipher: cipher(node.cipher, p),
        max_sessions: max_sessions(node.limits.as_ref()),
        rejection: rejection(node.rejection, p),
        service_match: service_match(node.service_match, p),
        tenants: tenants::tenants(&node.tenants, &interfaces, p),
        services: services::services(&node.services, &context, p),
        peers: peers::peers(&node.peers, &context, p),
        waypoints: waypoints.clone(),
        return_pool: return_pool.clone(),
        lan_mtu,
    };
    let pools: Vec<Prefix> = config.service_pool.iter().chain(&config.return_pool).copied().collect();
    let pod_network = pod_network::pod_network(node.pod_network.as_ref(), &pools, p);
    problems.finish(Converted { config, interfaces, pod_network })
}

fn waypoints(list: &[proto::Waypoint], problems: &mut Problems) -> Vec<IpAddr> {
    list.iter()
        .enumerate()
        .filter_map(|(i, w)| value::address(&w.address, format_args!("waypoints[{i}].address"), problems))
        .collect()
}

fn max_sessions(limits: Option<&proto::Limits>) -> u32 {
    limits.map(|l| l.max_sessions).filter(|&n| n > 0).unwrap_or(DEFAULT_MAX_SESSIONS)
}

fn metadata(value: i32, problems: &mut Problems) -> MetadataProtection {
    match value::choice(value, "metadata", problems) {
        proto::MetadataProtection::Unspecified | proto::MetadataProtection::Sealed => {
            MetadataProtection::Sealed
        }
        proto::MetadataProtection::Signed => MetadataProtection::Signed,
    }
}

fn cipher(value: i32, problems: &mut Problems) -> Cipher {
    match value::choice(value, "cipher", problems) {
        proto::Cipher::Unspecified | proto::Cipher::Aes256Gcm => Cipher::Aes256Gcm,
        proto::Cipher::Aes256CbcHmacSha256128 => Cipher::Aes256CbcHmacSha256,
    }
}

fn rejection(value: i32, problems: &mut Problems) -> Rejection {
    match value::choice(value, "rejection", problems) {
        proto::Rejection::Unspecified | proto::Rejection::Tell => Rejection::Tell,
        proto::Rejection::Silent => Rejection::Silent,
    }
}

fn service_match(value: i32, problems: &mut Problems) -> ServiceMatch {
    match value::choice(value, "service_match", problems) {
        proto::ServiceMatch::Unspecified | proto::ServiceMatch::BestOnly => ServiceMatch::BestOnly,
        proto::ServiceMatch::Any => ServiceMatch::Any,
    }
}
