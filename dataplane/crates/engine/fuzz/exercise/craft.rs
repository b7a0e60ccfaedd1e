//! Packets made by hand, independent of the engine's own transforms.

use core::net::{IpAddr, SocketAddr};

use quiver_wire::ip::protocol;
use quiver_wire::{Parsed, checksum};

pub(crate) const FIN: u8 = 0x01;
pub(crate) const SYN: u8 = 0x02;
pub(crate) const RST: u8 = 0x04;
pub(crate) const PSH: u8 = 0x08;
pub(crate) const ACK: u8 = 0x10;

/// What differs between TCP segments.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Segment {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
}

pub(crate) fn ip(src: IpAddr, dst: IpAddr, number: u8, segment: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + segment.len());
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            packet.extend([0x45, 0]);
            packet.extend((20 + segment.len() as u16).to_be_bytes());
            packet.extend([0x12, 0x34, 0x40, 0, 64, number, 0, 0]);
            packet.extend(src.octets());
            packet.extend(dst.octets());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((segment.len() as u16).to_be_bytes());
            packet.extend([number, 64]);
            packet.extend(src.octets());
            packet.extend(dst.octets());
        }
        _ => panic!("{src} and {dst} are of one family"),
    }
    packet.extend(segment);
    finished(packet)
}

/// The packet with right checksums, as far as it has any.
pub(crate) fn finished(mut packet: Vec<u8>) -> Vec<u8> {
    if packet.first().is_some_and(|byte| byte >> 4 == 4) && packet.len() >= 20 {
        let header = (usize::from(packet[0] & 15) * 4).clamp(20, packet.len());
        packet[10..12].fill(0);
        let sum = !checksum::sum(&packet[..header]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    if let Ok(parsed) = Parsed::parse(&packet) {
        let _ = checksum::finish(&mut packet, &parsed);
    }
    packet
}

pub(crate) fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(8 + payload.len());
    segment.extend(src.port().to_be_bytes());
    segment.extend(dst.port().to_be_bytes());
    segment.extend((8 + payload.len() as u16).to_be_bytes());
    segment.extend([0, 0]);
    segment.extend(payload);
    ip(src.ip(), dst.ip(), protocol::UDP, &segment)
}

pub(crate) fn tcp(src: SocketAddr, dst: SocketAddr, fields: Segment, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(24 + payload.len());
    segment.extend(src.port().to_be_bytes());
    segment.extend(dst.port().to_be_bytes());
    segment.extend(fields.seq.to_be_bytes());
    segment.extend(fields.ack.to_be_bytes());
    let is_syn = fields.flags & SYN != 0;
    segment.extend([if is_syn { 0x60 } else { 0x50 }, fields.flags]);
    segment.extend(64_000_u16.to_be_bytes());
    segment.extend([0; 4]);
    if is_syn {
        segment.extend([2, 4, 0x05, 0xb4]);
    }
    segment.extend(payload);
    ip(src.ip(), dst.ip(), protocol::TCP, &segment)
}

pub(crate) fn echo(src: IpAddr, dst: IpAddr, is_request: bool, id: u16, payload: &[u8]) -> Vec<u8> {
    let (number, kind) = match (src.is_ipv4(), is_request) {
        (true, true) => (protocol::ICMP, 8),
        (true, false) => (protocol::ICMP, 0),
        (false, true) => (protocol::ICMPV6, 128),
        (false, false) => (protocol::ICMPV6, 129),
    };
    let mut segment = vec![kind, 0, 0, 0];
    segment.extend(id.to_be_bytes());
    segment.extend([0, 1]);
    segment.extend(payload);
    ip(src, dst, number, &segment)
}

/// *Packet too big* from `from` to the sender of `quoted`.
pub(crate) fn too_big(from: IpAddr, quoted: &[u8], mtu: u16) -> Vec<u8> {
    let parsed = Parsed::parse(quoted).expect("only packets are quoted");
    let quoted = &quoted[..quoted.len().min(600)];
    let (number, mut segment) = if from.is_ipv4() {
        (protocol::ICMP, vec![3, 4, 0, 0, 0, 0])
    } else {
        (protocol::ICMPV6, vec![2, 0, 0, 0, 0, 0])
    };
    segment.extend(mtu.to_be_bytes());
    segment.extend(quoted);
    ip(from, parsed.src, number, &segment)
}

/// The IPv4 fragment of `packet` that holds `range` of its IP payload.
pub(crate) fn fragment_v4(packet: &[u8], range: core::ops::Range<usize>, id: u16, more: bool) -> Vec<u8> {
    let mut fragment = packet[..20].to_vec();
    fragment.extend(&packet[20 + range.start..20 + range.end]);
    let length = fragment.len() as u16;
    fragment[2..4].copy_from_slice(&length.to_be_bytes());
    fragment[4..6].copy_from_slice(&id.to_be_bytes());
    let offset = (range.start / 8) as u16 | if more { 0x2000 } else { 0 };
    fragment[6..8].copy_from_slice(&offset.to_be_bytes());
    finished(fragment)
}

/// The packet that a server sends back: what it got, turned round.
pub(crate) fn reply(packet: &[u8]) -> Option<Vec<u8>> {
    let parsed = Parsed::parse(packet).ok()?;
    let payload = parsed.payload(packet);
    let from = SocketAddr::new(parsed.dst, parsed.dst_port);
    let to = SocketAddr::new(parsed.src, parsed.src_port);
    let segment = parsed.segment(packet);
    match parsed.protocol {
        protocol::UDP => Some(udp(from, to, payload)),
        protocol::TCP => {
            let seq = u32::from_be_bytes(segment[4..8].try_into().ok()?);
            let ack = u32::from_be_bytes(segment[8..12].try_into().ok()?);
            let flags = segment[13];
            let ours = if flags & SYN != 0 { 9_000 } else { ack };
            let next = seq.wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
            let answer = match flags & (SYN | FIN) {
                SYN => SYN | ACK,
                FIN => FIN | ACK,
                _ if payload.is_empty() => return None,
                _ => ACK | PSH,
            };
            (flags & RST == 0)
                .then(|| tcp(from, to, Segment { flags: answer, seq: ours, ack: next }, payload))
        }
        protocol::ICMP | protocol::ICMPV6 if matches!(segment.first(), Some(8 | 128)) => {
            Some(echo(parsed.dst, parsed.src, false, parsed.src_port, payload))
        }
        protocol::ICMP | protocol::ICMPV6 => None,
        other => Some(ip(parsed.dst, parsed.src, other, segment)),
    }
}
