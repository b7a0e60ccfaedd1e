//! A source NAT in front of a waypoint, with the mapping behaviours of RFC 4787.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::collections::BTreeMap;

use quiver_engine::time::Instant;
use quiver_wire::checksum;
use quiver_wire::ip;
use quiver_wire::parse::Parsed;

/// How a NAT chooses the outer port (RFC 4787, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapping {
    /// One outer port per inner address and port.
    EndpointIndependent,
    /// One outer port per inner address and port and destination.
    EndpointDependent,
}

/// A source NAT with one public address. Only replies of those who were sent to come in (address and port dependent filtering).
#[derive(Debug)]
pub struct Nat {
    /// Outer address.
    pub public: IpAddr,
    /// How outer ports are chosen.
    pub mapping: Mapping,
    /// Idle time after which a mapping is gone.
    pub expiry: Duration,
    next_port: u16,
    bindings: BTreeMap<(u8, SocketAddr, Option<SocketAddr>), Binding>,
}

#[derive(Clone, Debug)]
struct Binding {
    port: u16,
    used: Instant,
    contacted: Vec<SocketAddr>,
}

impl Nat {
    /// A NAT that gives ports from 40,000 on.
    pub const fn new(public: IpAddr, mapping: Mapping, expiry: Duration) -> Self {
        Self { public, mapping, expiry, next_port: 40_000, bindings: BTreeMap::new() }
    }

    /// A packet on its way out; `None` when it cannot be mapped.
    pub fn outward(&mut self, packet: &[u8], now: Instant) -> Option<Vec<u8>> {
        let parsed =
            Parsed::parse(packet).ok().filter(|parsed| parsed.src.is_ipv4() == self.public.is_ipv4())?;
        let inner = SocketAddr::new(parsed.src, parsed.src_port);
        let outer = SocketAddr::new(parsed.dst, parsed.dst_port);
        let to = match self.mapping {
            Mapping::EndpointIndependent => None,
            Mapping::EndpointDependent => Some(outer),
        };
        self.expire(now);
        let next_port = &mut self.next_port;
        let binding = self.bindings.entry((parsed.protocol, inner, to)).or_insert_with(|| {
            *next_port += 1;
            Binding { port: *next_port, used: now, contacted: vec![] }
        });
        binding.used = now;
        if !binding.contacted.contains(&outer) {
            binding.contacted.push(outer);
        }
        Some(rewritten(packet, &parsed, (SocketAddr::new(self.public, binding.port), outer)))
    }

    /// A packet on its way in; `None` when nothing is mapped to it.
    pub fn inward(&mut self, packet: &[u8], now: Instant) -> Option<Vec<u8>> {
        let parsed = Parsed::parse(packet).ok()?;
        let outer = SocketAddr::new(parsed.src, parsed.src_port);
        self.expire(now);
        let found = self.bindings.iter().find(|((protocol, _, _), binding)| {
            *protocol == parsed.protocol
                && binding.port == parsed.dst_port
                && binding.contacted.contains(&outer)
        });
        let (_, inner, _) = *found?.0;
        Some(rewritten(packet, &parsed, (outer, inner)))
    }

    /// Loses all mappings, as by a restart; the next ones get other ports.
    pub fn forget(&mut self) {
        self.bindings.clear();
    }

    fn expire(&mut self, now: Instant) {
        let expiry = self.expiry;
        self.bindings.retain(|_, binding| now - binding.used < expiry);
    }
}

fn rewritten(packet: &[u8], parsed: &Parsed, to: (SocketAddr, SocketAddr)) -> Vec<u8> {
    let (src, dst) = to;
    let mut out = packet.to_vec();
    let mut view = ip::Packet::new_checked(&mut out[..]).expect("parsed before");
    view.set_addresses(src.ip(), dst.ip()).expect("families were compared");
    let at = parsed.transport_at;
    out[at..at + 2].copy_from_slice(&src.port().to_be_bytes());
    out[at + 2..at + 4].copy_from_slice(&dst.port().to_be_bytes());
    let parsed = Parsed::parse(&out).expect("addresses and ports do not change the shape");
    checksum::finish(&mut out, &parsed).expect("only packets with ports are mapped");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft;

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn nat(mapping: Mapping) -> Nat {
        Nat::new("198.51.100.9".parse().unwrap(), mapping, Duration::from_secs(30))
    }

    #[test]
    fn a_reply_finds_the_way_back_and_a_stranger_does_not() {
        let mut nat = nat(Mapping::EndpointIndependent);
        let out =
            nat.outward(&craft::udp(at("10.0.0.1:5"), at("192.0.2.2:7"), b"x"), Instant::ORIGIN).unwrap();
        let parsed = Parsed::parse(&out).unwrap();
        let reply = craft::udp(at("192.0.2.2:7"), SocketAddr::new(parsed.src, parsed.src_port), b"y");
        let inside = nat.inward(&reply, Instant::ORIGIN).unwrap();
        assert_eq!(Parsed::parse(&inside).unwrap().dst_port, 5);
        let stranger = craft::udp(at("192.0.2.3:7"), SocketAddr::new(parsed.src, parsed.src_port), b"y");
        assert!(nat.inward(&stranger, Instant::ORIGIN).is_none());
        assert!(nat.inward(&reply, Instant::from_nanos(31_000_000_000)).is_none());
    }

    #[test]
    fn endpoint_dependent_mapping_differs_by_destination() {
        for (mapping, equal) in [(Mapping::EndpointIndependent, true), (Mapping::EndpointDependent, false)] {
            let mut nat = nat(mapping);
            let mut port = |to: &str| {
                let out = nat.outward(&craft::udp(at("10.0.0.1:5"), at(to), b"x"), Instant::ORIGIN).unwrap();
                Parsed::parse(&out).unwrap().src_port
            };
            assert_eq!(port("192.0.2.2:7") == port("192.0.2.3:7"), equal);
        }
    }
}
