//! The fuzz targets on the stable toolchain: the committed corpus, then random and mutated bytes.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]
#![expect(clippy::expect_used, reason = "a broken promise must fail the test")]
#![expect(clippy::panic, reason = "a broken promise must fail the test")]
#![expect(clippy::indexing_slicing, reason = "a broken promise must fail the test")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/exercise/ip_packet.rs"]
mod ip_packet;
#[path = "../fuzz/exercise/metadata.rs"]
mod metadata;

/// Inputs per target; more with `QUIVER_FUZZ_ROUNDS` at build time.
const ROUNDS: u32 = match option_env!("QUIVER_FUZZ_ROUNDS") {
    None => 1_000_000,
    Some(rounds) => match u32::from_str_radix(rounds, 10) {
        Ok(rounds) => rounds,
        Err(_) => panic!("QUIVER_FUZZ_ROUNDS is not a number"),
    },
};

#[test]
fn committed_ip_packets_keep_every_promise() {
    let corpus = corpus("ip_packet");
    assert!(corpus.len() >= 10);
    for data in &corpus {
        ip_packet::exercise(data);
    }
}

#[test]
fn committed_metadata_keeps_every_promise() {
    let corpus = corpus("metadata");
    assert!(corpus.len() >= 10);
    for data in &corpus {
        metadata::exercise(data);
    }
}

#[test]
fn random_and_mutated_ip_packets_keep_every_promise() {
    mutated(&corpus("ip_packet"), 1, ip_packet::exercise);
}

#[test]
fn random_and_mutated_metadata_keeps_every_promise() {
    mutated(&corpus("metadata"), 2, metadata::exercise);
}

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn mutated(corpus: &[Vec<u8>], seed: u64, exercise: fn(&[u8])) {
    let mut random = Random(seed);
    let mut data = Vec::new();
    for round in 0..ROUNDS {
        data.clear();
        if round % 8 == 0 {
            data.extend((0..random.below(160)).map(|_| random.next() as u8));
        } else {
            data.extend_from_slice(&corpus[random.below(corpus.len())]);
            for _ in 0..=random.below(3) {
                mutate(&mut data, &mut random);
            }
        }
        exercise(&data);
    }
}

fn mutate(data: &mut Vec<u8>, random: &mut Random) {
    const BOUNDARIES: [u8; 8] = [0, 1, 4, 0x0c, 0x10, 0x7f, 0x80, 0xff];
    let at = random.below(data.len().max(1));
    match (random.below(6), data.get_mut(at)) {
        (0, Some(byte)) => *byte ^= 1 << random.below(8),
        (1, Some(byte)) => *byte = BOUNDARIES[random.below(BOUNDARIES.len())],
        (2, Some(byte)) => *byte = byte.wrapping_add(1),
        (3, _) => data.truncate(at),
        (4, _) => data.extend((0..random.below(32)).map(|_| random.next() as u8)),
        _ => data.insert(at, random.next() as u8),
    }
}

/// A linear congruential generator with a mixed output: the same bytes in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ (self.0 >> 33)).rotate_right(17)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}
