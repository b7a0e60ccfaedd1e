//! What happens at the seams: one-way flows that are answered late, lost messages about keys, restarts with more sessions than buffers.

use core::time::Duration;

use quiver_engine::config::{Encryption, PortRange, TargetSource};
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::{CloseReason, Event};
use quiver_engine::forwarding::{ExplainQuery, Step};
use quiver_engine::packet::InterfaceId;
use quiver_engine::{Mode, Phase, Tally};
use quiver_sim::{Fabric, Plan, Script, ServicePlan, UdpService};

use crate::sites::*;

/// Waypoint of a router in the middle, or of a second site with servers.
const C: &str = "203.0.113.9";
/// A sink at site b.
const SINK: &str = "198.18.0.1:9";

fn sealed() -> Fabric {
    fabric_of(two_sites().service(everything().encryption(Encryption::Always)))
}

/// a - t - b: no way from a to b but through t.
fn sealed_chain() -> Fabric {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .encryption(Encryption::Always)
        .server("b", "10.1.0.20")
        .via("a", "t", 10)
        .via("t", "b", 10);
    fabric_of(two_sites().router("t", &[C]).service(service))
}

/// The server sends to whom its first packet came from.
fn answer(net: &mut Fabric, payload: &[u8]) {
    let (to, port) = {
        let first = &net.inbox("server")[0];
        (first.from().to_string(), first.to().port())
    };
    net.udp("server", port, &to, payload);
}

#[test]
fn late_answer_of_a_sealed_one_way_flow_arrives_and_opens() {
    let mut net = sealed();
    for _ in 0..6 {
        net.udp("client", 5000, SINK, b"anybody there?");
        net.run_ms(600);
    }
    assert_eq!(net.session("a").server_hop.unwrap().phase, Phase::Established, "it was told to stop");
    answer(&mut net, b"a late answer");
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [b"a late answer"]);
    net.udp("client", 5000, SINK, b"at last");
    net.run_ms(200);
    assert_eq!(net.session("b").client_hop.unwrap().phase, Phase::Established);
}

#[test]
fn lost_news_of_a_key_are_asked_for_when_a_packet_does_not_open() {
    let mut net = sealed();
    for _ in 0..6 {
        net.udp("client", 5000, SINK, b"anybody there?");
        net.run_ms(600);
    }
    net.link(B, A).up = false;
    answer(&mut net, b"lost, with all it says of keys");
    net.run_ms(100);
    net.link(B, A).up = true;
    net.udp("client", 5000, SINK, b"anybody there?");
    net.run_ms(100);
    assert_eq!(net.session("b").client_hop.unwrap().phase, Phase::Established);
    answer(&mut net, &[0x55; 300]);
    net.run_ms(100);
    assert_eq!(net.drops("a", DropReason::PayloadKeyUnknown), 1);
    answer(&mut net, b"opens");
    net.run_ms(100);
    assert_eq!(net.payloads("client"), [b"opens"]);
}

#[test]
fn answer_under_former_keys_confirms_no_fresh_ones() {
    let mut net = sealed();
    net.keep_wan = false;
    for _ in 0..24 * 60 * 60 / 9 {
        net.udp("client", 5000, SINK, b"every nine seconds");
        net.run(Duration::from_secs(9));
    }
    assert_eq!(net.session("b").client_hop.unwrap().phase, Phase::SendReverse);
    // The first packet under fresh keys is lost, and an answer that was under way seems to confirm them.
    answer(&mut net, b"crossing");
    net.run_ms(3);
    net.link(A, B).up = false;
    while net.session("a").server_hop.unwrap().phase == Phase::Established {
        net.udp("client", 5000, SINK, b"under fresh keys");
        net.run_ms(1);
    }
    net.run_ms(200);
    net.link(A, B).up = true;
    let before = net.payloads("server").len();
    for _ in 0..5 {
        net.udp("client", 5000, SINK, b"after that");
        net.run_ms(500);
    }
    assert!(net.payloads("server").len() >= before + 3, "{:#?}", net.router("b").all_drops());
}

