//! The handshake under 30 % loss, reordering and duplication, for every seed.
//!
//! `QUIVER_SEEDS` at compile time says how many: `QUIVER_SEEDS=10000 cargo test -p quiver-sim --release --test seeds`.
#![expect(clippy::unwrap_used, reason = "a run that meets a broken assumption has failed")]

use core::time::Duration;

use quiver_engine::Phase;
use quiver_engine::config::Encryption;
use quiver_sim::{Fabric, Plan, Script, ServicePlan, UdpService};

fn seeds() -> u64 {
    option_env!("QUIVER_SEEDS").map_or(300, |text| text.parse().unwrap())
}

fn rough(seed: u64, loss: f64) -> Fabric {
    let encryption = match seed % 3 {
        0 => Encryption::Never,
        1 => Encryption::Always,
        _ => Encryption::Adaptive,
    };
    let service = ServicePlan::new("echo", &["198.18.0.1/32"])
        .allow("corp")
        .encryption(encryption)
        .server("b", "10.1.0.20");
    let plan = Plan::new()
        .router("a", &["203.0.113.1"])
        .router("b", &["203.0.113.2"])
        .host("a", "client", &["10.1.0.10"])
        .host("b", "server", &["10.1.0.20"])
        .tenant("corp", &["10.1.0.0/24"])
        .service(service);
    let mut net = plan.start(seed);
    net.log.disable();
    net.keep_wan = false;
    net.every_link(|link| {
        link.loss = loss;
        link.jitter = Duration::from_millis(5);
        link.reorder = 0.2;
        link.duplicate = 0.1;
    });
    net.host_mut("server").udp.insert(7, UdpService::Echo);
    net.listen("server", 80, Script::Echo);
    net
}

/// Whether both ends have finished the handshake of the same only session.
fn is_complete(net: &Fabric) -> bool {
    let (a, b) = (net.sessions("a"), net.sessions("b"));
    let ([a], [b]) = (&a[..], &b[..]) else { return false };
    let established = |hop: &Option<quiver_engine::view::HopView>| {
        hop.as_ref().is_some_and(|hop| hop.phase == Phase::Established)
    };
    a.session_id == b.session_id && established(&a.server_hop) && established(&b.client_hop)
}

#[test]
fn udp_handshake_completes_on_every_seed() {
    for seed in 0..seeds() {
        let mut net = rough(seed, 0.3);
        let mut rounds = 0;
        while !is_complete(&net) {
            net.udp("client", 5000, "198.18.0.1:7", b"hello");
            net.run_ms(100);
            rounds += 1;
            assert!(rounds < 300, "seed {seed}: a {:#?} b {:#?}", net.sessions("a"), net.sessions("b"));
        }
        let answered = net.payloads("client").iter().filter(|payload| *payload == b"hello").count();
        assert!(answered > 0, "seed {seed}: no answer in {rounds} rounds");
    }
}

/// With 30 % loss each way a connection may starve in its opening; a program then tries again.
#[test]
fn tcp_exchange_completes_on_every_seed() {
    for seed in 0..seeds() / 4 {
        let mut net = rough(seed, 0.3);
        let done = (0..3).any(|_| {
            let connection = net.connect("client", "198.18.0.1:80", Script::Manual);
            net.write(connection, b"question");
            net.run_until(Duration::from_mins(5), |net| {
                let connection = net.connection(connection);
                connection.received == b"question" || connection.was_reset()
            });
            net.connection(connection).received == b"question"
        });
        assert!(done, "seed {seed}: {:#?}", net.sessions("a"));
    }
}

#[test]
fn handshake_stays_complete_when_the_network_gets_well() {
    for seed in 0..seeds() / 10 {
        let mut net = rough(seed, 0.3);
        for _ in 0..30 {
            net.udp("client", 5000, "198.18.0.1:7", b"hello");
            net.run_ms(100);
        }
        net.every_link(|link| *link = quiver_sim::Link::default());
        for _ in 0..5 {
            net.udp("client", 5000, "198.18.0.1:7", b"hello");
            net.run_ms(300);
        }
        assert!(is_complete(&net), "seed {seed}");
        net.keep_wan = true;
        net.udp("client", 5000, "198.18.0.1:7", b"hello");
        net.run_ms(300);
        assert!(net.wan.iter().all(|seen| !seen.has_metadata()), "seed {seed}");
    }
}
