//! Who may reach what.

use quiver_engine::config::{Rejection, ServiceMatch};
use quiver_engine::drop_reason::DropReason;
use quiver_engine::packet::InterfaceId;
use quiver_sim::{Plan, ServicePlan, UdpService};

use crate::sites::*;

#[test]
fn allowed_client_reaches_a_server_of_the_other_site_with_the_same_prefix() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let arrived = &net.inbox("server")[0];
    assert!(arrived.from().ip().to_string().starts_with("169.254."), "{}", arrived.from());
    assert_eq!(net.session("a").tenant.as_deref(), Some("corp"));
    assert_eq!(net.session("b").tenant.as_deref(), Some("corp"));
}

#[test]
fn answers_come_from_the_address_that_the_client_dialled() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!(net.inbox("client")[0].from().to_string(), ECHO);
}

#[test]
fn client_of_another_tenant_is_refused_at_the_ingress() {
    let mut net = fabric();
    assert!(!echoes(&mut net, "guest", 5000, ECHO));
    assert_eq!(net.drops("a", DropReason::AccessDenied), 1);
    assert!(
        net.wan.iter().all(|seen| seen.ports().0 == 16_384 || seen.ports().1 == 16_385),
        "only announcements"
    );
    assert!(net.inbox("server").is_empty());
}

#[test]
fn denied_udp_client_is_told_administratively_prohibited() {
    let mut net = fabric();
    net.udp("guest", 5000, ECHO, b"let me in");
    net.udp("guest", 5000, "[fd00:c6::1]:7", b"let me in");
    net.run_ms(100);
    let errors: Vec<_> = net.inbox("guest").iter().filter_map(quiver_sim::Arrival::icmp_error).collect();
    assert_eq!(errors, [(3, 13), (1, 1)]);
}

#[test]
fn denied_tcp_client_gets_a_reset_at_once() {
    let mut net = fabric();
    let connection = net.connect("guest", WEB, quiver_sim::Script::Manual);
    net.run_ms(100);
    assert!(net.connection(connection).was_reset());
    assert!(!net.connection(connection).was_established);
}

#[test]
fn denied_client_hears_nothing_when_rejection_is_silent() {
    let mut net = with_programs(
        two_sites().service(everything()).start_with(7, |_, config| config.rejection = Rejection::Silent),
    );
    net.udp("guest", 5000, ECHO, b"let me in");
    let connection = net.connect("guest", WEB, quiver_sim::Script::Manual);
    net.run_ms(500);
    assert!(net.inbox("guest").is_empty());
    assert_eq!(net.connection(connection).state, smoltcp::socket::tcp::State::SynSent);
}

#[test]
fn source_without_a_tenant_is_refused_by_a_private_service() {
    let mut net = fabric();
    assert!(!echoes(&mut net, "nobody", 5000, ECHO));
    assert_eq!(net.drops("a", DropReason::NoTenant), 1);
}

#[test]
fn public_service_admits_a_source_without_a_tenant() {
    let mut net = fabric_of(two_sites().service(everything().public()));
    assert!(echoes(&mut net, "nobody", 5000, ECHO));
    assert_eq!(net.session("b").tenant, None);
}

#[test]
fn child_tenant_inherits_the_access_of_its_parent() {
    let plan = two_sites().tenant_at("a", "lab.corp", &["10.1.0.99/32"]).service(everything());
    let mut net = fabric_of(plan);
    assert!(echoes(&mut net, "nobody", 5000, ECHO));
    assert_eq!(net.session("b").tenant.as_deref(), Some("lab.corp"));
}

#[test]
fn deny_of_a_child_beats_the_allow_of_its_parent() {
    let plan = two_sites().tenant_at("a", "lab.corp", &["10.1.0.99/32"]);
    let mut net = fabric_of(plan.service(everything().deny("lab.corp")));
    assert!(!echoes(&mut net, "nobody", 5000, ECHO));
    assert!(echoes(&mut net, "client", 5000, ECHO));
}

#[test]
fn most_specific_member_decides_the_tenant_of_a_source() {
    let plan = two_sites().tenant_at("a", "wide", &["10.1.0.0/24"]).service(everything());
    let mut net = fabric_of(plan);
    assert!(echoes(&mut net, "client", 5000, ECHO), "10.1.0.10/32 is corp");
    assert!(!echoes(&mut net, "nobody", 5000, ECHO), "the rest is wide");
    assert_eq!(net.drops("a", DropReason::AccessDenied), 1);
}

