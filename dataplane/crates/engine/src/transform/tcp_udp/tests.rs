use proptest::prelude::*;
use quiver_wire::bytes::put_u16;

use super::*;
use crate::transform::shield::Clear;
use crate::transform::testing::{
    self, Collect, FAMILIES, STATES, Tcp, assert_sound, client, finished, hop, noise, word,
};
use crate::transform::{Family, segments};

fn shaped(tcp: &Tcp, state: Checksum) -> Packet {
    let mut packet = testing::tcp(&hop(Family::V4), tcp, state);
    to_udp(&mut packet).unwrap();
    packet
}

#[test]
fn header_keeps_its_length_and_the_sequence_moves_behind() {
    let packet = shaped(&Tcp { options: vec![], ..Tcp::default() }, Checksum::Complete);
    let expected: [u8; 25] = [
        0x40, 0x00, 0x42, 0x69, 0, 25, 0, 0, 5, 6, 7, 8, 0x50, 0x10, 0x20, 0x01, 0xff, 0xfe, 1, 2, b'h',
        b'e', b'l', b'l', b'o',
    ];
    let l4 = testing::l4(&packet);
    assert_eq!(l4[..6], expected[..6]);
    assert_eq!(l4[8..], expected[8..]);
    assert_eq!(testing::protocol(&packet), UDP);
    assert_sound(&packet);
}

#[test]
fn urgent_pointer_stands_behind_the_header_and_is_marked() {
    let tcp = Tcp { flags: ACK | URG, urgent: 0x0102, options: vec![2, 4, 5, 0xb4], ..Tcp::default() };
    let packet = shaped(&tcp, Checksum::Complete);
    let l4 = testing::l4(&packet);
    assert_eq!(l4[12], 0x62);
    assert_eq!(l4[24..], [1, 2, b'h', b'e', b'l', b'l', b'o']);
    assert_eq!(word(l4, 4), 31);
    assert_sound(&packet);
}

#[test]
fn reserved_bits_of_a_client_are_cleared_and_never_taken_for_the_mark() {
    for state in STATES {
        let odd = Tcp { reserved: 0x0f, ..Tcp::default() };
        let mut packet = testing::tcp(&hop(Family::V6), &odd, state);
        to_udp(&mut packet).unwrap();
        assert_eq!(testing::l4(&packet)[12], 0x81);
        assert_sound(&packet);
        to_tcp(&mut packet).unwrap();
        let cleared = testing::tcp(&hop(Family::V6), &Tcp { reserved: 0x01, ..odd }, state);
        assert_eq!(packet.bytes(), cleared.bytes());
        let mut sink = Collect::default();
        let mut packet = testing::tcp(&hop(Family::V6), &Tcp { reserved: 0x0f, ..Tcp::default() }, state);
        to_datagrams(&mut packet, &mut Clear, &mut sink).unwrap();
        assert_eq!(testing::l4(&sink.packets[0])[12], 0x81);
    }
}

#[test]
fn wrong_checksum_stays_wrong_through_both_shapes() {
    let mut packet = testing::tcp(&hop(Family::V4), &Tcp::default(), Checksum::Complete);
    let right = testing::l4(&packet)[16..18].to_vec();
    packet.bytes_mut()[36] ^= 0x55;
    let wrong = packet.bytes().to_vec();
    to_udp(&mut packet).unwrap();
    to_tcp(&mut packet).unwrap();
    assert_eq!(packet.bytes(), wrong);
    assert_ne!(packet.bytes()[36..38], right);
}

#[test]
fn udp_whose_checksum_was_taken_away_becomes_tcp_with_a_partial_one() {
    let mut packet = shaped(&Tcp::default(), Checksum::Complete);
    put_u16(packet.bytes_mut(), 26, 0);
    to_tcp(&mut packet).unwrap();
    assert_eq!(packet.offload.checksum, Checksum::Partial);
    let expected = testing::tcp(&hop(Family::V4), &Tcp::default(), Checksum::Complete);
    assert_eq!(finished(&packet), expected.bytes());
}

#[test]
fn udp_that_is_no_transformed_tcp_is_refused() {
    for payload in [&[0_u8; 3][..], &[0; 12], &[0xff; 20], &[0, 0, 0, 0, 0x52, 0, 0, 0, 0, 0, 0, 0]] {
        let mut packet = testing::udp(&hop(Family::V6), payload, Checksum::Complete);
        let before = packet.bytes().to_vec();
        assert_eq!(to_tcp(&mut packet), Err(Refusal::Malformed));
        assert_eq!(packet.bytes(), before);
    }
}

