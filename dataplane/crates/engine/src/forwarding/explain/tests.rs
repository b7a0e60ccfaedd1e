//! What explanations say.

use crate::config::{Config, Encryption, ServiceMatch};
use crate::drop_reason::DropReason;
use crate::forwarding::explain::{ExplainQuery, Explanation, Verdict};
use crate::forwarding::fixture::{config, ip, peer, route, service, tables, target, tenant};
use crate::forwarding::path::PathId;
use crate::forwarding::route::RouteId;
use crate::forwarding::select::Load;
use crate::packet::InterfaceId;

/// Everything has room; every path is suspect, or none.
struct Paths {
    suspect: bool,
}

impl Load for Paths {
    fn has_room(&self, _: RouteId, _: u32) -> bool {
        true
    }

    fn is_suspect(&self, _: PathId) -> bool {
        self.suspect
    }
}

fn site() -> Config {
    Config {
        tenants: vec![
            tenant("web.prod", &[("10.1.0.0/24", None)]),
            tenant("guests", &[("10.2.0.0/24", None)]),
        ],
        peers: vec![peer("b", &[("b1", "203.0.113.21", 0), ("b2", "203.0.113.22", 1)])],
        services: vec![
            service("db")
                .at("198.18.0.7/32")
                .ports(6, 5432, 5432)
                .access(&[("prod", true), ("old.prod", false)])
                .route(route("db").peer("b", 1))
                .build(),
            service("all")
                .at("198.18.0.0/24")
                .access(&[("guests", true)])
                .encryption(Encryption::Never)
                .route(route("all").target(target("10.1.0.9", None)))
                .build(),
        ],
        ..config()
    }
}

fn ask(config: &Config, from: &str, to: &str, port: u16, suspect: bool) -> Explanation {
    let query = ExplainQuery {
        from: ip(from),
        from_port: 40000,
        to: ip(to),
        to_port: port,
        protocol: 6,
        interface: InterfaceId(0),
    };
    tables(config).explain(&query, 1, &Paths { suspect })
}

fn lines(explanation: &Explanation) -> Vec<String> {
    let mark = |passed| if passed { "+" } else { "-" };
    explanation
        .steps
        .iter()
        .map(|step| format!("{} {}: {}", mark(step.passed), step.step.name(), step.detail))
        .collect()
}

#[test]
fn forwarded_packet_is_explained_from_tenant_to_security() {
    let explanation = ask(&site(), "10.1.0.5", "198.18.0.7", 5432, false);
    assert_eq!(
        lines(&explanation),
        [
            "+ tenant: 10.1.0.5 belongs to tenant web.prod",
            "+ service: 198.18.0.7 protocol 6 port 5432 belongs to service db; \
             also covered by all (less specific and never tried)",
            "+ access: db admits tenant web.prod by its entry for prod",
            "+ route: service route db is taken; 1 more could be",
            "+ path: to node b1 of b from 192.0.2.1 to 203.0.113.21, MTU 1500",
            "+ security: payload is sealed unless it is TLS, QUIC or IPsec already (encryption Adaptive)",
        ]
    );
    assert_eq!((explanation.verdict(), explanation.reason), (Verdict::Forwarded, None));
}

#[test]
fn denied_packet_is_explained_up_to_the_access_list() {
    let explanation = ask(&site(), "10.2.0.5", "198.18.0.7", 5432, false);
    assert_eq!(lines(&explanation)[2..], ["- access: no entry of db admits tenant guests"]);
    assert_eq!(
        (explanation.verdict(), explanation.reason),
        (Verdict::Denied, Some(DropReason::AccessDenied))
    );
    let stranger = ask(&site(), "10.9.0.5", "198.18.0.7", 5432, false);
    assert_eq!(
        lines(&stranger)[0],
        "+ tenant: 10.9.0.5 belongs to no tenant; only public services are open to it"
    );
    assert_eq!((stranger.verdict(), stranger.reason), (Verdict::Denied, Some(DropReason::NoTenant)));
}

#[test]
fn denying_entry_is_named_with_the_tenant_it_denies() {
    let mut config = site();
    config.tenants[0].name = "old.prod".into();
    let explanation = ask(&config, "10.1.0.5", "198.18.0.7", 5432, false);
    assert_eq!(lines(&explanation)[2..], ["- access: db denies tenant old.prod by its entry for old.prod"]);
    config.services[0].access.clear();
    let explanation = ask(&config, "10.1.0.5", "198.18.0.7", 5432, false);
    assert_eq!(lines(&explanation)[2..], ["- access: db admits nobody"]);
}

#[test]
fn fall_through_explains_the_service_that_admits() {
    let config = Config { service_match: ServiceMatch::Any, ..site() };
    let explanation = ask(&config, "10.2.0.5", "198.18.0.7", 5432, false);
    assert_eq!(
        lines(&explanation)[1..],
        [
            "+ service: 198.18.0.7 protocol 6 port 5432 belongs to service all; \
             also covered by db (tried only where a better one does not admit the tenant)",
            "+ access: all admits tenant guests by its entry for guests",
            "+ route: service route all is taken; 0 more could be",
            "+ path: target 10.1.0.9",
            "+ security: the session does not leave this node's site",
        ]
    );
}

#[test]
fn destination_without_a_service_ends_the_explanation_there() {
    let explanation = ask(&site(), "10.1.0.5", "198.18.9.9", 80, false);
    assert_eq!(lines(&explanation)[1..], ["- service: no service covers 198.18.9.9 protocol 6 port 80"]);
    assert_eq!((explanation.verdict(), explanation.reason), (Verdict::Dropped, Some(DropReason::NoService)));
}

#[test]
fn service_that_leads_nowhere_ends_the_explanation_at_the_route() {
    let mut config = site();
    config.services[0].routes.clear();
    let explanation = ask(&config, "10.1.0.5", "198.18.0.7", 5432, false);
    assert_eq!(
        lines(&explanation)[3..],
        ["- route: db: The service has no service route here that leads anywhere."]
    );
    config.services[0].routes.push(site().services[0].routes[0].clone());
    config.peers[0].waypoints.clear();
    let explanation = ask(&config, "10.1.0.5", "198.18.0.7", 5432, false);
    assert_eq!(
        lines(&explanation)[3..],
        ["- path: db: No usable peer path leads to a router that serves the service."]
    );
    assert_eq!(explanation.verdict(), Verdict::Dropped);
}

#[test]
fn suspect_path_and_demanding_peer_are_mentioned() {
    let mut config = site();
    config.peers[0].always_encrypt = true;
    let explanation = ask(&config, "10.1.0.5", "198.18.0.7", 5432, true);
    let lines = lines(&explanation);
    assert!(lines[4].ends_with("; recent first packets over it went unanswered"), "{}", lines[4]);
    assert_eq!(lines[5], "+ security: payload is sealed because the peer demands it");
}
