//! A session as shown to people.

use core::time::Duration;
use std::sync::Arc;

use crate::event::SessionUuid;
use crate::handshake::Phase;
use crate::session::entry::{Mode, Role, Traffic};
use crate::transform::rewrite::Tuple;

/// A copy of what is known of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Equal at every router.
    pub session_id: SessionUuid,
    /// Source tenant.
    pub tenant: Option<Arc<str>>,
    /// Service.
    pub service: Arc<str>,
    /// Service route taken here.
    pub route: Arc<str>,
    /// Place of this node.
    pub role: Role,
    /// IP protocol of the conversation.
    pub protocol: u8,
    /// What the client sees.
    pub context: Tuple,
    /// What the server sees, at the egress.
    pub binding: Option<Tuple>,
    /// Hop towards the client.
    pub client_hop: Option<HopView>,
    /// Hop towards the server.
    pub server_hop: Option<HopView>,
    /// State of the payload.
    pub mode: Mode,
    /// Every packet carries an authentication tag.
    pub per_packet: bool,
    /// Lifetime state.
    pub state: SessionState,
    /// Packets and bytes.
    pub traffic: Traffic,
    /// Since it was opened.
    pub age: Duration,
    /// Since its last packet.
    pub idle: Duration,
    /// Until it ends, if nothing comes.
    pub expires_in: Duration,
}

/// One hop of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HopView {
    /// Neighbour router.
    pub router: Arc<str>,
    /// Neighbour node.
    pub node: Arc<str>,
    /// Addresses and ports of packets that this node sends.
    pub tuple: Tuple,
    /// Handshake state.
    pub phase: Phase,
    /// How packets of this session look on this hop.
    pub transport: HopTransport,
}

/// Form of packets on a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HopTransport {
    /// TCP with its own header.
    Native,
    /// UDP as it was.
    Udp,
    /// TCP carried as UDP.
    UdpTransform,
    /// Another protocol behind an inserted UDP header.
    UdpEncapsulated,
}

impl HopTransport {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Native => "Native",
            Self::Udp => "Udp",
            Self::UdpTransform => "UdpTransform",
            Self::UdpEncapsulated => "UdpEncapsulated",
        }
    }
}

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Nothing came back yet.
    Opening,
    /// Two-way.
    Established,
    /// One side has finished.
    Closing,
}

impl SessionState {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opening => "Opening",
            Self::Established => "Established",
            Self::Closing => "Closing",
        }
    }
}
