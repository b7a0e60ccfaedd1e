//! What would happen to a packet, decision by decision, from the same lookups that packets meet.

use core::net::IpAddr;

use crate::config::{Encryption, Integrity, ServiceMatch};
use crate::drop_reason::DropReason;
use crate::forwarding::access::Access;
use crate::forwarding::route::describe_target;
use crate::forwarding::select::{Choice, Load, Next};
use crate::forwarding::service::{ServiceEntry, ServiceId};
use crate::forwarding::tables::Tables;
use crate::packet::InterfaceId;

/// A packet of a local client that is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainQuery {
    /// Source address.
    pub from: IpAddr,
    /// Source port; 0 where there is none.
    pub from_port: u16,
    /// Destination address.
    pub to: IpAddr,
    /// Destination port; 0 where there is none.
    pub to_port: u16,
    /// IP protocol number.
    pub protocol: u8,
    /// The interface it comes in by.
    pub interface: InterfaceId,
}

/// The decisions on a packet, in the order they are taken; the first that fails is the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// The decisions.
    pub steps: Vec<ExplainStep>,
    /// Why it is not forwarded.
    pub reason: Option<DropReason>,
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainStep {
    /// What was decided.
    pub step: Step,
    /// Whether the packet goes on.
    pub passed: bool,
    /// One sentence with the names and values that decided.
    pub detail: String,
}

/// A kind of decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// Who the source is.
    Tenant,
    /// What the destination is.
    Service,
    /// Whether the one may use the other.
    Access,
    /// Which service route it takes.
    Route,
    /// Which peer path or target.
    Path,
    /// Which waypoint ports.
    Ports,
    /// How its payload is protected.
    Security,
}

impl Step {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "tenant",
            Self::Service => "service",
            Self::Access => "access",
            Self::Route => "route",
            Self::Path => "path",
            Self::Ports => "ports",
            Self::Security => "security",
        }
    }
}

/// What happens to a packet in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It opens or continues a session.
    Forwarded,
    /// The access list refuses it.
    Denied,
    /// It cannot be forwarded.
    Dropped,
}

impl Verdict {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Forwarded => "Forwarded",
            Self::Denied => "Denied",
            Self::Dropped => "Dropped",
        }
    }
}

impl Explanation {
    /// What happens in the end.
    pub fn verdict(&self) -> Verdict {
        match self.reason {
            None => Verdict::Forwarded,
            Some(DropReason::AccessDenied | DropReason::NoTenant) => Verdict::Denied,
            Some(_) => Verdict::Dropped,
        }
    }

    /// Adds a decision that the packet passed.
    pub fn pass(&mut self, step: Step, detail: String) {
        self.steps.push(ExplainStep { step, passed: true, detail });
    }

    /// Adds the decision that ended it.
    pub fn fail(&mut self, step: Step, detail: String, reason: DropReason) {
        self.steps.push(ExplainStep { step, passed: false, detail });
        self.reason = Some(reason);
    }
}

impl Tables {
    /// Explains what would happen to the first packet of a session; `hash` as for [`Choice::hash`]. Allocates; not for packets.
    /// The engine adds what only it knows: ports, and the session that exists already.
    pub fn explain<L: Load + ?Sized>(&self, query: &ExplainQuery, hash: u64, load: &L) -> Explanation {
        let mut explanation = Explanation::default();
        let tenant = self.explain_tenant(query, &mut explanation);
        if let Some(id) = self.explain_service(query, tenant, &mut explanation)
            && let Some(service) = self.service(id)
            && self.explain_access(id, service, tenant, &mut explanation)
        {
            let choice = Choice { service: id, ipv6: query.to.is_ipv6(), hash, previous: None };
            if let Some(next) = self.explain_route(service, choice, load, &mut explanation) {
                self.explain_security(service, next, &mut explanation);
            }
        }
        explanation
    }

    fn explain_tenant(&self, query: &ExplainQuery, explanation: &mut Explanation) -> Option<&str> {
        let tenant = self.tenant_name_of(query.from, query.interface).map(|name| &**name);
        let detail = match tenant {
            Some(name) => format!("{} belongs to tenant {name}", query.from),
            None => format!("{} belongs to no tenant; only public services are open to it", query.from),
        };
        explanation.pass(Step::Tenant, detail);
        tenant
    }

