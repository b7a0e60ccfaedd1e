//! What a NIC does with superpackets: cut them on the way out, join segments on the way in.

use quiver_wire::checksum;
use quiver_wire::ip;
use quiver_wire::offload::{Checksum, Offload, Segmentation};
use quiver_wire::parse::{Parsed, Transport};

use crate::craft::flags;

/// The finished packets that a packet with this offload state is on a wire.
pub fn cut(packet: &[u8], offload: Offload) -> Vec<Vec<u8>> {
    let Ok(parsed) = Parsed::parse(packet) else { return vec![packet.to_vec()] };
    let size = match offload.segmentation {
        Segmentation::None => 0,
        Segmentation::Tcp { size } | Segmentation::Udp { size } => usize::from(size),
    };
    let payload = parsed.payload(packet);
    if size == 0 || payload.len() <= size {
        let mut whole = packet.to_vec();
        if offload.checksum == Checksum::Partial {
            checksum::finish(&mut whole, &parsed).expect("a partial checksum belongs to a whole packet");
        }
        return vec![whole];
    }
    let count = payload.len().div_ceil(size);
    let pieces = payload.chunks(size).enumerate();
    pieces.map(|(i, piece)| segment(packet, &parsed, piece, (i, i * size, i + 1 == count))).collect()
}

fn segment(packet: &[u8], parsed: &Parsed, piece: &[u8], at: (usize, usize, bool)) -> Vec<u8> {
    let (index, offset, last) = at;
    let mut out = packet.get(..parsed.payload_at).unwrap_or_default().to_vec();
    out.extend(piece);
    let length = out.len();
    if let Ok(mut view) = ip::Packet::new_truncated(&mut out[..]) {
        view.set_total_len(length).expect("a segment is shorter than its superpacket");
    }
    if parsed.version == ip::Version::V4 {
        let id = u16::from_be_bytes([out[4], out[5]]).wrapping_add(index as u16);
        out[4..6].copy_from_slice(&id.to_be_bytes());
        out[10..12].fill(0);
        let sum = !checksum::sum(&out[..usize::from(out[0] & 15) * 4]);
        out[10..12].copy_from_slice(&sum.to_be_bytes());
    }
    let header = parsed.transport_at;
    if parsed.transport == Transport::Tcp {
        let field = out[header + 4..header + 8].try_into().unwrap_or_default();
        let seq = u32::from_be_bytes(field).wrapping_add(offset as u32);
        out[header + 4..header + 8].copy_from_slice(&seq.to_be_bytes());
        if !last {
            out[header + 13] &= !(flags::FIN | flags::PSH);
        }
    } else {
        let udp_length = (length - header) as u16;
        out[header + 4..header + 6].copy_from_slice(&udp_length.to_be_bytes());
    }
    let parsed = Parsed::parse(&out).expect("a segment is a packet");
    checksum::finish(&mut out, &parsed).expect("a segment has a checksum");
    out
}

/// Joins runs of TCP segments of one flow into superpackets with a partial checksum, as a sender with segmentation offload emits them.
pub fn join(packets: Vec<Vec<u8>>) -> Vec<(Vec<u8>, Offload)> {
    let mut out: Vec<(Vec<u8>, Offload)> = Vec::new();
    let mut size = 0;
    for packet in packets {
        if let Some((last, offload)) = out.last_mut()
            && follows(last, &packet, size)
        {
            append(last, &packet);
            offload.segmentation = Segmentation::Tcp { size: size as u16 };
            continue;
        }
        size = Parsed::parse(&packet).map_or(0, |parsed| parsed.payload(&packet).len());
        out.push((packet, Offload::default()));
    }
    for (packet, offload) in &mut out {
        if offload.segmentation != Segmentation::None {
            let parsed = Parsed::parse(packet).expect("a joined packet is a packet");
            checksum::begin(packet, &parsed).expect("TCP has a checksum");
            offload.checksum = Checksum::Partial;
        }
    }
    out
}

fn follows(first: &[u8], next: &[u8], size: usize) -> bool {
    let (Ok(a), Ok(b)) = (Parsed::parse(first), Parsed::parse(next)) else { return false };
    let (length, more) = (a.payload(first).len(), b.payload(next).len());
    let seq = |packet: &[u8], parsed: &Parsed| {
        u32::from_be_bytes(
            packet[parsed.transport_at + 4..parsed.transport_at + 8].try_into().unwrap_or_default(),
        )
    };
    let plain = |parsed: &Parsed| parsed.tcp_flags.0 & !(flags::ACK | flags::PSH) == 0;
    a.transport == Transport::Tcp
        && b.transport == Transport::Tcp
        && plain(&a)
        && plain(&b)
        && (a.src, a.dst, a.src_port, a.dst_port) == (b.src, b.dst, b.src_port, b.dst_port)
        && a.payload_at == b.payload_at
        && first[a.transport_at + 8..a.transport_at + 12] == next[b.transport_at + 8..b.transport_at + 12]
        && seq(first, &a).wrapping_add(length as u32) == seq(next, &b)
        && size > 0
        && length.is_multiple_of(size)
        && more > 0
        && more <= size
        && first.len() + more <= 60_000
}

fn append(first: &mut Vec<u8>, next: &[u8]) {
    let (a, b) = (Parsed::parse(first).expect("parsed before"), Parsed::parse(next).expect("parsed before"));
    first[a.transport_at + 13] |= b.tcp_flags.0;
    first.extend(b.payload(next));
    let length = first.len();
    if let Ok(mut view) = ip::Packet::new_truncated(&mut first[..]) {
        view.set_total_len(length).expect("joined packets stay below 64 KiB");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::{self, Segment};

    fn segments() -> Vec<Vec<u8>> {
        let (a, b) = ("10.1.0.1:1".parse().unwrap(), "10.1.0.2:2".parse().unwrap());
        let segment = |seq, flags| Segment { seq, ack: 5, flags, mss: None };
        vec![
            craft::tcp(a, b, segment(100, flags::ACK), &[1; 50]),
            craft::tcp(a, b, segment(150, flags::ACK), &[2; 50]),
            craft::tcp(a, b, segment(200, flags::ACK | flags::PSH), &[3; 20]),
        ]
    }

    #[test]
    fn joined_segments_are_cut_into_the_same_segments_again() {
        let joined = join(segments());
        let [(packet, offload)] = &joined[..] else { panic!("{}", joined.len()) };
        assert_eq!(offload.segmentation, Segmentation::Tcp { size: 50 });
        let again = cut(packet, *offload);
        let payloads = |list: &[Vec<u8>]| {
            list.iter().map(|p| Parsed::parse(p).unwrap().payload(p).to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(payloads(&again), payloads(&segments()));
        assert!(again.iter().all(|packet| craft::checksum_fault(packet).is_none()));
    }

    #[test]
    fn a_gap_in_the_sequence_is_not_joined() {
        let mut list = segments();
        list.remove(1);
        assert_eq!(join(list).len(), 2);
    }
}
