//! What workers run: the engine, or anything else that takes packets and gives packets.

use std::sync::Arc;

use quiver_api::proto;
use quiver_engine::config::Config;
use quiver_engine::packet::Packet;
use quiver_engine::session::keys::HashSeed;
use quiver_engine::time::{Instant, Now};

use crate::side::Side;

/// What a forwarder starts with.
#[derive(Clone)]
pub struct Setup {
    /// Random bytes for everything that must not be guessed.
    pub seed: [u8; 32],
    /// Random number that names this start.
    pub boot_id: u64,
    /// Number of the worker.
    pub shard: u8,
    /// How many workers there are.
    pub shards: u8,
    /// Seed of [`Forwarder::flow_of_lan`], the same for all workers.
    pub flow_seed: HashSeed,
    /// Unix time in milliseconds from which on nobody else has taken what peers sent to this worker.
    pub horizon_unix_ms: u64,
}

/// How a packet got lost around the forwarder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Too many packets were waiting.
    QueueFull,
    /// The device did not take it.
    DeviceRefused,
    /// It is no IP packet.
    NotIp,
}

/// What a forwarder tells besides packets.
#[derive(Clone, Debug)]
pub enum Notice<N> {
    /// For people and records.
    Event(Box<proto::Event>),
    /// LAN packets with this flow number belong to this worker although they hash to another one (or no longer do).
    Steer {
        /// As [`Forwarder::flow_of_lan`] gives it.
        flow: u64,
        /// Whether this worker owns them from now on.
        owned: bool,
    },
    /// For the forwarders of all other workers.
    News(N),
}

/// A sans-IO forwarder: the engine's contract as the workers need it.
pub trait Forwarder: Sized + 'static {
    /// Immutable lookups, built once per configuration and shared by all workers.
    type Tables: Send + Sync + 'static;
    /// What forwarders of one node tell each other.
    type News: Clone + Send + 'static;

    /// Builds the lookups, or names what is wrong with the configuration.
    fn tables(config: &Config) -> Result<Self::Tables, Vec<proto::Rejected>>;
    /// Which worker owns a packet from the LAN.
    fn shard_of_lan(packet: &[u8], shards: u8) -> u8;
    /// Which worker owns a packet from the WAN.
    fn shard_of_wan(packet: &[u8], shards: u8) -> u8;
    /// A number for the LAN flow of a packet, for [`Notice::Steer`]; `None` when it has no flow.
    fn flow_of_lan(packet: &[u8], seed: &HashSeed) -> Option<u64>;

    /// A forwarder without sessions.
    fn new(setup: Setup, tables: Arc<Self::Tables>, now: Now) -> Self;
    /// Takes new lookups.
    fn apply(&mut self, tables: Arc<Self::Tables>, now: Now);
    /// Takes a packet of a local client or server.
    fn handle_lan(&mut self, packet: Packet, now: Now);
    /// Takes a packet of a peer's waypoint.
    fn handle_wan(&mut self, packet: Packet, now: Now);
    /// Does what is due.
    fn handle_timeout(&mut self, now: Now);
    /// When something will be due.
    fn poll_timeout(&self) -> Option<Instant>;
    /// The next packet to send.
    fn poll_transmit(&mut self) -> Option<(Side, Packet)>;
    /// The next packet from the LAN whose pieces met here; it belongs to whichever worker owns its flow.
    fn poll_whole(&mut self) -> Option<Packet>;
    /// The next thing to tell.
    fn poll_notice(&mut self) -> Option<Notice<Self::News>>;
    /// Takes what another worker's forwarder told.
    fn hear(&mut self, news: Self::News, now: Now);
    /// Counts lost packets.
    fn count_loss(&mut self, loss: Loss, packets: u64);
    /// Ends sessions, telling their other ends; `true` when there are more, once everything is sent.
    fn close_some(&mut self, now: Now) -> bool;
    /// Takes a buffer back.
    fn recycle(&mut self, packet: Packet);
    /// Gives a buffer to read into; `None` when too many are on their way.
    fn take_buffer(&mut self) -> Option<Packet>;

    /// Counts since the start.
    fn counters(&self, now: Now) -> proto::Counters;
    /// Sessions that match.
    fn dump(&self, request: &proto::DumpRequest, now: Now) -> proto::Dump;
    /// What would happen to a conversation, step by step.
    fn explain(&self, question: &Question, now: Now) -> proto::Explanation;
    /// What is known of a packet's metadata, for captures.
    fn describe(&self, side: Side, packet: &[u8]) -> Option<String>;
}

/// A conversation to be explained, in the engine's terms.
#[derive(Clone, Debug)]
pub struct Question {
    /// The client's address.
    pub from: core::net::SocketAddr,
    /// What it dials.
    pub to: core::net::SocketAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// The interface its packets come in by.
    pub interface: quiver_engine::packet::InterfaceId,
}
