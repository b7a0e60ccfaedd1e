//! What is due by time alone.

use crate::drop_reason::DropReason;
use crate::engine::{Engine, TimeoutReason};
use crate::event::CloseReason;
use crate::message::control::ControlKind;
use crate::packet_path::close::{self, Tell};
use crate::packet_path::control::{self, Pair};
use crate::packet_path::cross::idle_time;
use crate::packet_path::keep_alive;
use crate::packet_path::renew;
use crate::peering::PathIndex;
use crate::session::entry::{Mode, Role, Session};
use crate::session::ports::PortPair;
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpPhase;
use crate::sweep::PAUSE;
use crate::time::{Instant, Now};

/// Routers of a session without transit, as the egress counts them.
const DIRECT: u8 = 2;

/// Does everything whose time has come.
pub(crate) fn handle(engine: &mut Engine, now: Now) {
    if engine.ends_from <= now.at {
        overdue(engine, now);
    }
    for path in engine.fabric.peering.indexes() {
        announce(engine, path, now);
    }
    if engine.sweep.due().is_some_and(|due| due <= now.at) {
        renew::step(engine, now);
    }
    engine.assembly.expire(now.at);
    count_incomplete(engine);
}

/// Counts the packets that waited for fragments in vain.
pub(crate) fn count_incomplete(engine: &mut Engine) {
    let losses = engine.assembly.take_losses();
    engine.output.counters.drops.add(DropReason::FragmentTimeout, losses.expired);
    engine.output.counters.drops.add(DropReason::ReassemblyFull, losses.evicted);
}

/// The nearest deadline.
pub(crate) fn next(engine: &Engine) -> Option<(Instant, TimeoutReason)> {
    let announcement =
        engine.fabric.peering.paths().filter(|path| path.configured.is_some() && !path.is_passive);
    let announcement = announcement.filter_map(|path| path.announce.due()).min();
    let all = [
        (engine.sessions.timers.next_deadline().map(|at| at.max(engine.ends_from)), TimeoutReason::Session),
        (announcement.filter(|_| announces(engine)), TimeoutReason::Announcement),
        (engine.sweep.due(), TimeoutReason::Sweep),
        (engine.assembly.next_deadline(), TimeoutReason::Reassembly),
    ];
    all.into_iter().filter_map(|(at, reason)| at.map(|at| (at, reason))).min()
}

/// Looks at the sessions whose time has come, while there are buffers to tell of their end; the others have to wait a little.
fn overdue(engine: &mut Engine, now: Now) {
    while engine.output.buffers.has(close::MOST_TOLD) {
        let Some(id) = engine.sessions.timers.pop_expired(now.at) else { return };
        session(engine, id, now);
    }
    engine.ends_from = now.at + PAUSE;
}

/// When a session that stays quiet has to be looked at: at its end, or for a keep-alive.
pub(crate) fn due(engine: &Engine, session: &Session) -> Instant {
    let end = end_of(engine, session);
    keep_alive::due(session).map_or(end, |due| due.min(end))
}

fn end_of(engine: &Engine, session: &Session) -> Instant {
    session.last_packet + idle_time(engine, session)
}

/// A session's timer fires at the deadline it had when it was set; packets since then have moved the real one.
fn session(engine: &mut Engine, id: SessionId, now: Now) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    if end_of(engine, session) > now.at {
        keep_alive::send_if_due(engine, id, now);
        if let Some(session) = engine.sessions.table.get(id) {
            let due = due(engine, session);
            engine.sessions.timers.set(id, due);
        }
        return;
    }
    let (reason, tell) = match session.tcp.phase() {
        TcpPhase::Closed if session.protocol == 6 && session.sees_tcp() => {
            let reason = if session.tcp.was_reset() { CloseReason::Reset } else { CloseReason::Finished };
            (reason, if ends_unseen(session) { Tell::Neighbours } else { Tell::Nobody })
        }
        TcpPhase::Opening | TcpPhase::Established | TcpPhase::Closing | TcpPhase::Closed => {
            (CloseReason::Idle, Tell::Neighbours)
        }
    };
    close::end(engine, id, reason, tell, now);
}

/// Whether there are routers on the way that cannot see that the connection is over. Of the two ends the egress knows, and says so.
fn ends_unseen(session: &Session) -> bool {
    let is_hidden = session.security.mode == Mode::Sealed || session.security.per_packet;
    session.role() == Role::Egress && is_hidden && session.hop_count > DIRECT
}

/// Only the worker that owns the announcement's port speaks for the node.
fn announces(engine: &Engine) -> bool {
    let range = engine.fabric.tables.node.waypoint_ports;
    engine.fabric.shard.residue().owns(PortPair::announcement(range).own)
}

fn announce(engine: &mut Engine, index: PathIndex, now: Now) {
    if !announces(engine) {
        return;
    }
    let Some(path) = engine.fabric.peering.path_mut(index) else { return };
    if path.configured.is_none() || path.is_passive || path.announce.due().is_none_or(|due| due > now.at) {
        return;
    }
    path.announce.sent(now.at);
    let pair = PortPair::announcement(path.range());
    let pair = Pair { path: index, own_port: pair.own, peer_port: pair.peer };
    let kind = ControlKind::HealthCheck { repeated: false };
    control::send(&mut engine.fabric, &mut engine.output, pair, kind, None, now);
}
