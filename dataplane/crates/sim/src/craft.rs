//! Packets by hand, independent of the engine's own transforms.

use core::net::{IpAddr, SocketAddr};

use quiver_wire::checksum;
use quiver_wire::ip::protocol;
use quiver_wire::parse::{Parsed, Transport};

/// TCP control bits.
pub mod flags {
    /// No more data.
    pub const FIN: u8 = 0x01;
    /// Synchronise.
    pub const SYN: u8 = 0x02;
    /// Reset.
    pub const RST: u8 = 0x04;
    /// Push.
    pub const PSH: u8 = 0x08;
    /// Acknowledgement.
    pub const ACK: u8 = 0x10;
}

/// The fields of a TCP header that differ between packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Control bits, see [`flags`].
    pub flags: u8,
    /// Maximum segment size option.
    pub mss: Option<u16>,
}

/// Kind of an ICMP error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpError {
    /// Nobody listens on the port.
    PortUnreachable,
    /// The packet does not fit; the value is the MTU it has to fit.
    TooBig(u16),
    /// The time to live was used up.
    TimeExceeded,
}

/// An IP packet with `payload` behind a plain header. IPv4 packets may not be fragmented.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::with_capacity(40 + payload.len());
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            let length = (20 + payload.len()) as u16;
            packet.extend([0x45, 0]);
            packet.extend(length.to_be_bytes());
            packet.extend([0, 0, 0x40, 0, 64, protocol, 0, 0]);
            packet.extend(src.octets());
            packet.extend(dst.octets());
            let sum = !checksum::sum(&packet);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        }
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            packet.extend([0x60, 0, 0, 0]);
            packet.extend((payload.len() as u16).to_be_bytes());
            packet.extend([protocol, 64]);
            packet.extend(src.octets());
            packet.extend(dst.octets());
        }
        _ => (),
    }
    packet.extend(payload);
    packet
}

/// A UDP packet.
pub fn udp(src: SocketAddr, dst: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::with_capacity(8 + payload.len());
    segment.extend(src.port().to_be_bytes());
    segment.extend(dst.port().to_be_bytes());
    segment.extend(((8 + payload.len()) as u16).to_be_bytes());
    segment.extend([0, 0]);
    segment.extend(payload);
    finished(ip(src.ip(), dst.ip(), protocol::UDP, &segment))
}

/// A TCP packet.
pub fn tcp(src: SocketAddr, dst: SocketAddr, segment: Segment, payload: &[u8]) -> Vec<u8> {
    let words: u8 = if segment.mss.is_some() { 6 } else { 5 };
    let mut bytes = Vec::with_capacity(24 + payload.len());
    bytes.extend(src.port().to_be_bytes());
    bytes.extend(dst.port().to_be_bytes());
    bytes.extend(segment.seq.to_be_bytes());
    bytes.extend(segment.ack.to_be_bytes());
    bytes.extend([words << 4, segment.flags]);
    bytes.extend(64_000_u16.to_be_bytes());
    bytes.extend([0; 4]);
    if let Some(mss) = segment.mss {
        bytes.extend([2, 4]);
        bytes.extend(mss.to_be_bytes());
    }
    bytes.extend(payload);
    finished(ip(src.ip(), dst.ip(), protocol::TCP, &bytes))
}

/// An ICMP echo request (or reply) of the family of `src`.
pub fn echo(src: IpAddr, dst: IpAddr, request: bool, id: u16, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let (number, kind) = match (src, request) {
        (IpAddr::V4(_), true) => (protocol::ICMP, 8),
        (IpAddr::V4(_), false) => (protocol::ICMP, 0),
        (IpAddr::V6(_), true) => (protocol::ICMPV6, 128),
        (IpAddr::V6(_), false) => (protocol::ICMPV6, 129),
    };
    let mut bytes = vec![kind, 0, 0, 0];
    bytes.extend(id.to_be_bytes());
    bytes.extend(sequence.to_be_bytes());
    bytes.extend(payload);
    finished(ip(src, dst, number, &bytes))
}

/// The ICMP error about `original` that `from` sends to its source.
pub fn icmp_error(original: &[u8], from: IpAddr, error: IcmpError) -> Option<Vec<u8>> {
    let about = Parsed::parse_quoted(original).ok()?;
    let v4 = from.is_ipv4();
    let number = if v4 { protocol::ICMP } else { protocol::ICMPV6 };
    let (kind, code, rest): (u8, u8, u32) = match (error, v4) {
        (IcmpError::PortUnreachable, true) => (3, 3, 0),
        (IcmpError::PortUnreachable, false) => (1, 4, 0),
        (IcmpError::TooBig(mtu), true) => (3, 4, u32::from(mtu)),
        (IcmpError::TooBig(mtu), false) => (2, 0, u32::from(mtu)),
        (IcmpError::TimeExceeded, true) => (11, 0, 0),
        (IcmpError::TimeExceeded, false) => (3, 0, 0),
    };
    let mut bytes = vec![kind, code, 0, 0];
    bytes.extend(rest.to_be_bytes());
    let quoted = if v4 { 576 - 28 } else { 1280 - 48 };
    bytes.extend(original.get(..original.len().min(quoted)).unwrap_or_default());
    Some(finished(ip(from, about.src, number, &bytes)))
}

