//! Source ports towards servers elsewhere, which see this node's own address.

use crate::config::PortRange;

use super::keys::HashSeed;
use super::ports::Residue;

#[cfg(test)]
mod tests;

/// Ports tried by one call. The search goes on where it stopped, so that a busy stretch is passed in the end.
const PROBES: u32 = 1024;

/// No port of this worker was found free towards this target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no free port of this node towards the target")]
pub struct NodePortsExhausted;

/// Ports of one node address out of the waypoint range, even and odd, of this worker's residue.
///
/// They rotate from a place drawn from the seed, so that neither a closed session's port nor one of a former life comes
/// again soon. Which are in use towards a target is the flow index' knowledge.
pub struct NodePorts {
    range: PortRange,
    residue: Residue,
    cursor: u32,
}

impl NodePorts {
    /// The ports of `range` that belong to this worker.
    pub fn new(range: PortRange, residue: Residue, seed: HashSeed) -> Self {
        Self { range, residue, cursor: seed.words(&[1]) as u32 }
    }

    /// Allocates from another range from now on.
    pub const fn set_range(&mut self, range: PortRange) {
        self.range = range;
    }

    /// Picks the next port that `is_free` towards the target.
    pub fn pick(&mut self, mut is_free: impl FnMut(u16) -> bool) -> Result<u16, NodePortsExhausted> {
        let places = self.places();
        for _ in 0..places.min(PROBES) {
            self.cursor = (self.cursor % places + 1) % places;
            if let Some(port) = self.port(self.cursor)
                && is_free(port)
            {
                return Ok(port);
            }
        }
        Err(NodePortsExhausted)
    }

    /// Whether a port is of the range and of this worker.
    pub const fn contains(&self, port: u16) -> bool {
        self.range.first <= port && port <= self.range.last && self.residue.owns(port)
    }

    /// Places of the search: two ports for each half of this worker; at the ends one of them may be outside the range.
    fn places(&self) -> u32 {
        let last = u32::from(self.range.last / 2);
        last.checked_sub(self.first_half())
            .map_or(0, |distance| 2 * (distance / u32::from(self.residue.modulus()) + 1))
    }

    fn port(&self, place: u32) -> Option<u16> {
        let half = self.first_half() + place / 2 * u32::from(self.residue.modulus());
        let port = u16::try_from(2 * half + place % 2).ok()?;
        self.contains(port).then_some(port)
    }

    fn first_half(&self) -> u32 {
        let (first, modulus) = (u32::from(self.range.first / 2), u32::from(self.residue.modulus()));
        first + (u32::from(self.residue.index) + modulus - first % modulus) % modulus
    }
}
