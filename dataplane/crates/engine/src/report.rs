//! What an engine shows of itself: sessions, paths, counts by name.

use core::net::IpAddr;
use std::sync::Arc;

use quiver_crypto::BootId;

use crate::engine::{Engine, Shard};
use crate::output::Tally;
use crate::peering::node::NodeState;
use crate::peering::path::PathHealth;
use crate::time::Now;
use crate::view::SessionView;
use crate::view_of;

/// What traffic has shown of a peer path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathView {
    /// The peer's router.
    pub router: Arc<str>,
    /// The peer's node.
    pub node: Arc<str>,
    /// Own waypoint.
    pub local: IpAddr,
    /// The peer's waypoint.
    pub remote: IpAddr,
    /// Whether it answers.
    pub health: PathHealth,
    /// Hops of sessions on it.
    pub sessions: u32,
    /// The peer's clock minus ours, in milliseconds.
    pub clock_offset_ms: i64,
    /// Largest IP packet, as configured or learned.
    pub mtu: u16,
    /// The present start of the peer's node, once known.
    pub boot: Option<BootId>,
    /// Port pairs in use.
    pub ports_in_use: u32,
    /// Port pairs that were freed a short while ago.
    pub ports_quarantined: u32,
}

impl Engine {
    /// Live sessions, in the order of their places in the table.
    pub fn sessions(&self, now: Now) -> impl Iterator<Item = SessionView> + '_ {
        self.sessions.table.iter().map(move |(_, session)| view_of::session(session, self, now))
    }

    /// Live sessions.
    pub const fn session_count(&self) -> u32 {
        self.sessions.table.len()
    }

    /// Packet buffers that are neither in the pool nor unmade: in hands of the caller, or waiting to be sent.
    pub const fn buffers_in_use(&self) -> usize {
        self.output.buffers.in_use()
    }

    /// Configured peer paths.
    pub fn paths(&self, now: Now) -> impl Iterator<Item = PathView> + '_ {
        let configured = self
            .fabric
            .peering
            .paths()
            .filter(|path| path.configured.is_some() && (!path.is_passive || path.sessions > 0));
        configured.map(move |path| {
            let node = self.fabric.peering.node(path.node);
            PathView {
                router: path.router.clone(),
                node: path.node_name.clone(),
                local: path.local,
                remote: path.remote,
                health: path.state(now.at),
                sessions: path.sessions,
                clock_offset_ms: node.map_or(0, |node| node.clock_offset_ms),
                mtu: path.mtu(now.at),
                boot: node.and_then(NodeState::boot),
                ports_in_use: path.ports.in_use(),
                ports_quarantined: path.ports.quarantined(),
            }
        })
    }

    /// Counts by service that ever had a session.
    pub fn services(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.output.services.iter()
    }

    /// Counts by service route that ever had a session.
    pub fn routes(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.output.routes.iter()
    }

    /// Counts by target ([`crate::forwarding::TargetEntry::label`]) that ever had a session.
    pub fn targets(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.output.targets.iter()
    }

    /// This worker among its siblings.
    pub const fn shard(&self) -> Shard {
        self.fabric.shard
    }

    /// This start of the node.
    pub const fn boot_id(&self) -> BootId {
        self.fabric.boot
    }
}
