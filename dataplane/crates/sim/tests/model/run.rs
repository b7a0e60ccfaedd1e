//! One run: a random world is built, disturbed and watched.

use core::time::Duration;
use std::collections::BTreeMap;

use quiver_engine::config::{AccessRule, Config, Encryption, Integrity};
use quiver_sim::{Dice, Fabric, Plan, Script, ServicePlan, UdpService};

use crate::world::{Service, TENANTS, World};

/// Steps of the disturbed part.
const STEPS: u32 = 60;
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

struct Run {
    seed: u64,
    dice: Dice,
    net: Fabric,
    /// The world after each change, the present one last.
    worlds: Vec<World>,
    sent: BTreeMap<u64, Sent>,
    serial: u64,
}

/// Runs the world of `seed`.
pub(crate) fn run(seed: u64) {
    let mut dice = Dice::new(seed);
    let world = World::random(&mut dice);
    let mut net = plan_of(&world).start(seed);
    net.log.disable();
    net.keep_wan = false;
    for server in &world.servers {
        net.host_mut(&server.name).udp_others = UdpService::Echo;
        net.listen(&server.name, 1000, Script::Echo);
    }
    net.run_ms(300);
    let mut run = Run { seed, dice, net, worlds: vec![world], sent: BTreeMap::new(), serial: 0 };
    for _ in 0..STEPS {
        run.disturb();
        run.look();
    }
    run.get_well();
    run.everything_allowed_works();
    run.tcp_agrees();
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
        self.send_one(client, service, port, family, from);
    }

    fn send_one(&mut self, client: usize, service: usize, port: u16, family: usize, from: u16) -> u64 {
        self.serial += 1;
        let version = self.worlds.len() - 1;
        self.sent.insert(self.serial, Sent { client, service, port, family, version });
        let world = self.world();
        let name = world.clients[client].name.clone();
        let address = &world.services[service].addresses[family];
        let to = if family == 0 { format!("{address}:{port}") } else { format!("[{address}]:{port}") };
        self.net.udp(&name, from, &to, format!("packet {}", self.serial).as_bytes());
        self.serial
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
    fn judge(&self, serial: u64, server: usize) {
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
            let serial = self.send_one(client, service, port, family, 6000 + client as u16);
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
    core::str::from_utf8(payload).ok()?.strip_prefix("packet ")?.parse().ok()
}

fn plan_of(world: &World) -> Plan {
    let mut plan = Plan::new();
    for router in 0..world.routers {
        let name = format!("r{router}");
        plan =
            plan.router(&name, &[&format!("203.0.113.{}", router + 1)]).workers(&name, world.workers[router]);
    }
    for tenant in TENANTS {
        plan = plan.tenant(tenant, &[]);
    }
    for client in &world.clients {
        let router = format!("r{}", client.router);
        let [v4, v6] = &client.addresses;
        plan = plan.host(&router, &client.name, &[v4, v6]);
        if let Some(tenant) = client.tenant {
            plan = plan.tenant_at(&router, tenant, &[&format!("{v4}/32"), &format!("{v6}/128")]);
        }
    }
    for server in &world.servers {
        let [v4, v6] = &server.addresses;
        plan = plan.host(&format!("r{}", server.router), &server.name, &[v4, v6]);
    }
    for service in &world.services {
        plan = plan.service(service_of(world, service));
    }
    plan
}

fn service_of(world: &World, service: &Service) -> ServicePlan {
    let [v4, v6] = &service.addresses;
    let server = &world.servers[service.server];
    let home = format!("r{}", server.router);
    let mut plan = ServicePlan::new(&service.name, &[&format!("{v4}/32"), &format!("{v6}/128")])
        .tcp(service.ports.0, service.ports.1)
        .udp(service.ports.0, service.ports.1)
        .encryption(
            [Encryption::Never, Encryption::Adaptive, Encryption::Always][service.encryption as usize],
        )
        .with(|config| {
            config.integrity =
                if service.integrity == 0 { Integrity::PerPacket } else { Integrity::Metadata };
            config.public = service.public;
            config.access = access(service);
        });
    for address in &server.addresses {
        plan = plan.server(&home, address);
    }
    if let Some(through) = service.through {
        for router in (0..world.routers).filter(|router| *router != server.router) {
            let next = if router == through { home.clone() } else { format!("r{through}") };
            plan = plan.via(&format!("r{router}"), &next, 10);
        }
    }
    plan
}

fn access(service: &Service) -> Vec<AccessRule> {
    let rules = service.rules.iter();
    rules.map(|(tenant, allow)| AccessRule { tenant: (*tenant).into(), allow: *allow }).collect()
}

/// Carries the world's access lists and servers over into a configuration.
fn apply(config: &mut Config, world: &World) {
    for service in &world.services {
        let name = format!("lab/{}", service.name);
        let known = config.services.iter_mut().find(|known| *known.name == *name).expect("services stay");
        known.access = access(service);
        for target in known.routes.iter_mut().flat_map(|route| &mut route.targets) {
            let [v4, v6] = &world.servers[service.server].addresses;
            target.address = if target.address.is_ipv4() { v4 } else { v6 }.parse().expect("an address");
        }
    }
}
