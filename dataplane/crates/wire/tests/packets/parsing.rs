//! What is found in a packet, and what is refused.

use quiver_wire::ip::{Fragment, Version, protocol};
use quiver_wire::offload::Checksum;
use quiver_wire::parse::Transport;
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, ipv4, ipv6, rewrite, tcp, udp};

use crate::build::{tcp_segment, udp_segment, v4, v6, waypoints};

#[test]
fn parsed_packet_of_each_family_and_protocol_names_its_fields() {
    for (packet, version, l4) in [
        (v4(protocol::UDP, &udp_segment(b"hello")), Version::V4, 20),
        (v6(protocol::UDP, &udp_segment(b"hello")), Version::V6, 40),
    ] {
        let parsed = Parsed::parse(&packet).unwrap();
        assert_eq!(
            (parsed.version, parsed.transport, parsed.protocol),
            (version, Transport::Udp, protocol::UDP)
        );
        assert_eq!((parsed.src_port, parsed.dst_port), (40000, 5432));
        assert_eq!((parsed.transport_at, parsed.payload_at, parsed.total_len), (l4, l4 + 8, packet.len()));
        assert_eq!(parsed.payload(&packet), b"hello");
        assert_eq!(parsed.fragment, None);
    }
    let packet = v4(protocol::TCP, &tcp_segment(Flags::SYN, Some(1460), b"x"));
    let parsed = Parsed::parse(&packet).unwrap();
    assert_eq!((parsed.transport, parsed.payload_at), (Transport::Tcp, 44));
    assert!(parsed.tcp_flags.is_opening());
    let gre = Parsed::parse(&v4(protocol::GRE, &[1, 2, 3])).unwrap();
    assert_eq!((gre.transport, gre.src_port, gre.payload_at), (Transport::Other, 0, 20));
}

#[test]
fn bytes_behind_the_ip_length_are_not_part_of_the_packet() {
    let mut packet = v4(protocol::UDP, &udp_segment(b"hello"));
    packet.extend_from_slice(&[0; 18]);
    let parsed = Parsed::parse(&packet).unwrap();
    assert_eq!(parsed.total_len, packet.len() - 18);
    assert_eq!(parsed.payload(&packet), b"hello");
}

