//! No nonce is used twice under one key, whatever restarts, moves or is told again: read from the packets on the wire.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use quiver_crypto::{
    AeadKey, BootId, Nonce, PayloadKeys, PayloadSecret, TimeWindow, open_in_place, unprotect,
};
use quiver_engine::Direction;
use quiver_wire::ip::protocol;
use quiver_wire::metadata::control::{ControlCode, SessionFlags};
use quiver_wire::metadata::security::{KeyBytes, PayloadBootIds};
use quiver_wire::metadata::{self, HeaderTlvs, PayloadTlvs};
use quiver_wire::offload::Segmentation;
use quiver_wire::{Parsed, metadata::contexts::Context};

use super::{A, B, C, attack, context, datagram, near, on_side, pair, turned_a, world};
use crate::exercise::conversation::{self, Call};
use crate::exercise::craft;
use crate::exercise::forge::{self, peer_keys};
use crate::exercise::invariants::Side;
use crate::exercise::world::{ADAPTIVE, Options, Place, SEALED, SECRET, Seen, World, service, waypoint};

/// Somebody who knows the secret and reads everything.
struct Observer {
    options: Options,
    /// Boot ids that there were.
    boots: BTreeSet<u64>,
    sessions: BTreeSet<[u8; 16]>,
    /// Payload keys by what they are: secret, direction, start of the egress.
    keys: Vec<(KeyName, AeadKey)>,
    secrets: BTreeSet<[u8; 32]>,
    serials: BTreeSet<u32>,
    metadata: BTreeSet<(String, u64, u32, u64)>,
    /// Transit passes sealed payload on as it is: the same bytes may be seen on each hop.
    payload: BTreeMap<(KeyName, u32, u64), Vec<u8>>,
}

type KeyName = ([u8; 32], Option<u64>);

fn router_of(address: core::net::IpAddr) -> &'static str {
    let is = |router: usize| [true, false].iter().any(|v4| waypoint(router, *v4) == address);
    ["a/n1", "b/n1", "c/n1"][(0..3).find(|router| is(*router)).unwrap()]
}

impl Observer {
    fn new(options: Options) -> Self {
        Self {
            options,
            boots: BTreeSet::new(),
            sessions: BTreeSet::new(),
            keys: Vec::new(),
            secrets: BTreeSet::new(),
            serials: BTreeSet::new(),
            metadata: BTreeSet::new(),
            payload: BTreeMap::new(),
        }
    }

    fn read_all(&mut self, world: &World) {
        for seen in &world.wire {
            self.metadata_of(seen, world);
        }
        for seen in &world.wire {
            self.payload_of(seen);
        }
    }

    fn metadata_of(&mut self, seen: &Seen, world: &World) {
        let parsed = Parsed::parse(&seen.bytes).unwrap();
        let mut payload = parsed.payload(&seen.bytes).to_vec();
        let Ok(view) = metadata::Packet::new_checked(&payload[..]) else { return };
        if !metadata::is_metadata(&payload) {
            return;
        }
        let header = HeaderTlvs::parse(view.header_tlvs()).unwrap();
        let Some(fresh) = header.security_context else { return };
        let pair = format!("{} {}", router_of(parsed.src), router_of(parsed.dst));
        let is_new = self.metadata.insert((pair.clone(), fresh.boot_id, fresh.serial, fresh.counter));
        assert!(is_new, "metadata nonce {fresh:?} of {pair} was used before");
        self.boots.insert(fresh.boot_id);
        let boot = BootId(fresh.boot_id);
        let keys = peer_keys(router_of(parsed.src), router_of(parsed.dst), boot, &SECRET);
        let nonce = Nonce { serial: fresh.serial, counter: fresh.counter };
        let window = TimeWindow::from_unix_ms(world.now.unix_ms);
        let verified =
            unprotect(&keys, forge::protection(self.options), nonce, window, &mut payload).unwrap();
        let tlvs = PayloadTlvs::parse(verified.payload_tlvs()).unwrap();
        self.sessions.extend(tlvs.session_id);
        self.serials.extend(tlvs.payload_serial);
        self.secrets.extend(tlvs.security_key.map(|key| <[u8; 32]>::try_from(key.0).unwrap()));
    }

