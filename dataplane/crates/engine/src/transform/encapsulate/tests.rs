use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::testing::{self, FAMILIES, assert_sound, client, echo, finished, hop};

#[test]
fn echo_crosses_every_hop_family_and_comes_out_in_every_client_family() {
    for inner in FAMILIES {
        for outer in FAMILIES {
            for far in FAMILIES {
                for is_request in [true, false] {
                    let mut packet = echo(&client(inner), is_request, b"some data");
                    let original = testing::l4(&packet).to_vec();
                    let protocol = insert(&mut packet, &hop(outer), Ttl::Keep).unwrap();
                    assert_eq!(testing::l4(&packet)[8..], original);
                    assert_eq!(testing::protocol(&packet), UDP);
                    assert_sound(&packet);
                    let mut tuple = client(far);
                    (tuple.sport, tuple.dport) = (9, 9);
                    remove(&mut packet, &tuple, protocol, Ttl::Keep).unwrap();
                    assert_eq!(
                        finished(&packet)[usize::from(far.header_len())..],
                        *testing::l4(&echo(&tuple, is_request, b"some data"))
                    );
                    assert_eq!(packet.bytes()[if far == Family::V4 { 8 } else { 7 }], 63);
                }
            }
        }
    }
}

#[test]
fn protocol_without_ports_comes_out_unchanged() {
    for family in FAMILIES {
        let mut packet = testing::packet(&client(Family::V4), 47, b"any bytes at all", Checksum::Complete);
        assert_eq!(insert(&mut packet, &hop(family), Ttl::Keep), Ok(47));
        let expected = testing::udp(&hop(family), b"any bytes at all", Checksum::Partial);
        assert_eq!(testing::l4(&packet), testing::l4(&expected));
        remove(&mut packet, &client(Family::V6), 47, Ttl::Keep).unwrap();
        assert_eq!(testing::l4(&packet), b"any bytes at all");
        assert_eq!(testing::protocol(&packet), 47);
        assert_sound(&packet);
    }
}

#[test]
fn damaged_echo_is_not_made_whole_by_the_way() {
    let mut packet = echo(&client(Family::V6), true, b"some data");
    let last = packet.len() - 1;
    packet.bytes_mut()[last] ^= 0x40;
    assert_eq!(insert(&mut packet, &hop(Family::V4), Ttl::Keep), Err(Refusal::Checksum));
}

#[test]
fn damaged_hop_packet_is_refused_at_the_far_end() {
    let mut packet = testing::udp(
        &hop(Family::V4),
        testing::l4(&echo(&client(Family::V4), true, b"x")),
        Checksum::Complete,
    );
    let last = packet.len() - 1;
    packet.bytes_mut()[last] ^= 0x40;
    assert_eq!(remove(&mut packet, &client(Family::V4), ICMP, Ttl::Keep), Err(Refusal::Checksum));
}

#[test]
fn tcp_and_udp_need_no_header_and_are_refused() {
    let mut packet = testing::udp(&client(Family::V4), b"x", Checksum::Complete);
    assert_eq!(insert(&mut packet, &hop(Family::V4), Ttl::Keep), Err(Refusal::Protocol));
    assert_eq!(remove(&mut packet, &client(Family::V4), TCP, Ttl::Keep), Err(Refusal::Protocol));
}

#[test]
fn only_echo_is_taken_out_of_an_inserted_header() {
    let mut packet = testing::udp(&hop(Family::V4), &[3, 1, 0, 0, 0, 0, 0, 0], Checksum::Complete);
    assert_eq!(remove(&mut packet, &client(Family::V4), ICMP, Ttl::Keep), Err(Refusal::Protocol));
    let mut short = testing::udp(&hop(Family::V4), &[8, 0, 0], Checksum::Complete);
    assert_eq!(remove(&mut short, &client(Family::V4), ICMP, Ttl::Keep), Err(Refusal::Malformed));
}
