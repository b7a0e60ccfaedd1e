use super::*;
use crate::transform::testing::{
    self, FAMILIES, STATES, Tcp, assert_sound, client, echo, finished, hop, word,
};
use quiver_wire::bytes::{put_u8, put_u16};

fn rewritten(mut packet: Packet, tuple: &Tuple) -> Packet {
    rewrite_tuple(&mut packet, tuple, Ttl::Keep).unwrap();
    packet
}

#[test]
fn tcp_between_all_families_equals_a_packet_made_for_the_new_tuple() {
    for from in FAMILIES {
        for to in FAMILIES {
            for state in STATES {
                let packet = rewritten(testing::tcp(&client(from), &Tcp::default(), state), &hop(to));
                let mut expected = testing::tcp(&hop(to), &Tcp::default(), state);
                if (from, to) == (Family::V6, Family::V4) {
                    // Made anew: identification 0.
                    expected.bytes_mut()[4..6].fill(0);
                    layout::finish_ip(expected.bytes_mut(), TCP);
                }
                assert_eq!(packet.bytes(), expected.bytes(), "{from:?} {to:?} {state:?}");
                assert_eq!(packet.offload.checksum, state);
                assert_sound(&packet);
            }
        }
    }
}

#[test]
fn udp_without_a_checksum_stays_without_one_in_ipv4() {
    let mut packet = testing::udp(&client(Family::V4), b"x", Checksum::Complete);
    put_u16(packet.bytes_mut(), 26, 0);
    let packet = rewritten(packet, &hop(Family::V4));
    assert_eq!(word(packet.bytes(), 26), 0);
    assert_eq!(packet.offload.checksum, Checksum::Complete);
}

#[test]
fn udp_without_a_checksum_gets_one_on_the_way_to_ipv6() {
    let mut packet = testing::udp(&client(Family::V4), b"xyz", Checksum::Complete);
    put_u16(packet.bytes_mut(), 26, 0);
    let packet = rewritten(packet, &hop(Family::V6));
    assert_eq!(packet.offload.checksum, Checksum::Partial);
    assert_eq!(
        finished(&packet)[40..],
        *testing::l4(&testing::udp(&hop(Family::V6), b"xyz", Checksum::Complete))
    );
}

#[test]
fn udp_checksum_that_comes_out_as_zero_is_written_as_all_ones() {
    for word in 0..=u16::MAX {
        let packet = testing::udp(&client(Family::V4), &word.to_be_bytes(), Checksum::Complete);
        let packet = rewritten(packet, &hop(Family::V4));
        assert_sound(&packet);
    }
}

#[test]
fn wrong_checksum_is_still_wrong_behind_the_rewrite() {
    let mut packet = testing::tcp(&client(Family::V4), &Tcp::default(), Checksum::Complete);
    packet.bytes_mut()[50] ^= 1;
    let packet = rewritten(packet, &hop(Family::V6));
    let layout = Layout::of(packet.bytes()).unwrap();
    assert_eq!(checksum::verify(&packet, &layout), Err(Refusal::Checksum));
}

#[test]
fn superpacket_keeps_its_segmentation_across_families() {
    let packet = testing::tso(&client(Family::V6), &Tcp::carrying(testing::noise(60_000)), 1400);
    let offload = packet.offload;
    let packet = rewritten(packet, &hop(Family::V4));
    assert_eq!(packet.offload, offload);
    assert_sound(&packet);
}

#[test]
fn packet_that_no_longer_fits_the_larger_header_is_refused() {
    let mut packet = testing::tso(&client(Family::V4), &Tcp::carrying(testing::noise(65_480)), 1400);
    let before = packet.bytes().to_vec();
    assert_eq!(rewrite_tuple(&mut packet, &hop(Family::V6), Ttl::Keep), Err(Refusal::TooLong));
    assert_eq!(packet.bytes(), before);
}

#[test]
fn echo_gets_identifier_and_type_of_the_new_family() {
    for from in FAMILIES {
        for to in FAMILIES {
            for is_request in [true, false] {
                let mut tuple = hop(to);
                (tuple.sport, tuple.dport) = (77, 77);
                let packet = rewritten(echo(&client(from), is_request, b"ping"), &tuple);
                assert_eq!(testing::l4(&packet), testing::l4(&echo(&tuple, is_request, b"ping")));
                assert_sound(&packet);
            }
        }
    }
}

