//! Quiet sessions keep their place in what lies between the routers.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use quiver_engine::config::Encryption;
use quiver_engine::event::CloseReason;
use quiver_sim::{Fabric, Mapping, Plan, Script, craft};
use quiver_wire::metadata::control::ControlCode;

use crate::sites::*;

/// What many NATs keep a quiet UDP flow for.
const NAT_EXPIRY: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(25);

fn behind_usual_nat(encryption: Encryption) -> Fabric {
    behind_nat(everything().encryption(encryption), Mapping::EndpointDependent, NAT_EXPIRY)
}

/// Keep-alives on the way from one waypoint to another.
fn keep_alives(net: &Fabric, from: &str, to: &str) -> usize {
    let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let seen = net.wan.iter().filter(|seen| seen.src == from && seen.dst == to);
    seen.filter(|seen| seen.control() == Some(ControlCode::KeepAlive)).count()
}

/// The server sends to the client of the last datagram that it got.
fn server_speaks(net: &mut Fabric, text: &[u8]) -> bool {
    let last = net.inbox("server").last().unwrap();
    let (server, client): (SocketAddr, SocketAddr) = (last.to(), last.from());
    net.send("server", craft::udp(server, client, text));
    net.run_ms(500);
    net.payloads("client").iter().any(|payload| payload == text)
}

#[test]
fn server_reaches_a_quiet_client_behind_a_nat() {
    let mut net = behind_usual_nat(Encryption::Never);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(150));
    assert!(server_speaks(&mut net, b"news after a long time"));
}

#[test]
fn sealed_connection_stays_open_behind_a_nat_for_half_an_hour() {
    let mut net = behind_usual_nat(Encryption::Always);
    net.listen("server", 81, Script::Manual);
    let connection = net.connect("client", "198.18.0.1:81", Script::Manual);
    net.write(connection, b"subscribe");
    net.run(Duration::from_mins(30));
    let server = net.nth_connection("server", 0);
    net.write(server, b"news");
    net.run_ms(500);
    assert_eq!(net.connection(connection).received, b"news");
}

#[test]
fn session_is_found_again_after_its_nat_has_restarted() {
    let mut net = behind_usual_nat(Encryption::Never);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.nat(BEHIND_NAT).forget();
    assert!(!server_speaks(&mut net, b"to where the session was"));
    net.run(INTERVAL);
    assert!(server_speaks(&mut net, b"to where it is"));
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (1, 1));
}

#[test]
fn only_the_router_that_opened_the_hop_sends_keep_alives_and_nobody_answers() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.wan.clear();
    net.run(Duration::from_secs(102));
    assert_eq!(net.wan.len(), 4, "one each 25 s, and nothing else");
    assert_eq!(keep_alives(&net, A, B), 4);
    assert!(net.wan.iter().all(|seen| seen.bytes.len() == 123));
}

#[test]
fn keep_alives_prolong_no_session() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(178));
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (1, 1));
    net.run(Duration::from_secs(4));
    assert_eq!((endings(&net, "a"), endings(&net, "b")), (vec![CloseReason::Idle], vec![CloseReason::Idle]));
    net.wan.clear();
    net.run(Duration::from_mins(2));
    assert!(net.wan.is_empty());
}

#[test]
fn client_that_speaks_needs_no_keep_alives() {
    let mut net = fabric();
    for _ in 0..10 {
        assert!(echoes(&mut net, "client", 5000, ECHO));
        net.run(Duration::from_secs(20));
    }
    assert_eq!(keep_alives(&net, A, B), 0);
}

#[test]
fn server_that_speaks_alone_replaces_no_keep_alives() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    for second in 0..80 {
        net.run_ms(500);
        assert!(server_speaks(&mut net, format!("tick {second}").as_bytes()));
    }
    assert_eq!(keep_alives(&net, A, B), 3);
}

#[test]
fn native_tcp_connection_gets_no_keep_alives() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"question");
    net.run_ms(500);
    net.wan.clear();
    net.run(Duration::from_mins(5));
    assert_eq!(net.connection(connection).received, b"question");
    assert!(net.wan.is_empty());
}

#[test]
fn finished_connection_gets_no_keep_alives() {
    let mut net = fabric_of(two_sites().service(everything().encryption(Encryption::Always)));
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"question");
    net.close(connection);
    net.run_ms(500);
    assert!(net.connection(connection).has_finished());
    net.run(Duration::from_mins(3));
    assert_eq!(keep_alives(&net, A, B), 0);
}

#[test]
fn transit_router_keeps_its_own_hop_alive() {
    let plan = Plan::new()
        .router("a", &[A])
        .router("b", &[B])
        .router("t", &["203.0.113.3"])
        .host("a", "client", &["10.1.0.10"])
        .host("b", "server", &["10.1.0.20"])
        .tenant_at("a", "corp", &["10.1.0.10/32"])
        .service(everything().via("a", "t", 1).via("t", "b", 1));
    let mut net = fabric_of(plan);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.run(Duration::from_secs(52));
    assert_eq!((keep_alives(&net, A, "203.0.113.3"), keep_alives(&net, "203.0.113.3", B)), (2, 2));
    assert_eq!((keep_alives(&net, B, "203.0.113.3"), keep_alives(&net, "203.0.113.3", A)), (0, 0));
}

#[test]
fn session_that_ended_at_the_peer_alone_ends_here_with_its_keep_alive() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.link(B, A).up = false;
    net.reconfigure("b", |config| config.services.iter_mut().for_each(|service| service.access.clear()));
    net.run(Duration::from_secs(5));
    assert_eq!((net.sessions("a").len(), net.sessions("b").len()), (1, 0));
    net.link(B, A).up = true;
    net.run(INTERVAL);
    assert!(net.sessions("a").is_empty(), "{:?}", net.sessions("a"));
}

#[test]
fn thousands_of_quiet_sessions_are_kept_alive_at_a_bounded_rate() {
    let mut net = fabric_of(two_sites().service(everything()));
    net.log.disable();
    for port in 10_000..14_000 {
        net.udp("client", port, ECHO, b"x");
    }
    net.run_ms(1000);
    assert_eq!(net.sessions("a").len(), 4000);
    net.wan.clear();
    net.run(Duration::from_secs(40));
    assert_eq!(keep_alives(&net, A, B), 4000, "each session once");
    let mut moments: Vec<u64> = net.wan.iter().map(|seen| seen.at.as_nanos() / 1_000_000).collect();
    moments.sort_unstable();
    let most =
        moments.iter().map(|from| moments.iter().filter(|at| (*from..from + 100).contains(at)).count());
    assert!(most.max().unwrap() <= 2000, "1,000 at once and 10,000 a second");
}
