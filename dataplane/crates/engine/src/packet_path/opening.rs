//! Choosing a session's way: the same for a local client's first packet and for one that a neighbour tells of.

use std::sync::Arc;

use crate::config::Transport;
use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::event::{Event, SessionUuid};
use crate::fabric::Fabric;
use crate::forwarding::{Choice, Load, Next, PathId, RouteId, ServiceId, TargetId};
use crate::handshake::Handshake;
use crate::output::Output;
use crate::packet::InterfaceId;
use crate::packet_path::control::Pair;
use crate::packet_path::enter;
use crate::session::entry::{HopLeg, LanLeg, Leg, Security};
use crate::session::keys::LanKey;
use crate::session::store::lan_key;
use crate::session::table::SessionId;
use crate::shard::shard_of_key;
use crate::sources::SourceRequest;
use crate::time::{Instant, Now};
use crate::transform::rewrite::Tuple;

/// What is known of a session before its way on is chosen.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    pub(crate) uuid: SessionUuid,
    pub(crate) context: Tuple,
    pub(crate) protocol: u8,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) interface: InterfaceId,
    pub(crate) service: ServiceId,
    pub(crate) ingress: Arc<str>,
    /// Client leg when it is a hop, with the router behind it.
    pub(crate) previous: Option<(Arc<str>, PreviousHop)>,
    pub(crate) hop_count: u8,
    pub(crate) mid_stream: bool,
    /// The decision that this node, as egress, took in a former life.
    pub(crate) binding: Option<Tuple>,
}

impl Opening {
    /// Port of the service; 0 for protocols without ports.
    pub(crate) const fn service_port(&self) -> u16 {
        match self.protocol {
            6 | 17 => self.context.dport,
            _ => 0,
        }
    }
}

/// The port pair a neighbour chose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PreviousHop(pub(crate) Pair);

/// Tries the possible next steps in order and opens the session on the first that works.
pub(crate) fn first_possible(
    engine: &mut Engine,
    opening: &Opening,
    now: Now,
    mut security: impl FnMut(&mut Engine, Next) -> Result<Security, DropReason>,
) -> Result<SessionId, DropReason> {
    if engine.sessions.table.is_full() {
        return Err(DropReason::SessionTableFull);
    }
    let mut refusal = None;
    let mut tried = 0;
    while let Some(next) = candidate(engine, opening, tried, now)? {
        tried += 1;
        let opened = security(engine, next).and_then(|security| on(engine, opening, next, security, now));
        match opened {
            Ok(id) => return Ok(id),
            // Another step may have room where this one has none; every other refusal holds for all.
            Err(
                reason @ (DropReason::WaypointPortsExhausted
                | DropReason::ReturnPoolExhausted
                | DropReason::NoPath),
            ) => {
                refusal = Some(reason);
            }
            Err(reason) => return Err(reason),
        }
    }
    Err(refusal.unwrap_or(DropReason::NoPath))
}

/// Steps tried for one session, at most: the first packet must not become a search.
const MOST_STEPS: usize = 8;

/// The `skip`th possible step; the one that was taken in a former life comes first.
fn candidate(engine: &Engine, opening: &Opening, skip: usize, now: Now) -> Result<Option<Next>, DropReason> {
    if skip >= MOST_STEPS {
        return Ok(None);
    }
    let tables = &engine.fabric.tables;
    let former = opening.binding.and_then(|binding| {
        tables.target_at(opening.service, binding.dst, binding.dport, opening.service_port())
    });
    let skip = match (former, skip) {
        (Some((route, target)), 0) => return Ok(Some(Next::Target { route, target })),
        (Some(_), skip) => skip - 1,
        (None, skip) => skip,
    };
    let choice = Choice {
        service: opening.service,
        ipv6: opening.context.src.is_ipv6(),
        hash: choice_hash(opening.protocol, &opening.context),
        previous: opening.previous.as_ref().map(|(router, _)| &**router),
    };
    let load = EngineLoad { fabric: &engine.fabric, output: &engine.output, now: now.at };
    if skip == 0 {
        return tables.select(choice, &load).map(Some);
    }
    Ok(tables.candidates(choice, &load).nth(skip))
}

