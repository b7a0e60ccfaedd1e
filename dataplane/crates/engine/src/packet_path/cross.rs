//! A packet of a known session on its way from one leg to the other.

use quiver_wire::ip::protocol;
use quiver_wire::parse::Parsed;
use quiver_wire::tcp::{self, Flags};

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::{CloseReason, Event, SessionChange};
use crate::output::Output;
use crate::packet::Packet;
use crate::packet_path::close::{self, Tell};
use crate::packet_path::to_hop::{self, Surroundings};
use crate::packet_path::{Verdict, adaptive, judge, open_ingress, recover, to_lan};
use crate::session::entry::{Leg, Session};
use crate::session::index::LegSide;
use crate::session::lifetime::{Activity, idle_timeout};
use crate::session::table::SessionId;
use crate::session::tcp_state::{TcpPhase, TcpSegment, TcpSignal};
use crate::time::Now;

/// Carries a packet of a local client or server across its session.
pub(crate) fn from_lan(
    engine: &mut Engine,
    (id, side): (SessionId, LegSide),
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    judge::check(engine, id, now)?;
    if side == LegSide::Client {
        open_ingress::reroute_if_unanswered(engine, id, now);
    }
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    let signal = observe(session, side, packet, parsed);
    if signal == TcpSignal::NewConversation {
        if side == LegSide::Server {
            return Err(DropReason::TcpOutOfState);
        }
        close::end(engine, id, CloseReason::Replaced, Tell::Nobody, now);
        return open_ingress::open(engine, packet, parsed, now);
    }
    account(session, side, packet.len(), &mut engine.output, now);
    adaptive::decide(session, side, packet, parsed, &mut engine.output, now);
    let verdict = send(engine, id, side.other(), packet, now);
    rearm(engine, id, signal, now);
    verdict
}

/// Carries the packet that has just opened its session.
pub(crate) fn first(
    engine: &mut Engine,
    id: SessionId,
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    observe(session, LegSide::Client, packet, parsed);
    account(session, LegSide::Client, packet.len(), &mut engine.output, now);
    adaptive::decide(session, LegSide::Client, packet, parsed, &mut engine.output, now);
    send(engine, id, LegSide::Server, packet, now)
}

/// Sends a packet of the LAN side's form out by a leg.
pub(crate) fn send(
    engine: &mut Engine,
    id: SessionId,
    out: LegSide,
    packet: &mut Packet,
    now: Now,
) -> Result<Verdict, DropReason> {
    let lan_mtu = engine.fabric.tables.node.lan_mtu;
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    match session.leg(out) {
        Leg::Lan(lan) => {
            let tuple = match out {
                LegSide::Server => lan.tuple,
                LegSide::Client => lan.tuple.reversed(),
            };
            to_lan::send(packet, &tuple, lan_mtu, &mut engine.output)
        }
        Leg::Hop(_) => {
            if out == LegSide::Server && recover::rekey_if_due(session, &mut engine.fabric, now) {
                let event =
                    Event::SessionModified { session_id: session.uuid, change: SessionChange::Rekeyed };
                engine.output.event(event);
            }
            let mut around = Surroundings { fabric: &mut engine.fabric, output: &mut engine.output, now };
            to_hop::send_inner(session, out, packet, &mut around)
        }
    }
}

/// Lets the session's TCP tracker see a packet.
pub(crate) fn observe(session: &mut Session, side: LegSide, packet: &Packet, parsed: &Parsed) -> TcpSignal {
    if parsed.protocol != protocol::TCP {
        return TcpSignal::Unchanged;
    }
    let Ok(segment) = tcp::Packet::new_checked(parsed.segment(packet.bytes())) else {
        return TcpSignal::Unchanged;
    };
    let flags = segment.flags();
    session.tcp.observe(
        side,
        &TcpSegment {
            syn: flags.contains(Flags::SYN),
            fin: flags.contains(Flags::FIN),
            rst: flags.contains(Flags::RST),
            seq: segment.seq(),
            ack: flags.contains(Flags::ACK).then(|| segment.ack()),
            payload_len: segment.payload().len() as u32,
        },
    )
}

/// Counts a packet that came in by `side`.
pub(crate) fn account(session: &mut Session, side: LegSide, bytes: usize, output: &mut Output, now: Now) {
    session.last_packet = now.at;
    let traffic = &mut session.traffic;
    match side {
        LegSide::Client => {
            session.last_forward = now.at;
            traffic.packets_forward += 1;
            traffic.bytes_forward += bytes as u64;
        }
        LegSide::Server => {
            traffic.packets_reverse += 1;
            traffic.bytes_reverse += bytes as u64;
            session.two_way = true;
        }
    }
    if let Some(tally) = output.services.get_mut(session.stats.service) {
        match side {
            LegSide::Client => tally.forward.add(bytes),
            LegSide::Server => tally.reverse.add(bytes),
        }
    }
}

/// How long the session is kept without a packet.
pub(crate) fn idle_time(engine: &Engine, session: &Session) -> core::time::Duration {
    let configured = engine.fabric.tables.service(session.service).and_then(|service| service.idle_timeout);
    let tracked = session.protocol == protocol::TCP && session.sees_tcp();
    let tcp = tracked.then_some(&session.tcp);
    idle_timeout(&Activity { protocol: session.protocol, is_two_way: session.two_way, tcp, configured })
}

/// Brings the session's deadline nearer when its TCP phase asks for that. Later deadlines are found when the timer fires.
pub(crate) fn rearm(engine: &mut Engine, id: SessionId, signal: TcpSignal, now: Now) {
    let TcpSignal::Entered(phase) = signal else { return };
    if matches!(phase, TcpPhase::Closing | TcpPhase::Closed) {
        let Some(session) = engine.sessions.table.get(id) else { return };
        let deadline = now.at + idle_time(engine, session);
        engine.sessions.timers.set_sooner(id, deadline);
    }
}
