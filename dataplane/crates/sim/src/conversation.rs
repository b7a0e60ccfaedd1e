//! What a program does with a TCP connection.

use core::net::SocketAddr;
use std::collections::VecDeque;

use smoltcp::iface::SocketHandle;
use smoltcp::socket::tcp::{RecvError, Socket, State};

/// What one end of a connection does by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// Sends only what it is told to; closes only when it is told to.
    Manual,
    /// Sends back what it receives; closes when the other side has.
    Echo,
    /// Receives; closes when the other side has.
    Sink,
    /// Sends this many bytes of [`pattern`], then closes.
    Source(usize),
    /// Sends these bytes at once; closes when the other side has.
    Banner(Vec<u8>),
}

/// The bytes from `from` to `to` of an endless sequence that repeats nowhere near.
pub fn pattern(from: usize, to: usize) -> impl Iterator<Item = u8> {
    (from..to).map(|i| ((i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8)
}

/// Whether `bytes` are the beginning of [`pattern`].
pub fn is_pattern(bytes: &[u8]) -> bool {
    pattern(0, bytes.len()).eq(bytes.iter().copied())
}

/// One TCP connection as its program sees it.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "what a program wants and has seen are independent of each other"
)]
pub struct Conversation {
    pub(crate) handle: SocketHandle,
    /// The other end, once known.
    pub peer: Option<SocketAddr>,
    /// What it does by itself.
    pub script: Script,
    /// Everything received.
    pub received: Vec<u8>,
    /// Whether it reads; otherwise its window closes.
    pub reading: bool,
    /// State of the connection.
    pub state: State,
    /// Whether it ever was established.
    pub was_established: bool,
    /// Whether the other side has finished in order.
    pub peer_finished: bool,
    pub(crate) outgoing: VecDeque<u8>,
    pub(crate) closing: bool,
    pub(crate) aborting: bool,
    sourced: usize,
    closed: bool,
}

impl Conversation {
    pub(crate) fn new(handle: SocketHandle, script: Script) -> Self {
        let outgoing = match &script {
            Script::Banner(text) => text.iter().copied().collect(),
            Script::Manual | Script::Echo | Script::Sink | Script::Source(_) => VecDeque::new(),
        };
        Self {
            handle,
            peer: None,
            script,
            received: Vec::new(),
            reading: true,
            state: State::Closed,
            was_established: false,
            peer_finished: false,
            outgoing,
            closing: false,
            aborting: false,
            sourced: 0,
            closed: false,
        }
    }

    /// Whether the connection is gone without both sides having finished.
    pub fn was_reset(&self) -> bool {
        self.peer.is_some() && self.state == State::Closed && !(self.peer_finished && self.closed)
    }

    /// Whether both sides have finished in order.
    pub const fn has_finished(&self) -> bool {
        self.peer_finished && self.closed
    }

    /// Moves bytes between program and socket. `true` when something changed.
    pub(crate) fn work(&mut self, socket: &mut Socket<'_>) -> bool {
        let before = (self.received.len(), self.outgoing.len(), self.sourced, self.state, self.closed);
        self.state = socket.state();
        self.was_established |= self.state == State::Established;
        if let Some(end) = socket.remote_endpoint() {
            self.peer = Some(SocketAddr::new(end.addr.into(), end.port));
        }
        if self.aborting {
            socket.abort();
            self.aborting = false;
        }
        self.read(socket);
        self.write(socket);
        self.close(socket);
        before != (self.received.len(), self.outgoing.len(), self.sourced, self.state, self.closed)
    }

    fn read(&mut self, socket: &mut Socket<'_>) {
        let mut buffer = [0; 4096];
        while self.reading {
            match socket.recv_slice(&mut buffer) {
                Ok(count @ 1..) => {
                    let bytes = &buffer[..count];
                    self.received.extend(bytes);
                    if self.script == Script::Echo {
                        self.outgoing.extend(bytes);
                    }
                }
                Err(RecvError::Finished) => {
                    self.peer_finished = true;
                    return;
                }
                Ok(0) | Err(RecvError::InvalidState) => return,
            }
        }
    }

    fn write(&mut self, socket: &mut Socket<'_>) {
        if !socket.may_send() {
            return;
        }
        if let Script::Source(total) = self.script {
            let upto = total.min(self.sourced + socket.send_capacity());
            if self.outgoing.len() < socket.send_capacity() {
                self.outgoing.extend(pattern(self.sourced, upto));
                self.sourced = upto;
            }
        }
        while !self.outgoing.is_empty() {
            let chunk = self.outgoing.make_contiguous();
            let sent = socket.send_slice(chunk).unwrap_or(0);
            if sent == 0 {
                return;
            }
            self.outgoing.drain(..sent);
        }
    }

    fn close(&mut self, socket: &mut Socket<'_>) {
        let wants = match self.script {
            Script::Manual => self.closing,
            Script::Echo | Script::Sink | Script::Banner(_) => self.closing || self.peer_finished,
            Script::Source(total) => self.sourced == total,
        };
        if wants && !self.closed && self.outgoing.is_empty() && self.was_established {
            socket.close();
            self.closed = true;
        }
    }
}
