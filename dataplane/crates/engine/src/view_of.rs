//! From a session to what people see of it.

use quiver_wire::ip::protocol;

use crate::engine::Engine;
use crate::fabric::Fabric;
use crate::packet_path::control::Pair;
use crate::packet_path::cross::idle_time;
use crate::packet_path::to_hop::carrier_and_shield;
use crate::session::entry::{HopLeg, Leg, Session};
use crate::session::tcp_state::TcpPhase;
use crate::time::Now;
use crate::transform::overhead::Carrier;
use crate::view::{HopTransport, HopView, SessionState, SessionView};

/// A copy of what is known of a session.
pub(crate) fn session(session: &Session, engine: &Engine, now: Now) -> SessionView {
    let fabric = &engine.fabric;
    SessionView {
        session_id: session.uuid,
        tenant: session.tenant.clone(),
        service: session.service_name.clone(),
        route: session.route_name.clone(),
        role: session.role(),
        protocol: session.protocol,
        context: session.context,
        binding: match &session.server {
            Leg::Lan(lan) => Some(lan.tuple),
            Leg::Hop(_) => None,
        },
        client_hop: hop(session, &session.client, fabric),
        server_hop: hop(session, &session.server, fabric),
        mode: session.security.mode,
        per_packet: session.security.per_packet,
        state: state(session),
        traffic: session.traffic,
        age: now.at - session.opened,
        idle: now.at - session.last_packet,
        expires_in: (session.last_packet + idle_time(engine, session)) - now.at,
    }
}

fn state(session: &Session) -> SessionState {
    match session.tcp.phase() {
        TcpPhase::Closing | TcpPhase::Closed if session.protocol == protocol::TCP => SessionState::Closing,
        TcpPhase::Opening if session.protocol == protocol::TCP && session.sees_tcp() => SessionState::Opening,
        TcpPhase::Opening | TcpPhase::Established | TcpPhase::Closing | TcpPhase::Closed => {
            if session.two_way { SessionState::Established } else { SessionState::Opening }
        }
    }
}

fn hop(session: &Session, leg: &Leg, fabric: &Fabric) -> Option<HopView> {
    let Leg::Hop(hop) = leg else { return None };
    let path = fabric.peering.path(hop.path)?;
    Some(HopView {
        router: path.router.clone(),
        node: path.node_name.clone(),
        tuple: Pair::of(hop).tuple(fabric)?,
        phase: hop.handshake.phase(),
        transport: transport(session, hop),
    })
}

fn transport(session: &Session, hop: &HopLeg) -> HopTransport {
    match (carrier_and_shield(session, hop).0, session.protocol) {
        (Carrier::Transformed, _) => HopTransport::UdpTransform,
        (Carrier::Inserted, _) => HopTransport::UdpEncapsulated,
        (Carrier::Native, protocol::TCP) => HopTransport::Native,
        (Carrier::Native, _) => HopTransport::Udp,
    }
}
