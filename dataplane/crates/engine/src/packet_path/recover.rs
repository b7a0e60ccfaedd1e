//! Reverse metadata of a neighbour: confirmation of a session, or all that a restarted ingress needs to take one up again.

use std::sync::Arc;

use quiver_wire::ip::protocol;
use quiver_wire::metadata::control::SessionFlags;

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::{Event, SessionChange};
use crate::forwarding::ServiceId;
use crate::handshake::Handshake;
use crate::message::control::ControlKind;
use crate::message::{Recovery, Reverse};
use crate::packet::InterfaceId;
use crate::packet_path::adaptive;
use crate::packet_path::control::{self, Pair};
use crate::packet_path::enter;
use crate::packet_path::from_hop::session_of;
use crate::packet_path::on_control::announce_again;
use crate::packet_path::opening::{self, Opening};
use crate::session::entry::{HopLeg, Leg, Mode, Role, Security, Session};
use crate::session::index::LegSide;
use crate::session::ports::PortPair;
use crate::session::store::lan_key;
use crate::session::table::SessionId;
use crate::time::Now;

/// The session that authentic reverse metadata is about.
pub(crate) fn reverse(
    engine: &mut Engine,
    pair: Pair,
    reverse: &Reverse,
    now: Now,
) -> Result<SessionId, DropReason> {
    let Some((id, side)) = session_of(engine, pair) else { return recover(engine, pair, reverse, now) };
    let session = engine.sessions.table.get(id).ok_or(DropReason::SessionClosed)?;
    if session.uuid != reverse.uuid {
        return Err(DropReason::SessionIdMismatch);
    }
    if side == LegSide::Client {
        return Err(DropReason::MetadataUnexpected);
    }
    confirm(engine, id, reverse, now)?;
    Ok(id)
}

fn confirm(engine: &mut Engine, id: SessionId, reverse: &Reverse, now: Now) -> Result<(), DropReason> {
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    if !knows_keys(session, reverse) {
        // Said before the news of fresh keys had arrived: it confirms nothing.
        if let Leg::Hop(hop) = &mut session.server {
            hop.handshake.received(now.at);
        }
        return Ok(());
    }
    let mut changed = session.binding != reverse.binding && reverse.binding.is_some();
    session.binding = reverse.binding.or(session.binding);
    if let (Some(boot), Some(sealing)) = (reverse.egress_boot, session.security.sealing.as_deref_mut())
        && sealing.keys.reverse.as_ref().is_none_or(|(known, _)| *known != boot)
    {
        let keys = engine.fabric.payload_keys.with_reverse(&sealing.keys, boot);
        sealing.keys = keys.map_err(|_| DropReason::KeyUnavailable)?;
        // Another start of the egress counts from anew, under another key.
        sealing.received = quiver_crypto::PayloadReplayWindow::new();
        changed = true;
    }
    if reverse.sealed && session.security.mode == Mode::Undecided {
        session.security.mode = Mode::Sealed;
        changed = true;
        let event = Event::SessionModified { session_id: session.uuid, change: SessionChange::Sealed };
        engine.output.event(event);
    }
    if let Leg::Hop(hop) = &mut session.server {
        hop.handshake.reverse_received(now.at);
        if let Some(sealing) = session.security.sealing.as_deref_mut() {
            sealing.former = None;
        }
    }
    if changed
        && session.role() == Role::Transit
        && let Leg::Hop(hop) = &mut session.client
    {
        hop.handshake.retrigger(false, now.at);
    }
    Ok(())
}

/// Whether the sender of reverse metadata has the payload keys that this node uses.
fn knows_keys(session: &Session, reverse: &Reverse) -> bool {
    let (Some(sealing), Some((id, serial))) = (session.security.sealing.as_deref(), reverse.payload_key)
    else {
        return true;
    };
    sealing.keys.epoch.id == id && sealing.sending.serial() == serial
}

/// Takes up a session that this ingress has lost, as far as its present configuration still permits it.
fn recover(engine: &mut Engine, pair: Pair, reverse: &Reverse, now: Now) -> Result<SessionId, DropReason> {
    let Some(recovery) = &reverse.recovery else { return Err(DropReason::MetadataUnexpected) };
    if !reverse.at_its_port {
        return Err(DropReason::MetadataWrongPort);
    }
    if recovery.ingress != engine.fabric.tables.node.router {
        // A transit router cannot know where the session came from: the router before it will tell.
        return Err(DropReason::MetadataUnexpected);
    }
    if engine.sessions.by_lan(&lan_key(reverse.protocol, &reverse.context)).is_some() {
        // The client was faster: its session is on its way to the egress already.
        return Err(DropReason::SessionMoved);
    }
    match permitted(engine, reverse, recovery) {
        Ok(service) => {
            let id = rebuild(engine, pair, reverse, service, now)?;
            announce_again(engine, id, LegSide::Server, true, now)?;
            let event = Event::SessionModified { session_id: reverse.uuid, change: SessionChange::Rebound };
            engine.output.event(event);
            Ok(id)
        }
        Err(reason) => {
            let (kind, uuid) = (ControlKind::Delete, Some(reverse.uuid));
            control::send(&mut engine.fabric, &mut engine.output, pair, kind, uuid, now);
            Err(reason)
        }
    }
}

