use quiver_crypto::{AeadKey, CounterNonce, Direction, HmacKey, PayloadReplayWindow, TimeWindow};
use quiver_wire::offload::Checksum;

use super::*;
use crate::transform::integrity::Signature;
use crate::transform::seal::{Opener, Sealer};
use crate::transform::testing::{self, Collect, FAMILIES, STATES, Tcp, assert_sound, finished, hop, noise};
use crate::transform::{Family, segments, tcp_udp};

const SESSION: [u8; 16] = [7; 16];
const SERIAL: u32 = 0x0400_0001;

/// Both ends of one direction.
struct Ends {
    key: AeadKey,
    nonces: CounterNonce,
    seen: PayloadReplayWindow,
}

impl Ends {
    fn new() -> Self {
        Self {
            key: AeadKey::new(&[3; 32]).unwrap(),
            nonces: CounterNonce::new(SERIAL),
            seen: PayloadReplayWindow::new(),
        }
    }

    fn sealer(&mut self) -> Sealer<'_> {
        Sealer { key: &self.key, nonces: &mut self.nonces, session: &SESSION }
    }

    fn opener(&mut self) -> Opener<'_> {
        Opener { key: &self.key, serial: SERIAL, seen: &mut self.seen, session: &SESSION }
    }
}

fn signature(key: &HmacKey) -> Signature<'_> {
    Signature {
        key,
        direction: Direction::Forward,
        session: &SESSION,
        window: TimeWindow::from_unix_ms(5_000),
    }
}

#[test]
fn sealed_packet_is_counter_cipher_text_and_tag() {
    let mut ends = Ends::new();
    ends.nonces = CounterNonce::starting_at(SERIAL, 0x0102);
    let mut packet = testing::udp(&hop(Family::V4), b"attack at dawn", Checksum::Complete);
    protect(&mut packet, &mut ends.sealer()).unwrap();
    let payload = testing::l4(&packet)[8..].to_vec();
    assert_eq!(payload.len(), 14 + 24);
    assert_eq!(payload[..8], 0x0102_u64.to_be_bytes());
    let nonce = quiver_crypto::Nonce { serial: SERIAL, counter: 0x0102 };
    let mut data = payload[8..22].to_vec();
    let tag = payload[22..].try_into().unwrap();
    quiver_crypto::open_in_place(&ends.key, nonce, &SESSION, &mut data, &tag).unwrap();
    assert_eq!(data, b"attack at dawn");
    assert_sound(&packet);
}

#[test]
fn single_packets_come_back_in_every_family_and_checksum_state() {
    for family in FAMILIES {
        for state in STATES {
            for len in [0, 1, 1400] {
                let mut ends = Ends::new();
                let original = testing::udp(&hop(family), &noise(len), state);
                let mut packet = testing::udp(&hop(family), &noise(len), state);
                protect(&mut packet, &mut ends.sealer()).unwrap();
                assert_sound(&packet);
                assert_eq!(
                    unprotect(&mut packet, &mut ends.opener()),
                    Ok(Opened { accepted: 1, refused: 0 })
                );
                assert_eq!(finished(&packet), finished(&original));
            }
        }
    }
}

#[test]
fn wrong_checksum_is_refused_before_sealing_makes_it_right() {
    let mut packet = testing::udp(&hop(Family::V4), b"text", Checksum::Complete);
    packet.bytes_mut()[30] ^= 1;
    assert_eq!(protect(&mut packet, &mut Ends::new().sealer()), Err(Refusal::Checksum));
}

#[test]
fn each_datagram_of_a_superpacket_is_sealed_by_itself() {
    for family in FAMILIES {
        let mut ends = Ends::new();
        let mut sink = Collect::default();
        let payload = noise(3500);
        let count =
            protect_segments(&mut testing::uso(&hop(family), &payload, 1000), &mut ends.sealer(), &mut sink);
        assert_eq!(count, Ok(4));
        let [made] = &mut sink.packets[..] else { panic!("one superpacket") };
        assert_eq!(made.offload.segmentation, Segmentation::Udp { size: 1024 });
        assert_sound(made);
        // One by one, in another order, as the network may deliver them.
        let mut datagrams = Collect::default();
        segments::split(made, &mut datagrams).unwrap();
        for index in [2, 0, 3, 1] {
            let packet = &mut datagrams.packets[index];
            unprotect(packet, &mut ends.opener()).unwrap();
            let end = (index * 1000 + 1000).min(3500);
            assert_eq!(testing::l4(packet)[8..], payload[index * 1000..end]);
        }
        // And a second time not at all.
        assert_eq!(unprotect(made, &mut ends.opener()), Err(Refusal::NotAuthentic));
    }
}

