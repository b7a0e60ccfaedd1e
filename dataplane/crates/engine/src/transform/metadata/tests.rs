use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::Family;
use crate::transform::testing::{self, Collect, FAMILIES, STATES, Tcp, assert_sound, finished, hop, noise};

/// Clear-text metadata: header 12 + 8, payload 4 + 2.
const BLOCK: [u8; 26] = [
    0x4c, 0x48, 0xdb, 0xc6, 0xdd, 0xf6, 0x67, 0x0c, 0x10, 20, 0, 6, 0, 16, 0, 4, 0, 0, 0, 1, 0, 10, 0, 2,
    b'd', b'b',
];

fn packets() -> Vec<Packet> {
    let mut packets = Vec::new();
    for family in FAMILIES {
        for state in STATES {
            packets.push(testing::udp(&hop(family), b"hello", state));
            packets.push(testing::tcp(&hop(family), &Tcp::default(), state));
        }
    }
    packets
}

#[test]
fn block_stands_behind_the_l4_header_and_comes_off_again() {
    for mut packet in packets() {
        let original = finished(&packet);
        let header = original.len() - b"hello".len();
        insert(&mut packet, &BLOCK).unwrap();
        assert_sound(&packet);
        assert_eq!(packet.bytes()[header..header + 26], BLOCK);
        assert_eq!(packet.bytes()[header + 26..], *b"hello");
        let block = find(&packet).unwrap().unwrap();
        assert_eq!(block, header..header + 26);
        strip(&mut packet, block).unwrap();
        assert_eq!(finished(&packet), original);
        assert_eq!(find(&packet), Ok(None));
    }
}

#[test]
fn signature_behind_the_payload_comes_off_again() {
    for mut packet in packets() {
        let original = finished(&packet);
        let room = append_room(&mut packet, 16).unwrap();
        assert_eq!(room, original.len()..original.len() + 16);
        packet.bytes_mut()[room].fill(0xaa);
        assert_sound(&packet);
        strip_behind(&mut packet, 16).unwrap();
        assert_eq!(finished(&packet), original);
        assert_eq!(strip_behind(&mut packet, 6), Err(Refusal::Malformed));
    }
}

#[test]
fn odd_blocks_keep_the_checksum_right() {
    for mut packet in packets() {
        insert(&mut packet, &BLOCK[..25]).unwrap();
        assert_sound(&packet);
    }
}

#[test]
fn lengths_beyond_the_packet_are_refused() {
    for (at, value) in [(9, 11), (11, 255), (8, 0x1f)] {
        let mut block = BLOCK;
        block[at] = value;
        let packet = testing::udp(&hop(Family::V4), &block, Checksum::Complete);
        assert_eq!(find(&packet), Err(Refusal::Malformed), "byte {at}");
    }
    for len in 8..BLOCK.len() {
        let packet = testing::udp(&hop(Family::V6), &BLOCK[..len], Checksum::Complete);
        assert_eq!(find(&packet), Err(Refusal::Malformed), "{len} bytes");
    }
}

#[test]
fn superpackets_are_refused_and_their_metadata_is_still_seen() {
    let mut payload = noise(300);
    payload[100..126].copy_from_slice(&BLOCK);
    let mut packet = testing::uso(&hop(Family::V4), &payload, 100);
    assert_eq!(is_present(&packet), Ok(true));
    assert_eq!(find(&packet), Err(Refusal::Superpacket));
    assert_eq!(insert(&mut packet, &BLOCK), Err(Refusal::Superpacket));
    assert_eq!(append_room(&mut packet, 16), Err(Refusal::Superpacket));
    let mut singles = Collect::default();
    segments::split(&mut packet, &mut singles).unwrap();
    let found: Vec<_> = singles.packets.iter().map(|packet| find(packet).unwrap()).collect();
    assert_eq!(found, [None, Some(28..54), None]);
}

#[test]
fn wrong_checksum_is_refused_before_it_is_made_right() {
    let mut packet = testing::tcp(&hop(Family::V4), &Tcp::default(), Checksum::Complete);
    let last = packet.len() - 1;
    packet.bytes_mut()[last] ^= 1;
    assert_eq!(insert(&mut packet, &BLOCK), Err(Refusal::Checksum));
}

#[test]
fn block_of_another_place_is_not_taken_out() {
    let mut packet = testing::udp(&hop(Family::V4), &BLOCK, Checksum::Complete);
    assert_eq!(strip(&mut packet, 0..26), Err(Refusal::Malformed));
    assert_eq!(strip(&mut packet, 28..55), Err(Refusal::Malformed));
}

#[test]
fn payload_that_looks_like_metadata_is_marked() {
    let mut payload = BLOCK.to_vec();
    payload.extend(b"of a client");
    let mut packet = testing::udp(&hop(Family::V4), &payload, Checksum::Complete);
    assert_eq!(mark(&mut packet), Ok(true));
    assert_eq!(find(&packet), Ok(Some(28..40)));
    strip(&mut packet, 28..40).unwrap();
    assert_eq!(testing::l4(&packet)[8..], payload);
    let mut other = testing::udp(&hop(Family::V4), b"hello", Checksum::Complete);
    assert_eq!(mark(&mut other), Ok(false));
    assert_eq!(testing::l4(&other)[8..], *b"hello");
}

#[test]
fn packet_with_neither_tcp_nor_udp_has_no_place_for_metadata() {
    let mut packet = testing::echo(&hop(Family::V6), true, b"x");
    assert_eq!(insert(&mut packet, &BLOCK), Err(Refusal::Protocol));
}

#[test]
fn packet_grown_past_the_longest_is_refused() {
    let mut packet = testing::udp(&hop(Family::V4), &noise(65_500), Checksum::Partial);
    assert_eq!(insert(&mut packet, &BLOCK), Err(Refusal::TooLong));
}
