//! Random and mutated packets, a million of them in the release profile.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use quiver_engine::config::{Cipher, Config, Encryption, MetadataProtection, PortRange, Transport};
use quiver_engine::{Direction, Engine, Tables};
use quiver_wire::Parsed;
use quiver_wire::offload::Offload;

use crate::allocations::live_bytes;
use crate::exercise::conversation::{self, Call};
use crate::exercise::craft;
use crate::exercise::invariants::{Side, hand_in};
use crate::exercise::world::{Options, Place, Seen, World, config, on_time, waypoint};
use crate::mutation::{Random, mutated};

/// Packets per side; more with `QUIVER_FUZZ_ROUNDS` at build time.
const ROUNDS: u32 = match option_env!("QUIVER_FUZZ_ROUNDS") {
    None if cfg!(debug_assertions) => 100_000,
    None => 1_000_000,
    Some(rounds) => match u32::from_str_radix(rounds, 10) {
        Ok(rounds) => rounds,
        Err(_) => panic!("QUIVER_FUZZ_ROUNDS is not a number"),
    },
};
/// Rounds between two renewals of the genuine sessions.
const SEASON: u32 = 5_000;
/// What tables, keys and caches may grow by from one season to the next without an end in sight.
const GROWTH: i64 = 4 << 20;

fn profiles() -> [Options; 4] {
    let sealed = Options::default();
    [
        sealed,
        Options { metadata: MetadataProtection::Signed, ..sealed },
        Options { cipher: Cipher::Aes256CbcHmacSha256, ..sealed },
        Options { transport: Transport::Udp, ..sealed },
    ]
}

/// The packets that `router` got from the others, and those that came out on its LAN side.
fn genuine(world: &World, router: usize) -> (Vec<Seen>, Vec<Seen>) {
    let own = [waypoint(router, true), waypoint(router, false)];
    let is_ours = |seen: &&Seen| own.contains(&Parsed::parse(&seen.bytes).unwrap().dst);
    let lan = world.lan.iter().filter(|(at, _)| *at == router).map(|(_, seen)| seen.clone()).collect();
    (world.wire.iter().filter(is_ours).cloned().collect(), lan)
}

#[test]
fn hostile_packets_of_the_network_open_nothing_and_are_all_accounted_for() {
    for (profile, options) in profiles().into_iter().enumerate() {
        let mut random = Random(profile as u64 + 1);
        let mut answers = Answers::default();
        let rounds = ROUNDS / 4;
        let mut held = None;
        for season in 0..rounds.div_ceil(SEASON) {
            let mut world = World::new(options);
            conversation::everything(&mut world, 30_000);
            let (corpus, _) = genuine(&world, 1);
            assert!(corpus.len() > 200, "there is genuine traffic of every kind");
            assert_pool_is_whole(&mut world.engines[1]);
            let before = live_bytes();
            for _ in 0..SEASON.min(rounds - season * SEASON) {
                let (bytes, offload) = mutated(&corpus, &mut random);
                let now = world.now;
                let outcome = hand_in(&mut world.engines[1], Side::Wan, &bytes, offload, now);
                assert_eq!(outcome.opened, 0, "a session was opened by {bytes:02x?}");
                assert_eq!(outcome.metadata, 0, "metadata was believed: {bytes:02x?}");
                answers.note(&bytes, &outcome.sent);
                if random.below(64) == 0 {
                    world.now.at += Duration::from_millis(20);
                    world.now.unix_ms += 20;
                    on_time(&mut world.engines[1], world.now);
                    crate::exercise::world::drain(&mut world.engines[1]);
                }
            }
            let grown = live_bytes() - before;
            assert!(grown < GROWTH, "{grown} bytes more are held than before");
            assert_pool_is_whole(&mut world.engines[1]);
            held = Some(world.engines[1].counters().clone());
        }
        let amplification = answers.amplification();
        println!("profile {profile}: {rounds} packets, amplification 0.{amplification:03}");
        assert!(amplification <= 1_000);
        let counters = held.unwrap();
        let reasons = counters.drops.iter().filter(|(_, packets)| *packets > 0).count();
        assert!(reasons >= 8, "{reasons} reasons were met: {counters:?}");
    }
}

