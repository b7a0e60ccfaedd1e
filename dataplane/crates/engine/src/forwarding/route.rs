//! Service routes and their targets.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Config, Route, RoutePeer, Target, TargetSource};
use crate::config_error::ConfigErrorCode;
use crate::forwarding::path::PathTable;
use crate::forwarding::problems::Problems;
use crate::forwarding::service::{ServiceId, ServiceTable};
use crate::forwarding::tables::Tables;

/// A service route of one set of tables. Keep the name where a route must outlive a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId(u32);

impl RouteId {
    /// Its place among the service routes of its tables, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A target of one set of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetId(u32);

impl TargetId {
    /// Its place among the targets of its tables, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A compiled service route.
#[derive(Clone, Debug)]
pub struct RouteEntry {
    /// `namespace/name`.
    pub name: Arc<str>,
    /// The service it belongs to.
    pub service: ServiceId,
    /// Sessions over it, at most.
    pub max_sessions: Option<u32>,
    /// Its targets, in order.
    pub targets: Box<[TargetId]>,
    pub(crate) peers: Box<[RoutePeer]>,
}

/// A compiled target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetEntry {
    /// The service route it belongs to.
    pub route: RouteId,
    /// Names it among the targets of all configurations: service route, address, port.
    pub label: Arc<str>,
    /// The server.
    pub server: Target,
}

/// All service routes and targets.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable {
    routes: Box<[RouteEntry]>,
    targets: Box<[TargetEntry]>,
    by_name: BTreeMap<Arc<str>, RouteId>,
    /// By service.
    of_service: Box<[Box<[RouteId]>]>,
}

impl RouteTable {
    pub(crate) fn build(config: &Config, paths: &PathTable, problems: &mut Problems) -> Self {
        let mut seen = BTreeSet::new();
        let (mut routes, mut targets) = (Vec::new(), Vec::new());
        let mut by_name = BTreeMap::new();
        let mut of_service = Vec::with_capacity(config.services.len());
        for (service, entry) in ServiceTable::ids(&config.services) {
            let mut ids = Vec::with_capacity(entry.routes.len());
            for route in &entry.routes {
                let field = format!("services[{}].routes", entry.name);
                problems.check_name(&field, &route.name, &mut seen);
                check_route(&format!("{field}[{}]", route.name), route, config, paths, problems);
                let id = RouteId(u32::try_from(routes.len()).unwrap_or(u32::MAX));
                let first = targets.len();
                targets.extend(route.targets.iter().map(|server| TargetEntry {
                    route: id,
                    label: label(&route.name, server),
                    server: *server,
                }));
                let target = |index| TargetId(u32::try_from(index).unwrap_or(u32::MAX));
                routes.push(RouteEntry {
                    name: route.name.clone(),
                    service,
                    max_sessions: route.max_sessions,
                    targets: (first..targets.len()).map(target).collect(),
                    peers: route.peers.clone().into_boxed_slice(),
                });
                by_name.insert(route.name.clone(), id);
                ids.push(id);
            }
            of_service.push(ids.into_boxed_slice());
        }
        problems.check_count("routes", routes.len());
        Self {
            routes: routes.into_boxed_slice(),
            targets: targets.into_boxed_slice(),
            by_name,
            of_service: of_service.into_boxed_slice(),
        }
    }

    pub(crate) fn of_service(&self, service: ServiceId) -> Box<[RouteId]> {
        self.of_service.get(service.index()).cloned().unwrap_or_default()
    }

    pub(crate) fn route(&self, route: RouteId) -> Option<&RouteEntry> {
        self.routes.get(route.index())
    }

    pub(crate) fn target(&self, target: TargetId) -> Option<&TargetEntry> {
        self.targets.get(target.index())
    }
}

fn label(route: &str, server: &Target) -> Arc<str> {
    format!("{route} {} {}", server.address, server.port.unwrap_or(0)).into()
}

fn check_route(field: &str, route: &Route, config: &Config, paths: &PathTable, problems: &mut Problems) {
    problems.check_count(&format!("{field}.targets"), route.targets.len());
    if route.max_sessions == Some(0) {
        let message = "nothing could pass; leave it out, or remove the route";
        problems.add(ConfigErrorCode::LimitInvalid, format!("{field}.max_sessions"), message);
    }
    let mut routers = BTreeSet::new();
    for peer in &route.peers {
        let place = format!("{field}.peers[{}]", peer.router);
        if paths.to_router(&peer.router).is_none() {
            let message = format!("no peer is named {}", peer.router);
            problems.add(ConfigErrorCode::PeerUnknown, &*place, message);
        }
        if !routers.insert(&peer.router) {
            problems.add(ConfigErrorCode::PeerDuplicate, &*place, format!("{} is there twice", peer.router));
        }
    }
    let mut servers = BTreeSet::new();
    for (target, index) in route.targets.iter().zip(0usize..) {
        let place = format!("{field}.targets[{index}]");
        check_target(&place, target, config, problems);
        if !servers.insert((target.address, target.port)) {
            let message = format!("{} is there twice", describe_target(target));
            problems.add(ConfigErrorCode::TargetDuplicate, place, message);
        }
    }
}

