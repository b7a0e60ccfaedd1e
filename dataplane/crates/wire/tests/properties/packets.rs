//! Laws of headers and checksums.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use quiver_wire::ip::{Version, protocol};
use quiver_wire::metadata::contexts::AddressPair;
use quiver_wire::offload::{Checksum, Offload, Segmentation};
use quiver_wire::rewrite::{self, Endpoints};
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, icmp, ipv4, ipv6, tcp, udp, virtio};

use crate::addresses;

fn ipv4_header() -> impl Strategy<Value = ipv4::Repr> {
    any::<(Ipv4Addr, Ipv4Addr, u8, u8, u16, bool)>().prop_flat_map(|(src, dst, protocol, ttl, id, df)| {
        (0..64_u8, 0..4_u8, 0..=65_515_u16).prop_map(move |(dscp, ecn, payload_len)| ipv4::Repr {
            src,
            dst,
            protocol,
            payload_len,
            ttl,
            dscp,
            ecn,
            id,
            dont_fragment: df,
        })
    })
}

fn ipv6_header() -> impl Strategy<Value = ipv6::Repr> {
    (any::<(Ipv6Addr, Ipv6Addr, u8, u8, u16)>(), 0..64_u8, 0..4_u8, 0..0x10_0000_u32).prop_map(
        |((src, dst, next_header, hop_limit, payload_len), dscp, ecn, flow_label)| ipv6::Repr {
            src,
            dst,
            next_header,
            payload_len,
            hop_limit,
            dscp,
            ecn,
            flow_label,
        },
    )
}

fn tcp_header() -> impl Strategy<Value = tcp::Repr> {
    (any::<(u16, u16, u32, u32, u8, u16, u16)>(), option::of(any::<u16>())).prop_map(
        |((src_port, dst_port, seq, ack, flags, window, urgent), mss)| tcp::Repr {
            src_port,
            dst_port,
            seq,
            ack,
            flags: Flags(flags),
            window,
            urgent,
            mss,
        },
    )
}

fn icmp_header() -> impl Strategy<Value = icmp::Repr> {
    prop_oneof![
        any::<(u16, u16)>().prop_map(|(id, seq)| icmp::Repr::EchoRequest { id, seq }),
        any::<(u16, u16)>().prop_map(|(id, seq)| icmp::Repr::EchoReply { id, seq }),
        any::<u16>().prop_map(|mtu| icmp::Repr::TooBig { mtu: u32::from(mtu) }),
        Just(icmp::Repr::PortUnreachable),
        Just(icmp::Repr::Prohibited),
        Just(icmp::Repr::TimeExceeded),
    ]
}

/// A whole packet with a right checksum: both families, TCP, UDP and ICMP echo.
fn packet() -> impl Strategy<Value = Vec<u8>> {
    (addresses(), 0..4_u8, tcp_header(), vec(any::<u8>(), 0..300)).prop_map(
        |(addresses, kind, header, payload)| {
            let segment = segment(kind, &addresses, header, &payload);
            let mut packet = network(&addresses, kind, segment.len() as u16);
            packet.extend_from_slice(&segment);
            let parsed = Parsed::parse(&packet).unwrap();
            checksum::finish(&mut packet, &parsed).unwrap();
            packet
        },
    )
}

fn segment(kind: u8, addresses: &AddressPair, header: tcp::Repr, payload: &[u8]) -> Vec<u8> {
    let version = version(addresses);
    let mut segment = vec![0; 8];
    let udp =
        udp::Repr { src_port: header.src_port, dst_port: header.dst_port, payload_len: payload.len() as u16 };
    match kind {
        0 => udp.emit(&mut segment).unwrap(),
        1 => icmp::Repr::EchoRequest { id: header.src_port, seq: 1 }.emit(version, &mut segment).unwrap(),
        2 => icmp::Repr::EchoReply { id: header.src_port, seq: 1 }.emit(version, &mut segment).unwrap(),
        _ => {
            segment.resize(header.buffer_len(), 0);
            header.emit(&mut segment).unwrap();
        }
    }
    segment.extend_from_slice(payload);
    segment
}

