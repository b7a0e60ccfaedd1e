//! One node: its workers' engines, their tables, its clock, its lives.

use core::net::IpAddr;
use std::collections::BTreeMap;
use std::sync::Arc;

use quiver_crypto::BootId;
use quiver_engine::config::Config;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::{Event, TimedEvent};
use quiver_engine::packet::{InterfaceId, Packet};
use quiver_engine::session::keys::LanKey;
use quiver_engine::time::{Instant, Now};
use quiver_engine::view::SessionView;
use quiver_engine::{Direction, Engine, Setup, Shard, Tables, flow_of_lan, shard_of_lan, shard_of_wan};
use quiver_wire::offload::Offload;

use crate::dice::Dice;

/// Wall clock of the simulation's beginning, in Unix milliseconds.
pub const EPOCH_MS: u64 = 1_780_000_000_000;

/// A packet that an engine sends.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The packet.
    pub bytes: Vec<u8>,
    /// Its segmentation and checksum state.
    pub offload: Offload,
    /// To which side.
    pub direction: Direction,
}

/// A node of a router.
pub struct Router {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Config,
    /// How far its wall clock is ahead, in milliseconds.
    pub clock_offset_ms: i64,
    /// Events of all its lives.
    pub events: Vec<TimedEvent>,
    /// Packets handed from one worker to another.
    pub handed_over: u64,
    workers: u8,
    tables: Arc<Tables>,
    engines: Vec<Engine>,
    steered: BTreeMap<LanKey, u8>,
    dice: Dice,
    former_drops: BTreeMap<DropReason, u64>,
}

impl core::fmt::Debug for Router {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Router").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Router {
    /// A node that runs from `at` on.
    pub fn new(name: &str, config: Config, workers: u8, seed: u64, at: Instant) -> Self {
        let mut router = Self {
            name: name.to_owned(),
            tables: tables_of(&config),
            config,
            clock_offset_ms: 0,
            events: vec![],
            handed_over: 0,
            workers,
            engines: vec![],
            steered: BTreeMap::new(),
            dice: Dice::new(seed),
            former_drops: BTreeMap::new(),
        };
        router.start(at);
        router
    }

    /// Starts all workers with a new boot id and empty tables.
    pub fn start(&mut self, at: Instant) {
        let boot_id = BootId(self.dice.word());
        let now = self.now(at);
        self.engines = (0..self.workers)
            .map(|index| {
                let shard = Shard { index, count: self.workers };
                let horizon_unix_ms = now.unix_ms;
                let setup = Setup { seed: self.dice.bytes32(), boot_id, shard, horizon_unix_ms };
                Engine::new(setup, Arc::clone(&self.tables), now)
            })
            .collect();
    }

    /// Stops without a word, as a killed process does.
    pub fn stop(&mut self) {
        for reason in DropReason::ALL {
            *self.former_drops.entry(*reason).or_default() += self.current_drops(*reason);
        }
        self.engines.clear();
        self.steered.clear();
    }

    /// Whether it runs.
    pub const fn is_running(&self) -> bool {
        !self.engines.is_empty()
    }

    /// Swaps the configuration of the running engines.
    pub fn reconfigure(&mut self, change: impl FnOnce(&mut Config), at: Instant) {
        change(&mut self.config);
        self.tables = tables_of(&self.config);
        let now = self.now(at);
        for engine in &mut self.engines {
            engine.apply(Arc::clone(&self.tables), now);
        }
    }

    /// Ends sessions in an orderly way, as many as there are buffers to tell of; `true` when there are more.
    pub fn close_some(&mut self, at: Instant) -> bool {
        let now = self.now(at);
        let mut more = false;
        for engine in &mut self.engines {
            more |= engine.close_some(now);
        }
        more
    }

    /// Its waypoints.
    pub fn waypoints(&self) -> &[IpAddr] {
        &self.config.waypoints
    }

    /// Both clocks of the node at `at`.
    pub fn now(&self, at: Instant) -> Now {
        let unix_ms = (EPOCH_MS + at.as_nanos() / 1_000_000).saturating_add_signed(self.clock_offset_ms);
        Now { at, unix_ms }
    }

    /// A packet from the LAN, read by the worker that the hash of the device chose.
    pub fn from_lan(&mut self, bytes: &[u8], offload: Offload, interface: InterfaceId, at: Instant) {
        let owner = self.owner_of_lan(bytes);
        let now = self.now(at);
        if let Some(engine) = self.engines.get_mut(usize::from(owner)) {
            let mut packet = filled(engine, bytes);
            packet.offload = offload;
            packet.interface = interface;
            engine.handle_lan(packet, now);
            self.sort_whole(owner, now);
        }
    }

