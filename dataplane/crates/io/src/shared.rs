//! What all workers of a router see.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;
use std::sync::mpsc::Sender;

use arc_swap::ArcSwapOption;
use crossbeam_queue::ArrayQueue;
use quiver_api::proto;
use quiver_engine::session::keys::HashSeed;

use crate::capture::Tap;
use crate::clock::Clock;
use crate::exchange::Exchange;
use crate::forwarder::Forwarder;
use crate::order::Order;
use crate::origin::Origins;
use crate::side::Sides;
use crate::steer_map::SteerMap;

/// Events that may wait to be fetched.
const EVENTS: usize = 65_536;

/// A configuration as workers use it.
pub(crate) struct Installed<F: Forwarder> {
    pub(crate) tables: Arc<F::Tables>,
    pub(crate) sides: Sides,
    pub(crate) origins: Origins,
}

/// One start of the node's engine.
pub(crate) struct Life {
    pub(crate) boot_id: u64,
    pub(crate) began_unix_ms: u64,
}

/// Events on their way to whoever drains them.
pub(crate) struct Events {
    // Boxed, so that room for many costs little while there are few.
    queue: ArrayQueue<Box<proto::Event>>,
    lost: AtomicU64,
}

/// State that all workers of a router see.
pub(crate) struct Shared<F: Forwarder> {
    pub(crate) shards: u8,
    pub(crate) clock: Clock,
    pub(crate) exchange: Exchange,
    pub(crate) steered: SteerMap,
    pub(crate) flow_seed: HashSeed,
    pub(crate) installed: ArcSwapOption<Installed<F>>,
    pub(crate) life: arc_swap::ArcSwap<Life>,
    pub(crate) tap: ArcSwapOption<Tap>,
    pub(crate) events: Events,
    pub(crate) desks: Vec<Sender<Order<F::News>>>,
    pub(crate) stopping: AtomicBool,
    pub(crate) close_sessions: AtomicBool,
    pub(crate) device_failed: AtomicBool,
}

impl<F: Forwarder> Shared<F> {
    /// Makes every worker look around.
    pub(crate) fn call_all(&self) {
        for worker in 0..self.shards {
            self.exchange.call(worker);
        }
    }

    /// Gives `news` to all workers but `from`.
    pub(crate) fn spread(&self, from: u8, news: &F::News) {
        for (worker, desk) in (0..self.shards).zip(&self.desks) {
            if worker != from && desk.send(Order::Hear(news.clone())).is_ok() {
                self.exchange.call(worker);
            }
        }
    }
}

impl Events {
    pub(crate) fn new() -> Self {
        Self { queue: ArrayQueue::new(EVENTS), lost: AtomicU64::new(0) }
    }

    /// The newest event is lost when nobody drains: the older ones say how it came to it.
    pub(crate) fn push(&self, event: proto::Event) {
        if self.queue.push(Box::new(event)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All waiting events, and how many were lost since the last call.
    pub(crate) fn drain(&self) -> (Vec<proto::Event>, u64) {
        let events = core::iter::from_fn(|| self.queue.pop().map(|event| *event)).take(EVENTS).collect();
        (events, self.lost.swap(0, Ordering::Relaxed))
    }
}
