//! A packet from another router's waypoint.

use core::net::IpAddr;
use core::ops::Range;

use quiver_wire::offload::Segmentation;
use quiver_wire::parse::{Parsed, Transport};

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::Event;
use crate::handshake::Phase;
use crate::message::accept;
use crate::message::control::ControlKind;
use crate::message::{Message, Received};
use crate::packet::Packet;
use crate::packet_path::control::{self, Pair};
use crate::packet_path::sink::Singles;
use crate::packet_path::to_hop::Surroundings;
use crate::packet_path::{
    Verdict, icmp, metadata_only, on_control, open_from_metadata, recover, refusal, through, timeouts,
};
use crate::peering::PathIndex;
use crate::session::entry::{Leg, Role};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::time::Now;
use crate::transform::{metadata, segments};
use quiver_wire::metadata::marker::MARKER;

/// A packet with where it came in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    pub(crate) pair: Pair,
    /// Length as it came in, metadata included.
    pub(crate) length: usize,
}

/// Takes a packet that came to one of our waypoints.
pub(crate) fn handle(engine: &mut Engine, packet: &mut Packet, now: Now) -> Result<Verdict, DropReason> {
    let parsed = Parsed::parse(packet.bytes()).map_err(refusal::of_wire)?;
    segments::join_to_single(packet, parsed.total_len - parsed.payload_at);
    if parsed.fragment.is_some() {
        return Err(DropReason::FragmentRefused);
    }
    match parsed.transport {
        Transport::Tcp | Transport::Udp => {}
        Transport::IcmpError => return icmp::from_wan(engine, packet, now),
        Transport::EchoRequest
        | Transport::EchoReply
        | Transport::IcmpOther
        | Transport::Other
        | Transport::FragmentTail => return Err(DropReason::UnsupportedProtocol),
    }
    let path = engine.fabric.peering.find(parsed.dst, parsed.src).ok_or(DropReason::UnknownPeer)?;
    check_ports(engine, path, &parsed)?;
    if packet.offload.segmentation != Segmentation::None && metadata::is_present(packet)? {
        return apart(engine, packet, now);
    }
    let pair = Pair { path, own_port: parsed.dst_port, peer_port: parsed.src_port };
    let arrival = Arrival { pair, length: packet.len() };
    let found =
        if packet.offload.segmentation == Segmentation::None { metadata::find(packet) } else { Ok(None) };
    match found.map_err(|_| DropReason::MetadataMalformed)? {
        None => plain(engine, packet, arrival, now),
        Some(range) if packet.bytes().get(range.clone()) == Some(&MARKER) => {
            metadata::strip(packet, range)?;
            plain(engine, packet, arrival, now)
        }
        Some(range) => {
            metadata::before_opening(packet)?;
            let received = proved(engine, packet, range.clone(), (arrival, parsed.src), now)?;
            metadata::strip(packet, range.start..range.start + received.length)?;
            metadata::strip_behind(packet, received.trailer)?;
            with_metadata(engine, packet, arrival, received, now)
        }
    }
}

/// The proven message at `range` of a packet from `remote`.
fn proved(
    engine: &mut Engine,
    packet: &mut Packet,
    range: Range<usize>,
    (arrival, remote): (Arrival, IpAddr),
    now: Now,
) -> Result<Received, DropReason> {
    let Pair { path, own_port, .. } = arrival.pair;
    let payload = range.start..packet.len();
    let received = accept::accept(packet, payload, path, own_port, &mut engine.fabric, now);
    let received = received.inspect_err(|reason| {
        if let Some(path) = engine.fabric.peering.path_mut(path) {
            path.credit.earn(arrival.length);
        }
        engine.output.rejection(Event::MetadataRejected { remote, reason: *reason });
    })?;
    engine.output.counters.metadata_in += 1;
    note_peer(engine, path, received.restarted, now);
    Ok(received)
}

fn check_ports(engine: &Engine, path: PathIndex, parsed: &Parsed) -> Result<(), DropReason> {
    let range = engine.fabric.peering.path(path).ok_or(DropReason::PathUnknown)?.range();
    let inside = |port| (range.first..=range.last).contains(&port);
    // The peer's range may differ from ours; that it uses no well-known port is what counts (a reflected answer comes from one).
    if inside(parsed.dst_port) && parsed.src_port >= 1024 { Ok(()) } else { Err(DropReason::UnknownPeer) }
}

/// Receive offload may have joined packets with metadata: each is looked at by itself.
fn apart(engine: &mut Engine, packet: &mut Packet, now: Now) -> Result<Verdict, DropReason> {
    let mut sink = Singles { output: &mut engine.output, packets: Vec::new() };
    let split = segments::split(packet, &mut sink);
    let packets = sink.packets;
    if let Err(refusal) = split {
        for packet in packets {
            engine.output.recycle(packet);
        }
        return Err(refusal.into());
    }
    for mut packet in packets {
        let verdict = handle(engine, &mut packet, now);
        engine.settle(packet, verdict);
    }
    Ok(Verdict::Consumed)
}

fn note_peer(engine: &mut Engine, path: PathIndex, restarted: bool, now: Now) {
    let Some((path, node)) = engine.fabric.peering.path_and_node(path) else { return };
    path.answered();
    if restarted {
        let (router, node) = (node.router.clone(), node.name.clone());
        engine.sweep.start_with_repeats(now.at);
        engine.output.event(Event::PeerRestarted { router, node });
    }
}

