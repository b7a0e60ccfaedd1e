//! Strangers, recordings, forgeries.

use core::time::Duration;

use quiver_engine::drop_reason::DropReason;
use quiver_sim::{Dice, Fabric, craft};
use quiver_wire::metadata;

use crate::sites::*;

/// The first packet of a session as it was on the wire; it has been delivered.
fn recorded_first_packet(net: &mut Fabric) -> Vec<u8> {
    net.udp("client", 5000, "198.18.0.1:9", b"recorded");
    net.run_ms(100);
    net.wan.iter().find(|seen| seen.has_metadata()).unwrap().bytes.clone()
}

fn refinished(mut packet: Vec<u8>) -> Vec<u8> {
    let parsed = quiver_wire::Parsed::parse(&packet).unwrap();
    quiver_wire::checksum::finish(&mut packet, &parsed).unwrap();
    packet
}

#[test]
fn stranger_gets_no_answer_whatever_it_sends() {
    let mut net = fabric();
    let recorded = recorded_first_packet(&mut net);
    let metadata = quiver_wire::Parsed::parse(&recorded).unwrap().payload(&recorded).to_vec();
    net.wan.clear();
    let from = "198.51.100.7:16384".parse().unwrap();
    for port in [16_384, 16_385, 20_001, 80, 443] {
        let to = format!("{B}:{port}").parse().unwrap();
        net.send("stranger", craft::udp(from, to, b"knock"));
        net.send("stranger", craft::udp(from, to, &metadata));
        let syn = craft::Segment { flags: craft::flags::SYN, ..craft::Segment::default() };
        net.send("stranger", craft::tcp(from, to, syn, b""));
    }
    net.send(
        "stranger",
        craft::echo("198.51.100.7".parse().unwrap(), B.parse().unwrap(), true, 1, 1, b"ping"),
    );
    net.run(Duration::from_secs(2));
    assert!(net.inbox("stranger").is_empty());
    assert!(net.wan.iter().all(|seen| seen.dst.to_string() != "198.51.100.7"));
    assert!(net.drops("b", DropReason::UnknownPeer) >= 15);
    assert_eq!(net.sessions("b").len(), 1);
}

#[test]
fn replayed_first_packet_opens_nothing() {
    let mut net = fabric();
    let recorded = recorded_first_packet(&mut net);
    net.inject_wan(recorded);
    net.run_ms(100);
    assert_eq!(net.drops("b", DropReason::MetadataReplayed), 1);
    assert_eq!(net.payloads("server"), [b"recorded"]);
}

#[test]
fn recording_opens_nothing_after_its_session_has_ended() {
    let mut net = fabric();
    let recorded = recorded_first_packet(&mut net);
    net.run(Duration::from_mins(5));
    assert!(net.sessions("b").is_empty());
    net.inject_wan(recorded);
    net.run_ms(100);
    assert!(net.sessions("b").is_empty());
    assert_eq!(net.drops("b", DropReason::MetadataStale), 1);
}

#[test]
fn recording_older_than_five_seconds_opens_nothing_at_a_restarted_router() {
    let mut net = fabric();
    let recorded = recorded_first_packet(&mut net);
    net.stop("a");
    net.run(Duration::from_secs(6));
    net.restart("b");
    net.inject_wan(recorded);
    net.run_ms(500);
    assert!(net.sessions("b").is_empty());
    assert_eq!(net.payloads("server").len(), 1);
}

#[test]
fn clock_that_is_off_by_more_than_five_seconds_is_refused_and_counted() {
    let mut net = fabric();
    net.router_mut("a").clock_offset_ms = 7000;
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(net.drops("b", DropReason::MetadataStale) > 0);
    net.router_mut("a").clock_offset_ms = 3000;
    assert!(echoes(&mut net, "client", 5001, ECHO));
}

#[test]
fn every_changed_byte_of_metadata_is_noticed() {
    let mut net = fabric();
    net.link(A, B).up = false;
    net.udp("client", 5000, "198.18.0.1:9", b"never arrives");
    net.run_ms(20);
    let genuine = net.wan[0].bytes.clone();
    // Nobody is to answer when a broken cookie makes the router ask for metadata.
    net.stop("a");
    net.link(A, B).up = true;
    let parsed = quiver_wire::Parsed::parse(&genuine).unwrap();
    let length = metadata::Packet::new_checked(parsed.payload(&genuine)).unwrap().total_len();
    for at in 0..length {
        for bit in [0x01, 0x80] {
            let mut forged = genuine.clone();
            forged[parsed.payload_at + at] ^= bit;
            net.inject_wan(refinished(forged));
        }
    }
    net.run_ms(500);
    assert!(net.sessions("b").is_empty(), "{:#?}", net.sessions("b"));
    assert!(net.inbox("server").is_empty());
    assert!(net.drops("b", DropReason::MetadataUnauthentic) > 0);
    net.inject_wan(genuine);
    net.run_ms(500);
    assert_eq!(net.payloads("server"), [b"never arrives"], "the genuine one still opens the session");
}

