//! Behaviour of service matching.

use core::net::IpAddr;

use proptest::prelude::*;

use crate::config::{Config, PortRule, Service, ServiceMatch};
use crate::config_error::ConfigErrorCode as Code;
use crate::drop_reason::DropReason;
use crate::forwarding::fixture::{ServiceBuilder, codes, config, ip, prefix, service, tables};
use crate::forwarding::tables::Tables;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;
const ESP: u8 = 50;

fn with(services: Vec<ServiceBuilder>) -> Config {
    Config { services: services.into_iter().map(ServiceBuilder::build).collect(), ..config() }
}

fn names(tables: &Tables, destination: &str, protocol: u8, port: u16) -> Vec<String> {
    let matches = tables.matches(ip(destination), protocol, port);
    matches.map(|id| tables.service(id).unwrap().name.to_string()).collect()
}

#[test]
fn service_with_the_port_beats_a_longer_prefix_without_one() {
    let tables = tables(&with(vec![
        service("host").at("198.18.0.9/32"),
        service("tcp").at("198.18.0.0/24").protocol(TCP),
        service("web").at("198.18.0.0/16").ports(TCP, 443, 443),
    ]));
    assert_eq!(names(&tables, "198.18.0.9", TCP, 443), ["web", "tcp", "host"]);
    assert_eq!(names(&tables, "198.18.0.9", TCP, 80), ["tcp", "host"]);
    assert_eq!(names(&tables, "198.18.0.9", UDP, 443), ["host"]);
    assert_eq!(names(&tables, "198.18.1.9", UDP, 443), Vec::<String>::new());
}

#[test]
fn longest_prefix_decides_within_one_class() {
    let tables = tables(&with(vec![
        service("wide").at("198.18.0.0/16").ports(TCP, 1, 65535),
        service("narrow").at("198.18.0.0/24").ports(TCP, 80, 80),
        service("v6").at("fd00:c6::/64").ports(TCP, 80, 80),
    ]));
    assert_eq!(names(&tables, "198.18.0.1", TCP, 80), ["narrow", "wide"]);
    assert_eq!(names(&tables, "198.18.0.1", TCP, 81), ["wide"]);
    assert_eq!(names(&tables, "fd00:c6::9", TCP, 80), ["v6"]);
}

#[test]
fn port_range_covers_both_its_ends_and_no_neighbour() {
    let tables = tables(&with(vec![
        service("low").at("198.18.0.1/32").ports(UDP, 10000, 20000),
        service("high").at("198.18.0.1/32").ports(UDP, 20001, 20001).ports(UDP, 65535, 65535),
    ]));
    for (port, expected) in [(10000, "low"), (20000, "low"), (20001, "high"), (65535, "high")] {
        assert_eq!(names(&tables, "198.18.0.1", UDP, port), [expected], "{port}");
    }
    for port in [9999, 20002, 0] {
        assert_eq!(names(&tables, "198.18.0.1", UDP, port), Vec::<String>::new(), "{port}");
    }
    assert_eq!(names(&tables, "198.18.0.1", TCP, 10000), Vec::<String>::new());
}

#[test]
fn icmp_rule_covers_icmp_of_both_families() {
    let tables = tables(&with(vec![service("ping").at("198.18.0.1/32").at("fd00:c6::1/128").protocol(ICMP)]));
    assert_eq!(names(&tables, "198.18.0.1", ICMP, 0), ["ping"]);
    assert_eq!(names(&tables, "fd00:c6::1", ICMPV6, 0), ["ping"]);
    let ping = tables.service_named("ping").unwrap();
    assert!(tables.serves(ping, ICMPV6, 0) && tables.serves(ping, ICMP, 7));
    assert!(!tables.serves(ping, TCP, 0));
}

#[test]
fn protocol_without_ports_matches_by_its_number() {
    let tables = tables(&with(vec![service("vpn").at("198.18.0.1/32").protocol(ESP).ports(UDP, 500, 500)]));
    assert_eq!(names(&tables, "198.18.0.1", ESP, 0), ["vpn"]);
    assert_eq!(names(&tables, "198.18.0.1", 47, 0), Vec::<String>::new());
}

#[test]
fn best_only_denies_although_a_wider_service_would_admit() {
    let services = || {
        vec![
            service("db").at("198.18.0.1/32").ports(TCP, 5432, 5432).access(&[("prod", true)]),
            service("all").at("198.18.0.0/16").access(&[("dev", true)]),
        ]
    };
    let best = tables(&with(services()));
    assert_eq!(best.resolve(ip("198.18.0.1"), TCP, 5432, Some("dev")), Err(DropReason::AccessDenied));
    let any = tables(&Config { service_match: ServiceMatch::Any, ..with(services()) });
    assert_eq!(any.resolve(ip("198.18.0.1"), TCP, 5432, Some("dev")), Ok(any.service_named("all").unwrap()));
    assert_eq!(
        any.resolve(ip("198.18.0.1"), TCP, 5432, Some("web.prod")),
        Ok(any.service_named("db").unwrap())
    );
    assert_eq!(any.resolve(ip("198.18.0.1"), TCP, 5432, Some("guests")), Err(DropReason::AccessDenied));
}

