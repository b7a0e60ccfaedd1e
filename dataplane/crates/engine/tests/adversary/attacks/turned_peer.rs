//! A peer that has turned: it knows the secret, and tells what it likes.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use quiver_engine::Direction;
use quiver_engine::drop_reason::DropReason;
use quiver_wire::metadata::contexts::{AddressPair, EgressBinding};
use quiver_wire::metadata::control::SessionFlags;
use quiver_wire::metadata::security::{KeyBytes, PayloadBootIds};
use quiver_wire::metadata::{HeaderTlvs, PayloadTlvs};
use quiver_wire::{Parsed, metadata};

use super::{A, B, attack, context, datagram, forward, near, pair, recorded, told, turned_a, world};
use crate::exercise::forge;
use crate::exercise::world::{CLEAR, Options, Place, SEALED, SIGNED, World, service, waypoint};

#[test]
fn names_that_only_resemble_a_tenant_are_not_admitted() {
    let names =
        ["xprod", "prod.x", "PROD", "web.xprod", "web-prod", "prod.", "prod\0", "web..prod.x", "pro", "rod"];
    for name in names {
        let mut world = world();
        let mut forger = turned_a(&world);
        let tlvs = PayloadTlvs { tenant: Some(name), ..forward(1, 40_000) };
        let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
        assert_eq!(reasons, [DropReason::AccessDenied], "{name:?}");
        assert_eq!(outcome.opened, 0);
        assert!(outcome.sent.iter().all(|(direction, _)| *direction == Direction::Wan), "{name:?} got in");
    }
    for name in ["prod", "web.prod", "a.web.prod"] {
        let mut world = world();
        let mut forger = turned_a(&world);
        let tlvs = PayloadTlvs { tenant: Some(name), ..forward(1, 40_000) };
        assert_eq!(attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs).1.opened, 1, "{name}");
    }
    let mut world = world();
    let mut forger = turned_a(&world);
    let tlvs = PayloadTlvs { tenant: None, ..forward(1, 40_000) };
    let (reasons, _) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
    assert_eq!(reasons, [DropReason::NoTenant]);
}

fn attack_with(
    world: &mut World,
    forger: &mut forge::Forger,
    pair: (SocketAddr, SocketAddr),
    tlvs: &PayloadTlvs<'_>,
) -> (Vec<DropReason>, crate::exercise::invariants::Outcome) {
    let packet = told(world, forger, pair, tlvs);
    attack(world, B, &packet)
}

#[test]
fn service_that_is_not_known_here_is_refused() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let tlvs = PayloadTlvs { service: Some("prod/nothing"), ..forward(1, 40_000) };
    let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
    assert_eq!((reasons, outcome.opened), (vec![DropReason::ServiceUnknown], 0));
}

#[test]
fn session_that_has_crossed_sixteen_routers_ends() {
    for (hops, expected) in [(15, None), (16, Some(DropReason::HopLimit)), (255, Some(DropReason::HopLimit))]
    {
        let mut world = world();
        let mut forger = turned_a(&world);
        let header = HeaderTlvs { hop_count: Some(hops), ..HeaderTlvs::default() };
        let section = forge::section(&forward(1, 40_000));
        let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &section, b"data");
        let (reasons, outcome) = attack(&mut world, B, &packet);
        assert_eq!(reasons.first().copied(), expected, "{hops}");
        assert_eq!(outcome.opened, u64::from(expected.is_none()));
    }
}

#[test]
fn transit_counts_itself_among_the_routers_passed() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let far = PayloadTlvs {
        forward: Some(context(40_000, service(CLEAR, Place::Far, true), 17)),
        service: Some("prod/clear-far"),
        ..forward(1, 40_000)
    };
    let header = HeaderTlvs { hop_count: Some(14), ..HeaderTlvs::default() };
    let packet =
        forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &forge::section(&far), b"data");
    let (_, outcome) = attack(&mut world, B, &packet);
    let sent = &outcome.sent.first().expect("it goes on").1.bytes;
    let payload = Parsed::parse(sent).unwrap().payload(sent);
    let view = metadata::Packet::new_checked(payload).unwrap();
    assert_eq!(HeaderTlvs::parse(view.header_tlvs()).unwrap().hop_count, Some(15));
}

