use quiver_wire::icmp::Repr;
use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::rewrite::Ttl;
use crate::transform::testing::{self, FAMILIES, Tcp, assert_sound, client, hop, noise, tuple, word};

/// The error that a router on the way sends about `packet`.
fn error_about(packet: &Packet, message: Repr) -> Packet {
    let router = match Family::of(Parsed::parse(packet.bytes()).unwrap().src) {
        Family::V4 => "203.0.113.9",
        Family::V6 => "2001:db8:99::9",
    };
    let mut out = Packet::allocate();
    icmp_reply::build(packet, message, router.parse().unwrap(), &mut out).unwrap();
    out
}

fn translation(family: Family) -> Translation {
    let quoted = client(family);
    Translation { src: quoted.dst, dst: quoted.src, quoted }
}

#[test]
fn error_about_the_servers_side_speaks_of_the_clients_packet_in_every_family() {
    for from in FAMILIES {
        for to in FAMILIES {
            let original = testing::tcp(&client(to), &Tcp::default(), Checksum::Complete);
            let mut sent = testing::tcp(&client(to), &Tcp::default(), Checksum::Complete);
            rewrite::rewrite_tuple(&mut sent, &hop(from), Ttl::Keep).unwrap();
            let mut packet = error_about(&sent, Repr::PortUnreachable);
            assert_eq!(quote(&packet).unwrap(), Quote { tuple: hop(from), protocol: TCP, mtu: None });
            translate(&mut packet, &translation(to)).unwrap();
            assert_sound(&packet);
            let message = testing::l4(&packet);
            assert_eq!(message[..2], if to == Family::V4 { [3, 3] } else { [1, 4] });
            let quoted = Parsed::parse_quoted(&message[8..]).unwrap();
            assert_eq!(quoted.total_len, original.len());
            assert_eq!(
                message[8 + usize::from(to.header_len())..],
                *testing::l4(&original),
                "{from:?} {to:?}"
            );
            let view = quiver_wire::ip::Packet::new_checked(packet.bytes()).unwrap();
            assert_eq!((view.src(), view.dst()), (client(to).dst, client(to).src));
        }
    }
}

#[test]
fn reported_mtu_is_that_of_the_receivers_side() {
    for (from, to, reported, expected) in [
        (Family::V4, Family::V4, 1400, 1400),
        (Family::V6, Family::V6, 1400, 1400),
        (Family::V4, Family::V6, 1400, 1420),
        (Family::V6, Family::V4, 1400, 1380),
        (Family::V4, Family::V6, 900, 1280),
    ] {
        let mut packet = error_about(
            &testing::udp(&hop(from), &noise(100), Checksum::Complete),
            Repr::TooBig { mtu: reported },
        );
        assert_eq!(quote(&packet).unwrap().mtu, Some(reported));
        translate(&mut packet, &translation(to)).unwrap();
        let message = testing::l4(&packet);
        assert_eq!(message[..2], if to == Family::V4 { [3, 4] } else { [2, 0] });
        assert_eq!(word(message, 6), expected);
        assert_sound(&packet);
    }
}

#[test]
fn quoted_echo_speaks_of_the_clients_echo_in_every_family() {
    for from in FAMILIES {
        for to in FAMILIES {
            let (mut sent, mut ping) = (hop(from), client(to));
            (sent.sport, sent.dport, ping.sport, ping.dport) = (500, 500, 77, 77);
            let mut packet = error_about(&testing::echo(&sent, true, b"data"), Repr::TimeExceeded);
            assert_eq!(quote(&packet).unwrap().tuple, sent);
            translate(&mut packet, &Translation { quoted: ping, ..translation(to) }).unwrap();
            assert_eq!(quote(&packet).unwrap().tuple, ping, "{from:?} {to:?}");
            assert_sound(&packet);
        }
    }
}

#[test]
fn eight_quoted_bytes_are_enough_for_native_packets() {
    let sent = testing::tcp(&hop(Family::V4), &Tcp::default(), Checksum::Complete);
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&sent.bytes()[..28]);
    let router = tuple("203.0.113.9", "192.0.2.1", 0, 0);
    let mut packet = testing::packet(&router, ICMP, &message, Checksum::Complete);
    translate(&mut packet, &translation(Family::V6)).unwrap();
    assert_eq!(packet.len(), 40 + 8 + 40 + 8);
    assert_eq!(quote(&packet).unwrap().tuple, client(Family::V6));
    assert_sound(&packet);
}

#[test]
fn redirects_echo_and_damaged_errors_are_refused() {
    let sent = testing::udp(&hop(Family::V4), b"x", Checksum::Complete);
    let mut redirect = vec![5, 1, 0, 0, 0, 0, 0, 0];
    redirect.extend(sent.bytes());
    let router = tuple("203.0.113.9", "192.0.2.1", 0, 0);
    let mut packet = testing::packet(&router, ICMP, &redirect, Checksum::Complete);
    assert_eq!(translate(&mut packet, &translation(Family::V4)), Err(Refusal::Family));
    assert_eq!(quote(&testing::echo(&hop(Family::V4), true, b"x")), Err(Refusal::Protocol));
    assert_eq!(quote(&sent), Err(Refusal::Protocol));
    let mut damaged = error_about(&sent, Repr::Prohibited);
    let last = damaged.len() - 1;
    damaged.bytes_mut()[last] ^= 1;
    assert_eq!(translate(&mut damaged, &translation(Family::V4)), Err(Refusal::Checksum));
}

#[test]
fn long_quotes_stay_within_the_limit_of_the_new_family() {
    let sent = testing::udp(&hop(Family::V6), &noise(3000), Checksum::Complete);
    let mut packet = error_about(&sent, Repr::Prohibited);
    assert_eq!(packet.len(), 1280);
    translate(&mut packet, &translation(Family::V4)).unwrap();
    assert_eq!(packet.len(), 576);
    assert_sound(&packet);
}
