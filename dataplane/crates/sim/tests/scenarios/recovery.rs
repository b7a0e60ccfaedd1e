//! Restarts in the middle of conversations.

use core::time::Duration;

use quiver_engine::config::Encryption;
use quiver_sim::conversation::is_pattern;
use quiver_sim::{Fabric, Script, ServicePlan};

use crate::sites::*;

/// What is restarted in the middle of a transfer.
fn download_with_restarts(encryption: Encryption, through_transit: bool, restarted: &[&str]) {
    let mut service = everything().encryption(encryption);
    let mut plan = two_sites();
    if through_transit {
        plan = plan.router("t", &["203.0.113.9"]);
        service = service.via("a", "t", 10).via("t", "b", 10);
    }
    let mut net = fabric_of(plan.service(service));
    net.keep_wan = false;
    net.every_link(|link| link.bandwidth = Some(1_000_000));
    net.listen("server", 82, Script::Source(2_000_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run_ms(700);
    let before = net.connection(connection).received.len();
    assert!(before > 50_000 && before < 1_500_000, "{before}");
    for router in restarted {
        net.stop(router);
    }
    net.run_ms(200);
    for router in restarted {
        net.start(router);
    }
    net.run(Duration::from_mins(2));
    let received = &net.connection(connection).received;
    assert!(is_pattern(received));
    assert_eq!(received.len(), 2_000_000, "state {:?}", net.connection(connection).state);
    assert!(net.connection(connection).has_finished());
}

#[test]
fn clear_download_survives_a_restart_of_the_ingress() {
    download_with_restarts(Encryption::Never, false, &["a"]);
}

#[test]
fn clear_download_survives_a_restart_of_the_egress() {
    download_with_restarts(Encryption::Never, false, &["b"]);
}

#[test]
fn sealed_download_survives_a_restart_of_the_ingress() {
    download_with_restarts(Encryption::Always, false, &["a"]);
}

#[test]
fn sealed_download_survives_a_restart_of_the_egress() {
    download_with_restarts(Encryption::Always, false, &["b"]);
}

#[test]
fn adaptive_download_survives_a_restart_of_either_end() {
    download_with_restarts(Encryption::Adaptive, false, &["a"]);
    download_with_restarts(Encryption::Adaptive, false, &["b"]);
}

#[test]
fn clear_download_survives_a_restart_of_the_transit() {
    download_with_restarts(Encryption::Never, true, &["t"]);
}

#[test]
fn sealed_download_survives_a_restart_of_the_transit() {
    download_with_restarts(Encryption::Always, true, &["t"]);
}

#[test]
fn idle_client_behind_a_closed_window_is_found_again_after_a_restart_of_its_router() {
    let mut net = fabric();
    net.listen("server", 82, Script::Source(300_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.connection_mut(connection).reading = false;
    net.run(Duration::from_secs(3));
    net.restart("a");
    net.run(Duration::from_mins(1));
    net.connection_mut(connection).reading = true;
    net.run(Duration::from_mins(3));
    let received = &net.connection(connection).received;
    assert!(is_pattern(received));
    assert_eq!(received.len(), 300_000);
}

#[test]
fn idle_connection_goes_on_after_a_restart_of_the_egress() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"before");
    net.run_ms(500);
    net.restart("b");
    net.run(Duration::from_secs(30));
    net.write(connection, b" and after");
    net.run(Duration::from_secs(10));
    assert_eq!(net.connection(connection).received, b"before and after");
}

#[test]
fn idle_connections_outlive_restarts_of_both_ends_one_after_the_other() {
    for workers in [1, 3] {
        let plan = two_sites().workers("a", workers).workers("b", workers);
        let mut net = fabric_of(plan.service(everything()));
        let connections: Vec<_> = (0..6).map(|_| net.connect("client", WEB, Script::Manual)).collect();
        for connection in &connections {
            net.write(*connection, b"before");
        }
        net.run_ms(500);
        for router in ["a", "b"] {
            net.restart(router);
            net.run(Duration::from_secs(3));
        }
        for connection in &connections {
            net.write(*connection, b" and after");
        }
        net.run(Duration::from_secs(10));
        for connection in &connections {
            assert_eq!(net.connection(*connection).received, b"before and after", "{workers} workers");
        }
    }
}

#[test]
fn idle_connection_is_told_again_to_a_restarted_router_whose_clock_is_ahead() {
    let mut net = fabric();
    // What was sent before the start is refused, by the clock of the one that has started.
    net.router_mut("b").clock_offset_ms = 4500;
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"before");
    net.run(Duration::from_secs(6));
    assert_eq!(net.connection(connection).received, b"before");
    for router in ["b", "a"] {
        net.restart(router);
        net.run(Duration::from_secs(10));
        assert_eq!(net.router(router).sessions(net.now()).len(), 1, "{router}");
    }
    net.write(connection, b" and after");
    net.run(Duration::from_secs(10));
    assert_eq!(net.connection(connection).received, b"before and after");
}

#[test]
fn idle_connections_are_told_again_to_a_restarted_router_when_the_first_telling_is_lost() {
    let mut net = fabric();
    let connections: Vec<_> = (0..20).map(|_| net.connect("client", WEB, Script::Manual)).collect();
    for connection in &connections {
        net.write(*connection, b"before");
    }
    net.run_ms(500);
    net.every_link(|link| link.loss = 0.2);
    net.restart("b");
    net.run(Duration::from_secs(10));
    assert_eq!(net.router("b").sessions(net.now()).len(), connections.len());
}

#[test]
fn restarted_ingress_is_not_told_of_finished_connections() {
    let mut net = fabric();
    net.listen("server", 82, Script::Source(1000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(1));
    assert!(net.connection(connection).has_finished());
    net.restart("a");
    net.run(Duration::from_secs(1));
    assert_eq!(net.router("a").sessions(net.now()).len(), 0);
}

#[test]
fn server_that_speaks_after_a_restart_of_the_egress_is_heard() {
    let mut net = fabric();
    net.listen("server", 81, Script::Manual);
    let connection = net.connect("client", "198.18.0.1:81", Script::Manual);
    net.write(connection, b"subscribe");
    net.run_ms(500);
    net.restart("b");
    net.run(Duration::from_secs(10));
    let server = net.nth_connection("server", 0);
    net.write(server, b"news");
    net.run(Duration::from_secs(30));
    assert_eq!(net.connection(connection).received, b"news");
}

#[test]
fn restarted_egress_takes_the_same_source_towards_the_server_again() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let before = net.inbox("server")[0].from();
    net.restart("b");
    net.run(Duration::from_secs(3));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.inbox("server")[1].from(), before);
}

