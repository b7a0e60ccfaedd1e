//! Several workers in one node.

use core::time::Duration;

use quiver_engine::config::{Encryption, TargetSource};
use quiver_sim::conversation::is_pattern;
use quiver_sim::{Fabric, Script};

use crate::sites::*;

fn with_workers(a: u8, b: u8, encryption: Encryption) -> Fabric {
    let plan = two_sites().workers("a", a).workers("b", b).service(everything().encryption(encryption));
    fabric_of(plan)
}

#[test]
fn sessions_spread_over_workers_and_all_get_their_answers() {
    let mut net = with_workers(4, 3, Encryption::Never);
    for port in 5000..5200 {
        net.udp("client", port, ECHO, format!("{port}").as_bytes());
    }
    net.run_ms(500);
    assert_eq!(net.payloads("client").len(), 200);
    for port in 5000..5200 {
        net.udp("client", port, ECHO, format!("{port}").as_bytes());
    }
    net.run_ms(500);
    assert_eq!(net.payloads("client").len(), 400);
    let now = net.router("a").now(net.now());
    let shares: Vec<usize> =
        net.router("a").engines().iter().map(|engine| engine.sessions(now).count()).collect();
    assert_eq!(shares.iter().sum::<usize>(), 200);
    assert!(shares.iter().all(|share| *share > 20), "{shares:?}");
}

#[test]
fn reply_that_hashes_to_another_worker_is_handed_over() {
    let plan = two_sites().workers("b", 4);
    let service = quiver_sim::ServicePlan::new("everything", &["198.18.0.1/32"]).allow("corp").target(
        "b",
        "10.1.0.20",
        TargetSource::Preserve,
    );
    let mut net = fabric_of(plan.service(service));
    // The server's reply to 10.1.0.10 is read by whichever worker its own hash names.
    net.host_mut("client").answers_ping = false;
    for port in 5000..5050 {
        net.udp("client", port, ECHO, b"hello");
    }
    net.run_ms(300);
    assert_eq!(net.inbox("server").len(), 50);
    assert!(
        net.events("b")
            .any(|event| matches!(event, quiver_engine::event::Event::LanSteer { owned: true, .. }))
    );
}

#[test]
fn tcp_and_ping_work_with_workers_at_both_ends() {
    for encryption in [Encryption::Never, Encryption::Always] {
        let mut net = with_workers(3, 4, encryption);
        net.listen("server", 82, Script::Source(50_000));
        let connections: Vec<_> =
            (0..10).map(|_| net.connect("client", "198.18.0.1:82", Script::Sink)).collect();
        net.ping("client", "198.18.0.1", 9, 1, b"ping");
        net.run(Duration::from_secs(10));
        for connection in connections {
            let received = &net.connection(connection).received;
            assert!(received.len() == 50_000 && is_pattern(received), "{encryption:?}");
        }
        assert_eq!(net.payloads("client"), [b"ping"]);
    }
}

#[test]
fn transfers_of_all_workers_survive_a_restart_of_the_egress() {
    let mut net = with_workers(2, 3, Encryption::Never);
    net.keep_wan = false;
    net.every_link(|link| link.bandwidth = Some(2_000_000));
    net.listen("server", 82, Script::Source(400_000));
    let connections: Vec<_> = (0..6).map(|_| net.connect("client", "198.18.0.1:82", Script::Sink)).collect();
    net.run_ms(400);
    net.restart("b");
    net.run(Duration::from_mins(2));
    for connection in connections {
        let received = &net.connection(connection).received;
        assert!(is_pattern(received));
        assert_eq!(received.len(), 400_000);
    }
}

#[test]
fn fragments_of_one_packet_meet_in_one_worker() {
    let mut net = with_workers(4, 4, Encryption::Always);
    let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 4000).collect();
    for port in 5000..5010 {
        let from = format!("10.1.0.10:{port}").parse().unwrap();
        let whole = quiver_sim::craft::udp(from, ECHO.parse().unwrap(), &payload);
        for piece in quiver_sim::craft::fragments(&whole, 1400, port) {
            net.send("client", piece);
        }
    }
    net.run_ms(500);
    assert_eq!(net.payloads("server").len(), 10);
}

/// What came whole to a host, of this conversation.
fn whole(net: &Fabric, host: &str, text: &[u8]) -> bool {
    net.payloads(host).iter().any(|payload| payload == text)
}

#[test]
fn datagrams_in_pieces_and_whole_ones_of_one_conversation_are_one_session() {
    let mut net = with_workers(4, 4, Encryption::Always);
    let large: Vec<u8> = quiver_sim::conversation::pattern(0, 3000).collect();
    for port in 5000..5020 {
        assert!(echoes(&mut net, "client", port, ECHO));
        let from = format!("10.1.0.10:{port}").parse().unwrap();
        let asked = quiver_sim::craft::udp(from, ECHO.parse().unwrap(), &large);
        for piece in quiver_sim::craft::fragments(&asked, 1400, port.into()) {
            net.send("client", piece);
        }
        net.run_ms(100);
        assert!(whole(&net, "server", &large), "{port}");
        net.take_inbox("server");
        assert!(echoes(&mut net, "client", port, ECHO));
    }
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (20, 20));
}

#[test]
fn answers_in_pieces_reach_the_session_of_another_worker() {
    let mut net = with_workers(4, 4, Encryption::Always);
    let large: Vec<u8> = quiver_sim::conversation::pattern(0, 3000).collect();
    for port in 5000..5020 {
        assert!(echoes(&mut net, "client", port, ECHO));
        let (server, client) = (net.inbox("server")[0].to(), net.inbox("server")[0].from());
        let answer = quiver_sim::craft::udp(server, client, &large);
        for piece in quiver_sim::craft::fragments(&answer, 1400, port.into()) {
            net.send("server", piece);
        }
        net.run_ms(100);
        assert!(whole(&net, "client", &large), "{port}");
        net.take_inbox("client");
        net.take_inbox("server");
    }
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (20, 20));
}

#[test]
fn connections_of_all_workers_survive_a_restart_of_the_ingress() {
    for seed in 0..5 {
        let plan = two_sites().workers("a", 2).workers("b", 4);
        let plan = plan.service(everything().encryption(Encryption::Adaptive));
        let mut net = with_programs(plan.start(seed));
        net.keep_wan = false;
        let connections: Vec<_> = (0..40).map(|_| net.connect("client", WEB, Script::Manual)).collect();
        for round in 0..40 {
            // The client is as likely to be the first to speak after the restart as the server.
            for connection in &connections {
                net.write(*connection, b"a line\n");
            }
            net.run_ms(100);
            if round == 10 {
                net.stop("a");
                net.run_ms(20);
                net.start("a");
            }
        }
        net.run(Duration::from_secs(20));
        let lost = connections.iter().filter(|connection| net.connection(**connection).was_reset()).count();
        let all = connections.iter().filter(|c| net.connection(**c).received.len() == 40 * 7).count();
        assert_eq!((lost, all), (0, 40), "seed {seed}");
    }
}
