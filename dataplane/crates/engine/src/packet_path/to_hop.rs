//! A packet leaves towards another router.

use quiver_crypto::Direction as Way;
use quiver_wire::ip::protocol;
use quiver_wire::offload::Segmentation;

use crate::drop_reason::DropReason;
use crate::fabric::Fabric;
use crate::handshake::{Liveness, Phase};
use crate::message::compose::{self, About};
use crate::message::control::ControlKind;
use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::packet_path::control::{self, Pair};
use crate::packet_path::protection::Protection;
use crate::packet_path::sink::{MarkingSink, Singles};
use crate::packet_path::{Verdict, metadata_only, pieces, too_big};
use crate::session::entry::{HopLeg, Leg, Mode, Session};
use crate::session::index::LegSide;
use crate::time::Now;
use crate::transform::overhead::{self, Carrier, Shield};
use crate::transform::rewrite::{self, Ttl, Tuple};
use crate::transform::{Family, encapsulate, metadata, mss, segments, shield, tcp_udp};
use quiver_wire::metadata::marker::MARKER;

/// Everything outside the session that sending takes.
pub(crate) struct Surroundings<'a> {
    pub(crate) fabric: &'a mut Fabric,
    pub(crate) output: &'a mut Output,
    pub(crate) now: Now,
}

/// How a session's packets look on one of its hops.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) pair: Pair,
    pub(crate) tuple: Tuple,
    pub(crate) carrier: Carrier,
    pub(crate) shield: Shield,
    pub(crate) mtu: u16,
    pub(crate) way: Way,
}

impl Form {
    pub(crate) fn new(session: &Session, side: LegSide, fabric: &Fabric, now: Now) -> Option<Self> {
        let Leg::Hop(hop) = session.leg(side) else { return None };
        let pair = Pair::of(hop);
        let (carrier, shield) = carrier_and_shield(session, hop);
        let way = match side {
            LegSide::Server => Way::Forward,
            LegSide::Client => Way::Reverse,
        };
        let mtu = fabric.peering.path(hop.path)?.mtu(now.at);
        Some(Self { pair, tuple: pair.tuple(fabric)?, carrier, shield, mtu, way })
    }

    /// Bytes by which a packet of the LAN side grows.
    pub(crate) fn overhead(&self, inner: Family) -> i32 {
        overhead::overhead(self.carrier, self.shield, inner, Family::of(self.tuple.src))
    }

    /// The same when the session may still come to be sealed: its segments must then fit too.
    fn most_overhead(&self, session: &Session, inner: Family) -> i32 {
        match session.security.mode {
            Mode::Undecided => {
                overhead::overhead(Carrier::Transformed, Shield::Sealed, inner, Family::of(self.tuple.src))
            }
            Mode::Clear | Mode::Sealed => self.overhead(inner),
        }
    }
}

/// What carries a session's packets on a hop, and what protects them.
pub(crate) fn carrier_and_shield(session: &Session, hop: &HopLeg) -> (Carrier, Shield) {
    let shield = match session.security.mode {
        Mode::Sealed => Shield::Sealed,
        Mode::Clear | Mode::Undecided if session.security.per_packet => Shield::Integrity,
        Mode::Clear | Mode::Undecided => Shield::Clear,
    };
    let carrier = match session.protocol {
        protocol::TCP if shield != Shield::Clear || hop.tcp_as_udp => Carrier::Transformed,
        protocol::TCP | protocol::UDP => Carrier::Native,
        _ => Carrier::Inserted,
    };
    (carrier, shield)
}

