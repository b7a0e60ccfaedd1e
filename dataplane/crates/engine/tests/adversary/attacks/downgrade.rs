//! Whoever injects into the network to have payload sent, or taken, in clear.

use core::net::SocketAddr;

use quiver_engine::config::Transport;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::{Direction, Mode};
use quiver_wire::Parsed;
use quiver_wire::ip::protocol;
use quiver_wire::offload::Offload;

use super::{A, B, assert_refused, attack, ends, near, recorded, world};
use crate::exercise::conversation::{self, CLIENT_HELLO};
use crate::exercise::craft::{self, ACK, FIN, PSH, RST, SYN, Segment};
use crate::exercise::world::{ADAPTIVE, Options, SEALED, SIGNED, World};

fn mode(world: &World, router: usize) -> Mode {
    world.engines[router].sessions(world.now).next().unwrap().mode
}

/// Opens a TCP connection, without any data on it yet; the ends of packets from `a` to `b`.
fn connected(world: &mut World, protection: usize) -> (SocketAddr, SocketAddr) {
    let (from, to) = near(protection, 40_001).ends();
    world.send(&craft::tcp(from, to, Segment { flags: SYN, seq: 1_000, ack: 0 }, &[]));
    world.send(&craft::tcp(from, to, Segment { flags: ACK, seq: 1_001, ack: 9_001 }, &[]));
    ends(
        &world
            .wire
            .iter()
            .find(|seen| Parsed::parse(&seen.bytes).unwrap().src.to_string() == "192.0.2.1")
            .unwrap()
            .bytes,
    )
}

fn clear_segment((from, to): (SocketAddr, SocketAddr), flags: u8, payload: &[u8]) -> Vec<u8> {
    craft::tcp(from, to, Segment { flags, seq: 1_001, ack: 9_001 }, payload)
}

#[test]
fn clear_payload_on_a_sealed_udp_session_is_refused() {
    let mut world = world();
    conversation::udp(&mut world, near(SEALED, 40_000));
    let ends = ends(&world.wire[0].bytes);
    for payload in [&b""[..], b"x", b"clear text that is longer than any seal"] {
        let packet = craft::udp(ends.0, ends.1, payload);
        let (reasons, outcome) = attack(&mut world, B, &packet);
        assert!(outcome.sent.is_empty());
        assert!(matches!(reasons[..], [DropReason::PayloadUnauthentic]), "{reasons:?}");
    }
}

#[test]
fn clear_segments_on_a_sealed_connection_are_refused() {
    let mut world = world();
    let pair = connected(&mut world, SEALED);
    assert_eq!(mode(&world, B), Mode::Sealed);
    for flags in [ACK | PSH, SYN, FIN | ACK, RST, RST | ACK] {
        let payload: &[u8] = if flags == ACK | PSH { b"GET /" } else { b"" };
        let packet = clear_segment(pair, flags, payload);
        assert_refused(&mut world, B, &packet, DropReason::ClearPayloadOnSealedSession);
        let packet = clear_segment((pair.1, pair.0), flags, payload);
        assert_refused(&mut world, A, &packet, DropReason::ClearPayloadOnSealedSession);
    }
}

#[test]
fn segments_without_a_code_are_refused_where_every_packet_needs_one() {
    let mut world = world();
    let pair = connected(&mut world, SIGNED);
    let packet = clear_segment(pair, ACK | PSH, b"GET /");
    assert_refused(&mut world, B, &packet, DropReason::IntegrityMissing);
    let packet = craft::udp(pair.0, pair.1, &[0x50; 60]);
    assert_refused(&mut world, B, &packet, DropReason::IntegrityFailed);
}

#[test]
fn forged_clear_data_does_not_make_an_undecided_session_clear() {
    let mut world = world();
    let pair = connected(&mut world, ADAPTIVE);
    assert_eq!(mode(&world, B), Mode::Undecided);
    for payload in [&b"GET / HTTP/1.0"[..], b"\x16\x03", b"EHLO"] {
        let packet = clear_segment(pair, ACK | PSH, payload);
        assert_refused(&mut world, B, &packet, DropReason::ClearPayloadOnSealedSession);
    }
    let hello = clear_segment((pair.1, pair.0), ACK | PSH, &CLIENT_HELLO);
    assert_refused(&mut world, A, &hello, DropReason::ClearPayloadOnSealedSession);
    assert_eq!((mode(&world, A), mode(&world, B)), (Mode::Undecided, Mode::Undecided));
}

