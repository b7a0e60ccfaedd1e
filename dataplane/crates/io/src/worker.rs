//! One thread per worker: reads its queue of the device, runs its forwarder, writes what comes out.

use core::sync::atomic::Ordering;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use quiver_api::proto;
use quiver_engine::packet::Packet;
use quiver_engine::time::{Instant, Now};
use quiver_wire::parse::Parsed;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::capture::{Passage, Tap};
use crate::forwarder::{Forwarder, Loss, Notice, Setup};
use crate::order::Order;
use crate::shared::{Installed, Life, Shared};
use crate::side::Side;
use crate::tun::{Queue, Read};

/// Packets from one source before the others get their turn.
const BATCH: usize = 64;

/// A worker between packets.
pub(crate) struct Worker<F: Forwarder> {
    pub(crate) index: u8,
    pub(crate) queue: Queue,
    pub(crate) orders: Receiver<Order<F::News>>,
    pub(crate) shared: Arc<Shared<F>>,
}

/// What a worker holds while it has a configuration.
struct Running<F: Forwarder> {
    forwarder: F,
    installed: Arc<Installed<F>>,
    life: Arc<Life>,
}

impl<F: Forwarder> Worker<F> {
    /// Works until the router stops.
    pub(crate) fn run(&self) {
        let mut running = None;
        let mut tap = None;
        loop {
            let now = self.shared.clock.now();
            if self.shared.exchange.called(self.index) {
                self.look_around(&mut running, &mut tap, now);
                if self.shared.stopping.load(Ordering::Acquire) {
                    self.say_goodbye(&mut running, tap.as_deref(), now);
                    return;
                }
            }
            // Without a configuration packets stay in the device's queue.
            let Some(Running { forwarder, installed, .. }) = &mut running else {
                self.wait(None, now, false);
                continue;
            };
            let mut turn = Turn { worker: self, forwarder, installed, tap: tap.as_deref(), now };
            let busy = turn.read_device() | turn.read_inbox();
            turn.timeouts();
            if !busy {
                let next = turn.forwarder.poll_timeout();
                self.wait(next, now, true);
            }
        }
    }

    fn look_around(&self, running: &mut Option<Running<F>>, tap: &mut Option<Arc<Tap>>, now: Now) {
        *tap = self.shared.tap.load_full();
        let life = self.shared.life.load_full();
        let mut horizon_unix_ms = life.began_unix_ms;
        // After another worker's failure all start anew together: one node has one boot id.
        if running.as_ref().is_some_and(|r| !Arc::ptr_eq(&r.life, &life)) {
            *running = None;
            self.shared.steered.remove_all(self.index);
            // Until now this worker went on with its former life.
            horizon_unix_ms = now.unix_ms.saturating_add(1);
        }
        if let Some(installed) = self.shared.installed.load_full() {
            match running {
                Some(r) if Arc::ptr_eq(&r.installed, &installed) => {}
                Some(r) => {
                    r.forwarder.apply(Arc::clone(&installed.tables), now);
                    r.installed = installed;
                }
                None => *running = self.begin(installed, life, horizon_unix_ms, now),
            }
        }
        for order in self.orders.try_iter() {
            order.carry_out(running.as_mut().map(|r| &mut r.forwarder), now);
        }
    }

    fn begin(
        &self,
        installed: Arc<Installed<F>>,
        life: Arc<Life>,
        horizon_unix_ms: u64,
        now: Now,
    ) -> Option<Running<F>> {
        let mut seed = [0; 32];
        rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty()).ok()?;
        let shards = self.shared.shards;
        let flow_seed = self.shared.flow_seed;
        let (boot_id, shard) = (life.boot_id, self.index);
        let setup = Setup { seed, boot_id, shard, shards, flow_seed, horizon_unix_ms };
        let forwarder = F::new(setup, Arc::clone(&installed.tables), now);
        Some(Running { forwarder, installed, life })
    }

    fn say_goodbye(&self, running: &mut Option<Running<F>>, tap: Option<&Tap>, now: Now) {
        if let Some(Running { forwarder, installed, .. }) = running
            && self.shared.close_sessions.load(Ordering::Acquire)
        {
            let mut turn = Turn { worker: self, forwarder, installed, tap, now };
            while turn.forwarder.close_some(now) {
                turn.flush();
            }
            turn.flush();
        }
    }

    fn wait(&self, until: Option<Instant>, now: Now, device: bool) {
        let exchange = &self.shared.exchange;
        let Some(bell) = exchange.bell(self.index) else { return };
        if !exchange.fall_asleep(self.index) {
            return;
        }
        let timeout = until.map(|at| {
            let left = at.since(now.at);
            Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() }
        });
        let mut both = [PollFd::new(bell, PollFlags::IN), PollFd::new(&self.queue, PollFlags::IN)];
        let count = if device { 2 } else { 1 };
        // An interrupted wait is a short one.
        let _ = poll(both.get_mut(..count).unwrap_or_default(), timeout.as_ref());
        exchange.wake_up(self.index);
    }
}

/// One round of a worker: everything that packets need on their way.
struct Turn<'a, F: Forwarder> {
    worker: &'a Worker<F>,
    forwarder: &'a mut F,
    installed: &'a Installed<F>,
    tap: Option<&'a Tap>,
    now: Now,
}

