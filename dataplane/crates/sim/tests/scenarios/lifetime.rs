//! How sessions end, and what they give back.

use core::time::Duration;

use quiver_engine::config::PortRange;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::CloseReason;
use quiver_sim::Script;

use crate::sites::*;

#[test]
fn idle_udp_session_ends_at_both_routers() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(190));
    assert!(net.sessions("a").is_empty() && net.sessions("b").is_empty());
    assert_eq!((endings(&net, "a"), endings(&net, "b")), (vec![CloseReason::Idle], vec![CloseReason::Idle]));
}

#[test]
fn unanswered_udp_session_ends_after_ten_seconds() {
    let mut net = fabric();
    net.udp("client", 5000, "198.18.0.1:9", b"anybody");
    net.run(Duration::from_secs(9));
    assert_eq!(net.sessions("a").len(), 1);
    net.run(Duration::from_secs(3));
    assert!(net.sessions("a").is_empty());
}

#[test]
fn idle_time_of_the_service_is_kept() {
    let service = everything().with(|service| service.idle_timeout = Some(Duration::from_secs(20)));
    let mut net = fabric_of(two_sites().service(service));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(17));
    assert_eq!(net.sessions("b").len(), 1);
    net.run(Duration::from_secs(5));
    assert!(net.sessions("b").is_empty());
}

#[test]
fn finished_tcp_connection_leaves_no_session() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"hello");
    net.run_ms(300);
    assert_eq!(net.connection(connection).received, b"hello");
    net.close(connection);
    net.run(Duration::from_secs(1));
    assert!(net.connection(connection).has_finished());
    net.run(Duration::from_mins(5));
    assert_eq!(
        (endings(&net, "a"), endings(&net, "b")),
        (vec![CloseReason::Finished], vec![CloseReason::Finished])
    );
}

#[test]
fn reset_of_the_client_reaches_the_server_and_ends_the_session() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.run_ms(300);
    net.abort(connection);
    net.run_ms(500);
    let server = net.nth_connection("server", 0);
    assert!(net.connection(server).was_reset());
    net.run(Duration::from_mins(1));
    assert_eq!(
        (endings(&net, "a"), endings(&net, "b")),
        (vec![CloseReason::Reset], vec![CloseReason::Reset])
    );
}

#[test]
fn half_closed_connection_goes_on_the_other_way() {
    let mut net = fabric();
    net.listen("server", 81, Script::Manual);
    let connection = net.connect("client", "198.18.0.1:81", Script::Manual);
    net.write(connection, b"question");
    net.close(connection);
    net.run(Duration::from_secs(30));
    let server = net.nth_connection("server", 0);
    assert!(net.connection(server).peer_finished);
    net.write(server, b"a late answer");
    net.close(server);
    net.run(Duration::from_secs(2));
    assert_eq!(net.connection(connection).received, b"a late answer");
    assert!(net.connection(connection).has_finished());
}

#[test]
fn connection_to_a_closed_port_is_refused_end_to_end() {
    let mut net = fabric();
    let connection = net.connect("client", "198.18.0.1:4444", Script::Manual);
    net.run_ms(500);
    assert!(net.connection(connection).was_reset());
    net.run(Duration::from_mins(1));
    assert!(net.sessions("a").is_empty() && net.sessions("b").is_empty());
}

#[test]
fn freed_port_pair_is_quarantined_for_a_minute() {
    let few = PortRange { first: 20_000, last: 20_005 };
    let plan = two_sites().service(everything().with(|s| s.idle_timeout = Some(Duration::from_secs(5))));
    let mut net = with_programs(plan.start_with(7, |_, config| config.waypoint_ports = few));
    let open = |net: &mut quiver_sim::Fabric, from: u16| {
        (from..from + 20).for_each(|port| net.udp("client", port, ECHO, b"x"));
        net.run_ms(500);
        net.sessions("a").len()
    };
    let first = open(&mut net, 5000);
    assert!((4..=9).contains(&first), "{first} pairs of 3 even and 3 odd ports");
    assert!(net.drops("a", DropReason::WaypointPortsExhausted) > 0);
    net.run(Duration::from_secs(10));
    assert_eq!(open(&mut net, 6000), 0, "all are in quarantine");
    net.run(Duration::from_secs(61));
    assert_eq!(open(&mut net, 7000), first);
}

#[test]
fn full_session_table_refuses_new_sessions_and_keeps_the_old() {
    let plan = two_sites().service(everything());
    let mut net = with_programs(plan.start_with(7, |router, config| {
        if router == "a" {
            config.max_sessions = 10;
        }
    }));
    (5000..5015).for_each(|port| net.udp("client", port, ECHO, b"x"));
    net.run_ms(300);
    assert_eq!(net.sessions("a").len(), 10);
    assert_eq!(net.drops("a", DropReason::SessionTableFull), 5);
    assert!(echoes(&mut net, "client", 5000, ECHO));
}

#[test]
fn late_packet_of_the_server_opens_nothing() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let (server, binding) = (net.inbox("server")[0].to(), net.inbox("server")[0].from());
    net.run(Duration::from_secs(200));
    net.wan.clear();
    net.send("server", quiver_sim::craft::udp(server, binding, b"too late"));
    net.run_ms(100);
    assert!(net.wan.is_empty());
    assert!(net.sessions("b").is_empty());
}

#[test]
fn a_thousand_short_connections_leave_nothing_behind() {
    let mut net = fabric();
    net.keep_wan = false;
    net.log.disable();
    for _ in 0..50 {
        let connections: Vec<_> = (0..20).map(|_| net.connect("client", WEB, Script::Manual)).collect();
        for connection in &connections {
            net.write(*connection, b"ping");
            net.close(*connection);
        }
        net.run_ms(1000);
        assert!(connections.iter().all(|connection| net.connection(*connection).received == b"ping"));
    }
    net.run(Duration::from_mins(10));
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (0, 0));
    assert_eq!(endings(&net, "a").len(), 1000);
}
