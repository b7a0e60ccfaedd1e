//! Routers in real network namespaces. Needs root; run as `cargo test -p quiver-io --test netns`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails loudly, in its helpers too")]
#![expect(clippy::indexing_slicing, clippy::panic, reason = "a test fails loudly, in its helpers too")]

mod captures;
mod cluster;
mod fabric;
mod faults;
mod kubernetes;
mod pod_network;
mod process;
mod relay;
mod sites;

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use process::Process;
use quiver_api::proto::{self, NodeConfig};
use quiver_io::{Router, StartOptions};
use relay::Relay;
use sites::{A, B, CLIENT, SERVICE, Sites, config_a, config_b};

const TRY: Duration = Duration::from_millis(200);
const TRIES: u32 = 50;

fn options(workers: u8) -> StartOptions {
    StartOptions { workers, mtu: 1400, ..StartOptions::default() }
}

fn start(sites: &Sites, name: &str, node: NodeConfig, workers: u8) -> Router<Relay> {
    sites.inside(name, move || {
        let mut router = Router::start(&options(workers)).unwrap();
        router.apply(node, Vec::new()).unwrap();
        router
    })
}

fn stop(sites: &Sites, name: &str, router: Router<Relay>) {
    sites.inside(name, move || router.stop(false).unwrap());
}

/// Echoes UDP at the service, and tells each client's address.
fn serve_udp(sites: &Sites, address: &str) -> UdpSocket {
    let at = SocketAddr::new(address.parse().unwrap(), 9000);
    let socket = sites.inside("server", move || UdpSocket::bind(at).unwrap());
    let answering = socket.try_clone().unwrap();
    thread::spawn(move || {
        let mut bytes = [0; 2048];
        while let Ok((length, from)) = answering.recv_from(&mut bytes) {
            if bytes[..length] == *b"stop" {
                return;
            }
            let reply = format!("{} {}", from.ip(), String::from_utf8_lossy(&bytes[..length]));
            let _ = answering.send_to(reply.as_bytes(), from);
        }
    });
    socket
}

/// Sends until an answer comes; `None` when none came.
fn ask(sites: &Sites, service: &str, text: &str, tries: u32) -> Option<String> {
    let to = SocketAddr::new(service.parse().unwrap(), 9000);
    let any: IpAddr = if to.is_ipv4() { "0.0.0.0" } else { "::" }.parse().unwrap();
    sites.inside("client", move || {
        let socket = UdpSocket::bind((any, 0)).unwrap();
        socket.set_read_timeout(Some(TRY)).unwrap();
        let mut bytes = [0; 2048];
        for _ in 0..tries {
            // Refused or unreachable now: tried again.
            let _ = socket.send_to(text.as_bytes(), to);
            if let Ok(length) = socket.recv(&mut bytes) {
                return Some(String::from_utf8_lossy(&bytes[..length]).into_owned());
            }
        }
        None
    })
}