    /// The service that decides: the one that admits the tenant, else the best match.
    fn explain_service(
        &self,
        query: &ExplainQuery,
        tenant: Option<&str>,
        explanation: &mut Explanation,
    ) -> Option<ServiceId> {
        let what = format!("{} protocol {} port {}", query.to, query.protocol, query.to_port);
        let mut matches: Vec<ServiceId> = Vec::new();
        for service in self.matches(query.to, query.protocol, query.to_port) {
            if !matches.contains(&service) {
                matches.push(service);
            }
        }
        let Some(best) = matches.first().copied() else {
            explanation.fail(Step::Service, format!("no service covers {what}"), DropReason::NoService);
            return None;
        };
        let taken = self.resolve(query.to, query.protocol, query.to_port, tenant).unwrap_or(best);
        let name = |id: ServiceId| self.service(id).map_or("", |service| &*service.name);
        let others: Vec<&str> = matches.iter().filter(|id| **id != taken).map(|id| name(*id)).collect();
        let mut detail = format!("{what} belongs to service {}", name(taken));
        if !others.is_empty() {
            let why = match self.node.service_match {
                ServiceMatch::BestOnly => "less specific and never tried",
                ServiceMatch::Any => "tried only where a better one does not admit the tenant",
            };
            detail = format!("{detail}; also covered by {} ({why})", others.join(", "));
        }
        explanation.pass(Step::Service, detail);
        Some(taken)
    }

    fn explain_access(
        &self,
        id: ServiceId,
        service: &ServiceEntry,
        tenant: Option<&str>,
        explanation: &mut Explanation,
    ) -> bool {
        let name = &service.name;
        let who =
            tenant.map_or_else(|| "sources without a tenant".to_owned(), |tenant| format!("tenant {tenant}"));
        let detail = match self.admits(id, tenant) {
            Access::Allowed { by: Some(rule) } => format!("{name} admits {who} by its entry for {rule}"),
            Access::Allowed { by: None } => format!("{name} is public"),
            Access::Denied { by: Some(rule) } => format!("{name} denies {who} by its entry for {rule}"),
            Access::Denied { by: None } if service.access.is_closed() => format!("{name} admits nobody"),
            Access::Denied { by: None } => format!("no entry of {name} admits {who}"),
        };
        let allowed = self.admits(id, tenant).is_allowed();
        if allowed {
            explanation.pass(Step::Access, detail);
        } else {
            let reason = if tenant.is_some() { DropReason::AccessDenied } else { DropReason::NoTenant };
            explanation.fail(Step::Access, detail, reason);
        }
        allowed
    }

    fn explain_route<L: Load + ?Sized>(
        &self,
        service: &ServiceEntry,
        choice: Choice<'_>,
        load: &L,
        explanation: &mut Explanation,
    ) -> Option<Next> {
        let next = match self.select(choice, load) {
            Ok(next) => next,
            Err(reason) => {
                let step = if reason == DropReason::NoPath { Step::Path } else { Step::Route };
                let detail = format!("{}: {}", service.name, reason.description());
                explanation.fail(step, detail, reason);
                return None;
            }
        };
        let others = self.candidates(choice, load).count().saturating_sub(1);
        let route = self.route(next.route()).map_or("", |route| &*route.name);
        explanation.pass(Step::Route, format!("service route {route} is taken; {others} more could be"));
        explanation.pass(Step::Path, self.describe_next(next, load));
        Some(next)
    }

    fn describe_next<L: Load + ?Sized>(&self, next: Next, load: &L) -> String {
        match next {
            Next::Target { target, .. } => self
                .target(target)
                .map_or_else(String::new, |target| format!("target {}", describe_target(&target.server))),
            Next::Path { path: id, .. } => self.path(id).map_or_else(String::new, |path| {
                let suspect =
                    if load.is_suspect(id) { "; recent first packets over it went unanswered" } else { "" };
                format!(
                    "to node {} of {} from {} to {}, MTU {}{suspect}",
                    path.node, path.router, path.local, path.remote, path.mtu
                )
            }),
        }
    }

    fn explain_security(&self, service: &ServiceEntry, next: Next, explanation: &mut Explanation) {
        let path = match next {
            Next::Target { .. } => {
                explanation.pass(Step::Security, "the session does not leave this node's site".to_owned());
                return;
            }
            Next::Path { path, .. } => self.path(path),
        };
        let detail = match service.encryption {
            Encryption::Always => "payload is sealed (encryption Always)",
            Encryption::Never | Encryption::Adaptive if path.is_some_and(|path| path.always_encrypt) => {
                "payload is sealed because the peer demands it"
            }
            Encryption::Adaptive => {
                "payload is sealed unless it is TLS, QUIC or IPsec already (encryption Adaptive)"
            }
            Encryption::Never => match service.integrity {
                Integrity::Metadata => "payload is clear (encryption Never)",
                Integrity::PerPacket => "payload is clear with a code on every packet (integrity PerPacket)",
            },
        };
        explanation.pass(Step::Security, detail.to_owned());
    }
}

#[cfg(test)]
mod tests;