#[test]
fn extension_headers_are_walked_to_the_transport() {
    let mut payload = vec![protocol::DESTINATION_OPTIONS, 0, 1, 4, 0, 0, 0, 0];
    payload.extend_from_slice(&[protocol::AUTHENTICATION, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend_from_slice(&[protocol::ROUTING, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    payload.extend_from_slice(&[protocol::UDP, 0, 2, 0, 0, 0, 0, 0]);
    payload.extend_from_slice(&udp_segment(b"hello"));
    let parsed = Parsed::parse(&v6(protocol::HOP_BY_HOP, &payload)).unwrap();
    assert_eq!((parsed.transport, parsed.transport_at), (Transport::Udp, 40 + 44));
}

#[test]
fn routing_header_with_segments_left_is_refused() {
    let mut payload = vec![protocol::UDP, 0, 4, 1, 0, 0, 0, 0];
    payload.extend_from_slice(&udp_segment(b""));
    assert_eq!(Parsed::parse(&v6(protocol::ROUTING, &payload)), Err(WireError::SourceRouted));
}

#[test]
fn endless_extension_headers_are_given_up() {
    let payload = [protocol::HOP_BY_HOP, 0, 1, 4, 0, 0, 0, 0].repeat(9);
    assert_eq!(Parsed::parse(&v6(protocol::HOP_BY_HOP, &payload)), Err(WireError::TooManyExtensions));
    let cut = [protocol::HOP_BY_HOP, 1, 1, 4, 0, 0, 0, 0];
    assert_eq!(Parsed::parse(&v6(protocol::HOP_BY_HOP, &cut)), Err(WireError::TruncatedExtension));
}

#[test]
fn first_fragment_has_ports_and_later_ones_have_none() {
    let segment = udp_segment(&[7; 24]);
    let mut first = v4(protocol::UDP, &segment[..16]);
    let mut last = v4(protocol::UDP, &segment[16..]);
    ipv4::Packet::new_checked(&mut first[..]).unwrap().set_fragment(0, true);
    ipv4::Packet::new_checked(&mut last[..]).unwrap().set_fragment(16, false);
    let parsed = Parsed::parse(&first).unwrap();
    assert_eq!(parsed.fragment, Some(Fragment { offset: 0, more: true, id: 7 }));
    assert_eq!((parsed.transport, parsed.src_port), (Transport::Udp, 40000));
    assert_eq!(checksum::verify(&first, &parsed), Err(WireError::Fragmented));
    let mut parsed = Parsed::parse(&last).unwrap();
    assert_eq!(parsed.fragment, Some(Fragment { offset: 16, more: false, id: 7 }));
    assert_eq!((parsed.transport, parsed.src_port, parsed.payload_at), (Transport::FragmentTail, 0, 20));
    let data = last[20..].to_vec();
    rewrite::endpoints(&mut last, &mut parsed, &waypoints(Version::V4), Checksum::Complete).unwrap();
    assert_eq!(&last[20..], data);
}

#[test]
fn ipv6_fragments_are_told_from_atomic_ones() {
    let piece = |word: [u8; 2], data: &[u8]| {
        let mut payload = vec![protocol::UDP, 0, word[0], word[1], 0, 0, 1, 2];
        payload.extend_from_slice(data);
        Parsed::parse(&v6(protocol::FRAGMENT, &payload))
    };
    let segment = udp_segment(&[7; 24]);
    assert_eq!(piece([0, 0], &segment).unwrap().fragment, None);
    let first = piece([0, 1], &segment[..16]).unwrap();
    assert_eq!((first.fragment.map(|f| f.id), first.dst_port), (Some(0x0102), 5432));
    let last = piece([0, 16], &segment[16..]).unwrap();
    assert_eq!((last.transport, last.fragment.map(|f| f.offset)), (Transport::FragmentTail, Some(16)));
    assert_eq!(piece([0, 1], &segment[..15]), Err(WireError::BadFragment));
    assert_eq!(piece([0xff, 0xf8], &segment), Err(WireError::BadFragment));
}

#[test]
fn lengths_that_contradict_each_other_are_named() {
    assert_eq!(Parsed::parse(&[]), Err(WireError::Empty));
    assert_eq!(Parsed::parse(&[0x50; 40]), Err(WireError::UnknownVersion));
    assert_eq!(Parsed::parse(&[0x45; 19]), Err(WireError::TruncatedNetwork));
    assert_eq!(Parsed::parse(&[0x60; 39]), Err(WireError::TruncatedNetwork));
    assert_eq!(Parsed::parse(&[0x44; 40]), Err(WireError::BadHeaderLength));
    let packet = v4(protocol::UDP, &udp_segment(b"hello"));
    assert_eq!(Parsed::parse(&packet[..30]), Err(WireError::BadTotalLength));
    let mut short = packet.clone();
    short[3] = 19;
    assert_eq!(Parsed::parse(&short), Err(WireError::BadTotalLength));
    let mut longer_udp = packet.clone();
    longer_udp[25] += 1;
    assert_eq!(Parsed::parse(&longer_udp), Err(WireError::BadTransportLength));
    assert_eq!(Parsed::parse(&v4(protocol::UDP, &[0; 7])), Err(WireError::TruncatedTransport));
    assert_eq!(Parsed::parse(&v4(protocol::TCP, &[0; 20])), Err(WireError::BadTransportLength));
    let mut segment = tcp_segment(Flags::ACK, None, b"");
    segment[12] = 0xf0;
    assert_eq!(Parsed::parse(&v4(protocol::TCP, &segment)), Err(WireError::TruncatedTransport));
    let packet = v6(protocol::UDP, &udp_segment(b"hello"));
    assert_eq!(Parsed::parse(&packet[..50]), Err(WireError::BadTotalLength));
}

#[test]
fn malformed_options_end_the_iteration() {
    let mut segment = tcp_segment(Flags::SYN, None, &[2, 0, 0, 0]);
    segment[12] = 0x60;
    let view = tcp::Packet::new_checked(&segment[..]).unwrap();
    assert_eq!(view.options().count(), 0);
    segment[20..24].copy_from_slice(&[2, 200, 0, 0]);
    assert_eq!(tcp::Packet::new_checked(&segment[..]).unwrap().mss(), None);
}

#[test]
fn views_of_a_cut_packet_are_refused_unless_asked_for() {
    let packet = v4(protocol::UDP, &udp_segment(b"hello"));
    let cut = &packet[..packet.len() - 1];
    assert_eq!(ipv4::Packet::new_checked(cut), Err(WireError::BadTotalLength));
    assert_eq!(ipv4::Packet::new_truncated(cut).unwrap().payload().len(), 12);
    let packet = v6(protocol::UDP, &udp_segment(b"hello"));
    let cut = &packet[..packet.len() - 1];
    assert_eq!(ipv6::Packet::new_checked(cut), Err(WireError::BadTotalLength));
    assert_eq!(ipv6::Packet::new_truncated(cut).unwrap().payload().len(), 12);
}

#[test]
fn bytes_behind_the_udp_length_are_refused_in_whole_packets() {
    let mut segment = udp_segment(b"hello");
    segment.push(0);
    assert_eq!(Parsed::parse(&v4(protocol::UDP, &segment)), Err(WireError::BadTransportLength));
    assert_eq!(udp::Packet::new_checked(&segment[..]), Err(WireError::BadTransportLength));
    assert!(Parsed::parse_quoted(&v4(protocol::UDP, &segment)).is_ok());
}

#[test]
fn extension_header_one_byte_beyond_the_packet_is_refused() {
    let mut payload = vec![protocol::NO_NEXT_HEADER, 1, 1, 12];
    payload.resize(15, 0);
    assert_eq!(Parsed::parse(&v6(protocol::HOP_BY_HOP, &payload)), Err(WireError::TruncatedExtension));
    payload.push(0);
    let parsed = Parsed::parse(&v6(protocol::HOP_BY_HOP, &payload)).unwrap();
    assert_eq!((parsed.transport, parsed.transport_at), (Transport::Other, 56));
}
