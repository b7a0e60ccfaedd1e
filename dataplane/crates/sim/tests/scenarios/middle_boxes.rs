//! NATs and firewalls between the routers.

use core::time::Duration;

use quiver_sim::conversation::is_pattern;
use quiver_sim::{Mapping, Script};

use crate::sites::*;

#[test]
fn initiator_behind_a_nat_that_changes_ports_is_served() {
    for mapping in [Mapping::EndpointIndependent, Mapping::EndpointDependent] {
        let mut net = behind_nat(everything(), mapping, Duration::from_mins(1));
        for _ in 0..3 {
            assert!(echoes(&mut net, "client", 5000, ECHO), "{mapping:?}");
        }
        assert!(net.wan.iter().all(|seen| seen.src.to_string() != "192.168.0.1"));
    }
}

#[test]
fn tcp_through_a_nat_arrives_whole() {
    let mut net = behind_nat(everything(), Mapping::EndpointDependent, Duration::from_mins(1));
    net.listen("server", 82, Script::Source(200_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(20));
    let received = &net.connection(connection).received;
    assert!(received.len() == 200_000 && is_pattern(received));
}

#[test]
fn session_goes_on_after_the_nat_forgot_its_mapping() {
    let mut net = behind_nat(everything(), Mapping::EndpointDependent, Duration::from_secs(20));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(30));
    let mut answered = false;
    for _ in 0..10 {
        answered |= echoes(&mut net, "client", 5000, ECHO);
    }
    assert!(answered);
}

#[test]
fn stateful_firewall_lets_the_whole_life_of_a_connection_pass() {
    let mut net = fabric();
    net.put_firewall();
    net.listen("server", 82, Script::Source(300_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(10));
    let received = &net.connection(connection).received;
    assert!(received.len() == 300_000 && is_pattern(received));
    assert!(net.connection(connection).has_finished());
    assert_eq!(net.firewall_refused(), 0);
}

#[test]
fn stateful_firewall_sees_nothing_invalid_in_many_connections_with_loss() {
    let mut net = fabric();
    net.put_firewall();
    net.every_link(|link| {
        link.loss = 0.02;
        link.jitter = Duration::from_millis(3);
    });
    let mut whole = 0;
    for _ in 0..20 {
        let connection = net.connect("client", WEB, Script::Manual);
        net.write(connection, b"question");
        net.close(connection);
        net.run(Duration::from_secs(10));
        whole += usize::from(net.connection(connection).received == b"question");
    }
    assert_eq!(whole, 20);
}

#[test]
fn connection_behind_a_firewall_survives_a_restart_of_the_egress() {
    let mut net = fabric();
    net.put_firewall();
    net.every_link(|link| link.bandwidth = Some(1_000_000));
    net.listen("server", 82, Script::Source(1_000_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run_ms(500);
    net.restart("b");
    net.run(Duration::from_mins(2));
    let received = &net.connection(connection).received;
    assert!(is_pattern(received));
    assert_eq!(received.len(), 1_000_000);
}
