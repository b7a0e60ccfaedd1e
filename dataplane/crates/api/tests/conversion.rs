//! A node's configuration, converted or refused with the field named.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

use std::net::IpAddr;

use quiver_api::proto::{
    KeySource, NodeConfig, Peer, PeerWaypoint, PodNetwork, PodRoute, PortRule, Rejected, Route, RouteTarget,
    SecretMaterial, SecretVersion, Service, SharedSecret, TargetSource, Tenant, TenantMember, Waypoint,
};
use quiver_api::{Converted, Surroundings, convert};
use quiver_engine::config::{PortRange, TargetSource as Source};
use quiver_engine::packet::InterfaceId;

/// A machine with one uplink of 1,400 bytes, and 10.0.0.1 towards 10.0.0.9 only.
struct Machine;

impl Surroundings for Machine {
    fn source_towards(&self, target: IpAddr) -> Option<IpAddr> {
        (target.to_string() == "10.0.0.9").then(|| "10.0.0.1".parse().unwrap())
    }

    fn path_mtu(&self, _: IpAddr, _: IpAddr) -> Option<u16> {
        Some(1400)
    }
}

fn node() -> NodeConfig {
    NodeConfig {
        fabric: "test".into(),
        router: "a".into(),
        node: "a-1".into(),
        waypoints: vec![Waypoint { name: "wan".into(), address: "192.0.2.1".into() }],
        service_pool: vec!["198.18.0.0/16".into()],
        return_pool: vec!["169.254.96.0/20".into()],
        ..NodeConfig::default()
    }
}

fn peer(waypoint: PeerWaypoint) -> Peer {
    let waypoint = PeerWaypoint { node: "b-1".into(), address: "203.0.113.1".into(), ..waypoint };
    Peer { router: "b".into(), waypoints: vec![waypoint], ..Peer::default() }
}

fn service(target: RouteTarget) -> Service {
    let route = Route { name: "prod/db".into(), targets: vec![target], ..Route::default() };
    Service { name: "prod/db".into(), routes: vec![route], ..Service::default() }
}

fn converted(node: &NodeConfig) -> Converted {
    convert(node, &[], &Machine, 1500).unwrap()
}

fn refused(node: &NodeConfig, secrets: &[SecretMaterial]) -> Vec<(String, String)> {
    let reasons: Vec<Rejected> = convert(node, secrets, &Machine, 1500).unwrap_err();
    assert!(reasons.iter().all(|r| !r.message.is_empty()), "{reasons:?}");
    reasons.into_iter().map(|r| (r.code, r.field)).collect()
}

fn pair(code: &str, field: &str) -> (String, String) {
    (code.into(), field.into())
}

#[test]
fn unset_values_take_their_documented_defaults() {
    let config = converted(&node()).config;
    assert_eq!(config.waypoint_ports, PortRange { first: 16384, last: 29999 });
    assert_eq!(config.max_sessions, 262_144);
    assert_eq!(config.lan_mtu, 1500);
}

#[test]
fn path_mtu_is_the_uplinks_unless_a_smaller_one_is_configured() {
    for (configured, expected) in [(0, 1400), (1300, 1300), (9000, 1400)] {
        let peers = vec![peer(PeerWaypoint { mtu: configured, ..PeerWaypoint::default() })];
        let config = converted(&NodeConfig { peers, ..node() }).config;
        assert_eq!(config.peers[0].waypoints[0].mtu, expected);
        assert_eq!(config.peers[0].waypoints[0].local.to_string(), "192.0.2.1");
    }
}

#[test]
fn node_source_is_the_address_towards_the_target_else_the_return_pool() {
    for (target, expected) in
        [("10.0.0.9", Source::Node("10.0.0.1".parse().unwrap())), ("10.0.0.8", Source::ReturnPool)]
    {
        let target = RouteTarget {
            address: target.into(),
            source: TargetSource::Node.into(),
            healthy: true,
            ..RouteTarget::default()
        };
        let config = converted(&NodeConfig { services: vec![service(target)], ..node() }).config;
        assert_eq!(config.services[0].routes[0].targets[0].source, expected);
    }
}

#[test]
fn interfaces_of_tenants_get_numbers_in_the_order_of_their_names() {
    let member = |name: &str| TenantMember { cidr: "10.0.0.0/8".into(), interface: name.into() };
    let members = vec![member("lan2"), member(""), member("lan1")];
    let tenants = vec![Tenant { name: "staff".into(), members }];
    let converted = converted(&NodeConfig { tenants, ..node() });
    let interfaces: Vec<_> = converted.config.tenants[0].members.iter().map(|m| m.interface).collect();
    assert_eq!(interfaces, [Some(InterfaceId(2)), None, Some(InterfaceId(1))]);
    assert_eq!(converted.interfaces.id("lan1"), Some(InterfaceId(1)));
    assert_eq!(converted.interfaces.id("lan9"), None);
}

#[test]
fn every_wrong_value_is_told_at_once_with_its_field() {
    let service = Service {
        name: "prod/db".into(),
        addresses: vec!["198.18.0.300".into()],
        ports: vec![PortRule { protocol: 6, first_port: 90, last_port: 80 }],
        scope: 77,
        ..Service::default()
    };
    let wrong = NodeConfig {
        fabric: String::new(),
        service_pool: vec!["198.18.0.0/16".into(), "198.18.0.1/16".into()],
        services: vec![service],
        peers: vec![peer(PeerWaypoint { local_address: "192.0.2.9".into(), ..PeerWaypoint::default() })],
        ..node()
    };
    let mut reasons = refused(&wrong, &[]);
    reasons.sort();
    assert_eq!(
        reasons,
        [
            pair("InvalidPort", "services[prod/db].ports[0]"),
            pair("InvalidPrefix", "service_pool[1]"),
            pair("InvalidPrefix", "services[prod/db].addresses[0]"),
            pair("Missing", "fabric"),
            pair("NoWaypoint", "peers[b].waypoints[0].local_address"),
            pair("UnknownValue", "services[prod/db].scope"),
        ]
    );
}

