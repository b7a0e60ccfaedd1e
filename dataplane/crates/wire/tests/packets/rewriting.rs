//! Fields changed in place, and the checksums over them.

use quiver_wire::ip::{Version, protocol};
use quiver_wire::offload::Checksum;
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, ip, ipv4, rewrite, tcp, udp};

use crate::build::{finished, tcp_segment, udp_segment, v4, v6, waypoints};

#[test]
fn finished_checksum_equals_the_sum_by_hand() {
    let (packet, _) = finished(v4(protocol::UDP, &udp_segment(b"\0\0")));
    // Pseudo header (addresses, 17, 10), then ports and length.
    let by_hand: u32 = [0x0a01, 5, 0x0a02, 9, 17, 10, 0x9c40, 0x1538, 10].iter().sum();
    assert_eq!(u16::from_be_bytes([packet[26], packet[27]]), !(by_hand as u16));
}

#[test]
fn rewritten_packet_verifies_in_every_family_and_protocol() {
    for packet in [
        v4(protocol::UDP, &udp_segment(b"odd")),
        v6(protocol::UDP, &udp_segment(b"even")),
        v4(protocol::TCP, &tcp_segment(Flags::ACK, None, b"odd")),
        v6(protocol::TCP, &tcp_segment(Flags::ACK, Some(1400), b"even")),
    ] {
        let (mut packet, mut parsed) = finished(packet);
        let to = waypoints(parsed.version);
        rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Complete).unwrap();
        assert!(checksum::verify(&packet, &parsed).unwrap());
        assert_eq!(Parsed::parse(&packet).unwrap(), parsed);
        if let ip::Packet::V4(view) = ip::Packet::new_checked(&packet[..]).unwrap() {
            assert!(view.verify_checksum());
        }
    }
}

#[test]
fn rewriting_to_the_other_family_is_refused() {
    let (mut packet, mut parsed) = finished(v4(protocol::UDP, &udp_segment(b"hello")));
    let before = packet.clone();
    let to = waypoints(Version::V6);
    let refused = rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Complete);
    assert_eq!(refused, Err(WireError::FamilyMismatch));
    assert_eq!(packet, before);
}

#[test]
fn udp_without_checksum_stays_so_and_is_right_in_ipv4_only() {
    let mut packet = v4(protocol::UDP, &udp_segment(b"hello"));
    let mut parsed = Parsed::parse(&packet).unwrap();
    rewrite::endpoints(&mut packet, &mut parsed, &waypoints(Version::V4), Checksum::Complete).unwrap();
    assert_eq!(&packet[26..28], &[0, 0]);
    assert_eq!(checksum::verify(&packet, &parsed), Ok(true));
    let packet = v6(protocol::UDP, &udp_segment(b"hello"));
    assert_eq!(checksum::verify(&packet, &Parsed::parse(&packet).unwrap()), Ok(false));
}

#[test]
fn udp_sum_that_comes_out_as_zero_is_sent_as_all_ones() {
    let mut packet = v4(protocol::UDP, &udp_segment(&[0, 0]));
    let parsed = Parsed::parse(&packet).unwrap();
    checksum::finish(&mut packet, &parsed).unwrap();
    let field = [packet[26], packet[27]];
    packet[28..30].copy_from_slice(&field);
    checksum::finish(&mut packet, &parsed).unwrap();
    assert_eq!(&packet[26..28], &[0xff, 0xff]);
    assert_eq!(checksum::verify(&packet, &parsed), Ok(true));
}

#[test]
fn ttl_and_traffic_class_change_without_breaking_the_header() {
    for packet in [v4(protocol::UDP, &udp_segment(b"")), v6(protocol::UDP, &udp_segment(b""))] {
        let mut packet = packet;
        let mut view = ip::Packet::new_checked(&mut packet[..]).unwrap();
        view.set_ttl(9);
        view.set_dscp(34);
        view.set_ecn(3);
        assert_eq!((view.ttl(), view.dscp(), view.ecn(), view.dont_fragment()), (9, 34, 3, true));
        if let ip::Packet::V4(mut view) = view {
            assert!(view.verify_checksum());
            view.set_dont_fragment(false);
            view.set_id(99);
            view.set_protocol(protocol::TCP);
            assert_eq!(
                (view.dont_fragment(), view.id(), view.protocol(), view.ttl()),
                (false, 99, protocol::TCP, 9)
            );
            assert!(view.verify_checksum());
        }
    }
}

#[test]
fn segment_size_is_clamped_at_even_and_odd_places() {
    for padding in [0_usize, 1] {
        let mut segment = tcp_segment(Flags::SYN, None, b"");
        segment.extend(core::iter::repeat_n(1, padding));
        segment.extend_from_slice(&[tcp::OPTION_MSS, 4, 0x05, 0xb4]);
        segment.resize(20 + 8, 0);
        segment[12] = 0x70;
        let (mut packet, parsed) = finished(v4(protocol::TCP, &segment));
        let mut view = tcp::Packet::new_checked(&mut packet[20..]).unwrap();
        assert!(!view.clamp_mss(1460, Checksum::Complete));
        assert!(view.clamp_mss(1350, Checksum::Complete));
        assert_eq!(view.mss(), Some(1350));
        assert!(checksum::verify(&packet, &parsed).unwrap());
    }
}

#[test]
fn lengths_and_ports_are_set_in_place() {
    let mut packet = v4(protocol::UDP, &udp_segment(b"hello"));
    packet.extend_from_slice(b"tail");
    let mut view = ip::Packet::new_checked(&mut packet[..]).unwrap();
    view.set_total_len(37).unwrap();
    assert_eq!(view.set_total_len(65_536), Err(WireError::BadTotalLength));
    let mut datagram = udp::Packet::new_truncated(&mut packet[20..]).unwrap();
    datagram.set_src_port(1);
    datagram.set_dst_port(2);
    datagram.set_length(17);
    datagram.set_checksum(3);
    assert_eq!((datagram.src_port(), datagram.dst_port(), datagram.checksum()), (1, 2, 3));
    let parsed = Parsed::parse(&packet).unwrap();
    assert_eq!((parsed.src_port, parsed.dst_port), (1, 2));
    assert_eq!(parsed.payload(&packet), b"hellotail");
    assert!(ipv4::Packet::new_checked(&packet[..]).unwrap().verify_checksum());
    let mut packet = v6(protocol::UDP, &udp_segment(b"hello"));
    let mut view = ip::Packet::new_checked(&mut packet[..]).unwrap();
    assert_eq!(view.set_total_len(39), Err(WireError::BadTotalLength));
    view.set_total_len(48).unwrap();
    assert_eq!((view.total_len(), view.upper().unwrap().range()), (48, 40..48));
}
