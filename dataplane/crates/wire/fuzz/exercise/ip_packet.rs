//! Everything that is done to IP packets, with the promises that must hold for any bytes.

use core::net::IpAddr;

use quiver_wire::ip::Version;
use quiver_wire::offload::{Checksum, Offload};
use quiver_wire::parse::Transport;
use quiver_wire::rewrite::{self, Endpoints};
use quiver_wire::{Parsed, WireError, checksum, icmp, ip, ipv4, ipv6, tcp, udp, virtio};

/// Reads `data` as a packet in every way; if it is one, rewrites it and checks the outcome.
pub(crate) fn exercise(data: &[u8]) {
    quoted(data);
    views(data);
    device(data);
    if let Ok(parsed) = Parsed::parse(data) {
        assert!(parsed.transport_at <= parsed.payload_at);
        assert!(parsed.payload_at <= parsed.total_len);
        assert!(parsed.total_len <= data.len());
        assert_eq!(parsed.payload(data).len(), parsed.total_len - parsed.payload_at);
        transport(data, &parsed);
        rewritten(data, &parsed);
    }
}

fn quoted(data: &[u8]) {
    if let Ok(mut parsed) = Parsed::parse_quoted(data) {
        let (mut quote, to) = (data.to_vec(), waypoints(parsed.version));
        assert_eq!(rewrite::quoted(&mut quote, &mut parsed, &to), Ok(()));
        assert_eq!(Parsed::parse_quoted(&quote), Ok(parsed), "a rewritten quote reads as what was written");
    }
}

fn views(data: &[u8]) {
    if let Ok(view) = ip::Packet::new_checked(data) {
        let _ =
            (view.src(), view.dst(), view.ttl(), view.dscp(), view.ecn(), view.dont_fragment(), view.upper());
        match view {
            ip::Packet::V4(view) => header_v4(&view),
            ip::Packet::V6(view) => {
                let repr = ipv6::Repr::parse(&view);
                let mut bytes = [0; ipv6::HEADER_LEN];
                assert_eq!(repr.emit(&mut bytes), Ok(()));
                assert_eq!(bytes[..], data[..ipv6::HEADER_LEN]);
            }
        }
    }
    for version in [Version::V4, Version::V6] {
        if let Ok(view) = icmp::Packet::new_checked(version, data) {
            let _ = (view.echo_id(), view.echo_seq(), view.next_hop_mtu(), icmp::Repr::parse(&view));
            if let Some(quoted) = view.quoted() {
                let _ = Parsed::parse_quoted(&data[quoted]);
            }
        }
    }
    let _ = tcp::Packet::new_checked(data).map(|view| (view.options().count(), tcp::Repr::parse(&view)));
    let _ = udp::Packet::new_checked(data).map(|view| udp::Repr::parse(&view));
}

fn header_v4(view: &ipv4::Packet<&[u8]>) {
    if let Ok(repr) = ipv4::Repr::parse(view) {
        let mut bytes = vec![0; repr.buffer_len() + usize::from(repr.payload_len)];
        assert_eq!(repr.emit(&mut bytes), Ok(()));
        let again = ipv4::Packet::new_checked(&bytes[..]).expect("a written header can be read");
        assert!(again.verify_checksum());
        assert_eq!(ipv4::Repr::parse(&again), Ok(repr));
    }
}

fn device(data: &[u8]) {
    if let Ok(mut header) = virtio::Header::parse(data) {
        assert_eq!(header.emit()[..], data[..virtio::HEADER_LEN]);
        let _ = header.offload();
        let mut packet = data[virtio::HEADER_LEN..].to_vec();
        let _ = Parsed::parse(&packet).map(|parsed| header.is_about(&parsed));
        let _ = header.finish(&mut packet);
    }
}

fn transport(data: &[u8], parsed: &Parsed) {
    if parsed.transport == Transport::Tcp && parsed.fragment.is_none() {
        let mut segment = parsed.segment(data).to_vec();
        let mut view = tcp::Packet::new_checked(&mut segment[..]).expect("it was parsed as TCP");
        if view.clamp_mss(536, Checksum::Complete) {
            assert_eq!(view.mss(), Some(536));
        }
    }
    let offload = Offload { checksum: Checksum::Partial, ..Offload::default() };
    if let Ok(header) = virtio::Header::of(offload, parsed) {
        assert!(header.is_about(parsed));
    }
}

fn rewritten(data: &[u8], parsed: &Parsed) {
    let (mut packet, mut parsed) = (data.to_vec(), *parsed);
    let to = waypoints(parsed.version);
    let whole = match checksum::finish(&mut packet, &parsed) {
        Ok(()) => true,
        Err(WireError::Fragmented | WireError::NoChecksum) => false,
        Err(other) => panic!("a parsed packet cannot be finished: {other:?}"),
    };
    assert_eq!(rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Complete), Ok(()));
    assert_eq!(Parsed::parse(&packet), Ok(parsed), "a rewritten packet reads as what was written");
    if whole {
        assert_eq!(checksum::verify(&packet, &parsed), Ok(true), "the incremental checksum is right");
        let incremental = packet.clone();
        assert_eq!(checksum::finish(&mut packet, &parsed), Ok(()));
        assert_eq!(packet, incremental, "and it is the recomputed one");
    }
}

fn waypoints(version: Version) -> Endpoints {
    let (src, dst) = match version {
        Version::V4 => (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 2])),
        Version::V6 => (IpAddr::from([0x20; 16]), IpAddr::from([0xfe; 16])),
    };
    Endpoints { src, dst, src_port: 16384, dst_port: 16385 }
}
