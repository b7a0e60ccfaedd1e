//! Whoever knows addresses and ports, but not the secret; and what is wrong although it is rightly protected.

use quiver_engine::config::{Cipher, MetadataProtection};
use quiver_engine::drop_reason::DropReason;
use quiver_engine::{Direction, Phase};
use quiver_wire::Parsed;
use quiver_wire::metadata::control::{ControlCode, HealthCheck};
use quiver_wire::metadata::{HeaderTlvs, PayloadTlvs};
use quiver_wire::offload::Offload;

use super::{
    A, B, C, assert_refused, attack, context, datagram, ends, forward, near, pair, recorded, told, turned_a,
    world,
};
use crate::exercise::conversation;
use crate::exercise::forge::{self, Forger};
use crate::exercise::world::{CLEAR, EPOCH_MS, Options, Place, SEALED, World, service, waypoint};

fn controls() -> Vec<HeaderTlvs> {
    let code = |code| HeaderTlvs { control: Some(code), ..HeaderTlvs::default() };
    vec![
        code(ControlCode::DeleteSession),
        code(ControlCode::EnableMetadata),
        code(ControlCode::DisableMetadata),
        code(ControlCode::KeepAlive),
        code(ControlCode::StateExists),
        HeaderTlvs { disable_forward_metadata: true, ..HeaderTlvs::default() },
        HeaderTlvs { health_check: Some(HealthCheck::Request), ..HeaderTlvs::default() },
    ]
}

fn id_of(world: &World, router: usize) -> [u8; 16] {
    world.engines[router].sessions(world.now).next().unwrap().session_id.0
}

fn named(id: [u8; 16]) -> Vec<u8> {
    forge::section(&PayloadTlvs { session_id: Some(id), ..PayloadTlvs::default() })
}

#[test]
fn control_messages_without_the_key_change_nothing() {
    let signed = Options { metadata: MetadataProtection::Signed, ..Options::default() };
    let compatible = Options { cipher: Cipher::Aes256CbcHmacSha256, ..Options::default() };
    for options in [Options::default(), signed, compatible] {
        let mut world = World::new(options);
        let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
        world.remote(B, &first, Offload::default());
        let id = id_of(&world, B);
        let before: Vec<_> = world.engines[B].sessions(world.now).collect();
        world.drain(B);
        let mut stranger = Forger::without_secret("a/n1", "b/n1", 0x5001, options);
        stranger.counter = 5_000;
        for header in controls() {
            let packet = stranger.packet(ends(&first), world.now.unix_ms, header, &named(id), &[]);
            assert_refused(&mut world, B, &packet, DropReason::MetadataUnauthentic);
        }
        assert_eq!(world.engines[B].sessions(world.now).collect::<Vec<_>>(), before);
    }
}

#[test]
fn delete_ends_only_the_session_that_it_names() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    world.drain(B);
    let delete = HeaderTlvs { control: Some(ControlCode::DeleteSession), ..HeaderTlvs::default() };
    let mut forger = turned_a(&world);
    let time = world.now.unix_ms;
    let other = forger.packet(ends(&first), time, delete, &named([1; 16]), &[]);
    assert_refused(&mut world, B, &other, DropReason::SessionIdMismatch);
    let nameless = forger.packet(ends(&first), time, delete, &[], &[]);
    assert_refused(&mut world, B, &nameless, DropReason::MetadataIncomplete);
    let id = id_of(&world, B);
    let right = forger.packet(ends(&first), time, delete, &named(id), &[]);
    attack(&mut world, B, &right);
    assert_eq!(world.sessions(B), 0);
}

#[test]
fn one_peer_cannot_delete_the_session_of_another() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    world.drain(B);
    let (from, to) = ends(&first);
    let from_c = core::net::SocketAddr::new(waypoint(C, true), from.port());
    let delete = HeaderTlvs { control: Some(ControlCode::DeleteSession), ..HeaderTlvs::default() };
    let mut turned = Forger::new("c/n1", "b/n1", 0x5003, world.options);
    let id = id_of(&world, B);
    let packet = turned.packet((from_c, to), world.now.unix_ms, delete, &named(id), &[]);
    attack(&mut world, B, &packet);
    assert_eq!(world.sessions(B), 1);
}

