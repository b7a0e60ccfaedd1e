//! One step of a sweep: sessions are judged by the tables in force, and told again to neighbours that have restarted.

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::packet_path::judge;
use crate::packet_path::on_control::announce_again;
use crate::session::entry::Leg;
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;

/// Goes through the next few sessions: as many as there are buffers to tell of them.
pub(crate) fn step(engine: &mut Engine, now: Now) {
    let range = engine.sweep.step(engine.sessions.table.end(), now.at);
    for index in range.clone() {
        let Some(id) = engine.sessions.table.id_at(index) else { continue };
        if judge::check(engine, id, now).is_ok()
            && tell_restarted(engine, id, now) == Err(DropReason::BufferExhausted)
        {
            engine.sweep.go_back(range.end - index, now.at);
            return;
        }
    }
}

/// The router towards the server cannot rebuild a session by itself. The one towards the client could ask, but only once a
/// packet comes: an idle session would be lost with the next restart, of this node.
fn tell_restarted(engine: &mut Engine, id: SessionId, now: Now) -> Result<(), DropReason> {
    for side in [LegSide::Server, LegSide::Client] {
        let Some(epoch) = news(engine, id, side) else { continue };
        match announce_again(engine, id, side, true, now) {
            Err(DropReason::BufferExhausted) => return Err(DropReason::BufferExhausted),
            Err(reason) => engine.output.drop(reason),
            Ok(()) => {}
        }
        if let Some(Leg::Hop(hop)) = engine.sessions.table.get_mut(id).map(|session| session.leg_mut(side)) {
            hop.peer_epoch = epoch;
        }
    }
    Ok(())
}

/// The present start of the neighbour on a side, when the session has not been told to it.
fn news(engine: &Engine, id: SessionId, side: LegSide) -> Option<u32> {
    let Leg::Hop(hop) = engine.sessions.table.get(id)?.leg(side) else { return None };
    let path = engine.fabric.peering.path(hop.path)?;
    let epoch = engine.fabric.peering.node(path.node)?.epoch;
    (hop.peer_epoch != epoch).then_some(epoch)
}
