//! What only the machine knows.

use core::net::IpAddr;

/// MTU of a path nobody knows anything about.
pub const DEFAULT_MTU: u16 = 1500;

/// Answers about this node's routes, at the moment of conversion.
pub trait Surroundings {
    /// The node's own address towards `target`; `None` when there is no route, or `target` is this node itself.
    fn source_towards(&self, target: IpAddr) -> Option<IpAddr>;
    /// The largest packet the uplink from `local` towards `remote` carries; `None` when there is no route.
    fn path_mtu(&self, local: IpAddr, remote: IpAddr) -> Option<u16>;
}