/// Allows or forbids an IPv4 packet to be fragmented; IPv6 packets are left alone.
pub fn set_dont_fragment(packet: &mut [u8], on: bool) {
    if packet[0] >> 4 == 4 {
        packet[6] = if on { packet[6] | 0x40 } else { packet[6] & !0x40 };
        packet[10..12].fill(0);
        let sum = !checksum::sum(&packet[..usize::from(packet[0] & 15) * 4]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Sets time to live or hop limit.
pub fn set_ttl(packet: &mut [u8], ttl: u8) {
    if let Ok(mut view) = quiver_wire::ip::Packet::new_checked(packet) {
        view.set_ttl(ttl);
    }
}

/// Cuts a packet into IP fragments of at most `mtu` bytes, all with the identification `id`.
pub fn fragments(packet: &[u8], mtu: usize, id: u32) -> Vec<Vec<u8>> {
    let Ok(parsed) = Parsed::parse(packet) else { return vec![packet.to_vec()] };
    let payload = packet.get(parsed.transport_at..parsed.total_len).unwrap_or_default();
    let extra = if packet[0] >> 4 == 4 { 20 } else { 48 };
    let room = mtu.saturating_sub(extra) / 8 * 8;
    let count = payload.len().div_ceil(room.max(8));
    let pieces = payload.chunks(room.max(8)).enumerate();
    pieces
        .map(|(i, piece)| {
            let (offset, more) = ((i * room) as u16, i + 1 < count);
            if packet[0] >> 4 == 4 {
                let mut out = ip(parsed.src, parsed.dst, parsed.protocol, piece);
                let field = (offset / 8) | (u16::from(more) << 13);
                out[4..6].copy_from_slice(&(id as u16).to_be_bytes());
                out[6..8].copy_from_slice(&field.to_be_bytes());
                set_dont_fragment(&mut out, false);
                out
            } else {
                let mut body = vec![parsed.protocol, 0];
                body.extend((offset | u16::from(more)).to_be_bytes());
                body.extend(id.to_be_bytes());
                body.extend(piece);
                ip(parsed.src, parsed.dst, protocol::FRAGMENT, &body)
            }
        })
        .collect()
}

/// One line about a packet, for logs and messages.
pub fn summary(packet: &[u8]) -> String {
    let Ok(parsed) = Parsed::parse(packet) else { return format!("unreadable, {} bytes", packet.len()) };
    let payload = parsed.payload(packet);
    let kind = match parsed.transport {
        Transport::Tcp => "tcp",
        Transport::Udp => "udp",
        Transport::EchoRequest => "echo",
        Transport::EchoReply => "reply",
        Transport::IcmpError => "icmp-error",
        Transport::IcmpOther => "icmp",
        Transport::Other => "ip",
        Transport::FragmentTail => "tail",
    };
    let metadata = if quiver_wire::metadata::is_metadata(payload) { " +metadata" } else { "" };
    let bits = if parsed.transport == Transport::Tcp {
        format!(" [{}]", flag_names(parsed.tcp_flags.0))
    } else {
        String::new()
    };
    let piece = parsed.fragment.map_or(String::new(), |piece| format!(" fragment@{}", piece.offset));
    format!(
        "{kind} {}:{}>{}:{} {}{bits}{piece}{metadata}",
        parsed.src,
        parsed.src_port,
        parsed.dst,
        parsed.dst_port,
        payload.len()
    )
}

fn flag_names(bits: u8) -> String {
    let names =
        [(flags::SYN, 'S'), (flags::FIN, 'F'), (flags::RST, 'R'), (flags::PSH, 'P'), (flags::ACK, '.')];
    names.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

/// What is wrong with the checksums of a packet that is on a wire.
pub fn checksum_fault(packet: &[u8]) -> Option<&'static str> {
    let Ok(parsed) = Parsed::parse(packet) else { return Some("unreadable") };
    if packet[0] >> 4 == 4 && checksum::sum(&packet[..usize::from(packet[0] & 15) * 4]) != 0xffff {
        return Some("IPv4 header checksum");
    }
    if parsed.total_len != packet.len() {
        return Some("length");
    }
    match checksum::verify(packet, &parsed) {
        Ok(false) => Some("transport checksum"),
        Ok(true) | Err(_) => None,
    }
}

fn finished(mut packet: Vec<u8>) -> Vec<u8> {
    if let Ok(parsed) = Parsed::parse(&packet) {
        checksum::finish(&mut packet, &parsed).expect("a whole packet of a protocol with a checksum");
    }
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn crafted_packets_of_every_kind_have_right_checksums() {
        let (a, b) = (at("10.1.0.1:1"), at("10.1.0.2:2"));
        let (c, d) = (at("[fd00::1]:1"), at("[fd00::2]:2"));
        let segment = Segment { flags: flags::SYN, mss: Some(1460), ..Segment::default() };
        for packet in [
            udp(a, b, b"x"),
            udp(c, d, b"xy"),
            tcp(a, b, segment, b""),
            tcp(c, d, segment, b"z"),
            echo(a.ip(), b.ip(), true, 1, 1, b"p"),
            echo(c.ip(), d.ip(), false, 1, 1, b"p"),
            icmp_error(&udp(a, b, b"x"), b.ip(), IcmpError::TooBig(1400)).unwrap(),
            icmp_error(&udp(c, d, b"x"), d.ip(), IcmpError::PortUnreachable).unwrap(),
        ] {
            assert_eq!(checksum_fault(&packet), None, "{}", summary(&packet));
        }
    }

    #[test]
    fn fragments_cover_the_whole_payload_of_both_families() {
        for (a, b) in [(at("10.1.0.1:1"), at("10.1.0.2:2")), (at("[fd00::1]:1"), at("[fd00::2]:2"))] {
            let pieces = fragments(&udp(a, b, &[7; 3000]), 1280, 9);
            let total: usize = pieces
                .iter()
                .map(|piece| Parsed::parse(piece).unwrap())
                .map(|parsed| parsed.total_len - parsed.transport_at)
                .sum();
            assert_eq!(total, 3008);
            assert!(pieces.iter().all(|piece| piece.len() <= 1280));
        }
    }
}