#[test]
fn peer_that_fills_the_table_is_bounded_and_forgotten() {
    let options = Options { max_sessions: 64, ..Options::default() };
    let mut world = World::new(options);
    let mut forger = turned_a(&world);
    let mut refused = 0;
    for index in 0..300_u16 {
        let tlvs = PayloadTlvs { session_id: Some([index as u8; 16]), ..forward(1, 20_000 + index) };
        let ports = pair(16_384 + index * 2, 16_385 + index * 2);
        let (reasons, outcome) = attack_with(&mut world, &mut forger, ports, &tlvs);
        refused += usize::from(reasons.contains(&DropReason::SessionTableFull));
        let answered: usize = outcome.bytes_to(Direction::Wan);
        assert!(answered < 400, "an answer is one small packet");
        assert!(world.sessions(B) <= 64);
    }
    assert_eq!((world.sessions(B), refused), (64, 236));
    for _ in 0..10 {
        world.pass(Duration::from_mins(1));
    }
    assert_eq!(world.sessions(B), 0);
    crate::exercise::conversation::udp(&mut world, near(CLEAR, 40_000));
    assert_eq!(world.sessions(B), 1);
}

#[test]
fn pair_that_is_used_again_replaces_the_session_that_had_it() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let ports = pair(16_390, 16_391);
    attack_with(&mut world, &mut forger, ports, &forward(1, 40_000));
    let (_, outcome) = attack_with(&mut world, &mut forger, ports, &forward(2, 40_001));
    assert_eq!((outcome.opened, outcome.closed, world.sessions(B)), (1, 1, 1));
    let view = world.engines[B].sessions(world.now).next().unwrap();
    assert_eq!((view.session_id.0, view.context.sport), ([2; 16], 40_001));
}

type Change = fn(PayloadTlvs<'static>) -> PayloadTlvs<'static>;

#[test]
fn session_is_not_taken_over_under_another_tenant_or_service() {
    let other_tenant = |tlvs| PayloadTlvs { tenant: Some("xprod"), ..tlvs };
    let other_service = |tlvs| PayloadTlvs { service: Some("prod/nothing"), ..tlvs };
    let changes: [(Change, DropReason); 2] =
        [(other_tenant, DropReason::AccessDenied), (other_service, DropReason::ServiceUnknown)];
    for (change, reason) in changes {
        let mut world = world();
        let mut forger = turned_a(&world);
        attack_with(&mut world, &mut forger, pair(16_390, 16_391), &forward(1, 40_000));
        // The same conversation by another pair and another session id, as after a restart of the ingress.
        let again = change(forward(2, 40_000));
        let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_400, 16_401), &again);
        assert_eq!(reasons, [reason]);
        assert_eq!((outcome.opened, world.sessions(B)), (0, 0));
        assert_eq!(outcome.bytes_to(Direction::Lan), 0);
    }
}

#[test]
fn restarted_ingress_takes_its_session_up_under_the_same_tenant() {
    let mut world = world();
    let mut forger = turned_a(&world);
    attack_with(&mut world, &mut forger, pair(16_390, 16_391), &forward(1, 40_000));
    let before = world.engines[B].sessions(world.now).next().unwrap().binding;
    let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_400, 16_401), &forward(2, 40_000));
    assert_eq!((reasons.len(), outcome.opened, world.sessions(B)), (0, 0, 1));
    let view = world.engines[B].sessions(world.now).next().unwrap();
    assert_eq!((view.session_id.0, view.binding), ([2; 16], before), "the server sees the same client");
}

