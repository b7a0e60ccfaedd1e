//! The end of a session: what it held is given back, and whoever should know is told.

use crate::engine::Engine;
use crate::event::{CloseReason, Event};
use crate::message::control::ControlKind;
use crate::packet_path::{control, reject};
use crate::session::entry::{Leg, Session};
use crate::session::index::LegSide;
use crate::session::ports::PortPair;
use crate::session::store::lan_key;
use crate::session::table::SessionId;
use crate::time::Now;
use crate::view_of;

/// Ends a session and tells the neighbours named by `tell`.
pub(crate) fn end(engine: &mut Engine, id: SessionId, reason: CloseReason, tell: Tell, now: Now) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    let view = view_of::session(session, engine, now);
    if let Tell::Neighbours | Tell::NeighboursAndLocal = tell {
        for side in [LegSide::Client, LegSide::Server] {
            control::for_session(engine, id, side, ControlKind::Delete, now);
        }
    }
    if let Tell::Local | Tell::NeighboursAndLocal = tell {
        reject::end_of_session(engine, id);
    }
    if let Some(session) = engine.sessions.remove(id, &engine.fabric.peering) {
        release(engine, &session, now);
        engine.output.counters.sessions_closed += 1;
        engine.output.event(Event::SessionClosed(view, reason));
    }
}

/// Who is told of the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Nobody: both ends know.
    Nobody,
    /// The routers next to this one.
    Neighbours,
    /// Local TCP clients and servers, by a reset.
    Local,
    /// All of them.
    NeighboursAndLocal,
}

/// Packets that the end of one session takes at most: a message to either neighbour, or a reset to either host.
pub(crate) const MOST_TOLD: usize = 2;

/// Ends sessions for good, as many as can be told of; `true` when there are more.
pub(crate) fn some(engine: &mut Engine, now: Now) -> bool {
    while engine.closing < engine.sessions.table.end() {
        let id = engine.sessions.table.id_at(engine.closing);
        engine.closing += 1;
        let Some(id) = id else { continue };
        end(engine, id, CloseReason::Stopping, Tell::NeighboursAndLocal, now);
        if !engine.output.buffers.has(MOST_TOLD) {
            return true;
        }
    }
    false
}

fn release(engine: &mut Engine, session: &Session, now: Now) {
    for side in [LegSide::Client, LegSide::Server] {
        release_leg(engine, session.protocol, session.leg(side), now);
    }
    if let Some(sealing) = &session.security.sealing {
        engine.fabric.spend(&sealing.sending);
    }
    let stats = session.stats;
    let tallies = [
        engine.output.services.get_mut(stats.service),
        engine.output.routes.get_mut(stats.route),
        stats.target.and_then(|target| engine.output.targets.get_mut(target)),
    ];
    for tally in tallies.into_iter().flatten() {
        tally.sessions = tally.sessions.saturating_sub(1);
    }
}

/// Gives back what a leg holds: its port pair, its source towards a server, its place in io's exceptions.
pub(crate) fn release_leg(engine: &mut Engine, protocol: u8, leg: &Leg, now: Now) {
    match leg {
        Leg::Hop(hop) => {
            let Some(path) = engine.fabric.peering.path_mut(hop.path) else { return };
            path.sessions = path.sessions.saturating_sub(1);
            if hop.pair_owned {
                path.ports.release(PortPair { own: hop.own_port, peer: hop.peer_port }, now.at);
            }
        }
        Leg::Lan(lan) => {
            if lan.steered {
                let key = lan_key(protocol, &lan.tuple).reversed();
                engine.output.event(Event::LanSteer { key, owned: false });
            }
        }
    }
}