#[test]
fn udp_of_both_families_crosses_two_routers_with_the_clients_own_address() {
    let sites = Sites::make();
    let (a, b) = (start(&sites, "a", config_a(), 2), start(&sites, "b", config_b(), 2));
    let _v4 = serve_udp(&sites, SERVICE);
    let _v6 = serve_udp(&sites, "fd00:18::17");
    for i in 0..20 {
        let text = format!("number {i}");
        assert_eq!(ask(&sites, SERVICE, &text, TRIES), Some(format!("{CLIENT} {text}")));
        assert_eq!(ask(&sites, "fd00:18::17", &text, TRIES), Some(format!("fd00:1::2 {text}")));
    }
    let counters = sites.inside("a", || a.telemetry().unwrap()).counters.unwrap();
    assert!(counters.lan_packets_in >= 40 && counters.wan_packets_in >= 40, "{counters:?}");
    assert_eq!((counters.drops.len(), counters.workers), (0, 2));
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn tcp_crosses_with_checksums_finished_in_software() {
    let sites = Sites::make();
    for (name, device) in [
        ("client", "to-a"),
        ("a", "to-client"),
        ("a", "to-middle"),
        ("b", "to-middle"),
        ("b", "to-server"),
        ("server", "to-b"),
    ] {
        sites.run(name, &format!("ethtool -K {device} tx off tso off gso off >/dev/null"));
    }
    let (a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let listener = sites.inside("server", || TcpListener::bind((SERVICE, 8080)).unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    let sent: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    sites.inside("client", || {
        let mut stream = TcpStream::connect((SERVICE, 8080)).unwrap();
        stream.write_all(&sent).unwrap();
    });
    assert_eq!(server.join().unwrap(), sent);
    let errors = sites.run("server", "awk '/^Tcp:/ {print $15}' /proc/net/snmp | tail -1");
    assert_eq!(errors.trim(), "0", "segments with a wrong checksum");
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn masquerading_rule_of_the_node_does_not_hide_the_client() {
    let sites = Sites::make();
    sites.run(
        "a",
        "nft 'add table ip cni; add chain ip cni post { type nat hook postrouting priority 100; }; add rule ip cni post ip saddr 10.1.0.0/24 masquerade'",
    );
    let (a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    assert_eq!(ask(&sites, SERVICE, "who", TRIES), Some(format!("{CLIENT} who")));
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn stopped_router_leaves_the_machine_as_it_was() {
    let sites = Sites::make();
    let before = sites.state("a");
    let router = start(&sites, "a", config_a(), 2);
    assert_ne!(sites.state("a"), before);
    stop(&sites, "a", router);
    assert_eq!(sites.state("a"), before);
}

#[test]
fn killed_router_neither_leaks_nor_resets_and_its_successor_takes_over() {
    let sites = Sites::make();
    let before = sites.state("a");
    let b = start(&sites, "b", config_b(), 1);
    let _server = serve_udp(&sites, SERVICE);
    let process = Process::start(&sites, "a", &config_a());
    assert!(ask(&sites, SERVICE, "before", TRIES).is_some());
    let index = sites.run("a", "cat /sys/class/net/quiver0/ifindex");
    sites.run(
        "middle",
        "nft 'add table ip leak; add chain ip leak f { type filter hook forward priority 0; }; add rule ip leak f ip daddr 198.18.0.0/16 counter; add rule ip leak f tcp flags rst counter'",
    );
    process.kill();

    assert_eq!(ask(&sites, SERVICE, "meanwhile", 2), None);
    let refused = sites.inside("b", || knock(B, A));
    assert_eq!(refused, ErrorKind::TimedOut, "a reset would end the session");
    let leaks = sites.run("middle", "nft list table ip leak");
    assert_eq!(leaks.matches("packets 0").count(), 2, "{leaks}");

    let successor = Process::start(&sites, "a", &config_a());
    assert_eq!(sites.run("a", "cat /sys/class/net/quiver0/ifindex"), index);
    assert_eq!(ask(&sites, SERVICE, "after", TRIES), Some(format!("{CLIENT} after")));
    successor.stop();
    assert_eq!(sites.state("a"), before);
    stop(&sites, "b", b);
}

/// Dials from a waypoint port to a waypoint port; how it failed.
fn knock(from: &str, to: &str) -> ErrorKind {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddr::new(from.parse().unwrap(), 20_000)).unwrap();
    // After one SYN without an answer the kernel gives up.
    rustix::net::sockopt::set_tcp_user_timeout(&socket, 500).unwrap();
    match connect(&socket, &SocketAddr::new(to.parse().unwrap(), 20_000)) {
        Ok(()) => panic!("nobody listens there"),
        Err(error) => std::io::Error::from(error).kind(),
    }
}

#[test]
fn next_hop_follows_the_routes_of_the_node() {
    let sites = Sites::make();
    let (a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    assert!(ask(&sites, SERVICE, "before", TRIES).is_some());
    sites.run("middle", "ip addr add 192.0.2.253/24 dev to-a; ip addr del 192.0.2.254/24 dev to-a; ip addr add 192.0.2.253/24 dev to-a || true");
    sites.run("a", "ip route replace default via 192.0.2.253; ip neigh flush all");
    assert!(ask(&sites, SERVICE, "after", TRIES).is_some());
    let rules = sites.run("a", "nft list table netdev quiver");
    assert!(rules.contains("fwd ip to 192.0.2.253") && !rules.contains("192.0.2.254"), "{rules}");
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn every_kind_of_rule_is_understood_by_the_kernel() {
    let sites = Sites::make();
    let target = |address: &str| proto::RouteTarget {
        address: address.into(),
        healthy: true,
        source: proto::TargetSource::Node.into(),
        ..proto::RouteTarget::default()
    };
    let service = proto::Service {
        name: "prod/db".into(),
        routes: vec![proto::Route {
            name: "prod/db".into(),
            targets: vec![target("10.1.0.2"), target("fd00:1::2")],
            ..proto::Route::default()
        }],
        ..proto::Service::default()
    };
    let member = proto::TenantMember { cidr: "10.1.0.0/24".into(), interface: "to-client".into() };
    let mut node = config_a();
    node.services.push(service);
    node.tenants.push(proto::Tenant { name: "staff".into(), members: vec![member] });
    node.waypoints.push(proto::Waypoint { name: "six".into(), address: "fd00:1::1".into() });
    node.peers[0].waypoints.push(proto::PeerWaypoint {
        node: "c".into(),
        address: "fd00:1::9".into(),
        ..proto::PeerWaypoint::default()
    });
    let router = start(&sites, "a", node, 1);
    let rules = sites.run("a", "nft list ruleset");
    for part in [
        "iif oif missing drop",
        "icmp type echo-reply icmp id 16384-29999",
        "@th,160,32 0xc0000201",
        "icmpv6 type { destination-unreachable, packet-too-big }",
        "ip6 saddr fd00:1::1 ip6 daddr fd00:1::2 fwd ip6 to fd00:1::2 device \"to-client\"",
    ] {
        assert!(rules.contains(part), "{part}\n{rules}");
    }
    stop(&sites, "a", router);
}
