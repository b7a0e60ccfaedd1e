//! What is neither plain UDP nor plain TCP.

use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use quiver_engine::config::Encryption;
use quiver_engine::drop_reason::DropReason;
use quiver_engine::view::HopTransport;
use quiver_sim::craft::{self, IcmpError};
use quiver_sim::{Script, UdpService};

use crate::sites::*;

#[test]
fn ping_is_carried_in_udp_and_answered() {
    let mut net = fabric();
    for sequence in 1..=3 {
        net.ping("client", "198.18.0.1", 77, sequence, b"are you there");
        net.run_ms(100);
    }
    assert_eq!(net.payloads("client").len(), 3);
    assert!(net.wan.iter().all(|seen| seen.ports().2 == 17));
    assert_eq!(net.session("a").server_hop.unwrap().transport, HopTransport::UdpEncapsulated);
    assert_eq!(net.inbox("client")[0].from().ip().to_string(), "198.18.0.1");
}

#[test]
fn ping_of_ipv6_is_answered_too() {
    let mut net = fabric();
    net.ping("client", "fd00:c6::1", 77, 1, b"are you there");
    net.run_ms(100);
    assert_eq!(net.payloads("client"), [b"are you there"]);
}

#[test]
fn two_clients_with_the_same_echo_identifier_are_kept_apart() {
    let plan = two_sites().service(everything().allow("guest"));
    let mut net = fabric_of(plan);
    net.ping("client", "198.18.0.1", 77, 1, b"from the client");
    net.ping("guest", "198.18.0.1", 77, 1, b"from the guest");
    net.run_ms(100);
    assert_eq!(net.payloads("client"), [b"from the client"]);
    assert_eq!(net.payloads("guest"), [b"from the guest"]);
}

#[test]
fn port_unreachable_of_the_server_reaches_the_client_in_its_own_terms() {
    let mut net = fabric();
    net.host_mut("server").udp_others = UdpService::Closed;
    net.udp("client", 5000, "198.18.0.1:4000", b"nobody here");
    net.run_ms(200);
    let error = &net.inbox("client")[0];
    assert_eq!(error.icmp_error(), Some((3, 3)));
    let quoted = quiver_wire::Parsed::parse_quoted(error.payload()).unwrap();
    assert_eq!(SocketAddr::new(quoted.src, quoted.src_port).to_string(), "10.1.0.10:5000");
    assert_eq!(SocketAddr::new(quoted.dst, quoted.dst_port).to_string(), "198.18.0.1:4000");
}

#[test]
fn icmp_error_about_an_answer_reaches_the_server_in_its_own_terms() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let binding = net.inbox("server")[0].from();
    let answer = net.inbox("client")[0].bytes.clone();
    let error = craft::icmp_error(&answer, "10.1.0.10".parse().unwrap(), IcmpError::PortUnreachable).unwrap();
    net.take_inbox("server");
    net.send("client", error);
    net.run_ms(200);
    let error = &net.inbox("server")[0];
    assert_eq!(error.icmp_error(), Some((3, 3)));
    let quoted = quiver_wire::Parsed::parse_quoted(error.payload()).unwrap();
    assert_eq!(SocketAddr::new(quoted.dst, quoted.dst_port), binding);
}

#[test]
fn icmp_error_about_nothing_is_dropped() {
    let mut net = fabric();
    let never = craft::udp("198.18.0.1:7".parse().unwrap(), "10.1.0.10:9999".parse().unwrap(), b"never sent");
    let error = craft::icmp_error(&never, "10.1.0.10".parse().unwrap(), IcmpError::PortUnreachable).unwrap();
    net.send("client", error);
    net.run_ms(100);
    assert_eq!(net.drops("a", DropReason::IcmpUnsolicited), 1);
    assert!(net.wan.is_empty());
}

#[test]
fn ttl_of_a_packet_passes_the_engine_unchanged() {
    // The kernel counts its own hops on the way into and out of the device, and answers where one was the last.
    let mut net = fabric();
    let mut packet = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), b"trace");
    craft::set_ttl(&mut packet, 7);
    net.send("client", packet);
    net.run_ms(100);
    assert_eq!(net.inbox("server")[0].bytes[8], 7);
}

fn carried(protocol: u8, encryption: Encryption) {
    let plan = two_sites().service(everything().encryption(encryption));
    let mut net = fabric_of(plan);
    let (client, service): (IpAddr, IpAddr) = ("10.1.0.10".parse().unwrap(), "198.18.0.1".parse().unwrap());
    net.send("client", craft::ip(client, service, protocol, b"opaque canary payload"));
    net.run_ms(100);
    assert_eq!(net.payloads("server"), [b"opaque canary payload"]);
    let arrived = net.inbox("server")[0].parsed;
    assert_eq!(arrived.protocol, protocol);
    net.send("server", craft::ip(arrived.dst, arrived.src, protocol, b"and the answer"));
    net.run_ms(100);
    assert_eq!(net.payloads("client"), [b"and the answer"]);
    assert_eq!(net.inbox("client")[0].parsed.src, service);
    assert!(net.wan.iter().all(|seen| seen.ports().2 == 17));
    assert_eq!(net.wan.iter().any(|seen| seen.holds(b"canary")), encryption != Encryption::Always);
}

#[test]
fn gre_is_carried_both_ways() {
    carried(47, Encryption::Never);
}

#[test]
fn sealed_gre_is_carried_both_ways() {
    carried(47, Encryption::Always);
}

#[test]
fn esp_is_carried_both_ways_and_not_sealed_twice() {
    carried(50, Encryption::Adaptive);
}

#[test]
fn payload_that_looks_like_metadata_is_delivered_as_payload() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let mut fake = quiver_wire::metadata::COOKIE.to_vec();
    fake.extend(b"looks like metadata and is none");
    net.udp("client", 5000, ECHO, &fake);
    net.run_ms(200);
    assert_eq!(net.payloads("server")[1], fake);
    assert_eq!(net.payloads("client")[1], fake);
}

#[test]
fn empty_udp_packet_crosses_the_fabric() {
    let mut net = fabric();
    net.udp("client", 5000, ECHO, b"");
    net.run_ms(100);
    net.udp("client", 5000, ECHO, b"");
    net.run_ms(100);
    assert_eq!(net.payloads("client"), [b"", b""]);
}

#[test]
fn many_parallel_tcp_transfers_arrive_whole() {
    let mut net = fabric();
    net.keep_wan = false;
    net.listen("server", 82, Script::Source(100_000));
    let connections: Vec<_> = (0..8).map(|_| net.connect("client", "198.18.0.1:82", Script::Sink)).collect();
    net.run(Duration::from_secs(20));
    for connection in connections {
        let received = &net.connection(connection).received;
        assert!(received.len() == 100_000 && quiver_sim::conversation::is_pattern(received));
        assert!(net.connection(connection).has_finished());
    }
}
