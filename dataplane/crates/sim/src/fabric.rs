//! The running simulation: moves packets and time.

use core::fmt::{Display, Write as _};
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::Write as _;

use quiver_engine::Direction;
use quiver_engine::config::Config;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::Event;
use quiver_engine::packet::InterfaceId;
use quiver_engine::time::Instant;
use quiver_engine::view::SessionView;
use quiver_wire::offload::Offload;
use quiver_wire::parse::Parsed;

use crate::conversation::{Conversation, Script};
use crate::craft;
use crate::dice::Dice;
use crate::firewall::Firewall;
use crate::host::{Arrival, Host};
use crate::link::Link;
use crate::log::Log;
use crate::nat::Nat;
use crate::plan::Plan;
use crate::router::{Router, Sent};
use crate::schedule::Schedule;
use crate::segmentation;
use crate::tcp_stack::TcpStack;
use crate::trace::Seen;

/// Time of a packet between a host and its router.
const LAN_DELAY: Duration = Duration::from_micros(50);
/// Rounds within one moment after which something is caught in a circle.
const ROUNDS: u32 = 100_000;
/// Lines of the log that a failing scenario shows.
const LAST_LINES: usize = 40;

/// A connection of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    host: usize,
    index: usize,
}

enum Action {
    FromHost { router: usize, bytes: Vec<u8>, offload: Offload, interface: InterfaceId },
    ToHost { host: usize, bytes: Vec<u8> },
    Wan { to: IpAddr, bytes: Vec<u8> },
}

#[derive(Clone, Copy)]
enum Owner {
    Router(usize),
    Host(usize),
}

/// Routers, hosts, links and the time.
pub struct Fabric {
    /// What happened so far.
    pub log: Log,
    /// Packets between routers, as they left; cleared by hand.
    pub wan: Vec<Seen>,
    /// Whether packets between routers are kept in [`Self::wan`].
    pub keep_wan: bool,
    /// Packets for hosts that do not exist.
    pub lost_in_lan: u64,
    now: Instant,
    dice: Dice,
    schedule: Schedule<Action>,
    routers: Vec<Router>,
    hosts: Vec<Host>,
    owners: BTreeMap<IpAddr, Owner>,
    default_link: Link,
    links: BTreeMap<(IpAddr, IpAddr), Link>,
    nats: BTreeMap<IpAddr, Nat>,
    firewall: Option<Firewall>,
    faults: Vec<String>,
}

impl core::fmt::Debug for Fabric {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Fabric").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Fabric {
    pub(crate) fn new(plan: &Plan, configs: Vec<Config>, seed: u64) -> Self {
        let mut fabric = Self {
            log: Log::default(),
            wan: vec![],
            keep_wan: true,
            lost_in_lan: 0,
            now: Instant::from_nanos(1_000_000_000),
            dice: Dice::new(seed),
            schedule: Schedule::default(),
            routers: vec![],
            hosts: vec![],
            owners: BTreeMap::new(),
            default_link: Link::default(),
            links: BTreeMap::new(),
            nats: BTreeMap::new(),
            firewall: None,
            faults: vec![],
        };
        for ((name, planned), config) in plan.routers.iter().zip(configs) {
            let index = fabric.routers.len();
            for address in planned.waypoints.iter().chain(&planned.public) {
                fabric.owners.insert(*address, Owner::Router(index));
            }
            let seed = fabric.dice.word();
            fabric.routers.push(Router::new(name, config, planned.workers, seed, fabric.now));
        }
        for planned in &plan.hosts {
            let router = planned.router.as_ref().map(|name| fabric.router_index(name));
            let mut host = Host::new(&planned.name, router, planned.addresses.clone(), &mut fabric.dice);
            host.interface = planned.interface;
            if router.is_none() {
                let index = fabric.hosts.len();
                host.addresses.iter().for_each(|address| {
                    fabric.owners.insert(*address, Owner::Host(index));
                });
            }
            fabric.hosts.push(host);
        }
        fabric
    }

    // ---- time ----

    /// The present.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Lets `duration` pass.
    pub fn run(&mut self, duration: Duration) {
        let until = self.now + duration;
        let mut rounds = 0;
        loop {
            self.settle();
            let next = self.next_at().filter(|at| *at <= until);
            let Some(next) = next else { break };
            rounds = if next > self.now { 0 } else { rounds + 1 };
            assert!(rounds < ROUNDS, "time stands still at {:?}", self.now);
            self.now = self.now.max(next);
            self.step();
        }
        self.now = until;
    }

    /// Lets `millis` milliseconds pass.
    pub fn run_ms(&mut self, millis: u64) {
        self.run(Duration::from_millis(millis));
    }