    /// Gives packets that became whole in one worker to those that own them.
    fn sort_whole(&mut self, from: u8, now: Now) {
        while let Some(packet) = self.engines[usize::from(from)].poll_whole() {
            let owner = usize::from(self.owner_of_lan(packet.bytes()));
            // An empty buffer goes back, so that no worker runs dry.
            if let Some(empty) = self.engines[owner].take_buffer() {
                self.engines[usize::from(from)].recycle(empty);
            }
            self.engines[owner].handle_lan(packet, now);
        }
    }

    /// A packet from the network between routers.
    pub fn from_wan(&mut self, bytes: &[u8], at: Instant) {
        let owner = shard_of_wan(bytes, self.workers);
        let now = self.now(at);
        if let Some(engine) = self.engines.get_mut(usize::from(owner)) {
            let packet = filled(engine, bytes);
            engine.handle_wan(packet, now);
        }
    }

    /// Does what is due. `true` when something was.
    pub fn timeouts(&mut self, at: Instant) -> bool {
        let now = self.now(at);
        let mut any = false;
        for engine in &mut self.engines {
            if engine.poll_timeout().is_some_and(|(due, _)| due <= at) {
                engine.handle_timeout(now);
                any = true;
            }
        }
        any
    }

    /// When [`Self::timeouts`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.engines.iter().filter_map(Engine::poll_timeout).map(|(at, _)| at).min()
    }

    /// Everything the engines have ready; events are kept in [`Self::events`].
    pub fn drain(&mut self) -> Vec<Sent> {
        let mut sent = vec![];
        for index in 0..self.engines.len() {
            let engine = &mut self.engines[index];
            while let Some(transmit) = engine.poll_transmit() {
                let (bytes, offload) = (transmit.packet.bytes().to_vec(), transmit.packet.offload);
                sent.push(Sent { bytes, offload, direction: transmit.direction });
                engine.recycle(transmit.packet);
            }
            let mut news = vec![];
            while let Some(event) = engine.poll_event() {
                news.push(event);
            }
            for event in news {
                self.note(index as u8, &event);
                self.events.push(event);
            }
        }
        sent
    }

    /// Packets dropped for a reason, in all lives.
    pub fn drops(&self, reason: DropReason) -> u64 {
        self.former_drops.get(&reason).copied().unwrap_or_default() + self.current_drops(reason)
    }

    /// Every reason for which packets were dropped in this life.
    pub fn all_drops(&self) -> Vec<(DropReason, u64)> {
        let counted = DropReason::ALL.iter().map(|reason| (*reason, self.current_drops(*reason)));
        counted.filter(|(_, packets)| *packets > 0).collect()
    }

    /// All live sessions, ordered by their UUID.
    pub fn sessions(&self, at: Instant) -> Vec<SessionView> {
        let now = self.now(at);
        let mut all: Vec<SessionView> = self.engines.iter().flat_map(|engine| engine.sessions(now)).collect();
        all.sort_by_key(|view| view.session_id);
        all
    }

    /// The engines, one per worker.
    pub fn engines(&self) -> &[Engine] {
        &self.engines
    }

    fn current_drops(&self, reason: DropReason) -> u64 {
        self.engines.iter().map(|engine| engine.counters().drops.get(reason)).sum()
    }

    fn owner_of_lan(&mut self, bytes: &[u8]) -> u8 {
        let by_hash = shard_of_lan(bytes, self.workers);
        let steered = flow_of_lan(bytes).and_then(|key| self.steered.get(&key).copied());
        if steered.is_some_and(|owner| owner != by_hash) {
            self.handed_over += 1;
        }
        steered.unwrap_or(by_hash)
    }

    fn note(&mut self, worker: u8, event: &TimedEvent) {
        if let Event::LanSteer { key, owned } = &event.event {
            if *owned {
                self.steered.insert(*key, worker);
            } else if self.steered.get(key) == Some(&worker) {
                self.steered.remove(key);
            }
        }
        if let Event::PeerRestarted { router, node } = &event.event {
            self.spread_restart(worker, router, node, self.now(event.at));
        }
    }

    /// What one worker learned of a peer's restart, all others are told.
    fn spread_restart(&mut self, worker: u8, router: &str, node: &str, now: Now) {
        let boot = self.engines[usize::from(worker)]
            .paths(now)
            .find(|path| *path.router == *router && *path.node == *node)
            .and_then(|path| path.boot);
        let Some(boot) = boot else { return };
        for (index, engine) in self.engines.iter_mut().enumerate() {
            if index != usize::from(worker) {
                engine.note_peer_restart(router, node, boot, now);
            }
        }
    }
}

fn tables_of(config: &Config) -> Arc<Tables> {
    Arc::new(Tables::build(config).expect("the simulated configuration is valid"))
}

fn filled(engine: &mut Engine, bytes: &[u8]) -> Packet {
    let mut packet = engine.take_buffer().unwrap_or_else(Packet::allocate);
    packet.fill(bytes);
    packet
}