/// A packet without metadata: of a known session, or a sign that this node has lost one.
fn plain(
    engine: &mut Engine,
    packet: &mut Packet,
    arrival: Arrival,
    now: Now,
) -> Result<Verdict, DropReason> {
    match session_of(engine, arrival.pair) {
        Some((id, side)) => {
            // Only what proved to be of the session acknowledges anything.
            let verdict = through::from_hop(engine, (id, side), packet, now)
                .inspect_err(|reason| compare_keys(engine, arrival, *reason, now))?;
            if let Some(session) = engine.sessions.table.get_mut(id)
                && let Leg::Hop(hop) = session.leg_mut(side)
            {
                hop.handshake.plain_received(now.at);
            }
            Ok(verdict)
        }
        None => Err(ask_for_metadata(engine, arrival, now)),
    }
}

/// What does not open may be sealed with keys that this end was not told of, or not yet: the neighbour is asked, as for a lost session.
fn compare_keys(engine: &mut Engine, arrival: Arrival, reason: DropReason, now: Now) {
    if matches!(reason, DropReason::PayloadUnauthentic | DropReason::PayloadKeyUnknown) {
        ask_for_metadata(engine, arrival, now);
    }
}

pub(crate) fn session_of(engine: &Engine, pair: Pair) -> Option<(SessionId, LegSide)> {
    let key = engine.fabric.peering.hop_key(pair.path, pair.own_port, pair.peer_port)?;
    engine.sessions.by_hop(&key, pair.path)
}

/// Answers *enable metadata*, as far as the path's credit goes: never more than came in unauthenticated.
pub(crate) fn ask_for_metadata(engine: &mut Engine, arrival: Arrival, now: Now) -> DropReason {
    /// Longest answer: IPv6 and UDP header, metadata header, TLVs 16, 24 and 0x8000; padding, vector and signature.
    const ANSWER: usize = 48 + 12 + 8 + 5 + 34 + 48;
    let pair = arrival.pair;
    let seed = *engine.sessions.seed();
    let Some(key) = engine.fabric.peering.hop_key(pair.path, pair.own_port, pair.peer_port) else {
        return DropReason::PathUnknown;
    };
    let Some(path) = engine.fabric.peering.path_mut(pair.path) else { return DropReason::PathUnknown };
    path.credit.earn(arrival.length);
    if !path.credit.covers(ANSWER) || !engine.fabric.flow_limiter.allow(key.hash(&seed), now.at) {
        return DropReason::UnknownSession;
    }
    if path.credit.spend(ANSWER, now.at).is_err() {
        return DropReason::RateLimited;
    }
    let kind = ControlKind::EnableMetadata;
    control::send(&mut engine.fabric, &mut engine.output, pair, kind, None, now);
    DropReason::UnknownSession
}

fn with_metadata(
    engine: &mut Engine,
    packet: &mut Packet,
    arrival: Arrival,
    received: Received,
    now: Now,
) -> Result<Verdict, DropReason> {
    match received.message {
        Message::Control(message) => on_control::handle(engine, arrival, message, now),
        Message::IcmpError { location, uuid } => {
            icmp::from_hop(engine, packet, arrival, (location, uuid), now)
        }
        Message::Piece { uuid } => piece(engine, packet, arrival, uuid, received.piece, now),
        Message::Forward(forward) => {
            let id = open_from_metadata::forward(engine, arrival.pair, &forward, now)?;
            if received.metadata_only {
                confirm(engine, id, LegSide::Client, now)?;
                pass_on(engine, id, LegSide::Server, now)?;
                return Ok(Verdict::Consumed);
            }
            through::from_hop(engine, (id, LegSide::Client), packet, now)
        }
        Message::Reverse(reverse) => {
            let id = recover::reverse(engine, arrival.pair, &reverse, now)?;
            if received.metadata_only {
                pass_on(engine, id, LegSide::Client, now)?;
                return Ok(Verdict::Consumed);
            }
            through::from_hop(engine, (id, LegSide::Server), packet, now)
        }
    }
}

/// Metadata that came by itself is answered by itself: what follows it carries none and would be taken for an acknowledgement.
fn confirm(engine: &mut Engine, id: SessionId, side: LegSide, now: Now) -> Result<(), DropReason> {
    let Some(session) = engine.sessions.table.get_mut(id) else { return Ok(()) };
    let mut around = Surroundings { fabric: &mut engine.fabric, output: &mut engine.output, now };
    metadata_only::send(session, side, &mut around)
}

/// A transit router whose own metadata is due has no packet for it to ride on either.
fn pass_on(engine: &mut Engine, id: SessionId, side: LegSide, now: Now) -> Result<(), DropReason> {
    let due = engine.sessions.table.get(id).is_some_and(|session| match session.leg(side) {
        Leg::Hop(hop) => session.role() == Role::Transit && hop.handshake.phase() != Phase::Established,
        Leg::Lan(_) => false,
    });
    if due { confirm(engine, id, side, now) } else { Ok(()) }
}

fn piece(
    engine: &mut Engine,
    packet: &mut Packet,
    arrival: Arrival,
    uuid: crate::event::SessionUuid,
    info: Option<quiver_wire::metadata::path::FragmentInfo>,
    now: Now,
) -> Result<Verdict, DropReason> {
    let Some((id, _)) = session_of(engine, arrival.pair) else {
        return Err(ask_for_metadata(engine, arrival, now));
    };
    if engine.sessions.table.get(id).is_none_or(|session| session.uuid != uuid) {
        return Err(DropReason::SessionIdMismatch);
    }
    let info = info.ok_or(DropReason::MetadataIncomplete)?;
    let mut spare = engine.output.buffer()?;
    let whole = engine.assembly.add_svr(packet, arrival.pair.path, &info, &mut spare, now.at);
    engine.output.recycle(spare);
    timeouts::count_incomplete(engine);
    if whole? { plain(engine, packet, arrival, now) } else { Ok(Verdict::Consumed) }
}