    fn derive(&mut self) {
        for secret in &self.secrets {
            let directions = core::iter::once(None).chain(self.boots.iter().map(|boot| Some(*boot)));
            for direction in directions {
                let name = (*secret, direction);
                if self.keys.iter().all(|(known, _)| *known != name) {
                    let secret = PayloadSecret::from_bytes(secret);
                    let key = match direction {
                        None => PayloadKeys::derive_forward(&secret),
                        Some(boot) => PayloadKeys::derive_reverse(&secret, BootId(boot)),
                    };
                    self.keys.push((name, key.unwrap()));
                }
            }
        }
    }

    fn payload_of(&mut self, seen: &Seen) {
        self.derive();
        let parsed = Parsed::parse(&seen.bytes).unwrap();
        let mut payload = parsed.payload(&seen.bytes);
        if metadata::is_metadata(payload) {
            payload = &payload[metadata::Packet::new_checked(payload).unwrap().total_len()..];
        }
        let size = match seen.offload.segmentation {
            Segmentation::Udp { size } => usize::from(size),
            Segmentation::None | Segmentation::Tcp { .. } => payload.len(),
        };
        for sealed in payload.chunks(size.max(1)).filter(|sealed| sealed.len() >= 24) {
            if let Some((name, serial, counter)) = self.opened(sealed) {
                let known = self.payload.entry((name, serial, counter)).or_insert_with(|| sealed.to_vec());
                assert_eq!(
                    known, sealed,
                    "payload nonce {serial}/{counter} was used before under {:?}",
                    name.1
                );
            }
        }
    }

    fn opened(&self, sealed: &[u8]) -> Option<(KeyName, u32, u64)> {
        let (counter, rest) = sealed.split_first_chunk::<8>()?;
        let (data, tag) = rest.split_last_chunk::<16>()?;
        let counter = u64::from_be_bytes(*counter);
        for (name, key) in &self.keys {
            for serial in &self.serials {
                for session in &self.sessions {
                    let nonce = Nonce { serial: *serial, counter };
                    if open_in_place(key, nonce, session, &mut data.to_vec(), tag).is_ok() {
                        return Some((*name, *serial, counter));
                    }
                }
            }
        }
        None
    }
}

fn call(place: Place, port: u16) -> Call {
    Call { place, ..near(SEALED, port) }
}

/// The server of the session says something of its own accord.
fn speak(world: &mut World, router: usize) {
    let mut delivered =
        world.lan.iter().rev().filter(|(at, seen)| {
            *at == router && Parsed::parse(&seen.bytes).unwrap().protocol == protocol::UDP
        });
    let speech = delivered.next().and_then(|(_, seen)| craft::reply(&seen.bytes));
    world.local(router, &speech.expect("a server was reached"), quiver_wire::offload::Offload::default());
    world.pump();
}

#[test]
fn no_nonce_repeats_across_restarts_recovery_and_moves() {
    let mut world = world();
    for place in [Place::Near, Place::Far] {
        conversation::udp(&mut world, call(place, 40_000));
        conversation::tcp(&mut world, call(place, 40_001), false);
        conversation::tcp(&mut world, Call { protection: ADAPTIVE, ..call(place, 40_003) }, false);
    }
    for router in [A, B, C, A, C, B, A] {
        world.restart(router);
        world.pass(Duration::from_millis(3));
        for (place, home) in [(Place::Near, B), (Place::Far, C)] {
            speak(&mut world, home);
            conversation::udp(&mut world, call(place, 40_000));
            conversation::tcp(&mut world, call(place, 40_001), false);
        }
        world.pass(Duration::from_secs(2));
        conversation::udp(&mut world, call(Place::Far, 40_000));
    }
    let mut observer = Observer::new(world.options);
    observer.read_all(&world);
    assert!(observer.metadata.len() > 100 && observer.payload.len() > 100);
    let keys: BTreeSet<_> = observer.payload.keys().map(|(name, _, _)| *name).collect();
    assert!(keys.len() >= 8, "restarts bring new keys both ways: {}", keys.len());
}

