//! Protecting and opening packets allocates nothing.
#![expect(clippy::unwrap_used, reason = "a failing step of a test is to end it")]
#![expect(unsafe_code, reason = "a counting allocator implements an unsafe trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use quiver_crypto::{
    BootId, ClearLengths, CounterNonce, DeriveInput, Direction, HmacTime, Nonce, PayloadKeys,
    PayloadReplayWindow, PayloadSecret, PeerKeys, Protection, SharedSecret, Stamp, TimeWindow, integrity,
    payload, protect, unprotect,
};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations_of(mut work: impl FnMut()) -> u64 {
    work();
    let before = ALLOCATIONS.get();
    for _ in 0..100 {
        work();
    }
    ALLOCATIONS.get() - before
}

#[test]
fn sealing_and_opening_payload_allocates_nothing() {
    let keys = PayloadKeys::derive(&PayloadSecret::from_bytes(&[1; 32]), BootId(1)).unwrap();
    let mut nonces = CounterNonce::new(1);
    let mut seen = PayloadReplayWindow::new();
    let mut packet = [0; 1_400];
    let allocations = allocations_of(|| {
        payload::seal(&keys.forward, &mut nonces, &[2; 16], &mut packet).unwrap();
        payload::open(&keys.forward, 1, &mut seen, &[2; 16], &mut packet).unwrap();
    });
    assert_eq!(allocations, 0);
}

#[test]
fn signing_and_verifying_a_packet_allocates_nothing() {
    let keys = peer_keys();
    let mut packet = [0; 1_400];
    let (sent, received) = (TimeWindow::from_unix_ms(2_000), TimeWindow::from_unix_ms(4_000));
    let allocations = allocations_of(|| {
        integrity::sign(&keys.packet_hmac, Direction::Forward, &[2; 16], sent, &mut packet).unwrap();
        integrity::verify(&keys.packet_hmac, Direction::Forward, &[2; 16], received, &packet).unwrap();
    });
    assert_eq!(allocations, 0);
}

#[test]
fn protecting_and_opening_metadata_allocates_nothing() {
    let keys = peer_keys();
    let window = TimeWindow::from_unix_ms(2_000);
    let stamp = Stamp { nonce: Nonce { serial: 0, counter: 1 }, iv: [1; 16], window };
    let mut packet = [0; 300];
    packet[8..10].copy_from_slice(&[0x10, 12]);
    for protection in [Protection::Sealed, Protection::Signed, Protection::Compatibility(HmacTime::TimeBased)]
    {
        let allocations = allocations_of(|| {
            let lengths = ClearLengths { header: 12, payload: 100 };
            protect(&keys, protection, &stamp, &mut packet, lengths).unwrap();
            unprotect(&keys, protection, stamp.nonce, window, &mut packet).unwrap();
        });
        assert_eq!(allocations, 0, "{protection:?}");
    }
}

fn peer_keys() -> PeerKeys {
    let input = DeriveInput {
        fabric: "f",
        sender_node: "a/1",
        receiver_node: "b/1",
        version: 1,
        sender_boot: BootId(1),
    };
    PeerKeys::derive(&SharedSecret::new(&[1; 32]).unwrap(), &input).unwrap()
}
