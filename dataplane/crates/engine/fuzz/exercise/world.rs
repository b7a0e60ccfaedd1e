//! Three routers in a row, `a` - `b` - `c`, with a client behind `a`, servers behind `b` and `c`, and all packets between them.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::sync::Arc;

use quiver_crypto::{BootId, SharedSecret};
use quiver_engine::config::*;
use quiver_engine::packet::InterfaceId;
use quiver_engine::{Direction, Engine, Instant, Now, Packet, Setup, Shard, Tables};
use quiver_wire::offload::Offload;

use super::craft;

/// The present at the start of a world, Unix milliseconds.
pub(crate) const EPOCH_MS: u64 = 1_700_000_000_000;
/// The secret of the fabric.
pub(crate) const SECRET: [u8; 32] = [7; 32];

/// Services by how their payload is protected.
pub(crate) const CLEAR: usize = 0;
pub(crate) const SEALED: usize = 1;
pub(crate) const ADAPTIVE: usize = 2;
pub(crate) const SIGNED: usize = 3;
const PROTECTIONS: [(&str, Encryption, Integrity); 4] = [
    ("clear", Encryption::Never, Integrity::Metadata),
    ("sealed", Encryption::Always, Integrity::Metadata),
    ("adaptive", Encryption::Adaptive, Integrity::Metadata),
    ("signed", Encryption::Never, Integrity::PerPacket),
];

/// Where a service's servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Behind `b`.
    Near,
    /// Behind `c`.
    Far,
}

pub(crate) fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn prefix(text: &str) -> Prefix {
    let (host, length) = text.split_once('/').expect("a prefix");
    Prefix { address: address(host), length: length.parse().expect("a length") }
}

/// The waypoint of a router.
pub(crate) fn waypoint(router: usize, is_ipv4: bool) -> IpAddr {
    address(&if is_ipv4 { format!("192.0.2.{}", router + 1) } else { format!("2001:db8::{}", router + 1) })
}

/// What a client dials.
pub(crate) fn service(protection: usize, place: Place, is_ipv4: bool) -> IpAddr {
    let number = 10 + protection + if place == Place::Far { 4 } else { 0 };
    address(&if is_ipv4 { format!("198.18.0.{number}") } else { format!("2001:db8:18::{number}") })
}

/// A client behind `a`, of the tenant `web.prod`.
pub(crate) fn client(is_ipv4: bool, port: u16) -> SocketAddr {
    SocketAddr::new(address(if is_ipv4 { "10.1.0.5" } else { "fd01::5" }), port)
}

/// How a world differs from the usual one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) metadata: MetadataProtection,
    pub(crate) cipher: Cipher,
    pub(crate) transport: Transport,
    pub(crate) max_sessions: u32,
    pub(crate) workers: u8,
    pub(crate) mtu: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            metadata: MetadataProtection::Sealed,
            cipher: Cipher::Aes256Gcm,
            transport: Transport::Native,
            max_sessions: 4096,
            workers: 1,
            mtu: 1500,
        }
    }
}

/// The configuration of one of the routers.
pub(crate) fn config(router: usize, options: Options) -> Config {
    let names = ["a", "b", "c"];
    let neighbours: &[usize] = [&[1][..], &[0, 2], &[1]][router];
    let services = [Place::Near, Place::Far].into_iter().flat_map(|place| {
        (0..PROTECTIONS.len()).map(move |protection| service_of(router, protection, place))
    });
    Config {
        fabric: "fabric".into(),
        router: names[router].into(),
        node: "n1".into(),
        waypoints: vec![waypoint(router, true), waypoint(router, false)],
        waypoint_ports: PortRange { first: 16_384, last: 17_407 },
        service_pool: vec![prefix("198.18.0.0/16"), prefix("2001:db8:18::/64")],
        return_pool: vec![prefix("169.254.96.0/20"), prefix("2001:db8:19::/112")],
        secrets: vec![(1, SharedSecret::new(&SECRET).expect("32 bytes"))],
        active_secret: 1,
        metadata: options.metadata,
        cipher: options.cipher,
        max_sessions: options.max_sessions,
        rejection: Rejection::Tell,
        service_match: ServiceMatch::BestOnly,
        tenants: tenants(),
        services: services.collect(),
        peers: neighbours.iter().map(|peer| peer_of(router, *peer, names[*peer], options)).collect(),
        lan_mtu: 1500,
    }
}

