//! Metadata until acknowledged by its absence, and control.

use core::time::Duration;

use quiver_engine::Phase;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::CloseReason;

use crate::sites::*;

#[test]
fn session_id_is_equal_at_both_routers() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.session("a").session_id, net.session("b").session_id);
    let (a, b) = (net.session("a").server_hop.unwrap(), net.session("b").client_hop.unwrap());
    assert_eq!((a.tuple.sport, a.tuple.dport), (b.tuple.dport, b.tuple.sport));
}

#[test]
fn first_packet_carries_metadata_and_the_payload_in_one() {
    let mut net = fabric();
    net.udp("client", 5000, ECHO, b"one packet");
    net.run_ms(3);
    assert_eq!(net.wan.len(), 1);
    assert!(net.wan[0].has_metadata());
    assert!(net.wan[0].bytes.ends_with(b"one packet"));
}

#[test]
fn packets_after_the_handshake_are_not_a_byte_longer() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let lengths: Vec<usize> = net.wan.iter().map(|seen| seen.bytes.len()).collect();
    let sent = net.inbox("client")[1].bytes.len();
    assert_eq!(lengths, [sent, sent]);
    assert_eq!(net.session("a").server_hop.unwrap().phase, Phase::Established);
    assert_eq!(net.session("b").client_hop.unwrap().phase, Phase::Established);
}

#[test]
fn metadata_is_repeated_until_the_other_side_answers() {
    let mut net = fabric();
    net.link(B, A).up = false;
    for _ in 0..3 {
        net.udp("client", 5000, ECHO, b"hello");
        net.run_ms(20);
    }
    assert_eq!(net.wan.iter().filter(|seen| seen.src.to_string() == A && seen.has_metadata()).count(), 3);
    net.link(B, A).up = true;
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert!(net.wan.iter().all(|seen| !seen.has_metadata()));
}

#[test]
fn lost_first_packets_leave_one_session_when_one_gets_through() {
    let mut net = fabric();
    net.link(A, B).up = false;
    net.udp("client", 5000, ECHO, b"lost");
    net.run_ms(100);
    net.link(A, B).up = true;
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.sessions("a").len(), 1);
    assert_eq!(net.session("a").session_id, net.session("b").session_id);
}

#[test]
fn duplicated_first_packet_is_delivered_once() {
    let mut net = fabric();
    net.link(A, B).duplicate = 1.0;
    net.udp("client", 5000, "198.18.0.1:9", b"once");
    net.run_ms(100);
    assert_eq!(net.payloads("server"), [b"once"]);
    assert_eq!(net.sessions("b").len(), 1);
    assert_eq!(net.drops("b", DropReason::MetadataReplayed), 1);
}

#[test]
fn plain_packet_that_overtakes_the_first_one_is_answered_with_enable_metadata() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.router_mut("b").stop();
    let now = net.now();
    net.router_mut("b").start(now);
    net.link(B, A).delay = Duration::from_millis(5);
    net.udp("client", 5000, ECHO, b"without metadata");
    net.run_ms(15);
    let asked = net.wan.iter().rev().find(|seen| seen.src.to_string() == B && seen.has_metadata());
    assert!(asked.is_some(), "{:#?}", net.log.lines());
    assert!(net.drops("b", DropReason::UnknownSession) > 0);
    assert!(echoes(&mut net, "client", 5000, ECHO));
}

#[test]
fn one_way_flow_stops_its_metadata_when_told_to() {
    let mut net = fabric();
    for _ in 0..20 {
        net.udp("client", 5000, "198.18.0.1:9", b"telemetry");
        net.run_ms(50);
    }
    assert_eq!(net.payloads("server").len(), 20);
    net.wan.clear();
    for _ in 0..3 {
        net.udp("client", 5000, "198.18.0.1:9", b"telemetry");
        net.run_ms(50);
    }
    assert_eq!(net.wan.len(), 3);
    assert!(net.wan.iter().all(|seen| !seen.has_metadata()), "the flow goes on without metadata");
}

#[test]
fn session_is_triggered_again_with_the_same_id_after_the_peer_lost_it() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let id = net.session("a").session_id;
    net.restart("b");
    net.run_ms(2000);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.session("a").session_id, id);
    assert_eq!(net.session("b").session_id, id);
    assert_eq!(net.sessions("b").len(), 1);
}

#[test]
fn silent_other_direction_is_checked_and_an_unknown_session_is_renewed() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let id = net.session("b").session_id;
    net.host_mut("server").udp.insert(7, quiver_sim::UdpService::Sink);
    for _ in 0..12 {
        net.udp("client", 5000, ECHO, b"no answer");
        net.run_ms(1000);
    }
    let checks = net.wan.iter().filter(|seen| seen.src.to_string() == A && seen.has_metadata()).count();
    assert!((1..=6).contains(&checks), "{checks} health checks");
    assert_eq!(net.session("b").session_id, id);
    assert_eq!(net.payloads("server").len(), 13, "nothing was lost over it");
}

#[test]
fn session_ended_at_one_router_is_deleted_at_the_other() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let now = net.now();
    assert!(!net.router_mut("a").close_some(now));
    net.run_ms(100);
    assert_eq!(endings(&net, "a"), [CloseReason::Stopping]);
    assert_eq!(endings(&net, "b"), [CloseReason::DeletedByPeer]);
    assert!(net.sessions("b").is_empty());
}

#[test]
fn both_routers_open_sessions_towards_each_other_at_once() {
    let back = quiver_sim::ServicePlan::new("back", &["198.18.0.2/32"]).allow("ops").server("a", "10.1.0.10");
    let plan = two_sites().tenant_at("b", "ops", &["10.1.0.20/32"]).service(everything()).service(back);
    let mut net = fabric_of(plan);
    net.host_mut("client").udp.insert(7, quiver_sim::UdpService::Echo);
    for port in 5000..5200 {
        net.udp("client", port, ECHO, b"there");
        net.udp("server", port, "198.18.0.2:7", b"back");
    }
    net.run_ms(500);
    let echoed =
        |host: &str, text: &[u8]| net.payloads(host).iter().filter(|payload| *payload == text).count();
    assert_eq!((echoed("client", b"there"), echoed("server", b"back")), (200, 200));
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (400, 400));
}

#[test]
fn restarted_peer_announces_itself_and_is_noticed() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.restart("b");
    net.run_ms(500);
    let noticed = net.events("a").any(|event| {
        matches!(event, quiver_engine::event::Event::PeerRestarted { router, .. } if &**router == "b")
    });
    assert!(noticed);
}