#[test]
fn shorter_idle_time_of_a_service_holds_for_live_sessions() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.reconfigure_all(|config| config.services[0].idle_timeout = Some(Duration::from_secs(5)));
    net.run(Duration::from_secs(8));
    assert_eq!(endings(&net, "b"), [CloseReason::Idle]);
    assert!(net.sessions("a").is_empty());
}

#[test]
fn transit_learns_that_a_sealed_connection_is_over() {
    let mut net = sealed_chain();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"question");
    net.run(Duration::from_secs(1));
    assert_eq!(net.connection(connection).received, b"question");
    net.close(connection);
    net.run(Duration::from_mins(1));
    assert!(net.sessions("t").is_empty(), "{:#?}", net.sessions("t"));
    assert_eq!(
        (endings(&net, "a"), endings(&net, "b")),
        (vec![CloseReason::Finished], vec![CloseReason::Finished])
    );
    assert!(net.connection(connection).has_finished());
}

#[test]
fn clear_session_does_not_move_to_a_peer_that_is_always_sealed_for() {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .server("b", "10.1.0.20")
        .server("c", "10.1.0.20")
        .via("a", "b", 5)
        .via("a", "c", 20);
    let plan = two_sites().router("c", &[C]).host("c", "other", &["10.1.0.20"]).service(service);
    let mut net = with_programs(plan.start_with(7, |_, config| {
        let peers = config.peers.iter_mut();
        peers.filter(|peer| &*peer.router == "c").for_each(|peer| peer.always_encrypt = true);
    }));
    net.link(A, B).up = false;
    for _ in 0..12 {
        net.udp("client", 5000, ECHO, b"the canary sings");
        net.run_ms(500);
    }
    assert!(net.wan.iter().all(|seen| seen.dst.to_string() != C || !seen.holds(b"canary")));
    assert!(echoes_at(&mut net, "other", 5001), "a new session goes there, sealed");
    assert_eq!(net.session("c").mode, Mode::Sealed);
}

fn echoes_at(net: &mut Fabric, host: &str, port: u16) -> bool {
    net.host_mut(host).udp.insert(7, UdpService::Echo);
    echoes(net, "client", port, ECHO)
}

/// 900 live sessions between a and b.
fn many() -> Fabric {
    let long = everything().with(|service| service.idle_timeout = Some(Duration::from_mins(1)));
    let mut net = fabric_of(two_sites().service(long));
    for port in 0..900 {
        net.udp("client", 5000 + port, ECHO, b"hello");
    }
    net.run_ms(500);
    assert_eq!(net.sessions("b").len(), 900);
    net
}

#[test]
fn every_end_is_told_when_the_process_goes_whatever_the_number_of_sessions() {
    let mut net = many();
    let mut calls = 1;
    loop {
        let now = net.now();
        if !net.router_mut("a").close_some(now) {
            break;
        }
        net.run_ms(1);
        calls += 1;
    }
    net.run_ms(100);
    assert!(calls > 1, "buffers do not hold 900 messages");
    assert_eq!(endings(&net, "b"), vec![CloseReason::DeletedByPeer; 900]);
    assert_eq!(net.drops("a", DropReason::BufferExhausted), 0);
}

#[test]
fn sessions_that_end_in_one_instant_are_all_told_of() {
    let mut net = many();
    net.reconfigure("a", |config| config.services[0].access.clear());
    net.run(Duration::from_secs(2));
    assert_eq!(endings(&net, "b"), vec![CloseReason::DeletedByPeer; 900]);
    let mut net = many();
    net.run(Duration::from_secs(65));
    assert!(net.sessions("a").is_empty() && net.sessions("b").is_empty());
    let lost = |router| net.drops(router, DropReason::BufferExhausted);
    assert_eq!((lost("a"), lost("b")), (0, 0));
}

#[test]
fn restarted_egress_is_told_more_idle_sessions_than_there_are_buffers() {
    let mut net = many();
    net.restart("b");
    net.run(Duration::from_secs(5));
    assert_eq!(net.sessions("b").len(), 900);
    assert_eq!(net.drops("a", DropReason::BufferExhausted), 0);
}

