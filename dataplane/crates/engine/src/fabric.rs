//! What a packet is judged by: tables, peers, keys, randomness.

use std::sync::Arc;

use quiver_crypto::{BootId, CounterNonce, Freshness, MetadataReplay, Nonce, NonceError, SerialAllocator};

use crate::engine::{Setup, Shard};
use crate::forwarding::Tables;
use crate::message::accept::Names;
use crate::message::payload_keys::PayloadKeyCache;
use crate::packet_path::keep_alive;
use crate::peering::Peering;
use crate::peering::path::PathSetup;
use crate::random::Random;
use crate::session::credit::{FlowLimiter, TokenBucket};
use crate::time::{Instant, Now};

/// Everything that is not a session, a buffer or a count.
pub(crate) struct Fabric {
    pub(crate) tables: Arc<Tables>,
    /// Grows with every change of the tables.
    pub(crate) generation: u64,
    pub(crate) peering: Peering,
    pub(crate) payload_keys: PayloadKeyCache,
    pub(crate) random: Random,
    pub(crate) boot: BootId,
    pub(crate) shard: Shard,
    pub(crate) names: Names,
    pub(crate) replay: MetadataReplay,
    pub(crate) flow_limiter: FlowLimiter,
    /// Keys that are derived for starts of peers not proved yet.
    pub(crate) derivations: TokenBucket,
    /// Keep-alives of quiet sessions.
    pub(crate) keep_alives: TokenBucket,
    fragment_ids: u32,
    metadata_nonces: CounterNonce,
    /// Above all payload counters of sessions that have ended here or were given other keys.
    spent: u64,
}

/// Workers of peers whose metadata is remembered, 8 KiB each.
const REMEMBERED_SENDERS: usize = 2048;
/// Key derivations a second, some 10 µs each, that packets of unproved origin may cause.
const DERIVATIONS: u32 = 1000;

impl Fabric {
    pub(crate) fn new(setup: Setup, tables: Arc<Tables>, random: Random, now: Now) -> Self {
        // 64 workers is the most a serial can name, and the most that is configured.
        let serials = SerialAllocator::new(setup.shard.index % SerialAllocator::MAX_WORKERS);
        let metadata_serial = serials.map_or(0, |serials| serials.metadata_serial());
        Self {
            tables,
            generation: 0,
            peering: Peering::default(),
            payload_keys: PayloadKeyCache::new(setup.shard, setup.boot_id),
            random,
            boot: setup.boot_id,
            shard: setup.shard,
            names: Names::default(),
            replay: MetadataReplay::new(REMEMBERED_SENDERS, Freshness::METADATA, setup.horizon_unix_ms),
            flow_limiter: FlowLimiter::new(),
            derivations: TokenBucket::new(DERIVATIONS, DERIVATIONS, now.at),
            keep_alives: TokenBucket::new(keep_alive::PER_SECOND, keep_alive::AT_ONCE, now.at),
            fragment_ids: 0,
            metadata_nonces: CounterNonce::new(metadata_serial),
            spent: 0,
        }
    }

    /// Puts new tables in force.
    pub(crate) fn take_over(&mut self, tables: Arc<Tables>, now: Instant) {
        let mut setup = PathSetup {
            ports: tables.node.waypoint_ports,
            residue: self.shard.residue(),
            random: &mut self.random,
        };
        self.peering.update(&tables, &mut setup, now);
        self.tables = tables;
        self.generation += 1;
    }

    /// The nonce of the next metadata; never the same twice under this node's boot id.
    pub(crate) fn metadata_nonce(&mut self) -> Result<Nonce, NonceError> {
        self.metadata_nonces.draw()
    }

    /// Payload nonces of a session that another node gave this serial: a session that is forgotten and told of again must not meet
    /// its former ones. It begins at the time since the start, or above what was spent when many were sent in an instant.
    pub(crate) fn payload_nonces(&self, serial: u32, now: Instant) -> CounterNonce {
        CounterNonce::starting_at(serial, now.as_nanos().max(self.spent))
    }

    /// These nonces are not drawn from any more.
    pub(crate) fn spend(&mut self, nonces: &CounterNonce) {
        self.spent = self.spent.max(nonces.upcoming());
    }

    /// The extended id of the next packet that is cut into pieces; workers draw from ranges of their own.
    pub(crate) const fn next_fragment_id(&mut self) -> u32 {
        self.fragment_ids = self.fragment_ids.wrapping_add(1);
        (self.shard.index as u32) << 26 | self.fragment_ids & 0x03ff_ffff
    }
}
