//! What an engine knows about one session.

use std::sync::Arc;

use quiver_crypto::{CounterNonce, PayloadReplayWindow};

use crate::event::SessionUuid;
use crate::forwarding::service::ServiceId;
use crate::handshake::Handshake;
use crate::message::payload_keys::SessionKeys;
use crate::packet::InterfaceId;
use crate::peering::PathIndex;
use crate::session::index::LegSide;
use crate::session::tcp_state::TcpTracker;
use crate::time::Instant;
use crate::transform::rewrite::Tuple;

/// One session. Packets come in by one leg and leave by the other.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) uuid: SessionUuid,
    /// What the client sees: its own address and port, and those it dialled.
    pub(crate) context: Tuple,
    pub(crate) protocol: u8,
    pub(crate) tenant: Option<Arc<str>>,
    /// Where a local client's packets come in.
    pub(crate) interface: InterfaceId,
    pub(crate) service: ServiceId,
    pub(crate) service_name: Arc<str>,
    pub(crate) route_name: Arc<str>,
    /// Generation of the tables the session was last judged by.
    pub(crate) judged_by: u64,
    pub(crate) client: Leg,
    pub(crate) server: Leg,
    pub(crate) security: Security,
    /// The egress' NAT decision, told to or by the egress.
    pub(crate) binding: Option<Tuple>,
    /// Name of the router where the session entered the fabric.
    pub(crate) ingress: Arc<str>,
    pub(crate) hop_count: u8,
    /// This node has no state from the session's start.
    pub(crate) mid_stream: bool,
    pub(crate) tcp: TcpTracker,
    pub(crate) opened: Instant,
    pub(crate) last_packet: Instant,
    /// The last packet towards the server, or the keep-alive in its place.
    pub(crate) last_forward: Instant,
    /// Packets went both ways.
    pub(crate) two_way: bool,
    pub(crate) traffic: Traffic,
    /// Sessions of the service at the egress, as last told or known (TLV 13).
    pub(crate) service_load: u64,
    pub(crate) stats: StatsIndex,
}

/// Where this session's share of the per-service and per-target counts is kept.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StatsIndex {
    pub(crate) service: u32,
    pub(crate) target: Option<u32>,
    pub(crate) route: u32,
}

/// Packets and bytes (IP length as the client side sees them) each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Client to server.
    pub packets_forward: u64,
    /// Client to server.
    pub bytes_forward: u64,
    /// Server to client.
    pub packets_reverse: u64,
    /// Server to client.
    pub bytes_reverse: u64,
}

/// One end of a session at this node.
#[derive(Debug)]
pub(crate) enum Leg {
    Lan(LanLeg),
    Hop(HopLeg),
}

/// A local client or server; the tuple is that of packets *towards the server*.
#[derive(Debug)]
pub(crate) struct LanLeg {
    pub(crate) tuple: Tuple,
    /// The reply's key hashes to another worker: io was told.
    pub(crate) steered: bool,
}

/// A neighbour router.
#[derive(Debug)]
pub(crate) struct HopLeg {
    pub(crate) path: PathIndex,
    pub(crate) own_port: u16,
    pub(crate) peer_port: u16,
    pub(crate) handshake: Handshake,
    /// The pair came from the path's own pool (this node is the initiator).
    pub(crate) pair_owned: bool,
    /// Clear TCP of this hop is carried as UDP.
    pub(crate) tcp_as_udp: bool,
    /// Starts of the neighbour's node that were seen when this leg last had proof of it.
    pub(crate) peer_epoch: u32,
}

/// Protection of a session's payload.
#[derive(Debug)]
pub(crate) struct Security {
    pub(crate) mode: Mode,
    pub(crate) per_packet: bool,
    pub(crate) sealing: Option<Box<Sealing>>,
}

/// State of the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// As the client sent it.
    Clear,
    /// Nothing to protect was seen yet.
    Undecided,
    /// Sealed between first and last router.
    Sealed,
}

/// Keys and counters of a session that is, or may become, sealed. The serial is the session's, in both directions.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub(crate) keys: SessionKeys,
    /// Nonces of what this node seals; a transit router only hands its serial on.
    pub(crate) sending: CounterNonce,
    pub(crate) received: PayloadReplayWindow,
    /// What the other end still sends with, until it has confirmed new keys.
    pub(crate) former: Option<Box<Former>>,
}

/// Keys before a re-key.
#[derive(Debug)]
pub(crate) struct Former {
    pub(crate) keys: SessionKeys,
    pub(crate) serial: u32,
    pub(crate) received: PayloadReplayWindow,
}

impl Session {
    pub(crate) const fn leg(&self, side: LegSide) -> &Leg {
        match side {
            LegSide::Client => &self.client,
            LegSide::Server => &self.server,
        }
    }

    pub(crate) const fn leg_mut(&mut self, side: LegSide) -> &mut Leg {
        match side {
            LegSide::Client => &mut self.client,
            LegSide::Server => &mut self.server,
        }
    }

    pub(crate) const fn role(&self) -> Role {
        match (&self.client, &self.server) {
            (Leg::Lan(_), Leg::Hop(_)) => Role::Ingress,
            (Leg::Hop(_), Leg::Hop(_)) => Role::Transit,
            (Leg::Hop(_), Leg::Lan(_)) => Role::Egress,
            (Leg::Lan(_), Leg::Lan(_)) => Role::Local,
        }
    }

    /// Port of the service that the client dialled; 0 for protocols without ports (an echo's identifier is none).
    pub(crate) const fn service_port(&self) -> u16 {
        match self.protocol {
            6 | 17 => self.context.dport,
            _ => 0,
        }
    }

    /// Whether this node sees the TCP segments of the session: everywhere but at a transit router that passes them on sealed or signed.
    pub(crate) const fn sees_tcp(&self) -> bool {
        !matches!(self.role(), Role::Transit)
            || (matches!(self.security.mode, Mode::Clear | Mode::Undecided) && !self.security.per_packet)
    }
}

/// Place of this node in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// First router.
    Ingress,
    /// A middle router.
    Transit,
    /// Last router.
    Egress,
    /// Only router.
    Local,
}

impl Role {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Transit => "Transit",
            Self::Egress => "Egress",
            Self::Local => "Local",
        }
    }
}
