//! Every transform on any packet: nothing panics, nothing grows beyond an IP packet, and what was shaped comes back as it was.

use core::net::IpAddr;

use quiver_crypto::{CounterNonce, Direction, PayloadKeys, PayloadReplayWindow, PayloadSecret, TimeWindow};
use quiver_engine::packet::{MAX_PACKET, Packet};
use quiver_engine::transform::integrity::Signature;
use quiver_engine::transform::rewrite::{self, Ttl, Tuple};
use quiver_engine::transform::seal::{Opener, Sealer};
use quiver_engine::transform::{
    OutputSink, Refusal, fragment, metadata, mss, reset, segments, shield, tcp_udp,
};
use quiver_engine::transform::{blank, encapsulate, icmp_error};
use quiver_wire::Parsed;
use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::script;

const ID: [u8; 16] = [3; 16];

#[derive(Default)]
struct Collect(Vec<Packet>);

impl OutputSink for Collect {
    fn take(&mut self) -> Option<Packet> {
        (self.0.len() < 300).then(Packet::allocate)
    }

    fn put(&mut self, packet: Packet) {
        assert!(packet.len() <= MAX_PACKET);
        self.0.push(packet);
    }

    fn give_back(&mut self, _: Packet) {}
}

/// `which u8`, how the packet came, the packet.
pub(crate) fn exercise(data: &[u8]) {
    let Some((which, rest)) = data.split_first() else { return };
    let Some((offload, bytes)) = script::with_offload(rest) else { return };
    if bytes.len() > 9_000 {
        return;
    }
    let mut packet = Packet::from_bytes(bytes);
    packet.offload = offload;
    let is_ipv4 = bytes.first().is_some_and(|byte| byte >> 4 == 4);
    let to = tuple(is_ipv4 ^ (which & 0x80 != 0));
    match which & 15 {
        0 => kept(&mut packet, |packet| rewrite::rewrite_tuple(packet, &to, Ttl::Keep)),
        1 => round_trip(&packet),
        2 => split(&mut packet),
        3 => sealed(&packet),
        4 => signed(&mut packet),
        5 => metadata_round_trip(&mut packet, *which),
        6 => kept(&mut packet, |packet| mss::clamp(packet, 1200).map(|_| ())),
        7 => kept(&mut packet, |packet| encapsulate::insert(packet, &to, Ttl::Keep).map(|_| ())),
        8 => kept(&mut packet, |packet| encapsulate::remove(packet, &to, which >> 4, Ttl::Keep)),
        9 => drop(icmp_error::quote(&packet)),
        10 => cut(&mut packet),
        11 => kept(&mut packet, |packet| blank::wrap(packet, &to)),
        12 => kept(&mut packet, blank::unwrap),
        13 => drop(reset::answer(&packet, &mut Packet::allocate())),
        14 => drop(tcp_udp::to_tcp(&mut packet)),
        _ => opened(&mut packet),
    }
    assert!(packet.len() <= MAX_PACKET);
}

fn tuple(is_ipv4: bool) -> Tuple {
    let (src, dst): (IpAddr, IpAddr) = if is_ipv4 {
        ([192, 0, 2, 1].into(), [192, 0, 2, 2].into())
    } else {
        ([0x20; 16].into(), [0x21; 16].into())
    };
    Tuple { src, dst, sport: 16_384, dport: 16_385 }
}

/// A refused packet is as it was, but for padding and IPv4 options, which are taken off first.
fn kept(packet: &mut Packet, transform: impl FnOnce(&mut Packet) -> Result<(), Refusal>) {
    let before = packet.bytes().to_vec();
    let Ok(parsed) = Parsed::parse(&before) else {
        assert!(transform(packet).is_err() || packet.len() <= MAX_PACKET);
        return;
    };
    if transform(packet).is_err() {
        let has_options = parsed.src.is_ipv4() && parsed.transport_at > 20;
        let is_trimmed = packet.bytes() == &before[..parsed.total_len];
        assert!(has_options || is_trimmed || packet.bytes() == before, "a refused packet is unchanged");
    }
}

/// TCP through the shape of UDP and back; the reserved bits are lost on purpose.
fn round_trip(packet: &Packet) {
    let mut shaped = Packet::from_bytes(packet.bytes());
    shaped.offload = packet.offload;
    if tcp_udp::to_udp(&mut shaped).is_err() {
        return;
    }
    let parsed = Parsed::parse(packet.bytes()).expect("what is shaped is a packet");
    if tcp_udp::to_tcp(&mut shaped).is_err() {
        return;
    }
    let back = Parsed::parse(shaped.bytes()).expect("what is shaped back is a packet");
    assert_eq!(back.payload(shaped.bytes()), parsed.payload(packet.bytes()));
    let (was, is) = (parsed.segment(packet.bytes()), back.segment(shaped.bytes()));
    assert_eq!(was[..12], is[..12], "ports and numbers come back");
    assert_eq!(was[12] & 0xf1, is[12], "so does the length of the header");
    assert_eq!(was[13..16], is[13..16]);
    assert_eq!(was[18..20], is[18..20], "so does the urgent pointer");
}

