//! Clients and servers: UDP and ICMP by hand, TCP through a real stack.

use core::net::{IpAddr, SocketAddr};
use std::collections::BTreeMap;

use quiver_engine::packet::InterfaceId;
use quiver_engine::time::Instant;
use quiver_wire::ip::protocol;
use quiver_wire::offload::Offload;
use quiver_wire::parse::{Parsed, Transport};

use crate::craft::{self, IcmpError};
use crate::dice::Dice;
use crate::segmentation;
use crate::tcp_stack::TcpStack;

/// Largest packet of a host's device.
const MTU: usize = 1500;

/// What a host does with UDP packets to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UdpService {
    /// Sends them back.
    Echo,
    /// Keeps them.
    Sink,
    /// Refuses them with an ICMP error.
    Closed,
}

/// A packet that came to a host.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// When.
    pub at: Instant,
    /// The whole packet, reassembled.
    pub bytes: Vec<u8>,
    /// Its fields.
    pub parsed: Parsed,
}

impl Arrival {
    /// What stands behind the transport header.
    pub fn payload(&self) -> &[u8] {
        self.parsed.payload(&self.bytes)
    }

    /// Source address and port.
    pub fn from(&self) -> SocketAddr {
        SocketAddr::new(self.parsed.src, self.parsed.src_port)
    }

    /// Destination address and port.
    pub fn to(&self) -> SocketAddr {
        SocketAddr::new(self.parsed.dst, self.parsed.dst_port)
    }

    /// Type and code, when it is an ICMP error.
    pub fn icmp_error(&self) -> Option<(u8, u8)> {
        let at = self.parsed.transport_at;
        (self.parsed.transport == Transport::IcmpError).then(|| (self.bytes[at], self.bytes[at + 1]))
    }

    /// The MTU that an ICMP error of the kind "too big" tells.
    pub fn told_mtu(&self) -> Option<u32> {
        let word = |at: usize| u32::from_be_bytes(self.bytes[at..at + 4].try_into().unwrap_or_default());
        matches!(self.icmp_error(), Some((3, 4) | (2, 0))).then(|| word(self.parsed.transport_at + 4))
    }
}

/// A machine with one or two addresses, in a LAN or as a stranger between the routers.
#[derive(Debug)]
pub struct Host {
    /// Its name in the plan.
    pub name: String,
    /// Index of its router; `None` between the routers.
    pub router: Option<usize>,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
    /// Interface of the router by which its packets come in.
    pub interface: InterfaceId,
    /// What it does with UDP, by port.
    pub udp: BTreeMap<u16, UdpService>,
    /// What it does with UDP to other ports.
    pub udp_others: UdpService,
    /// Whether it answers echo requests.
    pub answers_ping: bool,
    /// Whether it emits TCP as superpackets.
    pub superpackets: bool,
    /// Everything that came, TCP excepted while it has a stack.
    pub inbox: Vec<Arrival>,
    /// Its TCP, when it has any.
    pub tcp: Option<TcpStack>,
    outgoing: Vec<(Vec<u8>, Offload)>,
    pieces: BTreeMap<(IpAddr, u32), Vec<Vec<u8>>>,
    tcp_seed: u64,
    next_fragment_id: u32,
}

impl Host {
    pub(crate) fn new(name: &str, router: Option<usize>, addresses: Vec<IpAddr>, dice: &mut Dice) -> Self {
        Self {
            name: name.to_owned(),
            router,
            addresses,
            interface: InterfaceId::default(),
            udp: BTreeMap::new(),
            udp_others: UdpService::Sink,
            answers_ping: true,
            superpackets: false,
            inbox: Vec::new(),
            tcp: None,
            outgoing: Vec::new(),
            pieces: BTreeMap::new(),
            tcp_seed: dice.word(),
            next_fragment_id: 0,
        }
    }

    /// Its address of the family of `other`.
    pub fn address_towards(&self, other: IpAddr) -> IpAddr {
        let same = self.addresses.iter().find(|address| address.is_ipv4() == other.is_ipv4());
        *same.expect("the host has an address of that family")
    }

    /// Its TCP stack, made when first asked for.
    pub fn stack(&mut self, now: Instant) -> &mut TcpStack {
        let (addresses, seed) = (&self.addresses, self.tcp_seed);
        self.tcp.get_or_insert_with(|| TcpStack::new(addresses, MTU, seed, now))
    }

