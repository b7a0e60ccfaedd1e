//! Which node-wide settings are refused, and that swaps end exactly the sessions concerned.

use crate::config::{Config, PortRange};
use crate::config_error::ConfigErrorCode as Code;
use crate::event::CloseReason;
use crate::forwarding::fixture::{
    codes, config, ip, peer, prefix, route, secret, service, tables, target, tenant,
};
use crate::forwarding::reevaluate::{ClientFacts, NextFacts, SessionFacts};
use crate::forwarding::tables::Tables;
use crate::packet::InterfaceId;

fn with_peer() -> Config {
    Config { peers: vec![peer("b", &[("b1", "203.0.113.21", 0)])], ..config() }
}

#[test]
fn impossible_node_settings_are_refused_by_name() {
    let cases: Vec<(Config, &[Code])> = vec![
        (config(), &[]),
        (Config { router: "".into(), ..config() }, &[Code::NameInvalid]),
        (Config { node: "n".repeat(256).into(), ..config() }, &[Code::NameInvalid]),
        (
            Config { waypoints: vec![ip("192.0.2.1"), ip("192.0.2.1")], ..config() },
            &[Code::WaypointDuplicate],
        ),
        (Config { waypoints: vec![ip("198.18.0.1")], ..config() }, &[Code::WaypointInPool]),
        (Config { waypoints: vec![ip("0.0.0.0")], ..config() }, &[Code::AddressInvalid]),
        (
            Config { waypoint_ports: PortRange { first: 20, last: 10 }, ..config() },
            &[Code::WaypointPortsInvalid],
        ),
        (
            Config { waypoint_ports: PortRange { first: 0, last: 10 }, ..config() },
            &[Code::WaypointPortsInvalid],
        ),
        (
            Config { waypoint_ports: PortRange { first: 10, last: 12 }, ..config() },
            &[Code::WaypointPortsTooFew],
        ),
        (Config { waypoint_ports: PortRange { first: 10, last: 13 }, ..config() }, &[]),
        (Config { service_pool: vec![prefix("169.254.0.0/16")], ..config() }, &[Code::PoolOverlap]),
        (Config { return_pool: vec![prefix("10.0.0.1/24")], ..config() }, &[Code::PrefixHostBits]),
        (Config { max_sessions: 0, ..config() }, &[Code::LimitInvalid]),
        (Config { lan_mtu: 500, ..config() }, &[Code::MtuInvalid]),
    ];
    for (index, (config, expected)) in cases.iter().enumerate() {
        assert_eq!(codes(config), *expected, "case {index}");
    }
}

#[test]
fn peer_paths_need_waypoints_and_a_usable_secret() {
    assert_eq!(codes(&Config { secrets: vec![], ..with_peer() }), [Code::SecretMissing]);
    assert_eq!(codes(&Config { secrets: vec![], ..config() }), []);
    assert_eq!(codes(&Config { active_secret: 2, ..with_peer() }), [Code::SecretActiveMissing]);
    let secrets = |versions: &[u32]| versions.iter().map(|version| (*version, secret())).collect();
    assert_eq!(codes(&Config { secrets: secrets(&[1, 1]), ..with_peer() }), [Code::SecretDuplicate]);
    assert_eq!(codes(&Config { secrets: secrets(&[1, 2, 3, 4, 5]), ..with_peer() }), [Code::SecretTooMany]);
    let bare = Config { waypoints: vec![], ..with_peer() };
    assert_eq!(codes(&bare), [Code::WaypointMissing, Code::PathLocalUnknown]);
}

#[test]
fn every_error_of_a_configuration_is_told_at_once() {
    let config = Config {
        max_sessions: 0,
        tenants: vec![tenant("a..b", &[])],
        services: vec![service("s").route(route("r").peer("z", 1)).build()],
        ..config()
    };
    assert_eq!(codes(&config), [Code::LimitInvalid, Code::NameInvalid, Code::PeerUnknown]);
}

#[test]
fn flood_of_errors_is_cut_off_at_a_readable_number() {
    let services = (0..400).map(|_| service("").build()).collect();
    assert_eq!(codes(&Config { services, ..config() }).len(), 256);
}

#[test]
fn pools_tell_service_and_return_addresses_apart() {
    let node = tables(&config()).node;
    assert!(node.in_service_pool(ip("198.18.3.4")) && !node.in_service_pool(ip("169.254.96.9")));
    assert!(node.in_return_pool(ip("fd00:fe::1")) && !node.in_return_pool(ip("169.254.112.0")));
}

