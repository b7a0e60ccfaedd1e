use quiver_wire::bytes::put_u16;
use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::testing::{self, FAMILIES, Tcp, assert_sound, client, noise, tuple};

fn answer(packet: &Packet, message: Repr) -> Result<Packet, Refusal> {
    let parsed = Parsed::parse(packet.bytes()).unwrap();
    let mut out = Packet::from_bytes(&[0xee; 3000]);
    build(packet, message, parsed.dst, &mut out).map(|()| out)
}

#[test]
fn too_big_tells_the_mtu_and_quotes_the_packet() {
    for (family, head) in [(Family::V4, [3, 4]), (Family::V6, [2, 0])] {
        let packet = testing::udp(&client(family), &noise(200), Checksum::Complete);
        let out = answer(&packet, Repr::TooBig { mtu: 1400 }).unwrap();
        assert_sound(&out);
        assert_eq!(testing::l4(&out)[..2], head);
        assert_eq!(testing::l4(&out)[6..8], 1400_u16.to_be_bytes());
        assert_eq!(testing::l4(&out)[8..], *packet.bytes());
    }
}

#[test]
fn every_message_has_the_codes_of_its_family() {
    let expected = [
        (Repr::Prohibited, [3, 13], [1, 1]),
        (Repr::PortUnreachable, [3, 3], [1, 4]),
        (Repr::TimeExceeded, [11, 0], [3, 0]),
    ];
    for (message, v4, v6) in expected {
        for (family, head) in [(Family::V4, v4), (Family::V6, v6)] {
            let out = answer(&testing::udp(&client(family), b"x", Checksum::Complete), message).unwrap();
            assert_eq!(testing::l4(&out)[..2], head);
            assert_sound(&out);
        }
    }
}

#[test]
fn long_packets_and_superpackets_are_quoted_up_to_the_limit() {
    for (family, longest) in [(Family::V4, 576), (Family::V6, 1280)] {
        let packet = testing::tso(&client(family), &Tcp::carrying(noise(30_000)), 1400);
        let out = answer(&packet, Repr::Prohibited).unwrap();
        assert_eq!(out.len(), longest);
        assert!(packet.bytes().starts_with(&testing::l4(&out)[8..]));
        assert_sound(&out);
    }
}

#[test]
fn icmp_errors_and_unknown_icmp_are_not_answered() {
    let v4 = testing::packet(&client(Family::V4), ICMP, &[3, 1, 0, 0, 0, 0, 0, 0], Checksum::Complete);
    let v6 = testing::packet(&client(Family::V6), ICMPV6, &[1, 0, 0, 0, 0, 0, 0, 0], Checksum::Complete);
    let other = testing::packet(&client(Family::V4), ICMP, &[13, 0, 0, 0, 0, 0, 0, 0], Checksum::Complete);
    for packet in [v4, v6, other] {
        assert_eq!(answer(&packet, Repr::Prohibited).map(|_| ()), Err(Refusal::NotAnswerable));
    }
    for family in FAMILIES {
        assert!(answer(&testing::echo(&client(family), true, b"x"), Repr::Prohibited).is_ok());
    }
}

#[test]
fn packets_to_or_from_no_single_host_are_not_answered() {
    let pairs = [
        ("10.0.0.1", "224.0.0.1"),
        ("10.0.0.1", "255.255.255.255"),
        ("0.0.0.0", "10.0.0.1"),
        ("127.0.0.1", "10.0.0.1"),
        ("240.0.0.1", "10.0.0.1"),
        ("2001:db8::1", "ff02::1"),
        ("::", "2001:db8::1"),
    ];
    for (src, dst) in pairs {
        let packet = testing::udp(&tuple(src, dst, 1, 2), b"x", Checksum::Complete);
        assert_eq!(answer(&packet, Repr::Prohibited).map(|_| ()), Err(Refusal::NotAnswerable), "{src} {dst}");
    }
}

#[test]
fn only_the_first_fragment_is_answered() {
    let mut packet = testing::udp(&client(Family::V4), &noise(24), Checksum::Complete);
    put_u16(packet.bytes_mut(), 6, 0x2000);
    layout::finish_ip(packet.bytes_mut(), 17);
    assert!(answer(&packet, Repr::Prohibited).is_ok());
    put_u16(packet.bytes_mut(), 6, 0x0001);
    layout::finish_ip(packet.bytes_mut(), 17);
    assert_eq!(answer(&packet, Repr::Prohibited).map(|_| ()), Err(Refusal::NotAnswerable));
}

#[test]
fn errors_go_to_the_worker_that_sent_what_they_are_about() {
    use crate::shard::{flow_of_lan, shard_of_lan, shard_of_port, shard_of_wan};
    for family in FAMILIES {
        for port in (16_384..16_400).step_by(2) {
            let hop = testing::hop(family);
            let sent = testing::udp(
                &tuple(&hop.src.to_string(), &hop.dst.to_string(), port, 17_001),
                b"x",
                Checksum::Complete,
            );
            let error = answer(&sent, Repr::TooBig { mtu: 1400 }).unwrap();
            assert_eq!(shard_of_wan(error.bytes(), 4), shard_of_port(port, 4));

            let own = client(family);
            let delivered = testing::udp(
                &tuple(&own.src.to_string(), &own.dst.to_string(), port, 53),
                b"x",
                Checksum::Complete,
            );
            let reply = testing::udp(
                &tuple(&own.dst.to_string(), &own.src.to_string(), 53, port),
                b"x",
                Checksum::Complete,
            );
            let error = answer(&delivered, Repr::PortUnreachable).unwrap();
            assert_eq!(shard_of_lan(error.bytes(), 4), shard_of_lan(reply.bytes(), 4));
            assert_eq!(flow_of_lan(error.bytes()), flow_of_lan(reply.bytes()));
            assert!(flow_of_lan(reply.bytes()).is_some());
        }
    }
}
