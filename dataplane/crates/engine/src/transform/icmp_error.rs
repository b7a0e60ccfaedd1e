//! ICMP errors about rewritten packets, translated to speak of the packet as the other leg knows it.

use core::net::IpAddr;
use quiver_wire::bytes::{put_slice, put_u8, put_u16, u8_at, u16_at};
use quiver_wire::ip::protocol::{ICMP, ICMPV6, TCP, UDP};

use quiver_wire::icmp;
use quiver_wire::parse::{Parsed, Transport};

use super::icmp_mapping::Message;
use super::layout::{self, Layout};
use super::rewrite::{self, Tuple};
use super::{Family, Refusal, checksum, icmp_reply};
use crate::packet::Packet;

/// Longest IP header with an ICMP header, the quoted IP header and as much as fits behind.
const LONGEST: usize = 1280;

/// What a received ICMP error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Addresses and ports of the quoted packet, as it was sent. An echo has its identifier as both ports.
    pub tuple: Tuple,
    /// Protocol of the quoted packet.
    pub protocol: u8,
    /// MTU of the link it did not fit, when that is what the error says; 0 from routers older than RFC 1191.
    pub mtu: Option<u32>,
}

/// What an ICMP error is to be turned into.
#[derive(Clone, Copy, Debug)]
pub struct Translation {
    /// Who sends the translated error, and to whom.
    pub src: IpAddr,
    /// The sender of the packet that the error is about.
    pub dst: IpAddr,
    /// The quoted packet as the receiver of the error sent it.
    pub quoted: Tuple,
}

/// Reads what an ICMP error is about. Anything else is refused as [`Refusal::Protocol`].
pub fn quote(packet: &Packet) -> Result<Quote, Refusal> {
    layout::single(packet)?;
    quote_in(packet.bytes())
}

/// The same of a packet's bytes.
pub fn quote_in(bytes: &[u8]) -> Result<Quote, Refusal> {
    let (_, view, start) = open(bytes)?;
    let range = view.quoted().ok_or(Refusal::Protocol)?;
    let quoted = bytes.get(start + range.start..start + range.end).unwrap_or_default();
    let parsed = parse_quoted(quoted)?;
    let tuple = Tuple { src: parsed.src, dst: parsed.dst, sport: parsed.src_port, dport: parsed.dst_port };
    Ok(Quote { tuple, protocol: parsed.protocol, mtu: view.next_hop_mtu() })
}

/// Turns an ICMP error about a packet of one leg into the one about the packet of the other leg, in either family (RFC 7915
/// sections 4.2 and 5.2). Extensions (RFC 4884) are dropped; redirects, source quench and what has no counterpart are refused.
pub fn translate(packet: &mut Packet, to: &Translation) -> Result<(), Refusal> {
    let outer = Tuple { src: to.src, dst: to.dst, sport: 0, dport: 0 };
    let family = outer.family()?;
    if to.quoted.family()? != family {
        return Err(Refusal::Family);
    }
    layout::single(packet)?;
    let (layout, view, start) = open(packet.bytes())?;
    checksum::verify(packet, &layout)?;
    let range = view.quoted().ok_or(Refusal::Protocol)?;
    let message = Message::of(layout.family, &view, packet.bytes().get(start..).unwrap_or_default());
    let message = message.to(layout.family, family)?;
    let quoted = packet.bytes().get(start + range.start..start + range.end).unwrap_or_default();
    let mut made = [0; LONGEST];
    let l4 = usize::from(family.header_len());
    message.put(family, made.get_mut(l4..).unwrap_or_default());
    let inner = made.get_mut(l4 + icmp::HEADER_LEN..icmp_reply::longest(family)).unwrap_or_default();
    let len = l4 + icmp::HEADER_LEN + put_quoted(inner, quoted, to, family)?;
    let interface = packet.interface;
    packet.fill(made.get(..len).unwrap_or_default());
    packet.interface = interface;
    icmp_reply::finish(packet, &outer, family);
    Ok(())
}

fn open(bytes: &[u8]) -> Result<(Layout, icmp::Packet<&[u8]>, usize), Refusal> {
    let layout = Layout::of(bytes)?;
    match (layout.family, layout.protocol) {
        (Family::V4, ICMP) | (Family::V6, ICMPV6) => {}
        _ => return Err(Refusal::Protocol),
    }
    let message = bytes.get(layout.l4..layout.len).unwrap_or_default();
    let view = icmp::Packet::new_checked(layout.family.version(), message).map_err(|_| Refusal::Malformed)?;
    Ok((layout, view, layout.l4))
}