fn network(addresses: &AddressPair, kind: u8, payload_len: u16) -> Vec<u8> {
    let number = match (kind, version(addresses)) {
        (0, _) => protocol::UDP,
        (1 | 2, Version::V4) => protocol::ICMP,
        (1 | 2, Version::V6) => protocol::ICMPV6,
        (_, Version::V4 | Version::V6) => protocol::TCP,
    };
    let (ttl, dscp, ecn) = (64, 0, 0);
    match *addresses {
        AddressPair::V4 { src, dst } => {
            let (id, dont_fragment) = (1, true);
            let repr =
                ipv4::Repr { src, dst, protocol: number, payload_len, ttl, dscp, ecn, id, dont_fragment };
            let mut bytes = vec![0; 20];
            repr.emit(&mut bytes).unwrap();
            bytes
        }
        AddressPair::V6 { src, dst } => {
            let (next_header, hop_limit, flow_label) = (number, ttl, 0);
            let repr = ipv6::Repr { src, dst, next_header, payload_len, hop_limit, dscp, ecn, flow_label };
            let mut bytes = vec![0; 40];
            repr.emit(&mut bytes).unwrap();
            bytes
        }
    }
}

const fn version(addresses: &AddressPair) -> Version {
    match addresses {
        AddressPair::V4 { .. } => Version::V4,
        AddressPair::V6 { .. } => Version::V6,
    }
}

fn endpoints(family: &Parsed) -> impl Strategy<Value = Endpoints> + use<> {
    let v4 = family.version == Version::V4;
    any::<([u8; 16], [u8; 16], u16, u16)>().prop_map(move |(src, dst, src_port, dst_port)| {
        let address = |bytes: [u8; 16]| -> IpAddr {
            if v4 { Ipv4Addr::from(*bytes.first_chunk().unwrap()).into() } else { bytes.into() }
        };
        Endpoints { src: address(src), dst: address(dst), src_port, dst_port }
    })
}

/// RFC 1071, word by word.
fn slow_sum(data: &[u8]) -> u16 {
    data.chunks(2).fold(0, |total, pair| {
        let word = u16::from_be_bytes([pair[0], pair.get(1).copied().unwrap_or(0)]);
        checksum::add(total, word)
    })
}

