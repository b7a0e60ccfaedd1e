//! One step of a sweep: sessions are judged by the tables in force, and told again to neighbours that have restarted.

use crate::engine::Engine;
use crate::packet_path::judge;
use crate::packet_path::on_control::announce_again;
use crate::session::entry::Leg;
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;

/// Goes through the next few sessions.
pub(crate) fn step(engine: &mut Engine, now: Now) {
    let range = engine.sweep.step(engine.sessions.table.end(), now.at);
    for index in range {
        let Some(id) = engine.sessions.table.id_at(index) else { continue };
        if judge::check(engine, id, now).is_ok() {
            tell_restarted(engine, id, now);
        }
    }
}

/// The router towards the server cannot rebuild a session by itself: it is told. The one towards the client asks, when it needs to.
fn tell_restarted(engine: &mut Engine, id: SessionId, now: Now) {
    let Some(session) = engine.sessions.table.get_mut(id) else { return };
    let Leg::Hop(hop) = &mut session.server else { return };
    let Some(path) = engine.fabric.peering.path(hop.path) else { return };
    let Some(epoch) = engine.fabric.peering.node(path.node).map(|node| node.epoch) else { return };
    if hop.peer_epoch == epoch {
        return;
    }
    hop.peer_epoch = epoch;
    if let Err(reason) = announce_again(engine, id, LegSide::Server, true, now) {
        engine.output.drop(reason);
    }
}
