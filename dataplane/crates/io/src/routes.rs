//! Our routes: pools to the engine, and other nodes' pods to their nodes.

use std::collections::BTreeSet;

use quiver_api::PodNetwork;
use quiver_engine::config::Prefix;

use crate::control::Possessions;
use crate::fault::{Fault, FaultCode};
use crate::netlink::{Netlink, Route, RouteKind};

/// `rtm_protocol` of routes to the engine: by it they are found again after a crash.
const TO_ENGINE: u8 = 81;
/// Of routes to pods.
const TO_PODS: u8 = 82;
/// Of routes to the engine.
const METRIC: u32 = 81;
/// Of routes that catch what nothing else does; the instance's number is added.
const BLACKHOLE_METRIC: u32 = 4000;
/// Of routes to pods; the instance's number is added.
const POD_METRIC: u32 = 82;

/// Pools lead to the engine, and nowhere without it.
pub(crate) fn to_engine(pools: impl IntoIterator<Item = Prefix>, ours: &Possessions) -> BTreeSet<Route> {
    let both = |prefix| {
        let route = |kind, metric| Route { prefix, kind, via: None, metric, protocol: TO_ENGINE };
        [
            route(RouteKind::Device(ours.link), METRIC),
            route(RouteKind::Blackhole, BLACKHOLE_METRIC + ours.number),
        ]
    };
    pools.into_iter().flat_map(both).collect()
}

/// Other nodes' pods are reached through their nodes; addresses of own pods that are not there lead nowhere. The sentences tell of
/// nodes that are no neighbours.
pub(crate) fn to_pods(
    network: &PodNetwork,
    ours: &Possessions,
    netlink: &mut Netlink,
) -> Result<(BTreeSet<Route>, Vec<String>), Fault> {
    let blackhole = |prefix: &Prefix| Route {
        prefix: *prefix,
        kind: RouteKind::Blackhole,
        via: None,
        metric: BLACKHOLE_METRIC + ours.number,
        protocol: TO_PODS,
    };
    let mut routes: BTreeSet<Route> = network.own.iter().map(blackhole).collect();
    let mut unreachable = Vec::new();
    for route in &network.routes {
        let way = netlink.route_towards(route.via, None).map_err(|e| Fault::kernel("read routes", &e))?;
        let Some(way) = way.filter(|way| way.gateway.is_none() && !way.local) else {
            unreachable.push(format!(
                "pods of {} cannot be reached: their node {} is no neighbour of this node; put all nodes into one network, or leave the pod network to another plugin",
                show(&route.prefix),
                route.via
            ));
            continue;
        };
        routes.insert(Route {
            prefix: route.prefix,
            kind: RouteKind::Device(way.device),
            via: Some(route.via),
            metric: POD_METRIC + ours.number,
            protocol: TO_PODS,
        });
    }
    Ok((routes, unreachable))
}

/// Makes our routes exactly `wanted`.
pub(crate) fn set(
    netlink: &mut Netlink,
    possessions: &Possessions,
    wanted: &BTreeSet<Route>,
) -> Result<(), Fault> {
    let all = netlink.routes().map_err(|e| Fault::kernel("read routes", &e))?;
    let mut ours: BTreeSet<Route> = all.into_iter().filter(|route| is_ours(route, possessions)).collect();
    // First what is new: at no moment a packet may find neither.
    let fresh: Vec<Route> = wanted.difference(&ours).copied().collect();
    for route in &fresh {
        let former = ours
            .iter()
            .find(|former| former.prefix == route.prefix && former.metric == route.metric)
            .copied();
        let added = match former {
            Some(former) => netlink.replace_route(route).inspect(|()| {
                ours.remove(&former);
            }),
            None => netlink.add_route(route),
        };
        added.map_err(|error| not_added(route, &error))?;
    }
    for route in ours.difference(wanted) {
        netlink
            .delete_route(route)
            .map_err(|e| Fault::kernel(format_args!("remove the route of {}", show(&route.prefix)), &e))?;
    }
    Ok(())
}

fn is_ours(route: &Route, possessions: &Possessions) -> bool {
    let Possessions { link, number, .. } = possessions;
    match (route.protocol, route.kind) {
        (TO_ENGINE | TO_PODS, RouteKind::Blackhole) => route.metric == BLACKHOLE_METRIC + number,
        (TO_ENGINE, RouteKind::Device(index)) => index == *link,
        (TO_PODS, RouteKind::Device(_)) => route.metric == POD_METRIC + number,
        (_, _) => false,
    }
}

fn show(prefix: &Prefix) -> String {
    format!("{}/{}", prefix.address, prefix.length)
}

fn not_added(route: &Route, error: &std::io::Error) -> Fault {
    let shown = show(&route.prefix);
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Fault::new(
            FaultCode::NameTaken,
            format_args!(
                "somebody else's route to {shown} has metric {}; remove it or choose another prefix",
                route.metric
            ),
        );
    }
    if route.prefix.address.is_ipv6() {
        return Fault::kernel(format_args!("route {shown} (is IPv6 turned off on this node?)"), error);
    }
    Fault::kernel(format_args!("route {shown}"), error)
}