#[test]
fn interface_tells_apart_two_tenants_with_the_same_addresses() {
    let plan = Plan::new()
        .router("a", &[A])
        .router("b", &[B])
        .host_on("a", "client", &["10.1.0.10"], 1)
        .host("b", "server", &["10.1.0.20"])
        .tenant_on("a", "corp", &["10.1.0.0/24"], 1)
        .tenant_on("a", "guest", &["10.1.0.0/24"], 2)
        .service(everything());
    let mut net = fabric_of(plan);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.host_mut("client").interface = InterfaceId(2);
    assert!(!echoes(&mut net, "client", 5001, ECHO));
}

#[test]
fn service_for_one_port_beats_the_service_for_all_ports() {
    let special =
        ServicePlan::new("special", &["198.18.0.1/32"]).udp(7, 7).allow("corp").server("b", "10.1.0.21");
    let plan = two_sites().host("b", "special", &["10.1.0.21"]).service(everything()).service(special);
    let mut net = fabric_of(plan);
    net.host_mut("special").udp.insert(7, UdpService::Echo);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert_eq!((net.inbox("special").len(), net.inbox("server").len()), (1, 0));
    assert_eq!(&*net.session("b").service, "lab/special");
}

#[test]
fn longest_service_prefix_wins() {
    let wide = ServicePlan::new("wide", &["198.18.0.0/24"]).allow("corp").server("b", "10.1.0.21");
    let plan = two_sites().host("b", "wide", &["10.1.0.21"]).service(wide).service(everything());
    let mut net = fabric_of(plan);
    net.udp("client", 5000, ECHO, b"to the host");
    net.udp("client", 5000, "198.18.0.2:7", b"to the net");
    net.run_ms(100);
    assert_eq!((net.inbox("server").len(), net.inbox("wide").len()), (1, 1));
}

#[test]
fn denying_best_match_ends_the_search_unless_any_match_is_wanted() {
    let wide = ServicePlan::new("wide", &["198.18.0.0/24"]).allow("guest").server("b", "10.1.0.20");
    let plan = || two_sites().service(wide.clone()).service(everything());
    let mut best = fabric_of(plan());
    assert!(!echoes(&mut best, "guest", 5000, ECHO));
    let any = plan().start_with(7, |_, config| config.service_match = ServiceMatch::Any);
    let mut any = with_programs(any);
    assert!(echoes(&mut any, "guest", 5000, ECHO));
}

#[test]
fn egress_refuses_a_tenant_that_its_own_access_list_lacks() {
    let started = two_sites().service(everything()).start_with(7, |router, config| {
        if router == "b" {
            config.services[0].access.clear();
        }
    });
    let mut net = with_programs(started);
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(net.drops("b", DropReason::AccessDenied) > 0);
    assert!(net.inbox("server").is_empty());
    assert!(net.sessions("b").is_empty());
}

#[test]
fn egress_refuses_a_service_that_it_does_not_know() {
    let started = two_sites().service(everything()).start_with(7, |router, config| {
        if router == "b" {
            config.services.clear();
        }
    });
    let mut net = with_programs(started);
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(net.drops("b", DropReason::ServiceUnknown) > 0);
}

#[test]
fn address_without_a_service_is_dropped_and_counted() {
    let mut net = fabric();
    net.udp("client", 5000, "198.18.7.7:7", b"anybody there");
    net.run_ms(100);
    assert_eq!(net.drops("a", DropReason::NoService), 1);
}

#[test]
fn range_of_ports_is_served_and_the_port_behind_it_is_not() {
    let range =
        ServicePlan::new("range", &["198.18.0.1/32"]).udp(3000, 3004).allow("corp").server("b", "10.1.0.20");
    let mut net = fabric_of(two_sites().service(range));
    for port in 2999..=3005 {
        net.udp("client", 5000, &format!("198.18.0.1:{port}"), format!("{port}").as_bytes());
    }
    net.run_ms(200);
    let mut got = net.payloads("server");
    got.sort();
    assert_eq!(got, [b"3000", b"3001", b"3002", b"3003", b"3004"]);
    assert_eq!(net.drops("a", DropReason::NoService), 2);
}

#[test]
fn service_with_a_local_server_needs_no_other_router() {
    let local = ServicePlan::new("local", &["198.18.0.9/32"]).allow("corp").server("a", "10.1.0.30");
    let plan = two_sites().host("a", "neighbour", &["10.1.0.30"]).service(local);
    let mut net = fabric_of(plan);
    net.host_mut("neighbour").udp.insert(7, UdpService::Echo);
    assert!(echoes(&mut net, "client", 5000, "198.18.0.9:7"));
    assert_eq!(net.session("a").role.name(), "Local");
    assert!(net.sessions("b").is_empty());
}
