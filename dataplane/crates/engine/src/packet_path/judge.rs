//! Whether a live session is still permitted: asked once after each change of the configuration, with its next packet or by the sweep.

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::CloseReason;
use crate::fabric::Fabric;
use crate::forwarding::reevaluate::{ClientFacts, NextFacts, SessionFacts};
use crate::packet_path::close::{self, Tell};
use crate::packet_path::cross::idle_time;
use crate::session::entry::{Leg, Session};
use crate::session::table::SessionId;
use crate::time::Now;

/// Ends the session when the tables in force do not permit it.
pub(crate) fn check(engine: &mut Engine, id: SessionId, now: Now) -> Result<(), DropReason> {
    let generation = engine.fabric.generation;
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    if session.judged_by == generation {
        return Ok(());
    }
    let verdict = facts(session, &engine.fabric)
        .map_or(Err(CloseReason::RouteRemoved), |facts| engine.fabric.tables.still_permits(&facts));
    match verdict {
        Ok(service) => {
            session.judged_by = generation;
            session.service = service;
            rearm(engine, id);
            Ok(())
        }
        Err(reason) => {
            close::end(engine, id, reason, Tell::NeighboursAndLocal, now);
            let revoked = reason == CloseReason::AccessRevoked;
            Err(if revoked { DropReason::AccessDenied } else { DropReason::NoRoute })
        }
    }
}

/// The idle time may have become shorter.
fn rearm(engine: &mut Engine, id: SessionId) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    let deadline = session.last_packet + idle_time(engine, session);
    engine.sessions.timers.set_sooner(id, deadline);
}

fn facts<'a>(session: &'a Session, fabric: &Fabric) -> Option<SessionFacts<'a>> {
    let ends = |leg: &Leg| match leg {
        Leg::Hop(hop) => fabric.peering.path(hop.path).map(|path| (path.local, path.remote)),
        Leg::Lan(_) => None,
    };
    let client = match &session.client {
        Leg::Lan(_) => ClientFacts::Lan { source: session.context.src, interface: session.interface },
        leg @ Leg::Hop(_) => {
            let (local, remote) = ends(leg)?;
            ClientFacts::Hop { local, remote }
        }
    };
    let next = match &session.server {
        Leg::Lan(lan) => NextFacts::Target { address: lan.tuple.dst, port: lan.tuple.dport },
        leg @ Leg::Hop(_) => {
            let (local, remote) = ends(leg)?;
            NextFacts::Path { local, remote }
        }
    };
    Some(SessionFacts {
        service: &session.service_name,
        tenant: session.tenant.as_deref(),
        destination: session.context.dst,
        protocol: session.protocol,
        port: session.service_port(),
        client,
        route: &session.route_name,
        next,
    })
}