    /// Lets time pass until `done`, at most `limit`. Answers whether it came to be.
    pub fn run_until(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + limit;
        while !done(self) {
            if self.now >= until {
                return false;
            }
            self.run(Duration::from_millis(1).min(until - self.now));
        }
        true
    }

    // ---- network ----

    /// Changes all links between routers, present and future.
    pub fn every_link(&mut self, change: impl Fn(&mut Link)) {
        change(&mut self.default_link);
        self.links.values_mut().for_each(change);
    }

    /// The link from one address to another.
    pub fn link(&mut self, from: &str, to: &str) -> &mut Link {
        let key = (address(from), address(to));
        self.links.entry(key).or_insert_with(|| self.default_link.clone())
    }

    /// Puts a waypoint behind a NAT.
    pub fn put_behind(&mut self, waypoint: &str, nat: Nat) {
        self.nats.insert(address(waypoint), nat);
    }

    /// Puts a firewall between all routers.
    pub fn put_firewall(&mut self) {
        self.firewall = Some(Firewall::default());
    }

    /// Packets that the firewall called invalid.
    pub fn firewall_refused(&self) -> u64 {
        self.firewall.as_ref().map_or(0, |firewall| firewall.invalid)
    }

    /// Puts a packet on the network between the routers, whatever its source says.
    pub fn inject_wan(&mut self, packet: Vec<u8>) {
        self.onto_wan(packet);
    }

    // ---- routers ----

    /// A router.
    pub fn router(&self, name: &str) -> &Router {
        &self.routers[self.router_index(name)]
    }

    /// A router, to change it.
    pub fn router_mut(&mut self, name: &str) -> &mut Router {
        let index = self.router_index(name);
        &mut self.routers[index]
    }

    /// Names of all routers.
    pub fn router_names(&self) -> Vec<String> {
        self.routers.iter().map(|router| router.name.clone()).collect()
    }

    /// Kills a router's engine and starts a new one at once.
    pub fn restart(&mut self, name: &str) {
        self.stop(name);
        self.start(name);
    }

    /// Kills a router's engine without a word.
    pub fn stop(&mut self, name: &str) {
        self.log.write(self.now, name, format_args!("stopped"));
        self.router_mut(name).stop();
    }

    /// Starts a router's engine anew.
    pub fn start(&mut self, name: &str) {
        self.log.write(self.now, name, format_args!("started"));
        let now = self.now;
        self.router_mut(name).start(now);
    }

    /// Swaps a router's configuration.
    pub fn reconfigure(&mut self, name: &str, change: impl FnOnce(&mut Config)) {
        self.log.write(self.now, name, format_args!("reconfigured"));
        let now = self.now;
        self.router_mut(name).reconfigure(change, now);
    }

    /// Swaps the configuration of all routers.
    pub fn reconfigure_all(&mut self, change: impl Fn(&mut Config)) {
        for name in self.router_names() {
            self.reconfigure(&name, &change);
        }
    }

    /// Packets that a router dropped for a reason.
    pub fn drops(&self, router: &str, reason: DropReason) -> u64 {
        self.router(router).drops(reason)
    }

    /// Live sessions of a router.
    pub fn sessions(&self, router: &str) -> Vec<SessionView> {
        self.router(router).sessions(self.now)
    }

    /// The only live session of a router.
    pub fn session(&self, router: &str) -> SessionView {
        let mut sessions = self.sessions(router);
        assert_eq!(sessions.len(), 1, "{router} has {} sessions", sessions.len());
        sessions.pop().expect("there is one")
    }

    /// Events of a router.
    pub fn events(&self, router: &str) -> impl Iterator<Item = &Event> {
        self.router(router).events.iter().map(|timed| &timed.event)
    }

    // ---- hosts ----

    /// A host.
    pub fn host(&self, name: &str) -> &Host {
        &self.hosts[self.host_index(name)]
    }

    /// A host, to change it.
    pub fn host_mut(&mut self, name: &str) -> &mut Host {
        let index = self.host_index(name);
        &mut self.hosts[index]
    }

    /// What came to a host.
    pub fn inbox(&self, name: &str) -> &[Arrival] {
        &self.host(name).inbox
    }

    /// Takes what came to a host.
    pub fn take_inbox(&mut self, name: &str) -> Vec<Arrival> {
        core::mem::take(&mut self.host_mut(name).inbox)
    }

    /// Payloads that came to a host, ICMP errors excepted.
    pub fn payloads(&self, name: &str) -> Vec<Vec<u8>> {
        let arrivals = self.inbox(name).iter().filter(|arrival| arrival.icmp_error().is_none());
        arrivals.map(|arrival| arrival.payload().to_vec()).collect()
    }

    /// A host sends a UDP packet from `port` to `to` (`198.18.0.1:7`).
    pub fn udp(&mut self, host: &str, port: u16, to: &str, payload: &[u8]) {
        let to = socket(to);
        let from = SocketAddr::new(self.host(host).address_towards(to.ip()), port);
        self.send(host, craft::udp(from, to, payload));
    }