/// The preferred step to a given router: the way that a session of a former life took.
pub(crate) fn step_through(engine: &Engine, opening: &Opening, router: &str, now: Now) -> Option<Next> {
    let choice = Choice {
        service: opening.service,
        ipv6: opening.context.src.is_ipv6(),
        hash: choice_hash(opening.protocol, &opening.context),
        previous: None,
    };
    let load = EngineLoad { fabric: &engine.fabric, output: &engine.output, now: now.at };
    engine.fabric.tables.candidates(choice, &load).find(|next| match next {
        Next::Target { .. } => false,
        Next::Path { path, .. } => {
            engine.fabric.tables.path(*path).is_some_and(|path| &*path.router == router)
        }
    })
}

fn on(
    engine: &mut Engine,
    opening: &Opening,
    next: Next,
    security: Security,
    now: Now,
) -> Result<SessionId, DropReason> {
    let server = match next {
        Next::Path { path, .. } => {
            hop_leg(engine, path, choice_hash(opening.protocol, &opening.context), now)?
        }
        Next::Target { target, .. } => target_leg(engine, opening, target)?,
    };
    enter::with_server_leg(engine, opening, next, server, security, now)
}

/// A hop leg that this node initiates, with a fresh port pair for the conversation with this [`choice_hash`].
pub(crate) fn hop_leg(engine: &mut Engine, path: PathId, hash: u64, now: Now) -> Result<Leg, DropReason> {
    let index = engine.fabric.peering.of(path).ok_or(DropReason::NoPath)?;
    let (path, node) = engine.fabric.peering.path_and_node(index).ok_or(DropReason::NoPath)?;
    let pair = path.ports.allocate(hash, now.at).map_err(|_| DropReason::WaypointPortsExhausted)?;
    path.sessions += 1;
    Ok(Leg::Hop(HopLeg {
        path: index,
        own_port: pair.own,
        peer_port: pair.peer,
        handshake: Handshake::initiate(now.at),
        pair_owned: true,
        tcp_as_udp: path.transport == Transport::Udp,
        peer_epoch: node.epoch,
    }))
}

fn target_leg(engine: &mut Engine, opening: &Opening, target: TargetId) -> Result<Leg, DropReason> {
    let tables = Arc::clone(&engine.fabric.tables);
    let server = &tables.target(target).ok_or(DropReason::NoHealthyTarget)?.server;
    let request = SourceRequest { protocol: opening.protocol, context: &opening.context, target: server };
    let sessions = &engine.sessions;
    let is_free = |key: &LanKey| sessions.by_lan(key).is_none();
    let former = opening.binding.filter(|former| {
        engine.sources.may_claim(&request, former) && is_free(&lan_key(opening.protocol, former).reversed())
    });
    let tuple = match former {
        Some(tuple) => tuple,
        None => engine.sources.pick(&request, is_free)?,
    };
    let shard = engine.fabric.shard;
    let key = lan_key(opening.protocol, &tuple).reversed();
    let steered = shard.count > 1 && shard_of_key(&key, shard.count) != shard.index;
    if steered {
        engine.output.event(Event::LanSteer { key, owned: true });
    }
    Ok(Leg::Lan(LanLeg { tuple, steered }))
}

/// Load as this engine sees it.
pub(crate) struct EngineLoad<'a> {
    pub(crate) fabric: &'a Fabric,
    pub(crate) output: &'a Output,
    pub(crate) now: Instant,
}

impl Load for EngineLoad<'_> {
    fn has_room(&self, route: RouteId, max_sessions: u32) -> bool {
        let name = self.fabric.tables.route(route).map(|route| &route.name);
        let sessions = name.and_then(|name| self.output.routes.find(name)).map_or(0, |tally| tally.sessions);
        // Each worker fills its share of the limit, rounded up.
        sessions < max_sessions.div_ceil(u32::from(self.fabric.shard.count.max(1)))
    }

    fn is_suspect(&self, path: PathId) -> bool {
        let index = self.fabric.peering.of(path);
        index.and_then(|index| self.fabric.peering.path(index)).is_some_and(|path| path.is_suspect(self.now))
    }
}

/// Hash by which one of several equal next steps is chosen: equal on every node and in every life, so that a restarted router
/// decides again as it did.
pub(crate) fn choice_hash(protocol: u8, context: &Tuple) -> u64 {
    use core::hash::Hasher;
    let mut hasher = rustc_hash::FxHasher::default();
    for address in [context.src, context.dst] {
        match address {
            core::net::IpAddr::V4(v4) => hasher.write_u32(v4.to_bits()),
            core::net::IpAddr::V6(v6) => hasher.write_u128(v6.to_bits()),
        }
    }
    hasher.write_u32(u32::from(context.sport) << 16 | u32::from(context.dport));
    hasher.write_u8(protocol);
    hasher.finish()
}
