//! A packet in its hop's form, metadata taken off: opened for a local client or server, or passed on to the next hop.

use quiver_wire::ip::protocol;
use quiver_wire::offload::Segmentation;
use quiver_wire::parse::{Parsed, Transport};
use quiver_wire::tcp::Flags;

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::packet_path::cross::{self, account, observe};
use crate::packet_path::protection::Proof;
use crate::packet_path::to_hop::{self, Surroundings, carrier_and_shield};
use crate::packet_path::{Verdict, adaptive, judge, refusal, to_lan};
use crate::session::entry::{Leg, Mode, Session};
use crate::session::index::LegSide;
use crate::session::table::SessionId;
use crate::session::tcp_state::TcpSignal;
use crate::time::Now;
use crate::transform::overhead::Shield;
use crate::transform::rewrite::{self, Ttl, Tuple};
use crate::transform::shield::{self, Opened};
use crate::transform::{OutputSink, Refusal, encapsulate, tcp_udp};

/// Carries a packet that came in by a hop leg across its session.
pub(crate) fn from_hop(
    engine: &mut Engine,
    (id, side): (SessionId, LegSide),
    packet: &mut Packet,
    now: Now,
) -> Result<Verdict, DropReason> {
    judge::check(engine, id, now)?;
    let parsed = Parsed::parse(packet.bytes()).map_err(refusal::of_wire)?;
    let lan_mtu = engine.fabric.tables.node.lan_mtu;
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    let out = side.other();
    let mut around = Surroundings { fabric: &mut engine.fabric, output: &mut engine.output, now };
    let tuple = match session.leg(out) {
        Leg::Hop(_) => return transit(engine, id, side, packet, &parsed, now),
        Leg::Lan(lan) if out == LegSide::Server => lan.tuple,
        Leg::Lan(lan) => lan.tuple.reversed(),
    };
    let shield = incoming_shield(session, side, packet, &parsed)?;
    let local = Local { tuple, lan_mtu, side, shield };
    let (verdict, signal) = match (session.protocol, parsed.transport) {
        (protocol::TCP, Transport::Tcp) => native_tcp(session, &local, packet, &parsed, &mut around)?,
        (protocol::TCP, _) => shaped_tcp(session, &local, packet, &mut around)?,
        (_, Transport::Udp) => datagrams(session, &local, packet, &mut around)?,
        (_, _) => return Err(DropReason::TransformInvalid),
    };
    if shield == Shield::Sealed && session.security.mode == Mode::Undecided {
        adaptive::seal(session, side, around.output, around.now);
    }
    cross::rearm(engine, id, signal, now);
    if signal == TcpSignal::NewConversation {
        // The ingress opens a new session for a new conversation; a SYN inside an old one is late.
        return Err(DropReason::TcpOutOfState);
    }
    Ok(verdict)
}

/// What a packet of the session is opened into.
struct Local {
    tuple: Tuple,
    lan_mtu: u16,
    /// Where it came in.
    side: LegSide,
    shield: Shield,
}

/// How a packet that came in is protected, and whether its session allows that.
fn incoming_shield(
    session: &mut Session,
    side: LegSide,
    packet: &Packet,
    parsed: &Parsed,
) -> Result<Shield, DropReason> {
    let Leg::Hop(hop) = session.leg(side) else { return Err(DropReason::PathUnknown) };
    let (_, shield) = carrier_and_shield(session, hop);
    if session.protocol != protocol::TCP {
        return Ok(shield);
    }
    let native = parsed.transport == Transport::Tcp;
    let empty = parsed.payload(packet.bytes()).is_empty();
    match (session.security.mode, native) {
        // Late acknowledgements of the time before the session was sealed; whatever does more is not the peer's.
        (Mode::Sealed, true) if !empty || parsed.tcp_flags.0 & OPENING_OR_CLOSING != 0 => {
            Err(DropReason::ClearPayloadOnSealedSession)
        }
        (Mode::Sealed, true) => Ok(Shield::Clear),
        (_, true) if session.security.per_packet => Err(DropReason::IntegrityMissing),
        // UDP where this hop carries clear TCP natively: the other end has decided to seal, and its metadata is late or lost.
        // What opens proves that; until then nothing is decided here.
        (Mode::Undecided, false) if shield == Shield::Clear && !hop.tcp_as_udp => Ok(Shield::Sealed),
        _ => Ok(shield),
    }
}

/// Flags of segments that a sealed session never carries in clear.
const OPENING_OR_CLOSING: u8 = Flags::SYN.0 | Flags::FIN.0 | Flags::RST.0;

/// The first payload that came in clear: the ingress has found it to be TLS, and so must this end. From the server's side nobody may
/// decide so.
fn agree_to_clear(session: &mut Session, local: &Local, payload: &[u8]) -> Result<(), DropReason> {
    if session.security.mode != Mode::Undecided || local.shield == Shield::Sealed || payload.is_empty() {
        return Ok(());
    }
    if local.side == LegSide::Server || !adaptive::is_tls_client_hello(payload) {
        return Err(DropReason::ClearPayloadOnSealedSession);
    }
    session.security.mode = Mode::Clear;
    Ok(())
}

fn native_tcp(
    session: &mut Session,
    local: &Local,
    packet: &mut Packet,
    parsed: &Parsed,
    around: &mut Surroundings<'_>,
) -> Result<(Verdict, TcpSignal), DropReason> {
    agree_to_clear(session, local, parsed.payload(packet.bytes()))?;
    let signal = observe(session, local.side, packet, parsed);
    if signal == TcpSignal::NewConversation {
        return Ok((Verdict::Consumed, signal));
    }
    account(session, local.side, packet.len(), around.output, around.now);
    let verdict = to_lan::send(packet, &local.tuple, local.lan_mtu, around.output)?;
    Ok((verdict, signal))
}

