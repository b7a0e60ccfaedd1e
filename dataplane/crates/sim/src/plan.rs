//! What a simulated fabric consists of, before it starts.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use quiver_crypto::SharedSecret;
use quiver_engine::config::{
    Cipher, Config, MetadataProtection, Peer, PeerWaypoint, PortRange, Prefix, Rejection, ServiceMatch,
    Tenant, TenantMember, Transport,
};
use quiver_engine::packet::InterfaceId;

use crate::fabric::Fabric;
use crate::service_plan::ServicePlan;

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
            services: self.services.iter().map(|plan| plan.at(router)).collect(),
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
