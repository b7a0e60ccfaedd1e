//! Two engines with nothing in between: the shortest way from a client to a server and back, for measurements.

use core::net::SocketAddr;
use core::time::Duration;
use std::sync::Arc;

use quiver_crypto::BootId;
use quiver_engine::config::Config;
use quiver_engine::{Direction, Engine, Packet, Setup, Shard, Tables};
use quiver_engine::{Instant, Now};
use quiver_wire::parse::Parsed;

use crate::craft;
use crate::plan::Plan;
use crate::router::EPOCH_MS;

/// Two engines and the time.
pub struct Pair {
    /// The ingress.
    pub a: Engine,
    /// The egress.
    pub b: Engine,
    /// Answers that reached a client.
    pub answers: u64,
    at: Instant,
}

impl Pair {
    /// Engines `a` and `b` of `plan`, with configurations changed by `change`; their announcements are exchanged.
    pub fn new(plan: &Plan, change: impl Fn(&mut Config)) -> Self {
        let at = Instant::from_nanos(1_000_000_000);
        let engine = |name: &str, seed: u8| {
            let mut config = plan.config(name);
            change(&mut config);
            let tables = Arc::new(Tables::build(&config).expect("the configuration is valid"));
            let now = now(at);
            let (boot_id, horizon_unix_ms) = (BootId(u64::from(seed)), now.unix_ms);
            let setup = Setup { seed: [seed; 32], boot_id, shard: Shard::ONLY, horizon_unix_ms };
            Engine::new(setup, tables, now)
        };
        let mut pair = Self { a: engine("a", 1), b: engine("b", 2), answers: 0, at };
        pair.pass(Duration::ZERO);
        pair
    }

    /// Lets time pass and does what is due.
    pub fn pass(&mut self, time: Duration) {
        self.at += time;
        let now = now(self.at);
        for engine in [&mut self.a, &mut self.b] {
            while engine.poll_timeout().is_some_and(|(due, _)| due <= now.at) {
                engine.handle_timeout(now);
            }
        }
        self.exchange();
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        now(self.at)
    }

    /// A client of `a` sends; the server of `b` echoes.
    pub fn udp(&mut self, from: SocketAddr, to: SocketAddr, payload: &[u8]) {
        let packet = filled(&mut self.a, &craft::udp(from, to, payload));
        self.a.handle_lan(packet, now(self.at));
        self.exchange();
    }

    fn exchange(&mut self) {
        let now = now(self.at);
        loop {
            let mut moved = false;
            while let Some(sent) = self.a.poll_transmit() {
                moved = true;
                match sent.direction {
                    Direction::Wan => {
                        let mut packet = filled(&mut self.b, sent.packet.bytes());
                        packet.offload = sent.packet.offload;
                        self.b.handle_wan(packet, now);
                    }
                    Direction::Lan => self.answers += 1,
                }
                self.a.recycle(sent.packet);
            }
            while let Some(sent) = self.b.poll_transmit() {
                moved = true;
                match sent.direction {
                    Direction::Wan => {
                        let mut packet = filled(&mut self.a, sent.packet.bytes());
                        packet.offload = sent.packet.offload;
                        self.a.handle_wan(packet, now);
                    }
                    Direction::Lan => {
                        if let Some(reply) = echo(sent.packet.bytes()) {
                            let packet = filled(&mut self.b, &reply);
                            self.b.handle_lan(packet, now);
                        }
                    }
                }
                self.b.recycle(sent.packet);
            }
            while self.a.poll_event().is_some() || self.b.poll_event().is_some() {}
            if !moved {
                return;
            }
        }
    }
}

impl core::fmt::Debug for Pair {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Pair").field("at", &self.at).finish_non_exhaustive()
    }
}

fn now(at: Instant) -> Now {
    Now { at, unix_ms: EPOCH_MS + at.as_nanos() / 1_000_000 }
}

fn filled(engine: &mut Engine, bytes: &[u8]) -> Packet {
    let mut packet = engine.take_buffer().unwrap_or_else(Packet::allocate);
    packet.fill(bytes);
    packet
}

fn echo(packet: &[u8]) -> Option<Vec<u8>> {
    let parsed = Parsed::parse(packet).ok()?;
    let from = SocketAddr::new(parsed.dst, parsed.dst_port);
    let to = SocketAddr::new(parsed.src, parsed.src_port);
    Some(craft::udp(from, to, parsed.payload(packet)))
}
