//! Two clusters of two nodes with pods, in network namespaces that disappear with the test. Both have the same pod addresses.
//!
//! alpha: `n1` 192.168.1.11 and `n2` .12, beta: `m1` 192.168.2.11 and `m2` .12, `wan` routes between them. Pods hang on the bridge
//! `cni0` of their node (10.244.1.0/24 on first nodes, 10.244.2.0/24 on second ones), as plain plugins do it.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use quiver_api::proto::{
    AccessAction, AccessRule, Encryption, KeySource, NodeConfig, Peer, PeerWaypoint, Route, RoutePeer,
    RouteTarget, SecretMaterial, SecretVersion, Service, SharedSecret, TargetSource, Tenant, TenantMember,
    Waypoint,
};
use quiver_io::{Engine, Router, StartOptions};

use crate::sites::Namespaces;

pub(crate) const SERVICE: &str = "198.18.0.17";
pub(crate) const N1: &str = "192.168.1.11";
pub(crate) const N2: &str = "192.168.1.12";
pub(crate) const M1: &str = "192.168.2.11";

/// The namespaces.
pub(crate) struct Cluster {
    pub(crate) spaces: Namespaces,
}

impl Cluster {
    /// Nodes without pods, without routes to each other's pods.
    pub(crate) fn make() -> Self {
        let cluster = Self { spaces: Namespaces::new(&["wan", "n1", "n2", "m1", "m2"]) };
        let spaces = &cluster.spaces;
        spaces.run("wan", &format!("{FORWARD}; ip link add alpha type bridge; ip link add beta type bridge"));
        for (number, site, nodes) in [(1, "alpha", ["n1", "n2"]), (2, "beta", ["m1", "m2"])] {
            let gateway = format!("192.168.{number}.1");
            let six = format!("fd00:{number}::1");
            spaces.run(
                "wan",
                &format!("{}; ip link set {site} up; ip addr add {gateway}/24 dev {site}; ip addr add {six}/64 dev {site} nodad", calm(site)),
            );
            for (i, node) in nodes.into_iter().enumerate() {
                let last = 11 + i;
                spaces.pair((node, "eth0"), ("wan", node));
                spaces.run("wan", &format!("ip link set {node} master {site} up"));
                spaces.run(
                    node,
                    &format!(
                        "{FORWARD}; {}; ip link set eth0 up; ip addr add 192.168.{number}.{last}/24 dev eth0; ip addr add fd00:{number}::{last}/64 dev eth0 nodad; ip route add default via {gateway}; ip -6 route add default via {six}",
                        calm("eth0")
                    ),
                );
            }
        }
        cluster
    }

    /// The bridge of a node for its pods.
    pub(crate) fn bridge(&self, node: &str) {
        let number = number(node);
        self.spaces.run(
            node,
            &format!(
                "ip link add cni0 type bridge; {}; ip link set cni0 up; ip addr add 10.244.{number}.1/24 dev cni0; ip addr add fd00:244:{number}::1/64 dev cni0 nodad",
                calm("cni0")
            ),
        );
    }

    /// A pod `name` on the bridge of a node; its address is 10.244.X.`last`.
    pub(crate) fn pod(&self, node: &str, name: &str, last: u8) -> String {
        let number = number(node);
        let address = format!("10.244.{number}.{last}");
        self.spaces.add(name);
        self.spaces.pair((name, "eth0"), (node, name));
        self.spaces.run(
            node,
            &format!(
                "{}; ip link set {name} master cni0 up; bridge link set dev {name} hairpin on",
                calm(name)
            ),
        );
        self.spaces.run(
            name,
            &format!(
                "{}; ip link set eth0 up; ip addr add {address}/24 dev eth0; ip addr add fd00:244:{number}::{last}/64 dev eth0 nodad; ip route add default via 10.244.{number}.1; ip -6 route add default via fd00:244:{number}::1",
                calm("eth0")
            ),
        );
        address
    }

