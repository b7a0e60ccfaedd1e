//! The engine: a pure state machine. Packets and time go in; packets, events and the next deadline come out.

use std::sync::Arc;

use quiver_crypto::BootId;

use crate::assembly::Assembly;
use crate::drop_reason::DropReason;
use crate::event::TimedEvent;
use crate::fabric::Fabric;
use crate::forwarding::Tables;
use crate::output::{Counters, Direction, Output, Transmit};
use crate::packet::Packet;
use crate::packet_path::{self, Verdict};
use crate::random::Random;
use crate::session::buffers::BufferPool;
use crate::session::keys::HashSeed;
use crate::session::ports::Residue;
use crate::session::store::Sessions;
use crate::sources::Sources;
use crate::sweep::Sweep;
use crate::time::{Instant, Now};

/// Buffers an engine keeps; about 69 KB each, taken only when needed.
const BUFFERS: usize = 256;

/// Which worker of how many an engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// From 0.
    pub index: u8,
    /// At least 1, at most 64.
    pub count: u8,
}

impl Shard {
    /// The only worker.
    pub const ONLY: Self = Self { index: 0, count: 1 };

    /// The waypoint ports of this worker.
    pub const fn residue(self) -> Residue {
        Residue { index: self.index, count: self.count }
    }
}

/// What distinguishes one start of one worker from all others.
#[derive(Clone, Copy)]
pub struct Setup {
    /// All randomness of the engine follows from it: from the operating system, or fixed in simulations.
    pub seed: [u8; 32],
    /// Drawn anew at each start, the same for all workers of a node.
    pub boot_id: BootId,
    /// Which worker this is.
    pub shard: Shard,
    /// Metadata that was sent before is refused: a former life of the node may have accepted it. The same for all workers, so that
    /// what one of them announces is heard by those that begin a little later.
    pub horizon_unix_ms: u64,
}

/// An SVR router for the sessions of one worker.
pub struct Engine {
    pub(crate) fabric: Fabric,
    pub(crate) sessions: Sessions,
    pub(crate) sources: Sources,
    pub(crate) assembly: Assembly,
    pub(crate) sweep: Sweep,
    pub(crate) output: Output,
    /// Overdue sessions wait until then, for buffers to tell of their end with.
    pub(crate) ends_from: Instant,
    /// Position from which sessions are closed when the process goes.
    pub(crate) closing: u32,
}

/// Why [`Engine::handle_timeout`] is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeoutReason {
    /// A session may have ended.
    Session,
    /// A peer has not answered the announcement yet.
    Announcement,
    /// Sessions are being gone through, after a change of the configuration or the restart of a peer.
    Sweep,
    /// Fragments wait for the rest of their packet.
    Reassembly,
}

impl Engine {
    /// An engine without sessions that will announce itself to its peers.
    pub fn new(setup: Setup, tables: Arc<Tables>, now: Now) -> Self {
        let mut random = Random::new(setup.seed);
        let index_seed = HashSeed::new(random.bytes32());
        let sources = Sources::new(&tables, setup.shard, &mut random);
        let sessions = Sessions::new(tables.node.max_sessions, index_seed, now.at);
        let mut engine = Self {
            fabric: Fabric::new(setup, Arc::clone(&tables), random, now),
            sessions,
            sources,
            assembly: Assembly::default(),
            sweep: Sweep::default(),
            output: Output::new(BufferPool::new(BUFFERS), now.at),
            ends_from: now.at,
            closing: 0,
        };
        engine.fabric.take_over(tables, now.at);
        engine
    }

    /// Swaps the tables. Sessions that they no longer permit end with their next packet, and within seconds anyway.
    pub fn apply(&mut self, tables: Arc<Tables>, now: Now) {
        self.output.set_now(now.at);
        self.sessions.table.set_capacity(tables.node.max_sessions);
        self.sources.update(&tables);
        self.fabric.take_over(tables, now.at);
        self.sweep.start(now.at);
    }

    /// Takes a packet from a local client or server; [`Packet::interface`] says where it came in.
    pub fn handle_lan(&mut self, mut packet: Packet, now: Now) {
        self.output.set_now(now.at);
        if !packet.reassembled {
            self.output.counters.lan_in.add(packet.len());
        }
        let verdict = packet_path::from_lan::handle(self, &mut packet, now);
        self.settle(packet, verdict);
    }

    /// Takes a packet from the network between routers.
    pub fn handle_wan(&mut self, mut packet: Packet, now: Now) {
        self.output.set_now(now.at);
        self.output.counters.wan_in.add(packet.len());
        let verdict = packet_path::from_hop::handle(self, &mut packet, now);
        self.settle(packet, verdict);
    }

    /// Does what is due. To be called at [`Engine::poll_timeout`]'s time or later.
    pub fn handle_timeout(&mut self, now: Now) {
        self.output.set_now(now.at);
        packet_path::timeouts::handle(self, now);
    }

    /// When [`Engine::handle_timeout`] is wanted next, and why.
    pub fn poll_timeout(&self) -> Option<(Instant, TimeoutReason)> {
        packet_path::timeouts::next(self)
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.output.next_transmit()
    }

    /// The next packet that became whole here, of one of several workers: [`Engine::handle_lan`] of the worker that owns it takes it.
    pub fn poll_whole(&mut self) -> Option<Packet> {
        self.output.next_whole()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<TimedEvent> {
        self.output.next_event()
    }

    /// Takes back the buffer of a packet that was sent.
    pub fn recycle(&mut self, packet: Packet) {
        self.output.recycle(packet);
    }

    /// A buffer to read the next packet into; `None` when all are on their way.
    pub fn take_buffer(&mut self) -> Option<Packet> {
        self.output.buffers.take()
    }

    /// Counts since the start.
    pub const fn counters(&self) -> &Counters {
        &self.output.counters
    }

    /// Counts a packet that was lost around the engine: a full queue, a device that refused.
    pub fn count_drop(&mut self, reason: DropReason, packets: u64) {
        self.output.counters.drops.add(reason, packets);
    }

    /// Another worker saw that a peer's node has started anew.
    pub fn note_peer_restart(&mut self, router: &str, node: &str, boot: BootId, now: Now) {
        self.output.set_now(now.at);
        if self.fabric.peering.note_boot(router, node, boot) {
            self.sweep.start_with_repeats(now.at);
        }
    }

    /// Ends sessions, telling the other routers, before the process goes for good: as many as there are buffers for, and one at least.
    /// `true` when there are more: to be called again once everything is sent.
    pub fn close_some(&mut self, now: Now) -> bool {
        self.output.set_now(now.at);
        packet_path::close::some(self, now)
    }

    pub(crate) fn settle(&mut self, packet: Packet, verdict: Result<Verdict, DropReason>) {
        match verdict {
            Ok(Verdict::ToLan) => self.output.transmit(packet, Direction::Lan),
            Ok(Verdict::ToWan) => self.output.transmit(packet, Direction::Wan),
            Ok(Verdict::Consumed) => self.output.recycle(packet),
            Err(reason) => {
                self.output.drop(reason);
                self.output.recycle(packet);
            }
        }
    }
}
