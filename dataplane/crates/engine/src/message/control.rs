//! Control messages: act, then drop (`docs/protocol.md` section 4).

use crate::event::SessionUuid;

/// A control message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    pub(crate) kind: ControlKind,
    /// The session meant; a router that knows no session says *enable metadata* without it.
    pub(crate) uuid: Option<SessionUuid>,
}

/// What is ordered or asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ControlKind {
    /// Nothing: NATs and firewalls on the way keep their state.
    KeepAlive,
    /// Send metadata again: this session is unknown here.
    EnableMetadata,
    /// Stop sending forward metadata: the flow is one-way.
    DisableForwardMetadata,
    /// The session has ended.
    Delete,
    /// Does the session still exist? Without a session: this engine has started.
    HealthCheck {
        /// An earlier one went unanswered.
        repeated: bool,
    },
    /// Yes.
    StateExists,
    /// A code that is not known here.
    Unknown(u8),
}
