use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::Family;
use crate::transform::testing::{self, Collect, FAMILIES, Tcp, assert_sound, finished, hop, noise};

#[test]
fn tcp_superpacket_splits_into_its_segments() {
    for family in FAMILIES {
        let whole = Tcp { flags: 0x99, ..Tcp::carrying(noise(2500)) };
        let mut sink = Collect::default();
        assert_eq!(split(&mut testing::tso(&hop(family), &whole, 1000), &mut sink), Ok(3));
        let expected = [(0, 0x90, 0..1000), (1000, 0x10, 1000..2000), (2000, 0x19, 2000..2500)];
        for (packet, (offset, flags, range)) in sink.packets.iter().zip(expected) {
            let seq = whole.seq.wrapping_add(offset);
            let payload = whole.payload[range].to_vec();
            let single = Tcp { seq, flags, payload, ..whole.clone() };
            let single = testing::tcp(&hop(family), &single, Checksum::Complete);
            assert_eq!(finished(packet), single.bytes());
            assert_eq!(packet.offload.segmentation, Segmentation::None);
        }
    }
}

#[test]
fn urgent_pointer_counts_down_from_segment_to_segment() {
    let whole = Tcp { flags: 0x30, urgent: 1500, options: vec![], ..Tcp::carrying(noise(3000)) };
    let mut sink = Collect::default();
    split(&mut testing::tso(&hop(Family::V4), &whole, 1000), &mut sink).unwrap();
    let fields: Vec<_> =
        sink.packets.iter().map(|p| (testing::l4(p)[13], testing::word(testing::l4(p), 18))).collect();
    assert_eq!(fields, [(0x30, 1500), (0x30, 500), (0x10, 0)]);
}

#[test]
fn udp_superpacket_splits_into_its_datagrams() {
    for family in FAMILIES {
        let payload = noise(2500);
        let mut sink = Collect::default();
        assert_eq!(split(&mut testing::uso(&hop(family), &payload, 1000), &mut sink), Ok(3));
        for (packet, datagram) in sink.packets.iter().zip(payload.chunks(1000)) {
            assert_eq!(finished(packet), testing::udp(&hop(family), datagram, Checksum::Complete).bytes());
        }
    }
}

#[test]
fn fragmentable_ipv4_packets_get_identifications_of_their_own() {
    let mut packet = testing::uso(&hop(Family::V4), &noise(300), 100);
    packet.bytes_mut()[6] = 0;
    let mut sink = Collect::default();
    split(&mut packet, &mut sink).unwrap();
    let ids: Vec<_> = sink.packets.iter().map(|p| testing::word(p.bytes(), 4)).collect();
    assert_eq!(ids, [0x1234, 0x1235, 0x1236]);
    sink.packets.iter().for_each(assert_sound);
}

#[test]
fn beginning_is_found_at_segments_and_not_in_between() {
    let mut payload = noise(300);
    payload[100..104].copy_from_slice(b"COOK");
    for family in FAMILIES {
        let at = |size| any_starts_with(&testing::uso(&hop(family), &payload, size), b"COOK");
        assert_eq!((at(100), at(50), at(90)), (Ok(true), Ok(true), Ok(false)));
        let tcp = testing::tso(&hop(family), &Tcp::carrying(payload.clone()), 100);
        assert_eq!(any_starts_with(&tcp, b"COOK"), Ok(true));
    }
}

#[test]
fn single_packet_has_nothing_to_split() {
    let mut packet = testing::udp(&hop(Family::V4), b"x", Checksum::Complete);
    assert_eq!(split(&mut packet, &mut Collect::default()), Err(Refusal::Protocol));
}