fn permitted(engine: &Engine, reverse: &Reverse, recovery: &Recovery) -> Result<ServiceId, DropReason> {
    let tables = &engine.fabric.tables;
    let tenant = tables.tenant_name_of(reverse.context.src, InterfaceId::default());
    if tenant.map(|name| &**name) != recovery.tenant.as_deref() {
        return Err(DropReason::TenantUnknown);
    }
    let port = if matches!(reverse.protocol, 6 | 17) { reverse.context.dport } else { 0 };
    let service = tables.resolve(reverse.context.dst, reverse.protocol, port, tenant.map(|name| &**name))?;
    match tables.service(service) {
        Some(entry) if entry.name == recovery.service => Ok(service),
        Some(_) | None => Err(DropReason::ServiceMismatch),
    }
}

fn rebuild(
    engine: &mut Engine,
    pair: Pair,
    reverse: &Reverse,
    service: ServiceId,
    now: Now,
) -> Result<SessionId, DropReason> {
    let tables = Arc::clone(&engine.fabric.tables);
    let router = engine.fabric.peering.path(pair.path).ok_or(DropReason::PathUnknown)?.router.clone();
    let opening = Opening {
        uuid: reverse.uuid,
        context: reverse.context,
        protocol: reverse.protocol,
        tenant: tables.tenant_name_of(reverse.context.src, InterfaceId::default()).cloned(),
        interface: InterfaceId::default(),
        service,
        ingress: Arc::clone(&tables.node.router),
        previous: None,
        hop_count: 1,
        mid_stream: true,
        binding: reverse.binding,
    };
    let next = opening::step_through(engine, &opening, &router, now).ok_or(DropReason::NoPath)?;
    let security = security(engine, &opening, reverse, now)?;
    let server = claimed_leg(engine, pair, now).ok_or(DropReason::WaypointPortsExhausted)?;
    enter::with_server_leg(engine, &opening, next, server, security, now)
}

/// A leg on the pair that this node had given the session in its former life.
fn claimed_leg(engine: &mut Engine, pair: Pair, now: Now) -> Option<Leg> {
    let (path, node) = engine.fabric.peering.path_and_node(pair.path)?;
    let claimed = path.ports.claim(PortPair { own: pair.own_port, peer: pair.peer_port });
    path.sessions += 1;
    Some(Leg::Hop(HopLeg {
        path: pair.path,
        own_port: pair.own_port,
        peer_port: pair.peer_port,
        handshake: Handshake::initiate(now.at),
        pair_owned: claimed,
        tcp_as_udp: path.transport == crate::config::Transport::Udp,
        peer_epoch: node.epoch,
    }))
}

/// New keys: those of the former life died with it.
fn security(
    engine: &mut Engine,
    opening: &Opening,
    reverse: &Reverse,
    now: Now,
) -> Result<Security, DropReason> {
    let tables = Arc::clone(&engine.fabric.tables);
    let entry = tables.service(opening.service).ok_or(DropReason::NoService)?;
    let mode = match (reverse.sealed, reverse.flags.contains(SessionFlags::ADAPTIVE)) {
        (true, _) => Mode::Sealed,
        (false, true) if opening.protocol == protocol::TCP => Mode::Undecided,
        (false, _) => Mode::Clear,
    };
    let sealing = if mode == Mode::Clear {
        None
    } else {
        Some(Box::new(adaptive::new_sealing(&entry.name, &mut engine.fabric, now)?))
    };
    let per_packet = reverse.flags.contains(SessionFlags::INTEGRITY);
    Ok(Security { mode, per_packet, sealing })
}

/// Gives a session that this node seals new keys, when those it has are old (`docs/protocol.md` 2.2).
pub(crate) fn rekey_if_due(
    session: &mut Session,
    engine_fabric: &mut crate::fabric::Fabric,
    now: Now,
) -> bool {
    let Some(sealing) = session.security.sealing.as_deref_mut() else { return false };
    if now.at - sealing.keys.epoch.made < crate::message::payload_keys::EPOCH {
        return false;
    }
    let Ok(fresh) = adaptive::new_sealing(&session.service_name, engine_fabric, now) else { return false };
    let old = core::mem::replace(sealing, fresh);
    sealing.former = Some(Box::new(crate::session::entry::Former {
        serial: old.sending.serial(),
        keys: old.keys,
        received: old.received,
    }));
    if let Leg::Hop(hop) = &mut session.server {
        hop.handshake.retrigger(false, now.at);
    }
    true
}