#[test]
fn reverse_metadata_for_a_session_not_ours_is_neither_believed_nor_answered() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let reverse = PayloadTlvs {
        reverse: Some(context(40_000, service(CLEAR, Place::Far, true), 17).reversed()),
        session_id: Some([3; 16]),
        source_router: Some("a"),
        ..PayloadTlvs::default()
    };
    let unknown = told(&world, &mut forger, pair(16_385, 16_384), &reverse);
    assert_refused(&mut world, B, &unknown, DropReason::MetadataUnexpected);
    let opening = told(&world, &mut forger, pair(16_390, 16_391), &forward(3, 40_000));
    attack(&mut world, B, &opening);
    let wrong_way = told(&world, &mut forger, pair(16_390, 16_391), &reverse);
    assert_refused(&mut world, B, &wrong_way, DropReason::MetadataUnexpected);
}

#[test]
fn metadata_with_duplicate_truncated_or_endless_tlvs_is_malformed() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let good = forge::section(&forward(4, 40_000));
    let twice = [&good[..], &named([4; 16])].concat();
    let cut = good[..good.len() - 1].to_vec();
    let endless = [&good[..], &[0x7f, 0xff, 0, 0].repeat(200)].concat();
    let long_name = [&good[..], &[0, 35, 1, 44], &[b'x'; 300]].concat();
    let time = world.now.unix_ms;
    for section in [twice, cut, endless, long_name] {
        let packet = forger.packet(pair(16_390, 16_391), time, HeaderTlvs::default(), &section, b"data");
        assert_refused(&mut world, B, &packet, DropReason::MetadataMalformed);
    }
    let oversized = vec![0x7f, 0xff, 5, 0x78].into_iter().chain([0; 1400]).collect::<Vec<u8>>();
    let packet = forger.packet(pair(16_390, 16_391), time, HeaderTlvs::default(), &oversized, b"");
    assert_refused(&mut world, B, &packet, DropReason::MetadataMalformed);
}

#[test]
fn unknown_tlvs_are_passed_over() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let section = [&forge::section(&forward(4, 40_000))[..], &[0x7f, 0x01, 0, 2, 9, 9]].concat();
    let time = world.now.unix_ms;
    let packet = forger.packet(pair(16_390, 16_391), time, HeaderTlvs::default(), &section, b"data");
    let (reasons, outcome) = attack(&mut world, B, &packet);
    assert_eq!((reasons.len(), outcome.opened), (0, 1), "{reasons:?}");
}

#[test]
fn metadata_without_freshness_or_key_version_is_incomplete() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let section = forge::section(&forward(4, 40_000));
    let context = forger.context(world.now.unix_ms, 16_391);
    let lacking = [
        HeaderTlvs { security_id: Some(1), ..HeaderTlvs::default() },
        HeaderTlvs { security_context: Some(context), ..HeaderTlvs::default() },
        HeaderTlvs::default(),
    ];
    for header in lacking {
        let mut bytes = vec![0; header.buffer_len()];
        header.emit(&mut bytes).unwrap();
        let packet = forger.raw(pair(16_390, 16_391), world.now.unix_ms, &bytes, &section, b"data");
        assert_refused(&mut world, B, &packet, DropReason::MetadataIncomplete);
    }
}

#[test]
fn clocks_may_differ_by_five_seconds_and_no_more() {
    for (time, is_accepted) in [
        (EPOCH_MS + 5_000, true),
        (EPOCH_MS + 5_001, false),
        (EPOCH_MS - 1, false),
        (EPOCH_MS + 100_000, false),
    ] {
        let mut world = world();
        let mut forger = turned_a(&world);
        let section = forge::section(&forward(4, 40_000));
        let packet = forger.packet(pair(16_390, 16_391), time, HeaderTlvs::default(), &section, b"data");
        if is_accepted {
            assert_eq!(attack(&mut world, B, &packet).1.opened, 1);
        } else {
            assert_refused(&mut world, B, &packet, DropReason::MetadataStale);
        }
    }
}

