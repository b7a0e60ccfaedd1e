//! Which keys protect a session's payload on its way out, and prove it on its way in.

use std::sync::Arc;

use quiver_crypto::payload::{self, PayloadError};
use quiver_crypto::{AeadKey, CounterNonce, Direction as Way, PayloadReplayWindow, PeerKeys, TimeWindow};

use crate::drop_reason::DropReason;
use crate::fabric::Fabric;
use crate::packet_path::to_hop::{Form, Surroundings};
use crate::session::entry::{Leg, Session};
use crate::session::index::LegSide;
use crate::time::Now;
use crate::transform::Refusal;
use crate::transform::integrity::Signature;
use crate::transform::overhead::Shield;
use crate::transform::seal::Sealer;
use crate::transform::shield::{Protect, Unprotect};

/// Protection of what is sent.
pub(crate) enum Protection<'a> {
    Clear,
    Sealed { key: Arc<AeadKey>, nonces: &'a mut CounterNonce, session: [u8; 16] },
    Signed { keys: Arc<PeerKeys>, way: Way, session: [u8; 16], window: TimeWindow },
}

impl<'a> Protection<'a> {
    pub(crate) fn outgoing(
        session: &'a mut Session,
        form: &Form,
        around: &mut Surroundings<'_>,
    ) -> Result<Self, DropReason> {
        match form.shield {
            Shield::Clear => Ok(Self::Clear),
            Shield::Sealed => {
                let id = session.uuid.0;
                let sealing = session.security.sealing.as_deref_mut().ok_or(DropReason::PayloadKeyUnknown)?;
                let key = match form.way {
                    Way::Forward => Arc::clone(&sealing.keys.forward),
                    Way::Reverse => {
                        let (_, key) = sealing.keys.reverse.as_ref().ok_or(DropReason::PayloadKeyUnknown)?;
                        Arc::clone(key)
                    }
                };
                Ok(Self::Sealed { key, nonces: &mut sealing.sending, session: id })
            }
            Shield::Integrity => {
                let (_, node) =
                    around.fabric.peering.path_and_node(form.pair.path).ok_or(DropReason::PathUnknown)?;
                let keys = node.keys_to_send(&around.fabric.tables, around.fabric.boot);
                let (_, keys) = keys.map_err(|_| DropReason::KeyUnavailable)?;
                let window = TimeWindow::from_unix_ms(around.now.unix_ms);
                Ok(Self::Signed { keys, way: form.way, session: session.uuid.0, window })
            }
        }
    }
}

impl Protect for Protection<'_> {
    fn shield(&self) -> Shield {
        match self {
            Self::Clear => Shield::Clear,
            Self::Sealed { .. } => Shield::Sealed,
            Self::Signed { .. } => Shield::Integrity,
        }
    }

    fn protect(&mut self, datagram: &mut [u8]) -> Result<(), Refusal> {
        match self {
            Self::Clear => Ok(()),
            Self::Sealed { key, nonces, session } => Sealer { key, nonces, session }.protect(datagram),
            Self::Signed { keys, way, session, window } => {
                Signature { key: &keys.packet_hmac, direction: *way, session, window: *window }
                    .protect(datagram)
            }
        }
    }
}

/// Proof of what is received.
pub(crate) enum Proof<'a> {
    Clear,
    Sealed {
        key: Arc<AeadKey>,
        serial: u32,
        seen: &'a mut PayloadReplayWindow,
        session: [u8; 16],
        /// The last datagram that was refused had come before, or came too late to tell.
        replayed: bool,
    },
    /// The keys of the peer's present start; of each key version one.
    Signed {
        keys: [Option<Arc<PeerKeys>>; 2],
        way: Way,
        session: [u8; 16],
        window: TimeWindow,
    },
}

impl<'a> Proof<'a> {
    /// What packets of `shield` that come in by `side` are proved with.
    pub(crate) fn incoming(
        session: &'a mut Session,
        side: LegSide,
        shield: Shield,
        fabric: &Fabric,
        now: Now,
    ) -> Result<Self, DropReason> {
        let way = match side {
            LegSide::Client => Way::Forward,
            LegSide::Server => Way::Reverse,
        };
        let id = session.uuid.0;
        match shield {
            Shield::Clear => Ok(Self::Clear),
            Shield::Sealed => Self::sealed(session, way),
            Shield::Integrity => {
                let Leg::Hop(hop) = session.leg(side) else { return Err(DropReason::PathUnknown) };
                let path = fabric.peering.path(hop.path).ok_or(DropReason::PathUnknown)?;
                let node = fabric.peering.node(path.node).ok_or(DropReason::PathUnknown)?;
                let mut known = node.packet_keys().map(Arc::clone);
                let keys = [known.next(), known.next()];
                Ok(Self::Signed { keys, way, session: id, window: TimeWindow::from_unix_ms(now.unix_ms) })
            }
        }
    }

    fn sealed(session: &'a mut Session, way: Way) -> Result<Self, DropReason> {
        let id = session.uuid.0;
        let sealing = session.security.sealing.as_deref_mut().ok_or(DropReason::PayloadKeyUnknown)?;
        let serial = sealing.sending.serial();
        let (keys, serial, seen) = match sealing.former.as_deref_mut() {
            Some(former) => (&former.keys, former.serial, &mut former.received),
            None => (&sealing.keys, serial, &mut sealing.received),
        };
        let key = match way {
            Way::Forward => Arc::clone(&keys.forward),
            Way::Reverse => {
                let (_, key) = keys.reverse.as_ref().ok_or(DropReason::PayloadKeyUnknown)?;
                Arc::clone(key)
            }
        };
        Ok(Self::Sealed { key, serial, seen, session: id, replayed: false })
    }

    /// Why datagrams that are not good are dropped.
    pub(crate) const fn failure(&self) -> DropReason {
        match self {
            Self::Clear => DropReason::TransformInvalid,
            Self::Sealed { replayed: true, .. } => DropReason::PayloadReplayed,
            Self::Sealed { replayed: false, .. } => DropReason::PayloadUnauthentic,
            Self::Signed { .. } => DropReason::IntegrityFailed,
        }
    }
}

impl Unprotect for Proof<'_> {
    fn shield(&self) -> Shield {
        match self {
            Self::Clear => Shield::Clear,
            Self::Sealed { .. } => Shield::Sealed,
            Self::Signed { .. } => Shield::Integrity,
        }
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> bool {
        match self {
            Self::Clear => true,
            Self::Sealed { key, serial, seen, session, replayed } => {
                let opened = payload::open(key, *serial, seen, session, datagram);
                *replayed = matches!(opened, Err(PayloadError::Replay(_)));
                opened.is_ok()
            }
            Self::Signed { keys, way, session, window } => keys.iter().flatten().any(|keys| {
                let mut signature =
                    Signature { key: &keys.packet_hmac, direction: *way, session, window: *window };
                signature.unprotect(datagram)
            }),
        }
    }
}
