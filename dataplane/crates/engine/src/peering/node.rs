//! One node of a peer: keys both ways, what it has sent already, when it started.

use std::sync::Arc;

use quiver_crypto::{BootId, CryptoError, DeriveInput, PeerKeys};

use crate::forwarding::Tables;

/// Starts of a peer's node whose keys are kept: its present one, the one before, for every key version that overlaps.
const RECEIVING_KEYS: usize = 8;

/// State of a peer's node.
pub(crate) struct NodeState {
    pub(crate) router: Arc<str>,
    pub(crate) name: Arc<str>,
    full_name: String,
    sending: Option<(u32, Arc<PeerKeys>)>,
    /// Most recently proven last.
    receiving: Vec<ReceivingKeys>,
    boot: Option<BootId>,
    /// Its clock minus ours, in milliseconds, as its last metadata showed.
    pub(crate) clock_offset_ms: i64,
    pub(crate) epoch: u32,
}

struct ReceivingKeys {
    version: u32,
    boot: BootId,
    keys: Arc<PeerKeys>,
}

/// Name of a node in the fabric, as keys are bound to it.
pub(crate) fn full_name(router: &str, node: &str) -> String {
    format!("{router}/{node}")
}

impl NodeState {
    pub(crate) fn new(router: &Arc<str>, name: &Arc<str>) -> Self {
        Self {
            router: Arc::clone(router),
            name: Arc::clone(name),
            full_name: full_name(router, name),
            sending: None,
            receiving: Vec::with_capacity(RECEIVING_KEYS),
            boot: None,
            clock_offset_ms: 0,
            epoch: 0,
        }
    }

    /// The keys to send with, and their version.
    pub(crate) fn keys_to_send(
        &mut self,
        tables: &Tables,
        boot: BootId,
    ) -> Result<(u32, Arc<PeerKeys>), CryptoError> {
        let version = tables.node.active_secret;
        if let Some((made_for, keys)) = &self.sending
            && *made_for == version
        {
            return Ok((version, Arc::clone(keys)));
        }
        let secret = tables.node.secret(version).ok_or(CryptoError::Library)?;
        let input = DeriveInput {
            fabric: &tables.node.fabric,
            sender_node: &full_name(&tables.node.router, &tables.node.node),
            receiver_node: &self.full_name,
            version,
            sender_boot: boot,
        };
        let keys = Arc::new(PeerKeys::derive(secret, &input)?);
        self.sending = Some((version, Arc::clone(&keys)));
        Ok((version, keys))
    }

    /// Whether keys of this start are at hand.
    pub(crate) fn knows(&self, version: u32, boot: BootId) -> bool {
        self.receiving.iter().any(|known| known.version == version && known.boot == boot)
    }

    /// The keys this node sends with at `boot`; `None` for a version that is not configured. Nothing is remembered yet.
    pub(crate) fn keys_to_receive(
        &self,
        tables: &Tables,
        version: u32,
        boot: BootId,
    ) -> Option<Result<Arc<PeerKeys>, CryptoError>> {
        if let Some(known) =
            self.receiving.iter().find(|known| known.version == version && known.boot == boot)
        {
            return Some(Ok(Arc::clone(&known.keys)));
        }
        let secret = tables.node.secret(version)?;
        let input = DeriveInput {
            fabric: &tables.node.fabric,
            sender_node: &self.full_name,
            receiver_node: &full_name(&tables.node.router, &tables.node.node),
            version,
            sender_boot: boot,
        };
        Some(PeerKeys::derive(secret, &input).map(Arc::new))
    }

    /// Something authenticated with these keys. `true` when that shows that the node has started anew since we knew it.
    pub(crate) fn proven(&mut self, version: u32, boot: BootId, keys: Arc<PeerKeys>) -> bool {
        let known = self.knows(version, boot);
        if !known {
            if self.receiving.len() >= RECEIVING_KEYS {
                self.receiving.remove(0);
            }
            self.receiving.push(ReceivingKeys { version, boot, keys });
        }
        // A late packet of a former start is no restart: its keys are known.
        let restarted = !known && self.boot.is_some_and(|former| former != boot);
        if !known {
            self.boot = Some(boot);
        }
        if restarted {
            self.epoch = self.epoch.wrapping_add(1);
        }
        restarted
    }

    /// The node's present start, once known.
    pub(crate) const fn boot(&self) -> Option<BootId> {
        self.boot
    }

    /// Another worker of this node saw that the peer's node has started anew.
    pub(crate) fn note_boot(&mut self, boot: BootId) -> bool {
        if self.boot == Some(boot) || self.receiving.iter().any(|known| known.boot == boot) {
            return false;
        }
        let restarted = self.boot.replace(boot).is_some();
        if restarted {
            self.epoch = self.epoch.wrapping_add(1);
        }
        restarted
    }

    /// HMAC keys that packets of the present start may be signed with.
    pub(crate) fn packet_keys(&self) -> impl Iterator<Item = &Arc<PeerKeys>> {
        self.receiving.iter().rev().filter(|known| Some(known.boot) == self.boot).map(|known| &known.keys)
    }

    pub(crate) fn forget_retired_versions(&mut self, tables: &Tables) {
        self.receiving.retain(|known| tables.node.secret(known.version).is_some());
        if self.sending.as_ref().is_some_and(|(version, _)| *version != tables.node.active_secret) {
            self.sending = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn restart_that_another_worker_saw_makes_sessions_old_here_too() {
        let mut node = NodeState::new(&Arc::from("b"), &Arc::from("b1"));
        assert!(!node.note_boot(BootId(1)), "the first start is no restart");
        assert_eq!(node.epoch, 0);
        assert!(node.note_boot(BootId(2)));
        assert!(!node.note_boot(BootId(2)));
        assert_eq!(node.epoch, 1);
    }
}
