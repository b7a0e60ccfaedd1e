//! What a simulated fabric consists of, before it starts.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use quiver_crypto::SharedSecret;
use quiver_engine::config::{
    AccessRule, Cipher, Config, Encryption, Integrity, MetadataProtection, Peer, PeerWaypoint, PortRange,
    PortRule, Prefix, Rejection, Route, RoutePeer, Service, ServiceMatch, Spread, Target, TargetSource,
    Tenant, TenantMember, Transport,
};
use quiver_engine::packet::InterfaceId;
use quiver_wire::ip::protocol;

use crate::fabric::Fabric;

/// Routers, tenants, services and hosts of a fabric.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    pub(crate) routers: BTreeMap<String, RouterPlan>,
    pub(crate) hosts: Vec<HostPlan>,
    services: Vec<ServicePlan>,
    tenants: Vec<(Option<String>, Tenant)>,
}

#[derive(Clone, Debug)]
pub(crate) struct RouterPlan {
    pub(crate) waypoints: Vec<IpAddr>,
    /// What peers know, where it differs: behind a NAT.
    pub(crate) public: Option<IpAddr>,
    pub(crate) workers: u8,
}

#[derive(Clone, Debug)]
pub(crate) struct HostPlan {
    pub(crate) name: String,
    pub(crate) router: Option<String>,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) interface: InterfaceId,
}

/// A service and the ways to it.
#[derive(Clone, Debug)]
pub struct ServicePlan {
    service: Service,
    targets: Vec<(String, Target)>,
    via: Vec<(String, String, u32)>,
}

/// A prefix from text.
pub fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').expect("a prefix has a length");
    Prefix { address: address_of(address), length: length.parse().expect("a length is a number") }
}

/// An address from text.
pub fn address_of(text: &str) -> IpAddr {
    text.parse().expect("an address is written correctly")
}

impl Plan {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A router with one node that has these waypoints.
    pub fn router(mut self, name: &str, waypoints: &[&str]) -> Self {
        let waypoints = waypoints.iter().map(|text| address_of(text)).collect();
        self.routers.insert(name.to_owned(), RouterPlan { waypoints, public: None, workers: 1 });
        self
    }

    /// Gives a router several workers.
    pub fn workers(mut self, router: &str, count: u8) -> Self {
        self.routers.get_mut(router).expect("the router is planned").workers = count;
        self
    }

    /// Peers know the first waypoint of a router by this address.
    pub fn public_address(mut self, router: &str, address: &str) -> Self {
        self.routers.get_mut(router).expect("the router is planned").public = Some(address_of(address));
        self
    }

    /// A host in the LAN of a router.
    pub fn host(mut self, router: &str, name: &str, addresses: &[&str]) -> Self {
        self.hosts.push(host_plan(Some(router), name, addresses, 0));
        self
    }

    /// A host in the LAN of a router, behind an interface of its own.
    pub fn host_on(mut self, router: &str, name: &str, addresses: &[&str], interface: u16) -> Self {
        self.hosts.push(host_plan(Some(router), name, addresses, interface));
        self
    }

    /// A machine between the routers that belongs to nobody.
    pub fn stranger(mut self, name: &str, addresses: &[&str]) -> Self {
        self.hosts.push(host_plan(None, name, addresses, 0));
        self
    }

    /// A tenant that every router knows with these members.
    pub fn tenant(mut self, name: &str, members: &[&str]) -> Self {
        self.tenants.push((None, tenant(name, members, None)));
        self
    }

    /// A tenant whose members are at one router only; the others know its name.
    pub fn tenant_at(mut self, router: &str, name: &str, members: &[&str]) -> Self {
        self.tenants.push((Some(router.to_owned()), tenant(name, members, None)));
        self
    }

    /// A tenant whose members are told apart by the interface they come in by, at one router.
    pub fn tenant_on(mut self, router: &str, name: &str, members: &[&str], interface: u16) -> Self {
        self.tenants.push((Some(router.to_owned()), tenant(name, members, Some(InterfaceId(interface)))));
        self
    }

    /// A service.
    pub fn service(mut self, service: ServicePlan) -> Self {
        self.services.push(service);
        self
    }

