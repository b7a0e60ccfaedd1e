//! Headers, offsets and checksums of hand-made packets.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use quiver_wire::ip::{Fragment, Version, protocol};
use quiver_wire::offload::{Checksum, Offload, Segmentation};
use quiver_wire::parse::Transport;
use quiver_wire::rewrite::{self, Endpoints};
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, icmp, ip, ipv4, ipv6, tcp, udp, virtio};

const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 5);
const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 9);
const CLIENT6: Ipv6Addr = Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 5);
const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 2, 0, 0, 0, 0, 0, 9);

fn v4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        src: CLIENT,
        dst: SERVER,
        protocol,
        payload_len: segment.len() as u16,
        ttl: 64,
        dscp: 46,
        ecn: 1,
        id: 7,
        dont_fragment: true,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut packet).unwrap();
    packet.extend_from_slice(segment);
    packet
}

fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let repr = ipv6::Repr {
        src: CLIENT6,
        dst: SERVER6,
        next_header,
        payload_len: payload.len() as u16,
        hop_limit: 63,
        dscp: 10,
        ecn: 2,
        flow_label: 0x12345,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

fn udp_segment(payload: &[u8]) -> Vec<u8> {
    let repr = udp::Repr { src_port: 40000, dst_port: 5432, payload_len: payload.len() as u16 };
    let mut segment = vec![0; repr.buffer_len()];
    repr.emit(&mut segment).unwrap();
    segment.extend_from_slice(payload);
    segment
}

fn tcp_segment(flags: Flags, mss: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let repr = tcp::Repr {
        src_port: 40000,
        dst_port: 443,
        seq: 0x0102_0304,
        ack: 9,
        flags,
        window: 1024,
        urgent: 3,
        mss,
    };
    let mut segment = vec![0; repr.buffer_len()];
    repr.emit(&mut segment).unwrap();
    segment.extend_from_slice(payload);
    segment
}

fn finished(mut packet: Vec<u8>) -> (Vec<u8>, Parsed) {
    let parsed = Parsed::parse(&packet).unwrap();
    checksum::finish(&mut packet, &parsed).unwrap();
    assert!(checksum::verify(&packet, &parsed).unwrap());
    (packet, parsed)
}

fn waypoints(family: Version) -> Endpoints {
    let (src, dst) = match family {
        Version::V4 => (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 2])),
        Version::V6 => {
            ("2001:db8::1".parse::<IpAddr>().unwrap(), "2001:db8:ffff::2".parse::<IpAddr>().unwrap())
        }
    };
    Endpoints { src, dst, src_port: 16384, dst_port: 16385 }
}

