//! Services with their routes.

use core::net::IpAddr;
use core::time::Duration;

use quiver_engine::config::{
    AccessRule, Encryption, Integrity, PortRule, Route, RoutePeer, Service, Spread, Target, TargetSource,
};

use crate::node_config::Context;
use crate::proto;
use crate::rejected::{Problems, RejectCode};
use crate::value;

pub(crate) fn services(
    list: &[proto::Service],
    context: &Context<'_>,
    problems: &mut Problems,
) -> Vec<Service> {
    list.iter()
        .enumerate()
        .map(|(i, service)| {
            let name = value::name(&service.name, format_args!("services[{i}].name"), problems);
            let at = format!("services[{name}]");
            Service {
                addresses: value::prefixes(&service.addresses, &format!("{at}.addresses"), problems),
                ports: port_rules(&service.ports, &at, problems),
                access: access(&service.access, &at, problems),
                public: value::choice::<proto::Scope>(service.scope, format_args!("{at}.scope"), problems)
                    == proto::Scope::Public,
                encryption: encryption(service.encryption, &at, problems),
                integrity: integrity(service.integrity, &at, problems),
                idle_timeout: (service.idle_timeout_seconds > 0)
                    .then(|| Duration::from_secs(service.idle_timeout_seconds.into())),
                spread: spread(service.spread, &at, problems),
                routes: service.routes.iter().map(|r| route(r, &at, context, problems)).collect(),
                name,
            }
        })
        .collect()
}

fn port_rules(list: &[proto::PortRule], at: &str, problems: &mut Problems) -> Vec<PortRule> {
    list.iter()
        .enumerate()
        .filter_map(|(i, rule)| {
            let field = format!("{at}.ports[{i}]");
            let Ok(protocol) = u8::try_from(rule.protocol) else {
                problems.reject(RejectCode::OutOfRange, &field, "an IP protocol number is at most 255");
                return None;
            };
            if (rule.first_port, rule.last_port) == (0, 0) {
                return Some(PortRule { protocol, ports: None });
            }
            let ports = value::ports(rule.first_port, rule.last_port, &field, problems)?;
            Some(PortRule { protocol, ports: Some(ports) })
        })
        .collect()
}

fn access(list: &[proto::AccessRule], at: &str, problems: &mut Problems) -> Vec<AccessRule> {
    list.iter()
        .enumerate()
        .map(|(i, rule)| AccessRule {
            tenant: value::name(&rule.tenant, format_args!("{at}.access[{i}].tenant"), problems),
            allow: match value::choice(rule.action, format_args!("{at}.access[{i}].action"), problems) {
                proto::AccessAction::Unspecified | proto::AccessAction::Allow => true,
                proto::AccessAction::Deny => false,
            },
        })
        .collect()
}

fn encryption(value: i32, at: &str, problems: &mut Problems) -> Encryption {
    match value::choice(value, format_args!("{at}.encryption"), problems) {
        proto::Encryption::Unspecified | proto::Encryption::Adaptive => Encryption::Adaptive,
        proto::Encryption::Always => Encryption::Always,
        proto::Encryption::Never => Encryption::Never,
    }
}

fn integrity(value: i32, at: &str, problems: &mut Problems) -> Integrity {
    match value::choice(value, format_args!("{at}.integrity"), problems) {
        proto::Integrity::Unspecified | proto::Integrity::Metadata => Integrity::Metadata,
        proto::Integrity::PerPacket => Integrity::PerPacket,
    }
}

fn spread(value: i32, at: &str, problems: &mut Problems) -> Spread {
    match value::choice(value, format_args!("{at}.spread"), problems) {
        proto::Spread::Unspecified | proto::Spread::Hunt => Spread::Hunt,
        proto::Spread::Proportional => Spread::Proportional,
    }
}

fn route(route: &proto::Route, service: &str, context: &Context<'_>, problems: &mut Problems) -> Route {
    let at = format!("{service}.routes[{}]", route.name);
    Route {
        name: value::name(&route.name, format_args!("{at}.name"), problems),
        peers: route
            .peers
            .iter()
            .enumerate()
            .map(|(i, peer)| RoutePeer {
                router: value::name(&peer.router, format_args!("{at}.peers[{i}].router"), problems),
                cost: peer.cost,
            })
            .collect(),
        targets: route
            .targets
            .iter()
            .enumerate()
            .filter_map(|(i, t)| target(t, &format!("{at}.targets[{i}]"), context, problems))
            .collect(),
        max_sessions: (route.max_sessions > 0).then_some(route.max_sessions),
    }
}

fn target(
    target: &proto::RouteTarget,
    at: &str,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<Target> {
    let address = value::address(&target.address, format_args!("{at}.address"), problems)?;
    let port = value::optional_port(target.port, format_args!("{at}.port"), problems);
    let source = source(target.source, address, at, context, problems)?;
    Some(Target { address, port, weight: target.weight, healthy: target.healthy, source })
}

/// Without a route towards it, or with the target on this very node, the node's own address cannot be used: packets that
/// come from a device with a local source are refused by the kernel. The return pool works there.
fn source(
    value: i32,
    address: IpAddr,
    at: &str,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<TargetSource> {
    Some(match value::choice(value, format_args!("{at}.source"), problems) {
        proto::TargetSource::Unspecified | proto::TargetSource::ReturnPool => TargetSource::ReturnPool,
        proto::TargetSource::Preserve => TargetSource::Preserve,
        proto::TargetSource::Node => {
            let pooled = context.return_pool.iter().any(|p| p.address.is_ipv4() == address.is_ipv4());
            match context.surroundings.source_towards(address) {
                Some(own) => TargetSource::Node(own),
                None if pooled => TargetSource::ReturnPool,
                None => {
                    TargetSource::Node(context.waypoint_like(address, &format!("{at}.source"), problems)?)
                }
            }
        }
    })
}
