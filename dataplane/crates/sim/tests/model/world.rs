//! The model: who may reach which server, told without any of the engine's code.

use quiver_sim::Dice;

/// A client machine.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) name: String,
    pub(crate) router: usize,
    pub(crate) addresses: [String; 2],
    /// Its tenant; strangers to all have none.
    pub(crate) tenant: Option<&'static str>,
}

/// A server machine.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) name: String,
    pub(crate) router: usize,
    pub(crate) addresses: [String; 2],
}

/// A service: one address of each family, a range of ports, an access list, one server at a time.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) addresses: [String; 2],
    pub(crate) ports: (u16, u16),
    pub(crate) rules: Vec<(&'static str, bool)>,
    pub(crate) public: bool,
    pub(crate) server: usize,
    /// Every router that does not serve it goes through this one, when set.
    pub(crate) through: Option<usize>,
    pub(crate) encryption: u64,
    pub(crate) integrity: u64,
    /// Servers see the node's own address instead of one of the return pool.
    pub(crate) from_node: bool,
    /// Whether its addresses can be dialled at all.
    pub(crate) offered: bool,
}

/// Everything there is.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
pub(crate) struct World {
    pub(crate) routers: usize,
    pub(crate) workers: Vec<u8>,
    pub(crate) clients: Vec<Client>,
    pub(crate) servers: Vec<Server>,
    pub(crate) services: Vec<Service>,
    /// Metadata can be read by anybody in between.
    pub(crate) signed: bool,
    /// The compatibility profile.
    pub(crate) compatible: bool,
    /// Clear TCP travels as UDP.
    pub(crate) tcp_as_udp: bool,
    /// Every payload between routers is sealed.
    pub(crate) always_encrypt: bool,
    /// Hosts emit superpackets.
    pub(crate) superpackets: bool,
}

/// Two families with children.
pub(crate) const TENANTS: [&str; 5] = ["red", "dev.red", "blue", "dev.blue", "green"];
/// Lowest and highest port of the ranges that services have.
const RANGES: [(u16, u16); 4] = [(7, 7), (1000, 1003), (1, 65_535), (500, 2000)];

impl World {
    pub(crate) fn random(dice: &mut Dice) -> Self {
        let routers = 2 + dice.index(3);
        let mut world = Self {
            routers,
            workers: (0..routers).map(|_| *dice.pick(&[1, 1, 1, 3])).collect(),
            clients: vec![],
            servers: vec![],
            services: vec![],
            signed: dice.chance(0.2),
            compatible: dice.chance(0.2),
            tcp_as_udp: dice.chance(0.3),
            always_encrypt: dice.chance(0.1),
            superpackets: dice.chance(0.3),
        };
        for router in 0..routers {
            for i in 0..2 {
                let tenant = if dice.chance(0.15) { None } else { Some(*dice.pick(&TENANTS)) };
                let addresses = [format!("10.1.0.{}", 10 + i), format!("fd01::{}", 10 + i)];
                world.clients.push(Client { name: format!("c{router}{i}"), router, addresses, tenant });
                let addresses = [format!("10.1.0.{}", 20 + i), format!("fd01::{}", 20 + i)];
                world.servers.push(Server { name: format!("s{router}{i}"), router, addresses });
            }
        }
        for i in 0..2 + dice.index(4) {
            let server = dice.index(world.servers.len());
            let mut service = Service {
                name: format!("service{i}"),
                addresses: [format!("198.18.0.{}", i + 1), format!("fd00:c6::{}", i + 1)],
                ports: *dice.pick(&RANGES),
                rules: vec![],
                public: dice.chance(0.2),
                server,
                through: None,
                encryption: dice.below(3),
                integrity: dice.below(3),
                from_node: dice.chance(0.3),
                offered: true,
            };
            if dice.chance(0.3) && routers > 2 {
                service.through =
                    Some(dice.index(routers)).filter(|via| *via != world.servers[server].router);
            }
            service.draw_rules(dice);
            world.services.push(service);
        }
        world
    }

    /// The server that a packet of `client` to port `port` of `service` may reach.
    pub(crate) fn reaches(&self, client: usize, service: usize, port: u16) -> Option<usize> {
        let wanted = &self.services[service];
        let in_range = (wanted.ports.0..=wanted.ports.1).contains(&port);
        let admitted = match self.clients[client].tenant {
            None => wanted.public,
            Some(tenant) => wanted.admits(tenant),
        };
        (wanted.offered && in_range && admitted).then_some(wanted.server)
    }

    /// Changes something that decides who may reach what.
    pub(crate) fn change(&mut self, dice: &mut Dice) {
        let service = dice.index(self.services.len());
        let service = &mut self.services[service];
        match dice.below(5) {
            0 | 1 => service.draw_rules(dice),
            2 => service.offered = !service.offered,
            // To another server of the same router, so that the routes stay.
            _ => service.server ^= 1,
        }
    }
}

impl Service {
    fn draw_rules(&mut self, dice: &mut Dice) {
        self.rules = (0..=dice.index(4)).map(|_| (*dice.pick(&TENANTS), dice.chance(0.7))).collect();
    }

    /// The longest rule that names the tenant or an ancestor decides; deny wins among equals.
    fn admits(&self, tenant: &str) -> bool {
        let covers = |rule: &str| tenant == rule || tenant.ends_with(&format!(".{rule}"));
        let longest = |allow: bool| {
            let matching = self.rules.iter().filter(|(rule, verdict)| *verdict == allow && covers(rule));
            matching.map(|(rule, _)| rule.len()).max()
        };
        match (longest(true), longest(false)) {
            (None, _) => false,
            (Some(_), None) => true,
            (Some(allow), Some(deny)) => allow > deny,
        }
    }
}
