//! Control messages in: act, then drop (`docs/protocol.md` section 4).

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::message::control::{Control, ControlKind};
use crate::packet_path::close::{self, Tell};
use crate::packet_path::control;
use crate::packet_path::from_hop::{Arrival, session_of};
use crate::packet_path::to_hop::Surroundings;
use crate::packet_path::{Verdict, metadata_only};
use crate::session::entry::Leg;
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpPhase;
use crate::time::Now;

/// Does what an authentic control message asks for.
pub(crate) fn handle(
    engine: &mut Engine,
    arrival: Arrival,
    message: Control,
    now: Now,
) -> Result<Verdict, DropReason> {
    let found = session_of(engine, arrival.pair);
    let Some((id, side)) = found else { return without_session(engine, arrival, message, now) };
    if let (Some(named), Some(session)) = (message.uuid, engine.sessions.table.get(id))
        && named != session.uuid
    {
        // Of a session that had this pair before.
        return Err(DropReason::SessionIdMismatch);
    }
    if message.kind == ControlKind::Delete && message.uuid.is_none() {
        // It could be one that was meant for another pair.
        return Err(DropReason::MetadataIncomplete);
    }
    if let Some(session) = engine.sessions.table.get_mut(id)
        && let Leg::Hop(hop) = session.leg_mut(side)
    {
        hop.handshake.received(now.at);
    }
    of_session(engine, (id, side), arrival, message.kind, now)
}

fn of_session(
    engine: &mut Engine,
    (id, side): (SessionId, LegSide),
    arrival: Arrival,
    kind: ControlKind,
    now: Now,
) -> Result<Verdict, DropReason> {
    match kind {
        ControlKind::KeepAlive | ControlKind::StateExists => {}
        ControlKind::EnableMetadata => announce_again(engine, id, side, true, now)?,
        ControlKind::DisableForwardMetadata => {
            if let Some(session) = engine.sessions.table.get_mut(id)
                && let Leg::Hop(hop) = session.leg_mut(side)
                && hop.handshake.is_initiator()
            {
                hop.handshake.reverse_received(now.at);
            }
        }
        ControlKind::Delete => {
            // The router on the other side is told too; the one that said so knows.
            control::for_session(engine, id, side.other(), ControlKind::Delete, now);
            let session = engine.sessions.table.get(id);
            let is_over = session.is_some_and(|session| session.tcp.phase() == TcpPhase::Closed);
            let (reason, tell) = if is_over {
                (CloseReason::Finished, Tell::Nobody)
            } else {
                (CloseReason::DeletedByPeer, Tell::Local)
            };
            close::end(engine, id, reason, tell, now);
        }
        ControlKind::HealthCheck { .. } => {
            let uuid = engine.sessions.table.get(id).map(|session| session.uuid);
            let kind = ControlKind::StateExists;
            control::send(&mut engine.fabric, &mut engine.output, arrival.pair, kind, uuid, now);
        }
        ControlKind::Unknown(_) => return Err(DropReason::MetadataUnexpected),
    }
    Ok(Verdict::Consumed)
}

/// Sends the session's metadata on a leg again, by itself: an idle session has no packet for it to ride on.
pub(crate) fn announce_again(
    engine: &mut Engine,
    id: SessionId,
    side: LegSide,
    recovering: bool,
    now: Now,
) -> Result<(), DropReason> {
    let Some(session) = engine.sessions.table.get_mut(id) else { return Ok(()) };
    if let Leg::Hop(hop) = session.leg_mut(side) {
        hop.handshake.retrigger(recovering, now.at);
    }
    let mut around = Surroundings { fabric: &mut engine.fabric, output: &mut engine.output, now };
    metadata_only::send(session, side, &mut around)
}

/// A message for a session that this node does not know, or for none at all.
fn without_session(
    engine: &mut Engine,
    arrival: Arrival,
    message: Control,
    now: Now,
) -> Result<Verdict, DropReason> {
    match (message.kind, message.uuid) {
        (ControlKind::HealthCheck { .. }, None) => {
            // An engine has started. What that means for our sessions is done already: its boot id is new.
            let kind = ControlKind::StateExists;
            control::send(&mut engine.fabric, &mut engine.output, arrival.pair, kind, None, now);
            Ok(Verdict::Consumed)
        }
        (ControlKind::StateExists, None) => {
            if let Some(path) = engine.fabric.peering.path_mut(arrival.pair.path) {
                path.announce.answered();
            }
            Ok(Verdict::Consumed)
        }
        // The session is lost here, or a NAT has given it another port. What asks is authentic: the answer costs its path no credit.
        (ControlKind::HealthCheck { .. } | ControlKind::KeepAlive, Some(_)) => {
            let kind = ControlKind::EnableMetadata;
            control::send(&mut engine.fabric, &mut engine.output, arrival.pair, kind, None, now);
            Ok(Verdict::Consumed)
        }
        (
            ControlKind::KeepAlive
            | ControlKind::Delete
            | ControlKind::DisableForwardMetadata
            | ControlKind::StateExists
            | ControlKind::EnableMetadata,
            _,
        ) => Ok(Verdict::Consumed),
        (ControlKind::Unknown(_), _) => Err(DropReason::MetadataUnexpected),
    }
}