#[test]
fn peer_of_a_family_without_own_waypoint_is_refused() {
    let mut peer = peer(PeerWaypoint::default());
    peer.waypoints[0].address = "2001:db8::1".into();
    let reasons = refused(&NodeConfig { peers: vec![peer], ..node() }, &[]);
    assert_eq!(reasons, [pair("NoWaypoint", "peers[b].waypoints[0].local_address")]);
}

fn with_secret(digest: &str, active: u32) -> NodeConfig {
    let version = SecretVersion { version: 1, secret_id: "fabric/1".into(), digest: digest.into() };
    let shared_secret = Some(SharedSecret { versions: vec![version], active });
    NodeConfig { key_source: Some(KeySource { shared_secret }), ..node() }
}

fn material(value: &[u8]) -> Vec<SecretMaterial> {
    vec![SecretMaterial { secret_id: "fabric/1".into(), value: value.to_vec() }]
}

#[test]
fn secret_is_taken_by_its_id_when_its_digest_fits() {
    // SHA-256 of "0123456789abcdef".
    let digest = "9f9f5111f7b27a781f1f1ddde5ebc2dd2b796bfc7365c9c28b548e564176929f";
    let config =
        convert(&with_secret(digest, 1), &material(b"0123456789abcdef"), &Machine, 1500).unwrap().config;
    assert_eq!((config.secrets.len(), config.active_secret), (1, 1));
    let field = "key_source.shared_secret.versions[1].digest";
    assert_eq!(
        refused(&with_secret(digest, 1), &material(b"0123456789abcdeX")),
        [pair("SecretMismatch", field)]
    );
}

#[test]
fn missing_short_or_inactive_secrets_are_refused() {
    let version = "key_source.shared_secret.versions[1]";
    let id = format!("{version}.secret_id");
    assert_eq!(refused(&with_secret("", 1), &[]), [pair("SecretMissing", &id)]);
    assert_eq!(refused(&with_secret("", 1), &material(b"short")), [pair("OutOfRange", version)]);
    assert_eq!(
        refused(&with_secret("", 2), &material(b"0123456789abcdef")),
        [pair("SecretMissing", "key_source.shared_secret.active")]
    );
}

#[test]
fn secrets_do_not_show_when_printed() {
    let shown = format!("{:?}", material(b"very secret bytes"));
    assert!(shown.contains("fabric/1") && !shown.contains("118") && !shown.contains("very"), "{shown}");
}

fn pods(own: &[&str], routes: &[(&str, &str)]) -> PodNetwork {
    let route = |(cidr, via): &(&str, &str)| PodRoute { cidr: (*cidr).into(), via: (*via).into() };
    PodNetwork {
        own_cidrs: own.iter().map(|&cidr| cidr.into()).collect(),
        routes: routes.iter().map(route).collect(),
        mtu: 0,
        masquerade: true,
    }
}

#[test]
fn pod_network_of_both_families_is_taken_over() {
    let own = ["10.244.1.0/24", "fd00:244:1::/64"];
    let routes = [("10.244.2.0/24", "192.0.2.2"), ("fd00:244:2::/64", "2001:db8::2")];
    let node = NodeConfig { pod_network: Some(pods(&own, &routes)), ..node() };
    let network = converted(&node).pod_network.unwrap();
    assert_eq!((network.own.len(), network.routes.len(), network.masquerade), (2, 2, true));
    assert_eq!(network.routes[1].via, "2001:db8::2".parse::<IpAddr>().unwrap());
    assert_eq!(converted(&self::node()).pod_network, None);
}

#[test]
fn pod_network_that_cannot_work_is_refused_value_by_value() {
    let own = ["10.244.1.0/24", "10.245.1.0/24", "198.18.4.0/24"];
    let routes = [
        ("10.244.1.64/26", "192.0.2.2"),
        ("10.244.2.0/24", "2001:db8::2"),
        ("10.244.3.1/24", "192.0.2.3"),
        ("10.244.2.0/24", "192.0.2.4"),
        ("169.254.0.0/16", "here"),
        ("0.0.0.0/0", "192.0.2.5"),
    ];
    let wrong = PodNetwork { mtu: 900, ..pods(&own, &routes) };
    let reasons = refused(&NodeConfig { pod_network: Some(wrong), ..node() }, &[]);
    let expected = [
        ("OutOfRange", "own_cidrs[1]"),
        ("OutOfRange", "own_cidrs[2]"),
        ("InvalidPrefix", "own_cidrs[2]"),
        ("OutOfRange", "mtu"),
        ("InvalidPrefix", "routes[0].cidr"),
        ("InvalidAddress", "routes[1].via"),
        ("InvalidPrefix", "routes[2].cidr"),
        ("InvalidPrefix", "routes[3].cidr"),
        ("InvalidAddress", "routes[4].via"),
        ("InvalidPrefix", "routes[5].cidr"),
    ];
    let expected = expected.map(|(code, field)| pair(code, &format!("pod_network.{field}")));
    assert_eq!(reasons, expected);
}