#[test]
fn bad_datagrams_of_a_superpacket_are_taken_out_and_counted() {
    for bad in 0..4 {
        let mut ends = Ends::new();
        let mut sink = Collect::default();
        let payload = noise(3500);
        protect_segments(&mut testing::uso(&hop(Family::V6), &payload, 1000), &mut ends.sealer(), &mut sink)
            .unwrap();
        let mut packet = sink.packets.remove(0);
        packet.bytes_mut()[48 + bad * 1024 + 20] ^= 1;
        assert_eq!(unprotect(&mut packet, &mut ends.opener()), Ok(Opened { accepted: 3, refused: 1 }));
        let mut expected = payload.clone();
        expected.drain(bad * 1000..(bad * 1000 + 1000).min(3500));
        assert_eq!(testing::l4(&packet)[8..], expected);
        assert_eq!(packet.offload.segmentation, Segmentation::Udp { size: 1000 });
        assert_sound(&packet);
    }
}

#[test]
fn superpacket_of_empty_datagrams_must_be_split_first() {
    let mut packet = testing::uso(&hop(Family::V4), &[0; 48], 24);
    assert_eq!(unprotect(&mut packet, &mut Ends::new().opener()), Err(Refusal::Superpacket));
    let mut sink = Collect::default();
    let mut ends = Ends::new();
    let mut empty = testing::udp(&hop(Family::V4), &[], Checksum::Complete);
    protect_segments(&mut empty, &mut ends.sealer(), &mut sink).unwrap();
    unprotect(&mut sink.packets[0], &mut ends.opener()).unwrap();
    assert_eq!(testing::l4(&sink.packets[0]).len(), 8);
}

#[test]
fn tcp_superpacket_is_sealed_and_opened_as_superpackets() {
    for family in FAMILIES {
        let tcp = Tcp { flags: 0x18, ..Tcp::carrying(noise(45 * 1428)) };
        let mut ends = Ends::new();
        let mut sealed = Collect::default();
        let count = tcp_udp::to_datagrams(
            &mut testing::tso(&hop(family), &tcp, 1428),
            &mut ends.sealer(),
            &mut sealed,
        );
        assert_eq!(count, Ok(45));
        assert_eq!(sealed.packets.len(), 2);
        assert_eq!(sealed.packets[0].offload.segmentation, Segmentation::Udp { size: 1428 + 24 + 24 });
        sealed.packets.iter().for_each(assert_sound);
        let mut opened = Collect::default();
        for packet in &mut sealed.packets {
            tcp_udp::to_segments(packet, &mut ends.opener(), &mut opened).unwrap();
        }
        assert_eq!(opened.packets.len(), 2);
        assert_eq!(opened.packets[0].offload.segmentation, Segmentation::Tcp { size: 1428 });
        opened.packets.iter().for_each(assert_sound);
        let payload: Vec<_> = opened.packets.iter().flat_map(|p| testing::l4(p)[32..].to_vec()).collect();
        assert_eq!(payload, tcp.payload);
        let flags: Vec<_> = opened.packets.iter().map(|p| testing::l4(p)[13]).collect();
        assert_eq!(flags, [0x10, 0x18]);
    }
}

#[test]
fn sealed_tcp_equals_the_transform_sealed_afterwards() {
    let tcp = Tcp::default();
    let mut one = Collect::default();
    let packet = &mut testing::tcp(&hop(Family::V4), &tcp, Checksum::Complete);
    tcp_udp::to_datagrams(packet, &mut Ends::new().sealer(), &mut one).unwrap();
    tcp_udp::to_udp(packet).unwrap();
    protect(packet, &mut Ends::new().sealer()).unwrap();
    assert_eq!(finished(&one.packets[0]), finished(packet));
}

