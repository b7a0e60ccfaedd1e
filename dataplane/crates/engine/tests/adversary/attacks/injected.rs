//! Whoever injects what needs no key: ICMP errors, resets, and packets that want an answer.

use core::net::SocketAddr;
use core::time::Duration;

use quiver_engine::Direction;
use quiver_engine::config::{Cipher, MetadataProtection};
use quiver_engine::drop_reason::DropReason;
use quiver_wire::Parsed;

use super::{A, B, assert_refused, attack, ends, near, on_side, readdressed, world};
use crate::exercise::conversation;
use crate::exercise::craft::{self, ACK, RST, Segment};
use crate::exercise::invariants::Side;
use crate::exercise::world::{CLEAR, Options, World, waypoint};

fn mtu(world: &World, router: usize, is_ipv4: bool) -> u16 {
    let path = world.engines[router].paths(world.now).find(|path| path.local == waypoint(router, is_ipv4));
    path.unwrap().mtu
}

#[test]
fn icmp_errors_that_quote_no_session_teach_nothing() {
    let mut world = world();
    conversation::udp(&mut world, near(CLEAR, 40_000));
    let sent = world.wire[0].bytes.clone();
    let (from, to) = ends(&sent);
    let router = "203.0.113.1".parse().unwrap();
    let other_port = readdressed(&sent, from, SocketAddr::new(to.ip(), to.port() ^ 64));
    let other_peer = readdressed(&sent, from, SocketAddr::new("192.0.2.77".parse().unwrap(), to.port()));
    let turned = readdressed(&sent, to, from);
    for quoted in [other_port, other_peer, turned] {
        let mut error = craft::too_big(router, &quoted, 600);
        error[16..20].copy_from_slice(&[192, 0, 2, 1]);
        let (reasons, outcome) = attack(&mut world, A, &craft::finished(error));
        assert_eq!(reasons, [DropReason::IcmpUnsolicited]);
        assert!(outcome.sent.is_empty());
    }
    assert_eq!(mtu(&world, A, true), 1500);
}

#[test]
fn no_icmp_error_makes_a_path_narrower_than_the_protocol_allows() {
    let mut world = world();
    conversation::udp(&mut world, near(CLEAR, 40_000));
    let sent = world.wire[0].bytes.clone();
    let error = craft::too_big("203.0.113.1".parse().unwrap(), &sent, 68);
    attack(&mut world, A, &error);
    assert_eq!(mtu(&world, A, true), 576);
    world.pass(Duration::from_secs(601));
    assert_eq!(mtu(&world, A, true), 1500, "it is not believed for ever");
}

#[test]
fn local_icmp_error_about_a_conversation_that_is_not_there_goes_nowhere() {
    let mut world = world();
    conversation::udp(&mut world, near(CLEAR, 40_000));
    let (_, delivered) = world.lan.iter().find(|(router, _)| *router == B).unwrap().clone();
    let (from, to) = ends(&delivered.bytes);
    let quoted = readdressed(&delivered.bytes, SocketAddr::new(from.ip(), from.port() ^ 1), to);
    let error = craft::too_big(to.ip(), &quoted, 600);
    let (reasons, outcome) = on_side(&mut world, B, Side::Lan, &error);
    assert_eq!(reasons, [DropReason::IcmpUnsolicited]);
    assert!(outcome.sent.is_empty());
}

#[test]
fn reset_outside_of_the_window_does_not_end_the_session() {
    let mut world = world();
    conversation::tcp(&mut world, near(CLEAR, 40_001), false);
    let pair = ends(&world.wire[0].bytes);
    let long = world.engines[B].sessions(world.now).next().unwrap().expires_in;
    for seq in [0, 5_000_000, 0x8000_0000, 1_000] {
        let reset = craft::tcp(pair.0, pair.1, Segment { flags: RST | ACK, seq, ack: 1 }, &[]);
        attack(&mut world, B, &reset);
        let view = world.engines[B].sessions(world.now).next().unwrap();
        assert!(view.expires_in >= long, "the session is kept: {:?}", view.expires_in);
    }
    world.pass(Duration::from_mins(1));
    assert_eq!(world.sessions(B), 1);
    let (from, to) = near(CLEAR, 40_001).ends();
    let delivered = world.lan.len();
    world.send(&craft::tcp(
        from,
        to,
        Segment { flags: ACK | craft::PSH, seq: 1_029, ack: 9_029 },
        b"still here",
    ));
    assert!(world.lan.len() > delivered);
}