#[test]
fn superpackets_are_left_to_the_segment_functions() {
    let mut packet = testing::tso(&hop(Family::V4), &Tcp::carrying(noise(3000)), 1000);
    assert_eq!(to_udp(&mut packet), Err(Refusal::Superpacket));
    let mut packet = testing::uso(&hop(Family::V4), &noise(3000), 1000);
    assert_eq!(to_tcp(&mut packet), Err(Refusal::Superpacket));
}

#[test]
fn each_datagram_of_a_superpacket_is_the_transform_of_its_segment() {
    for family in FAMILIES {
        let flags = ACK | PSH | FIN | CWR;
        let tcp = Tcp { flags, ..Tcp::carrying(noise(2500)) };
        let mut sink = Collect::default();
        assert_eq!(to_datagrams(&mut testing::tso(&hop(family), &tcp, 1000), &mut Clear, &mut sink), Ok(3));
        let [made] = &mut sink.packets[..] else { panic!("one superpacket") };
        assert_eq!(made.offload.segmentation, Segmentation::Udp { size: 1024 });
        assert_sound(made);
        let mut datagrams = Collect::default();
        segments::split(made, &mut datagrams).unwrap();

        let mut singles = Collect::default();
        segments::split(&mut testing::tso(&hop(family), &tcp, 1000), &mut singles).unwrap();
        for (datagram, single) in datagrams.packets.iter().zip(&mut singles.packets) {
            to_udp(single).unwrap();
            assert_eq!(finished(datagram), finished(single));
        }
        assert_eq!(datagrams.packets.len(), singles.packets.len());
    }
}

#[test]
fn forty_five_segments_that_no_longer_fit_one_packet_become_even_packets() {
    // 45 x 1448 fit 65,535 bytes with TCP's header once, not 45 times.
    let tcp = Tcp::carrying(noise(45 * 1448));
    let mut sink = Collect::default();
    assert_eq!(to_datagrams(&mut testing::tso(&hop(Family::V4), &tcp, 1448), &mut Clear, &mut sink), Ok(45));
    let counts: Vec<_> = sink.packets.iter().map(|p| (p.len() - 28) / 1472).collect();
    assert_eq!(counts, [23, 22]);
    sink.packets.iter().for_each(assert_sound);
}

#[test]
fn superpacket_comes_back_whole_from_its_datagrams() {
    for family in FAMILIES {
        for (len, size) in [(64_000, 1448), (5000, 1000), (5000, 5000), (1, 1000), (3000, 10)] {
            let tcp = Tcp { flags: ACK | PSH, ..Tcp::carrying(noise(len)) };
            let original = testing::tso(&hop(family), &tcp, size);
            let mut out = Collect::default();
            to_datagrams(&mut testing::tso(&hop(family), &tcp, size), &mut Clear, &mut out).unwrap();
            let mut back = Collect::default();
            for packet in &mut out.packets {
                to_segments(packet, &mut Clear, &mut back).unwrap();
            }
            let payload: Vec<_> = back.packets.iter().flat_map(|p| testing::l4(p)[32..].to_vec()).collect();
            assert_eq!(payload, testing::l4(&original)[32..]);
            assert_eq!(back.packets.len(), out.packets.len());
            back.packets.iter().for_each(assert_sound);
            if let [single] = &back.packets[..] {
                assert_eq!(finished(single), finished(&original));
            }
        }
    }
}

/// Datagrams of these segments, as one superpacket.
fn received(segments: &[Tcp]) -> Packet {
    let tuple = hop(Family::V4);
    let datagrams: Vec<_> = segments.iter().map(|tcp| shaped(tcp, Checksum::Complete)).collect();
    let payloads: Vec<_> = datagrams.iter().map(|packet| testing::l4(packet)[8..].to_vec()).collect();
    testing::uso(&tuple, &payloads.concat(), payloads[0].len() as u16)
}

fn joined(segments: &[Tcp]) -> Vec<usize> {
    let mut sink = Collect::default();
    to_segments(&mut received(segments), &mut Clear, &mut sink).unwrap();
    sink.packets.iter().for_each(assert_sound);
    sink.packets.iter().map(|packet| testing::l4(packet).len() - 32).collect()
}

fn segment(index: u32, flags: u8) -> Tcp {
    Tcp { seq: 0xffff_ff00_u32.wrapping_add(index * 100), flags, ..Tcp::carrying(noise(100)) }
}

#[test]
fn segments_that_follow_one_another_are_joined_across_the_sequence_wrap() {
    assert_eq!(joined(&[segment(0, ACK), segment(1, ACK), segment(2, ACK), segment(3, ACK)]), [400]);
}

