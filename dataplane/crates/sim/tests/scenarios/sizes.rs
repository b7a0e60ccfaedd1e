//! Large packets: path MTU, segment size, fragments, superpackets.

use core::time::Duration;

use quiver_engine::config::{Encryption, Transport};
use quiver_engine::drop_reason::DropReason;
use quiver_sim::conversation::is_pattern;
use quiver_sim::craft;
use quiver_sim::{Fabric, Script, TooBig};
use quiver_wire::offload::{Offload, Segmentation};

use crate::sites::*;

fn sealed() -> Fabric {
    fabric_of(two_sites().service(everything().encryption(Encryption::Always)))
}

#[test]
fn full_sized_packet_of_an_established_clear_session_passes_unchanged() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.udp("client", 5000, ECHO, &[7; 1472]);
    net.run_ms(200);
    assert_eq!(net.payloads("client")[1].len(), 1472);
    assert!(net.wan.iter().all(|seen| seen.bytes.len() <= 1500));
}

#[test]
fn metadata_goes_ahead_of_a_first_packet_that_leaves_no_room_for_it() {
    let mut net = fabric();
    net.udp("client", 5000, ECHO, &[7; 1472]);
    net.run_ms(200);
    assert_eq!(net.payloads("client"), [vec![7; 1472]]);
    assert!(net.wan[0].has_metadata() && net.wan[0].bytes.len() < 600, "metadata only");
    assert!(net.wan.iter().all(|seen| seen.bytes.len() <= 1500));
}

#[test]
fn packet_too_big_for_sealing_is_answered_with_the_size_that_fits() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.take_inbox("client");
    net.udp("client", 5000, ECHO, &[7; 1472]);
    net.run_ms(200);
    let mtu = net.inbox("client")[0].told_mtu().unwrap();
    assert_eq!(mtu, 1500 - 24);
    net.take_inbox("client");
    net.udp("client", 5000, ECHO, &vec![7; mtu as usize - 28]);
    net.run_ms(200);
    assert_eq!(net.payloads("client")[0].len(), mtu as usize - 28);
}

#[test]
fn smaller_mtu_of_the_path_is_told_to_the_client_before_anything_is_lost() {
    let plan = two_sites().service(everything());
    let mut net = with_programs(plan.start_with(7, |_, config| {
        config.peers[0].waypoints[0].mtu = 1400;
    }));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.take_inbox("client");
    net.udp("client", 5000, ECHO, &[7; 1472]);
    net.run_ms(200);
    assert_eq!(net.inbox("client")[0].told_mtu(), Some(1400));
    assert!(net.wan.iter().all(|seen| seen.bytes.len() <= 1400));
}

#[test]
fn too_big_from_the_network_between_is_translated_for_the_client() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.take_inbox("client");
    net.link(A, B).mtu = 1300;
    net.udp("client", 5000, ECHO, &[7; 1400]);
    net.run_ms(200);
    net.udp("client", 5000, ECHO, &[7; 1400]);
    net.run_ms(200);
    let told: Vec<_> = net.inbox("client").iter().filter_map(quiver_sim::Arrival::told_mtu).collect();
    assert!(told.contains(&1300), "{told:?}");
}

#[test]
fn ipv6_client_is_told_what_fits_a_hop_of_ipv4() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, "[fd00:c6::1]:7"));
    net.take_inbox("client");
    net.udp("client", 5000, "[fd00:c6::1]:7", &[7; 1452]);
    net.run_ms(200);
    assert_eq!(net.inbox("client")[0].icmp_error(), Some((2, 0)));
    assert_eq!(net.inbox("client")[0].told_mtu(), Some(1500 - 24 + 20));
}

#[test]
fn segment_size_of_tcp_is_clamped_to_what_fits() {
    for (encryption, mss) in [(Encryption::Never, 1460), (Encryption::Always, 1436)] {
        let mut net = fabric_of(two_sites().service(everything().encryption(encryption)));
        let segment =
            craft::Segment { seq: 1, flags: craft::flags::SYN, mss: Some(1460), ..craft::Segment::default() };
        net.host_mut("server").tcp = None;
        net.send("client", craft::tcp("10.1.0.10:5000".parse().unwrap(), WEB.parse().unwrap(), segment, b""));
        net.run_ms(100);
        let syn = &net.inbox("server")[0];
        let at = syn.parsed.transport_at + 20;
        let told = u16::from_be_bytes([syn.bytes[at + 2], syn.bytes[at + 3]]);
        assert!(told <= mss && told > 1200, "{encryption:?}: {told}");
    }
}

#[test]
fn tcp_over_a_small_sealed_path_arrives_whole() {
    let plan = two_sites().service(everything().encryption(Encryption::Always));
    let mut net = with_programs(plan.start_with(7, |_, config| config.peers[0].waypoints[0].mtu = 1300));
    net.every_link(|link| {
        link.mtu = 1300;
        link.too_big = TooBig::Silent;
    });
    net.listen("server", 82, Script::Source(200_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(20));
    let received = &net.connection(connection).received;
    assert!(received.len() == 200_000 && is_pattern(received));
}

#[test]
fn fragments_of_a_client_are_delivered_as_one_packet() {
    for to in [ECHO, "[fd00:c6::1]:7"] {
        let mut net = fabric();
        let from = if to.starts_with('[') { "[fd01::10]:5000" } else { "10.1.0.10:5000" };
        let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 4000).collect();
        let whole = craft::udp(from.parse().unwrap(), to.parse().unwrap(), &payload);
        for piece in craft::fragments(&whole, 1400, 99) {
            net.send("client", piece);
        }
        net.run_ms(500);
        assert_eq!(net.payloads("server"), std::slice::from_ref(&payload), "{to}");
        assert_eq!(net.payloads("client"), [payload], "{to}");
        assert!(net.wan.iter().all(|seen| seen.bytes.len() <= 1500));
    }
}