#[test]
fn recording_moved_to_another_port_is_refused() {
    let mut net = fabric();
    net.link(A, B).up = false;
    net.udp("client", 5000, "198.18.0.1:9", b"never arrives");
    net.run_ms(20);
    let mut moved = net.wan[0].bytes.clone();
    net.link(A, B).up = true;
    let parsed = quiver_wire::Parsed::parse(&moved).unwrap();
    let port = parsed.dst_port ^ 2;
    moved[parsed.transport_at + 2..parsed.transport_at + 4].copy_from_slice(&port.to_be_bytes());
    net.inject_wan(refinished(moved));
    net.run_ms(200);
    assert_eq!(net.drops("b", DropReason::MetadataWrongPort), 1);
    assert!(net.sessions("b").is_empty());
}

#[test]
fn metadata_made_for_another_router_is_refused() {
    let plan = two_sites().router("c", &["203.0.113.3"]).service(everything());
    let mut net = fabric_of(plan);
    let recorded = recorded_first_packet(&mut net);
    let mut moved = recorded;
    moved[16..20].copy_from_slice(&[203, 0, 113, 3]);
    moved[10..12].fill(0);
    let sum = !quiver_wire::checksum::sum(&moved[..20]);
    moved[10..12].copy_from_slice(&sum.to_be_bytes());
    net.inject_wan(refinished(moved));
    net.run_ms(200);
    assert_eq!(net.drops("c", DropReason::MetadataUnauthentic), 1);
    assert!(net.sessions("c").is_empty());
}

#[test]
fn router_with_another_secret_is_not_believed() {
    let plan = two_sites().service(everything());
    let mut net = with_programs(plan.start_with(7, |router, config| {
        if router == "a" {
            config.secrets = vec![(1, quiver_sim::plan::secret(99))];
        }
    }));
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(net.drops("b", DropReason::MetadataUnauthentic) > 0);
    assert!(net.sessions("b").is_empty());
}

#[test]
fn unauthenticated_packets_never_get_more_bytes_back_than_they_brought() {
    let mut net = fabric();
    // All announcements and their answers are over.
    net.run(Duration::from_secs(40));
    net.stop("a");
    net.wan.clear();
    let mut dice = Dice::new(11);
    let mut sent = 0;
    for _ in 0..3000 {
        let (from, to) = (16_384 + dice.below(6000) * 2, 16_385 + dice.below(6000) * 2);
        let length = dice.index(40);
        let from = format!("{A}:{from}").parse().unwrap();
        let packet = craft::udp(from, format!("{B}:{to}").parse().unwrap(), &dice.bytes(length));
        sent += packet.len();
        net.inject_wan(packet);
        net.run(Duration::from_micros(500));
    }
    net.run_ms(1000);
    let answered: usize =
        net.wan.iter().filter(|seen| seen.src.to_string() == B).map(|seen| seen.bytes.len()).sum();
    assert!(answered <= sent, "{answered} bytes for {sent}");
    assert!(net.sessions("b").is_empty());
}

#[test]
fn flood_of_random_packets_leaves_no_state_and_no_answer_for_the_lan() {
    let mut net = fabric();
    net.keep_wan = false;
    net.log.disable();
    let mut dice = Dice::new(12);
    for _ in 0..5000 {
        let length = 20 + dice.index(200);
        let mut packet = dice.bytes(length);
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        packet[12..16].copy_from_slice(&[203, 0, 113, 1]);
        packet[16..20].copy_from_slice(&[203, 0, 113, 2]);
        net.inject_wan(packet);
    }
    net.run_ms(500);
    assert!(net.sessions("b").is_empty());
    assert!(net.inbox("server").is_empty());
    assert!(echoes(&mut net, "client", 5000, ECHO));
}

#[test]
fn mutated_recordings_open_no_second_session() {
    let mut net = fabric();
    net.log.disable();
    let recorded = recorded_first_packet(&mut net);
    net.keep_wan = false;
    let mut dice = Dice::new(13);
    for _ in 0..3000 {
        let mut forged = recorded.clone();
        for _ in 0..=dice.index(4) {
            let at = 20 + dice.index(forged.len() - 20);
            forged[at] = dice.word() as u8;
        }
        if dice.chance(0.3) {
            let length = 28 + dice.index(forged.len() - 28);
            forged.truncate(length);
            forged[2..4].copy_from_slice(&(length as u16).to_be_bytes());
        }
        if quiver_wire::Parsed::parse(&forged).is_ok() {
            forged = refinished(forged);
        }
        net.inject_wan(forged);
    }
    net.run_ms(500);
    assert_eq!(net.sessions("b").len(), 1);
    assert!(net.payloads("server").iter().filter(|payload| *payload == b"recorded").count() <= 1);
}

#[test]
fn client_cannot_write_to_the_return_pool_of_another_session() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let binding = net.inbox("server")[0].from();
    let forged = craft::udp("10.1.0.20:8".parse().unwrap(), binding, b"not from the port that was dialled");
    net.send("server", forged);
    net.run_ms(100);
    assert_eq!(net.payloads("client").len(), 1);
}