#[test]
fn icmp_other_than_echo_is_refused() {
    let mut packet =
        testing::packet(&client(Family::V4), ICMP, &[3, 1, 0, 0, 0, 0, 0, 0], Checksum::Complete);
    assert_eq!(rewrite_tuple(&mut packet, &hop(Family::V4), Ttl::Keep), Err(Refusal::Protocol));
}

#[test]
fn protocol_without_ports_gets_addresses_only() {
    let packet =
        rewritten(testing::packet(&client(Family::V4), 47, b"gre...", Checksum::Complete), &hop(Family::V6));
    assert_eq!(testing::l4(&packet), b"gre...");
    assert_eq!(testing::protocol(&packet), 47);
    assert_sound(&packet);
}

#[test]
fn last_hop_of_the_ttl_is_refused_and_others_count_down() {
    for family in FAMILIES {
        let mut packet = testing::tcp(&client(family), &Tcp::default(), Checksum::Complete);
        rewrite_tuple(&mut packet, &hop(family), Ttl::Decrement).unwrap();
        assert_eq!(hop_limit(packet.bytes(), family), 62);
        assert_sound(&packet);
        put_u8(packet.bytes_mut(), hop_limit_at(family), 1);
        layout::finish_ip(packet.bytes_mut(), TCP);
        assert_eq!(rewrite_tuple(&mut packet, &hop(family), Ttl::Decrement), Err(Refusal::TtlExpired));
    }
}

#[test]
fn ipv4_options_are_dropped_and_source_routes_refused() {
    let with_options = |options: [u8; 4]| {
        let plain = testing::tcp(&client(Family::V4), &Tcp::default(), Checksum::Complete);
        let mut bytes = plain.bytes()[..20].to_vec();
        bytes.extend(options);
        bytes.extend(&plain.bytes()[20..]);
        bytes[0] = 0x46;
        let len = bytes.len() as u16;
        bytes[2..4].copy_from_slice(&len.to_be_bytes());
        Packet::from_bytes(&bytes)
    };
    let packet = rewritten(with_options([148, 4, 0, 0]), &hop(Family::V4));
    assert_eq!(packet.bytes(), testing::tcp(&hop(Family::V4), &Tcp::default(), Checksum::Complete).bytes());
    for option in [131, 137] {
        let mut routed = with_options([option, 3, 4, 0]);
        assert_eq!(rewrite_tuple(&mut routed, &hop(Family::V4), Ttl::Keep), Err(Refusal::SourceRoute));
    }
}

#[test]
fn fragments_and_extension_headers_are_refused_by_name() {
    let mut fragment = testing::tcp(&client(Family::V4), &Tcp::default(), Checksum::Complete);
    put_u8(fragment.bytes_mut(), 6, 0x20);
    assert_eq!(rewrite_tuple(&mut fragment, &hop(Family::V4), Ttl::Keep), Err(Refusal::Fragment));
    for (next, refusal) in
        [(44, Refusal::Fragment), (0, Refusal::ExtensionHeader), (60, Refusal::ExtensionHeader)]
    {
        let mut packet =
            testing::packet(&client(Family::V6), next, &[6, 0, 0, 0, 0, 0, 0, 0], Checksum::Complete);
        assert_eq!(rewrite_tuple(&mut packet, &hop(Family::V6), Ttl::Keep), Err(refusal));
    }
}

#[test]
fn truncated_packets_are_refused_at_every_length() {
    for family in FAMILIES {
        let whole = testing::tcp(&client(family), &Tcp::default(), Checksum::Complete);
        for len in 0..whole.len() {
            let mut packet = Packet::from_bytes(&whole.bytes()[..len]);
            assert_eq!(rewrite_tuple(&mut packet, &hop(family), Ttl::Keep), Err(Refusal::Malformed), "{len}");
        }
    }
}

#[test]
fn tuple_of_two_families_is_refused() {
    let mut packet = testing::tcp(&client(Family::V4), &Tcp::default(), Checksum::Complete);
    let mixed = Tuple { dst: hop(Family::V6).dst, ..hop(Family::V4) };
    assert_eq!(rewrite_tuple(&mut packet, &mixed, Ttl::Keep), Err(Refusal::Family));
}