    /// Sends a packet as it is.
    pub fn send(&mut self, packet: Vec<u8>) {
        self.outgoing.push((packet, Offload::default()));
    }

    /// Sends a superpacket.
    pub fn send_super(&mut self, packet: Vec<u8>, offload: Offload) {
        self.outgoing.push((packet, offload));
    }

    /// Takes a packet from the wire.
    pub fn receive(&mut self, bytes: Vec<u8>, now: Instant) {
        let Ok(parsed) = Parsed::parse(&bytes) else { return };
        if parsed.fragment.is_some() {
            if let Some(whole) = self.reassemble(bytes, &parsed) {
                self.receive(whole, now);
            }
            return;
        }
        if parsed.protocol == protocol::TCP
            && let Some(stack) = &mut self.tcp
        {
            stack.receive(bytes);
            return;
        }
        self.answer(&bytes, &parsed);
        self.inbox.push(Arrival { at: now, bytes, parsed });
    }

    /// Lets TCP work and takes what is to be sent.
    pub fn poll(&mut self, now: Instant) -> Vec<(Vec<u8>, Offload)> {
        if let Some(stack) = &mut self.tcp {
            let packets = stack.poll(now);
            if self.superpackets {
                self.outgoing.extend(segmentation::join(packets));
            } else {
                self.outgoing.extend(packets.into_iter().map(|packet| (packet, Offload::default())));
            }
        }
        core::mem::take(&mut self.outgoing)
    }

    /// When [`Self::poll`] is wanted next.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        if self.outgoing.is_empty() { self.tcp.as_mut()?.poll_at(now) } else { Some(now) }
    }

    fn answer(&mut self, bytes: &[u8], parsed: &Parsed) {
        let payload = parsed.payload(bytes);
        match parsed.transport {
            Transport::Udp => match self.udp.get(&parsed.dst_port).unwrap_or(&self.udp_others) {
                UdpService::Sink => (),
                UdpService::Echo => {
                    let from = SocketAddr::new(parsed.dst, parsed.dst_port);
                    let to = SocketAddr::new(parsed.src, parsed.src_port);
                    self.send_in_pieces(&craft::udp(from, to, payload));
                }
                UdpService::Closed => {
                    let error = craft::icmp_error(bytes, parsed.dst, IcmpError::PortUnreachable);
                    self.outgoing.extend(error.map(|packet| (packet, Offload::default())));
                }
            },
            Transport::EchoRequest if self.answers_ping => {
                let at = parsed.transport_at;
                let sequence = u16::from_be_bytes([bytes[at + 6], bytes[at + 7]]);
                let reply = craft::echo(parsed.dst, parsed.src, false, parsed.src_port, sequence, payload);
                self.send(reply);
            }
            Transport::EchoRequest
            | Transport::Tcp
            | Transport::EchoReply
            | Transport::IcmpError
            | Transport::IcmpOther
            | Transport::Other
            | Transport::FragmentTail => (),
        }
    }

    /// Sends an answer as its own stack would: cut to what its device takes.
    fn send_in_pieces(&mut self, packet: &[u8]) {
        if packet.len() <= MTU {
            self.send(packet.to_vec());
            return;
        }
        self.next_fragment_id += 1;
        for piece in craft::fragments(packet, MTU, self.next_fragment_id) {
            self.send(piece);
        }
    }

    fn reassemble(&mut self, bytes: Vec<u8>, parsed: &Parsed) -> Option<Vec<u8>> {
        let key = (parsed.src, parsed.fragment?.id);
        let pieces = self.pieces.entry(key).or_default();
        pieces.push(bytes);
        let mut payload = Vec::new();
        let mut ended = false;
        let read = |piece: &[u8]| {
            let parsed = Parsed::parse(piece).ok()?;
            Some((parsed.fragment?, piece.get(parsed.transport_at..parsed.total_len)?.to_vec()))
        };
        let mut parts: Vec<_> = pieces.iter().filter_map(|piece| read(piece)).collect();
        parts.sort_by_key(|(fragment, _)| fragment.offset);
        for (fragment, part) in parts {
            if usize::from(fragment.offset) != payload.len() {
                return None;
            }
            payload.extend(part);
            ended = !fragment.more;
        }
        if !ended {
            return None;
        }
        self.pieces.remove(&key);
        Some(craft::ip(parsed.src, parsed.dst, parsed.protocol, &payload))
    }
}