    /// Routes of a plugin between the nodes of a cluster, its masquerade, and what kube-proxy does to packets it cannot follow.
    pub(crate) fn plugin(&self, node: &str) {
        let (first, other) = (node.get(..1).unwrap(), 3 - number(node));
        let site = if first == "n" { 1 } else { 2 };
        self.spaces.run(
            node,
            &format!(
                "ip route add 10.244.{other}.0/24 via 192.168.{site}.{}; nft 'add table ip cni; add chain ip cni post {{ type nat hook postrouting priority 100; }}; add rule ip cni post ip saddr 10.244.0.0/16 ip daddr != 10.244.0.0/16 masquerade; add chain ip cni forward {{ type filter hook forward priority 0; }}; add rule ip cni forward ct state invalid drop'",
                10 + other
            ),
        );
    }

    /// The real engine on a node.
    pub(crate) fn start(&self, node: &str, config: NodeConfig) -> Router<Engine> {
        let options = StartOptions { workers: 2, ..StartOptions::default() };
        self.start_with(node, config, options)
    }

    /// The same, started otherwise.
    pub(crate) fn start_with(&self, node: &str, config: NodeConfig, options: StartOptions) -> Router<Engine> {
        self.spaces.inside(node, move || {
            let mut router = Router::start(&options).unwrap();
            router.apply(config, secrets()).unwrap();
            router
        })
    }

    pub(crate) fn apply(&self, node: &str, router: &mut Router<Engine>, config: NodeConfig) {
        self.spaces.inside(node, || router.apply(config, secrets()).unwrap());
    }

    pub(crate) fn stop(&self, node: &str, router: Router<Engine>) {
        self.spaces.inside(node, move || router.stop(false).unwrap());
    }

    /// Answers each connection with the client's address and what came; for `connections`.
    pub(crate) fn serve(&self, name: &str, connections: usize) -> JoinHandle<()> {
        let listener = self.spaces.inside(name, || TcpListener::bind(("0.0.0.0", 8080)).unwrap());
        thread::spawn(move || {
            for _ in 0..connections {
                let (mut stream, from) = listener.accept().unwrap();
                answer(&mut stream, from);
            }
        })
    }

    /// Sends `length` bytes to the service over TCP; what the server says of the client, when all came back.
    pub(crate) fn ask(&self, name: &str, address: &str, length: usize) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let to = SocketAddr::new(address.parse().unwrap(), 8080);
        let sent = vec![0x61; length];
        let (mut stream, all) = self.spaces.inside(name, || {
            let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).ok()?;
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            stream.set_nodelay(true).unwrap();
            let mut writer = stream.try_clone().unwrap();
            let bytes = sent.clone();
            let writing = thread::spawn(move || {
                // The other side may have gone; reading tells.
                let _ = writer.write_all(&bytes);
                let _ = writer.shutdown(std::net::Shutdown::Write);
            });
            let mut all = Vec::new();
            stream.read_to_end(&mut all).ok()?;
            writing.join().unwrap();
            Some((stream, all))
        })?;
        stream.flush().unwrap();
        let (from, rest) = all.split_at(all.iter().position(|byte| *byte == b'\n')?);
        assert!(rest.get(1..) == Some(&sent), "{} of {length} bytes, or others", rest.len());
        Some(String::from_utf8_lossy(from).into_owned())
    }
}

fn answer(stream: &mut TcpStream, from: SocketAddr) {
    use std::io::{Read as _, Write as _};
    // A client that gives up tells so itself.
    let _ = stream.write_all(format!("{}\n", from.ip()).as_bytes());
    let mut bytes = [0; 16_384];
    while let Ok(length) = stream.read(&mut bytes) {
        if length == 0 || stream.write_all(&bytes[..length]).is_err() {
            return;
        }
    }
}