/// TCP that came as UDP: opened, given its shape back, and joined to superpackets where it can be.
fn shaped_tcp(
    session: &mut Session,
    local: &Local,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<(Verdict, TcpSignal), DropReason> {
    if packet.offload.segmentation == Segmentation::None {
        prove_single(session, local, packet, around)?;
        tcp_udp::to_tcp(packet)?;
        let parsed = Parsed::parse(packet.bytes()).map_err(refusal::of_wire)?;
        return native_tcp(session, local, packet, &parsed, around);
    }
    rewrite::rewrite_tuple(packet, &local.tuple, Ttl::Keep)?;
    let mut made = Made { output: around.output, packets: [const { None }; MOST_MADE], count: 0 };
    let mut proof = Proof::incoming(session, local.side, local.shield, around.fabric, around.now)?;
    let opened = tcp_udp::to_segments(packet, &mut proof, &mut made);
    let (packets, failure) = (made.packets, proof.failure());
    if let Err(reason) = count_refused(&opened, failure, around.output) {
        for packet in packets.into_iter().flatten() {
            around.output.recycle(packet);
        }
        return Err(reason);
    }
    let mut last = TcpSignal::Unchanged;
    for packet in packets.into_iter().flatten() {
        if let Ok(parsed) = Parsed::parse(packet.bytes()) {
            if let Err(reason) = agree_to_clear(session, local, parsed.payload(packet.bytes())) {
                around.output.drop(reason);
                around.output.recycle(packet);
                continue;
            }
            let signal = observe(session, local.side, &packet, &parsed);
            last = if signal == TcpSignal::Unchanged { last } else { signal };
        }
        account(session, local.side, packet.len(), around.output, around.now);
        around.output.transmit(packet, Direction::Lan);
    }
    Ok((Verdict::Consumed, last))
}

/// Packets that one superpacket can become: as many as it has datagrams.
const MOST_MADE: usize = 128;

/// Holds packets back until the session has seen them.
struct Made<'a> {
    output: &'a mut Output,
    packets: [Option<Packet>; MOST_MADE],
    count: usize,
}

impl OutputSink for Made<'_> {
    fn take(&mut self) -> Option<Packet> {
        self.output.buffers.take()
    }

    fn put(&mut self, packet: Packet) {
        if let Some(place) = self.packets.get_mut(self.count) {
            *place = Some(packet);
            self.count += 1;
        } else {
            self.output.drop(DropReason::BufferExhausted);
            self.output.recycle(packet);
        }
    }

    fn give_back(&mut self, packet: Packet) {
        self.output.recycle(packet);
    }
}

/// UDP, or what an inserted UDP header carries.
fn datagrams(
    session: &mut Session,
    local: &Local,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<(Verdict, TcpSignal), DropReason> {
    if local.shield != Shield::Clear {
        prove_single(session, local, packet, around)?;
    }
    if session.protocol != protocol::UDP {
        encapsulate::remove(packet, &local.tuple, session.protocol, Ttl::Keep)?;
    }
    account(session, local.side, packet.len(), around.output, around.now);
    let verdict = to_lan::send(packet, &local.tuple, local.lan_mtu, around.output)?;
    Ok((verdict, TcpSignal::Unchanged))
}

/// Takes the protection off in place; bad datagrams of a superpacket are left out and counted.
fn prove_single(
    session: &mut Session,
    local: &Local,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<(), DropReason> {
    if local.shield == Shield::Clear {
        return Ok(());
    }
    let mut proof = Proof::incoming(session, local.side, local.shield, around.fabric, around.now)?;
    let opened = shield::unprotect(packet, &mut proof);
    let failure = proof.failure();
    count_refused(&opened, failure, around.output)
}

fn count_refused(
    opened: &Result<Opened, Refusal>,
    failure: DropReason,
    output: &mut Output,
) -> Result<(), DropReason> {
    match opened {
        Ok(opened) => {
            output.counters.drops.add(failure, u64::from(opened.refused));
            Ok(())
        }
        Err(Refusal::NotAuthentic) => Err(failure),
        Err(other) => Err((*other).into()),
    }
}

/// Passes a packet on to the next router: sealed payload stays sealed, a code per packet is proved and made anew.
fn transit(
    engine: &mut Engine,
    id: SessionId,
    side: LegSide,
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    let Some(session) = engine.sessions.table.get_mut(id) else { return Err(DropReason::SessionClosed) };
    let mut around = Surroundings { fabric: &mut engine.fabric, output: &mut engine.output, now };
    let Leg::Hop(hop) = session.leg(side) else { return Err(DropReason::PathUnknown) };
    let (_, shield) = carrier_and_shield(session, hop);
    if shield == Shield::Integrity {
        if parsed.transport == Transport::Tcp {
            return Err(DropReason::IntegrityMissing);
        }
        let mut proof = Proof::incoming(session, side, shield, around.fabric, now)?;
        let opened = shield::unprotect(packet, &mut proof);
        let failure = proof.failure();
        count_refused(&opened, failure, around.output)?;
    }
    let signal = if session.sees_tcp() && parsed.transport == Transport::Tcp {
        observe(session, side, packet, parsed)
    } else {
        TcpSignal::Unchanged
    };
    account(session, side, packet.len(), around.output, now);
    let verdict = to_hop::send_transit(session, side.other(), packet, &mut around);
    cross::rearm(engine, id, signal, now);
    verdict
}
