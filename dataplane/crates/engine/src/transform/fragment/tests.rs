use quiver_wire::metadata::Repr;
use quiver_wire::metadata::path::FragmentInfo;
use quiver_wire::offload::Checksum;
use quiver_wire::parse::Parsed;

use super::*;
use crate::transform::metadata;
use crate::transform::testing::{
    self, Collect, FAMILIES, STATES, assert_sound, client, finished, hop, noise,
};

/// Puts IP fragments together by their own fields.
fn reassembled(fragments: &[Packet]) -> Vec<u8> {
    let mut whole = Vec::new();
    for (index, packet) in fragments.iter().enumerate() {
        let parsed = Parsed::parse(packet.bytes()).unwrap();
        let fragment = parsed.fragment.unwrap();
        assert_eq!(usize::from(fragment.offset), whole.len());
        assert_eq!(fragment.more, index + 1 < fragments.len());
        assert_eq!(fragment.id & 0xffff, 0x5678);
        whole.extend_from_slice(&packet.bytes()[parsed.transport_at..parsed.total_len]);
    }
    whole
}

#[test]
fn fragments_fit_the_mtu_and_make_up_the_packet_with_a_finished_checksum() {
    for family in FAMILIES {
        for state in STATES {
            let mut packet = testing::udp(&client(family), &noise(3001), state);
            if family == Family::V4 {
                packet.bytes_mut()[6] = 0;
                layout::finish_ip(packet.bytes_mut(), UDP);
            }
            let expected = finished(&packet)[usize::from(family.header_len())..].to_vec();
            let mut sink = Collect::default();
            let count = cut_ip(&mut packet, 1400, 0x1234_5678, &mut sink).unwrap();
            assert_eq!((count, sink.packets.len()), (3, 3));
            assert!(sink.packets.iter().all(|fragment| fragment.len() <= 1400));
            assert_eq!(reassembled(&sink.packets), expected);
        }
    }
}

#[test]
fn ipv4_packet_with_df_is_not_cut() {
    let mut packet = testing::udp(&client(Family::V4), &noise(3000), Checksum::Complete);
    assert_eq!(cut_ip(&mut packet, 1400, 1, &mut Collect::default()), Err(Refusal::DontFragment));
}

#[test]
fn packet_that_fits_comes_out_as_it_is() {
    let mut packet = testing::udp(&client(Family::V6), &noise(100), Checksum::Partial);
    let expected = finished(&packet);
    let mut sink = Collect::default();
    assert_eq!(cut_ip(&mut packet, 1400, 1, &mut sink), Ok(1));
    assert_eq!(sink.packets[0].bytes(), expected);
}

#[test]
fn superpackets_are_to_be_split_and_not_cut() {
    let mut packet = testing::uso(&client(Family::V6), &noise(3000), 1000);
    assert_eq!(cut_ip(&mut packet, 1400, 1, &mut Collect::default()), Err(Refusal::Superpacket));
}

#[test]
fn pieces_are_multiples_of_eight_and_cover_the_payload() {
    let all: Vec<_> = pieces(3001, 1007).unwrap().collect();
    let expected =
        [(0..1000, 0, true), (1000..2000, 1000, true), (2000..3000, 2000, true), (3000..3001, 3000, false)];
    assert_eq!(all.len(), expected.len());
    for (piece, (range, offset, more)) in all.iter().zip(expected) {
        assert_eq!((piece.range.clone(), piece.offset, piece.more), (range, offset, more));
    }
    assert!(pieces(100, 7).is_err());
}

#[test]
fn hop_pieces_with_their_metadata_fit_the_path() {
    for family in FAMILIES {
        let payload = noise(2900);
        let packet = testing::udp(&hop(family), &payload, Checksum::Partial);
        let block = [0x11; 90];
        let mut whole = Vec::new();
        for piece in hop_pieces(&packet, 1500, block.len()).unwrap() {
            let mut out = Packet::from_bytes(&[0xee; 3000]);
            put_hop_piece(&packet, &piece, &mut out).unwrap();
            metadata::insert(&mut out, &block).unwrap();
            assert!(out.len() <= 1500);
            assert_sound(&out);
            let l4 = testing::l4(&out);
            assert_eq!(l4[..4], testing::l4(&packet)[..4]);
            whole.extend_from_slice(&l4[8 + block.len()..]);
        }
        assert_eq!(whole, payload);
    }
}

#[test]
fn piece_is_described_by_tlv_one() {
    let piece = pieces(3000, 1000).unwrap().nth(1).unwrap();
    let mut value = [0; 10];
    piece.info(0x0102_0304, 0x1234, 1028).emit(&mut value).unwrap();
    assert_eq!(value, [1, 2, 3, 4, 0x12, 0x34, 0x20, 125, 4, 4]);
    assert_eq!(FragmentInfo::parse(&value).unwrap().offset, 1000);
}