fn split(packet: &mut Packet) {
    let payload = payload_of(packet.bytes());
    let mut sink = Collect::default();
    if segments::split(packet, &mut sink).is_ok() && !payload.is_empty() {
        let joined: Vec<u8> = sink.0.iter().flat_map(|packet| payload_of(packet.bytes())).collect();
        assert_eq!(joined, payload, "segments are the superpacket");
    }
}

fn payload_of(bytes: &[u8]) -> Vec<u8> {
    Parsed::parse(bytes).map(|parsed| parsed.payload(bytes).to_vec()).unwrap_or_default()
}

/// What is sealed opens, segment by segment, to what it was.
fn sealed(packet: &Packet) {
    let keys = keys();
    let mut source = Packet::from_bytes(packet.bytes());
    source.offload = packet.offload;
    let (mut nonces, mut sink) = (CounterNonce::new(5), Collect::default());
    let mut sealer = Sealer { key: &keys.forward, nonces: &mut nonces, session: &ID };
    if tcp_udp::to_datagrams(&mut source, &mut sealer, &mut sink).is_err() {
        return;
    }
    let (mut seen, mut out) = (PayloadReplayWindow::new(), Collect::default());
    for mut datagrams in sink.0 {
        let mut opener = Opener { key: &keys.forward, serial: 5, seen: &mut seen, session: &ID };
        let done =
            tcp_udp::to_segments(&mut datagrams, &mut opener, &mut out).expect("what was sealed opens");
        assert_eq!(done.refused, 0);
    }
    let joined: Vec<u8> = out.0.iter().flat_map(|packet| payload_of(packet.bytes())).collect();
    assert_eq!(joined, payload_of(packet.bytes()));
}

fn keys() -> PayloadKeys {
    let secret = PayloadSecret::from_bytes(&[1; 32]);
    PayloadKeys::derive(&secret, quiver_crypto::BootId(1)).expect("keys are derived")
}

fn signed(packet: &mut Packet) {
    let keys = super::forge::peer_keys("a/n1", "b/n1", quiver_crypto::BootId(1), &[7; 32]);
    let window = TimeWindow::from_unix_ms(1_700_000_000_000);
    let mut signature =
        Signature { key: &keys.packet_hmac, direction: Direction::Forward, session: &ID, window };
    let before = payload_of(packet.bytes());
    if shield::protect(packet, &mut signature).is_ok() {
        let opened = shield::unprotect(packet, &mut signature).expect("what was signed proves");
        assert_eq!((opened.accepted, opened.refused), (1, 0));
        assert_eq!(payload_of(packet.bytes()), before);
    }
}

fn metadata_round_trip(packet: &mut Packet, which: u8) {
    let before = packet.bytes().to_vec();
    let block = vec![which; usize::from(which) + 12];
    if metadata::insert(packet, &block).is_ok() {
        let start = Parsed::parse(packet.bytes()).expect("it is a packet").payload_at;
        assert_eq!(packet.bytes()[start..start + block.len()], block);
        metadata::strip(packet, start..start + block.len()).expect("what was put in comes out");
        assert_eq!(payload_of(packet.bytes()), payload_of(&before));
    }
    if let Ok(Some(range)) = metadata::find(packet) {
        assert!(range.end <= packet.len());
    }
}

fn cut(packet: &mut Packet) {
    let mut sink = Collect::default();
    let is_packet = Parsed::parse(packet.bytes()).is_ok();
    if fragment::cut_ip(packet, 576, 9, &mut sink).is_ok() && is_packet {
        assert!(sink.0.iter().all(|piece| piece.len() <= 576 && Parsed::parse(piece.bytes()).is_ok()));
    }
}

/// Datagrams nobody sealed.
fn opened(packet: &mut Packet) {
    let (keys, mut seen, mut out) = (keys(), PayloadReplayWindow::new(), Collect::default());
    let mut opener = Opener { key: &keys.forward, serial: 5, seen: &mut seen, session: &ID };
    assert!(tcp_udp::to_segments(packet, &mut opener, &mut out).is_err(), "strangers seal nothing");
    assert!(out.0.is_empty());
    let mut single = Offload { segmentation: Segmentation::None, checksum: Checksum::Complete };
    core::mem::swap(&mut packet.offload, &mut single);
    let mut opener = Opener { key: &keys.forward, serial: 5, seen: &mut seen, session: &ID };
    assert!(shield::unprotect(packet, &mut opener).is_err());
}
