//! Forward metadata of a neighbour: a new session, news of a known one, or one that a restart has torn apart.

use core::time::Duration;
use std::sync::Arc;

use quiver_crypto::PayloadReplayWindow;
use quiver_wire::ip::protocol;
use quiver_wire::metadata::control::SessionFlags;

use crate::config::{Encryption, Integrity};
use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::{CloseReason, Event, SessionChange};
use crate::fabric::Fabric;
use crate::forwarding::{Next, ServiceEntry, ServiceId};
use crate::message::control::ControlKind;
use crate::message::{Forward, PayloadOffer};
use crate::packet::InterfaceId;
use crate::packet_path::close::{self, Tell};
use crate::packet_path::control::{self, Pair};
use crate::packet_path::enter;
use crate::packet_path::from_hop::session_of;
use crate::packet_path::opening::{self, Opening, PreviousHop};
use crate::session::entry::{Leg, Mode, Role, Sealing, Security, Session};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;

/// Routers a session may cross (`docs/protocol.md` 2, TLV 0x8002).
const MOST_HOPS: u8 = 16;

/// The session that authentic forward metadata is about, opened or brought up to date.
pub(crate) fn forward(
    engine: &mut Engine,
    pair: Pair,
    forward: &Forward,
    now: Now,
) -> Result<SessionId, DropReason> {
    match find(engine, pair, forward, now)? {
        Some(id) => {
            refresh(engine, id, forward, pair, now);
            Ok(id)
        }
        None => open(engine, pair, forward, now).inspect_err(|_| {
            // The neighbour is authentic: it learns at once that this leads nowhere, and tells its client.
            let (kind, uuid) = (ControlKind::Delete, Some(forward.uuid));
            control::send(&mut engine.fabric, &mut engine.output, pair, kind, uuid, now);
        }),
    }
}

/// The session there is already, on this port pair or on the one it had before.
fn find(
    engine: &mut Engine,
    pair: Pair,
    forward: &Forward,
    now: Now,
) -> Result<Option<SessionId>, DropReason> {
    if let Some((id, side)) = session_of(engine, pair) {
        let same = engine.sessions.table.get(id).is_some_and(|session| session.uuid == forward.uuid);
        match (same, side) {
            (true, LegSide::Client) => return Ok(Some(id)),
            // Our own session came back to us by the pair we gave it.
            (true, LegSide::Server) => return Err(DropReason::Reflected),
            // The initiator has used the pair for another session since: the old one is over for it.
            (false, _) => close::end(engine, id, CloseReason::Replaced, Tell::Local, now),
        }
    }
    let known = engine.sessions.by_context(&forward.ingress, forward.protocol, &forward.context);
    let Some(id) = known else { return Ok(None) };
    let Some(session) = engine.sessions.table.get(id) else { return Ok(None) };
    let same = session.uuid == forward.uuid;
    let new_connection =
        forward.protocol == protocol::TCP && !forward.flags.contains(SessionFlags::MID_STREAM);
    // Who asks, and for what, was judged when the session was opened: another asker is judged anew.
    let asks_alike = session.tenant == forward.tenant && session.service_name == forward.service;
    if !same && (new_connection || !asks_alike) {
        close::end(engine, id, CloseReason::Replaced, Tell::Nobody, now);
        return Ok(None);
    }
    if !asks_alike {
        return Err(DropReason::MetadataUnexpected);
    }
    if same && comes_back(engine, id, pair, now) {
        return Err(DropReason::Reflected);
    }
    move_client_leg(engine, id, pair, forward, now)?;
    Ok(Some(id))
}

/// A live session that comes from another router than before has gone round in a circle. One that has moved is silent on its old hop.
fn comes_back(engine: &Engine, id: SessionId, pair: Pair, now: Now) -> bool {
    /// No move is made before packets went unanswered for longer than this.
    const ALIVE: Duration = Duration::from_secs(1);
    let Some(Leg::Hop(hop)) = engine.sessions.table.get(id).map(|session| &session.client) else {
        return false;
    };
    let router = |path| engine.fabric.peering.path(path).map(|path| &path.router);
    router(hop.path) != router(pair.path) && hop.handshake.silence(now.at) < ALIVE
}

/// The neighbour uses another path or port pair, or has restarted and made a new session of its half: this half goes on.
fn move_client_leg(
    engine: &mut Engine,
    id: SessionId,
    pair: Pair,
    forward: &Forward,
    now: Now,
) -> Result<(), DropReason> {
    let leg = enter::responding_leg(engine, pair, now);
    let replaced = engine.sessions.replace_leg(id, LegSide::Client, leg, &engine.fabric.peering);
    let (Ok(unused) | Err(unused)) = &replaced;
    close::release_leg(engine, forward.protocol, unused, now);
    replaced.map_err(|_| DropReason::SessionMoved)?;
    let Some(session) = engine.sessions.table.get_mut(id) else { return Ok(()) };
    let change = if session.uuid == forward.uuid { SessionChange::Moved } else { SessionChange::Rebound };
    session.uuid = forward.uuid;
    if let Leg::Hop(hop) = &mut session.server {
        hop.handshake.retrigger(false, now.at);
    }
    engine.output.event(Event::SessionModified { session_id: forward.uuid, change });
    Ok(())
}

