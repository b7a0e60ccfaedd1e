//! Two sites and a network between them, in network namespaces that disappear with the test.
//!
//! client 10.1.0.2 — a 10.1.0.1 / 192.0.2.1 — middle — b 203.0.113.1 / 10.2.0.1 — server 198.18.0.17, `fd00:18::17`

use std::fs::File;
use std::ops::Deref;
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use quiver_api::proto::{NodeConfig, Peer, PeerWaypoint, Waypoint};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

static COUNT: AtomicU32 = AtomicU32::new(0);

/// Network namespaces that disappear with their test.
pub(crate) struct Namespaces {
    prefix: String,
    names: Mutex<Vec<String>>,
}

/// The sites of one test.
pub(crate) struct Sites {
    spaces: Namespaces,
}

impl Deref for Sites {
    type Target = Namespaces;

    fn deref(&self) -> &Namespaces {
        &self.spaces
    }
}

pub(crate) const A: &str = "192.0.2.1";
pub(crate) const B: &str = "203.0.113.1";
pub(crate) const SERVICE: &str = "198.18.0.17";
pub(crate) const CLIENT: &str = "10.1.0.2";

const NAMES: [&str; 5] = ["client", "a", "middle", "b", "server"];

impl Sites {
    /// Makes them. Fails with a clear sentence without root.
    pub(crate) fn make() -> Self {
        let sites = Self { spaces: Namespaces::new(&NAMES) };
        sites.wire("client", "a", ["10.1.0.2/24", "10.1.0.1/24"], Some(["fd00:1::2/64", "fd00:1::1/64"]));
        sites.wire("a", "middle", ["192.0.2.1/24", "192.0.2.254/24"], None);
        sites.wire("middle", "b", ["203.0.113.254/24", "203.0.113.1/24"], None);
        sites.wire("b", "server", ["10.2.0.1/24", "10.2.0.2/24"], Some(["fd00:2::1/64", "fd00:2::2/64"]));
        for router in ["a", "middle", "b"] {
            sites.run(
                router,
                "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 1 > /proc/sys/net/ipv6/conf/all/forwarding",
            );
        }
        sites.run("client", "ip route add default via 10.1.0.1; ip -6 route add default via fd00:1::1");
        sites.run("a", "ip route add default via 192.0.2.254");
        sites.run("b", "ip route add default via 203.0.113.254");
        sites.run("b", "ip route add 198.18.0.17 via 10.2.0.2; ip -6 route add fd00:18::17 via fd00:2::2");
        sites.run("server", "ip addr add 198.18.0.17/32 dev lo; ip addr add fd00:18::17/128 dev lo");
        sites.run("server", "ip route add default via 10.2.0.1; ip -6 route add default via fd00:2::1");
        sites
    }

    fn wire(&self, left: &str, right: &str, v4: [&str; 2], v6: Option<[&str; 2]>) {
        let (to_right, to_left) = (format!("to-{right}"), format!("to-{left}"));
        self.pair((left, &to_right), (right, &to_left));
        for (i, (name, device)) in [(left, &to_right), (right, &to_left)].into_iter().enumerate() {
            // Without duplicate address detection nothing changes by itself while a test looks.
            let calm = format!("echo 0 > /proc/sys/net/ipv6/conf/{device}/accept_dad");
            self.run(name, &format!("{calm}; ip link set {device} up; ip addr add {} dev {device}", v4[i]));
            if let Some(v6) = v6 {
                self.run(name, &format!("ip addr add {} dev {device} nodad", v6[i]));
            }
        }
    }
}

impl Namespaces {
    /// Makes them. Fails with a clear sentence without root.
    pub(crate) fn new(names: &[&str]) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "these tests make network namespaces: run them as root (cargo test -p quiver-io --test netns)"
        );
        let prefix = format!("qio{}x{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let spaces = Self { prefix, names: Mutex::default() };
        for name in names {
            spaces.add(name);
        }
        spaces
    }

    /// Makes one more.
    pub(crate) fn add(&self, name: &str) {
        self.names.lock().unwrap().push(name.to_owned());
        ok(Command::new("ip").args(["netns", "add", &self.full(name)]));
        self.run(name, "ip link set lo up");
    }

    /// Two ends of a cable: namespace and device.
    pub(crate) fn pair(&self, (left, to_right): (&str, &str), (right, to_left): (&str, &str)) {
        let (left, right) = (self.full(left), self.full(right));
        let ends = ["type", "veth", "peer", "name", to_left, "netns", &right];
        ok(Command::new("ip").args(["link", "add", to_right, "netns", &left]).args(ends));
    }

    /// Runs a shell command in a namespace; its output.
    pub(crate) fn run(&self, name: &str, command: &str) -> String {
        let output = ok(Command::new("ip").args(["netns", "exec", &self.full(name), "sh", "-ec", command]));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `work` on a thread in a namespace.
    pub(crate) fn inside<T: Send>(&self, name: &str, work: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.full(name))).unwrap();
        thread::scope(|scope| {
            let thread = scope.spawn(move || {
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), Some(LinkNameSpaceType::Network))
                    .unwrap();
                work()
            });
            match thread.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Everything the kernel holds in a namespace that a router might leave behind. Counters and timers left out.
    pub(crate) fn state(&self, name: &str) -> String {
        self.run(
            name,
            "ip -d -o link | sed -E 's/[a-z_]*_timer +[0-9.]+//g; s/ state (UP|UNKNOWN)//'; ip -o addr | sed 's/valid_lft.*//; s/ tentative//'; ip route show table all; ip -6 route show table all; ip rule; ip -6 rule; nft list ruleset; cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/accept_local",
        )
    }

    pub(crate) fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        for name in self.names.lock().unwrap().iter() {
            // One that was never made cannot be removed.
            let _ = Command::new("ip").args(["netns", "del", &self.full(name)]).output();
        }
    }
}

/// Site a: clients, and the service pool.
pub(crate) fn config_a() -> NodeConfig {
    NodeConfig { service_pool: vec!["198.18.0.0/16".into(), "fd00:18::/32".into()], ..config("a", A, "b", B) }
}

/// Site b: the server. The relay does not translate, so the clients' prefix stands in for the return pool.
pub(crate) fn config_b() -> NodeConfig {
    NodeConfig { return_pool: vec!["10.1.0.0/24".into(), "fd00:1::/64".into()], ..config("b", B, "a", A) }
}

fn config(router: &str, own: &str, peer: &str, remote: &str) -> NodeConfig {
    NodeConfig {
        fabric: "test".into(),
        router: router.into(),
        node: router.into(),
        waypoints: vec![Waypoint { name: "wan".into(), address: own.into() }],
        peers: vec![Peer {
            router: peer.into(),
            waypoints: vec![PeerWaypoint {
                node: peer.into(),
                address: remote.into(),
                ..PeerWaypoint::default()
            }],
            ..Peer::default()
        }],
        ..NodeConfig::default()
    }
}

/// Fails with the lines that differ.
pub(crate) fn assert_same(now: &str, before: &str) {
    let without = |text: &str, other: &str| {
        let other: Vec<&str> = other.lines().collect();
        text.lines().filter(|line| !other.contains(line)).map(str::to_owned).collect::<Vec<_>>()
    };
    assert!(now == before, "gone: {:#?}\ncome: {:#?}", without(before, now), without(now, before));
}

fn ok(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
