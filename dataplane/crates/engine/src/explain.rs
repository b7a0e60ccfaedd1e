//! What would happen to a packet, from the tables and the state that packets meet.

use crate::drop_reason::DropReason;
use crate::engine::Engine;
use crate::forwarding::{ExplainQuery, Explanation, Next, Step};
use crate::packet_path::opening::{EngineLoad, choice_hash};
use crate::session::keys::LanKey;
use crate::time::Now;
use crate::transform::rewrite::Tuple;
use crate::view::SessionView;
use crate::view_of;

impl Engine {
    /// Every decision on a packet of a local client, and the session that carries its conversation now, if there is one.
    pub fn explain(&self, query: &ExplainQuery, now: Now) -> (Explanation, Option<SessionView>) {
        let context = Tuple { src: query.from, dst: query.to, sport: query.from_port, dport: query.to_port };
        let load = EngineLoad { fabric: &self.fabric, output: &self.output, now: now.at };
        let hash = choice_hash(query.protocol, &context);
        let mut explanation = self.fabric.tables.explain(query, hash, &load);
        if explanation.reason.is_none() {
            self.explain_ports(query, &context, &mut explanation, now);
        }
        (explanation, self.session_of(query, now))
    }

    fn explain_ports(&self, query: &ExplainQuery, context: &Tuple, explanation: &mut Explanation, now: Now) {
        if self.sessions.table.is_full() {
            let detail =
                format!("this engine carries its maximum of {} sessions", self.sessions.table.capacity());
            explanation.fail(Step::Ports, detail, DropReason::SessionTableFull);
            return;
        }
        let tables = &self.fabric.tables;
        let tenant = tables.tenant_name_of(query.from, query.interface).map(|name| &**name);
        let port = if matches!(query.protocol, 6 | 17) { query.to_port } else { 0 };
        let Ok(service) = tables.resolve(query.to, query.protocol, port, tenant) else { return };
        let load = EngineLoad { fabric: &self.fabric, output: &self.output, now: now.at };
        let choice = crate::forwarding::Choice {
            service,
            ipv6: query.from.is_ipv6(),
            hash: choice_hash(query.protocol, context),
            previous: None,
        };
        let Ok(Next::Path { path, .. }) = tables.select(choice, &load) else { return };
        let index = self.fabric.peering.of(path);
        let Some(state) = index.and_then(|index| self.fabric.peering.path(index)) else { return };
        let free = state
            .ports
            .capacity()
            .saturating_sub(u64::from(state.ports.in_use() + state.ports.quarantined()));
        if free == 0 {
            let detail = format!("no port pair is free between {} and {}", state.local, state.remote);
            explanation.fail(Step::Ports, detail, DropReason::WaypointPortsExhausted);
        } else {
            explanation.pass(
                Step::Ports,
                format!("{free} port pairs are free between {} and {}", state.local, state.remote),
            );
        }
    }

    fn session_of(&self, query: &ExplainQuery, now: Now) -> Option<SessionView> {
        let (src_port, dst_port) = (query.from_port, query.to_port);
        let key = LanKey { protocol: query.protocol, src: query.from, dst: query.to, src_port, dst_port };
        let (id, _) = self.sessions.by_lan(&key)?;
        Some(view_of::session(self.sessions.table.get(id)?, self, now))
    }
}
