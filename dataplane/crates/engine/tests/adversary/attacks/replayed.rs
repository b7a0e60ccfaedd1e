//! Whoever listens on the network and sends again what was there.

use core::net::SocketAddr;
use core::time::Duration;

use quiver_engine::Now;
use quiver_engine::config::{Cipher, MetadataProtection};
use quiver_engine::drop_reason::DropReason;
use quiver_wire::metadata::HeaderTlvs;
use quiver_wire::metadata::PayloadTlvs;
use quiver_wire::metadata::control::ControlCode;
use quiver_wire::offload::Offload;

use super::{
    A, B, C, assert_refused, attack, datagram, ends, near, readdressed, recorded, reflected, turned_a, world,
};
use crate::exercise::conversation;
use crate::exercise::world::{CLEAR, Options, SEALED, SIGNED, World, drain, engine, filled, waypoint};
use crate::exercise::{craft, forge};

fn profiles() -> [Options; 3] {
    let sealed = Options::default();
    let signed = Options { metadata: MetadataProtection::Signed, ..sealed };
    [sealed, signed, Options { cipher: Cipher::Aes256CbcHmacSha256, ..sealed }]
}

#[test]
fn replayed_first_packet_opens_no_second_session() {
    for options in profiles() {
        let mut world = World::new(options);
        let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
        world.remote(B, &first, Offload::default());
        world.pump();
        assert_eq!(world.sessions(B), 1);
        assert_refused(&mut world, B, &first, DropReason::MetadataReplayed);
        world.pass(Duration::from_secs(4));
        assert_refused(&mut world, B, &first, DropReason::MetadataReplayed);
        world.pass(Duration::from_secs(2));
        assert_refused(&mut world, B, &first, DropReason::MetadataStale);
    }
}

#[test]
fn replayed_first_packet_opens_nothing_after_its_session_has_ended() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    world.pump();
    let id = world.engines[B].sessions(world.now).next().unwrap().session_id;
    let delete = HeaderTlvs { control: Some(ControlCode::DeleteSession), ..HeaderTlvs::default() };
    let named = forge::section(&PayloadTlvs { session_id: Some(id.0), ..PayloadTlvs::default() });
    let bye = turned_a(&world).packet(ends(&first), world.now.unix_ms, delete, &named, &[]);
    attack(&mut world, B, &bye);
    assert_eq!(world.sessions(B), 0);
    assert_refused(&mut world, B, &first, DropReason::MetadataReplayed);
}

#[test]
fn undelivered_first_packet_moved_to_another_port_opens_nothing() {
    for options in profiles() {
        let mut world = World::new(options);
        let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
        let (from, to) = ends(&first);
        let moved = readdressed(&first, from, SocketAddr::new(to.ip(), to.port() ^ 32));
        let expected = match options.metadata {
            // All behind the L4 header is signed, but the header is not: the port in the metadata decides.
            MetadataProtection::Signed | MetadataProtection::Sealed => DropReason::MetadataWrongPort,
        };
        assert_refused(&mut world, B, &moved, expected);
    }
}

#[test]
fn first_packet_replayed_to_another_worker_opens_nothing() {
    let options = Options { workers: 2, ..Options::default() };
    let mut world = World::new(options);
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    let (from, to) = ends(&first);
    let mut other = engine(B, options, 2, 1, world.now);
    for port in (16_385..17_407).step_by(2) {
        let moved = readdressed(&first, from, SocketAddr::new(to.ip(), port));
        let is_other = quiver_engine::shard_of_wan(&moved, 2) == 1;
        if is_other {
            let packet = filled(&mut other, &moved, Offload::default());
            other.handle_wan(packet, world.now);
        }
    }
    assert_eq!(other.session_count(), 0);
    assert!(other.counters().drops.get(DropReason::MetadataWrongPort) > 0);
    assert!(drain(&mut other).is_empty());
}

#[test]
fn first_packet_replayed_to_a_restarted_receiver_opens_nothing() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    world.pump();
    world.pass(Duration::from_millis(5));
    world.restart(B);
    assert_refused(&mut world, B, &first, DropReason::MetadataStale);
}

#[test]
fn late_metadata_of_a_senders_former_start_is_refused() {
    let mut world = world();
    let known = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &known, Offload::default());
    world.pump();
    let late = recorded(&mut world, A, &datagram(near(CLEAR, 40_001), b"order"));
    world.pass(Duration::from_millis(5));
    world.restart(A);
    let fresh = recorded(&mut world, A, &datagram(near(CLEAR, 40_002), b"order"));
    world.remote(B, &fresh, Offload::default());
    world.pump();
    assert_refused(&mut world, B, &late, DropReason::MetadataStale);
}

