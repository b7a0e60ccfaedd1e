//! The pod network of a node, where Quiver is all of it.

use core::net::IpAddr;

use quiver_engine::config::Prefix;

use crate::proto;
use crate::rejected::{Problems, RejectCode};
use crate::value;

/// RFC 8200 section 5.
const LEAST_MTU: u32 = 1280;

/// Addresses of this node's pods, and the way to those of the other nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodNetwork {
    /// Prefixes of this node's pods, at most one of each family.
    pub own: Vec<Prefix>,
    /// Prefixes of the other nodes' pods.
    pub routes: Vec<PodRoute>,
    /// Whether packets of pods that leave the cluster get the node's address.
    pub masquerade: bool,
}

/// The way to the pods of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodRoute {
    /// Their prefix.
    pub prefix: Prefix,
    /// That node's address, of the same family.
    pub via: IpAddr,
}

/// The pod network, or every problem of it; `pools` are the prefixes that lead to the engine.
pub(crate) fn pod_network(
    given: Option<&proto::PodNetwork>,
    pools: &[Prefix],
    problems: &mut Problems,
) -> Option<PodNetwork> {
    let given = given?;
    let own = value::prefixes(&given.own_cidrs, "pod_network.own_cidrs", problems);
    for (i, prefix) in own.iter().enumerate() {
        let field = format!("pod_network.own_cidrs[{i}]");
        let others = own.iter().take(i);
        if others.into_iter().any(|other| other.address.is_ipv4() == prefix.address.is_ipv4()) {
            problems.reject(
                RejectCode::OutOfRange,
                &field,
                "a node's pods have one prefix of each address family",
            );
        }
        apart_from_pools(*prefix, pools, &field, problems);
    }
    if given.mtu != 0 && !(LEAST_MTU..=u16::MAX.into()).contains(&given.mtu) {
        let sentence =
            format_args!("{} is no MTU for pods; it is {LEAST_MTU} to {}, or 0", given.mtu, u16::MAX);
        problems.reject(RejectCode::OutOfRange, "pod_network.mtu", sentence);
    }
    let routes = routes(&given.routes, &own, pools, problems);
    Some(PodNetwork { own, routes, masquerade: given.masquerade })
}

fn routes(
    given: &[proto::PodRoute],
    own: &[Prefix],
    pools: &[Prefix],
    problems: &mut Problems,
) -> Vec<PodRoute> {
    let mut routes: Vec<PodRoute> = Vec::with_capacity(given.len());
    for (i, route) in given.iter().enumerate() {
        let field = format!("pod_network.routes[{i}].cidr");
        let prefix = value::prefix(&route.cidr, &field, problems);
        let via = value::address(&route.via, format_args!("pod_network.routes[{i}].via"), problems);
        let (Some(prefix), Some(via)) = (prefix, via) else { continue };
        apart_from_pools(prefix, pools, &field, problems);
        if prefix.address.is_ipv4() != via.is_ipv4() {
            problems.reject(
                RejectCode::InvalidAddress,
                format_args!("pod_network.routes[{i}].via"),
                format_args!("{via} and {} are of different address families", route.cidr),
            );
        }
        if own.iter().any(|own| holds(own, &prefix)) {
            let sentence = format_args!("{} belongs to the pods of this node itself", route.cidr);
            problems.reject(RejectCode::InvalidPrefix, &field, sentence);
        }
        if routes.iter().any(|other| other.prefix == prefix) {
            problems.reject(RejectCode::InvalidPrefix, &field, format_args!("{} is there twice", route.cidr));
        }
        routes.push(PodRoute { prefix, via });
    }
    routes
}

fn apart_from_pools(prefix: Prefix, pools: &[Prefix], field: &str, problems: &mut Problems) {
    if let Some(pool) = pools.iter().find(|pool| holds(pool, &prefix) || holds(&prefix, pool)) {
        problems.reject(
            RejectCode::InvalidPrefix,
            field,
            format_args!(
                "pods' addresses overlap the pool {}/{}; choose another prefix",
                pool.address, pool.length
            ),
        );
    }
}

/// Whether `inner` is a part of `outer`, or the same.
fn holds(outer: &Prefix, inner: &Prefix) -> bool {
    let same = match (outer.address, inner.address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    outer.length <= inner.length && same >= outer.length.into()
}
