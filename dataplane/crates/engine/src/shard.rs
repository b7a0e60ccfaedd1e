//! Which worker a packet belongs to: both directions of a session meet in one.

use quiver_wire::parse::{Parsed, Transport};

use crate::session::keys::LanKey;
use crate::session::ports::Residue;
use crate::session::store::lan_key;
use crate::transform::icmp_error::{self, Quote};

/// The worker that owns a packet of the LAN side, unless [`crate::Event::LanSteer`] has said otherwise.
/// Fragments without ports go by their addresses, so that all pieces of one packet meet.
pub fn shard_of_lan(packet: &[u8], count: u8) -> u8 {
    if count <= 1 {
        return 0;
    }
    match Parsed::parse(packet) {
        Ok(parsed) => shard_of_key(&lan_key_of(packet, &parsed), count),
        Err(_) => 0,
    }
}

/// The worker that owns a packet of a peer: by the port at the own waypoint.
pub fn shard_of_wan(packet: &[u8], count: u8) -> u8 {
    match (count, Parsed::parse(packet)) {
        (0 | 1, _) | (_, Err(_)) => 0,
        (_, Ok(parsed)) => shard_of_port(own_port(packet, &parsed), count),
    }
}

/// The key that a whole packet of the LAN side is found by. An ICMP error belongs to the packet that it is about.
pub fn flow_of_lan(packet: &[u8]) -> Option<LanKey> {
    let parsed = Parsed::parse(packet).ok().filter(|parsed| parsed.fragment.is_none())?;
    Some(lan_key_of(packet, &parsed))
}

fn lan_key_of(packet: &[u8], parsed: &Parsed) -> LanKey {
    match quoted(packet, parsed) {
        Some(quote) => lan_key(quote.protocol, &quote.tuple).reversed(),
        None => key_for_sharding(parsed),
    }
}

/// An error of the network is about a packet that this node has sent.
fn own_port(packet: &[u8], parsed: &Parsed) -> u16 {
    quoted(packet, parsed).map_or(parsed.dst_port, |quote| quote.tuple.sport)
}

fn quoted(packet: &[u8], parsed: &Parsed) -> Option<Quote> {
    (parsed.transport == Transport::IcmpError).then(|| icmp_error::quote_in(packet).ok()).flatten()
}

/// The worker that owns a port of a waypoint.
pub const fn shard_of_port(port: u16, count: u8) -> u8 {
    let residue = Residue { index: 0, count };
    residue.index_of(port)
}

/// The worker that owns packets with this key. The same for both directions.
pub fn shard_of_key(key: &LanKey, count: u8) -> u8 {
    // No secret: every worker of the node must agree, and a collision costs balance, not memory.
    const MIX: u64 = 0x9e37_79b9_7f4a_7c15;
    let end = |address: core::net::IpAddr, port: u16| {
        let bits = match address {
            core::net::IpAddr::V4(v4) => u64::from(v4.to_bits()),
            core::net::IpAddr::V6(v6) => {
                let bits = v6.to_bits();
                (bits >> 64) as u64 ^ (bits as u64).rotate_left(17)
            }
        };
        (bits ^ u64::from(port) << 40).wrapping_mul(MIX)
    };
    let both = end(key.src, key.src_port).wrapping_add(end(key.dst, key.dst_port));
    let mixed = (both ^ both >> 29 ^ u64::from(key.protocol)).wrapping_mul(MIX);
    ((mixed >> 32) % u64::from(count.max(1))) as u8
}

fn key_for_sharding(parsed: &Parsed) -> LanKey {
    let whole = parsed.fragment.is_none();
    LanKey {
        protocol: parsed.protocol,
        src: parsed.src,
        dst: parsed.dst,
        src_port: if whole { parsed.src_port } else { 0 },
        dst_port: if whole { parsed.dst_port } else { 0 },
    }
}
