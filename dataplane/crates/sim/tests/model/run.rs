//! One run: a random world is built, disturbed and watched.

use core::net::SocketAddr;
use core::time::Duration;
use std::collections::BTreeMap;

use quiver_sim::conversation::is_pattern;
use quiver_sim::fabric::ConnectionId;
use quiver_sim::{Dice, Fabric, Script, UdpService, craft};

use crate::configured::{apply, plan_of, protect};
use crate::world::World;

/// Steps of the disturbed part.
const STEPS: u32 = 60;
/// Bytes of a download.
const STREAM: usize = 150_000;
/// Attempts after which something allowed counts as refused for good.
const ATTEMPTS: u16 = 12;

/// What a packet was when it was sent.
#[derive(Clone, Copy, Debug)]
struct Sent {
    client: usize,
    service: usize,
    port: u16,
    family: usize,
    version: usize,
}

/// Where a packet goes.
#[derive(Clone, Copy, Debug)]
struct Destination {
    service: usize,
    port: u16,
    family: usize,
}

struct Run {
    seed: u64,
    dice: Dice,
    net: Fabric,
    /// The world after each change, the present one last.
    worlds: Vec<World>,
    sent: BTreeMap<u64, Sent>,
    serial: u64,
    streams: Vec<ConnectionId>,
    seen: Seen,
}

/// What a run has seen, so that a run in which nothing happens is noticed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) delivered: u64,
    pub(crate) allowed: u64,
    pub(crate) forbidden: u64,
    pub(crate) streamed: u64,
}

/// Runs the world of `seed`.
pub(crate) fn run(seed: u64) -> Seen {
    let mut dice = Dice::new(seed);
    let world = World::random(&mut dice);
    let mut net = plan_of(&world).start_with(seed, |_, config| protect(config, &world));
    net.log.disable();
    net.keep_wan = false;
    for server in &world.servers {
        net.host_mut(&server.name).udp_others = UdpService::Echo;
        net.host_mut(&server.name).superpackets = world.superpackets;
        net.listen(&server.name, 1000, Script::Echo);
        net.listen(&server.name, 1001, Script::Source(STREAM));
    }
    net.run_ms(300);
    let mut run = Run {
        seed,
        dice,
        net,
        worlds: vec![world],
        sent: BTreeMap::new(),
        serial: 0,
        streams: vec![],
        seen: Seen::default(),
    };
    for _ in 0..STEPS {
        run.disturb();
        run.look();
    }
    run.streams_are_whole();
    run.get_well();
    run.everything_allowed_works();
    run.tcp_agrees();
    run.seen
}

impl Run {
    fn world(&self) -> &World {
        self.worlds.last().expect("there is a first world")
    }

    fn disturb(&mut self) {
        match self.dice.below(20) {
            0 => self.change(),
            1 => {
                let router = self.dice.index(self.world().routers);
                self.net.restart(&format!("r{router}"));
            }
            2 => {
                let loss = [0.0, 0.1, 0.3][self.dice.index(3)];
                self.net.every_link(|link| {
                    link.loss = loss;
                    link.reorder = loss / 2.0;
                    link.duplicate = loss / 3.0;
                });
            }
            3 => self.net.run(Duration::from_secs(12)),
            4 => {
                let mtu = [1500, 1400, 1300][self.dice.index(3)];
                self.net.every_link(|link| link.mtu = mtu);
            }
            5 => self.stream(),
            _ => {
                for _ in 0..=self.dice.below(6) {
                    self.send();
                }
            }
        }
        let pause = self.dice.duration(Duration::from_millis(400));
        self.net.run(pause);
    }

    fn change(&mut self) {
        let mut world = self.world().clone();
        world.change(&mut self.dice);
        self.worlds.push(world);
        let world = self.world().clone();
        for router in 0..world.routers {
            self.net.reconfigure(&format!("r{router}"), |config| apply(config, &world));
        }
    }

    fn send(&mut self) {
        let world = self.world();
        let (clients, services) = (world.clients.len(), world.services.len());
        let client = self.dice.index(clients);
        let service = self.dice.index(services);
        let port = *self.dice.pick(&[7, 7, 1000, 1003, 1004, 2001]);
        let family = self.dice.index(2);
        let from = 5000 + self.dice.below(3) as u16;
        let padding = *self.dice.pick(&[0, 0, 0, 900, 1400, 3000]);
        self.send_one(Destination { service, port, family }, client, from, padding);
    }

    fn send_one(&mut self, to: Destination, client: usize, from: u16, padding: usize) -> u64 {
        let Destination { service, port, family } = to;
        self.serial += 1;
        let version = self.worlds.len() - 1;
        self.sent.insert(self.serial, Sent { client, service, port, family, version });
        let world = self.world();
        let name = world.clients[client].name.clone();
        let address = &world.services[service].addresses[family];
        let to = SocketAddr::new(address.parse().expect("an address"), port);
        let mut payload = format!("packet {} ", self.serial).into_bytes();
        payload.resize(payload.len() + padding, b'.');
        let from = SocketAddr::new(self.net.host(&name).address_towards(to.ip()), from);
        let packet = craft::udp(from, to, &payload);
        if packet.len() > 1280 {
            for piece in craft::fragments(&packet, 1280, self.serial as u32) {
                self.net.send(&name, piece);
            }
        } else {
            self.net.send(&name, packet);
        }
        self.serial
    }

