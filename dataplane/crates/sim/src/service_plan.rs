//! A service of a simulated fabric and the ways to it.

use quiver_engine::config::{
    AccessRule, Encryption, Integrity, PortRange, PortRule, Route, RoutePeer, Service, Spread, Target,
    TargetSource,
};
use quiver_wire::ip::protocol;

use crate::plan::{address_of, prefix};

/// A service and the ways to it.
#[derive(Clone, Debug)]
pub struct ServicePlan {
    service: Service,
    targets: Vec<(String, Target)>,
    via: Vec<(String, String, u32)>,
}

impl ServicePlan {
    /// A service that covers everything at these prefixes (`198.18.0.1/32`) and admits nobody.
    pub fn new(name: &str, addresses: &[&str]) -> Self {
        let service = Service {
            name: format!("lab/{name}").into(),
            addresses: addresses.iter().map(|text| prefix(text)).collect(),
            ports: vec![],
            access: vec![],
            public: false,
            encryption: Encryption::Never,
            integrity: Integrity::Metadata,
            idle_timeout: None,
            spread: Spread::Hunt,
            routes: vec![],
        };
        Self { service, targets: vec![], via: vec![] }
    }

    /// Covers these TCP ports.
    pub fn tcp(self, first: u16, last: u16) -> Self {
        self.ports(protocol::TCP, first, last)
    }

    /// Covers these UDP ports.
    pub fn udp(self, first: u16, last: u16) -> Self {
        self.ports(protocol::UDP, first, last)
    }

    /// Covers a whole protocol.
    pub fn protocol(mut self, number: u8) -> Self {
        self.service.ports.push(PortRule { protocol: number, ports: None });
        self
    }

    /// Admits a tenant and its children.
    pub fn allow(self, tenant: &str) -> Self {
        self.access(tenant, true)
    }

    /// Refuses a tenant and its children.
    pub fn deny(self, tenant: &str) -> Self {
        self.access(tenant, false)
    }

    /// Admits sources without a tenant.
    pub fn public(mut self) -> Self {
        self.service.public = true;
        self
    }

    /// Payload encryption; [`Encryption::Never`] unless said otherwise.
    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.service.encryption = encryption;
        self
    }

    /// Changes the service in other ways.
    pub fn with(mut self, change: impl FnOnce(&mut Service)) -> Self {
        change(&mut self.service);
        self
    }

    /// A server at a router, seen from the return pool, on the port the client dialled.
    pub fn server(self, router: &str, address: &str) -> Self {
        self.target(router, address, TargetSource::ReturnPool)
    }

    /// A server at a router with another source address.
    pub fn target(self, router: &str, address: &str, source: TargetSource) -> Self {
        self.target_with(router, address, |target| target.source = source)
    }

    /// A server at a router, changed in other ways.
    pub fn target_with(mut self, router: &str, address: &str, change: impl FnOnce(&mut Target)) -> Self {
        let mut target = Target {
            address: address_of(address),
            port: None,
            weight: 1,
            healthy: true,
            source: TargetSource::ReturnPool,
        };
        change(&mut target);
        self.targets.push((router.to_owned(), target));
        self
    }

    /// Router `from` reaches it through `to`. Without any of these, every router goes to those with servers directly.
    pub fn via(mut self, from: &str, to: &str, cost: u32) -> Self {
        self.via.push((from.to_owned(), to.to_owned(), cost));
        self
    }

    fn ports(mut self, protocol: u8, first: u16, last: u16) -> Self {
        self.service.ports.push(PortRule { protocol, ports: Some(PortRange { first, last }) });
        self
    }

    fn access(mut self, tenant: &str, allow: bool) -> Self {
        self.service.access.push(AccessRule { tenant: tenant.into(), allow });
        self
    }

    /// The service as router `router` is told of it.
    pub(crate) fn at(&self, router: &str) -> Service {
        let mut service = self.service.clone();
        let name = &service.name;
        let targets: Vec<Target> =
            self.targets.iter().filter(|(place, _)| place == router).map(|(_, target)| *target).collect();
        let mut peers: Vec<RoutePeer> = self
            .via
            .iter()
            .filter(|(from, _, _)| from == router)
            .map(|(_, to, cost)| RoutePeer { router: to.as_str().into(), cost: *cost })
            .collect();
        if targets.is_empty() && peers.is_empty() && self.via.is_empty() {
            for (place, _) in &self.targets {
                if peers.iter().all(|peer| *peer.router != **place) {
                    peers.push(RoutePeer { router: place.as_str().into(), cost: 10 });
                }
            }
        }
        let max_sessions = None;
        if !targets.is_empty() {
            let route = format!("{name}-local").into();
            service.routes.push(Route { name: route, peers: vec![], targets, max_sessions });
        }
        if !peers.is_empty() {
            let route = format!("{name}-remote").into();
            service.routes.push(Route { name: route, peers, targets: vec![], max_sessions });
        }
        service
    }
}
