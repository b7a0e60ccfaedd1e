//! Nodes as Kubernetes makes them: pods behind a masquerading plugin, servers anywhere, several uplinks, few privileges.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use quiver_api::proto::{DumpRequest, NodeConfig, Session, TargetSource};
use quiver_io::{Engine, Router, StartOptions};

use crate::cluster::{Cluster, N1, SERVICE, echo, egress, ingress, local};
use crate::process::Process;
use crate::sites::{CLIENT, Sites, assert_same, config_a, config_b};
use crate::{TRIES, ask, serve_udp};

/// Client pod `p1` on `n1`, behind a plugin that masquerades; server pod `q1` on beta's first or second node.
struct Scene {
    cluster: Cluster,
    target: String,
}

impl Scene {
    fn new(server_node: &str) -> Self {
        let cluster = Cluster::make();
        for node in ["n1", "m1", "m2"] {
            cluster.bridge(node);
            cluster.plugin(node);
        }
        cluster.pod("n1", "p1", 4);
        let target = cluster.pod(server_node, "q1", 9);
        Self { cluster, target }
    }

    fn start(&self, source: TargetSource) -> (Router<Engine>, Router<Engine>) {
        (self.cluster.start("n1", ingress()), self.cluster.start("m1", egress(&self.target, source)))
    }

    fn stop(&self, (n1, m1): (Router<Engine>, Router<Engine>)) {
        self.cluster.stop("n1", n1);
        self.cluster.stop("m1", m1);
    }

    /// Whom the server sees when `client` sends and gets back half a megabyte.
    fn seen(&self, client: &str) -> Option<String> {
        let server = self.cluster.serve("q1", 1);
        let seen = self.cluster.ask(client, SERVICE, 500_000)?;
        server.join().unwrap();
        Some(seen)
    }
}

fn only_session(router: &Router<Engine>) -> Session {
    router.dump(&DumpRequest::default()).unwrap().sessions.remove(0)
}

#[test]
fn pod_behind_a_masquerading_plugin_is_known_by_its_own_address() {
    let scene = Scene::new("m1");
    let before = (scene.cluster.spaces.state("n1"), scene.cluster.spaces.state("m1"));
    let routers = scene.start(TargetSource::ReturnPool);
    assert!(scene.seen("p1").unwrap().starts_with("169.254."));
    let session = only_session(&routers.0);
    assert_eq!((session.client.unwrap().address.as_str(), session.tenant.as_str()), ("10.244.1.4", "staff"));
    let tracked =
        scene.cluster.spaces.run("n1", "cat /proc/net/nf_conntrack 2>/dev/null || conntrack -L 2>/dev/null");
    assert!(!tracked.contains("198.18."), "{tracked}");
    scene.stop(routers);
    assert_same(&scene.cluster.spaces.state("n1"), &before.0);
    assert_same(&scene.cluster.spaces.state("m1"), &before.1);
}

#[test]
fn server_pod_of_another_node_answers_to_the_node_that_it_sees() {
    let scene = Scene::new("m2");
    let routers = scene.start(TargetSource::Node);
    assert_eq!(scene.seen("p1").as_deref(), Some("192.168.2.11"));
    scene.stop(routers);
}

#[test]
fn server_pod_on_the_bridge_of_the_node_answers_to_the_bridges_address() {
    let scene = Scene::new("m1");
    let routers = scene.start(TargetSource::Node);
    assert_eq!(scene.seen("p1").as_deref(), Some("10.244.1.1"));
    scene.stop(routers);
}

#[test]
fn server_pod_behind_an_overlay_answers_by_the_overlays_device() {
    let scene = Scene::new("m2");
    for (node, own, other) in [("m1", 1, 2), ("m2", 2, 1)] {
        let overlay = format!(
            "ip link add overlay type vxlan id 7 dstport 8472 local 192.168.2.1{own} remote 192.168.2.1{other} dev eth0; ip link set overlay address 02:00:00:00:00:0{own} up; ip addr add 10.244.{own}.0/32 dev overlay; ip neigh replace 10.244.{other}.0 lladdr 02:00:00:00:00:0{other} dev overlay; ip route replace 10.244.{other}.0/24 via 10.244.{other}.0 dev overlay onlink"
        );
        scene.cluster.spaces.run(node, &overlay);
    }
    let routers = scene.start(TargetSource::Node);
    assert_eq!(scene.seen("p1").as_deref(), Some("10.244.1.0"));
    scene.stop(routers);
}

#[test]
fn client_on_the_nodes_own_network_is_the_node() {
    let scene = Scene::new("m1");
    let routers = scene.start(TargetSource::ReturnPool);
    assert!(scene.seen("n1").unwrap().starts_with("169.254."));
    assert_eq!(only_session(&routers.0).client.unwrap().address, N1);
    scene.stop(routers);
}

