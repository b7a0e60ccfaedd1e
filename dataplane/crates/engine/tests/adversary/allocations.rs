//! Forwarding a packet of an established session takes nothing from the heap.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use quiver_engine::{Direction, Engine, Transmit};
use quiver_wire::offload::Offload;

use crate::exercise::conversation::{self, Call};
use crate::exercise::craft::{self, ACK, PSH, Segment};
use crate::exercise::world::{CLEAR, Options, Place, SEALED, SIGNED, World};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static LIVE: Cell<i64> = const { Cell::new(0) };
}

fn note(allocations: u64, bytes: i64) {
    let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + allocations));
    let _ = LIVE.try_with(|count| count.set(count.get() + bytes));
}

/// Layouts are at most `isize::MAX` long.
fn size_of(layout: Layout) -> i64 {
    i64::try_from(layout.size()).unwrap_or(i64::MAX)
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, size_of(layout));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(0, -size_of(layout));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that this thread holds.
pub(crate) fn live_bytes() -> i64 {
    LIVE.get()
}

/// Takes the only packet that an engine sends.
fn only(engine: &mut Engine, direction: Direction) -> Transmit {
    let transmit = engine.poll_transmit().unwrap();
    assert_eq!(transmit.direction, direction);
    assert!(engine.poll_transmit().is_none());
    transmit
}

/// Sends `bytes` from client to server and the server's answer back, again and again; how many allocations that took.
fn of_exchanges(
    world: &mut World,
    (bytes, offload): (&[u8], Offload),
    (answer, back): (&[u8], Offload),
) -> u64 {
    let now = world.now;
    let mut before = 0;
    for round in 0..200 {
        if round == 100 {
            before = ALLOCATIONS.get();
        }
        for (from, to, bytes, offload) in [(0, 1, bytes, offload), (1, 0, answer, back)] {
            let mut packet = world.engines[from].take_buffer().unwrap();
            packet.fill(bytes);
            packet.offload = offload;
            world.engines[from].handle_lan(packet, now);
            let transmit = only(&mut world.engines[from], Direction::Wan);
            let mut carried = world.engines[to].take_buffer().unwrap();
            carried.fill(transmit.packet.bytes());
            carried.offload = transmit.packet.offload;
            world.engines[from].recycle(transmit.packet);
            world.engines[to].handle_wan(carried, now);
            let transmit = only(&mut world.engines[to], Direction::Lan);
            world.engines[to].recycle(transmit.packet);
        }
    }
    ALLOCATIONS.get() - before
}

fn call(protection: usize, is_ipv4: bool) -> Call {
    Call { protection, place: Place::Near, is_ipv4, port: 41_001 }
}

/// What the server answers to what it got last.
fn answer_to_last(world: &World) -> Vec<u8> {
    let (_, seen) = world.lan.iter().rfind(|(router, _)| *router == 1).unwrap();
    craft::reply(&seen.bytes).unwrap()
}

fn of_udp(protection: usize, is_ipv4: bool) -> u64 {
    let mut world = World::new(Options::default());
    conversation::udp(&mut world, call(protection, is_ipv4));
    let (from, to) = call(protection, is_ipv4).ends();
    let packet = craft::udp(from, core::net::SocketAddr::new(to.ip(), 9000), &[1; 1000]);
    world.send(&packet);
    let answer = answer_to_last(&world);
    of_exchanges(&mut world, (&packet, Offload::default()), (&answer, Offload::default()))
}

fn of_superpackets(protection: usize, is_ipv4: bool) -> u64 {
    let mut world = World::new(Options::default());
    let call = call(protection, is_ipv4);
    conversation::tcp(&mut world, call, false);
    let (packet, offload) = conversation::superpacket(call, 1_029, 9_029, 30_000);
    let (from, to) = call.ends();
    world.send(&craft::tcp(from, to, Segment { flags: ACK | PSH, seq: 1_029, ack: 9_029 }, b"x"));
    let mut answer = answer_to_last(&world);
    let parsed = quiver_wire::Parsed::parse(&answer).unwrap();
    let (seq, header) = (answer[parsed.transport_at + 4..parsed.transport_at + 12].to_vec(), parsed);
    let fields = Segment {
        flags: ACK | PSH,
        seq: u32::from_be_bytes(seq[..4].try_into().unwrap()),
        ack: u32::from_be_bytes(seq[4..].try_into().unwrap()),
    };
    let ends = |address, port| core::net::SocketAddr::new(address, port);
    let (src, dst) = (ends(header.src, header.src_port), ends(header.dst, header.dst_port));
    answer = craft::tcp(src, dst, fields, &vec![0x66; 30_000]);
    let parsed = quiver_wire::Parsed::parse(&answer).unwrap();
    quiver_wire::checksum::begin(&mut answer, &parsed).unwrap();
    of_exchanges(&mut world, (&packet, offload), (&answer, offload))
}

#[test]
fn forwarding_clear_datagrams_both_ways_allocates_nothing() {
    assert_eq!([of_udp(CLEAR, true), of_udp(CLEAR, false)], [0, 0]);
}

#[test]
fn forwarding_sealed_datagrams_both_ways_allocates_nothing() {
    assert_eq!([of_udp(SEALED, true), of_udp(SEALED, false)], [0, 0]);
}

#[test]
fn forwarding_signed_datagrams_both_ways_allocates_nothing() {
    assert_eq!([of_udp(SIGNED, true), of_udp(SIGNED, false)], [0, 0]);
}

#[test]
fn forwarding_clear_superpackets_both_ways_allocates_nothing() {
    assert_eq!([of_superpackets(CLEAR, true), of_superpackets(CLEAR, false)], [0, 0]);
}

#[test]
fn forwarding_sealed_superpackets_both_ways_allocates_nothing() {
    assert_eq!([of_superpackets(SEALED, true), of_superpackets(SEALED, false)], [0, 0]);
}

#[test]
fn forwarding_signed_superpackets_both_ways_allocates_nothing() {
    assert_eq!([of_superpackets(SIGNED, true), of_superpackets(SIGNED, false)], [0, 0]);
}