#[test]
fn lost_or_reordered_segments_are_not_joined() {
    assert_eq!(joined(&[segment(0, ACK), segment(2, ACK), segment(3, ACK)]), [100, 200]);
    assert_eq!(joined(&[segment(1, ACK), segment(0, ACK), segment(1, ACK)]), [100, 200]);
}

#[test]
fn push_and_fin_end_a_superpacket_and_stay_on_it() {
    assert_eq!(joined(&[segment(0, ACK), segment(1, ACK | PSH), segment(2, ACK)]), [200, 100]);
    let mut sink = Collect::default();
    to_segments(&mut received(&[segment(0, ACK), segment(1, ACK | FIN)]), &mut Clear, &mut sink).unwrap();
    assert_eq!(testing::l4(&sink.packets[0])[13], ACK | FIN);
}

#[test]
fn segments_with_other_flags_or_fields_are_not_joined() {
    for flags in [ACK | RST, ACK | SYN, ACK | CWR, ACK | 0x40, ACK | URG] {
        assert_eq!(joined(&[segment(0, ACK), segment(1, flags)]), [100, 100], "{flags:#x}");
    }
    let other = |change: fn(&mut Tcp)| {
        let mut second = segment(1, ACK);
        change(&mut second);
        joined(&[segment(0, ACK), second])
    };
    assert_eq!(other(|tcp| tcp.ack += 1), [100, 100]);
    assert_eq!(other(|tcp| tcp.options[7] ^= 1), [100, 100]);
}

#[test]
fn short_last_segment_is_joined_and_ends_the_superpacket() {
    let mut short = segment(2, ACK);
    short.payload.truncate(40);
    assert_eq!(joined(&[segment(0, ACK), segment(1, ACK), short]), [240]);
}

#[test]
fn bad_datagram_in_the_middle_is_left_out_and_counted() {
    let mut packet = received(&[segment(0, ACK), segment(1, ACK), segment(2, ACK)]);
    let second = 28 + 124;
    packet.bytes_mut()[second + 4] = 0;
    let mut sink = Collect::default();
    let opened = to_segments(&mut packet, &mut Clear, &mut sink);
    assert_eq!(opened, Ok(Opened { accepted: 2, refused: 1 }));
    assert_eq!(sink.packets.len(), 2);
}

#[test]
fn no_buffer_is_a_refusal_and_nothing_is_lost_from_the_pool() {
    let mut sink = Collect { limit: Some(1), ..Collect::default() };
    let tcp = Tcp::carrying(noise(45 * 1448));
    let mut packet = testing::tso(&hop(Family::V4), &tcp, 1448);
    assert_eq!(to_datagrams(&mut packet, &mut Clear, &mut sink), Err(Refusal::NoBuffer));
    assert_eq!(sink.taken, sink.packets.len() + sink.given_back);
}

fn any_tcp() -> impl Strategy<Value = Tcp> {
    let options = (0_usize..=10).prop_flat_map(|words| prop::collection::vec(any::<u8>(), words * 4));
    let payload = prop::collection::vec(any::<u8>(), 0..300);
    (any::<u32>(), any::<u32>(), any::<u8>(), 0_u8..2, any::<u16>(), options, payload).prop_map(
        |(seq, ack, flags, reserved, urgent, options, payload)| Tcp {
            seq,
            ack,
            flags,
            reserved,
            urgent: if urgent & 1 == 0 { 0 } else { urgent },
            options,
            payload,
        },
    )
}

proptest! {
    #[test]
    fn every_segment_comes_back_as_it_was(tcp in any_tcp(), family in 0..2_usize, state in 0..3_usize) {
        let original = testing::tcp(&client(FAMILIES[family]), &tcp, STATES[state]);
        let mut packet = testing::tcp(&client(FAMILIES[family]), &tcp, STATES[state]);
        to_udp(&mut packet).unwrap();
        assert_sound(&packet);
        prop_assert_eq!(packet.offload.checksum, STATES[state]);
        to_tcp(&mut packet).unwrap();
        assert_sound(&packet);
        prop_assert_eq!(packet.bytes(), original.bytes());
        prop_assert_eq!(packet.offload, original.offload);
    }

    #[test]
    fn arbitrary_datagrams_never_panic_and_never_grow(payload in prop::collection::vec(any::<u8>(), 0..200), size in 1_u16..100) {
        let mut sink = Collect::default();
        let mut packet = testing::uso(&hop(Family::V6), &payload, size);
        let _ = to_segments(&mut packet, &mut Clear, &mut sink);
        let total: usize = sink.packets.iter().map(|p| testing::l4(p).len()).sum();
        prop_assert!(total <= payload.len() + 8 * payload.len().div_ceil(usize::from(size)).max(1));
        sink.packets.iter().for_each(assert_sound);
    }
}