#[test]
fn fragments_that_come_in_any_order_are_delivered() {
    let mut net = fabric();
    let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 5000).collect();
    let whole = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &payload);
    let mut pieces = craft::fragments(&whole, 1000, 99);
    pieces.reverse();
    for piece in pieces {
        net.send("client", piece);
    }
    net.run_ms(500);
    assert_eq!(net.payloads("server"), [payload]);
}

#[test]
fn fragments_are_no_hole_in_the_policy() {
    let mut net = fabric();
    let whole = craft::udp("10.1.0.66:5000".parse().unwrap(), ECHO.parse().unwrap(), &[1; 3000]);
    for piece in craft::fragments(&whole, 1400, 5).into_iter().skip(1) {
        net.send("guest", piece);
    }
    net.run(Duration::from_secs(40));
    assert!(net.wan.iter().all(|seen| !seen.holds(&[1; 64])));
    for piece in craft::fragments(&whole, 1400, 6) {
        net.send("guest", piece);
    }
    net.run_ms(500);
    assert!(net.inbox("server").is_empty());
    assert_eq!(net.drops("a", DropReason::AccessDenied), 1);
}

#[test]
fn overlapping_fragment_is_refused() {
    let mut net = fabric();
    let whole = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &[1; 3000]);
    let pieces = craft::fragments(&whole, 1400, 5);
    net.send("client", pieces[0].clone());
    let mut overlap = pieces[1].clone();
    // One unit of 8 bytes earlier than it should be.
    let offset = u16::from_be_bytes([overlap[6], overlap[7]]) - 1;
    overlap[6..8].copy_from_slice(&offset.to_be_bytes());
    craft::set_dont_fragment(&mut overlap, false);
    net.send("client", overlap);
    net.run_ms(100);
    assert!(net.drops("a", DropReason::FragmentRefused) > 0);
    assert!(net.inbox("server").is_empty());
}

#[test]
fn missing_fragment_ends_the_wait() {
    let mut net = fabric();
    let whole = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &[1; 3000]);
    net.send("client", craft::fragments(&whole, 1400, 5).remove(0));
    net.run(Duration::from_secs(90));
    assert_eq!(net.drops("a", DropReason::FragmentTimeout), 1);
}

#[test]
fn large_datagram_of_a_sealed_session_is_cut_by_svr_and_joined_again() {
    let mut net = sealed();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 1472).collect();
    let mut packet = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &payload);
    craft::set_dont_fragment(&mut packet, false);
    net.send("client", packet);
    net.run_ms(500);
    assert_eq!(net.payloads("server")[1], payload);
    assert!(net.wan.iter().all(|seen| seen.bytes.len() <= 1500));
}

fn download_with_superpackets(encryption: Encryption, transport: Transport) {
    let plan = two_sites().service(everything().encryption(encryption));
    let mut net = with_programs(plan.start_with(7, |_, config| {
        config.peers.iter_mut().for_each(|peer| peer.transport = transport);
    }));
    net.keep_wan = false;
    net.host_mut("server").superpackets = true;
    net.host_mut("client").superpackets = true;
    net.listen("server", 82, Script::Source(1_000_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    net.run(Duration::from_secs(20));
    let received = &net.connection(connection).received;
    assert!(is_pattern(received));
    assert_eq!(received.len(), 1_000_000);
    assert!(net.connection(connection).has_finished());
}

#[test]
fn superpackets_of_clear_tcp_arrive_whole() {
    download_with_superpackets(Encryption::Never, Transport::Native);
}

#[test]
fn superpackets_of_tcp_as_udp_arrive_whole() {
    download_with_superpackets(Encryption::Never, Transport::Udp);
}

#[test]
fn superpackets_of_sealed_tcp_arrive_whole() {
    download_with_superpackets(Encryption::Always, Transport::Native);
}

#[test]
fn superpacket_of_udp_is_delivered_as_its_datagrams() {
    for encryption in [Encryption::Never, Encryption::Always] {
        let mut net = fabric_of(two_sites().service(everything().encryption(encryption)));
        assert!(echoes(&mut net, "client", 5000, ECHO));
        net.take_inbox("server");
        let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 2500).collect();
        let packet = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &payload);
        let offload = Offload { segmentation: Segmentation::Udp { size: 1000 }, ..Offload::default() };
        net.host_mut("client").send_super(packet, offload);
        net.run_ms(300);
        let lengths: Vec<usize> = net.payloads("server").iter().map(Vec::len).collect();
        assert_eq!(lengths, [1000, 1000, 500], "{encryption:?}");
        assert_eq!(net.payloads("server").concat(), payload);
    }
}

#[test]
fn superpacket_never_carries_metadata() {
    let mut net = fabric();
    let payload: Vec<u8> = quiver_sim::conversation::pattern(0, 2500).collect();
    let packet = craft::udp("10.1.0.10:5000".parse().unwrap(), ECHO.parse().unwrap(), &payload);
    let offload = Offload { segmentation: Segmentation::Udp { size: 1000 }, ..Offload::default() };
    net.host_mut("client").send_super(packet, offload);
    net.run_ms(300);
    assert_eq!(net.payloads("server").concat(), payload);
    assert!(net.wan[0].has_metadata());
    assert!(net.wan.iter().filter(|seen| seen.src.to_string() == A && !seen.has_metadata()).count() >= 3);
}
