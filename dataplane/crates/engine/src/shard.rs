//! Which worker a packet belongs to: both directions of a session meet in one.

use quiver_wire::parse::Parsed;

use crate::session::keys::LanKey;
use crate::session::ports::Residue;

/// The worker that owns a packet of the LAN side, unless [`crate::Event::LanSteer`] has said otherwise.
/// Fragments without ports go by their addresses, so that all pieces of one packet meet.
pub fn shard_of_lan(packet: &[u8], count: u8) -> u8 {
    match (count, Parsed::parse(packet)) {
        (0 | 1, _) | (_, Err(_)) => 0,
        (_, Ok(parsed)) => shard_of_key(&key_for_sharding(&parsed), count),
    }
}

/// The worker that owns a packet of a peer: by the port at the own waypoint.
pub fn shard_of_wan(packet: &[u8], count: u8) -> u8 {
    match (count, Parsed::parse(packet)) {
        (0 | 1, _) | (_, Err(_)) => 0,
        (_, Ok(parsed)) => shard_of_port(parsed.dst_port, count),
    }
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
