//! The sessions of one engine and everything they are found by.

use crate::drop_reason::DropReason;
use crate::peering::{PathIndex, Peering};
use crate::session::entry::{Leg, Session};
use crate::session::index::{FlowIndex, FlowRef, LegSide};
use crate::session::keys::{ContextKey, HashSeed, HopKey, LanKey};
use crate::session::table::{SessionId, SessionTable};
use crate::session::timers::SessionTimers;
use crate::time::Instant;
use crate::transform::rewrite::Tuple;

/// Sessions with their three indexes and their timers; an index entry exists exactly as long as the leg it points to.
pub(crate) struct Sessions {
    pub(crate) table: SessionTable<Session>,
    pub(crate) timers: SessionTimers,
    lan: FlowIndex,
    hops: FlowIndex,
    contexts: FlowIndex,
    seed: HashSeed,
}

impl Sessions {
    pub(crate) fn new(capacity: u32, seed: HashSeed, now: Instant) -> Self {
        Self {
            table: SessionTable::new(capacity),
            timers: SessionTimers::new(now),
            lan: FlowIndex::new(),
            hops: FlowIndex::new(),
            contexts: FlowIndex::new(),
            seed,
        }
    }

    pub(crate) const fn seed(&self) -> &HashSeed {
        &self.seed
    }

    /// The session whose Lan leg sends packets with this key.
    pub(crate) fn by_lan(&self, key: &LanKey) -> Option<(SessionId, LegSide)> {
        let found =
            self.lan.find(key.hash(&self.seed), |flow| lan_key_of(&self.table, flow) == Some(*key))?;
        Some((self.table.id_at(found.session)?, found.side))
    }

    /// The session whose hop leg this is.
    pub(crate) fn by_hop(&self, key: &HopKey, path: PathIndex) -> Option<(SessionId, LegSide)> {
        let found = self.hops.find(key.hash(&self.seed), |flow| hop_matches(&self.table, flow, path, key))?;
        Some((self.table.id_at(found.session)?, found.side))
    }

    /// The session that a conversation of this context has, where this node is not its ingress.
    pub(crate) fn by_context(&self, ingress: &str, protocol: u8, context: &Tuple) -> Option<SessionId> {
        let key = self.context_key(ingress, protocol, context);
        let found = self.contexts.find(key.hash(&self.seed), |flow| {
            context_matches(&self.table, flow, ingress, protocol, context)
        })?;
        self.table.id_at(found.session)
    }

    fn context_key(&self, ingress: &str, protocol: u8, context: &Tuple) -> ContextKey {
        ContextKey { ingress: self.seed.name(ingress), tuple: lan_key(protocol, context) }
    }

    /// Adds a session and all its keys. When a key is taken by another session nothing is added.
    pub(crate) fn insert(
        &mut self,
        session: Session,
        peering: &Peering,
    ) -> Result<SessionId, (Box<Session>, DropReason)> {
        if self.table.is_full() {
            return Err((Box::new(session), DropReason::SessionTableFull));
        }
        let id = match self.table.insert(session) {
            Ok(id) => id,
            Err(session) => return Err((Box::new(session), DropReason::SessionTableFull)),
        };
        for side in [LegSide::Client, LegSide::Server] {
            if !self.index_leg(id, side, peering) {
                return match self.remove(id, peering) {
                    Some(session) => Err((session, DropReason::SessionMoved)),
                    None => Ok(id),
                };
            }
        }
        self.index_context(id);
        Ok(id)
    }

    /// Takes a session out, with all its keys.
    pub(crate) fn remove(&mut self, id: SessionId, peering: &Peering) -> Option<Box<Session>> {
        for side in [LegSide::Client, LegSide::Server] {
            self.unindex_leg(id, side, peering);
        }
        self.unindex_context(id);
        self.timers.cancel(id);
        self.table.remove(id).map(Box::new)
    }

