//! A UDP header around ICMP echo and protocols without ports, for the way over a hop (`docs/protocol.md` section 3).
//!
//! The original L4 bytes stay as they are behind the UDP header; which protocol they are of is known from the session.

use quiver_wire::bytes::{put_u8, put_u16, u8_at};
use quiver_wire::ip::protocol::{ICMP, ICMPV6, TCP, UDP};
use quiver_wire::offload::Offload;

use super::layout::{self, Layout};
use super::rewrite::{self, Ttl, Tuple};
use super::{Family, Refusal, checksum};
use crate::packet::{MAX_PACKET, Packet};

/// Puts a UDP header with the hop's addresses and ports in front of the L4 bytes; returns the protocol they are of.
///
/// The inner checksum is verified first: the far end makes it anew, and must not make a wrong one right.
pub fn insert(packet: &mut Packet, hop: &Tuple, ttl: Ttl) -> Result<u8, Refusal> {
    layout::single(packet)?;
    let inner = layout::admit(packet)?;
    if matches!(inner.protocol, TCP | UDP) {
        return Err(Refusal::Protocol);
    }
    checksum::finish(packet)?;
    checksum::verify(packet, &inner)?;
    if packet.len() + 8 + 20 > MAX_PACKET {
        return Err(Refusal::TooLong);
    }
    let outer = rewrite::replace_ip(packet, &inner, hop, inner.protocol, ttl)?;
    if !packet.insert(outer.l4, 8) {
        return Err(Refusal::NoRoom);
    }
    let bytes = packet.bytes_mut();
    put_u16(bytes, outer.l4, hop.sport);
    put_u16(bytes, outer.l4 + 2, hop.dport);
    layout::finish_udp(packet, outer.l4);
    Ok(inner.protocol)
}

/// Takes the UDP header off again: what was behind it becomes the L4 bytes of a packet of `protocol` with the tuple's addresses.
///
/// `protocol` is the one the packet had when the header was inserted. Of ICMP only echo is taken; it gets the tuple's
/// identifier and, where the tuple is of the other family, that family's types. Its checksum is made anew.
pub fn remove(packet: &mut Packet, tuple: &Tuple, protocol: u8, ttl: Ttl) -> Result<(), Refusal> {
    layout::single(packet)?;
    let outer = layout::admit(packet)?;
    outer.udp(packet.bytes())?;
    checksum::verify(packet, &outer)?;
    let echo = match protocol {
        TCP | UDP => return Err(Refusal::Protocol),
        ICMP | ICMPV6 => Some(echo_in(packet.bytes(), &outer, protocol, tuple)?),
        _ => None,
    };
    let new_protocol = echo.as_ref().map_or(protocol, |echo| echo.protocol);
    let new = rewrite::replace_ip(packet, &outer, tuple, new_protocol, ttl)?;
    if !packet.remove(new.l4, 8) {
        return Err(Refusal::Malformed);
    }
    packet.offload = Offload::default();
    let bytes = packet.bytes_mut();
    layout::finish_ip(bytes, new_protocol);
    if let Some(echo) = echo {
        put_u8(bytes, new.l4, echo.kind);
        put_u16(bytes, new.l4 + 4, echo.identifier);
        let layout = Layout { len: bytes.len(), ..new };
        checksum::complete(bytes, &layout, new.l4 + 2);
    }
    Ok(())
}

struct Echo {
    protocol: u8,
    kind: u8,
    identifier: u16,
}

fn echo_in(bytes: &[u8], outer: &Layout, protocol: u8, tuple: &Tuple) -> Result<Echo, Refusal> {
    if outer.l4_len() < 16 {
        return Err(Refusal::Malformed);
    }
    let kind = u8_at(bytes, outer.l4 + 8);
    let (is_request, code) = match (protocol, kind) {
        (ICMP, 8) | (ICMPV6, 128) => (true, u8_at(bytes, outer.l4 + 9)),
        (ICMP, 0) | (ICMPV6, 129) => (false, u8_at(bytes, outer.l4 + 9)),
        _ => return Err(Refusal::Protocol),
    };
    if code != 0 {
        return Err(Refusal::Protocol);
    }
    let identifier = if is_request { tuple.sport } else { tuple.dport };
    let (protocol, kind) = match (tuple.family()?, is_request) {
        (Family::V4, true) => (ICMP, 8),
        (Family::V4, false) => (ICMP, 0),
        (Family::V6, true) => (ICMPV6, 128),
        (Family::V6, false) => (ICMPV6, 129),
    };
    Ok(Echo { protocol, kind, identifier })
}

#[cfg(test)]
mod tests;
