//! Packets changed at random, so that they are met by what is behind the parser, too.

use quiver_wire::Parsed;
use quiver_wire::metadata::COOKIE;
use quiver_wire::offload::{Checksum, Offload, Segmentation};

use crate::exercise::craft;
use crate::exercise::world::Seen;

/// A packet of the corpus with a few changes, or random bytes.
pub(crate) fn mutated(corpus: &[Seen], random: &mut Random) -> (Vec<u8>, Offload) {
    if random.below(16) == 0 {
        let length = random.below(200);
        return ((0..length).map(|_| random.next() as u8).collect(), any_offload(random));
    }
    let seen = random.choice(corpus);
    let (mut bytes, mut offload) = (seen.bytes.clone(), seen.offload);
    for _ in 0..=random.below(3) {
        mutate(&mut bytes, corpus, random);
    }
    if random.below(8) == 0 {
        offload = any_offload(random);
    }
    if random.below(4) > 0 {
        bytes = relength(bytes);
    }
    (bytes, offload)
}

fn any_offload(random: &mut Random) -> Offload {
    let size = random.below(1600) as u16;
    let checksum = *random.choice(&[Checksum::Complete, Checksum::Verified, Checksum::Partial]);
    let kinds = [Segmentation::None, Segmentation::Tcp { size }, Segmentation::Udp { size }];
    Offload { segmentation: *random.choice(&kinds), checksum }
}

/// Lengths and checksums made right, so that the change is met by what is behind the parser.
fn relength(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = bytes.len() as u16;
    let transport = match bytes.first().map(|byte| byte >> 4) {
        Some(4) if bytes.len() >= 28 => {
            bytes[2..4].copy_from_slice(&length.to_be_bytes());
            (bytes[9], usize::from(bytes[0] & 15) * 4)
        }
        Some(6) if bytes.len() >= 48 => {
            bytes[4..6].copy_from_slice(&(length - 40).to_be_bytes());
            (bytes[6], 40)
        }
        _ => return bytes,
    };
    if let (17, at) = transport
        && bytes.len() >= at + 8
    {
        let datagram = length - at as u16;
        bytes[at + 4..at + 6].copy_from_slice(&datagram.to_be_bytes());
    }
    craft::finished(bytes)
}

fn mutate(bytes: &mut Vec<u8>, corpus: &[Seen], random: &mut Random) {
    const BOUNDARIES: [u8; 8] = [0, 1, 4, 0x0c, 0x10, 0x7f, 0x80, 0xff];
    if bytes.is_empty() {
        return;
    }
    let at = random.below(bytes.len());
    match random.below(10) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = *random.choice(&BOUNDARIES),
        2 => bytes.truncate(at),
        3 => bytes.extend((0..random.below(64)).map(|_| at as u8)),
        4 => splice(bytes, &random.choice(corpus).bytes, at, random.below(40)),
        5 => swap_ends(bytes, random.below(3)),
        6 => insert_cookie(bytes),
        7 => edit_tlv_length(bytes, random),
        8 => other_port(bytes, random),
        _ => splice(bytes, &random.choice(corpus).bytes, 20, usize::MAX),
    }
}

/// Bytes of another packet in the same place.
fn splice(bytes: &mut Vec<u8>, other: &[u8], at: usize, length: usize) {
    let end = at.saturating_add(length).min(other.len());
    if at < end {
        bytes.truncate(bytes.len().max(end));
        bytes.resize(bytes.len().max(end), 0);
        bytes[at..end].copy_from_slice(&other[at..end]);
    }
}

/// Source and destination change places: ports, addresses or both.
fn swap_ends(bytes: &mut [u8], what: usize) {
    let Ok(parsed) = Parsed::parse(bytes) else { return };
    let at = parsed.transport_at;
    if what != 0 && bytes.len() >= at + 4 {
        let (own, rest) = bytes[at..].split_at_mut(2);
        own.swap_with_slice(&mut rest[..2]);
    }
    if what != 1 {
        let (start, length) = if parsed.src.is_ipv4() { (12, 4) } else { (8, 16) };
        let (source, rest) = bytes[start..].split_at_mut(length);
        source.swap_with_slice(&mut rest[..length]);
    }
}

fn insert_cookie(bytes: &mut Vec<u8>) {
    let Ok(parsed) = Parsed::parse(bytes) else { return };
    let header = [&COOKIE[..], &[0x10, 0x0c, 0, 0]].concat();
    let at = parsed.payload_at.min(bytes.len());
    bytes.splice(at..at, header);
}

/// One of the lengths inside of metadata.
fn edit_tlv_length(bytes: &mut [u8], random: &mut Random) {
    let Some(start) = bytes.windows(8).position(|window| window == COOKIE) else { return };
    let places = [9, 11, 15, 14, 23, 22];
    if let Some(byte) = bytes.get_mut(start + *random.choice(&places)) {
        *byte = random.next() as u8;
    }
}

fn other_port(bytes: &mut [u8], random: &mut Random) {
    let Ok(parsed) = Parsed::parse(bytes) else { return };
    let at = parsed.transport_at + random.below(4);
    if let Some(byte) = bytes.get_mut(at) {
        *byte = random.next() as u8;
    }
}

/// A linear congruential generator with a mixed output: the same bytes in each run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 ^ (self.0 >> 33)).rotate_right(17)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    pub(crate) fn choice<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}
