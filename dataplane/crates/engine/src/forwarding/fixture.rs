//! Configurations for the tests of this folder: router `a`, node `a1`, waypoints 192.0.2.1 and `2001:db8:a::1`.

use core::net::IpAddr;
use std::sync::Arc;

use quiver_crypto::SharedSecret;

use crate::config::*;
use crate::config_error::ConfigErrorCode;
use crate::forwarding::tables::Tables;
use crate::packet::InterfaceId;

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn prefix(text: &str) -> Prefix {
    let (address, length) = text.split_once('/').unwrap();
    Prefix { address: ip(address), length: length.parse().unwrap() }
}

pub(crate) fn config() -> Config {
    Config {
        fabric: "lab".into(),
        router: "a".into(),
        node: "a1".into(),
        waypoints: vec![ip("192.0.2.1"), ip("2001:db8:a::1")],
        waypoint_ports: PortRange { first: 16384, last: 29999 },
        service_pool: vec![prefix("198.18.0.0/16"), prefix("fd00:c6::/64")],
        return_pool: vec![prefix("169.254.96.0/20"), prefix("fd00:fe::/64")],
        secrets: vec![(1, secret())],
        active_secret: 1,
        metadata: MetadataProtection::Sealed,
        cipher: Cipher::Aes256Gcm,
        max_sessions: 1000,
        rejection: Rejection::Tell,
        service_match: ServiceMatch::BestOnly,
        tenants: vec![],
        services: vec![],
        peers: vec![],
        lan_mtu: 1500,
    }
}

pub(crate) fn secret() -> SharedSecret {
    SharedSecret::new(&[7; 32]).unwrap()
}

pub(crate) fn tables(config: &Config) -> Tables {
    Tables::build(config).unwrap()
}

/// The codes of everything that is wrong.
pub(crate) fn codes(config: &Config) -> Vec<ConfigErrorCode> {
    Tables::build(config)
        .map_or_else(|errors| errors.into_iter().map(|error| error.code).collect(), |_| vec![])
}

pub(crate) fn tenant(name: &str, members: &[(&str, Option<u16>)]) -> Tenant {
    let member = |(text, interface): &(&str, Option<u16>)| TenantMember {
        prefix: prefix(text),
        interface: interface.map(InterfaceId),
    };
    Tenant { name: name.into(), members: members.iter().map(member).collect() }
}

/// A peer whose waypoints are (node, address, cost).
pub(crate) fn peer(router: &str, waypoints: &[(&str, &str, u32)]) -> Peer {
    let waypoint = |(node, address, cost): &(&str, &str, u32)| PeerWaypoint {
        node: Arc::from(*node),
        address: ip(address),
        local: ip("192.0.2.1"),
        cost: *cost,
        mtu: 1500,
    };
    Peer {
        router: router.into(),
        waypoints: waypoints.iter().map(waypoint).collect(),
        transport: Transport::Native,
        always_encrypt: false,
    }
}

pub(crate) fn target(address: &str, port: Option<u16>) -> Target {
    Target { address: ip(address), port, weight: 1, healthy: true, source: TargetSource::ReturnPool }
}

pub(crate) struct RouteBuilder(Route);

pub(crate) fn route(name: &str) -> RouteBuilder {
    RouteBuilder(Route { name: name.into(), peers: vec![], targets: vec![], max_sessions: None })
}

impl RouteBuilder {
    pub(crate) fn peer(mut self, router: &str, cost: u32) -> Self {
        self.0.peers.push(RoutePeer { router: router.into(), cost });
        self
    }

    pub(crate) fn target(mut self, target: Target) -> Self {
        self.0.targets.push(target);
        self
    }

    pub(crate) fn max_sessions(mut self, sessions: u32) -> Self {
        self.0.max_sessions = Some(sessions);
        self
    }
}

pub(crate) struct ServiceBuilder(Service);

/// A service that covers everything, admits nobody and leads nowhere.
pub(crate) fn service(name: &str) -> ServiceBuilder {
    ServiceBuilder(Service {
        name: name.into(),
        addresses: vec![],
        ports: vec![],
        access: vec![],
        public: false,
        encryption: Encryption::Adaptive,
        integrity: Integrity::Metadata,
        idle_timeout: None,
        spread: Spread::Hunt,
        routes: vec![],
    })
}

impl ServiceBuilder {
    pub(crate) fn at(mut self, address: &str) -> Self {
        self.0.addresses.push(prefix(address));
        self
    }

    pub(crate) fn ports(mut self, protocol: u8, first: u16, last: u16) -> Self {
        self.0.ports.push(PortRule { protocol, ports: Some(PortRange { first, last }) });
        self
    }

    pub(crate) fn protocol(mut self, protocol: u8) -> Self {
        self.0.ports.push(PortRule { protocol, ports: None });
        self
    }

    pub(crate) fn access(mut self, rules: &[(&str, bool)]) -> Self {
        let rule = |(tenant, allow): &(&str, bool)| AccessRule { tenant: Arc::from(*tenant), allow: *allow };
        self.0.access.extend(rules.iter().map(rule));
        self
    }

    pub(crate) fn public(mut self) -> Self {
        self.0.public = true;
        self
    }

    pub(crate) fn spread(mut self, spread: Spread) -> Self {
        self.0.spread = spread;
        self
    }

    pub(crate) fn encryption(mut self, encryption: Encryption) -> Self {
        self.0.encryption = encryption;
        self
    }

    pub(crate) fn route(mut self, route: RouteBuilder) -> Self {
        self.0.routes.push(route.0);
        self
    }

    pub(crate) fn build(self) -> Service {
        self.0
    }
}
