//! Where packets go: in by one leg of a session, out by the other.
//!
//! [`from_lan`] and [`from_hop`] find the session (or open one: [`open_ingress`], [`open_from_metadata`]); [`to_lan`] and
//! [`to_hop`] give the packet the form of the other leg. Bytes are changed by [`crate::transform`] only.

pub(crate) mod adaptive;
pub(crate) mod close;
pub(crate) mod control;
pub(crate) mod cross;
pub(crate) mod enter;
pub(crate) mod from_hop;
pub(crate) mod from_lan;
pub(crate) mod icmp;
pub(crate) mod judge;
pub(crate) mod keep_alive;
pub(crate) mod metadata_only;
pub(crate) mod on_control;
pub(crate) mod open_from_metadata;
pub(crate) mod open_ingress;
pub(crate) mod opening;
pub(crate) mod pieces;
pub(crate) mod protection;
pub(crate) mod recover;
pub(crate) mod refusal;
pub(crate) mod reject;
pub(crate) mod renew;
pub(crate) mod sink;
pub(crate) mod through;
pub(crate) mod timeouts;
pub(crate) mod to_hop;
pub(crate) mod to_lan;
pub(crate) mod too_big;

/// What became of a packet that was not dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes out as it is now, to a local client or server.
    ToLan,
    /// It goes out as it is now, to a peer.
    ToWan,
    /// Others go out in its place, or it has served its purpose.
    Consumed,
}
