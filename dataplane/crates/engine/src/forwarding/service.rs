//! Which service a destination belongs to (SVR service matching) and what is known of it.

use core::net::IpAddr;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;
use rustc_hash::FxBuildHasher;

use quiver_wire::ip::protocol::{TCP, UDP};

use crate::config::{Encryption, Integrity, PortRule, Prefix, Service, ServiceMatch, Spread};
use crate::config_error::ConfigErrorCode;
use crate::drop_reason::DropReason;
use crate::forwarding::access::AccessList;
use crate::forwarding::path::PathTable;
use crate::forwarding::prefix_table::PrefixTable;
use crate::forwarding::problems::Problems;
use crate::forwarding::route::{RouteId, RouteTable};
use crate::forwarding::select::{Candidate, rank_candidates};
use crate::forwarding::service_rules::{MatchClass, ServiceRules, same_icmp};
use crate::forwarding::tables::Tables;

/// A service of one set of tables. Keep the name where a service must outlive a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(u32);

impl ServiceId {
    /// Its place among the services of its tables, from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A compiled service.
#[derive(Clone, Debug)]
pub struct ServiceEntry {
    /// `namespace/name`.
    pub name: Arc<str>,
    /// Who may.
    pub access: AccessList,
    /// Payload encryption.
    pub encryption: Encryption,
    /// Payload authentication of clear sessions.
    pub integrity: Integrity,
    /// Idle time after which a session ends; `None` = by protocol.
    pub idle_timeout: Option<Duration>,
    /// How targets and equal peers are chosen.
    pub spread: Spread,
    /// Its service routes, in order.
    pub routes: Box<[RouteId]>,
    pub(crate) addresses: Box<[Prefix]>,
    pub(crate) ports: Box<[PortRule]>,
    pub(crate) candidates: Box<[Candidate]>,
}

impl ServiceEntry {
    /// Whether its port rules cover this traffic.
    pub fn serves(&self, protocol: u8, port: u16) -> bool {
        let protocol = same_icmp(protocol);
        self.ports.is_empty()
            || self.ports.iter().any(|rule| {
                same_icmp(rule.protocol) == protocol
                    && rule.ports.is_none_or(|range| (range.first..=range.last).contains(&port))
            })
    }

    /// Whether one of its addresses is dialled at this router by `destination`.
    pub fn is_dialled_at(&self, destination: IpAddr) -> bool {
        self.addresses.iter().any(|prefix| prefix.contains(destination))
    }
}

/// All services.
#[derive(Clone, Debug)]
pub(crate) struct ServiceTable {
    services: Box<[ServiceEntry]>,
    by_name: HashMap<Arc<str>, ServiceId, FxBuildHasher>,
    rules: PrefixTable<ServiceRules>,
}

impl ServiceTable {
    pub(crate) fn build(
        services: &[Service],
        routes: &RouteTable,
        paths: &PathTable,
        problems: &mut Problems,
    ) -> Self {
        problems.check_count("services", services.len());
        let mut seen = BTreeSet::new();
        let mut rules: BTreeMap<Prefix, ServiceRules> = BTreeMap::new();
        let mut by_name = HashMap::with_capacity_and_hasher(services.len(), FxBuildHasher);
        let mut entries = Vec::with_capacity(services.len());
        for (service, index) in services.iter().zip(0..) {
            problems.check_name("services", &service.name, &mut seen);
            check_ports(service, problems);
            if service.idle_timeout.is_some_and(|time| time.is_zero()) {
                let field = format!("services[{}].idle_timeout", service.name);
                problems.add(
                    ConfigErrorCode::LimitInvalid,
                    field,
                    "sessions would end at once; leave it out",
                );
            }
            add_rules(service, ServiceId(index), services, &mut rules, problems);
            by_name.insert(service.name.clone(), ServiceId(index));
            let routes_of = routes.of_service(ServiceId(index));
            entries.push(ServiceEntry {
                name: service.name.clone(),
                access: AccessList::build(service, problems),
                encryption: service.encryption,
                integrity: service.integrity,
                idle_timeout: service.idle_timeout,
                spread: service.spread,
                candidates: rank_candidates(&routes_of, service.spread, routes, paths),
                routes: routes_of,
                addresses: service.addresses.clone().into_boxed_slice(),
                ports: service.ports.clone().into_boxed_slice(),
            });
        }
        Self { services: entries.into_boxed_slice(), by_name, rules: PrefixTable::build(rules) }
    }

