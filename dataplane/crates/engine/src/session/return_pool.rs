//! Source addresses and ports towards local servers, whose replies then find this engine.
//!
//! The pool keeps no list of what is in use: the flow index knows. That makes a restarted egress free to take a former decision
//! again ([`ReturnPool::contains`]), while new decisions keep away from the former ones: the start of the search is
//! rotated by the boot id. A server may still hold a connection of the engine's former life.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Prefix;

use super::keys::HashSeed;

#[cfg(test)]
mod tests;

/// Addresses tried with the client's own port. Enough to meet one that hashes to a given one of 64 workers (98 %).
const ADDRESS_PROBES: u64 = 256;
/// Other ports tried after that.
const PORT_PROBES: u64 = 256;
/// Ports below are of another class for servers; a port is replaced by one of its class (RFC 4787 REQ-3).
const FIRST_UNPRIVILEGED: u16 = 1024;

/// Source address and port of one session towards its server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReturnBinding {
    /// Source address.
    pub address: IpAddr,
    /// Source port; 0 for protocols without ports.
    pub port: u16,
}

/// What a binding is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct ReturnRequest {
    /// The client's address: sessions of one client come from one address where possible.
    pub client: IpAddr,
    /// The client's port (identifier of an ICMP echo), kept where possible. `None` for protocols without ports.
    pub client_port: Option<u16>,
    /// The server; the binding is of its family.
    pub target: IpAddr,
}

/// Neither an address with the client's port nor another port was found free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no free source address and port in the return pool")]
pub struct ReturnPoolExhausted;

/// The prefixes of the return pool.
pub struct ReturnPool {
    spans: Vec<Span>,
    seed: HashSeed,
    boot: u64,
}

impl ReturnPool {
    /// A pool over `prefixes`. `seed` must not be the one of a flow index, as the addresses it picks can be seen.
    pub fn new(prefixes: &[Prefix], seed: HashSeed, boot: u64) -> Self {
        Self { spans: prefixes.iter().map(|prefix| Span::usable(*prefix)).collect(), seed, boot }
    }

    /// Picks a binding that `is_free`. Of those, one that `is_preferred` (its replies reach this worker) is taken before
    /// one that keeps the client's port, and that before any other.
    pub fn pick(
        &self,
        request: &ReturnRequest,
        mut is_free: impl FnMut(ReturnBinding) -> bool,
        mut is_preferred: impl FnMut(ReturnBinding) -> bool,
    ) -> Result<ReturnBinding, ReturnPoolExhausted> {
        let mut second_best = None;
        for candidate in self.candidates(request) {
            let preferred = is_preferred(candidate);
            if (preferred || second_best.is_none()) && is_free(candidate) {
                if preferred {
                    return Ok(candidate);
                }
                second_best = Some(candidate);
            }
        }
        second_best.ok_or(ReturnPoolExhausted)
    }

    /// Whether an address is one that [`Self::pick`] could pick.
    pub fn contains(&self, address: IpAddr) -> bool {
        let bits = bits_of(address);
        self.spans.iter().any(|span| {
            span.is_v4 == address.is_ipv4()
                && bits >= span.first
                && bits - span.first < u128::from(span.count)
        })
    }

    /// Addresses of a family there are.
    pub fn capacity(&self, v4: bool) -> u64 {
        self.spans
            .iter()
            .filter(|span| span.is_v4 == v4)
            .fold(0, |sum: u64, span| sum.saturating_add(span.count))
    }

    fn candidates(&self, request: &ReturnRequest) -> impl Iterator<Item = ReturnBinding> {
        let v4 = request.target.is_ipv4();
        let total = self.capacity(v4);
        let by_client = self.seed.words(&[self.boot, self.seed.address(request.client)]);
        let port = request.client_port.unwrap_or(0);
        let others = if request.client_port.is_some() { PORT_PROBES } else { 0 };
        let by_flow = self.seed.words(&[by_client, self.seed.address(request.target), u64::from(port)]);
        let same_port = (0..total.min(ADDRESS_PROBES)).map(move |n| (n, port));
        let other_port =
            (0..others).map(move |n| (n % total.max(1), replacement(port, by_flow.wrapping_add(n))));
        same_port.chain(other_port).filter_map(move |(n, port)| {
            let start = by_client.checked_rem(total)?;
            let n = (u128::from(start) + u128::from(n)) % u128::from(total);
            Some(ReturnBinding { address: self.address(v4, n as u64)?, port })
        })
    }

    fn address(&self, v4: bool, mut n: u64) -> Option<IpAddr> {
        for span in self.spans.iter().filter(|span| span.is_v4 == v4) {
            if n < span.count {
                let bits = span.first + u128::from(n);
                return Some(if v4 {
                    Ipv4Addr::from_bits(bits as u32).into()
                } else {
                    Ipv6Addr::from_bits(bits).into()
                });
            }
            n -= span.count;
        }
        None
    }
}

/// Usable addresses of a prefix.
struct Span {
    is_v4: bool,
    first: u128,
    count: u64,
}

impl Span {
    /// Without the addresses that hosts may take for something else: network and broadcast address (IPv4 longer than /30 has none,
    /// RFC 3021), subnet-router anycast (RFC 4291 2.6.1) and the 128 reserved anycast addresses (RFC 2526).
    fn usable(prefix: Prefix) -> Self {
        let is_v4 = prefix.address.is_ipv4();
        let host_bits = u32::from(if is_v4 { 32 } else { 128u8 }.saturating_sub(prefix.length));
        let all = 1u128.checked_shl(host_bits).unwrap_or(u128::MAX);
        let (front, back) = match (is_v4, host_bits) {
            (true, 0 | 1) | (false, 0..8) => (0, 0),
            (true, _) => (1, 1),
            (false, _) => (1, 128),
        };
        let count = u64::try_from(all.saturating_sub(front + back)).unwrap_or(u64::MAX);
        Self { is_v4, first: bits_of(prefix.address).saturating_add(front), count }
    }
}

/// Another port of the same class and parity (RFC 4787 REQ-3 and REQ-4).
const fn replacement(port: u16, random: u64) -> u16 {
    let (first, count) = if port < FIRST_UNPRIVILEGED {
        (0, FIRST_UNPRIVILEGED / 2)
    } else {
        (FIRST_UNPRIVILEGED, (u16::MAX - FIRST_UNPRIVILEGED) / 2 + 1)
    };
    let port = first + port % 2 + 2 * (random % count as u64) as u16;
    // Port 0 is none.
    if port == 0 { 2 } else { port }
}

const fn bits_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits() as u128,
        IpAddr::V6(address) => address.to_bits(),
    }
}