/// Takes over what repeated forward metadata tells of a known session.
fn refresh(engine: &mut Engine, id: SessionId, forward: &Forward, pair: Pair, now: Now) {
    let boot = engine.fabric.boot;
    let Some(session) = engine.sessions.table.get_mut(id) else { return };
    let egress = session.role() == Role::Egress;
    let mut changed = false;
    if let Some(offer) = &forward.payload_key
        && !has_key(session, offer)
        && let Ok(sealing) = sealing_from(offer, &mut engine.fabric, egress.then_some(boot), now)
    {
        if let Some(former) = session.security.sealing.replace(Box::new(sealing)) {
            engine.fabric.spend(&former.sending);
        }
        changed = true;
    }
    if forward.sealed && session.security.mode != Mode::Sealed && session.security.sealing.is_some() {
        session.security.mode = Mode::Sealed;
        changed = true;
        let event = Event::SessionModified { session_id: session.uuid, change: SessionChange::Sealed };
        engine.output.event(event);
    }
    if session.binding.is_none() {
        session.binding = forward.binding;
    }
    if changed && let Leg::Hop(hop) = &mut session.server {
        hop.handshake.retrigger(false, now.at);
    }
    let uuid = session.uuid;
    let Leg::Hop(hop) = &mut session.client else { return };
    if hop.handshake.forward_received(now.at) {
        let kind = ControlKind::DisableForwardMetadata;
        control::send(&mut engine.fabric, &mut engine.output, pair, kind, Some(uuid), now);
    }
}

fn has_key(session: &Session, offer: &PayloadOffer) -> bool {
    session.security.sealing.as_deref().is_some_and(|sealing| {
        let epoch = &sealing.keys.epoch;
        epoch.origin == offer.origin && epoch.id == offer.id && sealing.sending.serial() == offer.serial
    })
}

/// Keys of a session that another node seals. `egress`: this node's start, when it is the one that seals the other way.
fn sealing_from(
    offer: &PayloadOffer,
    fabric: &mut Fabric,
    egress: Option<quiver_crypto::BootId>,
    now: Now,
) -> Result<Sealing, DropReason> {
    let keys = fabric.payload_keys.of_peer(offer.origin, offer.id, &offer.secret, now.at);
    let keys = keys.map_err(|_| DropReason::KeyUnavailable)?;
    let keys = match egress {
        Some(boot) => {
            fabric.payload_keys.with_reverse(&keys, boot).map_err(|_| DropReason::KeyUnavailable)?
        }
        None => keys,
    };
    let sending = fabric.payload_nonces(offer.serial, now.at);
    Ok(Sealing { keys, sending, received: PayloadReplayWindow::new(), former: None })
}

fn open(engine: &mut Engine, pair: Pair, forward: &Forward, now: Now) -> Result<SessionId, DropReason> {
    if forward.hop_count >= MOST_HOPS {
        return Err(DropReason::HopLimit);
    }
    let tables = Arc::clone(&engine.fabric.tables);
    let service = tables.service_named(&forward.service).ok_or(DropReason::ServiceUnknown)?;
    let previous = engine.fabric.peering.path(pair.path).ok_or(DropReason::PathUnknown)?.router.clone();
    let opening = Opening {
        uuid: forward.uuid,
        context: forward.context,
        protocol: forward.protocol,
        tenant: forward.tenant.clone(),
        interface: InterfaceId::default(),
        service,
        ingress: forward.ingress.clone(),
        previous: Some((previous, PreviousHop(pair))),
        hop_count: forward.hop_count + 1,
        mid_stream: forward.flags.contains(SessionFlags::MID_STREAM),
        binding: forward.binding,
    };
    opening::first_possible(engine, &opening, now, |engine, next| {
        let entry = tables.service(service).ok_or(DropReason::ServiceUnknown)?;
        let egress = matches!(next, Next::Target { .. });
        if egress {
            admit(engine, service, entry, &opening, forward)?;
        }
        security(forward, egress, engine, now)
    })
}

/// The checks of the egress: its own access list and its own demands on the payload.
fn admit(
    engine: &Engine,
    service: ServiceId,
    entry: &ServiceEntry,
    opening: &Opening,
    forward: &Forward,
) -> Result<(), DropReason> {
    let tables = &engine.fabric.tables;
    if !tables.serves(service, opening.protocol, opening.service_port()) {
        return Err(DropReason::ServiceMismatch);
    }
    if !tables.admits(service, opening.tenant.as_deref()).is_allowed() {
        return Err(if opening.tenant.is_some() { DropReason::AccessDenied } else { DropReason::NoTenant });
    }
    if opening.mid_stream && opening.protocol == protocol::TCP && opening.binding.is_none() {
        return Err(DropReason::TcpMidStream);
    }
    let adaptive = forward.flags.contains(SessionFlags::ADAPTIVE);
    if entry.encryption == Encryption::Always && !forward.sealed && !adaptive {
        return Err(DropReason::ClearPayloadOnSealedSession);
    }
    let signed = forward.sealed || forward.flags.contains(SessionFlags::INTEGRITY);
    if entry.integrity == Integrity::PerPacket && !signed {
        return Err(DropReason::IntegrityMissing);
    }
    Ok(())
}

fn security(forward: &Forward, egress: bool, engine: &mut Engine, now: Now) -> Result<Security, DropReason> {
    let mode = match (forward.sealed, forward.flags.contains(SessionFlags::ADAPTIVE)) {
        (true, _) => Mode::Sealed,
        (false, true) => Mode::Undecided,
        (false, false) => Mode::Clear,
    };
    let boot = egress.then_some(engine.fabric.boot);
    let sealing = match &forward.payload_key {
        Some(offer) => Some(Box::new(sealing_from(offer, &mut engine.fabric, boot, now)?)),
        None if mode == Mode::Clear => None,
        None => return Err(DropReason::PayloadKeyUnknown),
    };
    let per_packet = forward.flags.contains(SessionFlags::INTEGRITY);
    Ok(Security { mode, per_packet, sealing })
}