#[test]
fn answers_to_strangers_are_never_larger_than_what_they_sent() {
    let sealed = Options::default();
    let signed = Options { metadata: MetadataProtection::Signed, ..sealed };
    let compatible = Options { cipher: Cipher::Aes256CbcHmacSha256, ..sealed };
    for options in [sealed, signed, compatible] {
        for is_ipv4 in [true, false] {
            for size in [0, 20, 60, 100, 140, 160, 400] {
                let mut world = World::new(options);
                let (received, sent) = provoke(&mut world, is_ipv4, size);
                assert!(sent <= received, "{sent} bytes for {received} with {options:?}");
                if size >= 60 {
                    assert!(sent > 0, "known peers are asked for metadata");
                }
            }
        }
    }
}

/// Bytes sent by a spoofed peer on ever new ports, and bytes that it got back.
fn provoke(world: &mut World, is_ipv4: bool, size: usize) -> (usize, usize) {
    let (mut received, mut sent) = (0, 0);
    for port in 0..300 {
        let from = SocketAddr::new(waypoint(A, is_ipv4), 20_000 + port);
        let packet = craft::udp(from, SocketAddr::new(waypoint(B, is_ipv4), 16_401), &vec![9; size]);
        let (_, outcome) = attack(world, B, &packet);
        received += packet.len();
        sent += outcome.bytes_to(Direction::Wan);
        assert_eq!(outcome.bytes_to(Direction::Lan), 0);
        world.now.at += Duration::from_millis(20);
    }
    (received, sent)
}

#[test]
fn one_flow_is_answered_once_a_second_and_a_peer_a_thousand_times() {
    let mut world = world();
    let to = SocketAddr::new(waypoint(B, true), 16_401);
    let mut answers = 0;
    for _ in 0..1_000 {
        let packet = craft::udp(SocketAddr::new(waypoint(A, true), 20_000), to, &[9; 400]);
        answers += attack(&mut world, B, &packet).1.sent.len();
    }
    assert_eq!(answers, 1);
    let mut answers = 0;
    for port in 0..10_000 {
        let packet = craft::udp(SocketAddr::new(waypoint(A, true), 20_001 + port), to, &[9; 400]);
        answers += attack(&mut world, B, &packet).1.sent.len();
        world.now.at += Duration::from_micros(100);
    }
    assert!((100..=1_001).contains(&answers), "{answers} answers in a second");
}

#[test]
fn packets_from_ports_of_well_known_services_are_never_answered() {
    let mut world = world();
    for port in [0, 53, 123, 1023] {
        let from = SocketAddr::new(waypoint(A, true), port);
        let packet = craft::udp(from, SocketAddr::new(waypoint(B, true), 16_401), &[9; 400]);
        assert_refused(&mut world, B, &packet, DropReason::UnknownPeer);
    }
}

#[test]
fn strangers_get_no_answer_whatever_they_send() {
    let mut world = world();
    let to = SocketAddr::new(waypoint(B, true), 16_401);
    let from = SocketAddr::new("203.0.113.9".parse().unwrap(), 20_000);
    let packets = [
        craft::udp(from, to, &[9; 400]),
        craft::tcp(from, to, Segment { flags: craft::SYN, seq: 1, ack: 0 }, &[]),
        craft::tcp(from, to, Segment { flags: ACK, seq: 1, ack: 1 }, b"data"),
    ];
    for packet in packets {
        assert_refused(&mut world, B, &packet, DropReason::UnknownPeer);
    }
    let ping = craft::echo(from.ip(), to.ip(), true, 7, b"ping");
    assert_refused(&mut world, B, &ping, DropReason::UnsupportedProtocol);
}

#[test]
fn local_flood_of_refused_packets_is_answered_within_a_limit() {
    let mut world = world();
    let to: SocketAddr = near(CLEAR, 1).ends().1;
    let (mut received, mut sent) = (0, 0);
    for port in 0..20_000_u16 {
        let from = SocketAddr::new("10.9.0.5".parse().unwrap(), port.max(1));
        let packet = craft::udp(from, to, b"");
        let (reasons, outcome) = on_side(&mut world, A, Side::Lan, &packet);
        assert_eq!(reasons, [DropReason::AccessDenied]);
        received += packet.len();
        sent += outcome.bytes_to(Direction::Lan);
        assert!(outcome.sent.iter().all(|(_, seen)| Parsed::parse(&seen.bytes).unwrap().dst == from.ip()));
    }
    assert!(sent > 0, "a denied client is told");
    assert!(sent < received / 2, "{sent} bytes of ICMP errors for {received}");
}