#[test]
fn forged_datagram_does_not_seal_an_undecided_session() {
    let mut world = world();
    let pair = connected(&mut world, ADAPTIVE);
    assert_refused(&mut world, B, &craft::udp(pair.0, pair.1, &[0x50; 60]), DropReason::PayloadUnauthentic);
    assert_eq!(mode(&world, B), Mode::Undecided);
    let (from, to) = near(ADAPTIVE, 40_001).ends();
    let delivered = world.lan.len();
    world.send(&craft::tcp(from, to, Segment { flags: ACK | PSH, seq: 1_001, ack: 9_001 }, &CLIENT_HELLO));
    assert_eq!(world.lan.len(), delivered + 2, "TLS and its echo get through");
    assert_eq!((mode(&world, A), mode(&world, B)), (Mode::Clear, Mode::Clear));
}

/// Sends `payload` as the first data of an adaptive connection; what the server got, what came back, and what was on the wire.
fn first_data(world: &mut World, payload: &[u8]) -> (Vec<u8>, Vec<u8>, bool) {
    connected(world, ADAPTIVE);
    let (from, to) = near(ADAPTIVE, 40_001).ends();
    let (wire, lan) = (world.wire.len(), world.lan.len());
    for round in 0..3 {
        let seq = 1_001 + round * payload.len() as u32;
        world.send(&craft::tcp(from, to, Segment { flags: ACK | PSH, seq, ack: 8_000 + seq }, payload));
    }
    let at = |router: usize| -> Vec<u8> {
        let seen = world.lan[lan..].iter().filter(|(at, _)| *at == router);
        seen.flat_map(|(_, seen)| Parsed::parse(&seen.bytes).unwrap().payload(&seen.bytes).to_vec()).collect()
    };
    let in_clear = world.wire[wire..]
        .iter()
        .any(|seen| seen.bytes.windows(payload.len()).any(|window| window == payload));
    (at(B), at(A), in_clear)
}

#[test]
fn adaptive_payload_arrives_both_ways_over_either_transport() {
    for transport in [Transport::Native, Transport::Udp] {
        for (payload, is_clear) in [(&CLIENT_HELLO[..], true), (b"EHLO mail.example", false)] {
            let mut world = World::new(Options { transport, ..Options::default() });
            let (served, returned, in_clear) = first_data(&mut world, payload);
            assert_eq!(served, payload.repeat(3), "{transport:?}");
            assert_eq!(returned, payload.repeat(3), "{transport:?}");
            assert_eq!(in_clear, is_clear, "{transport:?}");
        }
    }
}

#[test]
fn server_that_speaks_first_is_sealed_from_its_first_byte() {
    for transport in [Transport::Native, Transport::Udp] {
        let mut world = World::new(Options { transport, ..Options::default() });
        connected(&mut world, ADAPTIVE);
        let (_, delivered) = world.lan.iter().rfind(|(router, _)| *router == B).unwrap().clone();
        let (from, to) = ends(&delivered.bytes);
        let banner =
            craft::tcp(to, from, Segment { flags: ACK | PSH, seq: 9_001, ack: 1_001 }, b"220 mail.example");
        let sent = recorded(&mut world, B, &banner);
        assert!(!sent.windows(4).any(|window| window == b"mail"), "{transport:?}");
        assert_eq!(Parsed::parse(&sent).unwrap().protocol, protocol::UDP);
        world.remote(A, &sent, Offload::default());
        let out = world.drain(A);
        let to_client =
            out.iter().find(|(direction, _)| *direction == Direction::Lan).expect("the client gets it");
        assert!(to_client.1.bytes.ends_with(b"220 mail.example"), "{transport:?}");
    }
}