fn tenants() -> Vec<Tenant> {
    let member = |text| TenantMember { prefix: prefix(text), interface: None };
    vec![
        Tenant { name: "web.prod".into(), members: vec![member("10.1.0.0/24"), member("fd01::/64")] },
        Tenant { name: "xprod".into(), members: vec![member("10.9.0.0/24")] },
    ]
}

fn service_of(router: usize, protection: usize, place: Place) -> Service {
    let (name, encryption, integrity) = PROTECTIONS[protection];
    let home = if place == Place::Near { 1 } else { 2 };
    let target = |text: String| Target {
        address: address(&text),
        port: None,
        weight: 1,
        healthy: true,
        source: TargetSource::ReturnPool,
    };
    let here = router == home;
    let targets = vec![target(format!("10.{home}.1.9")), target(format!("fd0{home}::9"))];
    let next = if router == 0 { "b" } else { "c" };
    Service {
        name: format!("prod/{name}-{place:?}").to_lowercase().into(),
        addresses: [true, false].map(|v4| host(service(protection, place, v4))).to_vec(),
        ports: Vec::new(),
        access: vec![AccessRule { tenant: "prod".into(), allow: true }],
        public: false,
        encryption,
        integrity,
        idle_timeout: None,
        spread: Spread::Hunt,
        routes: vec![Route {
            name: format!("prod/{name}-{place:?}-route").to_lowercase().into(),
            peers: if here || router == 2 {
                Vec::new()
            } else {
                vec![RoutePeer { router: next.into(), cost: 1 }]
            },
            targets: if here { targets } else { Vec::new() },
            max_sessions: None,
        }],
    }
}

fn host(address: IpAddr) -> Prefix {
    Prefix { address, length: if address.is_ipv4() { 32 } else { 128 } }
}

fn peer_of(router: usize, peer: usize, name: &str, options: Options) -> Peer {
    let path = |is_ipv4| PeerWaypoint {
        node: "n1".into(),
        address: waypoint(peer, is_ipv4),
        local: waypoint(router, is_ipv4),
        cost: u32::from(!is_ipv4),
        mtu: options.mtu,
    };
    Peer {
        router: name.into(),
        waypoints: vec![path(true), path(false)],
        transport: options.transport,
        always_encrypt: false,
    }
}

/// A packet as it was on the network between the routers.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) bytes: Vec<u8>,
    pub(crate) offload: Offload,
}

/// The routers and all that happens between them.
pub(crate) struct World {
    pub(crate) engines: Vec<Engine>,
    pub(crate) now: Now,
    pub(crate) options: Options,
    /// Everything that any router sent to another, in order.
    pub(crate) wire: Vec<Seen>,
    /// Everything that came out on the LAN side of a router.
    pub(crate) lan: Vec<(usize, Seen)>,
    boots: u64,
}

impl World {
    pub(crate) fn new(options: Options) -> Self {
        let now = Now { at: Instant::from_nanos(1_000), unix_ms: EPOCH_MS };
        let engines = (0..3).map(|router| engine(router, options, router as u64 + 1, 0, now)).collect();
        Self { engines, now, options, wire: Vec::new(), lan: Vec::new(), boots: 3 }
    }

    /// Starts a router anew, with an empty table.
    pub(crate) fn restart(&mut self, router: usize) {
        self.boots += 1;
        self.engines[router] = engine(router, self.options, self.boots, 0, self.now);
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now.at += time;
        self.now.unix_ms += time.as_millis() as u64;
        for engine in &mut self.engines {
            on_time(engine, self.now);
        }
        self.pump();
    }

    /// A packet of a local client or server.
    pub(crate) fn local(&mut self, router: usize, bytes: &[u8], offload: Offload) {
        let packet = filled(&mut self.engines[router], bytes, offload);
        self.engines[router].handle_lan(packet, self.now);
    }

