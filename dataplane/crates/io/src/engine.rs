//! The engine as the workers' forwarder.

use std::sync::Arc;

use quiver_api::{proto, report};
use quiver_crypto::BootId;
use quiver_engine::config::Config;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::forwarding::ExplainQuery;
use quiver_engine::packet::Packet;
use quiver_engine::session::keys::HashSeed;
use quiver_engine::time::{Instant, Now};
use quiver_engine::{Direction, Event, Shard, Tables, flow_of_lan, shard_of_lan, shard_of_wan};

use crate::describe;
use crate::forwarder::{Forwarder, Loss, Notice, Question, Setup};
use crate::side::Side;

/// Sessions of a dump that sets no limit.
const DUMP_LIMIT: u32 = 10_000;

/// The engine of one worker.
pub struct Engine {
    inner: quiver_engine::Engine,
    flow_seed: HashSeed,
    /// What all other workers are still to be told.
    news: Vec<PeerRestart>,
    now: Now,
}

/// A peer's node was seen with a new boot id.
#[derive(Clone, Debug)]
pub struct PeerRestart {
    router: Arc<str>,
    node: Arc<str>,
    boot: BootId,
}

impl Forwarder for Engine {
    type Tables = Tables;
    type News = PeerRestart;

    fn tables(config: &Config) -> Result<Tables, Vec<proto::Rejected>> {
        Tables::build(config).map_err(|errors| {
            let rejected = errors.into_iter().map(|error| proto::Rejected {
                code: camel_case(error.code.name()),
                field: error.field,
                message: error.message,
            });
            rejected.collect()
        })
    }

    fn shard_of_lan(packet: &[u8], shards: u8) -> u8 {
        shard_of_lan(packet, shards)
    }

    fn shard_of_wan(packet: &[u8], shards: u8) -> u8 {
        shard_of_wan(packet, shards)
    }

    fn flow_of_lan(packet: &[u8], seed: &HashSeed) -> Option<u64> {
        flow_of_lan(packet).map(|key| key.hash(seed))
    }

    fn new(setup: Setup, tables: Arc<Tables>, now: Now) -> Self {
        let shard = Shard { index: setup.shard, count: setup.shards };
        let engine_setup = quiver_engine::Setup {
            seed: setup.seed,
            boot_id: BootId(setup.boot_id),
            shard,
            horizon_unix_ms: setup.horizon_unix_ms,
        };
        let inner = quiver_engine::Engine::new(engine_setup, tables, now);
        Self { inner, flow_seed: setup.flow_seed, news: Vec::new(), now }
    }

    fn apply(&mut self, tables: Arc<Tables>, now: Now) {
        self.inner.apply(tables, now);
    }

    fn handle_lan(&mut self, packet: Packet, now: Now) {
        self.now = now;
        self.inner.handle_lan(packet, now);
    }

    fn handle_wan(&mut self, packet: Packet, now: Now) {
        self.now = now;
        self.inner.handle_wan(packet, now);
    }

    fn handle_timeout(&mut self, now: Now) {
        self.now = now;
        self.inner.handle_timeout(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout().map(|(at, _)| at)
    }

    fn poll_transmit(&mut self) -> Option<(Side, Packet)> {
        let transmit = self.inner.poll_transmit()?;
        let side = match transmit.direction {
            Direction::Lan => Side::Lan,
            Direction::Wan => Side::Wan,
        };
        Some((side, transmit.packet))
    }

    fn poll_whole(&mut self) -> Option<Packet> {
        self.inner.poll_whole()
    }

    fn poll_notice(&mut self) -> Option<Notice<PeerRestart>> {
        if let Some(news) = self.news.pop() {
            return Some(Notice::News(news));
        }
        let timed = self.inner.poll_event()?;
        if let Event::LanSteer { key, owned } = timed.event {
            return Some(Notice::Steer { flow: key.hash(&self.flow_seed), owned });
        }
        if let Event::PeerRestarted { router, node } = &timed.event {
            self.note(router, node);
        }
        report::event(&timed).map(|event| Notice::Event(Box::new(event)))
    }

    fn hear(&mut self, news: PeerRestart, now: Now) {
        self.inner.note_peer_restart(&news.router, &news.node, news.boot, now);
    }

    fn count_loss(&mut self, loss: Loss, packets: u64) {
        let reason = match loss {
            Loss::QueueFull => DropReason::QueueFull,
            Loss::DeviceRefused => DropReason::DeviceRefused,
            Loss::NotIp => DropReason::MalformedIp,
        };
        self.inner.count_drop(reason, packets);
    }

    fn close_some(&mut self, now: Now) -> bool {
        self.inner.close_some(now)
    }

    fn recycle(&mut self, packet: Packet) {
        self.inner.recycle(packet);
    }

    fn take_buffer(&mut self) -> Option<Packet> {
        self.inner.take_buffer()
    }

    fn counters(&self, now: Now) -> proto::Counters {
        report::counters(&self.inner, now)
    }

    fn dump(&self, request: &proto::DumpRequest, now: Now) -> proto::Dump {
        let limit = if request.limit == 0 { DUMP_LIMIT } else { request.limit };
        let mut dump = proto::Dump::default();
        for view in self.inner.sessions(now).filter(|view| report::is_wanted(request, view)) {
            if dump.sessions.len() < limit as usize {
                dump.sessions.push(report::session(&view));
            } else {
                dump.omitted += 1;
            }
        }
        dump
    }

    fn explain(&self, question: &Question, now: Now) -> proto::Explanation {
        let query = ExplainQuery {
            from: question.from.ip(),
            from_port: question.from.port(),
            to: question.to.ip(),
            to_port: question.to.port(),
            protocol: question.protocol,
            interface: question.interface,
        };
        let (explanation, session) = self.inner.explain(&query, now);
        report::explanation(&explanation, session.as_ref())
    }

    fn describe(&self, side: Side, packet: &[u8]) -> Option<String> {
        match side {
            Side::Lan => None,
            Side::Wan => describe::metadata(packet),
        }
    }
}

impl Engine {
    /// The event does not carry the boot id; the path does.
    fn note(&mut self, router: &Arc<str>, node: &Arc<str>) {
        let found = self.inner.paths(self.now).find(|path| path.router == *router && path.node == *node);
        if let Some(boot) = found.and_then(|path| path.boot) {
            self.news.push(PeerRestart { router: Arc::clone(router), node: Arc::clone(node), boot });
        }
    }
}

/// Reasons travel in `CamelCase`, whoever gives them.
fn camel_case(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    for word in name.split('_') {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}
