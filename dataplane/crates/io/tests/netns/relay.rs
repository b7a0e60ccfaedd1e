//! The smallest forwarder there can be: it carries each LAN packet to the peer in a UDP packet of its own, and back.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use quiver_api::proto;
use quiver_engine::config::Config;
use quiver_engine::packet::Packet;
use quiver_engine::session::keys::HashSeed;
use quiver_engine::time::{Instant, Now};
use quiver_io::forwarder::{Forwarder, Loss, Notice, Question, Setup};
use quiver_io::side::Side;
use quiver_wire::offload::{Checksum, Offload, Segmentation};
use quiver_wire::parse::Parsed;
use quiver_wire::virtio::Header;

const OUTER: usize = 28;
/// A UDP payload at which the relay panics.
pub(crate) const POISON: &[u8] = b"poison";

/// Both ends of the only path.
pub(crate) struct Path {
    own: Ipv4Addr,
    peer: Ipv4Addr,
    first_port: u16,
}

/// The forwarder.
pub(crate) struct Relay {
    setup: Setup,
    path: Arc<Path>,
    out: VecDeque<(Side, Packet)>,
    pool: Vec<Packet>,
    counters: proto::Counters,
}

impl Forwarder for Relay {
    type Tables = Path;
    type News = ();

    fn tables(config: &Config) -> Result<Path, Vec<proto::Rejected>> {
        let peer = config.peers.iter().flat_map(|peer| &peer.waypoints).find_map(|w| v4(w.address));
        let own = config.waypoints.iter().copied().find_map(v4);
        match (own, peer) {
            (Some(own), Some(peer)) => Ok(Path { own, peer, first_port: config.waypoint_ports.first }),
            _ => Err(vec![proto::Rejected { code: "PeerMissing".into(), ..proto::Rejected::default() }]),
        }
    }

    fn shard_of_lan(packet: &[u8], shards: u8) -> u8 {
        Parsed::parse(packet).map_or(0, |p| ((p.src_port ^ p.dst_port) % u16::from(shards)) as u8)
    }

    fn shard_of_wan(packet: &[u8], shards: u8) -> u8 {
        Parsed::parse(packet).map_or(0, |p| (p.dst_port / 2 % u16::from(shards)) as u8)
    }

    fn flow_of_lan(_: &[u8], _: &HashSeed) -> Option<u64> {
        None
    }

    fn new(setup: Setup, path: Arc<Path>, _: Now) -> Self {
        Self { setup, path, out: VecDeque::new(), pool: Vec::new(), counters: proto::Counters::default() }
    }

    fn apply(&mut self, path: Arc<Path>, _: Now) {
        self.path = path;
    }

    fn handle_lan(&mut self, mut packet: Packet, _: Now) {
        self.counters.lan_packets_in += 1;
        let parsed = Parsed::parse(packet.bytes()).expect("io hands over what it could parse");
        assert_ne!(parsed.payload(packet.bytes()), POISON, "poisoned");
        assert_eq!(packet.offload.segmentation, Segmentation::None, "the tests send no superpackets");
        if packet.offload.checksum == Checksum::Partial {
            let mut header = Header::of(packet.offload, &parsed).expect("a partial packet has a checksum");
            header.finish(packet.bytes_mut()).expect("the checksum lies in the packet");
        }
        assert!(packet.grow_front(OUTER));
        let outer = self.outer(packet.len() as u16);
        packet.bytes_mut()[..OUTER].copy_from_slice(&outer);
        packet.offload = Offload::default();
        self.out.push_back((Side::Wan, packet));
    }

    fn handle_wan(&mut self, mut packet: Packet, _: Now) {
        self.counters.wan_packets_in += 1;
        packet.shrink_front(OUTER);
        packet.offload = Offload::default();
        self.out.push_back((Side::Lan, packet));
    }

    fn handle_timeout(&mut self, _: Now) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn poll_transmit(&mut self) -> Option<(Side, Packet)> {
        self.out.pop_front()
    }

    fn poll_whole(&mut self) -> Option<Packet> {
        None
    }

    fn poll_notice(&mut self) -> Option<Notice<()>> {
        None
    }

    fn hear(&mut self, (): (), _: Now) {}

    fn count_loss(&mut self, loss: Loss, packets: u64) {
        let reason = format!("{loss:?}");
        self.counters.drops.push(proto::DropCount { reason, packets, ..proto::DropCount::default() });
    }

    fn close_some(&mut self, _: Now) -> bool {
        false
    }

    fn recycle(&mut self, packet: Packet) {
        self.pool.push(packet);
    }

    fn take_buffer(&mut self) -> Option<Packet> {
        Some(self.pool.pop().unwrap_or_else(Packet::allocate))
    }

    fn counters(&self, _: Now) -> proto::Counters {
        self.counters.clone()
    }

    fn dump(&self, _: &proto::DumpRequest, _: Now) -> proto::Dump {
        proto::Dump::default()
    }

    fn explain(&self, _: &Question, _: Now) -> proto::Explanation {
        proto::Explanation::default()
    }

    fn describe(&self, _: Side, _: &[u8]) -> Option<String> {
        None
    }
}

impl Relay {
    /// The far end's worker is chosen so that with several workers packets have to be handed over.
    fn outer(&self, total: u16) -> [u8; OUTER] {
        let mut outer = [0; OUTER];
        let port = |shard: u8| self.path.first_port + 2 * u16::from(shard);
        let (from, to) = (port(self.setup.shard), port(self.setup.shards - 1 - self.setup.shard));
        outer[0] = 0x45;
        outer[2..4].copy_from_slice(&total.to_be_bytes());
        outer[8] = 64;
        outer[9] = 17;
        outer[12..16].copy_from_slice(&self.path.own.octets());
        outer[16..20].copy_from_slice(&self.path.peer.octets());
        let sum: u32 = outer[..20].chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum();
        let folded = (sum & 0xffff) + (sum >> 16);
        let folded = (folded & 0xffff) + (folded >> 16);
        outer[10..12].copy_from_slice(&(!(folded as u16)).to_be_bytes());
        outer[20..22].copy_from_slice(&from.to_be_bytes());
        outer[22..24].copy_from_slice(&to.to_be_bytes());
        outer[24..26].copy_from_slice(&(total - 20).to_be_bytes());
        outer
    }
}

fn v4(address: IpAddr) -> Option<Ipv4Addr> {
    match address {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(_) => None,
    }
}
