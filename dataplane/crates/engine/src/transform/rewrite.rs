//! Addresses and ports, also from one IP family to the other.

use core::net::IpAddr;
use quiver_wire::bytes::{put_slice, put_u8, put_u16, u8_at, u16_at};
use quiver_wire::ip::protocol::{ICMP, ICMPV6, TCP, UDP};

use quiver_wire::offload::Checksum;

use super::layout::{self, Layout};
use super::{Family, Refusal, checksum};
use crate::packet::{MAX_PACKET, Packet};

/// Addresses and ports of one direction. ICMP echo has its identifier as both ports, other protocols have 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tuple {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
}

impl Tuple {
    /// The tuple of the opposite direction.
    pub const fn reversed(&self) -> Self {
        Self { src: self.dst, dst: self.src, sport: self.dport, dport: self.sport }
    }

    /// The family of both addresses.
    pub const fn family(&self) -> Result<Family, Refusal> {
        match (self.src, self.dst) {
            (IpAddr::V4(_), IpAddr::V4(_)) => Ok(Family::V4),
            (IpAddr::V6(_), IpAddr::V6(_)) => Ok(Family::V6),
            _ => Err(Refusal::Family),
        }
    }
}

/// What happens to TTL and hop limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ttl {
    /// It stays: the kernel has decremented it, or will.
    #[default]
    Keep,
    /// One less; a packet whose last it was is refused.
    Decrement,
}

impl Ttl {
    fn apply(self, ttl: u8) -> Result<u8, Refusal> {
        match self {
            Self::Keep => Ok(ttl),
            Self::Decrement if ttl <= 1 => Err(Refusal::TtlExpired),
            Self::Decrement => Ok(ttl - 1),
        }
    }
}

/// Gives the packet other addresses and ports, of either family; DSCP, ECN and TTL are carried over, a finished checksum
/// is updated (RFC 1624), a partial one stays partial.
///
/// An ICMP echo gets `sport` (request) or `dport` (reply) as its identifier and the message type of the new family (RFC 7915
/// section 4.2). Other ICMP is refused; other protocols get addresses only.
pub fn rewrite_tuple(packet: &mut Packet, tuple: &Tuple, ttl: Ttl) -> Result<(), Refusal> {
    let layout = layout::admit(packet)?;
    match layout.protocol {
        TCP => rewrite_ports(packet, &layout, tuple, ttl, 20),
        UDP => rewrite_ports(packet, &layout, tuple, ttl, 8),
        ICMP | ICMPV6 => rewrite_echo(packet, &layout, tuple, ttl),
        protocol => replace_ip(packet, &layout, tuple, protocol, ttl).map(|_| ()),
    }
}

fn rewrite_ports(
    packet: &mut Packet,
    old: &Layout,
    tuple: &Tuple,
    ttl: Ttl,
    shortest: usize,
) -> Result<(), Refusal> {
    if old.l4_len() < shortest {
        return Err(Refusal::Malformed);
    }
    let ports = packet.bytes().get(old.l4..old.l4 + 4).map(checksum::of).unwrap_or_default();
    let before = checksum::add(checksum::of(old.addresses(packet.bytes())), ports);
    let new = replace_ip(packet, old, tuple, old.protocol, ttl)?;
    let at = new.checksum_at().ok_or(Refusal::Protocol)?;
    let state = packet.offload.checksum;
    let bytes = packet.bytes_mut();
    put_u16(bytes, new.l4, tuple.sport);
    put_u16(bytes, new.l4 + 2, tuple.dport);
    let check = u16_at(bytes, at);
    match state {
        Checksum::Partial => put_pseudo(packet, &new, at),
        Checksum::Complete | Checksum::Verified if new.protocol == UDP && check == 0 => {
            // RFC 8200 section 8.1: IPv6 wants the UDP checksum that the IPv4 sender left out.
            if (old.family, new.family) == (Family::V4, Family::V6) {
                put_pseudo(packet, &new, at);
            }
        }
        Checksum::Complete | Checksum::Verified => {
            let after =
                checksum::add(checksum::of(new.addresses(bytes)), checksum::add(tuple.sport, tuple.dport));
            let check = checksum::update(check, before, after);
            put_u16(bytes, at, if check == 0 && new.protocol == UDP { 0xffff } else { check });
        }
    }
    Ok(())
}

fn put_pseudo(packet: &mut Packet, layout: &Layout, at: usize) {
    packet.offload.checksum = Checksum::Partial;
    let bytes = packet.bytes_mut();
    let pseudo = layout.pseudo(bytes, layout.protocol, layout.l4_len());
    put_u16(bytes, at, pseudo);
}

/// Echo request and reply: types of ICMP and `ICMPv6`.
const ECHO: [(u8, u8); 2] = [(8, 128), (0, 129)];

