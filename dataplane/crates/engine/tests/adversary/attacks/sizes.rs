//! Sizes that no path seems to fit: what an ICMP error has narrowed, and what segmentation offload has joined.

use core::net::SocketAddr;

use quiver_wire::Parsed;
use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::{A, B, attack, near, world};
use crate::exercise::conversation::{self, Call};
use crate::exercise::craft;
use crate::exercise::world::{CLEAR, SEALED, SIGNED, World};

/// Payloads that the server got since.
fn served(world: &World, since: usize) -> Vec<Vec<u8>> {
    let out = world.lan[since..].iter().filter(|(router, _)| *router == B);
    let parsed = out.map(|(_, seen)| (Parsed::parse(&seen.bytes).unwrap(), seen));
    let datagrams = parsed.filter(|(parsed, _)| parsed.protocol == 17);
    datagrams.map(|(parsed, seen)| parsed.payload(&seen.bytes).to_vec()).collect()
}

#[test]
fn ipv6_clients_may_send_1280_bytes_over_however_narrow_a_path() {
    for protection in [CLEAR, SEALED, SIGNED] {
        let mut world = world();
        let call = Call { is_ipv4: false, ..near(protection, 40_000) };
        conversation::udp(&mut world, call);
        let error = craft::too_big("203.0.113.1".parse().unwrap(), &world.wire[0].bytes.clone(), 68);
        attack(&mut world, A, &error);
        let (from, to) = call.ends();
        let payload = vec![0x31; 1280 - 48];
        let since = world.lan.len();
        world.send(&craft::udp(from, SocketAddr::new(to.ip(), 9000), &payload));
        assert_eq!(served(&world, since), [payload]);
        let answers = world.lan[since..].iter().filter(|(router, _)| *router == A);
        let sizes: Vec<_> = answers.map(|(_, seen)| seen.bytes.len()).collect();
        assert_eq!(sizes, [1280], "the echo comes back, and no error");
        assert!(world.wire.iter().rev().take(6).all(|seen| seen.bytes.len() <= 1500));
    }
}

#[test]
fn no_ipv6_client_is_told_of_less_than_1280_bytes() {
    let mut world = world();
    let call = Call { is_ipv4: false, ..near(SEALED, 40_000) };
    conversation::udp(&mut world, call);
    let error = craft::too_big("203.0.113.1".parse().unwrap(), &world.wire[0].bytes.clone(), 68);
    attack(&mut world, A, &error);
    let (from, to) = call.ends();
    let since = world.lan.len();
    world.send(&craft::udp(from, SocketAddr::new(to.ip(), 9000), &[0x31; 1400]));
    let (_, told) = &world.lan[since];
    assert_eq!((told.bytes[6], told.bytes[40]), (58, 2), "packet too big");
    assert_eq!(told.bytes[44..48], 1280_u32.to_be_bytes());
}

#[test]
fn joined_datagrams_that_outgrow_the_path_are_told_apart() {
    for (protection, size) in [(SEALED, 1_472), (SIGNED, 1_472), (SEALED, 1_200)] {
        let mut world = world();
        conversation::udp(&mut world, near(protection, 40_000));
        let (from, to) = near(protection, 40_000).ends();
        let payload = vec![0x32; size * 3 + 10];
        let mut bytes = craft::udp(from, SocketAddr::new(to.ip(), 9000), &payload);
        bytes[6] = 0;
        let mut bytes = craft::finished(bytes);
        let parsed = Parsed::parse(&bytes).unwrap();
        quiver_wire::checksum::begin(&mut bytes, &parsed).unwrap();
        let offload =
            Offload { segmentation: Segmentation::Udp { size: size as u16 }, checksum: Checksum::Partial };
        let (wire, since) = (world.wire.len(), world.lan.len());
        world.local(A, &bytes, offload);
        world.pump();
        let served = served(&world, since);
        assert_eq!(served.concat(), payload, "{protection} {size}");
        for seen in &world.wire[wire..] {
            let longest = match seen.offload.segmentation {
                Segmentation::None => seen.bytes.len(),
                Segmentation::Udp { size } | Segmentation::Tcp { size } => 28 + usize::from(size),
            };
            assert!(longest <= 1500, "{longest} bytes do not fit");
        }
    }
}

#[test]
fn superpacket_of_one_datagram_or_none_is_a_single_packet() {
    for payload in [0, 1, 500] {
        let mut world = world();
        conversation::udp(&mut world, near(SEALED, 40_000));
        let (from, to) = near(SEALED, 40_000).ends();
        let bytes = craft::udp(from, SocketAddr::new(to.ip(), 9000), &vec![0x33; payload]);
        let offload = Offload { segmentation: Segmentation::Udp { size: 500 }, checksum: Checksum::Complete };
        let since = world.lan.len();
        world.local(A, &bytes, offload);
        world.pump();
        assert_eq!(served(&world, since), [vec![0x33; payload]]);
    }
}