#[test]
fn no_nonce_repeats_when_keys_are_replaced_after_a_day() {
    let mut world = world();
    conversation::udp(&mut world, call(Place::Near, 40_000));
    for _ in 0..1_460 {
        world.pass(Duration::from_mins(1));
        world.send(&datagram(call(Place::Near, 40_000), b"tick"));
    }
    conversation::udp(&mut world, call(Place::Near, 40_005));
    assert_eq!(world.engines[A].counters().sessions_opened, 2, "the session has lived through it");
    let mut observer = Observer::new(world.options);
    observer.read_all(&world);
    assert_eq!(observer.secrets.len(), 2, "there was a second epoch");
    assert!(observer.payload.len() > 2_000, "{}", observer.payload.len());
    let delivered = world.lan.iter().filter(|(router, _)| *router == A).count();
    assert!(delivered >= 1_460, "no packet was lost by it: {delivered}");
}

/// Forward metadata of a session that its teller seals with a key of its own.
fn told_sealed(tuple: Context) -> PayloadTlvs<'static> {
    PayloadTlvs {
        forward: Some(tuple),
        session_id: Some([1; 16]),
        tenant: Some("web.prod"),
        service: Some("prod/sealed-near"),
        source_router: Some("a"),
        session_flags: Some(SessionFlags::default()),
        session_encrypted: true,
        security_key: Some(KeyBytes(&[0x77; 32])),
        payload_serial: Some(7),
        payload_key_id: Some(9),
        payload_boot_ids: Some(PayloadBootIds { ingress: 0x5001, egress: 0 }),
        ..PayloadTlvs::default()
    }
}

#[test]
fn session_told_again_in_the_same_instant_repeats_no_nonce() {
    let mut world = world();
    let mut forger = turned_a(&world);
    let tuple = context(40_000, service(SEALED, Place::Near, true), 17);
    let forward = forge::section(&told_sealed(tuple));
    let alone = HeaderTlvs { metadata_only: true, ..HeaderTlvs::default() };
    let delete = HeaderTlvs { control: Some(ControlCode::DeleteSession), ..HeaderTlvs::default() };
    let named = forge::section(&PayloadTlvs { session_id: Some([1; 16]), ..PayloadTlvs::default() });
    let mut counters = BTreeSet::new();
    let mut sent = 0;
    for _ in 0..3 {
        let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, alone, &forward, &[]);
        assert_eq!(attack(&mut world, B, &packet).1.opened, 1);
        let source = world.engines[B].sessions(world.now).next().unwrap().binding.unwrap();
        let server = SocketAddr::new(source.dst, source.dport);
        let reply = craft::udp(server, SocketAddr::new(source.src, source.sport), b"answer");
        for _ in 0..2 {
            let (_, outcome) = on_side(&mut world, B, Side::Lan, &reply);
            for (direction, seen) in outcome.sent {
                assert_eq!(direction, Direction::Wan);
                let parsed = Parsed::parse(&seen.bytes).unwrap();
                let payload = parsed.payload(&seen.bytes);
                let start = metadata::Packet::new_checked(payload).map_or(0, |view| view.total_len());
                counters.insert(payload[start..start + 8].to_vec());
                sent += 1;
            }
        }
        let packet = forger.packet(pair(16_390, 16_391), world.now.unix_ms, delete, &named, &[]);
        attack(&mut world, B, &packet);
        assert_eq!(world.sessions(B), 0);
    }
    assert_eq!((sent, counters.len()), (6, 6), "each answer has a nonce of its own");
}
