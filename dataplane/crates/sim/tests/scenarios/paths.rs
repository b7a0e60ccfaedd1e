//! Which way a session takes.

use core::time::Duration;

use quiver_engine::config::PortRange;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::view::HopTransport;
use quiver_sim::{Fabric, Plan, Script, ServicePlan, UdpService};

use crate::sites::*;

/// Clients at a; servers at b and c, b nearer.
fn two_ways() -> Fabric {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .server("b", "10.1.0.20")
        .server("c", "10.1.0.20")
        .via("a", "b", 5)
        .via("a", "c", 20);
    let plan = two_sites().router("c", &["203.0.113.3"]).host("c", "other", &["10.1.0.20"]).service(service);
    let mut net = fabric_of(plan);
    net.host_mut("other").udp.insert(7, UdpService::Echo);
    net
}

#[test]
fn peer_of_lower_cost_is_taken_first() {
    let mut net = two_ways();
    for port in 5000..5010 {
        assert!(echoes(&mut net, "client", port, ECHO));
    }
    assert_eq!((net.sessions("b").len(), net.sessions("c").len()), (10, 0));
}

#[test]
fn silent_peer_is_left_for_the_next_one() {
    let mut net = two_ways();
    net.link(A, B).up = false;
    let mut answered = false;
    for _ in 0..12 {
        net.udp("client", 5000, ECHO, b"hello");
        net.run_ms(500);
        answered |= !net.inbox("client").is_empty();
    }
    assert!(answered, "{:?}", net.sessions("a"));
    assert!(net.sessions("c").len() == 1 && net.sessions("b").is_empty());
}

#[test]
fn new_sessions_avoid_a_path_that_was_silent_and_return_when_it_answers() {
    let mut net = two_ways();
    net.link(A, B).up = false;
    net.link(B, A).up = false;
    for _ in 0..12 {
        net.udp("client", 5000, ECHO, b"hello");
        net.run_ms(500);
    }
    assert!(echoes(&mut net, "client", 5001, ECHO), "the next session does not try the silent path first");
    net.link(A, B).up = true;
    net.link(B, A).up = true;
    net.run(Duration::from_mins(2));
    assert!(echoes(&mut net, "client", 5002, ECHO));
    assert_eq!(net.sessions("b").len(), 1);
}

