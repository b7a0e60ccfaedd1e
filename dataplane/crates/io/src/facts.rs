//! What the kernel would do with packets of a configuration: next hops, MTUs, source addresses.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use quiver_api::Surroundings;
use quiver_api::proto::{NodeConfig, TargetSource};

use crate::netlink::{Link, Netlink, RouteKind};
use crate::steering::Hop;

/// Answers about routes, taken at one moment. Equal facts lead to equal tables and rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    paths: BTreeMap<(IpAddr, IpAddr), Way>,
    targets: BTreeMap<IpAddr, Way>,
    /// Names of devices that hold a waypoint, or that a route to a gateway leaves by: a peer's packets may come in by any of them.
    uplinks: BTreeSet<String>,
    /// Waypoints that are no addresses of this node now.
    pub absent_waypoints: Vec<IpAddr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    own: IpAddr,
    next_hop: IpAddr,
    device: String,
    mtu: u16,
}

impl Facts {
    /// Asks the kernel about everything `node` names. Malformed values are passed over: conversion tells them.
    pub fn gather(node: &NodeConfig, netlink: &mut Netlink) -> io::Result<Self> {
        let links = netlink.links()?;
        let addresses: BTreeMap<IpAddr, u32> = netlink.addresses()?.into_iter().collect();
        let waypoints: Vec<IpAddr> = node.waypoints.iter().filter_map(|w| w.address.parse().ok()).collect();
        let mut facts = Self::default();
        for waypoint in &waypoints {
            let device = addresses.get(waypoint).and_then(|index| links.iter().find(|l| l.index == *index));
            match device {
                Some(device) if !device.loopback => {
                    facts.uplinks.insert(device.name.clone());
                }
                Some(_) => {}
                None => facts.absent_waypoints.push(*waypoint),
            }
        }
        for route in netlink.routes()?.iter().filter(|route| route.via.is_some()) {
            let device = links.iter().find(|link| route.kind == RouteKind::Device(link.index));
            facts.uplinks.extend(device.filter(|device| !device.loopback).map(|device| device.name.clone()));
        }
        for (local, remote) in paths(node, &waypoints) {
            if let Some(way) = way(netlink, &links, remote, Some(local))? {
                facts.paths.insert((local, remote), way);
            }
        }
        for target in targets(node) {
            if let Some(way) = way(netlink, &links, target, None)? {
                facts.targets.insert(target, way);
            }
        }
        Ok(facts)
    }

    /// Devices by which packets of peers and remote servers may come in.
    pub fn uplinks(&self) -> Vec<String> {
        let ways = self.paths.values().chain(self.targets.values()).map(|way| &way.device);
        let all: BTreeSet<&String> = self.uplinks.iter().chain(ways).collect();
        all.into_iter().cloned().collect()
    }

    /// Ways to peers.
    pub fn paths(&self) -> Vec<Hop> {
        self.paths.iter().map(|((_, remote), way)| way.hop(*remote)).collect()
    }

    /// Ways to servers that see this node's address.
    pub fn targets(&self) -> Vec<Hop> {
        self.targets.iter().map(|(remote, way)| way.hop(*remote)).collect()
    }
}

impl Surroundings for Facts {
    fn source_towards(&self, target: IpAddr) -> Option<IpAddr> {
        self.targets.get(&target).map(|way| way.own)
    }

    fn path_mtu(&self, local: IpAddr, remote: IpAddr) -> Option<u16> {
        self.paths.get(&(local, remote)).map(|way| way.mtu)
    }
}

impl Way {
    fn hop(&self, remote: IpAddr) -> Hop {
        Hop { own: self.own, remote, next_hop: self.next_hop, device: self.device.clone() }
    }
}

fn paths(node: &NodeConfig, waypoints: &[IpAddr]) -> BTreeSet<(IpAddr, IpAddr)> {
    let parsed = node.peers.iter().flat_map(|peer| &peer.waypoints).filter_map(|w| {
        let remote: IpAddr = w.address.parse().ok()?;
        let first = waypoints.iter().copied().find(|own| own.is_ipv4() == remote.is_ipv4());
        let local = w.local_address.parse().ok().or(first)?;
        Some((local, remote))
    });
    parsed.collect()
}

fn targets(node: &NodeConfig) -> BTreeSet<IpAddr> {
    node.services
        .iter()
        .flat_map(|service| &service.routes)
        .flat_map(|route| &route.targets)
        .filter(|target| target.source() == TargetSource::Node)
        .filter_map(|target| target.address.parse().ok())
        .collect()
}

fn way(
    netlink: &mut Netlink,
    links: &[Link],
    remote: IpAddr,
    local: Option<IpAddr>,
) -> io::Result<Option<Way>> {
    let Some(route) = netlink.route_towards(remote, local)? else { return Ok(None) };
    let Some(link) = links.iter().find(|link| link.index == route.device) else { return Ok(None) };
    let Some(own) = local.or(route.source) else { return Ok(None) };
    if route.local || link.loopback {
        return Ok(None);
    }
    let mtu = route.mtu.filter(|&mtu| mtu > 0).unwrap_or(link.mtu).min(link.mtu);
    Ok(Some(Way {
        own,
        next_hop: route.gateway.unwrap_or(remote),
        device: link.name.clone(),
        mtu: u16::try_from(mtu).unwrap_or(u16::MAX),
    }))
}
