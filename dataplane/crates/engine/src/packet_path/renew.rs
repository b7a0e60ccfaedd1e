//! One step of a sweep: sessions are judged by the tables in force, and told again to neighbours that have restarted.

use crate::engine::Engine;
use crate::packet_path::close::MOST_TOLD;
use crate::packet_path::judge;
use crate::packet_path::on_control::announce_again;
use crate::session::entry::Leg;
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpPhase;
use crate::time::Now;

/// Goes through the next few sessions, while there are buffers to tell of them.
pub(crate) fn step(engine: &mut Engine, now: Now) {
    let range = engine.sweep.step(engine.sessions.table.end(), now.at);
    for index in range.clone() {
        if !engine.output.buffers.has(MOST_TOLD) {
            engine.sweep.go_back(range.end - index, now.at);
            return;
        }
        let Some(id) = engine.sessions.table.id_at(index) else { continue };
        if judge::check(engine, id, now).is_ok() && !is_over(engine, id) {
            tell_restarted(engine, id, now);
        }
    }
}

/// A finished connection waits for late packets only; a neighbour would take it for a live one.
fn is_over(engine: &Engine, id: SessionId) -> bool {
    engine.sessions.table.get(id).is_some_and(|session| session.tcp.phase() == TcpPhase::Closed)
}

/// The router towards the server cannot rebuild a session by itself. The one towards the client could ask, but only once a
/// packet comes: an idle session would be lost with the next restart, of this node.
fn tell_restarted(engine: &mut Engine, id: SessionId, now: Now) {
    for side in [LegSide::Server, LegSide::Client] {
        if (is_news(engine, id, side) || is_unheard(engine, id, side))
            && let Err(reason) = announce_again(engine, id, side, true, now)
        {
            engine.output.drop(reason);
        }
    }
}

/// Whether the neighbour on a side has said nothing of the session since it was told to take it up again.
fn is_unheard(engine: &Engine, id: SessionId, side: LegSide) -> bool {
    engine.sessions.table.get(id).is_some_and(|session| match session.leg(side) {
        Leg::Hop(hop) => hop.handshake.is_unheard(),
        Leg::Lan(_) => false,
    })
}

/// Whether the neighbour on a side has restarted since it was last told; it counts as told from now on.
fn is_news(engine: &mut Engine, id: SessionId, side: LegSide) -> bool {
    let Some(session) = engine.sessions.table.get_mut(id) else { return false };
    let Leg::Hop(hop) = session.leg_mut(side) else { return false };
    let Some(path) = engine.fabric.peering.path(hop.path) else { return false };
    let Some(epoch) = engine.fabric.peering.node(path.node).map(|node| node.epoch) else { return false };
    core::mem::replace(&mut hop.peer_epoch, epoch) != epoch
}