#[test]
fn second_waypoint_of_a_peer_is_used_when_the_first_is_silent() {
    let plan = Plan::new()
        .router("a", &[A])
        .router("b", &[B, "203.0.113.12"])
        .host("a", "client", &["10.1.0.10"])
        .host("b", "server", &["10.1.0.20"])
        .tenant("corp", &["10.1.0.0/24"])
        .service(ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").server("b", "10.1.0.20"));
    let mut net = fabric_of(plan);
    net.link(A, B).up = false;
    net.link(B, A).up = false;
    for _ in 0..12 {
        net.udp("client", 5000, ECHO, b"hello");
        net.run_ms(500);
    }
    assert!(!net.inbox("client").is_empty(), "{:#?}", net.sessions("a"));
    assert_eq!(net.session("a").server_hop.unwrap().tuple.dst.to_string(), "203.0.113.12");
}

/// a - t - b: no way from a to b but through t.
fn chain(encryption: quiver_engine::config::Encryption) -> Fabric {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .encryption(encryption)
        .server("b", "10.1.0.20")
        .via("a", "t", 10)
        .via("t", "b", 10);
    fabric_of(two_sites().router("t", &["203.0.113.9"]).service(service))
}

#[test]
fn transit_router_carries_the_session_under_the_same_id() {
    let mut net = chain(quiver_engine::config::Encryption::Never);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let ids = ["a", "t", "b"].map(|router| net.session(router).session_id);
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert_eq!(
        ["a", "t", "b"].map(|router| net.session(router).role.name()),
        ["Ingress", "Transit", "Egress"]
    );
    net.wan.clear();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert!(net.wan.len() == 4 && net.wan.iter().all(|seen| !seen.has_metadata()));
}

#[test]
fn tcp_through_transit_arrives_whole() {
    let mut net = chain(quiver_engine::config::Encryption::Never);
    net.keep_wan = false;
    net.listen("server", 82, Script::Source(500_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(20));
    assert_eq!(net.connection(connection).received.len(), 500_000);
    assert!(quiver_sim::conversation::is_pattern(&net.connection(connection).received));
}

#[test]
fn payload_through_transit_is_sealed_from_end_to_end() {
    let mut net = chain(quiver_engine::config::Encryption::Always);
    for i in 0..5 {
        net.udp("client", 5000, ECHO, format!("the canary sings {i}").as_bytes());
        net.run_ms(100);
    }
    assert_eq!(net.payloads("client").len(), 5);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
    // The cipher text that reaches b is the one that a made: transit has not opened it.
    let tail = |from: &str, to: &str| {
        let seen =
            net.wan.iter().rev().find(|seen| seen.src.to_string() == from && seen.dst.to_string() == to);
        seen.unwrap().payload().to_vec()
    };
    assert_eq!(tail(A, "203.0.113.9"), tail("203.0.113.9", B));
}

#[test]
fn loop_of_routes_ends_at_the_hop_limit() {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .via("a", "x", 1)
        .via("x", "y", 1)
        .via("y", "z", 1)
        .via("z", "x", 1);
    let plan = two_sites()
        .router("x", &["203.0.113.5"])
        .router("y", &["203.0.113.6"])
        .router("z", &["203.0.113.7"])
        .service(service);
    let mut net = fabric_of(plan);
    net.udp("client", 5000, ECHO, b"round and round");
    net.run(Duration::from_secs(1));
    let limited: u64 = ["x", "y", "z"].iter().map(|router| net.drops(router, DropReason::HopLimit)).sum();
    let reflected: u64 = ["x", "y", "z"].iter().map(|router| net.drops(router, DropReason::Reflected)).sum();
    assert!(limited + reflected > 0);
    assert!(net.wan.len() < 60, "{} packets", net.wan.len());
}

#[test]
fn session_is_not_sent_back_to_the_router_it_came_from() {
    let service =
        ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").via("a", "b", 1).via("b", "a", 1);
    let mut net = fabric_of(two_sites().service(service));
    net.udp("client", 5000, ECHO, b"ping pong");
    net.run(Duration::from_secs(1));
    assert!(
        net.drops("b", DropReason::NoPath)
            + net.drops("b", DropReason::NoRoute)
            + net.drops("b", DropReason::Reflected)
            > 0
    );
    assert!(net.sessions("b").is_empty());
}

#[test]
fn exhausted_ports_of_one_path_are_a_counted_reason() {
    let few = PortRange { first: 20_000, last: 20_003 };
    let plan = two_sites().service(everything());
    let mut net = with_programs(plan.start_with(7, |_, config| config.waypoint_ports = few));
    (5000..5010).for_each(|port| net.udp("client", port, ECHO, b"x"));
    net.run_ms(100);
    let open = net.sessions("a").len() as u64;
    assert!((1..=4).contains(&open));
    assert_eq!(net.drops("a", DropReason::WaypointPortsExhausted), 10 - open);
}

#[test]
fn ipv6_client_crosses_a_hop_of_ipv4() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, "[fd00:c6::1]:7"));
    assert!(net.wan.iter().all(|seen| seen.src.is_ipv4()));
    assert!(net.inbox("server")[0].from().is_ipv6());
}

#[test]
fn ipv4_client_crosses_a_hop_of_ipv6() {
    let plan = Plan::new()
        .router("a", &["2001:db8:a::1"])
        .router("b", &["2001:db8:b::1"])
        .host("a", "client", &["10.1.0.10", "fd01::10"])
        .host("b", "server", &["10.1.0.20", "fd01::20"])
        .tenant("corp", &["10.1.0.0/24", "fd01::/64"])
        .service(everything());
    let mut net = fabric_of(plan);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert!(echoes(&mut net, "client", 5000, "[fd00:c6::1]:7"));
    assert!(net.wan.iter().all(|seen| seen.src.is_ipv6()));
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"over six");
    net.run_ms(500);
    assert_eq!(net.connection(connection).received, b"over six");
}

#[test]
fn clear_tcp_is_native_unless_the_peer_wants_udp() {
    let plan = || two_sites().service(everything());
    let udp = plan().start_with(7, |_, config| {
        config.peers.iter_mut().for_each(|peer| peer.transport = quiver_engine::config::Transport::Udp);
    });
    for (net, transport, protocol) in
        [(plan().start(7), HopTransport::Native, 6), (udp, HopTransport::UdpTransform, 17)]
    {
        let mut net = with_programs(net);
        let connection = net.connect("client", WEB, Script::Manual);
        net.write(connection, b"hello");
        net.run_ms(500);
        assert_eq!(net.connection(connection).received, b"hello");
        assert_eq!(net.session("a").server_hop.unwrap().transport, transport);
        assert!(net.wan.iter().any(|seen| seen.holds(b"hello") && seen.ports().2 == protocol));
    }
}
