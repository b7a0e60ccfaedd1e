//! The running simulation: moves packets and time.

use core::fmt::{Display, Write as _};
use core::net::IpAddr;
use core::time::Duration;
use std::collections::BTreeMap;
use std::io::Write as _;

use quiver_engine::Direction;
use quiver_engine::config::Config;
use quiver_engine::event::Event;
use quiver_engine::packet::InterfaceId;
use quiver_engine::time::Instant;
use quiver_wire::offload::Offload;
use quiver_wire::parse::Parsed;

use crate::craft;
use crate::dice::Dice;
use crate::firewall::Firewall;
use crate::host::Host;
use crate::link::Link;
use crate::log::Log;
use crate::nat::Nat;
use crate::plan::Plan;
use crate::router::{Router, Sent};
use crate::schedule::Schedule;
use crate::segmentation;
use crate::trace::Seen;

mod hosts;
mod network;
mod routers;

pub use hosts::ConnectionId;

/// Time of a packet between a host and its router.
const LAN_DELAY: Duration = Duration::from_micros(50);
/// Rounds within one moment after which something is caught in a circle.
const ROUNDS: u32 = 100_000;
/// Lines of the log that a failing scenario shows.
const LAST_LINES: usize = 40;

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

    /// What was wrong with packets on their way: checksums, lengths.
    pub fn faults(&self) -> &[String] {
        &self.faults
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
                        self.deliver(index, packet);
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

    fn deliver(&mut self, router: usize, packet: Vec<u8>) {
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