    /// A packet of the network between the routers.
    pub(crate) fn remote(&mut self, router: usize, bytes: &[u8], offload: Offload) {
        let packet = filled(&mut self.engines[router], bytes, offload);
        self.engines[router].handle_wan(packet, self.now);
    }

    /// What a router has sent since, without delivering it.
    pub(crate) fn drain(&mut self, router: usize) -> Vec<(Direction, Seen)> {
        drain(&mut self.engines[router])
    }

    /// Delivers packets between the routers until there is none left; servers answer what they get.
    pub(crate) fn pump(&mut self) {
        loop {
            let mut is_quiet = true;
            for router in 0..self.engines.len() {
                for (direction, seen) in self.drain(router) {
                    is_quiet = false;
                    match direction {
                        Direction::Wan => self.carry(&seen),
                        Direction::Lan => self.arrive(router, seen),
                    }
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn carry(&mut self, seen: &Seen) {
        let to = quiver_wire::Parsed::parse(&seen.bytes).expect("routers send packets").dst;
        let router = (0..3).find(|router| [true, false].iter().any(|v4| waypoint(*router, *v4) == to));
        self.wire.push(seen.clone());
        self.remote(router.expect("routers send to waypoints"), &seen.bytes, seen.offload);
    }

    fn arrive(&mut self, router: usize, seen: Seen) {
        let to = quiver_wire::Parsed::parse(&seen.bytes).expect("routers send packets").dst;
        let is_server = ["10.1.1.9", "10.2.1.9", "fd01::9", "fd02::9"].iter().any(|text| address(text) == to);
        let answer = is_server.then(|| craft::reply(&seen.bytes)).flatten();
        self.lan.push((router, seen));
        if let Some(answer) = answer {
            self.local(router, &answer, Offload::default());
        }
    }

    /// Sends a client's packet and lets everything that follows from it happen.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.local(0, bytes, Offload::default());
        self.pump();
    }

    pub(crate) fn sessions(&self, router: usize) -> u32 {
        self.engines[router].session_count()
    }

    pub(crate) fn drops(&self, router: usize, reason: quiver_engine::drop_reason::DropReason) -> u64 {
        self.engines[router].counters().drops.get(reason)
    }
}

/// An engine of one of the routers.
pub(crate) fn engine(router: usize, options: Options, boot: u64, worker: u8, now: Now) -> Engine {
    let tables = Arc::new(Tables::build(&config(router, options)).expect("the configuration is right"));
    let mut seed = [router as u8; 32];
    seed[1..9].copy_from_slice(&boot.to_be_bytes());
    seed[9] = worker;
    let setup = Setup {
        seed,
        boot_id: BootId(0x5000 + boot),
        shard: Shard { index: worker, count: options.workers },
        horizon_unix_ms: now.unix_ms,
    };
    Engine::new(setup, tables, now)
}

/// Lets the engine do what is due; whatever is due after that lies ahead.
pub(crate) fn on_time(engine: &mut Engine, now: Now) {
    engine.handle_timeout(now);
    let next = engine.poll_timeout();
    assert!(next.is_none_or(|(at, _)| at > now.at), "{next:?} would be due at once, again and again");
}

/// A buffer of the engine's own pool with a copy of `bytes`.
pub(crate) fn filled(engine: &mut Engine, bytes: &[u8], offload: Offload) -> Packet {
    let mut packet = engine.take_buffer().expect("buffers are given back");
    packet.fill(bytes);
    packet.offload = offload;
    packet.interface = InterfaceId(0);
    packet
}

pub(crate) fn drain(engine: &mut Engine) -> Vec<(Direction, Seen)> {
    let mut sent = Vec::new();
    while let Some(transmit) = engine.poll_transmit() {
        let packet = transmit.packet;
        sent.push((transmit.direction, Seen { bytes: packet.bytes().to_vec(), offload: packet.offload }));
        engine.recycle(packet);
    }
    while engine.poll_event().is_some() {}
    sent
}