#[test]
fn packets_between_anything_but_two_hosts_open_no_session() {
    let mut net = fabric_of(
        two_sites().service(ServicePlan::new("all", &["0.0.0.0/0"]).public().server("b", "10.1.0.20")),
    );
    for (src, dst) in [
        ("10.1.0.10:5000", "224.0.0.251:5353"),
        ("10.1.0.10:5000", "255.255.255.255:67"),
        ("0.0.0.0:68", "198.18.0.1:67"),
        ("127.0.0.1:5000", "198.18.0.1:7"),
    ] {
        let packet = quiver_sim::craft::udp(src.parse().unwrap(), dst.parse().unwrap(), b"to whom?");
        net.send("client", packet);
        net.run_ms(50);
    }
    assert_eq!(net.drops("a", DropReason::AddressInvalid), 4);
    assert!(net.sessions("a").is_empty() && net.inbox("client").is_empty());
}

#[test]
fn second_session_from_a_preserved_source_is_refused_for_want_of_one() {
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .target("b", "10.1.0.20", TargetSource::Preserve)
        .via("a", "b", 10)
        .via("c", "b", 10);
    let plan: Plan = two_sites()
        .router("c", &[C])
        .host("c", "twin", &["10.1.0.10"])
        .tenant_at("c", "corp", &["10.1.0.10/32"])
        .service(service);
    let mut net = fabric_of(plan);
    net.udp("client", 5000, SINK, b"first");
    net.run_ms(200);
    net.udp("twin", 5000, SINK, b"second");
    net.run_ms(200);
    assert_eq!(net.payloads("server"), [b"first"]);
    assert_eq!(net.drops("b", DropReason::ReturnPoolExhausted), 1);
    assert_eq!(endings(&net, "c"), [CloseReason::DeletedByPeer]);
}

/// What router a says to a packet of `client` from this port.
fn explained(net: &Fabric, from: &str, port: u16) -> (Vec<(Step, bool)>, Option<DropReason>, bool) {
    let query = ExplainQuery {
        from: from.parse().unwrap(),
        from_port: port,
        to: "198.18.0.1".parse().unwrap(),
        to_port: 7,
        protocol: 17,
        interface: InterfaceId(0),
    };
    let now = net.router("a").now(net.now());
    let (explanation, session) = net.router("a").engines()[0].explain(&query, now);
    let steps = explanation.steps.iter().map(|step| (step.step, step.passed)).collect();
    (steps, explanation.reason, session.is_some())
}

#[test]
fn explanation_ends_with_the_ports_and_shows_the_live_session() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let (steps, reason, live) = explained(&net, "10.1.0.10", 5000);
    assert_eq!((steps.last(), reason, live), (Some(&(Step::Ports, true)), None, true));
    let (_, reason, live) = explained(&net, "10.1.0.10", 5001);
    assert_eq!((reason, live), (None, false), "another conversation would pass, too");
    let (steps, reason, _) = explained(&net, "10.1.0.66", 5000);
    assert_eq!((steps.last(), reason), (Some(&(Step::Access, false)), Some(DropReason::AccessDenied)));
}

#[test]
fn explanation_says_what_an_engine_has_run_out_of() {
    let few = PortRange { first: 20_000, last: 20_003 };
    let plan = two_sites().service(everything());
    let mut net = with_programs(plan.start_with(7, |_, config| config.waypoint_ports = few));
    (5000..5010).for_each(|port| net.udp("client", port, ECHO, b"x"));
    net.run_ms(200);
    let (steps, reason, _) = explained(&net, "10.1.0.10", 6000);
    assert_eq!(steps.last(), Some(&(Step::Ports, false)));
    assert_eq!(reason, Some(DropReason::WaypointPortsExhausted));
    net.reconfigure("a", |config| config.max_sessions = 1);
    let (_, reason, _) = explained(&net, "10.1.0.10", 6000);
    assert_eq!(reason, Some(DropReason::SessionTableFull));
}