    /// Replaces one leg and hands out the old one. The error is the new leg, when another session has its key: the old one stays.
    pub(crate) fn replace_leg(
        &mut self,
        id: SessionId,
        side: LegSide,
        leg: Leg,
        peering: &Peering,
    ) -> Result<Leg, Leg> {
        self.unindex_leg(id, side, peering);
        let Some(session) = self.table.get_mut(id) else { return Err(leg) };
        let old = core::mem::replace(session.leg_mut(side), leg);
        if self.index_leg(id, side, peering) {
            return Ok(old);
        }
        let Some(session) = self.table.get_mut(id) else { return Ok(old) };
        let refused = core::mem::replace(session.leg_mut(side), old);
        self.index_leg(id, side, peering);
        Err(refused)
    }

    fn index_leg(&mut self, id: SessionId, side: LegSide, peering: &Peering) -> bool {
        let Some(session) = self.table.get(id) else { return false };
        let flow = FlowRef { session: id.index(), side };
        let table = &self.table;
        match session.leg(side) {
            Leg::Lan(_) => {
                let Some(key) = lan_key_of(table, flow) else { return false };
                self.lan
                    .insert(key.hash(&self.seed), flow, |other| lan_key_of(table, other) == Some(key))
                    .is_ok()
            }
            Leg::Hop(hop) => {
                let Some(key) = peering.hop_key(hop.path, hop.own_port, hop.peer_port) else { return false };
                let path = hop.path;
                self.hops
                    .insert(key.hash(&self.seed), flow, |other| hop_matches(table, other, path, &key))
                    .is_ok()
            }
        }
    }

    fn unindex_leg(&mut self, id: SessionId, side: LegSide, peering: &Peering) {
        let Some(session) = self.table.get(id) else { return };
        let flow = FlowRef { session: id.index(), side };
        match session.leg(side) {
            Leg::Lan(_) => {
                if let Some(key) = lan_key_of(&self.table, flow) {
                    self.lan.remove(key.hash(&self.seed), flow);
                }
            }
            Leg::Hop(hop) => {
                if let Some(key) = peering.hop_key(hop.path, hop.own_port, hop.peer_port) {
                    self.hops.remove(key.hash(&self.seed), flow);
                }
            }
        }
    }

    fn index_context(&mut self, id: SessionId) {
        let Some(session) = self.table.get(id) else { return };
        if matches!(session.client, Leg::Hop(_)) {
            let key = self.context_key(&session.ingress, session.protocol, &session.context);
            let flow = FlowRef { session: id.index(), side: LegSide::Client };
            // A conversation that has the place already is the one to be found; the caller looked before.
            let _taken = self.contexts.insert(key.hash(&self.seed), flow, |_| false);
        }
    }

    fn unindex_context(&mut self, id: SessionId) {
        let Some(session) = self.table.get(id) else { return };
        if matches!(session.client, Leg::Hop(_)) {
            let key = self.context_key(&session.ingress, session.protocol, &session.context);
            self.contexts
                .remove(key.hash(&self.seed), FlowRef { session: id.index(), side: LegSide::Client });
        }
    }
}

/// The key of packets that a Lan leg sends: a client's as its tuple says, a server's the other way round.
pub(crate) fn lan_key_of(table: &SessionTable<Session>, flow: FlowRef) -> Option<LanKey> {
    let session = table.at(flow.session)?;
    let Leg::Lan(lan) = session.leg(flow.side) else { return None };
    let key = lan_key(session.protocol, &lan.tuple);
    Some(match flow.side {
        LegSide::Client => key,
        LegSide::Server => key.reversed(),
    })
}

/// The key of a tuple.
pub(crate) const fn lan_key(protocol: u8, tuple: &Tuple) -> LanKey {
    LanKey { protocol, src: tuple.src, dst: tuple.dst, src_port: tuple.sport, dst_port: tuple.dport }
}

fn hop_matches(table: &SessionTable<Session>, flow: FlowRef, path: PathIndex, key: &HopKey) -> bool {
    match table.at(flow.session).map(|session| session.leg(flow.side)) {
        Some(Leg::Hop(hop)) => {
            hop.path == path && hop.own_port == key.local_port && hop.peer_port == key.remote_port
        }
        Some(Leg::Lan(_)) | None => false,
    }
}

fn context_matches(
    table: &SessionTable<Session>,
    flow: FlowRef,
    ingress: &str,
    protocol: u8,
    context: &Tuple,
) -> bool {
    table.at(flow.session).is_some_and(|session| {
        session.protocol == protocol && session.context == *context && session.ingress.as_ref() == ingress
    })
}