    /// The configuration of one router.
    pub fn config(&self, router: &str) -> Config {
        let own = self.routers.get(router).expect("the router is planned");
        Config {
            fabric: "lab".into(),
            router: router.into(),
            node: format!("{router}1").into(),
            waypoints: own.waypoints.clone(),
            waypoint_ports: PortRange { first: 16_384, last: 29_999 },
            service_pool: vec![prefix("198.18.0.0/16"), prefix("fd00:c6::/64")],
            return_pool: vec![prefix("169.254.96.0/20"), prefix("fd00:fe::/64")],
            secrets: vec![(1, secret(1))],
            active_secret: 1,
            metadata: MetadataProtection::Sealed,
            cipher: Cipher::Aes256Gcm,
            max_sessions: 10_000,
            rejection: Rejection::Tell,
            service_match: ServiceMatch::BestOnly,
            tenants: self.tenants_of(router),
            services: self.services.iter().map(|plan| self.service_of(plan, router)).collect(),
            peers: self.peers_of(router, own),
            lan_mtu: 1500,
        }
    }

    /// Starts the fabric; everything random follows from `seed`.
    pub fn start(self, seed: u64) -> Fabric {
        self.start_with(seed, |_, _| ())
    }

    /// Starts the fabric with configurations changed by `change`, which is told the router's name.
    pub fn start_with(self, seed: u64, change: impl Fn(&str, &mut Config)) -> Fabric {
        let configs = self.routers.keys().map(|name| {
            let mut config = self.config(name);
            change(name, &mut config);
            config
        });
        let configs = configs.collect();
        Fabric::new(&self, configs, seed)
    }

    fn tenants_of(&self, router: &str) -> Vec<Tenant> {
        let mut tenants: Vec<Tenant> = vec![];
        for (place, tenant) in &self.tenants {
            let here = place.as_ref().is_none_or(|place| place == router);
            let members = if here { tenant.members.clone() } else { vec![] };
            match tenants.iter_mut().find(|known| known.name == tenant.name) {
                Some(known) => known.members.extend(members),
                None => tenants.push(Tenant { name: Arc::clone(&tenant.name), members }),
            }
        }
        tenants
    }

    fn service_of(&self, plan: &ServicePlan, router: &str) -> Service {
        let mut service = plan.service.clone();
        let name = &service.name;
        let targets: Vec<Target> =
            plan.targets.iter().filter(|(place, _)| place == router).map(|(_, target)| *target).collect();
        let mut peers: Vec<RoutePeer> = plan
            .via
            .iter()
            .filter(|(from, _, _)| from == router)
            .map(|(_, to, cost)| RoutePeer { router: to.as_str().into(), cost: *cost })
            .collect();
        if targets.is_empty() && peers.is_empty() && plan.via.is_empty() {
            for (place, _) in &plan.targets {
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

    fn peers_of(&self, router: &str, own: &RouterPlan) -> Vec<Peer> {
        let others = self.routers.iter().filter(|(name, _)| *name != router);
        others
            .map(|(name, other)| {
                let known = own.waypoints.iter().enumerate().flat_map(|(i, local)| {
                    let remote = other.waypoints.iter().enumerate();
                    let remote = remote.filter(|(_, address)| address.is_ipv4() == local.is_ipv4());
                    remote.map(move |(j, address)| {
                        let address = if j == 0 { other.public.unwrap_or(*address) } else { *address };
                        let node = format!("{name}1").into();
                        PeerWaypoint { node, address, local: *local, cost: (i + j) as u32, mtu: 1500 }
                    })
                });
                Peer {
                    router: name.as_str().into(),
                    waypoints: known.collect(),
                    transport: Transport::Native,
                    always_encrypt: false,
                }
            })
            .collect()
    }
}

/// A version of the fabric secret.
pub fn secret(version: u8) -> SharedSecret {
    SharedSecret::new(&[version; 32]).expect("32 bytes are enough")
}

fn host_plan(router: Option<&str>, name: &str, addresses: &[&str], interface: u16) -> HostPlan {
    HostPlan {
        name: name.to_owned(),
        router: router.map(str::to_owned),
        addresses: addresses.iter().map(|text| address_of(text)).collect(),
        interface: InterfaceId(interface),
    }
}

fn tenant(name: &str, members: &[&str], interface: Option<InterfaceId>) -> Tenant {
    let member = |text: &&str| TenantMember { prefix: prefix(text), interface };
    Tenant { name: name.into(), members: members.iter().map(member).collect() }
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
}
