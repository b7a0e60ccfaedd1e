//! Control messages out: small packets that routers send each other about sessions.

use core::net::IpAddr;

use quiver_wire::metadata::HeaderTlvs;
use quiver_wire::metadata::control::{ControlCode, HealthCheck};

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::SessionUuid;
use crate::fabric::Fabric;
use crate::message::compose::{self, Towards};
use crate::message::control::ControlKind;
use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::peering::PathIndex;
use crate::session::entry::{HopLeg, Leg};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;
use crate::transform::blank;
use crate::transform::rewrite::Tuple;

/// One end of a port pair: where a control packet leaves from and goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) path: PathIndex,
    pub(crate) own_port: u16,
    pub(crate) peer_port: u16,
}

impl Pair {
    pub(crate) const fn of(hop: &HopLeg) -> Self {
        Self { path: hop.path, own_port: hop.own_port, peer_port: hop.peer_port }
    }

    pub(crate) const fn towards(self) -> Towards {
        Towards { path: self.path, peer_port: self.peer_port }
    }

    /// Addresses and ports of what this node sends.
    pub(crate) fn tuple(self, fabric: &Fabric) -> Option<Tuple> {
        let path = fabric.peering.path(self.path)?;
        let (src, dst): (IpAddr, IpAddr) = (path.local, path.remote);
        Some(Tuple { src, dst, sport: self.own_port, dport: self.peer_port })
    }
}

/// Sends a control message on a hop leg of a session, if that side is one.
pub(crate) fn for_session(engine: &mut Engine, id: SessionId, side: LegSide, kind: ControlKind, now: Now) {
    let Some(session) = engine.sessions.table.get(id) else { return };
    let Leg::Hop(hop) = session.leg(side) else { return };
    let (pair, uuid) = (Pair::of(hop), session.uuid);
    send(&mut engine.fabric, &mut engine.output, pair, kind, Some(uuid), now);
}

/// Sends a control message; what cannot be sent is counted.
pub(crate) fn send(
    fabric: &mut Fabric,
    output: &mut Output,
    pair: Pair,
    kind: ControlKind,
    uuid: Option<SessionUuid>,
    now: Now,
) -> usize {
    let made =
        output.buffer().and_then(|mut packet| match build(fabric, pair, kind, uuid, &mut packet, now) {
            Ok(()) => Ok(packet),
            Err(reason) => {
                output.recycle(packet);
                Err(reason)
            }
        });
    match made {
        Ok(packet) => {
            let length = packet.len();
            output.counters.metadata_out += 1;
            output.transmit(packet, Direction::Wan);
            length
        }
        Err(reason) => {
            output.drop(reason);
            0
        }
    }
}

fn build(
    fabric: &mut Fabric,
    pair: Pair,
    kind: ControlKind,
    uuid: Option<SessionUuid>,
    packet: &mut Packet,
    now: Now,
) -> Result<(), DropReason> {
    let tuple = pair.tuple(fabric).ok_or(DropReason::PathUnknown)?;
    blank::udp(&tuple, packet)?;
    compose::attach_plain(packet, fabric, pair.towards(), header_of(kind), uuid.map(|uuid| uuid.0), now)
}

fn header_of(kind: ControlKind) -> HeaderTlvs {
    let code = |code| HeaderTlvs { control: Some(code), ..HeaderTlvs::default() };
    let check = |check| HeaderTlvs { health_check: Some(check), ..HeaderTlvs::default() };
    match kind {
        ControlKind::KeepAlive => code(ControlCode::KeepAlive),
        ControlKind::EnableMetadata => code(ControlCode::EnableMetadata),
        ControlKind::DisableForwardMetadata => {
            HeaderTlvs { disable_forward_metadata: true, ..HeaderTlvs::default() }
        }
        ControlKind::Delete => code(ControlCode::DeleteSession),
        ControlKind::HealthCheck { repeated: false } => check(HealthCheck::Request),
        ControlKind::HealthCheck { repeated: true } => check(HealthCheck::Retry),
        ControlKind::StateExists => code(ControlCode::StateExists),
        ControlKind::Unknown(number) => code(ControlCode::Other(number)),
    }
}