#[test]
fn sealed_segment_that_is_lost_splits_the_superpacket() {
    let mut ends = Ends::new();
    let mut sealed = Collect::default();
    let tcp = Tcp::carrying(noise(5000));
    tcp_udp::to_datagrams(&mut testing::tso(&hop(Family::V4), &tcp, 1000), &mut ends.sealer(), &mut sealed)
        .unwrap();
    let mut packet = sealed.packets.remove(0);
    packet.bytes_mut()[28 + 2 * 1048 + 100] ^= 1;
    let mut out = Collect::default();
    let opened = tcp_udp::to_segments(&mut packet, &mut ends.opener(), &mut out);
    assert_eq!(opened, Ok(Opened { accepted: 4, refused: 1 }));
    let payloads: Vec<_> = out.packets.iter().map(|p| testing::l4(p)[32..].to_vec()).collect();
    assert_eq!(payloads, [tcp.payload[..2000].to_vec(), tcp.payload[3000..].to_vec()]);
}

#[test]
fn signature_stands_behind_each_datagram() {
    let key = HmacKey::new(&[9; 32]);
    for family in FAMILIES {
        let payload = noise(2500);
        let mut sink = Collect::default();
        protect_segments(&mut testing::uso(&hop(family), &payload, 1000), &mut signature(&key), &mut sink)
            .unwrap();
        let mut packet = sink.packets.remove(0);
        let first = &testing::l4(&packet)[8..8 + 1016];
        assert_eq!(first[..1000], payload[..1000]);
        let window = Some(TimeWindow::from_unix_ms(5_000));
        assert_eq!(first[1000..], key.sign(&[&[0], &SESSION, &payload[..1000]], window).unwrap());
        assert_eq!(unprotect(&mut packet, &mut signature(&key)), Ok(Opened { accepted: 3, refused: 0 }));
        assert_eq!(testing::l4(&packet)[8..], payload);
        assert_sound(&packet);
    }
}

#[test]
fn packet_without_a_signature_is_not_authentic() {
    let key = HmacKey::new(&[9; 32]);
    for payload in [&b"short"[..], &[0; 40]] {
        let mut packet = testing::udp(&hop(Family::V4), payload, Checksum::Complete);
        assert_eq!(unprotect(&mut packet, &mut signature(&key)), Err(Refusal::NotAuthentic));
    }
}

#[test]
fn exhausted_counter_refuses_to_seal_and_gives_the_buffer_back() {
    let mut ends = Ends::new();
    ends.nonces = CounterNonce::starting_at(SERIAL, u64::MAX);
    let mut sink = Collect::default();
    let mut packet = testing::uso(&hop(Family::V4), &noise(300), 100);
    assert_eq!(protect_segments(&mut packet, &mut ends.sealer(), &mut sink), Err(Refusal::Key));
    assert_eq!((sink.packets.len(), sink.given_back), (0, 1));
}

#[test]
fn packet_too_long_to_be_sealed_is_refused() {
    let mut packet = testing::udp(&hop(Family::V4), &noise(65_500), Checksum::Partial);
    assert_eq!(protect(&mut packet, &mut Ends::new().sealer()), Err(Refusal::TooLong));
}

#[test]
fn clear_payloads_and_their_checksums_are_left_alone() {
    for state in STATES {
        let mut packet = testing::udp(&hop(Family::V6), &noise(100), state);
        let before = packet.bytes().to_vec();
        protect(&mut packet, &mut Clear).unwrap();
        assert_eq!(unprotect(&mut packet, &mut Clear), Ok(Opened { accepted: 1, refused: 0 }));
        assert_eq!((packet.bytes(), packet.offload.checksum), (&before[..], state));
    }
    let mut three = testing::uso(&hop(Family::V6), &noise(250), 100);
    assert_eq!(unprotect(&mut three, &mut Clear), Ok(Opened { accepted: 3, refused: 0 }));
    let mut damaged = testing::udp(&hop(Family::V6), &noise(100), Checksum::Complete);
    damaged.bytes_mut()[90] ^= 1;
    assert_eq!(unprotect(&mut damaged, &mut Clear), Err(Refusal::Checksum));
}
