//! Attacks by what the attacker can do: listen and send again, forge, turn as a peer, inject into the network or into a LAN.

mod downgrade;
mod forged;
mod fragments;
mod injected;
mod nonces;
mod replayed;
mod sizes;
mod turned_peer;

use core::net::{IpAddr, SocketAddr};

use quiver_engine::Direction;
use quiver_engine::drop_reason::DropReason;
use quiver_wire::Parsed;
use quiver_wire::metadata::contexts::{AddressPair, Context};
use quiver_wire::metadata::control::SessionFlags;
use quiver_wire::metadata::{HeaderTlvs, PayloadTlvs};
use quiver_wire::offload::Offload;

use crate::exercise::conversation::Call;
use crate::exercise::craft;
use crate::exercise::forge::{self, Forger};
use crate::exercise::invariants::{Outcome, Side, hand_in};
use crate::exercise::world::{Options, Place, World, service, waypoint};

const A: usize = 0;
const B: usize = 1;
const C: usize = 2;

/// Hands a packet of the network to a router; why it, and what came of it, was dropped.
fn attack(world: &mut World, router: usize, bytes: &[u8]) -> (Vec<DropReason>, Outcome) {
    on_side(world, router, Side::Wan, bytes)
}

fn on_side(world: &mut World, router: usize, side: Side, bytes: &[u8]) -> (Vec<DropReason>, Outcome) {
    let before = world.engines[router].counters().drops.clone();
    let now = world.now;
    let outcome = hand_in(&mut world.engines[router], side, bytes, Offload::default(), now);
    let after = &world.engines[router].counters().drops;
    (
        after
            .iter()
            .filter(|(reason, count)| *count > before.get(*reason))
            .map(|(reason, _)| reason)
            .collect(),
        outcome,
    )
}

/// Refused for this one reason, with neither a session nor a word in return.
#[track_caller]
fn assert_refused(world: &mut World, router: usize, bytes: &[u8], reason: DropReason) {
    let sessions = world.sessions(router);
    let (reasons, outcome) = attack(world, router, bytes);
    assert_eq!(reasons, [reason]);
    assert!(outcome.sent.is_empty(), "no answer: {:?}", outcome.sent);
    assert_eq!((outcome.opened, world.sessions(router)), (0, sessions));
}

/// The packet with other ends and right checksums.
fn readdressed(bytes: &[u8], from: SocketAddr, to: SocketAddr) -> Vec<u8> {
    let parsed = Parsed::parse(bytes).unwrap();
    let mut segment = parsed.segment(bytes).to_vec();
    segment[..2].copy_from_slice(&from.port().to_be_bytes());
    segment[2..4].copy_from_slice(&to.port().to_be_bytes());
    craft::ip(from.ip(), to.ip(), parsed.protocol, &segment)
}

fn ends(bytes: &[u8]) -> (SocketAddr, SocketAddr) {
    let parsed = Parsed::parse(bytes).unwrap();
    (SocketAddr::new(parsed.src, parsed.src_port), SocketAddr::new(parsed.dst, parsed.dst_port))
}

fn reflected(bytes: &[u8]) -> Vec<u8> {
    let (from, to) = ends(bytes);
    readdressed(bytes, to, from)
}

/// What a router sends to the network for a packet of its LAN; not delivered.
fn recorded(world: &mut World, router: usize, lan: &[u8]) -> Vec<u8> {
    let (_, outcome) = on_side(world, router, Side::Lan, lan);
    let mut sent = outcome.sent.into_iter().filter(|(direction, _)| *direction == Direction::Wan);
    let first = sent.next().expect("something is sent");
    assert!(sent.next().is_none());
    craft::finished(first.1.bytes)
}

fn near(protection: usize, port: u16) -> Call {
    Call { protection, place: Place::Near, is_ipv4: true, port }
}

fn datagram(call: Call, payload: &[u8]) -> Vec<u8> {
    let (from, to) = call.ends();
    craft::udp(from, SocketAddr::new(to.ip(), 9000), payload)
}

/// Somebody who knows the secret and speaks for `a` to `b`, beside the true `a`.
fn turned_a(world: &World) -> Forger {
    let mut forger = Forger::new("a/n1", "b/n1", 0x5001, world.options);
    forger.counter = 5_000;
    forger
}

/// A pair of `a`'s choice towards `b`.
fn pair(own: u16, peer: u16) -> (SocketAddr, SocketAddr) {
    (SocketAddr::new(waypoint(A, true), own), SocketAddr::new(waypoint(B, true), peer))
}

fn context(port: u16, dst: IpAddr, protocol: u8) -> Context {
    let addresses = AddressPair::new([10, 1, 0, 5].into(), dst).unwrap();
    Context { addresses, src_port: port, dst_port: 9_000, protocol }
}

/// Forward metadata of a UDP session to the clear service behind `b`.
fn forward(id: u8, port: u16) -> PayloadTlvs<'static> {
    PayloadTlvs {
        forward: Some(context(port, service(0, Place::Near, true), 17)),
        session_id: Some([id; 16]),
        tenant: Some("web.prod"),
        service: Some("prod/clear-near"),
        source_router: Some("a"),
        session_flags: Some(SessionFlags::default()),
        ..PayloadTlvs::default()
    }
}

/// A packet with these payload TLVs from a turned `a`, with data behind it.
fn told(
    world: &World,
    forger: &mut Forger,
    pair: (SocketAddr, SocketAddr),
    tlvs: &PayloadTlvs<'_>,
) -> Vec<u8> {
    forger.packet(pair, world.now.unix_ms, HeaderTlvs::default(), &forge::section(tlvs), b"data")
}

fn world() -> World {
    World::new(Options::default())
}
