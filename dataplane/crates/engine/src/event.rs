//! What happened: the engine's only way to tell, besides packets and counters.

use core::net::IpAddr;
use std::sync::Arc;

use crate::session::keys::LanKey;
use crate::time::Instant;
use crate::view::SessionView;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A session was opened.
    SessionOpened(SessionView),
    /// A session ended; the view holds its final counts.
    SessionClosed(SessionView, CloseReason),
    /// A live session changed.
    SessionModified {
        /// The session's UUID.
        session_id: SessionUuid,
        /// What changed.
        change: SessionChange,
    },
    /// Metadata of a known peer's address was refused. At most 100 a second are told; all are counted.
    MetadataRejected {
        /// Source address of the packet.
        remote: IpAddr,
        /// Why.
        reason: crate::drop_reason::DropReason,
    },
    /// A peer's node runs with a new boot id.
    PeerRestarted {
        /// Its router.
        router: Arc<str>,
        /// The node.
        node: Arc<str>,
    },
    /// Packets with this LAN key belong to this worker although they hash to another one (or no longer do).
    LanSteer {
        /// Key of the packets.
        key: LanKey,
        /// Whether this worker owns them from now on.
        owned: bool,
    },
}

/// A session's UUID: equal at every router it crosses (RFC 9562, version 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionUuid(pub [u8; 16]);

impl core::fmt::Display for SessionUuid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for SessionUuid {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CloseReason {
    /// Both sides finished (TCP).
    Finished,
    /// One side reset it (TCP).
    Reset,
    /// Nothing came for its idle time.
    Idle,
    /// The service no longer admits its tenant.
    AccessRevoked,
    /// The service is gone or no longer covers it.
    ServiceRemoved,
    /// The service route, peer or target it used is gone.
    RouteRemoved,
    /// The other router ended it.
    DeletedByPeer,
    /// A new conversation took its place.
    Replaced,
    /// No usable path or port was left for it.
    Unreachable,
    /// The engine stops.
    Stopping,
}

impl CloseReason {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Finished => "Finished",
            Self::Reset => "Reset",
            Self::Idle => "Idle",
            Self::AccessRevoked => "AccessRevoked",
            Self::ServiceRemoved => "ServiceRemoved",
            Self::RouteRemoved => "RouteRemoved",
            Self::DeletedByPeer => "DeletedByPeer",
            Self::Replaced => "Replaced",
            Self::Unreachable => "Unreachable",
            Self::Stopping => "Stopping",
        }
    }
}

/// How a live session changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SessionChange {
    /// Its payload is sealed from now on.
    Sealed,
    /// Its payload was found to be encrypted already and stays as it is.
    Clear,
    /// It uses another port pair or path.
    Moved,
    /// It was taken up again after a restart of this or the other router.
    Rebound,
    /// It got new payload keys.
    Rekeyed,
}

impl SessionChange {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sealed => "Sealed",
            Self::Clear => "Clear",
            Self::Moved => "Moved",
            Self::Rebound => "Rebound",
            Self::Rekeyed => "Rekeyed",
        }
    }
}

/// An event with its moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimedEvent {
    /// When.
    pub at: Instant,
    /// What.
    pub event: Event,
}
