//! Where a new session goes next: a target, else a peer path.

use crate::config::Spread;
use crate::drop_reason::DropReason;
use crate::forwarding::path::{PathId, PathTable, PeerPath};
use crate::forwarding::prefix::bits;
use crate::forwarding::route::{RouteId, RouteTable, TargetEntry, TargetId};
use crate::forwarding::service::ServiceId;
use crate::forwarding::tables::Tables;

/// The next step of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Next {
    /// To a server.
    Target {
        /// By this service route.
        route: RouteId,
        /// The server.
        target: TargetId,
    },
    /// To another router.
    Path {
        /// By this service route.
        route: RouteId,
        /// The peer path.
        path: PathId,
    },
}

impl Next {
    /// The service route it belongs to.
    pub const fn route(self) -> RouteId {
        match self {
            Self::Target { route, .. } | Self::Path { route, .. } => route,
        }
    }
}

/// What is being chosen for.
#[derive(Clone, Copy, Debug)]
pub struct Choice<'a> {
    /// The service.
    pub service: ServiceId,
    /// Whether client and service address are IPv6: targets are of the same family.
    pub ipv6: bool,
    /// Hash of the session's original tuple. Equal hashes choose alike, also after a restart or a change of other targets.
    pub hash: u64,
    /// Router of the previous hop: the session is not sent back to it.
    pub previous: Option<&'a str>,
}

/// What the engine knows and tables do not.
pub trait Load {
    /// Whether one more session fits a service route that carries at most `max_sessions`.
    fn has_room(&self, route: RouteId, max_sessions: u32) -> bool;
    /// Whether recent first packets over this path went unanswered.
    fn is_suspect(&self, path: PathId) -> bool;
}

/// One possible next step, ranked at build.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidate {
    next: Next,
    /// Candidates of one group are equally preferred.
    group: u32,
    /// Share within its group under [`Spread::Proportional`].
    weight: u32,
    /// Hash of what it is, equal in every configuration and life of the node.
    identity: u64,
    /// Family of a target.
    ipv6: Option<bool>,
}

/// Lists the next steps of a service's routes: healthy targets in order, then peer paths by cost of the peer and of the waypoint.
pub(crate) fn rank_candidates(
    ids: &[RouteId],
    spread: Spread,
    routes: &RouteTable,
    paths: &PathTable,
) -> Box<[Candidate]> {
    let mut ranked: Vec<((bool, u32, u32), Candidate)> = Vec::new();
    for (id, route) in ids.iter().filter_map(|id| Some((*id, routes.route(*id)?))) {
        for (target, entry) in route.targets.iter().filter_map(|id| Some((*id, routes.target(*id)?))) {
            if entry.server.healthy {
                ranked.push(((false, 0, 0), target_candidate(Next::Target { route: id, target }, entry)));
            }
        }
        for peer in &route.peers {
            for path in paths.to_router(&peer.router).unwrap_or_default() {
                let Some(entry) = paths.get(*path) else { continue };
                let next = Next::Path { route: id, path: *path };
                ranked.push(((true, peer.cost, entry.cost), path_candidate(next, entry)));
            }
        }
    }
    ranked.sort_by_key(|(cost, _)| *cost);
    let (mut group, mut previous) = (0, None);
    let grouped = ranked.into_iter().map(|(cost, candidate)| {
        let joins = match spread {
            Spread::Hunt => false,
            Spread::Proportional => previous == Some(cost),
        };
        group += u32::from(!joins);
        previous = Some(cost);
        Candidate { group, ..candidate }
    });
    grouped.collect()
}

fn target_candidate(next: Next, target: &TargetEntry) -> Candidate {
    let server = &target.server;
    let identity = fold(bits(server.address)) ^ scramble(u64::from(server.port.unwrap_or(0)));
    Candidate { next, group: 0, weight: server.weight, identity, ipv6: Some(server.address.is_ipv6()) }
}

fn path_candidate(next: Next, path: &PeerPath) -> Candidate {
    let identity = scramble(fold(bits(path.local))) ^ fold(bits(path.remote));
    Candidate { next, group: 0, weight: 1, identity, ipv6: None }
}

/// Place of a candidate in the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    suspect: bool,
    group: u32,
    score: u64,
    index: usize,
}

/// The next steps of a session, the preferred one first.
#[derive(Debug)]
pub struct Candidates<'a, L: ?Sized> {
    tables: &'a Tables,
    entries: &'a [Candidate],
    choice: Choice<'a>,
    load: &'a L,
    last: Option<Rank>,
}

