//! A packet from a local client or server.

use quiver_wire::ip::protocol;
use quiver_wire::parse::{Parsed, Transport};
use quiver_wire::tcp::Flags;

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::packet::Packet;
use crate::packet_path::{Verdict, cross, icmp, open_ingress, refusal, timeouts};
use crate::session::keys::LanKey;
use crate::time::Now;
use crate::transform::segments;

/// Finds the packet's session, or opens one, and sends the packet on.
pub(crate) fn handle(engine: &mut Engine, packet: &mut Packet, now: Now) -> Result<Verdict, DropReason> {
    let parsed = Parsed::parse(packet.bytes()).map_err(refusal::of_wire)?;
    segments::join_to_single(packet, parsed.total_len - parsed.payload_at);
    if parsed.fragment.is_some() {
        let mut spare = engine.output.buffer()?;
        let whole = engine.assembly.add_ip(packet, &parsed, &mut spare, now.at);
        engine.output.recycle(spare);
        timeouts::count_incomplete(engine);
        if !whole? {
            return Ok(Verdict::Consumed);
        }
        if engine.fabric.shard.count > 1 {
            return to_owner(engine, packet);
        }
        let parsed = Parsed::parse(packet.bytes()).map_err(refusal::of_wire)?;
        return handle_whole(engine, packet, &parsed, now);
    }
    handle_whole(engine, packet, &parsed, now)
}

/// The pieces of a packet meet in the worker of its addresses, as the later ones have no ports; its session may be another's.
fn to_owner(engine: &mut Engine, packet: &mut Packet) -> Result<Verdict, DropReason> {
    let spare = engine.output.buffer()?;
    engine.output.sort(core::mem::replace(packet, spare));
    Ok(Verdict::Consumed)
}

fn handle_whole(
    engine: &mut Engine,
    packet: &mut Packet,
    parsed: &Parsed,
    now: Now,
) -> Result<Verdict, DropReason> {
    match parsed.transport {
        Transport::IcmpError => return icmp::from_lan(engine, packet, parsed, now),
        Transport::IcmpOther => return Err(DropReason::IcmpUnsolicited),
        Transport::FragmentTail => return Err(DropReason::FragmentRefused),
        Transport::Tcp
        | Transport::Udp
        | Transport::EchoRequest
        | Transport::EchoReply
        | Transport::Other => {}
    }
    let key = key_of(parsed);
    match engine.sessions.by_lan(&key) {
        Some(found) => cross::from_lan(engine, found, packet, parsed, now),
        None => open_ingress::open(engine, packet, parsed, now),
    }
}

/// The key a packet's session is found by.
pub(crate) fn key_of(parsed: &Parsed) -> LanKey {
    LanKey {
        protocol: parsed.protocol,
        src: parsed.src,
        dst: parsed.dst,
        src_port: parsed.src_port,
        dst_port: parsed.dst_port,
    }
}

/// Whether a packet asks for a new TCP connection.
pub(crate) fn is_opening(parsed: &Parsed) -> bool {
    parsed.protocol == protocol::TCP
        && parsed.tcp_flags.contains(Flags::SYN)
        && !parsed.tcp_flags.contains(Flags::ACK)
}
