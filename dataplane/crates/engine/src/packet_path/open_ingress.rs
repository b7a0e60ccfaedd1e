//! The first packet of a local client: who is it, what does it want, may it, which way (SVR first-packet processing).

use core::net::IpAddr;
use std::sync::Arc;

use quiver_wire::parse::{Parsed, Transport};

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::{Event, SessionChange};
use crate::forwarding::{Choice, Next, ServiceId};
use crate::packet::Packet;
use crate::packet_path::from_lan::is_opening;
use crate::packet_path::opening::{self, Opening};
use crate::packet_path::{Verdict, adaptive, close, cross, reject};
use crate::peering::PathIndex;
use crate::session::entry::{Leg, Mode, Security};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;
use crate::transform::rewrite::Tuple;

/// Opens a session for the packet and sends it on; a local client that is refused is told.
pub(crate) fn open(
    engine: &mut Engine,
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    if !is_single_host(parsed.src) || !is_single_host(parsed.dst) {
        return Err(DropReason::AddressInvalid);
    }
    if engine.fabric.tables.node.in_return_pool(parsed.dst) {
        return Err(DropReason::SessionClosed);
    }
    if parsed.transport == Transport::EchoReply {
        return Err(DropReason::IcmpUnsolicited);
    }
    match try_open(engine, packet, parsed, now) {
        Ok(id) => cross::first(engine, id, packet, parsed, now),
        // A server answers to this node's own address, and the session is gone: a reset would end it for good.
        Err(DropReason::NoService) if !is_dialled(engine, parsed.dst) => Err(DropReason::SessionClosed),
        Err(reason) => {
            reject::first_packet(engine, packet, parsed, reason);
            Err(reason)
        }
    }
}

/// Sessions are between two hosts: groups, broadcasts and addresses that mean *here* are none (RFC 6890).
const fn is_single_host(address: IpAddr) -> bool {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    !(address.is_unspecified() || address.is_multicast() || address.is_loopback() || is_broadcast)
}

/// Whether clients have a reason to send to this address.
fn is_dialled(engine: &Engine, address: IpAddr) -> bool {
    let tables = &engine.fabric.tables;
    tables.node.in_service_pool(address)
        || tables.services().iter().any(|service| service.is_dialled_at(address))
}

fn try_open(
    engine: &mut Engine,
    packet: &Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<SessionId, DropReason> {
    let tables = Arc::clone(&engine.fabric.tables);
    let tenant = tables.tenant_name_of(parsed.src, packet.interface).cloned();
    let port = service_port(parsed);
    let service = tables.resolve(parsed.dst, parsed.protocol, port, tenant.as_deref())?;
    let context = Tuple { src: parsed.src, dst: parsed.dst, sport: parsed.src_port, dport: parsed.dst_port };
    let mid_stream = parsed.transport == Transport::Tcp && !is_opening(parsed);
    let opening = Opening {
        uuid: engine.fabric.random.uuid(),
        context,
        protocol: parsed.protocol,
        tenant,
        interface: packet.interface,
        service,
        ingress: Arc::clone(&tables.node.router),
        previous: None,
        hop_count: 1,
        mid_stream,
        binding: None,
    };
    opening::first_possible(engine, &opening, now, |engine, next| {
        if mid_stream && matches!(next, Next::Target { .. }) {
            return Err(DropReason::TcpMidStream);
        }
        security(engine, service, next, (packet, parsed), now)
    })
}

fn security(
    engine: &mut Engine,
    service: ServiceId,
    next: Next,
    first: (&Packet, &Parsed),
    now: Now,
) -> Result<Security, DropReason> {
    let tables = Arc::clone(&engine.fabric.tables);
    let entry = tables.service(service).ok_or(DropReason::NoService)?;
    let (over_hop, always) = match next {
        Next::Target { .. } => (false, false),
        Next::Path { path, .. } => (true, tables.path(path).is_some_and(|path| path.always_encrypt)),
    };
    adaptive::for_new_session(entry, always, over_hop, first, &mut engine.fabric, now)
}

/// The port that service rules are about; an echo's identifier is none.
pub(crate) const fn service_port(parsed: &Parsed) -> u16 {
    match parsed.transport {
        Transport::Tcp | Transport::Udp => parsed.dst_port,
        Transport::EchoRequest
        | Transport::EchoReply
        | Transport::IcmpError
        | Transport::IcmpOther
        | Transport::Other
        | Transport::FragmentTail => 0,
    }
}

/// Moves a session whose first packets met silence to the next possible path; called with each further packet of the client.
pub(crate) fn reroute_if_unanswered(engine: &mut Engine, id: SessionId, now: Now) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    let Leg::Hop(hop) = &session.server else { return };
    if !hop.handshake.is_unanswered(now.at) {
        return;
    }
    let silent = hop.path;
    if let Some(path) = engine.fabric.peering.path_mut(silent) {
        path.suspect(now.at);
    }
    let Some((route_name, leg)) = other_way(engine, id, silent, now) else { return };
    let replaced = engine.sessions.replace_leg(id, LegSide::Server, leg, &engine.fabric.peering);
    let Some(session) = engine.sessions.table.get_mut(id) else { return };
    let protocol = session.protocol;
    if replaced.is_ok() {
        session.stats.route = engine.output.routes.pass_on(session.stats.route, &route_name);
        session.route_name = route_name;
        let event = Event::SessionModified { session_id: session.uuid, change: SessionChange::Moved };
        engine.output.event(event);
    }
    let (Ok(unused) | Err(unused)) = replaced;
    close::release_leg(engine, protocol, &unused, now);
}

fn other_way(engine: &mut Engine, id: SessionId, silent: PathIndex, now: Now) -> Option<(Arc<str>, Leg)> {
    let tables = Arc::clone(&engine.fabric.tables);
    let session = engine.sessions.table.get(id)?;
    let choice = Choice {
        service: session.service,
        ipv6: session.context.src.is_ipv6(),
        hash: opening::choice_hash(session.protocol, &session.context),
        previous: None,
    };
    let load = opening::EngineLoad { fabric: &engine.fabric, output: &engine.output, now: now.at };
    let is_sealed = session.security.mode == Mode::Sealed;
    let next = tables.candidates(choice, &load).find(|next| match next {
        Next::Target { .. } => false,
        Next::Path { path, .. } => {
            engine.fabric.peering.of(*path).is_some_and(|index| index != silent)
                // What has begun in clear cannot change to a peer that is always to be sealed for.
                && tables.path(*path).is_some_and(|path| is_sealed || !path.always_encrypt)
        }
    })?;
    let Next::Path { route, path } = next else { return None };
    let name = Arc::clone(&tables.route(route)?.name);
    let leg = opening::hop_leg(engine, path, choice.hash, now).ok()?;
    Some((name, leg))
}