impl<F: Forwarder> Turn<'_, F> {
    /// `true` when there may be more.
    fn read_device(&mut self) -> bool {
        for _ in 0..BATCH {
            let Some(mut packet) = self.forwarder.take_buffer() else { return false };
            match self.worker.queue.read(&mut packet) {
                Ok(Read::Packet(parsed)) => self.sort(packet, &parsed),
                Ok(Read::Unusable) => self.lose(packet, Loss::NotIp),
                Ok(Read::Nothing) => {
                    self.forwarder.recycle(packet);
                    return false;
                }
                Err(error) => {
                    self.forwarder.recycle(packet);
                    self.device_failed(&error);
                    return false;
                }
            }
        }
        true
    }

    /// `true` when there may be more.
    fn read_inbox(&mut self) -> bool {
        let exchange = &self.worker.shared.exchange;
        for _ in 0..BATCH {
            let Some((side, packet)) = exchange.take(self.worker.index) else { return false };
            if let Some(empty) = self.forwarder.take_buffer()
                && let Err(kept) = exchange.leave_empty(self.worker.index, empty)
            {
                self.forwarder.recycle(kept);
            }
            self.handle(side, packet);
        }
        true
    }

    fn timeouts(&mut self) {
        if self.forwarder.poll_timeout().is_some_and(|at| at <= self.now.at) {
            self.forwarder.handle_timeout(self.now);
            self.flush();
        }
    }

    fn sort(&mut self, mut packet: Packet, parsed: &Parsed) {
        let side = self.installed.sides.side(packet.bytes(), parsed);
        if side == Side::Lan {
            packet.interface = self.installed.origins.of(parsed.src);
        }
        self.give(side, packet);
    }

    /// Handles a packet here, or hands it to the worker that owns it.
    fn give(&mut self, side: Side, packet: Packet) {
        let owner = self.owner(side, packet.bytes());
        if owner == self.worker.index {
            return self.handle(side, packet);
        }
        match self.worker.shared.exchange.hand_over(owner, side, packet) {
            Ok(()) => {
                if let Some(empty) = self.worker.shared.exchange.take_empty(owner) {
                    self.forwarder.recycle(empty);
                }
            }
            Err(packet) => self.lose(packet, Loss::QueueFull),
        }
    }

    fn owner(&self, side: Side, packet: &[u8]) -> u8 {
        let shared = &self.worker.shared;
        match (shared.shards, side) {
            (1, Side::Lan | Side::Wan) => self.worker.index,
            (shards, Side::Wan) => F::shard_of_wan(packet, shards),
            (shards, Side::Lan) => F::flow_of_lan(packet, &shared.flow_seed)
                .and_then(|flow| shared.steered.owner(flow))
                .unwrap_or_else(|| F::shard_of_lan(packet, shards)),
        }
    }

    fn handle(&mut self, side: Side, packet: Packet) {
        match side {
            Side::Lan => {
                // Its pieces have been shown.
                if !packet.reassembled {
                    self.show(Passage::FromLan, side, &packet);
                }
                self.forwarder.handle_lan(packet, self.now);
                while let Some(whole) = self.forwarder.poll_whole() {
                    self.give(side, whole);
                }
            }
            Side::Wan => {
                self.show(Passage::FromWan, side, &packet);
                self.forwarder.handle_wan(packet, self.now);
            }
        }
        self.flush();
    }

    /// Sends and tells everything the forwarder has ready; packet by packet, while it is in the cache.
    fn flush(&mut self) {
        // Steering first: a server on this node answers before the write of its packet has returned.
        while let Some(notice) = self.forwarder.poll_notice() {
            self.tell(notice);
        }
        while let Some((side, packet)) = self.forwarder.poll_transmit() {
            let passage = match side {
                Side::Lan => Passage::ToLan,
                Side::Wan => Passage::ToWan,
            };
            self.show(passage, side, &packet);
            match self.worker.queue.write(&packet) {
                Ok(()) => self.forwarder.recycle(packet),
                Err(_) => self.lose(packet, Loss::DeviceRefused),
            }
        }
    }

    fn tell(&mut self, notice: Notice<F::News>) {
        let shared = &self.worker.shared;
        match notice {
            Notice::Event(event) => shared.events.push(*event),
            Notice::Steer { flow, owned: true } => {
                if !shared.steered.insert(flow, self.worker.index) {
                    self.forwarder.count_loss(Loss::QueueFull, 1);
                }
            }
            Notice::Steer { flow, owned: false } => shared.steered.remove(flow, self.worker.index),
            Notice::News(news) => shared.spread(self.worker.index, &news),
        }
    }

    fn show(&self, passage: Passage, side: Side, packet: &Packet) {
        if let Some(tap) = self.tap {
            tap.offer(self.now, passage, packet.bytes(), || self.forwarder.describe(side, packet.bytes()));
        }
    }

    fn lose(&mut self, packet: Packet, loss: Loss) {
        self.forwarder.count_loss(loss, 1);
        self.forwarder.recycle(packet);
    }

    fn device_failed(&self, error: &io::Error) {
        if !matches!(Errno::from_io_error(error), Some(Errno::INTR | Errno::AGAIN)) {
            self.worker.shared.device_failed.store(true, Ordering::Release);
        }
    }
}

/// Tells the event queue that a worker's forwarder failed.
pub(crate) fn failed(worker: u8, message: String, at: Instant) -> proto::Event {
    proto::Event {
        at: at.as_nanos(),
        event: Some(proto::event::Event::EngineRestarted(proto::EngineRestarted {
            worker: worker.into(),
            message,
        })),
    }
}