    /// A host sends an echo request.
    pub fn ping(&mut self, host: &str, to: &str, id: u16, sequence: u16, payload: &[u8]) {
        let to = address(to);
        let from = self.host(host).address_towards(to);
        self.send(host, craft::echo(from, to, true, id, sequence, payload));
    }

    /// A host sends a packet as it is.
    pub fn send(&mut self, host: &str, packet: Vec<u8>) {
        self.host_mut(host).send(packet);
    }

    /// A host accepts connections to `port`.
    pub fn listen(&mut self, host: &str, port: u16, script: Script) {
        let now = self.now;
        self.host_mut(host).stack(now).listen(port, script);
    }

    /// A host opens a connection to `to` (`198.18.0.1:80`).
    pub fn connect(&mut self, host: &str, to: &str, script: Script) -> ConnectionId {
        let (now, to) = (self.now, socket(to));
        let index = self.host_index(host);
        let from = self.hosts[index].address_towards(to.ip());
        ConnectionId { host: index, index: self.hosts[index].stack(now).connect(from, to, script) }
    }

    /// A connection.
    pub fn connection(&self, id: ConnectionId) -> &Conversation {
        let stack = self.hosts[id.host].tcp.as_ref().expect("the host has TCP");
        &stack.conversations()[id.index]
    }

    /// A connection, to change what its program does.
    pub fn connection_mut(&mut self, id: ConnectionId) -> &mut Conversation {
        self.stack_mut(id).conversation_mut(id.index)
    }

    /// The `n`th connection that a host has, opened or accepted.
    pub fn nth_connection(&self, host: &str, index: usize) -> ConnectionId {
        ConnectionId { host: self.host_index(host), index }
    }

