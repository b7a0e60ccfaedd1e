use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::testing::{self, FAMILIES, Tcp, assert_sound, client, noise};

fn reset_to(tcp: &Tcp) -> (u32, u32, u8) {
    let mut out = Packet::allocate();
    answer(&testing::tcp(&client(Family::V4), tcp, Checksum::Complete), &mut out).unwrap();
    let l4 = testing::l4(&out);
    let at = |at: usize| u32::from_be_bytes(l4[at..at + 4].try_into().unwrap());
    (at(4), at(8), l4[13])
}

#[test]
fn answer_comes_from_the_dialled_address_with_a_right_checksum() {
    for family in FAMILIES {
        let mut out = Packet::from_bytes(&[0xee; 2000]);
        let packet = testing::tcp(&client(family), &Tcp { flags: 0x02, ..Tcp::default() }, Checksum::Partial);
        answer(&packet, &mut out).unwrap();
        assert_sound(&out);
        assert_eq!(out.len(), usize::from(family.header_len()) + 20);
        assert_eq!(testing::l4(&out)[..4], [0x15, 0x38, 0x9c, 0x40]);
        let view = quiver_wire::ip::Packet::new_checked(out.bytes()).unwrap();
        assert_eq!((view.src(), view.dst()), (client(family).dst, client(family).src));
    }
}

#[test]
fn segment_with_ack_is_answered_at_its_acknowledgement() {
    assert_eq!(reset_to(&Tcp { flags: 0x18, ..Tcp::default() }), (0x0506_0708, 0, 0x04));
}

#[test]
fn segment_without_ack_is_answered_behind_its_end() {
    let syn = Tcp { flags: 0x02, payload: vec![], ..Tcp::default() };
    assert_eq!(reset_to(&syn), (0, 0xfffe_0103, 0x14));
    let data_and_fin = Tcp { flags: 0x01, ..Tcp::carrying(noise(1000)) };
    assert_eq!(reset_to(&data_and_fin), (0, 0xfffe_0102 + 1001, 0x14));
}

#[test]
fn superpacket_is_answered_behind_its_whole_length() {
    let mut out = Packet::allocate();
    let tcp = Tcp { flags: 0, seq: u32::MAX, ..Tcp::carrying(noise(5000)) };
    answer(&testing::tso(&client(Family::V4), &tcp, 1000), &mut out).unwrap();
    assert_eq!(testing::l4(&out)[8..12], 4999_u32.to_be_bytes());
}

#[test]
fn resets_and_multicast_are_not_answered() {
    let mut out = Packet::allocate();
    let reset = testing::tcp(&client(Family::V4), &Tcp { flags: 0x14, ..Tcp::default() }, Checksum::Complete);
    assert_eq!(answer(&reset, &mut out), Err(Refusal::NotAnswerable));
    let group = testing::tuple("10.0.0.1", "224.0.0.5", 1, 2);
    let multicast = testing::tcp(&group, &Tcp::default(), Checksum::Complete);
    assert_eq!(answer(&multicast, &mut out), Err(Refusal::NotAnswerable));
}

#[test]
fn reset_at_a_known_place_says_only_that() {
    for family in FAMILIES {
        let mut out = Packet::allocate();
        at(&client(family), 77, &mut out).unwrap();
        assert_sound(&out);
        let l4 = testing::l4(&out);
        assert_eq!(l4[4..14], [0, 0, 0, 77, 0, 0, 0, 0, 0x50, 0x04]);
    }
}

#[test]
fn refusal_of_a_syn_acknowledges_it() {
    for family in FAMILIES {
        let mut out = Packet::allocate();
        refuse(&client(family), 78, &mut out).unwrap();
        assert_sound(&out);
        assert_eq!(testing::l4(&out)[4..14], [0, 0, 0, 0, 0, 0, 0, 78, 0x50, 0x14]);
    }
}