/// Echoes datagrams in a namespace.
pub(crate) fn echo(spaces: &Namespaces, name: &str) -> UdpSocket {
    let socket = spaces.inside(name, || UdpSocket::bind(("0.0.0.0", 9000)).unwrap());
    let answering = socket.try_clone().unwrap();
    thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        while let Ok((length, from)) = answering.recv_from(&mut bytes) {
            let _ = answering.send_to(&bytes[..length], from);
        }
    });
    socket
}

/// Alpha's node `n1`: pods of 10.244.0.0/16 and the node itself reach the service at router `beta`.
pub(crate) fn ingress() -> NodeConfig {
    let route = Route {
        name: "prod/db".into(),
        peers: vec![RoutePeer { router: "beta".into(), cost: 1 }],
        ..Route::default()
    };
    node("alpha", N1, Some(("beta", M1)), vec![format!("{SERVICE}/32")], route)
}

/// A node with servers.
pub(crate) fn egress(target: &str, source: TargetSource) -> NodeConfig {
    let route = Route { name: "prod/db".into(), targets: vec![server(target, source)], ..Route::default() };
    node("beta", M1, Some(("alpha", N1)), Vec::new(), route)
}

/// Alpha's node `n1` with clients and a server.
pub(crate) fn local(target: &str) -> NodeConfig {
    let targets = vec![server(target, TargetSource::ReturnPool)];
    let route = Route { name: "prod/db".into(), targets, ..Route::default() };
    node("alpha", N1, None, vec![format!("{SERVICE}/32")], route)
}

fn server(address: &str, source: TargetSource) -> RouteTarget {
    RouteTarget {
        address: address.into(),
        weight: 1,
        healthy: true,
        source: source.into(),
        ..RouteTarget::default()
    }
}

fn node(
    router: &str,
    own: &str,
    peer: Option<(&str, &str)>,
    addresses: Vec<String>,
    route: Route,
) -> NodeConfig {
    let version = SecretVersion { version: 1, secret_id: "fabric".into(), digest: String::new() };
    let secret = SharedSecret { versions: vec![version], active: 1 };
    let member = |cidr: &str| TenantMember { cidr: cidr.into(), interface: String::new() };
    let rule = AccessRule { tenant: "staff".into(), action: AccessAction::Allow.into() };
    let peers = peer.map(|(router, address)| Peer {
        router: router.into(),
        waypoints: vec![PeerWaypoint {
            node: format!("{router}-1"),
            address: address.into(),
            ..PeerWaypoint::default()
        }],
        ..Peer::default()
    });
    NodeConfig {
        fabric: "test".into(),
        router: router.into(),
        node: format!("{router}-1"),
        waypoints: vec![Waypoint { name: "wan".into(), address: own.into() }],
        service_pool: vec!["198.18.0.0/16".into()],
        return_pool: vec!["169.254.96.0/20".into()],
        key_source: Some(KeySource { shared_secret: Some(secret) }),
        tenants: vec![Tenant {
            name: "staff".into(),
            members: vec![member("10.244.1.4/32"), member("192.168.1.11/32")],
        }],
        services: vec![Service {
            name: "prod/db".into(),
            addresses,
            access: vec![rule],
            encryption: Encryption::Always.into(),
            routes: vec![route],
            ..Service::default()
        }],
        peers: peers.into_iter().collect(),
        ..NodeConfig::default()
    }
}

fn secrets() -> Vec<SecretMaterial> {
    vec![SecretMaterial { secret_id: "fabric".into(), value: b"a secret of sixteen bytes or more".to_vec() }]
}

/// 1 or 2: which node of its cluster.
fn number(node: &str) -> u32 {
    node.get(1..).unwrap().parse().unwrap()
}

const FORWARD: &str =
    "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding";

/// Without duplicate address detection nothing changes by itself while a test looks.
fn calm(device: &str) -> String {
    format!("echo 0 > /proc/sys/net/ipv6/conf/{device}/accept_dad")
}
