//! Packets for tests, written byte by byte and checked by code that shares nothing with what it checks.

use core::net::IpAddr;

use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::rewrite::Tuple;
use super::{Family, OutputSink};
use crate::packet::Packet;

/// Collects what is made.
#[derive(Default)]
pub(super) struct Collect {
    pub(super) packets: Vec<Packet>,
    pub(super) taken: usize,
    pub(super) given_back: usize,
    /// Buffers there are; `None` = any number.
    pub(super) limit: Option<usize>,
}

impl OutputSink for Collect {
    fn take(&mut self) -> Option<Packet> {
        if self.limit == Some(self.taken) {
            return None;
        }
        self.taken += 1;
        Some(Packet::from_bytes(&[0xee; 3000]))
    }

    fn put(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    fn give_back(&mut self, _: Packet) {
        self.given_back += 1;
    }
}

pub(super) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];
pub(super) const STATES: [Checksum; 3] = [Checksum::Complete, Checksum::Verified, Checksum::Partial];

/// A client's tuple in each family.
pub(super) fn client(family: Family) -> Tuple {
    match family {
        Family::V4 => tuple("10.1.0.5", "10.2.0.9", 40_000, 5432),
        Family::V6 => tuple("2001:db8:1::5", "2001:db8:2::9", 40_000, 5432),
    }
}

/// A hop's tuple in each family.
pub(super) fn hop(family: Family) -> Tuple {
    match family {
        Family::V4 => tuple("192.0.2.1", "198.51.100.7", 16_384, 17_001),
        Family::V6 => tuple("2001:db8:ffff::1", "2001:db8:fffe::7", 16_384, 17_001),
    }
}

pub(super) fn tuple(src: &str, dst: &str, sport: u16, dport: u16) -> Tuple {
    Tuple { src: src.parse().unwrap(), dst: dst.parse().unwrap(), sport, dport }
}

/// Fields of a TCP segment.
#[derive(Clone, Debug)]
pub(super) struct Tcp {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) reserved: u8,
    pub(super) urgent: u16,
    pub(super) options: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            seq: 0xfffe_0102,
            ack: 0x0506_0708,
            flags: 0x10,
            reserved: 0,
            urgent: 0,
            options: vec![1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9],
            payload: b"hello".to_vec(),
        }
    }
}

impl Tcp {
    pub(super) fn carrying(payload: Vec<u8>) -> Self {
        Self { payload, ..Self::default() }
    }

    pub(super) fn bytes(&self, tuple: &Tuple) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(tuple.sport.to_be_bytes());
        out.extend(tuple.dport.to_be_bytes());
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        out.push((((20 + self.options.len()) / 4) << 4) as u8 | self.reserved);
        out.push(self.flags);
        out.extend([0x20, 0x01, 0, 0]);
        out.extend(self.urgent.to_be_bytes());
        out.extend(&self.options);
        out.extend(&self.payload);
        out
    }
}

/// A TCP packet with its checksum in the given state.
pub(super) fn tcp(tuple: &Tuple, tcp: &Tcp, state: Checksum) -> Packet {
    packet(tuple, 6, &tcp.bytes(tuple), state)
}

/// A TCP superpacket.
pub(super) fn tso(tuple: &Tuple, tcp: &Tcp, size: u16) -> Packet {
    let mut packet = self::tcp(tuple, tcp, Checksum::Partial);
    packet.offload.segmentation = Segmentation::Tcp { size };
    packet
}

/// A UDP packet with its checksum in the given state.
pub(super) fn udp(tuple: &Tuple, payload: &[u8], state: Checksum) -> Packet {
    let mut l4 = Vec::new();
    l4.extend(tuple.sport.to_be_bytes());
    l4.extend(tuple.dport.to_be_bytes());
    l4.extend((payload.len() as u16 + 8).to_be_bytes());
    l4.extend([0, 0]);
    l4.extend(payload);
    packet(tuple, 17, &l4, state)
}

/// A UDP superpacket.
pub(super) fn uso(tuple: &Tuple, payload: &[u8], size: u16) -> Packet {
    let mut packet = udp(tuple, payload, Checksum::Partial);
    packet.offload.segmentation = Segmentation::Udp { size };
    packet
}

/// An echo request or reply of the tuple's family.
pub(super) fn echo(tuple: &Tuple, is_request: bool, data: &[u8]) -> Packet {
    let (protocol, kind) = match (Family::of(tuple.src), is_request) {
        (Family::V4, true) => (1, 8),
        (Family::V4, false) => (1, 0),
        (Family::V6, true) => (58, 128),
        (Family::V6, false) => (58, 129),
    };
    let identifier = if is_request { tuple.sport } else { tuple.dport };
    let mut l4 = vec![kind, 0, 0, 0];
    l4.extend(identifier.to_be_bytes());
    l4.extend([0, 3]);
    l4.extend(data);
    packet(tuple, protocol, &l4, Checksum::Complete)
}