#[test]
fn hostile_packets_of_local_hosts_stay_within_every_bound() {
    for (profile, options) in profiles().into_iter().enumerate() {
        let mut random = Random(profile as u64 + 101);
        let options = Options { max_sessions: 512, ..options };
        let rounds = ROUNDS / 4;
        for season in 0..rounds.div_ceil(SEASON) {
            let mut world = World::new(options);
            conversation::everything(&mut world, 30_000);
            let router = season as usize % 2;
            let (_, delivered) = genuine(&world, router);
            let corpus = corpus_of_lan(&world, router, &delivered);
            assert_pool_is_whole(&mut world.engines[router]);
            let before = live_bytes();
            for _ in 0..SEASON.min(rounds - season * SEASON) {
                let (bytes, offload) = mutated(&corpus, &mut random);
                let now = world.now;
                hand_in(&mut world.engines[router], Side::Lan, &bytes, offload, now);
                assert!(world.sessions(router) <= options.max_sessions);
                if random.below(64) == 0 {
                    world.now.at += Duration::from_millis(20);
                    world.now.unix_ms += 20;
                    on_time(&mut world.engines[router], world.now);
                    crate::exercise::world::drain(&mut world.engines[router]);
                }
            }
            let grown = live_bytes() - before;
            assert!(grown < GROWTH, "{grown} bytes more are held than before");
            assert_pool_is_whole(&mut world.engines[router]);
            assert_everything_ends(&mut world, router);
        }
    }
}

#[test]
fn configuration_changes_under_fire_leave_nothing_behind() {
    for seed in 0..ROUNDS / 20_000 {
        let mut random = Random(u64::from(seed) + 201);
        let mut world = World::new(Options::default());
        conversation::everything(&mut world, 30_000);
        let (corpus, _) = genuine(&world, 1);
        for _ in 0..30 {
            let router = random.below(3);
            let tables = Tables::build(&changed(router, &mut random)).unwrap();
            world.engines[router].apply(Arc::new(tables), world.now);
            for _ in 0..20 {
                let (bytes, offload) = mutated(&corpus, &mut random);
                let now = world.now;
                hand_in(&mut world.engines[1], Side::Wan, &bytes, offload, now);
            }
            let place = *random.choice(&[Place::Near, Place::Far]);
            let port = 30_000 + random.below(200) as u16;
            let call = Call { protection: random.below(4), place, is_ipv4: random.below(2) == 0, port };
            conversation::udp(&mut world, call);
            conversation::tcp(&mut world, call, random.below(2) == 0);
            world.pass(Duration::from_millis(random.below(3_000) as u64));
            if random.below(10) == 0 {
                world.restart(router);
            }
        }
        for router in 0..3 {
            assert_pool_is_whole(&mut world.engines[router]);
            assert_everything_ends(&mut world, router);
        }
    }
}

/// The configuration of a router, with something missing or other than before.
fn changed(router: usize, random: &mut Random) -> Config {
    let mut config = config(router, Options::default());
    let some = random.below(config.services.len());
    match random.below(12) {
        0 => drop(config.services.remove(some)),
        1 => config.services[some].access.clear(),
        2 => config.services[some].routes.clear(),
        3 => config.services[some].encryption = Encryption::Always,
        4 => config.tenants.truncate(1),
        5 => config.tenants[0].members.clear(),
        6 => config.waypoint_ports = PortRange { first: 20_000, last: 20_511 },
        7 => config.max_sessions = 8,
        8 => without_peer(&mut config),
        9 => {
            for target in config
                .services
                .iter_mut()
                .flat_map(|service| &mut service.routes)
                .flat_map(|route| &mut route.targets)
            {
                target.healthy = false;
            }
        }
        10 => config.services[some].routes[0].max_sessions = Some(1),
        _ => {}
    }
    config
}

