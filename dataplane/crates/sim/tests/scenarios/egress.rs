//! To a server: which one, and from which source.

use quiver_engine::config::{Spread, TargetSource};
use quiver_engine::drop_reason::DropReason;
use quiver_sim::{Fabric, Plan, Script, ServicePlan, UdpService};

use crate::sites::*;

/// Three servers behind one service; `change` is told which.
fn three_servers(spread: Spread, change: impl Fn(usize, &mut quiver_engine::config::Target)) -> Fabric {
    let mut service =
        ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").with(|s| s.spread = spread);
    let mut plan = two_sites();
    for (i, name) in ["one", "two", "three"].iter().enumerate() {
        let address = format!("10.1.0.3{i}");
        plan = plan.host("b", name, &[&address]);
        service = service.target_with("b", &address, |target| change(i, target));
    }
    let mut net = fabric_of(plan.service(service));
    for name in ["one", "two", "three"] {
        net.host_mut(name).udp.insert(7, UdpService::Echo);
    }
    net
}

fn spread_of(net: &mut Fabric, sessions: u16) -> [usize; 3] {
    for port in 0..sessions {
        net.udp("client", 5000 + port, ECHO, b"which one");
        net.run_ms(2);
    }
    net.run_ms(200);
    ["one", "two", "three"].map(|name| net.inbox(name).len())
}

#[test]
fn hunt_takes_the_first_server() {
    assert_eq!(spread_of(&mut three_servers(Spread::Hunt, |_, _| ()), 30), [30, 0, 0]);
}

#[test]
fn unhealthy_server_gets_no_new_session() {
    let mut net = three_servers(Spread::Hunt, |i, target| target.healthy = i != 0);
    assert_eq!(spread_of(&mut net, 30), [0, 30, 0]);
}

#[test]
fn proportional_follows_the_weights() {
    let mut net = three_servers(Spread::Proportional, |i, target| target.weight = [1, 1, 2][i]);
    let [one, two, three] = spread_of(&mut net, 400);
    assert_eq!(one + two + three, 400);
    assert!((60..140).contains(&one) && (60..140).contains(&two), "{one} {two} {three}");
    assert!((150..250).contains(&three), "{one} {two} {three}");
}

#[test]
fn service_without_a_healthy_server_is_refused_for_that_reason() {
    let mut net = three_servers(Spread::Hunt, |_, target| target.healthy = false);
    assert_eq!(spread_of(&mut net, 1), [0, 0, 0]);
    assert!(net.drops("b", DropReason::NoHealthyTarget) > 0, "{:?}", net.router("b").all_drops());
}

#[test]
fn full_route_is_refused_and_frees_itself() {
    let mut net = three_servers(Spread::Hunt, |_, _| ());
    net.reconfigure("b", |config| config.services[0].routes[0].max_sessions = Some(5));
    assert_eq!(spread_of(&mut net, 8), [5, 0, 0]);
    assert!(net.drops("b", DropReason::RouteFull) >= 3);
    net.run(core::time::Duration::from_mins(4));
    assert_eq!(spread_of(&mut net, 5), [10, 0, 0]);
}

#[test]
fn target_port_is_translated_both_ways() {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").target_with(
        "b",
        "10.1.0.20",
        |target| target.port = Some(7),
    );
    let mut net = fabric_of(two_sites().service(service));
    assert!(echoes(&mut net, "client", 5000, "198.18.0.1:7777"));
    assert_eq!(net.inbox("server")[0].to().to_string(), "10.1.0.20:7");
    assert_eq!(net.inbox("client")[0].from().to_string(), "198.18.0.1:7777");
}

fn source_of(source: TargetSource) -> (Fabric, String) {
    let service =
        ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").target("b", "10.1.0.20", source);
    let mut net = fabric_of(two_sites().service(service));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let source = net.inbox("server")[0].from().to_string();
    (net, source)
}

#[test]
fn source_from_the_return_pool_keeps_the_clients_port() {
    let (_, source) = source_of(TargetSource::ReturnPool);
    assert!(source.starts_with("169.254.") && source.ends_with(":5000"), "{source}");
}

#[test]
fn source_of_the_node_has_a_port_of_the_waypoint_range() {
    let (_, source) = source_of(TargetSource::Node("10.1.0.254".parse().unwrap()));
    let source: core::net::SocketAddr = source.parse().unwrap();
    assert_eq!(source.ip().to_string(), "10.1.0.254");
    assert!((16_384..=29_999).contains(&source.port()));
}

#[test]
fn preserved_source_is_the_clients_own() {
    let (_, source) = source_of(TargetSource::Preserve);
    assert_eq!(source, "10.1.0.10:5000");
}

#[test]
fn two_sites_with_the_same_client_address_get_different_sources() {
    let plan = Plan::new()
        .router("a", &[A])
        .router("c", &["203.0.113.3"])
        .router("b", &[B])
        .host("a", "client", &["10.1.0.10"])
        .host("c", "twin", &["10.1.0.10"])
        .host("b", "server", &["10.1.0.20"])
        .tenant("corp", &["10.1.0.0/24"])
        .service(ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").server("b", "10.1.0.20"));
    let mut net = fabric_of(plan);
    net.udp("client", 5000, ECHO, b"from the client");
    net.udp("twin", 5000, ECHO, b"from the twin");
    net.run_ms(300);
    assert_eq!(net.payloads("client"), [b"from the client"]);
    assert_eq!(net.payloads("twin"), [b"from the twin"]);
    assert_ne!(net.inbox("server")[0].from(), net.inbox("server")[1].from());
    assert_eq!(net.sessions("b").len(), 2);
}

#[test]
fn one_client_gets_the_same_source_for_all_its_connections() {
    let mut net = fabric();
    let connections: Vec<_> = (0..5).map(|_| net.connect("client", WEB, Script::Manual)).collect();
    net.run_ms(300);
    assert!(connections.iter().all(|id| net.connection(*id).was_established));
    let sources: Vec<_> =
        (0..5).map(|i| net.connection(net.nth_connection("server", i)).peer.unwrap().ip()).collect();
    assert!(sources.iter().all(|source| *source == sources[0]));
}
