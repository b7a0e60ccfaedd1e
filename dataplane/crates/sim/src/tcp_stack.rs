//! Real TCP for simulated hosts: smoltcp over queues.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, VecDeque};

use quiver_engine::time::Instant;
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp::{Socket, SocketBuffer, State};
use smoltcp::wire::{HardwareAddress, IpCidr, Ipv4Address, Ipv6Address};

use crate::conversation::{Conversation, Script};

/// Receive and send buffer of each connection, in bytes.
const BUFFER: usize = 65_535;
/// Connections that may arrive at a listener before the next poll.
const BACKLOG: usize = 8;

/// The TCP connections of one host.
pub struct TcpStack {
    interface: Interface,
    sockets: SocketSet<'static>,
    queues: Queues,
    listeners: BTreeMap<u16, Script>,
    waiting: Vec<(u16, SocketHandle)>,
    conversations: Vec<Conversation>,
    next_port: u16,
}

impl core::fmt::Debug for TcpStack {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TcpStack").field("conversations", &self.conversations).finish_non_exhaustive()
    }
}

impl TcpStack {
    /// A stack with these addresses (at most two); all its randomness follows from `seed`.
    pub fn new(addresses: &[IpAddr], mtu: usize, seed: u64, now: Instant) -> Self {
        let mut queues = Queues { incoming: VecDeque::new(), outgoing: VecDeque::new(), mtu };
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed;
        let mut interface = Interface::new(config, &mut queues, micros(now));
        interface.update_ip_addrs(|list| {
            for address in addresses {
                let bits = if address.is_ipv4() { 24 } else { 64 };
                list.push(IpCidr::new((*address).into(), bits)).expect("a host has at most two addresses");
            }
        });
        let routes = interface.routes_mut();
        routes.add_default_ipv4_route(Ipv4Address::new(10, 1, 0, 254)).expect("there is room for two routes");
        routes.add_default_ipv6_route(Ipv6Address::LOCALHOST).expect("there is room for two routes");
        Self {
            interface,
            sockets: SocketSet::new(Vec::new()),
            queues,
            listeners: BTreeMap::new(),
            waiting: Vec::new(),
            conversations: Vec::new(),
            next_port: 49_152 + (seed % 1000) as u16,
        }
    }

    /// Accepts connections to `port`; each follows `script`.
    pub fn listen(&mut self, port: u16, script: Script) {
        self.listeners.insert(port, script);
        for _ in 0..BACKLOG {
            self.add_listener(port);
        }
    }

    /// Opens a connection; the answer is its index.
    pub fn connect(&mut self, from: IpAddr, to: SocketAddr, script: Script) -> usize {
        self.next_port += 1;
        let handle = self.sockets.add(socket());
        let local = SocketAddr::new(from, self.next_port);
        let socket = self.sockets.get_mut::<Socket<'_>>(handle);
        socket.connect(self.interface.context(), to, local).expect("a fresh socket can connect");
        self.conversations.push(Conversation::new(handle, script));
        self.conversations.len() - 1
    }

    /// All connections, opened and accepted, in the order of their beginning.
    pub fn conversations(&self) -> &[Conversation] {
        &self.conversations
    }

    /// A connection, to change what its program does.
    pub fn conversation_mut(&mut self, index: usize) -> &mut Conversation {
        self.conversations.get_mut(index).expect("the connection exists")
    }

    /// The local port of a connection, while it is open.
    pub fn local_port(&self, index: usize) -> Option<u16> {
        let handle = self.conversations.get(index)?.handle;
        self.sockets.get::<Socket<'_>>(handle).local_endpoint().map(|end| end.port)
    }

    /// Takes a packet.
    pub fn receive(&mut self, packet: Vec<u8>) {
        self.queues.incoming.push_back(packet);
    }

    /// Lets the stack work; answers what it sends.
    pub fn poll(&mut self, now: Instant) -> Vec<Vec<u8>> {
        loop {
            self.interface.poll(micros(now), &mut self.queues, &mut self.sockets);
            self.promote();
            let mut changed = false;
            for conversation in &mut self.conversations {
                changed |= conversation.work(self.sockets.get_mut::<Socket<'_>>(conversation.handle));
            }
            if !changed && self.queues.incoming.is_empty() {
                return self.queues.outgoing.drain(..).collect();
            }
        }
    }

    /// When [`Self::poll`] is wanted next.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        let at = self.interface.poll_at(micros(now), &self.sockets)?;
        let nanos = u64::try_from(at.total_micros()).unwrap_or(0) * 1000;
        // At the earliest with the next microsecond: what is due now was done by the last poll.
        Some(Instant::from_nanos(nanos.max((now.as_nanos() / 1000 + 1) * 1000)))
    }

    fn add_listener(&mut self, port: u16) {
        let handle = self.sockets.add(socket());
        self.sockets.get_mut::<Socket<'_>>(handle).listen(port).expect("a fresh socket can listen");
        self.waiting.push((port, handle));
    }

    /// Listening sockets that got a connection become conversations.
    fn promote(&mut self) {
        let is_listening = |handle| self.sockets.get::<Socket<'_>>(handle).state() == State::Listen;
        let (waiting, taken): (Vec<_>, Vec<_>) =
            self.waiting.drain(..).partition(|(_, handle)| is_listening(*handle));
        self.waiting = waiting;
        for (port, handle) in taken {
            let script = self.listeners.get(&port).cloned().unwrap_or(Script::Manual);
            self.conversations.push(Conversation::new(handle, script));
            self.add_listener(port);
        }
    }
}

fn socket() -> Socket<'static> {
    Socket::new(SocketBuffer::new(vec![0; BUFFER]), SocketBuffer::new(vec![0; BUFFER]))
}

fn micros(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros((now.as_nanos() / 1000).cast_signed())
}

/// The "device": what came in and what goes out.
struct Queues {
    incoming: VecDeque<Vec<u8>>,
    outgoing: VecDeque<Vec<u8>>,
    mtu: usize,
}

impl Device for Queues {
    type RxToken<'a> = Incoming;
    type TxToken<'a> = Outgoing<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Incoming, Outgoing<'_>)> {
        let packet = self.incoming.pop_front()?;
        Some((Incoming(packet), Outgoing(&mut self.outgoing)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Outgoing<'_>> {
        Some(Outgoing(&mut self.outgoing))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.max_transmission_unit = self.mtu;
        capabilities.medium = Medium::Ip;
        capabilities
    }
}

struct Incoming(Vec<u8>);

impl RxToken for Incoming {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Outgoing<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Outgoing<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut packet = vec![0; length];
        let result = f(&mut packet);
        self.0.push_back(packet);
        result
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::conversation::is_pattern;

    #[test]
    fn two_stacks_transfer_a_checked_pattern_and_finish() {
        let (a, b): (IpAddr, IpAddr) = ("10.1.0.1".parse().unwrap(), "10.1.0.2".parse().unwrap());
        let mut now = Instant::from_nanos(1_000_000_000);
        let mut client = TcpStack::new(&[a], 1500, 1, now);
        let mut server = TcpStack::new(&[b], 1500, 2, now);
        server.listen(80, Script::Source(300_000));
        let index = client.connect(a, SocketAddr::new(b, 80), Script::Sink);
        for _ in 0..2000 {
            client.poll(now).into_iter().for_each(|packet| server.receive(packet));
            server.poll(now).into_iter().for_each(|packet| client.receive(packet));
            now += Duration::from_millis(1);
        }
        let received = &client.conversations()[index].received;
        assert_eq!(received.len(), 300_000);
        assert!(is_pattern(received));
        assert!(client.conversations()[index].has_finished());
    }
}