fn without_peer(config: &mut Config) {
    config.peers.pop();
    let known: Vec<_> = config.peers.iter().map(|peer| peer.router.clone()).collect();
    for route in config.services.iter_mut().flat_map(|service| &mut service.routes) {
        route.peers.retain(|peer| known.contains(&peer.router));
    }
}

/// What came out at a router, turned round, and what its clients sent: packets of known sessions and new ones.
fn corpus_of_lan(world: &World, router: usize, delivered: &[Seen]) -> Vec<Seen> {
    let turned = delivered.iter().filter_map(|seen| {
        let bytes = craft::reply(&seen.bytes)?;
        Some(Seen { bytes, offload: Offload::default() })
    });
    let quoted = delivered.iter().step_by(7).filter_map(|seen| {
        let from = Parsed::parse(&seen.bytes).ok()?.dst;
        Some(Seen { bytes: craft::too_big(from, &seen.bytes, 900), offload: Offload::default() })
    });
    let mut corpus: Vec<Seen> = turned.chain(quoted).collect();
    assert!(corpus.len() > 50, "{router} delivered {}", world.lan.len());
    let fragments: Vec<Seen> = delivered
        .iter()
        .filter(|seen| seen.bytes[0] >> 4 == 4 && seen.bytes.len() > 60)
        .take(8)
        .map(|seen| {
            let bytes = craft::fragment_v4(&seen.bytes, 0..32, seen.bytes.len() as u16, true);
            Seen { bytes, offload: Offload::default() }
        })
        .collect();
    corpus.extend(fragments);
    corpus
}

/// Takes all buffers there are, so that they are made, too.
fn assert_pool_is_whole(engine: &mut Engine) {
    let mut buffers = Vec::new();
    while let Some(buffer) = engine.take_buffer() {
        buffers.push(buffer);
    }
    assert_eq!(buffers.len(), 256, "no buffer was lost");
    for buffer in buffers {
        engine.recycle(buffer);
    }
}

/// After four days without a packet nothing is left.
fn assert_everything_ends(world: &mut World, router: usize) {
    for _ in 0..4 {
        world.pass(Duration::from_hours(24));
    }
    assert_eq!(world.sessions(router), 0);
    for path in world.engines[router].paths(world.now) {
        assert_eq!(
            (path.sessions, path.ports_in_use),
            (0, 0),
            "ports are given back on the path to {}",
            path.remote
        );
    }
    let engine = &world.engines[router];
    for (name, tally) in engine.services().chain(engine.routes()).chain(engine.targets()) {
        assert_eq!(tally.sessions, 0, "{name}: counts of sessions come back to zero");
    }
}

/// Bytes by address of the network between routers: what came from there, and what went back because of that.
#[derive(Default)]
struct Answers(BTreeMap<core::net::IpAddr, (usize, usize)>);

impl Answers {
    fn note(&mut self, bytes: &[u8], sent: &[(Direction, Seen)]) {
        let Ok(parsed) = Parsed::parse(bytes) else {
            assert!(sent.is_empty(), "what is no packet is not answered");
            return;
        };
        let entry = self.0.entry(parsed.src).or_default();
        entry.0 += bytes.len();
        for (direction, seen) in sent {
            let to = Parsed::parse(&seen.bytes).unwrap().dst;
            if *direction == Direction::Wan && to == parsed.src {
                entry.1 += seen.bytes.len();
            }
        }
        assert!(entry.1 <= entry.0, "{} got {} bytes for {}", parsed.src, entry.1, entry.0);
    }

    /// Thousandths of what came in.
    fn amplification(&self) -> usize {
        let (received, sent) = self.0.values().fold((0, 0), |sum, entry| (sum.0 + entry.0, sum.1 + entry.1));
        assert!(sent > 0, "unknown sessions are answered");
        sent * 1_000 / received
    }
}