impl<L: Load + ?Sized> Candidates<'_, L> {
    fn is_possible(&self, candidate: &Candidate) -> bool {
        let back = match candidate.next {
            Next::Target { .. } => false,
            Next::Path { path, .. } => self
                .choice
                .previous
                .is_some_and(|previous| self.tables.path(path).is_none_or(|path| &*path.router == previous)),
        };
        !back && candidate.ipv6.is_none_or(|ipv6| ipv6 == self.choice.ipv6)
    }

    fn has_room(&self, candidate: &Candidate) -> bool {
        let route = candidate.next.route();
        self.tables.route(route).is_some_and(|entry| {
            entry.max_sessions.is_none_or(|max_sessions| self.load.has_room(route, max_sessions))
        })
    }

    fn rank(&self, candidate: &Candidate, index: usize) -> Rank {
        let suspect = match candidate.next {
            Next::Target { .. } => false,
            Next::Path { path, .. } => self.load.is_suspect(path),
        };
        let score = score(scramble(self.choice.hash ^ candidate.identity), candidate.weight);
        Rank { suspect, group: candidate.group, score, index }
    }

    /// Why there is no candidate.
    fn refusal(&self) -> DropReason {
        if self.entries.iter().any(|candidate| self.is_possible(candidate)) {
            return DropReason::RouteFull;
        }
        let service = self.tables.service(self.choice.service);
        let mut routes = service.iter().flat_map(|service| service.routes.iter()).peekable();
        if routes.peek().is_none() {
            return DropReason::NoRoute;
        }
        let leads_to_peers =
            |id: &RouteId| self.tables.route(*id).is_some_and(|route| !route.peers.is_empty());
        if routes.any(leads_to_peers) { DropReason::NoPath } else { DropReason::NoHealthyTarget }
    }
}

impl<L: Load + ?Sized> Iterator for Candidates<'_, L> {
    type Item = Next;

    fn next(&mut self) -> Option<Next> {
        let mut best: Option<(Rank, Next)> = None;
        for (index, candidate) in self.entries.iter().enumerate() {
            // They are sorted by group: behind one that is not suspect nothing better follows.
            if best.is_some_and(|(rank, _)| !rank.suspect && rank.group < candidate.group) {
                break;
            }
            if !self.is_possible(candidate) || !self.has_room(candidate) {
                continue;
            }
            let rank = self.rank(candidate, index);
            if self.last.is_none_or(|last| last < rank) && best.is_none_or(|(best, _)| rank < best) {
                best = Some((rank, candidate.next));
            }
        }
        let (rank, next) = best?;
        self.last = Some(rank);
        Some(next)
    }
}

impl Tables {
    /// The next steps of a new session, the preferred one first: healthy targets, then peer paths by cost, those of them that
    /// are suspect last. Full service routes, the previous hop and targets of the other family are left out.
    pub fn candidates<'a, L: Load + ?Sized>(&'a self, choice: Choice<'a>, load: &'a L) -> Candidates<'a, L> {
        let entries = self.service(choice.service).map_or(&[][..], |service| &service.candidates);
        Candidates { tables: self, entries, choice, load, last: None }
    }

    /// The preferred next step of a new session.
    /// Errors: [`DropReason::NoRoute`], [`DropReason::RouteFull`], [`DropReason::NoHealthyTarget`], [`DropReason::NoPath`].
    pub fn select<L: Load + ?Sized>(&self, choice: Choice<'_>, load: &L) -> Result<Next, DropReason> {
        let mut candidates = self.candidates(choice, load);
        candidates.next().ok_or_else(|| candidates.refusal())
    }
}

/// Spreads every input bit over the whole number (the finaliser of `SplitMix64`).
const fn scramble(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

const fn fold(value: u128) -> u64 {
    scramble(value as u64) ^ (value >> 64) as u64
}

/// Weighted rendezvous hashing: the lowest of `-log2(u) / weight` wins in proportion to weight, and a candidate that goes away
/// moves only its own share. In integers, so that every machine chooses alike.
fn score(hash: u64, weight: u32) -> u64 {
    const FRACTION: u32 = 24;
    if weight == 0 {
        return u64::MAX;
    }
    let value = hash | 1;
    let whole = value.leading_zeros();
    // log2 of a mantissa in [1, 2), in units of 2^-63, bit by bit: squaring doubles the logarithm.
    let mut mantissa = u128::from(value << whole);
    let mut fraction = 0u64;
    for _ in 0..FRACTION {
        mantissa = (mantissa * mantissa) >> 63;
        let carry = mantissa >> 64 != 0;
        mantissa >>= u32::from(carry);
        fraction = fraction << 1 | u64::from(carry);
    }
    let logarithm = (u64::from(whole + 1) << FRACTION) - fraction;
    (logarithm << 32) / u64::from(weight)
}

#[cfg(test)]
mod tests;
