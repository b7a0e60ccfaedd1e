use proptest::prelude::*;
use quiver_crypto::{AeadKey, CounterNonce, PayloadReplayWindow};
use quiver_wire::icmp::Repr;
use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::testing::{Collect, FAMILIES, STATES, client, hop, ip_header};
use super::*;
use crate::transform::icmp_error::Translation;
use crate::transform::rewrite::Ttl;
use crate::transform::seal::{Opener, Sealer};
use crate::transform::shield::Clear;

/// Bytes behind a right IP header, or bytes that are no packet at all, with any offload state.
fn any_packet() -> impl Strategy<Value = (Vec<u8>, Offload)> {
    let l4 = prop::collection::vec(any::<u8>(), 0..200);
    let protocol = prop_oneof![Just(6), Just(17), Just(1), Just(58), any::<u8>()];
    let segmentation = prop_oneof![
        Just(Segmentation::None),
        (0_u16..150).prop_map(|size| Segmentation::Tcp { size }),
        (0_u16..150).prop_map(|size| Segmentation::Udp { size }),
    ];
    (l4, protocol, 0_usize..3, segmentation, 0_usize..3, any::<bool>()).prop_map(
        |(mut l4, protocol, family, segmentation, state, is_shaped)| {
            if is_shaped {
                shape(&mut l4, protocol);
            }
            let bytes = match FAMILIES.get(family) {
                Some(family) => [ip_header(&client(*family), protocol, l4.len()), l4].concat(),
                None => l4,
            };
            (bytes, Offload { segmentation, checksum: STATES[state] })
        },
    )
}

/// Makes lengths and types plausible, so that the deeper code is reached.
fn shape(l4: &mut [u8], protocol: u8) {
    let len = l4.len() as u16;
    match (protocol, l4) {
        (17, [_, _, _, _, high, low, _, _, rest @ ..]) => {
            [*high, *low] = len.to_be_bytes();
            if let Some(offset) = rest.get_mut(4) {
                *offset = 0x50 | *offset & 0x2f;
            }
        }
        (6, l4) if len >= 20 => l4[12] = 0x50 | l4[12] & 0x0f,
        (1, [kind, code, ..]) => (*kind, *code) = (*kind % 13, 0),
        (58, [kind, code, ..]) => (*kind, *code) = (*kind % 5, 0),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_transform_panics_or_makes_an_overlong_packet((bytes, offload) in any_packet(), to in 0..2_usize) {
        let make = || {
            let mut packet = Packet::from_bytes(&bytes);
            packet.offload = offload;
            packet
        };
        let tuple = hop(FAMILIES[to]);
        let key = AeadKey::new(&[1; 32]).unwrap();
        let (mut nonces, mut seen) = (CounterNonce::new(1), PayloadReplayWindow::new());
        let session = [2; 16];
        let mut sink = Collect::default();
        let mut out = Packet::allocate();

        let in_place: [&mut dyn FnMut(&mut Packet) -> bool; 14] = [
            &mut |p| rewrite::rewrite_tuple(p, &tuple, Ttl::Decrement).is_ok(),
            &mut |p| encapsulate::insert(p, &tuple, Ttl::Keep).is_ok(),
            &mut |p| encapsulate::remove(p, &tuple, 1, Ttl::Keep).is_ok(),
            &mut |p| encapsulate::remove(p, &tuple, 47, Ttl::Keep).is_ok(),
            &mut |p| tcp_udp::to_udp(p).is_ok(),
            &mut |p| tcp_udp::to_tcp(p).is_ok(),
            &mut |p| mss::clamp(p, 1000).is_ok(),
            &mut |p| metadata::insert(p, &[7; 33]).is_ok(),
            &mut |p| metadata::strip_behind(p, 16).is_ok(),
            &mut |p| metadata::find(p).is_ok(),
            &mut |p| shield::protect(p, &mut Sealer { key: &key, nonces: &mut nonces, session: &session }).is_ok(),
            &mut |p| shield::unprotect(p, &mut Opener { key: &key, serial: 1, seen: &mut seen, session: &session }).is_ok(),
            &mut |p| shield::unprotect(p, &mut Clear).is_ok(),
            &mut |p| icmp_error::quote(p).is_ok(),
        ];
        for transform in in_place {
            let mut packet = make();
            if transform(&mut packet) {
                prop_assert!(packet.len() <= crate::packet::MAX_PACKET);
            }
        }
        let to = Translation { src: tuple.src, dst: tuple.dst, quoted: tuple };
        let _ = icmp_error::translate(&mut make(), &to);
        let _ = tcp_udp::to_datagrams(&mut make(), &mut Clear, &mut sink);
        let _ = tcp_udp::to_segments(&mut make(), &mut Clear, &mut sink);
        let _ = shield::protect_segments(&mut make(), &mut Clear, &mut sink);
        let _ = segments::split(&mut make(), &mut sink);
        let _ = fragment::cut_ip(&mut make(), 68, 9, &mut sink);
        let _ = reset::answer(&make(), &mut out);
        let _ = icmp_reply::build(&make(), Repr::Prohibited, tuple.src, &mut out);
        for packet in &sink.packets {
            prop_assert!(packet.len() <= crate::packet::MAX_PACKET);
            prop_assert!(packet.offload.checksum != Checksum::Verified || bytes.len() == packet.len());
        }
    }
}