proptest! {
    #[test]
    fn ipv4_header_is_read_as_it_was_written(repr in ipv4_header()) {
        let mut bytes = vec![0xee; repr.buffer_len() + usize::from(repr.payload_len)];
        repr.emit(&mut bytes).unwrap();
        let packet = ipv4::Packet::new_checked(&bytes[..]).unwrap();
        prop_assert!(packet.verify_checksum());
        prop_assert_eq!(packet.payload().len(), usize::from(repr.payload_len));
        prop_assert_eq!(ipv4::Repr::parse(&packet), Ok(repr));
    }

    #[test]
    fn ipv4_setters_keep_the_header_checksum_right(repr in ipv4_header(), new in ipv4_header(), more: bool) {
        let mut bytes = vec![0; repr.buffer_len() + usize::from(repr.payload_len)];
        repr.emit(&mut bytes).unwrap();
        let mut packet = ipv4::Packet::new_checked(&mut bytes[..]).unwrap();
        packet.set_src(new.src);
        packet.set_dst(new.dst);
        packet.set_ttl(new.ttl);
        packet.set_protocol(new.protocol);
        packet.set_dscp(new.dscp);
        packet.set_ecn(new.ecn);
        packet.set_id(new.id);
        packet.set_fragment(8, more);
        packet.set_dont_fragment(new.dont_fragment);
        prop_assert!(packet.verify_checksum());
        packet.set_fragment(0, false);
        packet.set_total_len(20 + repr.payload_len);
        let payload_len = repr.payload_len;
        prop_assert_eq!(ipv4::Repr::parse(&packet), Ok(ipv4::Repr { payload_len, ..new }));
        let incremental = packet.checksum();
        packet.fill_checksum();
        prop_assert_eq!(packet.checksum(), incremental);
    }

    #[test]
    fn ipv6_header_is_read_as_it_was_written(repr in ipv6_header()) {
        let mut bytes = vec![0xee; repr.buffer_len() + usize::from(repr.payload_len)];
        repr.emit(&mut bytes).unwrap();
        let packet = ipv6::Packet::new_checked(&bytes[..]).unwrap();
        prop_assert_eq!(packet.payload().len(), usize::from(repr.payload_len));
        prop_assert_eq!(ipv6::Repr::parse(&packet), repr);
    }

    #[test]
    fn tcp_header_is_read_as_it_was_written(repr in tcp_header()) {
        let mut bytes = vec![0xee; repr.buffer_len()];
        repr.emit(&mut bytes).unwrap();
        prop_assert_eq!(tcp::Repr::parse(&tcp::Packet::new_checked(&bytes[..]).unwrap()), repr);
    }

    #[test]
    fn udp_header_is_read_as_it_was_written(src_port: u16, dst_port: u16, payload_len in 0..1000_u16) {
        let repr = udp::Repr { src_port, dst_port, payload_len };
        let mut bytes = vec![0xee; repr.buffer_len() + usize::from(payload_len)];
        repr.emit(&mut bytes).unwrap();
        let packet = udp::Packet::new_checked(&bytes[..]).unwrap();
        prop_assert_eq!(packet.payload().len(), usize::from(payload_len));
        prop_assert_eq!(udp::Repr::parse(&packet), Ok(repr));
    }

    #[test]
    fn icmp_header_is_read_as_it_was_written(repr in icmp_header()) {
        for version in [Version::V4, Version::V6] {
            let mut bytes = vec![0xee; repr.buffer_len()];
            repr.emit(version, &mut bytes).unwrap();
            let packet = icmp::Packet::new_checked(version, &bytes[..]).unwrap();
            prop_assert_eq!(icmp::Repr::parse(&packet), Some(repr));
        }
    }

    #[test]
    fn tcp_setters_change_their_field_only(old in tcp_header(), new in tcp_header()) {
        let old = tcp::Repr { mss: new.mss, ..old };
        let mut bytes = vec![0; old.buffer_len()];
        old.emit(&mut bytes).unwrap();
        let mut view = tcp::Packet::new_checked(&mut bytes[..]).unwrap();
        view.set_src_port(new.src_port);
        view.set_dst_port(new.dst_port);
        view.set_seq(new.seq);
        view.set_ack(new.ack);
        view.set_flags(new.flags);
        view.set_window(new.window);
        view.set_urgent(new.urgent);
        view.set_reserved(0x2);
        prop_assert_eq!((tcp::Repr::parse(&view), view.reserved()), (new, 0x2));
    }

    #[test]
    fn fast_sum_equals_the_sum_word_by_word(data in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(checksum::sum(&data), slow_sum(&data));
    }

    #[test]
    fn incremental_checksum_equals_the_recomputed_one(
        (packet, to) in packet().prop_flat_map(|packet| {
            let to = endpoints(&Parsed::parse(&packet).unwrap());
            (Just(packet), to)
        })
    ) {
        let (mut packet, mut parsed) = (packet.clone(), Parsed::parse(&packet).unwrap());
        rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Complete).unwrap();
        prop_assert_eq!(checksum::verify(&packet, &parsed), Ok(true));
        prop_assert_eq!(Parsed::parse(&packet), Ok(parsed));
        let incremental = packet.clone();
        checksum::finish(&mut packet, &parsed).unwrap();
        prop_assert_eq!(packet, incremental);
    }

    #[test]
    fn partial_checksum_after_a_rewrite_is_the_one_begun_anew(
        (packet, to) in packet().prop_flat_map(|packet| {
            let to = endpoints(&Parsed::parse(&packet).unwrap());
            (Just(packet), to)
        })
    ) {
        let (mut packet, mut parsed) = (packet.clone(), Parsed::parse(&packet).unwrap());
        if parsed.protocol == protocol::ICMP {
            prop_assert_eq!(checksum::begin(&mut packet, &parsed), Err(WireError::NoChecksum));
            return Ok(());
        }
        checksum::begin(&mut packet, &parsed).unwrap();
        rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Partial).unwrap();
        let offload = Offload { checksum: Checksum::Partial, segmentation: Segmentation::None };
        let mut device = packet.clone();
        virtio::Header::of(offload, &parsed).unwrap().finish(&mut device).unwrap();
        prop_assert_eq!(checksum::verify(&device, &parsed), Ok(true));
        checksum::finish(&mut packet, &parsed).unwrap();
        prop_assert_eq!(device, packet);
    }

    #[test]
    fn one_flipped_bit_is_seen_by_the_checksum(packet in packet(), place: prop::sample::Index) {
        let mut packet = packet;
        let parsed = Parsed::parse(&packet).unwrap();
        let covered = parsed.payload(&packet).len();
        prop_assume!(covered > 0);
        let at = parsed.payload_at + place.index(covered);
        packet[at] ^= 0x10;
        prop_assert_eq!(checksum::verify(&packet, &parsed), Ok(false));
    }

    #[test]
    fn inserted_and_removed_bytes_change_a_checksum_by_their_sum(
        head in vec(any::<u8>(), 2..20),
        inserted in vec(any::<u8>(), 0..20),
        tail in vec(any::<u8>(), 0..20),
    ) {
        let even = |bytes: &[u8]| bytes[..bytes.len() & !1].to_vec();
        let (head, inserted) = (even(&head), even(&inserted));
        let (without, with) = ([&head[..], &tail].concat(), [&head[..], &inserted, &tail].concat());
        let there = checksum::Delta::NONE.inserted(checksum::sum(&inserted));
        let back = checksum::Delta::NONE.removed(checksum::sum(&inserted));
        prop_assume!(checksum::sum(&without) != 0);
        prop_assert_eq!(there.apply(!checksum::sum(&without)), !checksum::sum(&with));
        prop_assert_eq!(back.and(there).apply(!checksum::sum(&with)), !checksum::sum(&with));
    }

    #[test]
    fn segment_size_may_stand_at_any_place(packet in packet(), padding in 0..5_usize, mss: u16, new: u16) {
        let parsed = Parsed::parse(&packet).unwrap();
        prop_assume!(parsed.protocol == protocol::TCP && parsed.payload(&packet).len() >= 12);
        let mut packet = packet;
        let options = parsed.transport_at + 20;
        packet[options..options + 8].fill(1);
        packet[options + padding..options + padding + 2].copy_from_slice(&[2, 4]);
        packet[options + padding + 2..options + padding + 4].copy_from_slice(&mss.to_be_bytes());
        packet[parsed.transport_at + 12] = 0x70;
        checksum::finish(&mut packet, &parsed).unwrap();
        let mut view = tcp::Packet::new_checked(&mut packet[parsed.transport_at..]).unwrap();
        prop_assert_eq!(view.set_mss(new, Checksum::Complete), Some(mss));
        prop_assert_eq!(view.mss(), Some(new));
        prop_assert_eq!(checksum::verify(&packet, &parsed), Ok(true));
    }

    #[test]
    fn virtio_header_is_read_as_it_was_written(bytes: [u8; 10]) {
        prop_assert_eq!(virtio::Header::parse(&bytes).unwrap().emit(), bytes);
    }
}