/// Sends a packet that has the LAN side's form.
pub(crate) fn send_inner(
    session: &mut Session,
    side: LegSide,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<Verdict, DropReason> {
    let form = Form::new(session, side, around.fabric, around.now).ok_or(DropReason::PathUnknown)?;
    let inner = Family::of(session.context.src);
    let growth = form.overhead(inner);
    let is_syn = session.protocol == protocol::TCP && mss::is_syn(packet);
    if is_syn {
        let most = form.most_overhead(session, inner);
        mss::clamp(packet, overhead::max_segment(form.mtu, most, inner))?;
    }
    too_big::limit_segments(packet, overhead::max_inner(form.mtu, growth));
    if too_big::outgrows(packet, form.mtu, growth) {
        return send_apart(session, side, packet, around);
    }
    let single = packet.offload.segmentation == Segmentation::None;
    if single && too_big::is_too_big(packet, form.mtu, growth) && !too_big::may_be_cut(packet) {
        too_big::answer(packet, overhead::max_inner(form.mtu, growth), around.output);
        return Err(DropReason::TooBig);
    }
    check_liveness(session, side, around);
    let grown = packet.len().saturating_add_signed(growth as isize);
    let inline = prepare_metadata(session, side, &form, single.then_some(grown), around)?;
    let whole = match form.carrier {
        Carrier::Native => shape_native(session, &form, packet, around)?,
        Carrier::Transformed => shape_transformed(session, &form, packet, around)?,
        Carrier::Inserted => {
            encapsulate::insert(packet, &form.tuple, Ttl::Keep)?;
            protect_single(session, &form, packet, around)?;
            true
        }
    };
    if !whole {
        return Ok(Verdict::Consumed);
    }
    finish(session, side, &form, packet, inline.then_some(is_syn), around)
}

/// Sends the datagrams of a superpacket one by one: each is cut, or answered as too big, by itself.
fn send_apart(
    session: &mut Session,
    side: LegSide,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<Verdict, DropReason> {
    let mut singles = Singles { output: around.output, packets: Vec::new() };
    let split = segments::split(packet, &mut singles);
    for mut single in singles.packets {
        let verdict = match split {
            Ok(_) => send_inner(session, side, &mut single, around),
            Err(_) => Ok(Verdict::Consumed),
        };
        match verdict {
            Ok(Verdict::ToWan) => around.output.transmit(single, Direction::Wan),
            Ok(Verdict::ToLan | Verdict::Consumed) => around.output.recycle(single),
            Err(reason) => {
                around.output.drop(reason);
                around.output.recycle(single);
            }
        }
    }
    split?;
    Ok(Verdict::Consumed)
}

/// Sends a packet that has the form of a hop already: at a transit router. Metadata and per-packet code are off.
pub(crate) fn send_transit(
    session: &mut Session,
    side: LegSide,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<Verdict, DropReason> {
    let form = Form::new(session, side, around.fabric, around.now).ok_or(DropReason::PathUnknown)?;
    check_liveness(session, side, around);
    let single = packet.offload.segmentation == Segmentation::None;
    let growth = if form.shield == Shield::Integrity { form.shield.back() } else { 0 };
    let inline = prepare_metadata(session, side, &form, single.then_some(packet.len() + growth), around)?;
    rewrite::rewrite_tuple(packet, &form.tuple, Ttl::Keep)?;
    if form.shield == Shield::Integrity && !protect(session, &form, packet, around)? {
        return Ok(Verdict::Consumed);
    }
    finish(session, side, &form, packet, inline.then_some(false), around)
}

/// Sends metadata ahead where it is due and does not fit; `true` when it is to ride on the packet itself.
fn prepare_metadata(
    session: &mut Session,
    side: LegSide,
    form: &Form,
    grown: Option<usize>,
    around: &mut Surroundings<'_>,
) -> Result<bool, DropReason> {
    let Leg::Hop(hop) = session.leg(side) else { return Ok(false) };
    if hop.handshake.phase() == Phase::Established {
        return Ok(false);
    }
    let about = About::of(hop, side == LegSide::Server);
    if let Some(grown) = grown {
        let length = compose::session_length(session, about, around.fabric)?;
        if grown + length <= usize::from(form.mtu) {
            return Ok(true);
        }
    }
    metadata_only::send(session, side, around)?;
    Ok(false)
}

/// Ports and addresses, then protection; `false` when the packets made have gone out already.
fn shape_native(
    session: &mut Session,
    form: &Form,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<bool, DropReason> {
    rewrite::rewrite_tuple(packet, &form.tuple, Ttl::Keep)?;
    if form.shield == Shield::Clear {
        return mark_superpacket(packet, around);
    }
    protect(session, form, packet, around)
}

/// TCP becomes UDP; `false` when the packets made have gone out already.
fn shape_transformed(
    session: &mut Session,
    form: &Form,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<bool, DropReason> {
    rewrite::rewrite_tuple(packet, &form.tuple, Ttl::Keep)?;
    if packet.offload.segmentation == Segmentation::None {
        tcp_udp::to_udp(packet)?;
        protect_single(session, form, packet, around)?;
        return Ok(true);
    }
    let mut protection = Protection::outgoing(session, form, around)?;
    let mut sink = MarkingSink { output: around.output, direction: Direction::Wan };
    tcp_udp::to_datagrams(packet, &mut protection, &mut sink)?;
    Ok(false)
}

fn protect(
    session: &mut Session,
    form: &Form,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<bool, DropReason> {
    if packet.offload.segmentation == Segmentation::None {
        protect_single(session, form, packet, around)?;
        return Ok(true);
    }
    let mut protection = Protection::outgoing(session, form, around)?;
    let mut sink = MarkingSink { output: around.output, direction: Direction::Wan };
    shield::protect_segments(packet, &mut protection, &mut sink)?;
    Ok(false)
}

fn protect_single(
    session: &mut Session,
    form: &Form,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<(), DropReason> {
    if form.shield == Shield::Clear {
        return Ok(());
    }
    let mut protection = Protection::outgoing(session, form, around)?;
    shield::protect(packet, &mut protection)?;
    Ok(())
}

/// A superpacket any segment of which would be taken for metadata goes out in single packets with markers (SVR false-positive marker).
fn mark_superpacket(packet: &mut Packet, around: &mut Surroundings<'_>) -> Result<bool, DropReason> {
    if packet.offload.segmentation == Segmentation::None || !metadata::is_present(packet)? {
        return Ok(true);
    }
    let mut sink = MarkingSink { output: around.output, direction: Direction::Wan };
    segments::split(packet, &mut sink)?;
    Ok(false)
}

/// The last steps of a packet in its hop's form: cut into pieces, marked, or with metadata in front.
fn finish(
    session: &mut Session,
    side: LegSide,
    form: &Form,
    packet: &mut Packet,
    inline_syn: Option<bool>,
    around: &mut Surroundings<'_>,
) -> Result<Verdict, DropReason> {
    let single = packet.offload.segmentation == Segmentation::None;
    if let Some(is_syn) = inline_syn.filter(|_| single) {
        let Leg::Hop(hop) = session.leg(side) else { return Err(DropReason::PathUnknown) };
        let about = About {
            tcp_syn: is_syn && form.carrier == Carrier::Transformed,
            ..About::of(hop, side == LegSide::Server)
        };
        compose::attach_session(packet, around.fabric, form.pair.towards(), session, about, around.now)?;
        around.output.counters.metadata_out += 1;
        note_metadata_sent(session, side, around.now);
        return Ok(Verdict::ToWan);
    }
    if single && metadata::is_present(packet)? {
        metadata::insert(packet, &MARKER)?;
    }
    if single && packet.len() > usize::from(form.mtu) {
        return pieces::send(session, form, packet, around);
    }
    Ok(Verdict::ToWan)
}

pub(crate) fn note_metadata_sent(session: &mut Session, side: LegSide, now: Now) {
    if let Leg::Hop(hop) = session.leg_mut(side) {
        hop.handshake.metadata_sent(now.at);
    }
}

/// Asks a neighbour that has been silent for long whether it still knows the session.
fn check_liveness(session: &mut Session, side: LegSide, around: &mut Surroundings<'_>) {
    let uuid = session.uuid;
    let Leg::Hop(hop) = session.leg_mut(side) else { return };
    match hop.handshake.liveness(around.now.at) {
        Liveness::Fine => {}
        Liveness::Check { repeated } => {
            let kind = ControlKind::HealthCheck { repeated };
            control::send(around.fabric, around.output, Pair::of(hop), kind, Some(uuid), around.now);
        }
        Liveness::Lost => hop.handshake.retrigger(true, around.now.at),
    }
}
