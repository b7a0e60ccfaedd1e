//! A session enters the table: its record, its counts, its first deadline.

use std::sync::Arc;

use crate::config::Transport;
use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::Event;
use crate::forwarding::Next;
use crate::handshake::Handshake;
use crate::packet_path::close::release_leg;
use crate::packet_path::control::Pair;
use crate::packet_path::opening::Opening;
use crate::packet_path::timeouts;
use crate::session::entry::{HopLeg, LanLeg, Leg, Security, Session, StatsIndex, Traffic};
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpTracker;
use crate::time::Now;
use crate::view_of;

/// Opens a session whose server leg there is already; where that fails the leg is given back.
pub(crate) fn with_server_leg(
    engine: &mut Engine,
    opening: &Opening,
    next: Next,
    server: Leg,
    security: Security,
    now: Now,
) -> Result<SessionId, DropReason> {
    match make(engine, opening, next, server, security, now) {
        Ok(session) => insert(engine, session, now),
        Err(unused) => {
            release_leg(engine, opening.protocol, &unused, now);
            Err(DropReason::NoRoute)
        }
    }
}

fn make(
    engine: &mut Engine,
    opening: &Opening,
    next: Next,
    server: Leg,
    security: Security,
    now: Now,
) -> Result<Session, Leg> {
    let tables = Arc::clone(&engine.fabric.tables);
    let (Some(service), Some(route)) = (tables.service(opening.service), tables.route(next.route())) else {
        return Err(server);
    };
    let client = client_leg(engine, opening, now);
    let binding = match &server {
        Leg::Lan(lan) => Some(lan.tuple),
        Leg::Hop(_) => opening.binding,
    };
    let stats = rows(engine, &service.name, &route.name, next);
    let known = engine.output.services.find(&service.name);
    let service_load = known.map_or(0, |tally| u64::from(tally.sessions) + 1);
    Ok(Session {
        uuid: opening.uuid,
        context: opening.context,
        protocol: opening.protocol,
        tenant: opening.tenant.clone(),
        interface: opening.interface,
        service: opening.service,
        service_name: Arc::clone(&service.name),
        route_name: Arc::clone(&route.name),
        judged_by: engine.fabric.generation,
        client,
        server,
        security,
        binding,
        ingress: Arc::clone(&opening.ingress),
        hop_count: opening.hop_count,
        mid_stream: opening.mid_stream,
        tcp: if opening.mid_stream || opening.binding.is_some() {
            TcpTracker::mid_stream()
        } else {
            TcpTracker::new()
        },
        opened: now.at,
        last_packet: now.at,
        last_forward: now.at,
        two_way: false,
        traffic: Traffic::default(),
        service_load,
        stats,
    })
}

/// Where the session is counted.
fn rows(engine: &mut Engine, service: &Arc<str>, route: &Arc<str>, next: Next) -> StatsIndex {
    let output = &mut engine.output;
    StatsIndex {
        service: output.services.index(service),
        route: output.routes.index(route),
        target: match next {
            Next::Path { .. } => None,
            Next::Target { target, .. } => {
                engine.fabric.tables.target(target).map(|target| output.targets.index(&target.label))
            }
        },
    }
}

fn client_leg(engine: &mut Engine, opening: &Opening, now: Now) -> Leg {
    let Some((_, previous)) = &opening.previous else {
        return Leg::Lan(LanLeg { tuple: opening.context, steered: false });
    };
    responding_leg(engine, previous.0, now)
}

/// A hop leg that the neighbour has opened.
pub(crate) fn responding_leg(engine: &mut Engine, pair: Pair, now: Now) -> Leg {
    let mut peer_epoch = 0;
    let mut tcp_as_udp = false;
    if let Some((path, node)) = engine.fabric.peering.path_and_node(pair.path) {
        path.sessions += 1;
        peer_epoch = node.epoch;
        tcp_as_udp = path.transport == Transport::Udp;
    }
    Leg::Hop(HopLeg {
        path: pair.path,
        own_port: pair.own_port,
        peer_port: pair.peer_port,
        handshake: Handshake::respond(now.at),
        pair_owned: false,
        tcp_as_udp,
        peer_epoch,
    })
}

fn insert(engine: &mut Engine, session: Session, now: Now) -> Result<SessionId, DropReason> {
    let stats = session.stats;
    match engine.sessions.insert(session, &engine.fabric.peering) {
        Ok(id) => {
            let output = &mut engine.output;
            let rows = [
                output.services.get_mut(stats.service),
                output.routes.get_mut(stats.route),
                stats.target.and_then(|target| output.targets.get_mut(target)),
            ];
            for tally in rows.into_iter().flatten() {
                tally.sessions += 1;
            }
            output.counters.sessions_opened += 1;
            if let Some(session) = engine.sessions.table.get(id) {
                let due = timeouts::due(engine, session);
                let view = view_of::session(session, engine, now);
                engine.sessions.timers.set(id, due);
                engine.output.event(Event::SessionOpened(view));
            }
            Ok(id)
        }
        Err((session, reason)) => {
            for leg in [&session.client, &session.server] {
                release_leg(engine, session.protocol, leg, now);
            }
            Err(reason)
        }
    }
}
