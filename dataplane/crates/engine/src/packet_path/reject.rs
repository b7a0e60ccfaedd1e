//! A local client is told at once what will not be carried; strangers on the WAN side get nothing.

use quiver_wire::icmp;
use quiver_wire::ip::protocol;
use quiver_wire::parse::Parsed;

use crate::config::Rejection;
use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::session::entry::Leg;
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::session::tcp_state::ResetNumbers;
use crate::transform::{Refusal, icmp_reply, reset};

/// Answers the first packet of a session that was refused: TCP by a reset, the rest by *administratively prohibited*.
pub(crate) fn first_packet(engine: &mut Engine, packet: &Packet, parsed: &Parsed, reason: DropReason) {
    if engine.fabric.tables.node.rejection == Rejection::Silent || !is_a_refusal(reason) {
        return;
    }
    // A reset is no larger than what it answers; an ICMP error may be.
    let is_tcp = parsed.protocol == protocol::TCP;
    if !is_tcp && !engine.output.may_send_error() {
        return;
    }
    answer(&mut engine.output, |out| {
        if is_tcp {
            return reset::answer(packet, out);
        }
        icmp_reply::build(packet, icmp::Repr::Prohibited, parsed.dst, out)
    });
}

/// Whether a reason is a decision about the client, and not the loss of one packet.
const fn is_a_refusal(reason: DropReason) -> bool {
    matches!(
        reason,
        DropReason::NoTenant
            | DropReason::NoService
            | DropReason::AccessDenied
            | DropReason::NoRoute
            | DropReason::NoHealthyTarget
            | DropReason::RouteFull
            | DropReason::NoPath
            | DropReason::TcpMidStream
            | DropReason::WaypointPortsExhausted
            | DropReason::ReturnPoolExhausted
            | DropReason::SessionTableFull
    )
}

/// Resets the local ends of a TCP session that is being ended.
pub(crate) fn end_of_session(engine: &mut Engine, id: SessionId) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    if session.protocol != protocol::TCP || engine.fabric.tables.node.rejection == Rejection::Silent {
        return;
    }
    for side in [LegSide::Client, LegSide::Server] {
        let (Leg::Lan(lan), Some(numbers)) = (session.leg(side), session.tcp.reset_for(side)) else {
            continue;
        };
        let tuple = match side {
            LegSide::Client => lan.tuple.reversed(),
            LegSide::Server => lan.tuple,
        };
        answer(&mut engine.output, |out| match numbers {
            ResetNumbers::At(seq) => reset::at(&tuple, seq, out),
            ResetNumbers::Refusing(ack) => reset::refuse(&tuple, ack, out),
        });
    }
}

fn answer(output: &mut Output, make: impl FnOnce(&mut Packet) -> Result<(), Refusal>) {
    let Ok(mut out) = output.buffer() else { return };
    match make(&mut out) {
        Ok(()) => output.transmit(out, Direction::Lan),
        Err(_) => output.recycle(out),
    }
}
