//! Sealed unless the payload is protected already.

use core::time::Duration;

use quiver_engine::Mode;
use quiver_engine::config::Encryption;
use quiver_sim::conversation::is_pattern;
use quiver_sim::{Fabric, Script};

use crate::sites::*;

fn adaptive() -> Fabric {
    fabric_of(two_sites().service(everything().encryption(Encryption::Adaptive)))
}

/// A TLS 1.2 record of kind handshake with a client hello of 64 bytes.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0x16, 0x03, 0x01, 0x00, 0x44, 0x01, 0x00, 0x00, 0x40, 0x03, 0x03];
    hello.extend([0x5a; 62]);
    hello
}

#[test]
fn tcp_that_begins_with_tls_stays_clear_and_native() {
    let mut net = adaptive();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, &client_hello());
    net.run_ms(300);
    assert_eq!(net.connection(connection).received, client_hello());
    assert_eq!(net.session("a").mode, Mode::Clear);
    net.write(connection, b"application data, already encrypted");
    net.run_ms(300);
    assert!(net.wan.iter().any(|seen| seen.ports().2 == 6 && seen.holds(b"application data")));
}

#[test]
fn plain_tcp_is_sealed_before_its_first_byte_leaves() {
    let mut net = adaptive();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"GET /canary HTTP/1.1\r\n\r\n");
    net.run_ms(500);
    assert_eq!(net.connection(connection).received, b"GET /canary HTTP/1.1\r\n\r\n");
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
    assert_eq!((net.session("a").mode, net.session("b").mode), (Mode::Sealed, Mode::Sealed));
}

#[test]
fn server_that_speaks_first_is_sealed_from_its_first_byte() {
    let mut net = adaptive();
    net.listen("server", 25, Script::Banner(b"220 canary ESMTP\r\n".to_vec()));
    let connection = net.connect("client", "198.18.0.1:25", Script::Manual);
    net.run_ms(500);
    assert_eq!(net.connection(connection).received, b"220 canary ESMTP\r\n");
    net.write(connection, b"EHLO canary\r\n");
    net.run_ms(500);
    let server = net.nth_connection("server", 0);
    assert_eq!(net.connection(server).received, b"EHLO canary\r\n");
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
    assert_eq!(net.session("a").mode, Mode::Sealed);
}

#[test]
fn large_plain_download_is_sealed_throughout() {
    let mut net = adaptive();
    net.listen("server", 82, Script::Source(200_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(10));
    let received = &net.connection(connection).received;
    assert!(received.len() == 200_000 && is_pattern(received));
    let canary: Vec<u8> = quiver_sim::conversation::pattern(0, 16).collect();
    assert!(net.wan.iter().all(|seen| !seen.holds(&canary)));
}

#[test]
fn plain_udp_is_sealed_from_the_first_packet() {
    let mut net = adaptive();
    net.udp("client", 5000, ECHO, b"the canary sings");
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [b"the canary sings"]);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
}

#[test]
fn quic_stays_clear() {
    let mut net = adaptive();
    net.host_mut("server").udp.insert(443, quiver_sim::UdpService::Echo);
    let mut initial = vec![0xc3, 0, 0, 0, 1, 8];
    initial.extend(b"12345678 a QUIC initial packet");
    net.udp("client", 5000, "198.18.0.1:443", &initial);
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [initial]);
    assert!(net.wan.iter().any(|seen| seen.holds(b"a QUIC initial packet")));
    assert_eq!(net.session("a").mode, Mode::Clear);
}

#[test]
fn ipsec_over_udp_stays_clear() {
    let mut net = adaptive();
    net.host_mut("server").udp.insert(4500, quiver_sim::UdpService::Echo);
    net.udp("client", 4500, "198.18.0.1:4500", b"an ESP packet in UDP");
    net.run_ms(200);
    assert_eq!(net.payloads("client").len(), 1);
    assert!(net.wan.iter().any(|seen| seen.holds(b"an ESP packet in UDP")));
}

#[test]
fn lost_announcement_of_sealing_is_repeated() {
    let mut net = adaptive();
    net.every_link(|link| link.loss = 0.25);
    let mut whole = 0;
    for _ in 0..10 {
        let connection = net.connect("client", WEB, Script::Manual);
        net.write(connection, b"GET /canary HTTP/1.1\r\n\r\n");
        net.run(Duration::from_mins(1));
        whole += usize::from(net.connection(connection).received == b"GET /canary HTTP/1.1\r\n\r\n");
    }
    assert_eq!(whole, 10);
    assert!(net.wan.iter().all(|seen| !seen.holds(b"canary")));
}