/// A packet with DSCP 46, ECN 1, TTL 63 and, in IPv4, DF and identification 0x1234.
pub(super) fn packet(tuple: &Tuple, protocol: u8, l4: &[u8], state: Checksum) -> Packet {
    let mut bytes = ip_header(tuple, protocol, l4.len());
    let start = bytes.len();
    bytes.extend(l4);
    if let Some(at) = checksum_at(protocol) {
        let field = if state == Checksum::Partial {
            pseudo(&bytes, protocol, l4.len())
        } else {
            let check = !naive_sum(&[&bytes[start..], &pseudo_if(&bytes, protocol, l4.len()).to_be_bytes()]);
            if check == 0 && protocol == 17 { 0xffff } else { check }
        };
        bytes[start + at..start + at + 2].copy_from_slice(&field.to_be_bytes());
    }
    let mut packet = Packet::from_bytes(&bytes);
    packet.offload = Offload { segmentation: Segmentation::None, checksum: state };
    packet
}

pub(super) fn ip_header(tuple: &Tuple, protocol: u8, l4_len: usize) -> Vec<u8> {
    match (tuple.src, tuple.dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let mut header = vec![0x45, 0xb9];
            header.extend((20 + l4_len as u16).to_be_bytes());
            header.extend([0x12, 0x34, 0x40, 0, 63, protocol, 0, 0]);
            header.extend(src.octets());
            header.extend(dst.octets());
            let check = !naive_sum(&[&header]);
            header[10..12].copy_from_slice(&check.to_be_bytes());
            header
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            let mut header = vec![0x6b, 0x90, 0, 0];
            header.extend((l4_len as u16).to_be_bytes());
            header.extend([protocol, 63]);
            header.extend(src.octets());
            header.extend(dst.octets());
            header
        }
        _ => panic!("families mixed"),
    }
}

/// Panics unless lengths, header checksum and transport checksum (in its state) of the packet are right.
pub(super) fn assert_sound(packet: &Packet) {
    let bytes = packet.bytes();
    let l4 = if bytes[0] >> 4 == 4 {
        assert_eq!(naive_sum(&[&bytes[..20]]), 0xffff, "IPv4 header checksum");
        assert_eq!(usize::from(word(bytes, 2)), bytes.len(), "IPv4 length");
        20
    } else {
        assert_eq!(usize::from(word(bytes, 4)) + 40, bytes.len(), "IPv6 length");
        40
    };
    let protocol = protocol(packet);
    if protocol == 17 {
        assert_eq!(usize::from(word(bytes, l4 + 4)), bytes.len() - l4, "UDP length");
    }
    let Some(at) = checksum_at(protocol) else { return };
    let field = word(bytes, l4 + at);
    if packet.offload.checksum == Checksum::Partial {
        assert_eq!(field, pseudo(bytes, protocol, bytes.len() - l4), "pseudo sum");
    } else {
        let covered = pseudo_if(bytes, protocol, bytes.len() - l4).to_be_bytes();
        assert_eq!(naive_sum(&[&bytes[l4..], &covered]), 0xffff, "transport checksum");
        assert!(protocol != 17 || field != 0, "UDP checksum left out");
    }
}

/// The packet with its checksum finished, to be compared byte by byte.
pub(super) fn finished(packet: &Packet) -> Vec<u8> {
    assert_sound(packet);
    let mut bytes = packet.bytes().to_vec();
    let l4 = if bytes[0] >> 4 == 4 { 20 } else { 40 };
    let protocol = protocol(packet);
    if let (Some(at), Checksum::Partial) = (checksum_at(protocol), packet.offload.checksum) {
        bytes[l4 + at..l4 + at + 2].fill(0);
        let check = !naive_sum(&[&bytes[l4..], &pseudo(&bytes, protocol, bytes.len() - l4).to_be_bytes()]);
        bytes[l4 + at..l4 + at + 2].copy_from_slice(&check.to_be_bytes());
    }
    bytes
}

pub(super) fn protocol(packet: &Packet) -> u8 {
    packet.bytes()[if packet.bytes()[0] >> 4 == 4 { 9 } else { 6 }]
}

pub(super) fn l4(packet: &Packet) -> &[u8] {
    &packet.bytes()[if packet.bytes()[0] >> 4 == 4 { 20 } else { 40 }..]
}

pub(super) fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Bytes that differ from place to place.
pub(super) fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

const fn checksum_at(protocol: u8) -> Option<usize> {
    match protocol {
        6 => Some(16),
        17 => Some(6),
        1 | 58 => Some(2),
        _ => None,
    }
}

fn pseudo_if(bytes: &[u8], protocol: u8, l4_len: usize) -> u16 {
    if protocol == 1 { 0 } else { pseudo(bytes, protocol, l4_len) }
}

fn pseudo(bytes: &[u8], protocol: u8, l4_len: usize) -> u16 {
    let addresses = if bytes[0] >> 4 == 4 { &bytes[12..20] } else { &bytes[8..40] };
    naive_sum(&[addresses, &[0, protocol], &(l4_len as u16).to_be_bytes()])
}

/// RFC 1071, word by word. Parts other than the first begin at an even offset, as if padded.
fn naive_sum(parts: &[&[u8]]) -> u16 {
    let mut total: u32 = 0;
    for part in parts {
        for pair in part.chunks(2) {
            total += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
            total = (total & 0xffff) + (total >> 16);
        }
    }
    total as u16
}