#[test]
fn restarted_ingress_is_rebound_to_the_old_decision_of_the_egress() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"before");
    net.run_ms(500);
    net.restart("a");
    net.write(connection, b" and after");
    net.run(Duration::from_secs(20));
    assert_eq!(net.connection(connection).received, b"before and after");
    assert_eq!(net.sessions("b").len(), 1);
    assert_eq!(net.session("a").session_id, net.session("b").session_id);
}

#[test]
fn both_ends_restarted_at_once_reset_the_client_instead_of_hanging() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"before");
    net.run_ms(500);
    net.restart("a");
    net.restart("b");
    net.run(Duration::from_secs(2));
    net.write(connection, b" and after");
    net.run(Duration::from_mins(1));
    let whole = net.connection(connection).received == b"before and after";
    assert!(whole || net.connection(connection).was_reset(), "{:?}", net.connection(connection).state);
}

#[test]
fn many_idle_udp_sessions_are_told_to_a_restarted_peer_by_themselves() {
    let mut net = fabric();
    for port in 5000..5100 {
        net.udp("client", port, ECHO, b"hello");
    }
    net.run_ms(500);
    net.restart("b");
    net.run(Duration::from_secs(10));
    assert_eq!(net.sessions("b").len(), 100, "no client had to send anything");
}

#[test]
fn client_gets_answers_while_its_ingress_restarts_again_and_again() {
    let mut net: Fabric = fabric();
    for round in 0..6 {
        assert!(echoes(&mut net, "client", 5000, ECHO), "round {round}");
        net.restart("a");
        net.run_ms(300);
    }
    assert_eq!(net.sessions("b").len(), 1);
}

#[test]
fn stopped_router_leaks_nothing_in_clear() {
    let service: ServicePlan = everything().encryption(Encryption::Always);
    let mut net = fabric_of(two_sites().service(service));
    net.udp("client", 5000, ECHO, b"the canary sings");
    net.run_ms(100);
    net.stop("a");
    for _ in 0..10 {
        net.udp("client", 5000, ECHO, b"the canary sings");
        net.run_ms(100);
    }
    net.start("a");
    net.udp("client", 5000, ECHO, b"the canary sings");
    net.run(Duration::from_secs(5));
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
    assert_eq!(net.payloads("client").len(), 2);
}