#[test]
fn destination_without_a_service_is_told_apart_from_a_denied_one() {
    let tables = tables(&with(vec![service("db").at("198.18.0.1/32").access(&[("prod", true)])]));
    assert_eq!(tables.resolve(ip("198.18.0.2"), TCP, 1, Some("prod")), Err(DropReason::NoService));
    assert_eq!(tables.resolve(ip("198.18.0.1"), TCP, 1, Some("dev")), Err(DropReason::AccessDenied));
    assert_eq!(tables.resolve(ip("198.18.0.1"), TCP, 1, None), Err(DropReason::NoTenant));
}

#[test]
fn service_without_addresses_is_known_by_name_only() {
    let tables = tables(&with(vec![service("prod/db").ports(TCP, 5432, 5440)]));
    let db = tables.service_named("prod/db").unwrap();
    assert!(tables.serves(db, TCP, 5440));
    assert!(!tables.serves(db, TCP, 5441) && !tables.serves(db, UDP, 5440));
    assert_eq!(tables.service_named("prod/web"), None);
    assert_eq!(names(&tables, "198.18.0.1", TCP, 5432), Vec::<String>::new());
}

#[test]
fn services_that_cover_the_same_traffic_are_refused() {
    let refused = |one: ServiceBuilder, other: ServiceBuilder| {
        codes(&with(vec![one.at("198.18.0.1/32"), other.at("198.18.0.1/32")]))
    };
    let overlap = [Code::ServiceOverlap];
    assert_eq!(refused(service("a"), service("b")), overlap);
    assert_eq!(refused(service("a").protocol(ICMP), service("b").protocol(ICMPV6)), overlap);
    assert_eq!(refused(service("a").ports(TCP, 80, 90), service("b").ports(TCP, 90, 90)), overlap);
    assert_eq!(refused(service("a").ports(TCP, 85, 85), service("b").ports(TCP, 80, 90)), overlap);
    assert_eq!(refused(service("a").ports(TCP, 80, 90), service("b").ports(TCP, 91, 91)), []);
    assert_eq!(refused(service("a").ports(TCP, 80, 90), service("b").ports(UDP, 80, 90)), []);
    assert_eq!(refused(service("a").protocol(TCP), service("b").ports(TCP, 80, 90)), []);
}

#[test]
fn overlap_error_names_both_services_and_the_traffic() {
    let config = with(vec![
        service("prod/a").at("198.18.0.1/32").ports(TCP, 80, 90),
        service("prod/b").at("198.18.0.1/32").ports(TCP, 90, 90),
    ]);
    let errors: Vec<String> = Tables::build(&config).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "services[prod/b].addresses: protocol 6 port 90 of 198.18.0.1/32 belongs to prod/a already (service_overlap)"
        ]
    );
}

#[test]
fn overlapping_ports_of_one_service_are_one_range() {
    let web = service("web").at("198.18.0.1/32").ports(TCP, 80, 90).ports(TCP, 85, 99).ports(TCP, 1, 200);
    let tables = tables(&with(vec![web.ports(TCP, 443, 443).at("198.18.0.1/32")]));
    for port in [1, 80, 99, 200, 443] {
        assert_eq!(names(&tables, "198.18.0.1", TCP, port), ["web"], "{port}");
    }
    assert_eq!(names(&tables, "198.18.0.1", TCP, 201), Vec::<String>::new());
}

#[test]
fn impossible_services_are_refused_by_name() {
    let one = |built: ServiceBuilder| codes(&with(vec![built]));
    assert_eq!(one(service("a").ports(TCP, 90, 80)), [Code::PortRuleInvalid]);
    assert_eq!(one(service("a").ports(TCP, 0, 80)), [Code::PortRuleInvalid]);
    assert_eq!(one(service("a").ports(ESP, 1, 80)), [Code::PortRuleInvalid]);
    assert_eq!(one(service("a").at("198.18.0.1/16")), [Code::PrefixHostBits]);
    assert_eq!(one(service("")), [Code::NameInvalid]);
    assert_eq!(codes(&with(vec![service("a"), service("a")])), [Code::NameDuplicate]);
}