/// Router `a` with a service behind peers `b` and `c`, and one that is served here.
fn site() -> Config {
    Config {
        tenants: vec![tenant("web.prod", &[("10.1.0.0/24", None)])],
        peers: vec![peer("b", &[("b1", "203.0.113.21", 0)]), peer("c", &[("c1", "203.0.113.31", 0)])],
        services: vec![
            service("db")
                .at("198.18.0.7/32")
                .ports(6, 5432, 5432)
                .access(&[("prod", true)])
                .route(route("db").peer("b", 1).peer("c", 2))
                .build(),
            service("own")
                .ports(6, 80, 80)
                .access(&[("prod", true)])
                .route(route("own").target(target("10.1.0.9", None)))
                .build(),
        ],
        ..config()
    }
}

const LAN: InterfaceId = InterfaceId(0);

fn ingress() -> SessionFacts<'static> {
    SessionFacts {
        service: "db",
        tenant: Some("web.prod"),
        destination: ip("198.18.0.7"),
        protocol: 6,
        port: 5432,
        client: ClientFacts::Lan { source: ip("10.1.0.5"), interface: LAN },
        route: "db",
        next: NextFacts::Path { local: ip("192.0.2.1"), remote: ip("203.0.113.21") },
    }
}

fn egress() -> SessionFacts<'static> {
    SessionFacts {
        service: "own",
        tenant: Some("api.prod"),
        // An address of the ingress router's pool, unknown here.
        destination: ip("198.18.200.200"),
        protocol: 6,
        port: 80,
        client: ClientFacts::Hop { local: ip("192.0.2.1"), remote: ip("203.0.113.31") },
        route: "own",
        next: NextFacts::Target { address: ip("10.1.0.9"), port: 80 },
    }
}

fn transit() -> SessionFacts<'static> {
    SessionFacts {
        client: ClientFacts::Hop { local: ip("192.0.2.1"), remote: ip("203.0.113.31") },
        tenant: Some("far"),
        ..ingress()
    }
}

/// What a change of the site's configuration does to sessions at ingress, egress and transit.
fn after(change: impl FnOnce(&mut Config)) -> [Option<CloseReason>; 3] {
    let mut config = site();
    change(&mut config);
    let tables: Tables = tables(&config);
    [ingress(), egress(), transit()].map(|facts| tables.still_permits(&facts).err())
}

#[test]
fn unchanged_configuration_ends_no_session() {
    assert_eq!(after(|_| {}), [None, None, None]);
}

#[test]
fn costs_health_limits_and_other_services_end_no_session() {
    let swap = |config: &mut Config| {
        config.services[0].routes[0].peers[0].cost = 900;
        config.services[1].routes[0].targets[0].healthy = false;
        config.services[1].routes[0].max_sessions = Some(1);
        config.services.insert(0, service("new").at("198.18.0.0/24").build());
        config.tenants.insert(0, tenant("new", &[("10.2.0.0/24", None)]));
    };
    assert_eq!(after(swap), [None, None, None]);
}

#[test]
fn revoked_access_ends_sessions_of_that_service_at_both_ends() {
    let revoked = Some(CloseReason::AccessRevoked);
    assert_eq!(after(|config| config.services[0].access.clear()), [revoked, None, None]);
    assert_eq!(after(|config| config.services[1].access[0].tenant = "dev".into()), [None, revoked, None]);
}

#[test]
fn client_that_left_its_tenant_loses_its_sessions() {
    let revoked = Some(CloseReason::AccessRevoked);
    assert_eq!(after(|config| config.tenants.clear()), [revoked, None, None]);
    assert_eq!(after(|config| config.tenants[0].name = "dev".into()), [revoked, None, None]);
}

#[test]
fn removed_service_or_address_or_port_ends_its_sessions() {
    let removed = Some(CloseReason::ServiceRemoved);
    assert_eq!(after(|config| drop(config.services.remove(0))), [removed, None, removed]);
    assert_eq!(after(|config| config.services[0].addresses.clear()), [removed, None, None]);
    assert_eq!(after(|config| config.services[1].ports[0].protocol = 17), [None, removed, None]);
}

#[test]
fn removed_route_or_target_ends_the_sessions_over_it() {
    let removed = Some(CloseReason::RouteRemoved);
    assert_eq!(after(|config| config.services[0].routes.clear()), [removed, None, removed]);
    assert_eq!(after(|config| config.services[0].routes[0].name = "db2".into()), [removed, None, removed]);
    assert_eq!(after(|config| config.services[1].routes[0].targets.clear()), [None, removed, None]);
    assert_eq!(
        after(|config| config.services[1].routes[0].targets[0].port = Some(81)),
        [None, removed, None]
    );
    assert_eq!(after(|config| drop(config.services[0].routes[0].peers.remove(0))), [removed, None, removed]);
    assert_eq!(after(|config| drop(config.services[0].routes[0].peers.remove(1))), [None, None, None]);
}

#[test]
fn removed_peer_ends_the_sessions_that_come_from_it_too() {
    let removed = Some(CloseReason::RouteRemoved);
    let without_c = |config: &mut Config| {
        config.peers.remove(1);
        config.services[0].routes[0].peers.remove(1);
    };
    assert_eq!(after(without_c), [None, removed, removed]);
}