    /// Somebody begins a download.
    fn stream(&mut self) {
        let world = self.world();
        let (clients, services) = (world.clients.len(), world.services.len());
        let client = self.dice.index(clients);
        let service = self.dice.index(services);
        let world = self.worlds.last().expect("there is a first world");
        let to = format!("{}:1001", world.services[service].addresses[0]);
        self.streams.push(self.net.connect(&world.clients[client].name, &to, Script::Sink));
    }

    /// Whatever came of the downloads, no byte is wrong or out of place.
    fn streams_are_whole(&mut self) {
        for stream in &self.streams {
            let received = &self.net.connection(*stream).received;
            assert!(is_pattern(received), "seed {}: a stream is damaged", self.seed);
            self.seen.streamed += received.len() as u64;
        }
    }

    /// Judges everything that arrived. Answers the packets whose echo came back.
    fn look(&mut self) -> Vec<u64> {
        let world = self.world().clone();
        for (index, server) in world.servers.iter().enumerate() {
            for arrival in self.net.take_inbox(&server.name) {
                if let Some(serial) = serial_of(arrival.payload()) {
                    self.judge(serial, index);
                }
            }
        }
        let mut answered = vec![];
        for (index, client) in world.clients.iter().enumerate() {
            for arrival in self.net.take_inbox(&client.name) {
                let Some(serial) = serial_of(arrival.payload()).filter(|_| arrival.icmp_error().is_none())
                else {
                    continue;
                };
                let sent = self.sent[&serial];
                assert_eq!(sent.client, index, "seed {}: an answer came to the wrong client", self.seed);
                let dialled = &world.services[sent.service].addresses[sent.family];
                assert_eq!(arrival.from().ip().to_string(), *dialled, "seed {}: wrong source", self.seed);
                assert_eq!(arrival.from().port(), sent.port, "seed {}: wrong source port", self.seed);
                answered.push(serial);
            }
        }
        answered
    }

    /// A packet reached a server: some world between its sending and now has to allow that.
    fn judge(&mut self, serial: u64, server: usize) {
        self.seen.delivered += 1;
        let sent = self.sent[&serial];
        let mut worlds = self.worlds[sent.version..].iter();
        let allowed = worlds.any(|world| world.reaches(sent.client, sent.service, sent.port) == Some(server));
        assert!(
            allowed,
            "seed {}: packet {serial} {sent:?} of {:?} to {:?} was delivered to {:?}",
            self.seed,
            self.world().clients[sent.client],
            self.world().services[sent.service],
            self.world().servers[server],
        );
    }

    /// The network gets well, and everybody has time to notice.
    fn get_well(&mut self) {
        self.net.every_link(|link| *link = quiver_sim::Link::default());
        self.net.run(Duration::from_secs(15));
        self.look();
    }

    fn everything_allowed_works(&mut self) {
        let world = self.world().clone();
        for client in 0..world.clients.len() {
            for service in 0..world.services.len() {
                let port = world.services[service].ports.0.max(7);
                let allowed = world.reaches(client, service, port).is_some();
                let family = self.dice.index(2);
                if allowed {
                    self.seen.allowed += 1;
                } else {
                    self.seen.forbidden += 1;
                }
                let answered = self.is_answered(client, service, port, family);
                assert_eq!(
                    answered, allowed,
                    "seed {}: {:?} to port {port} of {:?}",
                    self.seed, world.clients[client], world.services[service]
                );
            }
        }
    }

    fn is_answered(&mut self, client: usize, service: usize, port: u16, family: usize) -> bool {
        let allowed = self.world().reaches(client, service, port).is_some();
        let attempts = if allowed { ATTEMPTS } else { 1 };
        for _ in 0..attempts {
            let serial =
                self.send_one(Destination { service, port, family }, client, 6000 + client as u16, 0);
            self.net.run_ms(200);
            if self.look().contains(&serial) {
                return true;
            }
            self.net.run_ms(500);
        }
        false
    }

    fn tcp_agrees(&mut self) {
        let world = self.world().clone();
        for _ in 0..4 {
            let client = self.dice.index(world.clients.len());
            let service = self.dice.index(world.services.len());
            let allowed = world.reaches(client, service, 1000).is_some();
            let to = format!("{}:1000", world.services[service].addresses[0]);
            let connection = self.net.connect(&world.clients[client].name, &to, Script::Manual);
            self.net.write(connection, b"GET / HTTP/1.1\r\n");
            self.net.run(Duration::from_secs(3));
            let answered = self.net.connection(connection).received == b"GET / HTTP/1.1\r\n";
            assert_eq!(
                answered, allowed,
                "seed {}: TCP of {:?} to {:?}",
                self.seed, world.clients[client], world.services[service]
            );
        }
    }
}

fn serial_of(payload: &[u8]) -> Option<u64> {
    core::str::from_utf8(payload).ok()?.strip_prefix("packet ")?.split(' ').next()?.parse().ok()
}