fn parse_quoted(quoted: &[u8]) -> Result<Parsed, Refusal> {
    let parsed = Parsed::parse_quoted(quoted).map_err(|_| Refusal::Malformed)?;
    match parsed.transport {
        Transport::FragmentTail => Err(Refusal::Fragment),
        // An error about an error is never sent, so there is none to translate.
        Transport::IcmpError | Transport::IcmpOther => Err(Refusal::Protocol),
        Transport::Tcp
        | Transport::Udp
        | Transport::EchoRequest
        | Transport::EchoReply
        | Transport::Other => Ok(parsed),
    }
}

/// Writes the quoted packet as the other leg knows it into `room`, as far as it goes; returns how far.
fn put_quoted(room: &mut [u8], quoted: &[u8], to: &Translation, family: Family) -> Result<usize, Refusal> {
    let parsed = parse_quoted(quoted)?;
    let old = quoted.get(parsed.transport_at..).unwrap_or_default();
    let whole = parsed.total_len.saturating_sub(parsed.transport_at);
    let l4 = usize::from(family.header_len());
    let (class, ttl) = match Family::from(parsed.version) {
        Family::V4 => (u8_at(quoted, 1), u8_at(quoted, 8)),
        Family::V6 => ((u16_at(quoted, 0) >> 4) as u8, u8_at(quoted, 7)),
    };
    rewrite::put_fresh_header(room, &to.quoted, ttl);
    match family {
        Family::V4 => put_u8(room, 1, class),
        Family::V6 => put_u16(room, 0, 0x6000 | u16::from(class) << 4),
    }
    let segment = room.get_mut(l4..).unwrap_or_default();
    let len = old.len().min(segment.len());
    put_slice(segment, 0, old.get(..len).unwrap_or_default());
    let protocol = match parsed.protocol {
        TCP | UDP => {
            put_ports(segment, &parsed, &to.quoted, len);
            parsed.protocol
        }
        ICMP | ICMPV6 => put_echo(segment, &to.quoted, family)?,
        other => other,
    };
    put_total(room, l4 + whole, protocol);
    Ok(l4 + len)
}

/// Gives a quoted TCP or UDP header, of which `len` bytes are there, its ports, and brings its checksum up to date if that is there.
fn put_ports(room: &mut [u8], parsed: &Parsed, tuple: &Tuple, len: usize) {
    let sum =
        |src, dst, ports: [u16; 2]| checksum::add(sum_addresses(src, dst), checksum::add(ports[0], ports[1]));
    let before = sum(parsed.src, parsed.dst, [u16_at(room, 0), u16_at(room, 2)]);
    let after = sum(tuple.src, tuple.dst, [tuple.sport, tuple.dport]);
    put_u16(room, 0, tuple.sport);
    put_u16(room, 2, tuple.dport);
    let at = if parsed.protocol == TCP { 16 } else { 6 };
    let check = u16_at(room, at);
    if len >= at + 2 && !(parsed.protocol == UDP && check == 0) {
        put_u16(room, at, checksum::update(check, before, after));
    }
}

/// Gives a quoted echo its identifier and the type of its family; its checksum is left wrong across families, as nobody checks it.
fn put_echo(room: &mut [u8], tuple: &Tuple, family: Family) -> Result<u8, Refusal> {
    let is_request = match u8_at(room, 0) {
        8 | 128 => true,
        0 | 129 => false,
        _ => return Err(Refusal::Protocol),
    };
    let (protocol, kind) = match (family, is_request) {
        (Family::V4, true) => (ICMP, 8),
        (Family::V4, false) => (ICMP, 0),
        (Family::V6, true) => (ICMPV6, 128),
        (Family::V6, false) => (ICMPV6, 129),
    };
    let before = checksum::add(u16_at(room, 0), u16_at(room, 4));
    put_u8(room, 0, kind);
    put_u16(room, 4, if is_request { tuple.sport } else { tuple.dport });
    let after = checksum::add(u16_at(room, 0), u16_at(room, 4));
    put_u16(room, 2, checksum::update(u16_at(room, 2), before, after));
    Ok(protocol)
}

fn sum_addresses(src: IpAddr, dst: IpAddr) -> u16 {
    checksum::add(quiver_wire::checksum::sum_address(src), quiver_wire::checksum::sum_address(dst))
}

/// Writes length, protocol and header checksum of a packet that is `total` bytes long, of which `bytes` holds the beginning.
fn put_total(bytes: &mut [u8], total: usize, protocol: u8) {
    layout::finish_ip(bytes, protocol);
    if u8_at(bytes, 0) >> 4 == 4 {
        put_u16(bytes, 2, total as u16);
        put_u16(bytes, 10, 0);
        let check = !checksum::of(bytes.get(..20).unwrap_or_default());
        put_u16(bytes, 10, check);
    } else {
        put_u16(bytes, 4, total.saturating_sub(40) as u16);
    }
}

#[cfg(test)]
mod tests;