#[test]
fn metadata_made_for_one_router_is_refused_by_another() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    let (from, to) = ends(&first);
    let to_c = SocketAddr::new(waypoint(C, true), to.port());
    let unknown = readdressed(&first, from, to_c);
    assert_refused(&mut world, C, &unknown, DropReason::UnknownPeer);
    let as_b = readdressed(&first, SocketAddr::new(waypoint(B, true), from.port()), to_c);
    assert_refused(&mut world, C, &as_b, DropReason::MetadataUnauthentic);
    let as_c = readdressed(&first, SocketAddr::new(waypoint(C, true), from.port()), to);
    assert_refused(&mut world, B, &as_c, DropReason::MetadataUnauthentic);
}

#[test]
fn reflected_metadata_is_refused_by_its_sender() {
    for options in profiles() {
        let mut world = World::new(options);
        let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
        assert_refused(&mut world, A, &reflected(&first), DropReason::MetadataUnauthentic);
    }
}

#[test]
fn reflected_payload_of_protected_sessions_is_refused() {
    for (protection, reason) in
        [(SEALED, DropReason::PayloadUnauthentic), (SIGNED, DropReason::IntegrityFailed)]
    {
        let mut world = world();
        conversation::udp(&mut world, near(protection, 40_000));
        let sent = recorded(&mut world, A, &datagram(near(protection, 40_000), b"secret"));
        assert_refused(&mut world, A, &reflected(&sent), reason);
    }
}

#[test]
fn recorded_payload_of_sealed_sessions_is_delivered_once() {
    let mut world = world();
    conversation::udp(&mut world, near(SEALED, 40_000));
    let sent = recorded(&mut world, A, &datagram(near(SEALED, 40_000), b"pay 100"));
    let (reasons, outcome) = attack(&mut world, B, &sent);
    assert!(reasons.is_empty() && outcome.sent.len() == 1);
    assert_refused(&mut world, B, &sent, DropReason::PayloadReplayed);
}

#[test]
fn payload_of_one_session_is_refused_on_another() {
    let mut world = world();
    conversation::udp(&mut world, near(SEALED, 40_000));
    conversation::udp(&mut world, near(SEALED, 40_001));
    let sent = recorded(&mut world, A, &datagram(near(SEALED, 40_000), b"pay 100"));
    let other = recorded(&mut world, A, &datagram(near(SEALED, 40_001), b"pay 200"));
    let (from, to) = ends(&other);
    assert_refused(&mut world, B, &readdressed(&sent, from, to), DropReason::PayloadUnauthentic);
}

#[test]
fn recorded_recovery_takes_nothing_up_at_another_worker() {
    let options = Options { workers: 2, ..Options::default() };
    let mut world = World::new(options);
    conversation::udp(&mut world, near(CLEAR, 40_000));
    let (_, delivered) = world.lan.iter().rfind(|(router, _)| *router == B).unwrap().clone();
    world.restart(A);
    // The server speaks; the restarted ingress asks; the answer tells all of the session.
    let speech = craft::reply(&delivered.bytes).unwrap();
    let unknown = recorded(&mut world, B, &speech);
    let (_, asked) = attack(&mut world, A, &unknown);
    let credit = (0..20).find_map(|_| {
        let (_, more) = attack(&mut world, A, &unknown);
        asked.sent.iter().chain(&more.sent).next().map(|(_, seen)| seen.bytes.clone())
    });
    let (_, answer) = attack(&mut world, B, &craft::finished(credit.expect("the router asks")));
    let telling = craft::finished(answer.sent.first().expect("the session is told").1.bytes.clone());
    let (from, to) = ends(&telling);
    let mut other = engine(A, options, 4, 1, Now { ..world.now });
    let port = (16_384..17_000).step_by(2).find(|port| quiver_engine::shard_of_port(*port, 2) == 1).unwrap();
    let moved = readdressed(&telling, from, SocketAddr::new(to.ip(), port));
    let packet = filled(&mut other, &moved, Offload::default());
    other.handle_wan(packet, world.now);
    assert_eq!(other.session_count(), 0);
    assert_eq!(other.counters().drops.get(DropReason::MetadataWrongPort), 1);
    let (_, genuine) = attack(&mut world, A, &telling);
    assert_eq!(genuine.opened, 1, "where it belongs it takes the session up");
}
