//! What a scenario has hosts do, and what came to them.

use core::net::SocketAddr;

use super::{Fabric, address};
use crate::conversation::{Conversation, Script};
use crate::craft;
use crate::host::{Arrival, Host};
use crate::tcp_stack::TcpStack;

/// A connection of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionId {
    host: usize,
    index: usize,
}

impl Fabric {
    /// A host.
    pub fn host(&self, name: &str) -> &Host {
        &self.hosts[self.host_index(name)]
    }

    /// A host, to change it.
    pub fn host_mut(&mut self, name: &str) -> &mut Host {
        let index = self.host_index(name);
        &mut self.hosts[index]
    }

    /// What came to a host.
    pub fn inbox(&self, name: &str) -> &[Arrival] {
        &self.host(name).inbox
    }

    /// Takes what came to a host.
    pub fn take_inbox(&mut self, name: &str) -> Vec<Arrival> {
        core::mem::take(&mut self.host_mut(name).inbox)
    }

    /// Payloads that came to a host, ICMP errors excepted.
    pub fn payloads(&self, name: &str) -> Vec<Vec<u8>> {
        let arrivals = self.inbox(name).iter().filter(|arrival| arrival.icmp_error().is_none());
        arrivals.map(|arrival| arrival.payload().to_vec()).collect()
    }

    /// A host sends a UDP packet from `port` to `to` (`198.18.0.1:7`).
    pub fn udp(&mut self, host: &str, port: u16, to: &str, payload: &[u8]) {
        let to = socket(to);
        let from = SocketAddr::new(self.host(host).address_towards(to.ip()), port);
        self.send(host, craft::udp(from, to, payload));
    }

    /// A host sends an echo request.
    pub fn ping(&mut self, host: &str, to: &str, id: u16, sequence: u16, payload: &[u8]) {
        let to = address(to);
        let from = self.host(host).address_towards(to);
        self.send(host, craft::echo(from, to, true, id, sequence, payload));
    }

    /// A host sends a packet as it is.
    pub fn send(&mut self, host: &str, packet: Vec<u8>) {
        self.host_mut(host).send(packet);
    }

    /// A host accepts connections to `port`.
    pub fn listen(&mut self, host: &str, port: u16, script: Script) {
        let now = self.now;
        self.host_mut(host).stack(now).listen(port, script);
    }

    /// A host opens a connection to `to` (`198.18.0.1:80`).
    pub fn connect(&mut self, host: &str, to: &str, script: Script) -> ConnectionId {
        let (now, to) = (self.now, socket(to));
        let index = self.host_index(host);
        let from = self.hosts[index].address_towards(to.ip());
        ConnectionId { host: index, index: self.hosts[index].stack(now).connect(from, to, script) }
    }

    /// A connection.
    pub fn connection(&self, id: ConnectionId) -> &Conversation {
        let stack = self.hosts[id.host].tcp.as_ref().expect("the host has TCP");
        &stack.conversations()[id.index]
    }

    /// A connection, to change what its program does.
    pub fn connection_mut(&mut self, id: ConnectionId) -> &mut Conversation {
        self.stack_mut(id).conversation_mut(id.index)
    }

    /// The `n`th connection that a host has, opened or accepted.
    pub fn nth_connection(&self, host: &str, index: usize) -> ConnectionId {
        ConnectionId { host: self.host_index(host), index }
    }

    /// A program sends bytes on a connection.
    pub fn write(&mut self, id: ConnectionId, bytes: &[u8]) {
        self.connection_mut(id).outgoing.extend(bytes);
    }

    /// A program closes its direction of a connection when everything is sent.
    pub fn close(&mut self, id: ConnectionId) {
        self.connection_mut(id).closing = true;
    }

    /// A program resets a connection.
    pub fn abort(&mut self, id: ConnectionId) {
        self.connection_mut(id).aborting = true;
    }

    fn stack_mut(&mut self, id: ConnectionId) -> &mut TcpStack {
        self.hosts[id.host].tcp.as_mut().expect("the host has TCP")
    }

    pub(super) fn host_index(&self, name: &str) -> usize {
        self.hosts.iter().position(|host| host.name == name).expect("the host is planned")
    }
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address with a port is written correctly")
}
