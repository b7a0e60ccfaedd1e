//! No nonce is used twice under one key: over sessions, workers, restarts, re-keys and forgotten sessions.
#![expect(clippy::unwrap_used, reason = "a failing step of a test is to end it")]

use hashbrown::HashSet;
use quiver_crypto::{
    AeadKey, BootId, CounterNonce, DeriveInput, Nonce, PayloadKeys, PayloadSecret, PeerKeys, SerialAllocator,
    SharedSecret, seal_in_place,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

const WORKERS: u8 = 8;
const NODES: [&str; 3] = ["a/1", "a/2", "b/1"];

#[test]
fn metadata_of_all_workers_restarts_and_versions_never_repeats_a_nonce() {
    let mut used = Used::default();
    let mut random = ChaCha20Rng::from_seed([1; 32]);
    for _start in 0..10 {
        send_metadata_of_one_life(&mut used, BootId(random.next_u64()));
    }
    assert_eq!(used.nonces.len(), used.drawn);
    assert_eq!(used.drawn, 10 * 6 * 3 * 8 * 40);
}

#[test]
fn restart_with_the_former_boot_id_would_repeat_a_nonce() {
    let mut used = Used::default();
    send_metadata_of_one_life(&mut used, BootId(1));
    send_metadata_of_one_life(&mut used, BootId(1));
    assert_eq!(used.nonces.len() * 2, used.drawn);
}

#[test]
fn payload_of_all_sessions_epochs_and_restarts_never_repeats_a_nonce() {
    let mut used = Used::default();
    let mut random = ChaCha20Rng::from_seed([2; 32]);
    let mut clock = 0;
    for _ingress_start in 0..3 {
        for worker in 0..WORKERS {
            for _epoch in 0..3 {
                let secret = PayloadSecret::generate(&mut |bytes: &mut [u8]| random.fill_bytes(bytes));
                run_epoch(&mut used, &secret, worker, &mut clock);
            }
        }
    }
    assert_eq!(used.nonces.len(), used.drawn);
    assert!(used.drawn > 100_000);
}

#[test]
fn egress_that_counts_a_forgotten_session_from_zero_would_repeat_a_nonce() {
    let mut used = Used::default();
    let keys = PayloadKeys::derive(&PayloadSecret::from_bytes(&[5; 32]), BootId(9)).unwrap();
    for _life_of_the_session in 0..2 {
        used.draw(&keys.reverse, &mut CounterNonce::new(1), 10);
    }
    assert_eq!((used.nonces.len(), used.drawn), (10, 20));
}

/// One start of each node: it sends to each other node, with three key versions one after the other.
fn send_metadata_of_one_life(used: &mut Used, boot: BootId) {
    let secret = SharedSecret::new(&[7; 32]).unwrap();
    for sender in NODES {
        let mut counters: Vec<_> = (0..WORKERS)
            .map(|worker| CounterNonce::new(SerialAllocator::new(worker).unwrap().metadata_serial()))
            .collect();
        for version in 1..=3 {
            for receiver in NODES.into_iter().filter(|receiver| *receiver != sender) {
                let keys = derive(&secret, sender, receiver, version, boot);
                for counter in &mut counters {
                    used.draw(&keys.metadata_aead, counter, 40);
                }
            }
        }
    }
}

fn derive(secret: &SharedSecret, sender: &str, receiver: &str, version: u32, boot: BootId) -> PeerKeys {
    let input =
        DeriveInput { fabric: "f", sender_node: sender, receiver_node: receiver, version, sender_boot: boot };
    PeerKeys::derive(secret, &input).unwrap()
}

/// Sessions of one payload key. The egress forgets each session once, and restarts half-way.
fn run_epoch(used: &mut Used, secret: &PayloadSecret, worker: u8, clock: &mut u64) {
    let mut serials = SerialAllocator::new(worker).unwrap();
    for session in 0..100 {
        let serial = serials.allocate().unwrap();
        let keys = PayloadKeys::derive(secret, BootId(session / 50)).unwrap();
        used.draw(&keys.forward, &mut CounterNonce::new(serial), 8);
        for _life_at_the_egress in 0..2 {
            *clock += 1_000;
            used.draw(&keys.reverse, &mut CounterNonce::starting_at(serial, *clock), 8);
        }
    }
}

/// All (key, nonce) pairs so far; a key is known by a tag under a nonce no sender ever has.
#[derive(Default)]
struct Used {
    nonces: HashSet<([u8; 16], Nonce), rustc_hash::FxBuildHasher>,
    drawn: usize,
}

impl Used {
    fn draw(&mut self, key: &AeadKey, counter: &mut CounterNonce, count: usize) {
        let print = Nonce { serial: u32::MAX, counter: u64::MAX };
        let key = seal_in_place(key, print, &[], &mut []).unwrap();
        for _ in 0..count {
            self.nonces.insert((key, counter.draw().unwrap()));
            self.drawn += 1;
        }
    }
}
