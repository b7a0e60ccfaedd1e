//! Resets, in answer to TCP segments that no session is for.

use core::net::IpAddr;
use quiver_wire::bytes::put_u8;
use quiver_wire::ip::protocol::TCP;

use quiver_wire::offload::Offload;
use quiver_wire::tcp::{self, Flags};

use super::layout::{self, Layout};
use super::rewrite::{self, Tuple};
use super::{Family, Refusal, checksum};
use crate::packet::Packet;

/// Makes in `out` the reset that answers `packet`, as if its destination had sent it (RFC 9293 section 3.10.7.1).
///
/// Resets, and segments from or to multicast, are not answered.
pub fn answer(packet: &Packet, out: &mut Packet) -> Result<(), Refusal> {
    let layout = Layout::of(packet.bytes())?;
    let header = layout.tcp_header(packet.bytes())?;
    let addresses = quiver_wire::ip::Packet::new_checked(packet.bytes()).map_err(|_| Refusal::Malformed)?;
    let segment = packet.bytes().get(layout.l4..layout.len).unwrap_or_default();
    let tcp = tcp::Packet::new_checked(segment).map_err(|_| Refusal::Malformed)?;
    let flags = tcp.flags();
    let (client, server) = (addresses.src(), addresses.dst());
    if flags.contains(Flags::RST) || client.is_multicast() || client.is_unspecified() || server.is_multicast()
    {
        return Err(Refusal::NotAnswerable);
    }
    let counted = u32::from(flags.contains(Flags::SYN)) + u32::from(flags.contains(Flags::FIN));
    let end = tcp.seq().wrapping_add((segment.len() - header) as u32).wrapping_add(counted);
    let repr = if flags.contains(Flags::ACK) {
        Fields { seq: tcp.ack(), ack: 0, flags: Flags::RST }
    } else {
        Fields { seq: 0, ack: end, flags: Flags::RST.with(Flags::ACK) }
    };
    let tuple = Tuple { src: server, dst: client, sport: tcp.dst_port(), dport: tcp.src_port() };
    make(out, &tuple, &repr)?;
    out.interface = packet.interface;
    Ok(())
}

/// What a reset says.
#[derive(Clone, Copy, Debug)]
struct Fields {
    seq: u32,
    ack: u32,
    flags: Flags,
}

/// Makes in `out` a reset at a known place of a connection: `seq` is what the receiver of the reset expects next.
pub fn at(tuple: &Tuple, seq: u32, out: &mut Packet) -> Result<(), Refusal> {
    make(out, tuple, &Fields { seq, ack: 0, flags: Flags::RST })
}

/// Makes in `out` a reset that refuses a SYN, which ends before `ack`.
pub fn refuse(tuple: &Tuple, ack: u32, out: &mut Packet) -> Result<(), Refusal> {
    make(out, tuple, &Fields { seq: 0, ack, flags: Flags::RST.with(Flags::ACK) })
}

fn make(out: &mut Packet, tuple: &Tuple, fields: &Fields) -> Result<(), Refusal> {
    let l4 = match (tuple.src, tuple.dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => 20,
        (IpAddr::V6(_), IpAddr::V6(_)) => 40,
        _ => return Err(Refusal::Family),
    };
    out.fill(&[0; 60]);
    out.truncate(l4 + 20);
    out.offload = Offload::default();
    rewrite::put_fresh_header(out.bytes_mut(), tuple, 64);
    let bytes = out.bytes_mut();
    layout::finish_ip(bytes, TCP);
    put_u8(bytes, l4 + 12, 0x50);
    let mut tcp =
        tcp::Packet::new_checked(bytes.get_mut(l4..).unwrap_or_default()).map_err(|_| Refusal::Malformed)?;
    tcp.set_src_port(tuple.sport);
    tcp.set_dst_port(tuple.dport);
    tcp.set_seq(fields.seq);
    tcp.set_ack(fields.ack);
    tcp.set_flags(fields.flags);
    let family = if l4 == 20 { Family::V4 } else { Family::V6 };
    let layout = Layout { family, protocol: TCP, l4, len: bytes.len() };
    checksum::complete(bytes, &layout, l4 + 16);
    Ok(())
}

#[cfg(test)]
mod tests;
