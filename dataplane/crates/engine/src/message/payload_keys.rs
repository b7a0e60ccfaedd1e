//! Payload keys: made at the ingress per service and epoch, known elsewhere by name (`docs/protocol.md` 2.2).
//!
//! Sessions share them, so that a key schedule is paid once and not per session. A key belongs to one service: whoever
//! learns it serves that service and may read its sessions anyway.

use core::time::Duration;
use std::sync::Arc;

use hashbrown::HashMap;
use quiver_crypto::{AeadKey, BootId, CryptoError, PayloadKeys, PayloadSecret, SerialAllocator};
use rustc_hash::FxBuildHasher;

use crate::engine::Shard;
use crate::random::Random;
use crate::time::Instant;

/// An epoch ends after this time at the latest (architecture: 24 h), long before a serial or counter could wrap.
pub(crate) const EPOCH: Duration = Duration::from_hours(24);
/// Epochs of other nodes that are remembered; beyond that the one used longest ago is forgotten (its sessions keep it).
const REMEMBERED: usize = 16_384;

/// The secret of one service at one ingress worker for one epoch.
#[derive(Debug)]
pub(crate) struct Epoch {
    /// Start of the ingress node that made it.
    pub(crate) origin: BootId,
    /// Its name among all that node made since.
    pub(crate) id: u64,
    pub(crate) secret: PayloadSecret,
    pub(crate) made: Instant,
}

/// An epoch with the keys derived from it.
#[derive(Clone, Debug)]
pub(crate) struct SessionKeys {
    pub(crate) epoch: Arc<Epoch>,
    /// Client to server.
    pub(crate) forward: Arc<AeadKey>,
    /// Server to client, with the start of the egress it is bound to; unknown at the ingress until the egress has answered.
    pub(crate) reverse: Option<(BootId, Arc<AeadKey>)>,
}

struct Own {
    keys: SessionKeys,
    serials: SerialAllocator,
}

struct Remembered {
    keys: SessionKeys,
    reverse: Vec<(BootId, Arc<AeadKey>)>,
    used: Instant,
}

/// Keys made here, and keys that others made.
pub(crate) struct PayloadKeyCache {
    own: HashMap<Arc<str>, Own, FxBuildHasher>,
    next_id: u64,
    remembered: HashMap<(BootId, u64), Remembered, FxBuildHasher>,
    shard: Shard,
    boot: BootId,
}

impl PayloadKeyCache {
    pub(crate) fn new(shard: Shard, boot: BootId) -> Self {
        Self {
            own: HashMap::default(),
            // The worker's number stands in front, so that ids differ between the workers of a node.
            next_id: u64::from(shard.index) << 56 | 1,
            remembered: HashMap::default(),
            shard,
            boot,
        }
    }

    /// Keys and a fresh serial for a new session towards `service`.
    pub(crate) fn for_new_session(
        &mut self,
        service: &Arc<str>,
        random: &mut Random,
        now: Instant,
    ) -> Result<(SessionKeys, u32), CryptoError> {
        if let Some(own) = self.own.get_mut(service.as_ref())
            && now - own.keys.epoch.made < EPOCH
            && let Ok(serial) = own.serials.allocate()
        {
            return Ok((own.keys.clone(), serial));
        }
        let keys = self.make(random, now)?;
        let mut serials = SerialAllocator::new(self.shard.index).map_err(|_| CryptoError::Library)?;
        let serial = serials.allocate().map_err(|_| CryptoError::Library)?;
        self.own.insert(Arc::clone(service), Own { keys: keys.clone(), serials });
        Ok((keys, serial))
    }

    fn make(&mut self, random: &mut Random, now: Instant) -> Result<SessionKeys, CryptoError> {
        let secret = PayloadSecret::generate(&mut |bytes| random.fill(bytes));
        let forward = Arc::new(PayloadKeys::derive_forward(&secret)?);
        let id = self.next_id;
        self.next_id += 1;
        let epoch = Arc::new(Epoch { origin: self.boot, id, secret, made: now });
        let keys = SessionKeys { epoch, forward, reverse: None };
        self.remember(&keys, now);
        Ok(keys)
    }

    fn remember(&mut self, keys: &SessionKeys, now: Instant) {
        if self.remembered.len() >= REMEMBERED
            && let Some(oldest) =
                self.remembered.iter().min_by_key(|(name, known)| (known.used, **name)).map(|(name, _)| *name)
        {
            self.remembered.remove(&oldest);
        }
        let name = (keys.epoch.origin, keys.epoch.id);
        self.remembered.insert(name, Remembered { keys: keys.clone(), reverse: Vec::new(), used: now });
    }

    /// Keys of an epoch that another node named in authentic metadata.
    pub(crate) fn of_peer(
        &mut self,
        origin: BootId,
        id: u64,
        secret: &PayloadSecret,
        now: Instant,
    ) -> Result<SessionKeys, CryptoError> {
        if let Some(known) = self.remembered.get_mut(&(origin, id))
            && known.keys.epoch.secret == *secret
        {
            known.used = now;
            return Ok(known.keys.clone());
        }
        let forward = Arc::new(PayloadKeys::derive_forward(secret)?);
        let epoch = Arc::new(Epoch { origin, id, secret: secret.clone(), made: now });
        let keys = SessionKeys { epoch, forward, reverse: None };
        self.remember(&keys, now);
        Ok(keys)
    }

    /// Completes keys by the reverse key of an egress that started as `egress`.
    pub(crate) fn with_reverse(
        &mut self,
        keys: &SessionKeys,
        egress: BootId,
    ) -> Result<SessionKeys, CryptoError> {
        if keys.reverse.as_ref().is_some_and(|(boot, _)| *boot == egress) {
            return Ok(keys.clone());
        }
        let known = self.remembered.get_mut(&(keys.epoch.origin, keys.epoch.id));
        if let Some((_, key)) =
            known.as_ref().and_then(|known| known.reverse.iter().find(|(boot, _)| *boot == egress))
        {
            return Ok(SessionKeys { reverse: Some((egress, Arc::clone(key))), ..keys.clone() });
        }
        let key = Arc::new(PayloadKeys::derive_reverse(&keys.epoch.secret, egress)?);
        if let Some(known) = known {
            if known.reverse.len() >= 8 {
                known.reverse.remove(0);
            }
            known.reverse.push((egress, Arc::clone(&key)));
        }
        Ok(SessionKeys { reverse: Some((egress, key)), ..keys.clone() })
    }
}