#[test]
fn invented_egress_decision_leads_to_the_configured_server_only() {
    let addresses = |src: [u8; 4], dst: [u8; 4]| AddressPair::new(src.into(), dst.into()).unwrap();
    let inventions = [
        EgressBinding {
            addresses: addresses([169, 254, 96, 7], [10, 66, 6, 6]),
            source_port: 1,
            target_port: 22,
        },
        EgressBinding {
            addresses: addresses([10, 1, 1, 1], [10, 1, 1, 9]),
            source_port: 22,
            target_port: 9_000,
        },
        EgressBinding {
            addresses: addresses([169, 254, 96, 7], [10, 1, 1, 9]),
            source_port: 7,
            target_port: 22,
        },
    ];
    for binding in inventions {
        let mut world = world();
        let mut forger = turned_a(&world);
        let tlvs = PayloadTlvs { egress_binding: Some(binding), ..forward(1, 40_000) };
        let (_, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
        let (_, delivered) =
            &outcome.sent.iter().find(|(direction, _)| *direction == Direction::Lan).unwrap();
        let parsed = Parsed::parse(&delivered.bytes).unwrap();
        assert_eq!((parsed.dst, parsed.dst_port), (IpAddr::from([10, 1, 1, 9]), 9_000), "{binding:?}");
        let pool = matches!(parsed.src, IpAddr::V4(v4) if v4.octets()[..2] == [169, 254]);
        assert!(pool, "{} is of the return pool", parsed.src);
    }
}

#[test]
fn egress_refuses_less_protection_than_its_service_demands() {
    for (protection, name, reason) in [
        (SEALED, "prod/sealed-near", DropReason::ClearPayloadOnSealedSession),
        (SIGNED, "prod/signed-near", DropReason::IntegrityMissing),
    ] {
        let mut world = world();
        let mut forger = turned_a(&world);
        let tlvs = PayloadTlvs {
            forward: Some(context(40_000, service(protection, Place::Near, true), 17)),
            service: Some(name),
            ..forward(1, 40_000)
        };
        let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
        assert_eq!((reasons, outcome.opened), (vec![reason], 0));
        assert_eq!(outcome.bytes_to(Direction::Lan), 0);
    }
}

#[test]
fn sealed_session_without_a_key_is_refused() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let tlvs = PayloadTlvs { session_encrypted: true, ..forward(1, 40_000) };
    let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
    assert_eq!((reasons, outcome.opened), (vec![DropReason::PayloadKeyUnknown], 0));
}

#[test]
fn tcp_in_mid_stream_opens_nothing_at_an_egress_that_has_no_session() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let tlvs = PayloadTlvs {
        forward: Some(context(40_000, service(CLEAR, Place::Near, true), 6)),
        session_flags: Some(SessionFlags::default().with(SessionFlags::MID_STREAM)),
        ..forward(1, 40_000)
    };
    let (reasons, outcome) = attack_with(&mut world, &mut forger, pair(16_390, 16_391), &tlvs);
    assert_eq!((reasons, outcome.opened), (vec![DropReason::TcpMidStream], 0));
}

#[test]
fn own_session_that_comes_back_is_refused() {
    let mut world = world();
    let first = recorded(&mut world, A, &datagram(near(CLEAR, 40_000), b"order"));
    let id = world.engines[A].sessions(world.now).next().unwrap().session_id.0;
    let (own, peer) = super::ends(&first);
    let mut turned_b = forge::Forger::new("b/n1", "a/n1", 0x5002, world.options);
    let tlvs = PayloadTlvs { session_id: Some(id), ..forward(1, 40_000) };
    let packet =
        turned_b.packet((peer, own), world.now.unix_ms, HeaderTlvs::default(), &forge::section(&tlvs), b"");
    let (reasons, outcome) = attack(&mut world, A, &packet);
    assert_eq!((reasons, outcome.opened), (vec![DropReason::Reflected], 0));
    assert_eq!(peer.ip(), waypoint(B, true));
}

#[test]
fn names_and_keys_that_a_peer_invents_are_not_kept_without_end() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let mut held = [0; 2];
    for round in 0..18_000_u32 {
        if let Some(place) = [17_000, 17_999].iter().position(|at| *at == round) {
            held[place] = crate::allocations::live_bytes();
        }
        let (tenant, secret) = (format!("t{round}.prod"), [round as u8; 32]);
        let tlvs = PayloadTlvs {
            tenant: Some(&tenant),
            session_encrypted: true,
            security_key: Some(KeyBytes(&secret)),
            payload_serial: Some(1),
            payload_key_id: Some(u64::from(round)),
            payload_boot_ids: Some(PayloadBootIds { ingress: 0x5001, egress: 0 }),
            ..forward(1, 40_000)
        };
        // The same pair again and again: each session replaces the one before.
        let header = HeaderTlvs { metadata_only: true, ..HeaderTlvs::default() };
        let tlvs = PayloadTlvs { session_id: Some(u128::from(round).to_be_bytes()), ..tlvs };
        let section = forge::section(&tlvs);
        let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, header, &section, &[]);
        assert_eq!(attack(&mut world, B, &packet).1.opened, 1);
    }
    assert!(held[1] - held[0] < 1 << 17, "{} bytes for a thousand inventions", held[1] - held[0]);
    assert_eq!(world.sessions(B), 1);
}