#[test]
fn pods_of_one_node_and_a_pod_and_itself_meet_through_the_engine() {
    let cluster = Cluster::make();
    cluster.bridge("n1");
    cluster.plugin("n1");
    let client = cluster.pod("n1", "p1", 4);
    let target = cluster.pod("n1", "q1", 9);
    for (name, target) in [("q1", &target), ("p1", &client)] {
        let n1 = cluster.start("n1", local(target));
        let server = cluster.serve(name, 1);
        let seen = cluster.ask("p1", SERVICE, 200_000).unwrap();
        assert!(seen.starts_with("169.254."), "{name} sees {seen}");
        server.join().unwrap();
        assert_eq!(only_session(&n1).role, "Local");
        cluster.stop("n1", n1);
    }
}

#[test]
fn large_datagrams_of_a_pod_come_back_whole() {
    let scene = Scene::new("m1");
    let routers = scene.start(TargetSource::ReturnPool);
    let _server = echo(&scene.cluster.spaces, "q1");
    let (socket, to) = scene.cluster.spaces.inside("p1", || {
        let socket = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        (socket, SocketAddr::new(SERVICE.parse().unwrap(), 9000))
    });
    for size in [1472, 1473, 3000, 9000] {
        let sent: Vec<u8> = (0..=250).cycle().take(size).collect();
        let mut bytes = vec![0; 65_536];
        let came = (0..TRIES).any(|_| {
            socket.send_to(&sent, to).unwrap();
            socket.recv(&mut bytes).is_ok_and(|length| bytes[..length] == sent)
        });
        let lost = [&routers.0, &routers.1].map(|router| router.telemetry().unwrap().counters.unwrap().drops);
        assert!(came, "{size} bytes: {lost:?}");
    }
    scene.stop(routers);
}

#[test]
fn pod_is_told_the_mtu_of_the_device() {
    let scene = Scene::new("m1");
    let narrow = StartOptions { workers: 1, mtu: 1400, ..StartOptions::default() };
    let n1 = scene.cluster.start_with("n1", ingress(), narrow);
    let m1 = scene.cluster.start("m1", egress(&scene.target, TargetSource::ReturnPool));
    let told = scene.cluster.spaces.run("p1", &format!("ping -c 1 -W 2 -M do -s 1400 {SERVICE} || true"));
    assert!(told.contains("mtu = 1400"), "{told}");
    assert!(scene.seen("p1").is_some());
    scene.stop((n1, m1));
}

#[test]
fn packets_of_a_peer_are_taken_by_every_uplink() {
    let scene = Scene::new("m1");
    let spaces = &scene.cluster.spaces;
    spaces.pair(("n1", "eth1"), ("wan", "second"));
    spaces.run("wan", "ip link set second up; ip addr add 192.168.3.1/24 dev second");
    spaces.run("n1", "ip link set eth1 up; ip addr add 192.168.3.11/24 dev eth1; ip route replace default nexthop via 192.168.1.1 dev eth0 nexthop via 192.168.3.1 dev eth1");
    spaces.run("wan", &format!("ip route add {N1}/32 via 192.168.3.11"));
    let routers = scene.start(TargetSource::ReturnPool);
    assert!(scene.seen("p1").is_some());
    let resets = spaces.run("n1", "awk '/^Tcp:/ {print $15}' /proc/net/snmp | tail -1");
    assert_eq!(resets.trim(), "0", "the kernel answered a peer");
    scene.stop(routers);
}

#[test]
fn restarted_routers_take_other_ports_and_other_addresses() {
    let scene = Scene::new("m1");
    let mut pairs = Vec::new();
    for _ in 0..2 {
        let routers = scene.start(TargetSource::ReturnPool);
        let seen = scene.seen("p1").unwrap();
        let hop = only_session(&routers.0).server_hop.unwrap();
        pairs.push((hop.local.unwrap().port, hop.remote.unwrap().port, seen));
        scene.stop(routers);
    }
    assert_ne!((pairs[0].0, pairs[0].1), (pairs[1].0, pairs[1].1), "ports of the hop");
    assert_ne!(pairs[0].2, pairs[1].2, "source towards the server");
}

/// What a container without privilege has: two capabilities, no way to more, settings of the kernel to be read only.
const CONTAINER: &str = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec setpriv --no-new-privs --inh-caps=-all,+net_admin,+net_raw --bounding-set=-all,+net_admin,+net_raw \"$@\"";

#[test]
fn two_capabilities_and_settings_to_be_read_only_are_enough() {
    let sites = Sites::make();
    let before = (sites.state("a"), sites.state("b"));
    let [a, b] = [("a", config_a()), ("b", config_b())].map(|(name, node): (_, NodeConfig)| {
        Process::start_within(&sites, name, &node, &["unshare", "--mount", "sh", "-c", CONTAINER, "sh"])
    });
    assert_eq!(a.capabilities(), "0000000000003000");
    let _server = serve_udp(&sites, crate::SERVICE);
    assert_eq!(ask(&sites, crate::SERVICE, "who", TRIES), Some(format!("{CLIENT} who")));
    a.stop();
    b.stop();
    assert_same(&sites.state("a"), &before.0);
    assert_same(&sites.state("b"), &before.1);
}