fn check_target(field: &str, target: &Target, config: &Config, problems: &mut Problems) {
    problems.check_address(&format!("{field}.address"), target.address);
    if target.port == Some(0) {
        let message = "port 0 is no port; leave it out to use the one the client dialled";
        problems.add(ConfigErrorCode::TargetInvalid, format!("{field}.port"), message);
    }
    // Such a packet would come back to this engine for ever.
    let mut pools = config.service_pool.iter().chain(&config.return_pool);
    if let Some(pool) = pools.find(|pool| pool.contains(target.address)) {
        let message = format!("{} lies in the pool {pool}; name the server itself", target.address);
        problems.add(ConfigErrorCode::TargetInvalid, format!("{field}.address"), message);
    }
    let ipv6 = target.address.is_ipv6();
    match target.source {
        TargetSource::ReturnPool if !config.return_pool.iter().any(|pool| pool.address.is_ipv6() == ipv6) => {
            let message = format!("the return pool has no {} prefix", if ipv6 { "IPv6" } else { "IPv4" });
            problems.add(ConfigErrorCode::ReturnPoolMissing, format!("{field}.source"), message);
        }
        TargetSource::Node(source) if source.is_ipv6() != ipv6 => {
            let message = format!("{source} cannot reach {}", target.address);
            problems.add(ConfigErrorCode::TargetInvalid, format!("{field}.source"), message);
        }
        TargetSource::ReturnPool | TargetSource::Node(_) | TargetSource::Preserve => {}
    }
}

/// Address and port as people write them.
pub(crate) fn describe_target(target: &Target) -> String {
    match (target.address, target.port) {
        (address, None) => address.to_string(),
        (IpAddr::V4(address), Some(port)) => format!("{address}:{port}"),
        (IpAddr::V6(address), Some(port)) => format!("[{address}]:{port}"),
    }
}

impl Tables {
    /// What is known of a service route.
    pub fn route(&self, route: RouteId) -> Option<&RouteEntry> {
        self.routes.route(route)
    }

    /// All service routes, by [`RouteId::index`].
    pub fn routes(&self) -> &[RouteEntry] {
        &self.routes.routes
    }

    /// The service route with this name.
    pub fn route_named(&self, name: &str) -> Option<RouteId> {
        self.routes.by_name.get(name).copied()
    }

    /// What is known of a target.
    pub fn target(&self, target: TargetId) -> Option<&TargetEntry> {
        self.routes.target(target)
    }

    /// All targets, by [`TargetId::index`].
    pub fn targets(&self) -> &[TargetEntry] {
        &self.routes.targets
    }

    /// The target of a service that `address` and `port` belong to, healthy or not, when the client dialled `dialled`: an
    /// earlier decision is taken up again with it. A `dialled` of 0 means a protocol without ports: the address decides.
    pub fn target_at(
        &self,
        service: ServiceId,
        address: IpAddr,
        port: u16,
        dialled: u16,
    ) -> Option<(RouteId, TargetId)> {
        let routes = self.service(service)?.routes.iter().filter_map(|id| self.route(*id));
        routes.flat_map(|route| route.targets.iter()).find_map(|id| {
            let target = self.target(*id)?;
            let has_ports = dialled != 0;
            (target.server.address == address
                && (!has_ports || target.server.port.unwrap_or(dialled) == port))
                .then_some((target.route, *id))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::fixture::{codes, config, ip, peer, prefix, route, service, tables, target};

    #[test]
    fn target_is_found_again_by_the_port_it_listens_at() {
        let mut config = config();
        let own = route("prod/own").target(target("10.0.0.5", Some(5432)));
        let any = route("prod/any").target(target("10.0.0.6", None));
        config.services = vec![service("prod/db").route(own).route(any).build()];
        let tables = tables(&config);
        let db = tables.service_named("prod/db").unwrap();
        let (route, found) = tables.target_at(db, ip("10.0.0.5"), 5432, 80).unwrap();
        assert_eq!(&*tables.route(route).unwrap().name, "prod/own");
        assert_eq!(tables.target(found).unwrap().server.address, ip("10.0.0.5"));
        assert!(tables.target_at(db, ip("10.0.0.6"), 80, 80).is_some());
        assert!(tables.target_at(db, ip("10.0.0.6"), 81, 80).is_none());
        assert!(tables.target_at(db, ip("10.0.0.7"), 80, 80).is_none());
    }

    #[test]
    fn impossible_service_routes_are_refused_by_name() {
        use ConfigErrorCode as Code;
        let with = |built: crate::forwarding::fixture::RouteBuilder| {
            let mut config = config();
            config.peers = vec![peer("b", &[("b1", "203.0.113.21", 0)])];
            config.return_pool = vec![prefix("169.254.96.0/20")];
            config.services = vec![service("prod/db").route(built).build()];
            codes(&config)
        };
        assert_eq!(with(route("r").peer("z", 1)), [Code::PeerUnknown]);
        assert_eq!(with(route("r").peer("b", 1).peer("b", 2)), [Code::PeerDuplicate]);
        assert_eq!(with(route("r").peer("b", 1).max_sessions(0)), [Code::LimitInvalid]);
        assert_eq!(with(route("r").target(target("10.0.0.5", Some(0)))), [Code::TargetInvalid]);
        assert_eq!(with(route("r").target(target("198.18.0.9", None))), [Code::TargetInvalid]);
        assert_eq!(with(route("r").target(target("fd00::5", None))), [Code::ReturnPoolMissing]);
        let twice = route("r").target(target("10.0.0.5", None)).target(target("10.0.0.5", None));
        assert_eq!(with(twice), [Code::TargetDuplicate]);
        let mut foreign = target("10.0.0.5", None);
        foreign.source = TargetSource::Node(ip("fd00::1"));
        assert_eq!(with(route("r").target(foreign)), [Code::TargetInvalid]);
    }

    #[test]
    fn route_names_are_unique_over_all_services() {
        let mut config = config();
        config.services = vec![
            service("prod/db").route(route("prod/r")).build(),
            service("prod/web").route(route("prod/r")).build(),
        ];
        assert_eq!(codes(&config), [ConfigErrorCode::NameDuplicate]);
    }
}
