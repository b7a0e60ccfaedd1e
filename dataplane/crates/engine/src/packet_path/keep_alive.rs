//! Keep-alives: what lies between two routers keeps its state of a quiet session (`docs/protocol.md` section 4).
//!
//! The router that opened the hop sends them. A router behind a NAT opens all of its hops, and only what it sends itself keeps its
//! mapping for sure (RFC 4787 section 4.3).

use core::time::Duration;

use quiver_wire::ip::protocol;

use crate::engine::Engine;
use crate::handshake::Phase;
use crate::message::control::ControlKind;
use crate::packet_path::control;
use crate::packet_path::to_hop::carrier_and_shield;
use crate::session::entry::{HopLeg, Leg, Mode, Session};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpPhase;
use crate::time::{Instant, Now};
use crate::transform::overhead::Carrier;

/// Below the 30 s after which many NATs and firewalls forget a UDP flow (and SVR's timer for UDP).
const INTERVAL: Duration = Duration::from_secs(25);
/// Until the next attempt where the limit of keep-alives is reached: looking at sessions must not become the load.
const PAUSE: Duration = Duration::from_secs(5);
/// Keep-alives a second of one worker, and at once: 250,000 quiet sessions, some 1 MB/s.
pub(crate) const PER_SECOND: u32 = 10_000;
/// See [`PER_SECOND`].
pub(crate) const AT_ONCE: u32 = 1000;

/// When the next keep-alive is due unless a packet comes; `None` for a session that needs none.
pub(crate) fn due(session: &Session) -> Option<Instant> {
    let hop = opened_hop(session)?;
    let is_over = session.sees_tcp() && session.tcp.phase() == TcpPhase::Closed;
    // NATs keep a TCP connection for longer than a session is kept without a packet (RFC 5382 section 5), and UDP is not its flow.
    let is_tcp = session.security.mode != Mode::Undecided && is_native_tcp(session, hop);
    (!is_over && !is_tcp).then(|| session.last_forward + INTERVAL)
}

/// Sends the keep-alive that is due, within the limit.
pub(crate) fn send_if_due(engine: &mut Engine, id: SessionId, now: Now) {
    let Some(session) = engine.sessions.table.get_mut(id) else { return };
    if due(session).is_none_or(|due| due > now.at) {
        return;
    }
    let Some(hop) = opened_hop(session) else { return };
    let is_wanted = hop.handshake.phase() == Phase::Established && !is_native_tcp(session, hop);
    if is_wanted && !engine.fabric.keep_alives.take(now.at) {
        session.last_forward += PAUSE;
        return;
    }
    session.last_forward = now.at;
    if is_wanted {
        control::for_session(engine, id, LegSide::Server, ControlKind::KeepAlive, now);
    }
}

/// The hop that this node has opened: the one towards the server.
fn opened_hop(session: &Session) -> Option<&HopLeg> {
    match &session.server {
        Leg::Hop(hop) if hop.handshake.is_initiator() => Some(hop),
        Leg::Hop(_) | Leg::Lan(_) => None,
    }
}

fn is_native_tcp(session: &Session, hop: &HopLeg) -> bool {
    session.protocol == protocol::TCP && carrier_and_shield(session, hop).0 == Carrier::Native
}
