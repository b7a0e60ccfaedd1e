//! ICMP errors: about a session's packets they cross the fabric like the session; about our own they teach the path MTU.
//!
//! Between routers an error travels as UDP on the session's port pair, with metadata that holds the location (TLV 20 or 21); behind it
//! stands the whole ICMP packet, in terms of the session's context.

use core::net::IpAddr;

use quiver_wire::metadata::HeaderTlvs;
use quiver_wire::parse::Parsed;

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::SessionUuid;
use crate::message::compose;
use crate::packet::Packet;
use crate::packet_path::Verdict;
use crate::packet_path::control::Pair;
use crate::packet_path::from_hop::{Arrival, ask_for_metadata, session_of};
use crate::session::entry::{Leg, Session};
use crate::session::index::LegSide;
use crate::session::store::lan_key;
use crate::session::table::SessionId;
use crate::time::Now;
use crate::transform::blank;
use crate::transform::icmp_error::{self, Translation};

/// An error that a local host or router raised about a packet we delivered.
pub(crate) fn from_lan(
    engine: &mut Engine,
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    let quote = icmp_error::quote(packet)?;
    let key = lan_key(quote.protocol, &quote.tuple).reversed();
    let (id, raised_at) = engine.sessions.by_lan(&key).ok_or(DropReason::IcmpUnsolicited)?;
    let session = engine.sessions.table.get(id).ok_or(DropReason::SessionClosed)?;
    let to = raised_at.other();
    match session.leg(to) {
        Leg::Lan(_) => {
            translate(packet, session, to, true)?;
            Ok(Verdict::ToLan)
        }
        Leg::Hop(_) => {
            translate(packet, session, to, false)?;
            send_over_hop(engine, id, to, packet, parsed.src, now)
        }
    }
}

/// An error that another router passed on; `packet` has its hop's form without metadata.
pub(crate) fn from_hop(
    engine: &mut Engine,
    packet: &mut Packet,
    arrival: Arrival,
    (location, uuid): (IpAddr, Option<SessionUuid>),
    now: Now,
) -> Result<Verdict, DropReason> {
    let Some((id, side)) = session_of(engine, arrival.pair) else {
        return Err(ask_for_metadata(engine, arrival, now));
    };
    let session = engine.sessions.table.get(id).ok_or(DropReason::SessionClosed)?;
    if uuid.is_some_and(|uuid| uuid != session.uuid) {
        return Err(DropReason::SessionIdMismatch);
    }
    blank::unwrap(packet)?;
    let quote = icmp_error::quote(packet)?;
    let expected = match side {
        LegSide::Server => session.context,
        LegSide::Client => session.context.reversed(),
    };
    if quote.tuple != expected || quote.protocol != session.protocol {
        return Err(DropReason::IcmpUnsolicited);
    }
    let to = side.other();
    match session.leg(to) {
        Leg::Hop(_) => send_over_hop(engine, id, to, packet, location, now),
        Leg::Lan(_) => {
            translate(packet, session, to, true)?;
            Ok(Verdict::ToLan)
        }
    }
}

/// An error of the network between routers about a packet we sent there.
pub(crate) fn from_wan(engine: &mut Engine, packet: &Packet, now: Now) -> Result<Verdict, DropReason> {
    let quote = icmp_error::quote(packet)?;
    let tuple = quote.tuple;
    let path = engine.fabric.peering.find(tuple.src, tuple.dst).ok_or(DropReason::IcmpUnsolicited)?;
    let pair = Pair { path, own_port: tuple.sport, peer_port: tuple.dport };
    // Whoever has not seen a packet of a session cannot quote its ports.
    session_of(engine, pair).ok_or(DropReason::IcmpUnsolicited)?;
    let mtu = quote.mtu.ok_or(DropReason::IcmpUnsolicited)?;
    let path = engine.fabric.peering.path_mut(path).ok_or(DropReason::PathUnknown)?;
    path.learn_mtu(u16::try_from(mtu).unwrap_or(u16::MAX), now.at);
    Ok(Verdict::Consumed)
}

/// Turns an error into one about the packet as `to` sent it; `final_form`: `to` is a local host, and else in terms of the context.
fn translate(
    packet: &mut Packet,
    session: &Session,
    to: LegSide,
    final_form: bool,
) -> Result<(), DropReason> {
    let quoted = match (to, session.leg(to)) {
        (LegSide::Client, _) => session.context,
        (LegSide::Server, Leg::Lan(lan)) if final_form => lan.tuple.reversed(),
        (LegSide::Server, _) => session.context.reversed(),
    };
    let translation = Translation { src: quoted.dst, dst: quoted.src, quoted };
    icmp_error::translate(packet, &translation).map_err(DropReason::from)
}

fn send_over_hop(
    engine: &mut Engine,
    id: SessionId,
    to: LegSide,
    packet: &mut Packet,
    location: IpAddr,
    now: Now,
) -> Result<Verdict, DropReason> {
    let session = engine.sessions.table.get(id).ok_or(DropReason::SessionClosed)?;
    let Leg::Hop(hop) = session.leg(to) else { return Err(DropReason::PathUnknown) };
    let (pair, uuid) = (Pair::of(hop), session.uuid.0);
    let tuple = pair.tuple(&engine.fabric).ok_or(DropReason::PathUnknown)?;
    blank::wrap(packet, &tuple)?;
    let header = HeaderTlvs { icmp_error_location: Some(location), ..HeaderTlvs::default() };
    compose::attach_plain(packet, &mut engine.fabric, pair.towards(), header, Some(uuid), now)?;
    engine.output.counters.metadata_out += 1;
    Ok(Verdict::ToWan)
}
