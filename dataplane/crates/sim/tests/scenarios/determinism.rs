//! The same seed gives the same log, bit for bit.

use core::time::Duration;

use quiver_engine::config::Encryption;
use quiver_sim::{Fabric, Script};

use crate::sites::*;

/// Loss, reordering, TCP, restarts, several workers: whatever could differ from run to run.
fn busy(seed: u64) -> Fabric {
    let plan = two_sites().workers("b", 3).service(everything().encryption(Encryption::Adaptive));
    let mut net = with_programs(plan.start(seed));
    net.every_link(|link| {
        link.loss = 0.05;
        link.jitter = Duration::from_millis(4);
        link.reorder = 0.05;
        link.duplicate = 0.05;
    });
    net.listen("server", 82, Script::Source(100_000));
    for _ in 0..4 {
        net.connect("client", "198.18.0.1:82", Script::Sink);
    }
    for port in 5000..5030 {
        net.udp("client", port, ECHO, b"hello");
        net.ping("client", "198.18.0.1", port, 1, b"hello");
    }
    net.run(Duration::from_secs(2));
    net.restart("b");
    net.run(Duration::from_secs(5));
    net.restart("a");
    net.run(Duration::from_secs(5));
    net
}

#[test]
fn same_seed_gives_the_same_log_bit_for_bit() {
    let (first, second) = (busy(42), busy(42));
    let differing = first.log.lines().iter().zip(second.log.lines()).find(|(a, b)| a != b);
    assert_eq!(differing, None);
    assert_eq!(first.log.lines().len(), second.log.lines().len());
    assert_eq!(first.log.hash(), second.log.hash());
    assert_eq!(first.wan, second.wan, "even the cipher text is the same");
}

#[test]
fn another_seed_gives_another_log() {
    assert_ne!(busy(42).log.hash(), busy(43).log.hash());
}

#[test]
fn capture_of_a_run_can_be_written_and_holds_every_packet() {
    let net = busy(44);
    let file = quiver_sim::pcap::file(net.wan.iter().map(|seen| (seen.at, &seen.bytes[..])));
    let bytes: usize = net.wan.iter().map(|seen| seen.bytes.len() + 16).sum();
    assert_eq!(file.len(), 24 + bytes);
}
