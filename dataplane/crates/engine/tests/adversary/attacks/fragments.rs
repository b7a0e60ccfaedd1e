//! Fragments as a weapon: past the policy, into the memory, over one another.

use core::time::Duration;

use quiver_engine::drop_reason::DropReason;
use quiver_wire::metadata::path::FragmentInfo;
use quiver_wire::metadata::{HeaderTlvs, PayloadTlvs};

use super::{A, B, assert_refused, attack, datagram, forward, near, on_side, pair, told, turned_a, world};
use crate::allocations::live_bytes;
use crate::exercise::craft::{self, fragment_v4};
use crate::exercise::forge;
use crate::exercise::invariants::Side;
use crate::exercise::world::{CLEAR, World};

fn drops(world: &World, router: usize) -> u64 {
    world.engines[router].counters().drops.total()
}

#[test]
fn fragments_of_the_network_are_refused() {
    let mut world = world();
    let packet = craft::udp(pair(16_390, 16_391).0, pair(16_390, 16_391).1, &[5; 64]);
    for (range, more) in [(0..32, true), (32..72, false), (0..8, true)] {
        let fragment = fragment_v4(&packet, range, 3, more);
        assert_refused(&mut world, B, &fragment, DropReason::FragmentRefused);
    }
}

#[test]
fn nothing_of_a_packet_goes_on_before_it_is_whole() {
    let mut world = world();
    let packet = datagram(near(CLEAR, 40_000), &[5; 64]);
    let (_, outcome) = on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 32..72, 3, false));
    assert!(outcome.sent.is_empty() && outcome.opened == 0);
    let (_, outcome) = on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 0..32, 3, true));
    assert_eq!((outcome.sent.len(), outcome.opened), (1, 1));
}

#[test]
fn fragments_of_a_denied_client_are_judged_as_the_whole_packet() {
    let mut world = world();
    let (_, to) = near(CLEAR, 40_000).ends();
    let packet = craft::udp("10.9.0.5:4000".parse().unwrap(), to, &[5; 64]);
    on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 0..8, 3, true));
    let (reasons, outcome) = on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 8..72, 3, false));
    assert_eq!((reasons, outcome.opened), (vec![DropReason::AccessDenied], 0));
}

#[test]
fn overlapping_fragments_refuse_the_whole_packet() {
    let mut world = world();
    let packet = datagram(near(CLEAR, 40_000), &[5; 64]);
    let other = datagram(near(CLEAR, 40_000), &[6; 64]);
    on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 0..32, 3, true));
    let (reasons, _) = on_side(&mut world, A, Side::Lan, &fragment_v4(&other, 24..72, 3, false));
    assert_eq!(reasons, [DropReason::FragmentRefused]);
    let (reasons, outcome) = on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 32..72, 3, false));
    assert_eq!((reasons, outcome.opened), (vec![DropReason::FragmentRefused], 0));
}

#[test]
fn header_cut_over_two_fragments_cannot_hide_its_ports() {
    let mut world = world();
    let (from, to) = near(CLEAR, 40_000).ends();
    let packet = craft::tcp(from, to, craft::Segment { flags: craft::SYN, seq: 1, ack: 0 }, &[]);
    let (reasons, outcome) = on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 0..8, 3, true));
    assert!(outcome.sent.is_empty() && outcome.opened == 0, "{reasons:?}");
}

#[test]
fn flood_of_fragments_is_bounded_and_counted() {
    let mut world = world();
    let packet = datagram(near(CLEAR, 40_000), &[5; 1400]);
    on_side(&mut world, A, Side::Lan, &fragment_v4(&packet, 0..1400, 0, true));
    let (held, counted) = (live_bytes(), drops(&world, A));
    for id in 1..20_000_u32 {
        let (source, id) = (id / 60_000, id as u16);
        let mut fragment = fragment_v4(&packet, 0..1400, id, true);
        fragment[15] = 5 + source as u8;
        on_side(&mut world, A, Side::Lan, &craft::finished(fragment));
    }
    assert!(live_bytes() - held < 2 << 20, "at most a megabyte and its bookkeeping is held");
    let evicted = world.drops(A, DropReason::ReassemblyFull);
    assert_eq!(drops(&world, A) - counted, evicted);
    world.pass(Duration::from_secs(6));
    let lost = evicted + world.drops(A, DropReason::FragmentTimeout);
    assert_eq!(lost, 20_000, "each packet that never became whole is counted once");
}

#[test]
fn pieces_of_a_turned_peer_are_bounded() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let opening = told(&world, &mut forger, pair(16_390, 16_391), &forward(1, 40_000));
    attack(&mut world, B, &opening);
    let named = forge::section(&PayloadTlvs { session_id: Some([1; 16]), ..PayloadTlvs::default() });
    let held = live_bytes();
    for id in 0..2_000 {
        let piece = FragmentInfo {
            extended_id: id,
            original_id: id as u16,
            dont_fragment: false,
            more: true,
            offset: 0,
            largest_seen: 9_000,
        };
        let header = HeaderTlvs { fragment: Some(piece), ..HeaderTlvs::default() };
        let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &named, &[7; 1200]);
        attack(&mut world, B, &packet);
    }
    assert!(live_bytes() - held < 2 << 20);
    world.pass(Duration::from_secs(2));
    let lost = world.drops(B, DropReason::ReassemblyFull) + world.drops(B, DropReason::FragmentTimeout);
    assert_eq!(lost, 2_000);
}

#[test]
fn piece_of_another_session_is_refused() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let opening = told(&world, &mut forger, pair(16_390, 16_391), &forward(1, 40_000));
    attack(&mut world, B, &opening);
    let named = forge::section(&PayloadTlvs { session_id: Some([2; 16]), ..PayloadTlvs::default() });
    let piece = FragmentInfo {
        extended_id: 1,
        original_id: 1,
        dont_fragment: false,
        more: false,
        offset: 0,
        largest_seen: 100,
    };
    let header = HeaderTlvs { fragment: Some(piece), ..HeaderTlvs::default() };
    let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &named, b"data");
    assert_refused(&mut world, B, &packet, DropReason::SessionIdMismatch);
}