    /// A program sends bytes on a connection.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.connection_mut(id).outgoing.extend(bytes);
    }

    /// A program closes its direction of a connection when everything is sent.
    pub fn close(&mut self, id: ConnectionId) {
        self.connection_mut(id).closing = true;
    }

    /// A program resets a connection.
    pub fn abort(&mut self, id: ConnectionId) {
        self.connection_mut(id).aborting = true;
    }

    /// What was wrong with packets on their way: checksums, lengths.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    fn stack_mut(&mut self, id: ConnectionId) -> &mut TcpStack {
        self.hosts[id.host].tcp.as_mut().expect("the host has TCP")
    }

    // ---- one step ----

    fn next_at(&mut self) -> Option<Instant> {
        let now = self.now;
        let routers = self.routers.iter().filter_map(Router::poll_timeout).min();
        let hosts = self.hosts.iter_mut().filter_map(|host| host.poll_at(now)).min();
        [self.schedule.next_at(), routers, hosts].into_iter().flatten().min()
    }

    fn step(&mut self) {
        while let Some(action) = self.schedule.take_due(self.now) {
            self.perform(action);
        }
        for index in 0..self.routers.len() {
            if self.routers[index].timeouts(self.now) {
                self.flush_router(index);
            }
        }
    }

    /// Takes what routers and hosts have ready.
    fn settle(&mut self) {
        for index in 0..self.routers.len() {
            self.flush_router(index);
        }
        for index in 0..self.hosts.len() {
            self.flush_host(index);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::FromHost { router, bytes, offload, interface } => {
                self.note(router, "lan>", &bytes);
                self.routers[router].from_lan(&bytes, offload, interface, self.now);
                self.flush_router(router);
            }
            Action::ToHost { host, bytes } => {
                self.hosts[host].receive(bytes, self.now);
                self.flush_host(host);
            }
            Action::Wan { to, bytes } => self.off_wan(to, bytes),
        }
    }

    fn flush_router(&mut self, index: usize) {
        let before = self.routers[index].events.len();
        let sent = self.routers[index].drain();
        for at in before..self.routers[index].events.len() {
            let router = &self.routers[index];
            self.log.write(self.now, &router.name, format_args!("! {}", line_of(&router.events[at].event)));
        }
        for Sent { bytes, offload, direction } in sent {
            for packet in segmentation::cut(&bytes, offload) {
                self.check(index, &packet);
                match direction {
                    Direction::Lan => {
                        self.note(index, ">lan", &packet);
                        self.into_lan(index, packet);
                    }
                    Direction::Wan => {
                        self.note(index, ">wan", &packet);
                        self.onto_wan(packet);
                    }
                }
            }
        }
    }

    fn flush_host(&mut self, index: usize) {
        let host = &mut self.hosts[index];
        let (router, interface) = (host.router, host.interface);
        for (bytes, offload) in host.poll(self.now) {
            match router {
                Some(router) => {
                    let action = Action::FromHost { router, bytes, offload, interface };
                    self.schedule.add(self.now + LAN_DELAY, action);
                }
                None => self.onto_wan(bytes),
            }
        }
    }

    fn into_lan(&mut self, router: usize, packet: Vec<u8>) {
        let Ok(parsed) = Parsed::parse(&packet) else { return };
        let found = self
            .hosts
            .iter()
            .position(|host| host.router == Some(router) && host.addresses.contains(&parsed.dst));
        match found {
            Some(host) => self.schedule.add(self.now + LAN_DELAY, Action::ToHost { host, bytes: packet }),
            None => self.lost_in_lan += 1,
        }
    }

    fn onto_wan(&mut self, packet: Vec<u8>) {
        let Ok(parsed) = Parsed::parse(&packet) else { return };
        let packet = match self.nats.get_mut(&parsed.src) {
            Some(nat) => match nat.outward(&packet, self.now) {
                Some(packet) => packet,
                None => return,
            },
            None => packet,
        };
        let Ok(parsed) = Parsed::parse(&packet) else { return };
        let (src, dst) = (parsed.src, parsed.dst);
        if self.keep_wan {
            self.wan.push(Seen { at: self.now, src, dst, bytes: packet.clone() });
        }
        if self.firewall.as_mut().is_some_and(|firewall| !firewall.passes(&packet)) {
            self.log.write(self.now, "firewall", format_args!("invalid {}", craft::summary(&packet)));
            return;
        }
        let link = self.links.entry((src, dst)).or_insert_with(|| self.default_link.clone());
        let carried = link.carry(packet, self.now, &mut self.dice);
        for (at, bytes) in carried.arrivals {
            self.schedule.add(at, Action::Wan { to: dst, bytes });
        }
        if let Some(bytes) = carried.error {
            self.schedule.add(self.now + Duration::from_millis(1), Action::Wan { to: src, bytes });
        }
    }

    fn off_wan(&mut self, to: IpAddr, bytes: Vec<u8>) {
        let behind = self.nats.values_mut().find(|nat| nat.public == to);
        let bytes = match behind {
            Some(nat) => match nat.inward(&bytes, self.now) {
                Some(bytes) => bytes,
                None => return,
            },
            None => bytes,
        };
        match self.owners.get(&to) {
            Some(Owner::Router(index)) => {
                let index = *index;
                self.note(index, "wan>", &bytes);
                self.routers[index].from_wan(&bytes, self.now);
                self.flush_router(index);
            }
            Some(Owner::Host(index)) => {
                let index = *index;
                self.hosts[index].receive(bytes, self.now);
            }
            None => (),
        }
    }

    fn check(&mut self, router: usize, packet: &[u8]) {
        if let Some(fault) = craft::checksum_fault(packet) {
            let name = &self.routers[router].name;
            self.faults.push(format!("{name}: {fault}: {}", craft::summary(packet)));
        }
    }

    fn note(&mut self, router: usize, what: &str, packet: &[u8]) {
        let name = &self.routers[router].name;
        self.log.write(self.now, name, format_args!("{what} {}", Summary(packet)));
    }

    /// A scenario that fails shows what happened last, and why packets were dropped.
    fn tell_the_end(&self) {
        let lines = self.log.lines();
        let mut text = lines[lines.len().saturating_sub(LAST_LINES)..].join("\n");
        for router in &self.routers {
            let _ = write!(text, "\n{} dropped {:?}", router.name, router.all_drops());
        }
        text.push('\n');
        let _ = std::io::stderr().write_all(text.as_bytes());
    }

    fn router_index(&self, name: &str) -> usize {
        self.routers.iter().position(|router| router.name == name).expect("the router is planned")
    }

    fn host_index(&self, name: &str) -> usize {
        self.hosts.iter().position(|host| host.name == name).expect("the host is planned")
    }
}

impl Drop for Fabric {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell_the_end();
        } else {
            // Every scenario also says that no broken packet left any router.
            assert!(self.faults.is_empty(), "broken packets: {:#?}", self.faults);
        }
    }
}

/// A packet's summary, made only when it is written.
struct Summary<'a>(&'a [u8]);

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&craft::summary(self.0))
    }
}

fn line_of(event: &Event) -> String {
    match event {
        Event::SessionOpened(view) => format!("opened {} {} {:?}", view.session_id, view.service, view.role),
        Event::SessionClosed(view, reason) => format!("closed {} {}", view.session_id, reason.name()),
        Event::SessionModified { session_id, change } => format!("modified {session_id} {}", change.name()),
        Event::MetadataRejected { remote, reason } => format!("rejected metadata of {remote}: {reason}"),
        Event::PeerRestarted { router, node } => format!("peer {router}/{node} restarted"),
        Event::LanSteer { key, owned } => format!("steer {key:?} {owned}"),
    }
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address is written correctly")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port is written correctly")
}
