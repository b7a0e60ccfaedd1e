//! What an engine remembers of other routers' nodes and of the paths to them, across changes of the configuration.

pub(crate) mod announce;
pub(crate) mod node;
pub(crate) mod path;

use core::net::IpAddr;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use quiver_crypto::BootId;

use crate::forwarding::PathId;
use crate::forwarding::Tables;
use crate::peering::node::NodeState;
use crate::peering::path::{PathSetup, PathState};
use crate::session::keys::HopKey;
use crate::time::Instant;

/// A peer path of this engine; valid for the engine's life, unlike [`PathId`], which belongs to one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct PathIndex(u32);

/// A peer's node; valid for the engine's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeIndex(u32);

impl NodeIndex {
    pub(crate) const fn number(self) -> u32 {
        self.0
    }
}

/// Paths and nodes.
#[derive(Default)]
pub(crate) struct Peering {
    paths: Vec<PathState>,
    nodes: Vec<NodeState>,
    by_addresses: HashMap<(IpAddr, IpAddr), PathIndex, FxBuildHasher>,
    /// Path of each [`PathId`] of the tables in force.
    of_tables: Vec<PathIndex>,
}

impl Peering {
    /// Takes over the paths of new tables. Paths that are no longer configured stay, marked, until the engine ends.
    pub(crate) fn update(&mut self, tables: &Tables, setup: &mut PathSetup<'_>, now: Instant) {
        for path in &mut self.paths {
            path.configured = None;
        }
        self.of_tables.clear();
        for (id, configured) in tables.path_ids() {
            let node = self.node_index(&configured.router, &configured.node);
            let addresses = (configured.local, configured.remote);
            let index = self.by_addresses.get(&addresses).copied().unwrap_or_else(|| {
                let index = PathIndex(self.paths.len() as u32);
                self.paths.push(PathState::new(configured, node, setup, now));
                self.by_addresses.insert(addresses, index);
                index
            });
            if let Some(state) = self.paths.get_mut(index.0 as usize) {
                state.configure(id, configured, node, setup, now);
            }
            self.of_tables.push(index);
        }
        for node in &mut self.nodes {
            node.forget_retired_versions(tables);
        }
    }

    fn node_index(&mut self, router: &std::sync::Arc<str>, name: &std::sync::Arc<str>) -> NodeIndex {
        let known = self.nodes.iter().position(|node| node.router == *router && node.name == *name);
        let index = known.unwrap_or_else(|| {
            self.nodes.push(NodeState::new(router, name));
            self.nodes.len() - 1
        });
        NodeIndex(index as u32)
    }

    /// The path of a packet that came to `local` from `remote`.
    pub(crate) fn find(&self, local: IpAddr, remote: IpAddr) -> Option<PathIndex> {
        let index = *self.by_addresses.get(&(local, remote))?;
        self.path(index).filter(|path| path.configured.is_some()).map(|_| index)
    }

    /// The path that the tables in force call `id`.
    pub(crate) fn of(&self, id: PathId) -> Option<PathIndex> {
        self.of_tables.get(id.index()).copied()
    }

    pub(crate) fn path(&self, index: PathIndex) -> Option<&PathState> {
        self.paths.get(index.0 as usize)
    }

    pub(crate) fn path_mut(&mut self, index: PathIndex) -> Option<&mut PathState> {
        self.paths.get_mut(index.0 as usize)
    }

    pub(crate) fn node(&self, index: NodeIndex) -> Option<&NodeState> {
        self.nodes.get(index.0 as usize)
    }

    pub(crate) fn node_mut(&mut self, index: NodeIndex) -> Option<&mut NodeState> {
        self.nodes.get_mut(index.0 as usize)
    }

    /// A path together with its node.
    pub(crate) fn path_and_node(&mut self, index: PathIndex) -> Option<(&mut PathState, &mut NodeState)> {
        let path = self.paths.get_mut(index.0 as usize)?;
        let node = self.nodes.get_mut(path.node.0 as usize)?;
        Some((path, node))
    }

    /// Notes what another worker learned; `true` when it is news that the node has started anew.
    pub(crate) fn note_boot(&mut self, router: &str, name: &str, boot: BootId) -> bool {
        let node = self.nodes.iter_mut().find(|node| *node.router == *router && *node.name == *name);
        node.is_some_and(|node| node.note_boot(boot))
    }

    pub(crate) fn indexes(&self) -> impl Iterator<Item = PathIndex> + use<> {
        (0..self.paths.len() as u32).map(PathIndex)
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &PathState> {
        self.paths.iter()
    }

    /// The key under which a hop leg is found.
    pub(crate) fn hop_key(&self, index: PathIndex, own_port: u16, peer_port: u16) -> Option<HopKey> {
        let path = self.path(index)?;
        Some(HopKey { local: path.local, remote: path.remote, local_port: own_port, remote_port: peer_port })
    }
}
