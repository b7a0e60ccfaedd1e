use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::testing::{self, FAMILIES, STATES, Tcp, assert_sound, client, word};

fn syn(options: &[u8]) -> Tcp {
    Tcp { flags: 0x02, options: options.to_vec(), payload: vec![], ..Tcp::default() }
}

#[test]
fn larger_mss_of_a_syn_is_lowered_at_even_and_odd_offsets() {
    for family in FAMILIES {
        for state in STATES {
            for (options, at) in [(&[2, 4, 5, 0xb4][..], 22), (&[1, 2, 4, 5, 0xb4, 1, 1, 1], 23)] {
                let mut packet = testing::tcp(&client(family), &syn(options), state);
                assert_eq!(clamp(&mut packet, 1236), Ok(true));
                assert_eq!(word(testing::l4(&packet), at), 1236);
                assert_eq!(packet.offload.checksum, state);
                assert_sound(&packet);
            }
        }
    }
}

#[test]
fn smaller_mss_and_packets_without_syn_stay_as_they_are() {
    let with = |tcp: Tcp| testing::tcp(&client(FAMILIES[0]), &tcp, Checksum::Complete);
    let option = [2, 4, 5, 0xb4];
    for tcp in [
        Tcp { options: option.to_vec(), ..Tcp::default() },
        syn(&[2, 4, 4, 0]),
        syn(&[]),
        syn(&[2, 9, 5, 0xb4]),
    ] {
        let mut packet = with(tcp.clone());
        assert_eq!(clamp(&mut packet, 1236), Ok(false), "{tcp:?}");
        assert_eq!(packet.bytes(), with(tcp).bytes());
    }
}

#[test]
fn udp_has_no_segment_size() {
    let mut packet = testing::udp(&client(FAMILIES[0]), b"x", Checksum::Complete);
    assert_eq!(clamp(&mut packet, 1236), Err(Refusal::Protocol));
}