#[test]
fn finished_checksum_equals_the_sum_by_hand() {
    let (packet, _) = finished(v4(protocol::UDP, &udp_segment(b"\0\0")));
    // Pseudo header (addresses, 17, 10), then ports and length.
    let by_hand: u32 = [0x0a01, 5, 0x0a02, 9, 17, 10, 0x9c40, 0x1538, 10].iter().sum();
    assert_eq!(u16::from_be_bytes([packet[26], packet[27]]), !(by_hand as u16));
}

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
fn echo_identifier_serves_as_both_ports() {
    for (version, number) in [(Version::V4, protocol::ICMP), (Version::V6, protocol::ICMPV6)] {
        for repr in [icmp::Repr::EchoRequest { id: 77, seq: 3 }, icmp::Repr::EchoReply { id: 77, seq: 3 }] {
            let mut segment = vec![0; repr.buffer_len()];
            repr.emit(version, &mut segment).unwrap();
            let packet = if version == Version::V4 { v4(number, &segment) } else { v6(number, &segment) };
            let (mut packet, mut parsed) = finished(packet);
            assert_eq!((parsed.src_port, parsed.dst_port), (77, 77));
            let to = waypoints(version);
            rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Complete).unwrap();
            assert!(checksum::verify(&packet, &parsed).unwrap());
            let request = parsed.transport == Transport::EchoRequest;
            assert_eq!(parsed.src_port, if request { to.src_port } else { to.dst_port });
            assert_eq!(Parsed::parse(&packet).unwrap(), parsed);
        }
    }
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
fn partial_checksum_is_completed_by_the_device_after_a_rewrite() {
    for packet in [
        v4(protocol::UDP, &udp_segment(b"hello")),
        v6(protocol::TCP, &tcp_segment(Flags::ACK, None, b"hello")),
    ] {
        let (mut packet, mut parsed) = finished(packet);
        checksum::begin(&mut packet, &parsed).unwrap();
        let to = waypoints(parsed.version);
        rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Partial).unwrap();
        let offload = Offload { checksum: Checksum::Partial, ..Offload::default() };
        let mut header = virtio::Header::of(offload, &parsed).unwrap();
        assert!(header.is_about(&parsed));
        header.finish(&mut packet).unwrap();
        assert!(checksum::verify(&packet, &parsed).unwrap());
        assert_eq!(header.offload().unwrap().checksum, Checksum::Complete);
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
fn quoted_packet_of_an_error_names_its_tuple() {
    let quote = v4(protocol::TCP, &tcp_segment(Flags::ACK, None, &[0; 100]));
    for (version, number) in [(Version::V4, protocol::ICMP), (Version::V6, protocol::ICMPV6)] {
        let mut message = vec![0; 8];
        icmp::Repr::TooBig { mtu: 1400 }.emit(version, &mut message).unwrap();
        message.extend_from_slice(&quote[..28]);
        let packet = if version == Version::V4 { v4(number, &message) } else { v6(number, &message) };
        let parsed = Parsed::parse(&packet).unwrap();
        assert_eq!(parsed.transport, Transport::IcmpError);
        let error = icmp::Packet::new_checked(version, parsed.segment(&packet)).unwrap();
        assert_eq!(error.next_hop_mtu(), Some(1400));
        let inner = Parsed::parse_quoted(&parsed.segment(&packet)[error.quoted().unwrap()]).unwrap();
        assert_eq!((inner.src, inner.src_port, inner.dst_port), (CLIENT.into(), 40000, 443));
        assert_eq!(inner.transport, Transport::Tcp);
    }
}

#[test]
fn extensions_behind_a_quoted_packet_are_left_out() {
    let mut message = [0; 8 + 128 + 12];
    message[..2].copy_from_slice(&[icmp::v4::TIME_EXCEEDED, 0]);
    message[5] = 32;
    assert_eq!(icmp::Packet::new_checked(Version::V4, &message[..]).unwrap().quoted(), Some(8..136));
    message[..2].copy_from_slice(&[icmp::v6::TIME_EXCEEDED, 0]);
    message[4] = 16;
    assert_eq!(icmp::Packet::new_checked(Version::V6, &message[..]).unwrap().quoted(), Some(8..136));
    message[4] = 200;
    assert_eq!(icmp::Packet::new_checked(Version::V6, &message[..]).unwrap().quoted(), Some(8..148));
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
fn malformed_options_end_the_iteration() {
    let mut segment = tcp_segment(Flags::SYN, None, &[2, 0, 0, 0]);
    segment[12] = 0x60;
    let view = tcp::Packet::new_checked(&segment[..]).unwrap();
    assert_eq!(view.options().count(), 0);
    segment[20..24].copy_from_slice(&[2, 200, 0, 0]);
    assert_eq!(tcp::Packet::new_checked(&segment[..]).unwrap().mss(), None);
}

#[test]
fn superpacket_header_survives_the_way_to_the_device_and_back() {
    let flags = Flags::ACK.with(Flags::CWR);
    let packet = v6(protocol::TCP, &tcp_segment(flags, None, &[0; 4000]));
    let parsed = Parsed::parse(&packet).unwrap();
    let offload = Offload { segmentation: Segmentation::Tcp { size: 1400 }, checksum: Checksum::Partial };
    let header = virtio::Header::of(offload, &parsed).unwrap();
    assert_eq!(header.emit(), [1, 0x84, 60, 0, 0x78, 0x05, 40, 0, 16, 0]);
    assert_eq!(virtio::Header::parse(&header.emit()).unwrap(), header);
    assert_eq!(header.offload(), Ok(offload));
}

#[test]
fn offloads_nobody_offered_are_refused() {
    let udp = Parsed::parse(&v4(protocol::UDP, &udp_segment(&[0; 100]))).unwrap();
    let tcp = Segmentation::Tcp { size: 50 };
    let partial = Checksum::Partial;
    assert_eq!(
        virtio::Header::of(Offload { segmentation: tcp, checksum: partial }, &udp),
        Err(WireError::UnknownOffload)
    );
    let uso = Segmentation::Udp { size: 50 };
    assert!(virtio::Header::of(Offload { segmentation: uso, checksum: partial }, &udp).is_ok());
    let complete = Offload { segmentation: uso, checksum: Checksum::Complete };
    assert_eq!(virtio::Header::of(complete, &udp), Err(WireError::UnknownOffload));
    let ufo = virtio::Header { gso_type: 3, gso_size: 1400, ..virtio::Header::default() };
    assert_eq!(ufo.offload(), Err(WireError::UnknownOffload));
    assert_eq!(virtio::Header::parse(&[0; 9]), Err(WireError::BufferTooShort));
    let gre = Parsed::parse(&v4(protocol::GRE, &[0; 8])).unwrap();
    let offload = Offload { checksum: partial, ..Offload::default() };
    assert_eq!(virtio::Header::of(offload, &gre), Err(WireError::NoChecksum));
}

#[test]
fn icmp_of_the_other_family_is_a_protocol_without_a_checksum() {
    let empty = v6(protocol::ICMP, &[]);
    for packet in [empty, v6(protocol::ICMP, &[0; 16]), v4(protocol::ICMPV6, &[0; 16])] {
        let mut buffer = [&packet[..], &[0xaa; 16]].concat();
        let mut parsed = Parsed::parse(&buffer).unwrap();
        assert_eq!((parsed.transport, parsed.checksum_at()), (Transport::Other, None));
        assert_eq!(checksum::finish(&mut buffer, &parsed), Err(WireError::NoChecksum));
        let to = waypoints(parsed.version);
        rewrite::endpoints(&mut buffer, &mut parsed, &to, Checksum::Complete).unwrap();
        let header_len = parsed.transport_at;
        assert_eq!(buffer[header_len..packet.len()], packet[header_len..]);
        assert_eq!(buffer[packet.len()..], [0xaa; 16]);
    }
}

#[test]
fn quoted_packet_gets_the_addresses_its_sender_knows() {
    let original = finished(v4(protocol::UDP, &udp_segment(b"hello"))).0;
    let to = waypoints(Version::V4);
    for length in [28, original.len()] {
        let mut message = vec![0; 8];
        icmp::Repr::PortUnreachable.emit(Version::V4, &mut message).unwrap();
        message.extend_from_slice(&original[..length]);
        let (mut packet, parsed) = finished(v4(protocol::ICMP, &message));
        let quote = &mut packet[28..];
        let mut inner = Parsed::parse_quoted(quote).unwrap();
        rewrite::quoted(quote, &mut inner, &to).unwrap();
        assert_eq!(Parsed::parse_quoted(quote), Ok(inner));
        assert_eq!((inner.src, inner.src_port, inner.dst_port), (to.src, to.src_port, to.dst_port));
        assert!(ipv4::Packet::new_truncated(&*quote).unwrap().verify_checksum());
        if length == original.len() {
            assert_eq!(checksum::verify(quote, &inner), Ok(true));
        }
        assert_eq!(checksum::verify(&packet, &parsed), Ok(false));
        checksum::finish(&mut packet, &parsed).unwrap();
        assert_eq!(checksum::verify(&packet, &parsed), Ok(true));
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

#[test]
fn echo_and_mtu_fields_are_set_only_where_they_are() {
    for version in [Version::V4, Version::V6] {
        let mut message = [0; 12];
        icmp::Repr::EchoReply { id: 1, seq: 2 }.emit(version, &mut message).unwrap();
        let mut view = icmp::Packet::new_checked(version, &mut message[..]).unwrap();
        view.set_echo_id(9);
        view.set_next_hop_mtu(1300);
        view.set_checksum(5);
        assert_eq!((view.echo_id(), view.echo_seq(), view.next_hop_mtu()), (Some(9), Some(2), None));
        assert_eq!((view.checksum(), view.quoted(), view.payload().len()), (5, None, 4));
        icmp::Repr::TooBig { mtu: 1500 }.emit(version, &mut message).unwrap();
        let mut view = icmp::Packet::new_checked(version, &mut message[..]).unwrap();
        view.set_echo_id(9);
        view.set_next_hop_mtu(1300);
        assert_eq!((view.echo_id(), view.next_hop_mtu(), view.quoted()), (None, Some(1300), Some(8..12)));
    }
    let router_advertisement = [134; 16];
    let view = icmp::Packet::new_checked(Version::V6, &router_advertisement[..]).unwrap();
    assert_eq!((view.class(), icmp::Repr::parse(&view)), (icmp::Class::Other, None));
    assert_eq!(icmp::Packet::new_checked(Version::V4, &[8; 7][..]), Err(WireError::TruncatedTransport));
}