#[test]
fn counts_by_name_follow_the_sessions_of_services_routes_and_targets() {
    let mut net = fabric();
    for port in 5000..5003 {
        assert!(echoes(&mut net, "client", port, ECHO));
    }
    let sessions = |net: &Fabric| {
        let (a, b) = (&net.router("a").engines()[0], &net.router("b").engines()[0]);
        let sum =
            |tallies: &mut dyn Iterator<Item = (&str, &Tally)>| tallies.map(|(_, t)| t.sessions).sum::<u32>();
        [sum(&mut a.services()), sum(&mut a.routes()), sum(&mut b.routes()), sum(&mut b.targets())]
    };
    assert_eq!(sessions(&net), [3; 4]);
    net.run(Duration::from_mins(4));
    assert_eq!(sessions(&net), [0; 4]);
}

#[test]
fn protocol_without_ports_has_one_session_for_each_pair_of_node_and_server() {
    let service = ServicePlan::new("tunnels", &["198.18.0.1/32"]).allow("corp").allow("guest").target(
        "b",
        "10.1.0.20",
        TargetSource::Node("203.0.113.2".parse().unwrap()),
    );
    let mut net = fabric_of(two_sites().service(service));
    let to = "198.18.0.1".parse().unwrap();
    let gre = |from: &str| quiver_sim::craft::ip(from.parse().unwrap(), to, 47, b"whatever GRE says");
    net.send("client", gre("10.1.0.10"));
    net.run_ms(100);
    assert_eq!(net.inbox("server").len(), 1);
    net.send("guest", gre("10.1.0.66"));
    net.run_ms(100);
    assert_eq!(net.inbox("server").len(), 1, "answers to both could not be told apart");
    assert_eq!(net.drops("b", DropReason::ReturnPoolExhausted), 1);
}

/// A conversation of a kind of source outlives the restart of its egress.
fn survives_restart_of_the_egress(source: TargetSource) -> Fabric {
    let service =
        ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").target("b", "10.1.0.20", source);
    let mut net = fabric_of(two_sites().service(service));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let before = net.inbox("server")[0].from();
    net.restart("b");
    net.run(Duration::from_secs(3));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.inbox("server").last().unwrap().from(), before, "the server sees the same source");
    net
}

#[test]
fn restarted_egress_takes_its_source_port_again_whatever_the_kind_of_source() {
    for source in [TargetSource::ReturnPool, TargetSource::Node("203.0.113.2".parse().unwrap())] {
        survives_restart_of_the_egress(source);
    }
}

#[test]
fn session_that_a_restarted_ingress_no_longer_permits_is_deleted() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.stop("a");
    net.reconfigure("a", |config| config.services[0].access.clear());
    net.start("a");
    net.run(Duration::from_secs(3));
    assert_eq!(endings(&net, "b"), [CloseReason::DeletedByPeer]);
    assert!(net.sessions("a").is_empty());
}

#[test]
fn session_of_another_tenant_is_not_taken_up_by_a_restarted_ingress() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.stop("a");
    net.reconfigure("a", |config| config.tenants.retain(|tenant| &*tenant.name != "corp"));
    net.start("a");
    net.run(Duration::from_secs(3));
    assert_eq!(net.drops("a", DropReason::TenantUnknown), 1);
    assert_eq!(endings(&net, "b"), [CloseReason::DeletedByPeer]);
}

#[test]
fn flood_of_forged_metadata_pushes_no_event_of_a_session_out() {
    let mut net = fabric();
    net.udp("client", 5000, ECHO, b"genuine");
    net.run_ms(3);
    let mut forged = net.wan[0].bytes.clone();
    *forged.last_mut().unwrap() ^= 1;
    let parsed = quiver_wire::Parsed::parse(&forged).unwrap();
    quiver_wire::checksum::finish(&mut forged, &parsed).unwrap();
    let engine_of_b = |net: &Fabric| net.router("b").engines()[0].counters().events_lost;
    (0..5000).for_each(|_| net.inject_wan(forged.clone()));
    net.run_ms(500);
    let told = net.events("b").filter(|event| matches!(event, Event::MetadataRejected { .. })).count();
    assert!((1..=200).contains(&told), "{told} events");
    assert_eq!(engine_of_b(&net), 0);
    assert!(
        net.drops("b", DropReason::MetadataUnauthentic) + net.drops("b", DropReason::MetadataReplayed)
            >= 4000
    );
    assert!(echoes(&mut net, "client", 5000, ECHO));
}
