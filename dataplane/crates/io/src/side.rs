//! From which side a packet of the TUN device comes: from a local client or server, or from a peer's waypoint.

use core::net::IpAddr;

use hashbrown::HashSet;
use quiver_engine::config::{Config, PortRange};
use quiver_wire::parse::{Parsed, Transport};
use rustc_hash::FxBuildHasher;

/// Where a packet comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A local client or server.
    Lan,
    /// A peer's waypoint.
    Wan,
}

/// What is needed to tell the sides apart.
#[derive(Clone, Debug)]
pub struct Sides {
    own: Vec<IpAddr>,
    peers: HashSet<IpAddr, FxBuildHasher>,
    ports: PortRange,
}

impl Sides {
    /// From a configuration.
    pub fn of(config: &Config) -> Self {
        Self {
            own: config.waypoints.clone(),
            peers: config.peers.iter().flat_map(|peer| &peer.waypoints).map(|w| w.address).collect(),
            ports: config.waypoint_ports,
        }
    }

    /// The side of a packet; mirrors what the steering rules let in.
    pub fn side(&self, packet: &[u8], parsed: &Parsed) -> Side {
        if !self.own.contains(&parsed.dst) {
            return Side::Lan;
        }
        let from_peer = match parsed.transport {
            Transport::Tcp | Transport::Udp => {
                self.peers.contains(&parsed.src) && self.holds(parsed.src_port) && self.holds(parsed.dst_port)
            }
            Transport::IcmpError => self.is_about_a_path(packet, parsed),
            Transport::EchoRequest
            | Transport::EchoReply
            | Transport::IcmpOther
            | Transport::Other
            | Transport::FragmentTail => false,
        };
        if from_peer { Side::Wan } else { Side::Lan }
    }

    fn is_about_a_path(&self, packet: &[u8], parsed: &Parsed) -> bool {
        let Ok(quoted) = Parsed::parse_quoted(parsed.payload(packet)) else { return false };
        self.own.contains(&quoted.src)
            && self.peers.contains(&quoted.dst)
            && self.holds(quoted.src_port)
            && self.holds(quoted.dst_port)
    }

    const fn holds(&self, port: u16) -> bool {
        self.ports.first <= port && port <= self.ports.last
    }
}
