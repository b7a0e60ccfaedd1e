//! Payload that only the first and the last router can read.

use core::time::Duration;

use quiver_engine::Mode;
use quiver_engine::config::{Encryption, Integrity};
use quiver_engine::drop_reason::DropReason;
use quiver_sim::conversation::is_pattern;
use quiver_sim::{Fabric, Script};

use crate::sites::*;

fn sealed() -> Fabric {
    fabric_of(two_sites().service(everything().encryption(Encryption::Always)))
}

fn per_packet() -> Fabric {
    fabric_of(two_sites().service(everything().with(|service| service.integrity = Integrity::PerPacket)))
}

#[test]
fn sealed_udp_shows_no_plain_text_from_the_first_packet_on() {
    let mut net = sealed();
    for i in 0..6 {
        net.udp("client", 5000, ECHO, format!("the canary sings {i}").as_bytes());
        net.run_ms(100);
    }
    assert_eq!(net.payloads("client").len(), 6);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
    assert_eq!(net.session("a").mode, Mode::Sealed);
}

#[test]
fn sealed_packet_is_24_bytes_longer_and_no_more() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let sent = net.inbox("client")[1].bytes.len();
    assert_eq!(net.wan.iter().map(|seen| seen.bytes.len()).collect::<Vec<_>>(), [sent + 24, sent + 24]);
}

#[test]
fn sealed_tcp_arrives_whole_and_shows_neither_text_nor_port() {
    let mut net = sealed();
    net.listen("server", 82, Script::Source(300_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(10));
    let received = &net.connection(connection).received;
    assert!(received.len() == 300_000 && is_pattern(received));
    let canary: Vec<u8> = quiver_sim::conversation::pattern(100_000, 100_016).collect();
    assert!(net.wan.iter().all(|seen| seen.ports().2 == 17 && !seen.holds(&canary)));
}

#[test]
fn sealed_ping_gets_its_answer() {
    let mut net = sealed();
    net.ping("client", "198.18.0.1", 77, 1, b"the canary sings");
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [b"the canary sings"]);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
}

#[test]
fn changed_byte_of_a_sealed_packet_is_refused() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    net.link(A, B).up = false;
    net.udp("client", 5000, ECHO, b"genuine");
    net.run_ms(3);
    net.link(A, B).up = true;
    let mut forged = net.wan[0].bytes.clone();
    let last = forged.len() - 20;
    forged[last] ^= 1;
    net.inject_wan(refinished(forged));
    net.run_ms(200);
    assert_eq!(net.drops("b", DropReason::PayloadUnauthentic), 1);
    assert_eq!(net.payloads("server").len(), 1);
}

#[test]
fn repeated_sealed_packet_is_delivered_once() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    net.udp("client", 5000, ECHO, b"genuine");
    net.run_ms(3);
    let copy = net.wan[0].bytes.clone();
    net.inject_wan(copy);
    net.run_ms(200);
    assert_eq!(net.drops("b", DropReason::PayloadReplayed), 1);
    assert_eq!(net.payloads("server").len(), 2);
}

#[test]
fn clear_payload_on_a_sealed_session_is_refused() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    net.udp("client", 5000, ECHO, b"genuine");
    net.run_ms(100);
    let seen = &net.wan[0];
    let (sport, dport, _) = seen.ports();
    let forged = quiver_sim::craft::udp((seen.src, sport).into(), (seen.dst, dport).into(), b"short");
    net.inject_wan(forged);
    net.run_ms(100);
    assert!(net.payloads("server").iter().all(|payload| payload != b"short"));
    let refused = [DropReason::ClearPayloadOnSealedSession, DropReason::PayloadUnauthentic];
    assert_eq!(refused.iter().map(|reason| net.drops("b", *reason)).sum::<u64>(), 1);
}

#[test]
fn peer_that_always_encrypts_seals_services_that_never_do() {
    let plan = two_sites().service(everything());
    let mut net = with_programs(
        plan.start_with(7, |_, config| config.peers.iter_mut().for_each(|peer| peer.always_encrypt = true)),
    );
    net.udp("client", 5000, ECHO, b"the canary sings");
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [b"the canary sings"]);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
}

#[test]
fn integrity_per_packet_adds_16_bytes_and_refuses_changes() {
    let mut net = per_packet();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    net.udp("client", 5000, ECHO, b"genuine");
    net.run_ms(3);
    let seen = net.wan[0].bytes.clone();
    assert_eq!(seen.len(), 20 + 8 + 7 + 16);
    assert!(net.wan[0].holds(b"genuine"), "the session is clear");
    let mut forged = seen;
    forged[30] ^= 1;
    net.inject_wan(refinished(forged));
    net.run_ms(200);
    assert_eq!(net.drops("b", DropReason::IntegrityFailed), 1);
    assert_eq!(net.payloads("server").len(), 2);
}

#[test]
fn packet_without_its_code_is_refused_where_integrity_is_per_packet() {
    let mut net = per_packet();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let seen = &net.wan[0];
    let (sport, dport, _) = seen.ports();
    let forged = quiver_sim::craft::udp((seen.src, sport).into(), (seen.dst, dport).into(), b"tiny");
    net.inject_wan(forged);
    net.run_ms(100);
    let refused = [DropReason::IntegrityMissing, DropReason::IntegrityFailed];
    assert_eq!(refused.iter().map(|reason| net.drops("b", *reason)).sum::<u64>(), 1);
    assert!(net.payloads("server").iter().all(|payload| payload != b"tiny"));
}

#[test]
fn tcp_with_integrity_per_packet_arrives_whole() {
    let mut net = per_packet();
    net.listen("server", 82, Script::Source(200_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(10));
    let received = &net.connection(connection).received;
    assert!(received.len() == 200_000 && is_pattern(received));
}

#[test]
fn sealed_transfer_survives_loss_and_reordering() {
    let mut net = sealed();
    net.every_link(|link| {
        link.loss = 0.02;
        link.reorder = 0.05;
        link.duplicate = 0.02;
    });
    net.keep_wan = false;
    net.listen("server", 82, Script::Source(200_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_mins(3));
    let received = &net.connection(connection).received;
    assert!(is_pattern(received));
    assert_eq!(received.len(), 200_000);
}

/// The packet with a right checksum again.
fn refinished(mut packet: Vec<u8>) -> Vec<u8> {
    let parsed = quiver_wire::Parsed::parse(&packet).unwrap();
    quiver_wire::checksum::finish(&mut packet, &parsed).unwrap();
    packet
}
