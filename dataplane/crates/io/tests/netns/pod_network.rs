//! Quiver as the pod network of a cluster, and its retirement from a node.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use quiver_api::proto::{DumpRequest, ExplainRequest, NodeConfig, PodNetwork, PodRoute, TargetSource};
use quiver_io::{Engine, Router};

use crate::cluster::{Cluster, N1, N2, SERVICE, egress, ingress};
use crate::sites::assert_same;

fn network(number: u8, other: u8, via: [&str; 2]) -> PodNetwork {
    let route = |cidr: String, via: &str| PodRoute { cidr, via: via.into() };
    PodNetwork {
        own_cidrs: vec![format!("10.244.{number}.0/24"), format!("fd00:244:{number}::/64")],
        routes: vec![
            route(format!("10.244.{other}.0/24"), via[0]),
            route(format!("fd00:244:{other}::/64"), via[1]),
        ],
        mtu: 0,
        masquerade: true,
    }
}

fn first() -> NodeConfig {
    NodeConfig { pod_network: Some(network(1, 2, [N2, "fd00:1::12"])), ..ingress() }
}

fn second() -> NodeConfig {
    let mut node = ingress();
    node.node = "alpha-2".into();
    node.waypoints[0].address = N2.into();
    NodeConfig { pod_network: Some(network(2, 1, [N1, "fd00:1::11"])), ..node }
}

/// Whom a server in `server` sees when `client` dials `address`.
fn seen(cluster: &Cluster, server: &str, client: &str, address: &str) -> Option<String> {
    let any = if address.contains(':') { "::" } else { "0.0.0.0" };
    let listener = cluster.spaces.inside(server, || TcpListener::bind((any, 8081)).unwrap());
    let accepted = thread::spawn(move || listener.accept().unwrap().1.ip().to_string());
    let to = SocketAddr::new(address.parse().unwrap(), 8081);
    let patience = std::time::Duration::from_secs(5);
    let dialled = cluster.spaces.inside(client, || std::net::TcpStream::connect_timeout(&to, patience));
    dialled.ok()?;
    Some(accepted.join().unwrap())
}

fn pods_on_both(cluster: &Cluster) {
    for (node, pod) in [("n1", "p1"), ("n2", "p2")] {
        cluster.bridge(node);
        cluster.pod(node, pod, 4);
    }
}

#[test]
fn pods_of_two_nodes_reach_each_other_with_their_own_addresses_in_both_families() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    let (n1, n2) = (cluster.start("n1", first()), cluster.start("n2", second()));
    assert_eq!(seen(&cluster, "p2", "p1", "10.244.2.4").as_deref(), Some("10.244.1.4"));
    assert_eq!(seen(&cluster, "p1", "p2", "fd00:244:1::4").as_deref(), Some("fd00:244:2::4"));
    cluster.stop("n1", n1);
    cluster.stop("n2", n2);
}

#[test]
fn packet_of_a_pod_leaves_the_cluster_with_the_nodes_address() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    let n1 = cluster.start("n1", first());
    assert_eq!(seen(&cluster, "wan", "p1", "192.168.1.1").as_deref(), Some(N1));
    assert_eq!(seen(&cluster, "wan", "p1", "fd00:1::1").as_deref(), Some("fd00:1::11"));
    cluster.stop("n1", n1);
}

#[test]
fn pod_of_the_pod_network_is_the_client_of_a_service_with_its_own_address() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    cluster.bridge("m1");
    let target = cluster.pod("m1", "q1", 9);
    let n1 = cluster.start("n1", first());
    let m1 = cluster.start("m1", egress(&target, TargetSource::ReturnPool));
    let server = cluster.serve("q1", 1);
    assert!(cluster.ask("p1", SERVICE, 100_000).unwrap().starts_with("169.254."));
    server.join().unwrap();
    let sessions = n1.dump(&DumpRequest { address: "10.244.1.4".into(), ..Default::default() }).unwrap();
    assert_eq!(sessions.sessions[0].tenant, "staff", "{sessions:?}");
    cluster.stop("n1", n1);
    cluster.stop("m1", m1);
}

#[test]
fn address_without_a_pod_is_not_sent_to_the_default_gateway() {
    let cluster = Cluster::make();
    let n1 = cluster.start("n1", first());
    let routes = cluster.spaces.run("n1", "ip route get 10.244.1.77 2>&1 || true");
    assert!(!routes.contains("via"), "{routes}");
    cluster.stop("n1", n1);
}

#[test]
fn pod_network_is_taken_away_with_the_router_and_with_its_configuration() {
    let cluster = Cluster::make();
    cluster.bridge("n1");
    let before = cluster.spaces.state("n1");
    let mut n1 = cluster.start("n1", ingress());
    let without = cluster.spaces.state("n1");
    cluster.apply("n1", &mut n1, first());
    let with = cluster.spaces.state("n1");
    assert!(with.contains("10.244.2.0/24 via 192.168.1.12") && with.contains("masquerade"), "{with}");
    cluster.apply("n1", &mut n1, first());
    assert_same(&cluster.spaces.state("n1"), &with);
    cluster.apply("n1", &mut n1, ingress());
    assert_same(&cluster.spaces.state("n1"), &without);
    cluster.apply("n1", &mut n1, first());
    cluster.stop("n1", n1);
    assert_same(&cluster.spaces.state("n1"), &before);
}