    /// The ids that the services of a configuration get, in order.
    pub(crate) fn ids(services: &[Service]) -> impl Iterator<Item = (ServiceId, &Service)> {
        services.iter().zip(0..).map(|(service, index)| (ServiceId(index), service))
    }
}

/// Adds what a service covers to the rules of its prefixes.
fn add_rules(
    service: &Service,
    id: ServiceId,
    services: &[Service],
    rules: &mut BTreeMap<Prefix, ServiceRules>,
    problems: &mut Problems,
) {
    let field = format!("services[{}].addresses", service.name);
    problems.check_count(&field, service.addresses.len());
    for prefix in &service.addresses {
        if !problems.check_prefix(&field, prefix) {
            continue;
        }
        let entry = rules.entry(*prefix).or_default();
        let everything = service.ports.is_empty().then_some(None);
        for rule in service.ports.iter().map(Some).chain(everything) {
            if let Err(holder) = entry.insert(id, rule) {
                let other = services.get(holder.index()).map_or("another service", |service| &*service.name);
                let what = rule.map_or_else(|| "everything".to_owned(), |rule| describe_rule(*rule));
                let message = format!("{what} of {prefix} belongs to {other} already");
                problems.add(ConfigErrorCode::ServiceOverlap, &*field, message);
            }
        }
    }
}

fn check_ports(service: &Service, problems: &mut Problems) {
    let field = format!("services[{}].ports", service.name);
    problems.check_count(&field, service.ports.len());
    for rule in &service.ports {
        let Some(range) = rule.ports else { continue };
        if range.first == 0 || range.first > range.last {
            let message = format!("{} is not a range of ports from 1 up", describe_rule(*rule));
            problems.add(ConfigErrorCode::PortRuleInvalid, &*field, message);
        } else if !matches!(rule.protocol, TCP | UDP) {
            let message = format!("protocol {} is matched without ports; leave them out", rule.protocol);
            problems.add(ConfigErrorCode::PortRuleInvalid, &*field, message);
        }
    }
}

fn describe_rule(rule: PortRule) -> String {
    match rule.ports {
        None => format!("protocol {}", rule.protocol),
        Some(range) if range.first == range.last => {
            format!("protocol {} port {}", rule.protocol, range.first)
        }
        Some(range) => format!("protocol {} ports {}-{}", rule.protocol, range.first, range.last),
    }
}

impl Tables {
    /// The services that cover a destination, best match first: by protocol and port, by protocol, by anything, each from the
    /// longest prefix. `port` is 0 for protocols without ports. A service may come more than once.
    pub fn matches(
        &self,
        destination: IpAddr,
        protocol: u8,
        port: u16,
    ) -> impl Iterator<Item = ServiceId> + '_ {
        let protocol = same_icmp(protocol);
        let holders = self.services.rules.containing(destination);
        MatchClass::ORDER.into_iter().flat_map(move |class| {
            holders.clone().filter_map(move |(_, rules)| rules.find(class, protocol, port))
        })
    }

    /// The service that a source of this tenant reaches at a destination; `None` is a source without a tenant.
    /// Errors: [`DropReason::NoService`], [`DropReason::NoTenant`], [`DropReason::AccessDenied`].
    pub fn resolve(
        &self,
        destination: IpAddr,
        protocol: u8,
        port: u16,
        tenant: Option<&str>,
    ) -> Result<ServiceId, DropReason> {
        let tried = match self.node.service_match {
            ServiceMatch::BestOnly => 1,
            ServiceMatch::Any => usize::MAX,
        };
        let mut refusal = DropReason::NoService;
        for service in self.matches(destination, protocol, port).take(tried) {
            if self.admits(service, tenant).is_allowed() {
                return Ok(service);
            }
            refusal = if tenant.is_some() { DropReason::AccessDenied } else { DropReason::NoTenant };
        }
        Err(refusal)
    }

    /// The service with this name.
    pub fn service_named(&self, name: &str) -> Option<ServiceId> {
        self.services.by_name.get(name).copied()
    }

    /// What is known of a service.
    pub fn service(&self, service: ServiceId) -> Option<&ServiceEntry> {
        self.services.services.get(service.index())
    }

    /// All services, by [`ServiceId::index`].
    pub fn services(&self) -> &[ServiceEntry] {
        &self.services.services
    }

    /// Whether the port rules of a service cover this traffic: the check that the egress repeats.
    pub fn serves(&self, service: ServiceId, protocol: u8, port: u16) -> bool {
        self.service(service).is_some_and(|service| service.serves(protocol, port))
    }
}

#[cfg(test)]
mod tests;