fn rewrite_echo(packet: &mut Packet, old: &Layout, tuple: &Tuple, ttl: Ttl) -> Result<(), Refusal> {
    let (kind, code) = (u8_at(packet.bytes(), old.l4), u8_at(packet.bytes(), old.l4 + 1));
    let pair = ECHO.iter().find(|(v4, v6)| kind == if old.protocol == ICMP { *v4 } else { *v6 });
    let (Some(&(v4, v6)), 0) = (pair, code) else { return Err(Refusal::Protocol) };
    if old.l4_len() < 8 {
        return Err(Refusal::Malformed);
    }
    checksum::finish(packet)?;
    let (protocol, kind) = match tuple.family()? {
        Family::V4 => (ICMP, v4),
        Family::V6 => (ICMPV6, v6),
    };
    let before = checksum::add(old.pseudo_if_covered(packet.bytes()), sum_of_echo(packet.bytes(), old.l4));
    let new = replace_ip(packet, old, tuple, protocol, ttl)?;
    let bytes = packet.bytes_mut();
    put_u8(bytes, new.l4, kind);
    put_u16(bytes, new.l4 + 4, if v4 == 8 { tuple.sport } else { tuple.dport });
    let after = checksum::add(new.pseudo_if_covered(bytes), sum_of_echo(bytes, new.l4));
    let check = checksum::update(u16_at(bytes, new.l4 + 2), before, after);
    put_u16(bytes, new.l4 + 2, check);
    Ok(())
}

/// Sum of an echo's type, code and identifier.
fn sum_of_echo(bytes: &[u8], l4: usize) -> u16 {
    checksum::add(u16_at(bytes, l4), u16_at(bytes, l4 + 4))
}

/// Replaces the IP header by one of the tuple's family, with its addresses and `protocol`; nothing behind it changes.
pub(super) fn replace_ip(
    packet: &mut Packet,
    layout: &Layout,
    tuple: &Tuple,
    protocol: u8,
    ttl: Ttl,
) -> Result<Layout, Refusal> {
    let family = tuple.family()?;
    let ttl = ttl.apply(hop_limit(packet.bytes(), layout.family))?;
    match (layout.family, family) {
        (Family::V4, Family::V6) => {
            let class = u8_at(packet.bytes(), 1);
            if packet.len() + 20 > MAX_PACKET {
                return Err(Refusal::TooLong);
            }
            if !packet.grow_front(20) {
                return Err(Refusal::NoRoom);
            }
            put_slice(packet.bytes_mut(), 0, &fresh_ipv6(class));
        }
        (Family::V6, Family::V4) => {
            let class = (u16_at(packet.bytes(), 0) >> 4) as u8;
            packet.shrink_front(20);
            put_slice(packet.bytes_mut(), 0, &fresh_ipv4(class));
        }
        (Family::V4, Family::V4) | (Family::V6, Family::V6) => {}
    }
    let bytes = packet.bytes_mut();
    put_addresses(bytes, tuple);
    put_u8(bytes, hop_limit_at(family), ttl);
    layout::finish_ip(bytes, protocol);
    Ok(Layout { family, protocol, l4: usize::from(family.header_len()), len: bytes.len() })
}

/// RFC 7915 section 4.1: traffic class from the type of service, no flow label.
const fn fresh_ipv6(class: u8) -> [u8; 40] {
    let mut header = [0; 40];
    header[0] = 0x60 | (class >> 4);
    header[1] = class << 4;
    header
}

/// RFC 7915 section 5.1: type of service from the traffic class; atomic (RFC 6864 section 4.1): DF set, identification 0.
const fn fresh_ipv4(class: u8) -> [u8; 20] {
    let mut header = [0; 20];
    header[0] = 0x45;
    header[1] = class;
    header[6] = 0x40;
    header
}

/// Writes a whole IP header for the tuple's addresses, with the given TTL; protocol and lengths are still to be written.
pub(super) fn put_fresh_header(bytes: &mut [u8], tuple: &Tuple, ttl: u8) {
    match tuple.src {
        IpAddr::V4(_) => {
            put_slice(bytes, 0, &fresh_ipv4(0));
            put_u8(bytes, hop_limit_at(Family::V4), ttl);
        }
        IpAddr::V6(_) => {
            put_slice(bytes, 0, &fresh_ipv6(0));
            put_u8(bytes, hop_limit_at(Family::V6), ttl);
        }
    }
    put_addresses(bytes, tuple);
}

fn put_addresses(bytes: &mut [u8], tuple: &Tuple) {
    for (address, at) in [(tuple.src, 0), (tuple.dst, 1)] {
        match address {
            IpAddr::V4(v4) => put_slice(bytes, 12 + at * 4, &v4.octets()),
            IpAddr::V6(v6) => put_slice(bytes, 8 + at * 16, &v6.octets()),
        }
    }
}

const fn hop_limit_at(family: Family) -> usize {
    match family {
        Family::V4 => 8,
        Family::V6 => 7,
    }
}

fn hop_limit(bytes: &[u8], family: Family) -> u8 {
    u8_at(bytes, hop_limit_at(family))
}

#[cfg(test)]
mod tests;