/// Says the same as the tables by looking at every service.
fn model(services: &[Service], destination: IpAddr, protocol: u8, port: u16) -> Vec<usize> {
    let icmp = |protocol: u8| if protocol == ICMPV6 { ICMP } else { protocol };
    let covers = |rule: &PortRule| {
        icmp(rule.protocol) == icmp(protocol)
            && rule.ports.is_none_or(|range| range.first <= port && port <= range.last)
    };
    let mut matches = Vec::new();
    for (index, service) in services.iter().enumerate() {
        let lengths = service.addresses.iter().filter(|prefix| prefix.contains(destination));
        let Some(length) = lengths.map(|prefix| prefix.length).max() else { continue };
        for rule in service.ports.iter().filter(|rule| covers(rule)) {
            matches.push((u8::from(rule.ports.is_none()), 255 - length, index));
        }
        if service.ports.is_empty() {
            matches.push((2, 255 - length, index));
        }
    }
    matches.sort_unstable();
    let mut order = Vec::new();
    for (_, _, index) in matches {
        if !order.contains(&index) {
            order.push(index);
        }
    }
    order
}

fn any_service() -> impl Strategy<Value = Service> {
    let length = prop_oneof![Just(16u8), Just(20), Just(24), Just(28), Just(32)];
    let place = (0u16..4, 0u8..2, length).prop_map(|(third, fourth, length)| {
        let bits = u32::from_be_bytes([198, 18, (third * 16) as u8, fourth * 17]);
        let address = core::net::Ipv4Addr::from_bits(bits & (u32::MAX << (32 - u32::from(length))));
        format!("{address}/{length}")
    });
    let rule = prop_oneof![
        (prop_oneof![Just(TCP), Just(UDP)], 1u16..12, 0u16..6)
            .prop_map(|(p, first, n)| (p, Some((first, first + n)))),
        prop_oneof![Just(TCP), Just(UDP), Just(ICMP), Just(ICMPV6), Just(ESP)].prop_map(|p| (p, None)),
    ];
    (proptest::collection::vec(place, 0..3), proptest::collection::vec(rule, 0..3)).prop_map(
        |(places, rules)| {
            let built = places.iter().fold(service("x"), |built, place| built.at(place));
            let built = rules.into_iter().fold(built, |built, (protocol, ports)| match ports {
                Some((first, last)) => built.ports(protocol, first, last),
                None => built.protocol(protocol),
            });
            built.build()
        },
    )
}

/// Leaves out each service that overlaps an earlier one.
fn without_overlaps(candidates: Vec<Service>) -> Vec<Service> {
    let mut kept: Vec<Service> = Vec::new();
    for (index, mut candidate) in candidates.into_iter().enumerate() {
        candidate.name = format!("s{index}").into();
        kept.push(candidate);
        if Tables::build(&Config { services: kept.clone(), ..config() }).is_err() {
            kept.pop();
        }
    }
    kept
}

proptest! {
    #[test]
    fn match_order_agrees_with_a_scan_of_all_services(
        candidates in proptest::collection::vec(any_service(), 1..14),
        probes in proptest::collection::vec((0u16..4, 0u8..2, 0u16..20), 1..20),
    ) {
        let services = without_overlaps(candidates);
        let tables = tables(&Config { services: services.clone(), ..config() });
        for (third, fourth, port) in probes {
            let destination = ip(&format!("198.18.{}.{}", third * 16, fourth * 17));
            for protocol in [TCP, UDP, ICMP, ICMPV6, ESP] {
                let mut found: Vec<usize> = Vec::new();
                for id in tables.matches(destination, protocol, port) {
                    if !found.contains(&id.index()) {
                        found.push(id.index());
                    }
                }
                prop_assert_eq!(found, model(&services, destination, protocol, port));
            }
        }
    }

    #[test]
    fn refused_overlaps_are_exactly_the_pairs_that_share_traffic(one in any_service(), other in any_service()) {
        let shared = |a: &PortRule, b: &PortRule| {
            let same = a.protocol == b.protocol || [a.protocol, b.protocol].iter().all(|p| [ICMP, ICMPV6].contains(p));
            same && match (a.ports, b.ports) {
                (None, None) => true,
                (Some(a), Some(b)) => a.first <= b.last && b.first <= a.last,
                (None, Some(_)) | (Some(_), None) => false,
            }
        };
        let rules = one.ports.iter().any(|a| other.ports.iter().any(|b| shared(a, b)))
            || (one.ports.is_empty() && other.ports.is_empty());
        let expected = rules && one.addresses.iter().any(|prefix| other.addresses.contains(prefix));
        let second = Service { name: "y".into(), ..other };
        let refused = codes(&Config { services: vec![one, second], ..config() });
        prop_assert_eq!(refused.contains(&Code::ServiceOverlap), expected);
    }
}

#[test]
fn prefix_of_any_length_is_a_service_address() {
    let tables = tables(&with(vec![service("internet").at("0.0.0.0/0"), service("six").at("::/0")]));
    assert_eq!(names(&tables, "8.8.8.8", TCP, 1), ["internet"]);
    assert_eq!(names(&tables, "2001:db8::1", TCP, 1), ["six"]);
    assert!(tables.services()[0].is_dialled_at(prefix("9.9.9.9/32").address));
}