#[test]
fn routes_to_pods_outlive_the_router_and_are_found_by_its_successor() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    let before = cluster.spaces.state("n1");
    let (n1, n2) = (cluster.start("n1", first()), cluster.start("n2", second()));
    cluster.spaces.inside("n1", move || n1.stop(true).unwrap());
    assert_eq!(seen(&cluster, "p2", "p1", "10.244.2.4").as_deref(), Some("10.244.1.4"));
    let n1 = cluster.start("n1", ingress());
    let routes = cluster.spaces.run("n1", "ip route; ip -6 route");
    assert!(!routes.contains("proto 82"), "{routes}");
    cluster.stop("n1", n1);
    assert_same(&cluster.spaces.state("n1"), &before);
    cluster.stop("n2", n2);
}

#[test]
fn pods_that_moved_to_another_node_are_followed_and_a_node_out_of_reach_is_told() {
    let cluster = Cluster::make();
    let mut n1 = cluster.start("n1", first());
    let moved = NodeConfig { pod_network: Some(network(1, 2, ["192.168.1.13", "fd00:1::13"])), ..first() };
    cluster.apply("n1", &mut n1, moved);
    let routes = cluster.spaces.run("n1", "ip route show 10.244.2.0/24; ip -6 route show fd00:244:2::/64");
    assert!(routes.contains("192.168.1.13") && routes.contains("fd00:1::13"), "{routes}");
    assert!(!routes.contains("1.12") && !routes.contains("::12"), "{routes}");
    let far = NodeConfig { pod_network: Some(network(1, 2, ["192.168.2.11", "fd00:1::13"])), ..first() };
    cluster.apply("n1", &mut n1, far);
    let notices = n1.telemetry().unwrap().notices;
    assert!(notices.iter().any(|notice| notice.contains("10.244.2.0/24 cannot be reached")), "{notices:?}");
    assert_eq!(cluster.spaces.run("n1", "ip route show 10.244.2.0/24"), "");
    cluster.stop("n1", n1);
}

#[test]
fn route_to_pods_comes_back_with_its_link() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    let (n1, n2) = (cluster.start("n1", first()), cluster.start("n2", second()));
    cluster
        .spaces
        .run("n1", "ip link set eth0 down; test -z \"$(ip route show 10.244.2.0/24)\"; ip link set eth0 up");
    // The router follows the news of the kernel by itself; one answer of many is enough.
    cluster.spaces.run("p1", "ping -c 50 -i 0.1 -W 1 10.244.2.4");
    cluster.stop("n1", n1);
    cluster.stop("n2", n2);
}

fn retired() -> NodeConfig {
    NodeConfig { retire: true, ..NodeConfig::default() }
}

fn answers(router: &Router<Engine>) -> usize {
    router.dump(&DumpRequest::default()).unwrap().sessions.len()
}

#[test]
fn retired_node_is_as_it_was_and_comes_back_with_the_next_configuration() {
    let cluster = Cluster::make();
    pods_on_both(&cluster);
    cluster.bridge("m1");
    let target = cluster.pod("m1", "q1", 9);
    let before = cluster.spaces.state("n1");
    let mut n1 = cluster.start("n1", first());
    let mut m1 = cluster.start("m1", egress(&target, TargetSource::ReturnPool));
    let server = cluster.serve("q1", 2);
    assert!(cluster.ask("p1", SERVICE, 1000).is_some());
    cluster.apply("n1", &mut n1, retired());
    assert_same(&cluster.spaces.state("n1"), &before);
    assert_eq!(answers(&n1), 0);
    assert!(n1.telemetry().unwrap().notices.is_empty());
    n1.explain(&ExplainRequest::default()).unwrap_err();
    cluster.apply("n1", &mut n1, retired());
    assert_eq!(cluster.ask("p1", SERVICE, 1000), None);
    let boot = n1.telemetry().unwrap().counters.unwrap().boot_id;
    cluster.apply("n1", &mut n1, first());
    assert_ne!(n1.telemetry().unwrap().counters.unwrap().boot_id, boot);
    assert!(cluster.ask("p1", SERVICE, 1000).is_some());
    server.join().unwrap();
    cluster.apply("n1", &mut n1, retired());
    cluster.stop("n1", n1);
    assert_same(&cluster.spaces.state("n1"), &before);
    cluster.apply("m1", &mut m1, retired());
    cluster.stop("m1", m1);
}

#[test]
fn refused_configuration_does_not_bring_a_retired_node_back() {
    let cluster = Cluster::make();
    let before = cluster.spaces.state("n1");
    let mut n1 = cluster.start("n1", retired());
    assert_same(&cluster.spaces.state("n1"), &before);
    let wrong = NodeConfig { service_pool: vec!["198.18.0.1/16".into()], ..first() };
    cluster.spaces.inside("n1", || n1.apply(wrong, Vec::new()).unwrap_err());
    assert_same(&cluster.spaces.state("n1"), &before);
    cluster.stop("n1", n1);
    assert_same(&cluster.spaces.state("n1"), &before);
}