#[test]
fn receiver_that_runs_for_a_while_takes_senders_whose_clock_is_behind() {
    for (behind, is_accepted) in [(5_000, true), (5_001, false)] {
        let mut world = world();
        world.pass(core::time::Duration::from_mins(1));
        let mut forger = turned_a(&world);
        let section = forge::section(&forward(4, 40_000));
        let time = world.now.unix_ms - behind;
        let packet = forger.packet(pair(16_390, 16_391), time, HeaderTlvs::default(), &section, b"data");
        if is_accepted {
            assert_eq!(attack(&mut world, B, &packet).1.opened, 1);
        } else {
            assert_refused(&mut world, B, &packet, DropReason::MetadataStale);
        }
    }
}

#[test]
fn key_version_that_is_not_configured_is_refused() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let header = HeaderTlvs { security_id: Some(9), ..HeaderTlvs::default() };
    let section = forge::section(&forward(4, 40_000));
    let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &section, b"data");
    assert_refused(&mut world, B, &packet, DropReason::UnknownKeyVersion);
}

#[test]
fn strangers_cannot_make_a_router_derive_keys_without_end() {
    let mut world = world();
    let mut derived = 0;
    for boot in 0..5_000 {
        let mut stranger = Forger::without_secret("a/n1", "b/n1", boot + 0x9000, world.options);
        let packet = stranger.packet(
            pair(16_390, 16_391),
            world.now.unix_ms,
            HeaderTlvs::default(),
            &forge::section(&forward(4, 40_000)),
            b"data",
        );
        let (reasons, outcome) = attack(&mut world, B, &packet);
        assert!(outcome.sent.is_empty());
        match reasons[..] {
            [DropReason::MetadataUnauthentic] => derived += 1,
            [DropReason::MetadataRefusedLimit] => {}
            ref other => panic!("{other:?}"),
        }
    }
    assert!(derived <= 1_000, "{derived} derivations at once");
    conversation::udp(&mut world, near(SEALED, 40_000));
    let is_unharmed = world.sessions(B) == 1;
    world.pass(core::time::Duration::from_secs(1));
    conversation::udp(&mut world, near(SEALED, 40_001));
    assert!(is_unharmed || world.sessions(B) >= 1, "a known peer comes through within a second");
}

#[test]
fn refusals_of_the_compatibility_profile_do_not_tell_padding_from_content() {
    let options = Options { cipher: Cipher::Aes256CbcHmacSha256, ..Options::default() };
    let mut world = World::new(options);
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    let start = Parsed::parse(&first).unwrap().payload_at;
    let header = usize::from(u16::from_be_bytes([first[start + 8], first[start + 9]]) & 0x0fff);
    let (from, to) = ends(&first);
    for at in start + header..first.len() {
        for bit in [0x01, 0x10, 0x80] {
            let mut tampered = first.clone();
            tampered[at] ^= bit;
            let tampered = super::readdressed(&tampered, from, to);
            assert_refused(&mut world, B, &tampered, DropReason::MetadataUnauthentic);
        }
    }
    assert_eq!(attack(&mut world, B, &first).1.opened, 1, "the true one still opens");
}

#[test]
fn forged_packet_does_not_acknowledge_the_handshake_of_a_sealed_session() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(SEALED, 40_000), b"order"));
    world.remote(B, &first, Offload::default());
    world.drain(B);
    let (from, to) = ends(&first);
    let junk = crate::exercise::craft::udp(from, to, &[0x55; 60]);
    assert_refused(&mut world, B, &junk, DropReason::PayloadUnauthentic);
    let hop = world.engines[B].sessions(world.now).next().unwrap().client_hop.unwrap();
    assert_eq!(hop.phase, Phase::SendReverse);
    let genuine = recorded(&mut world, A, &datagram(near(SEALED, 40_000), b"order"));
    let (_, outcome) = attack(&mut world, B, &genuine);
    assert!(outcome.sent.iter().any(|(direction, _)| *direction == Direction::Lan));
}
