//! Echo messages, errors and the packets they quote.

use quiver_wire::ip::{Version, protocol};
use quiver_wire::offload::Checksum;
use quiver_wire::parse::Transport;
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, icmp, ipv4, rewrite};

use crate::build::{CLIENT, finished, tcp_segment, udp_segment, v4, v6, waypoints};

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
