//! Integrity per packet of clear sessions, hop by hop: a 16-byte HMAC behind each datagram (`docs/protocol.md` 2.2).

use quiver_crypto::{Direction, HmacKey, TimeWindow, integrity};

use super::overhead::Shield;
use super::shield::{self, Opened, Protect, Unprotect};
use super::{OutputSink, Refusal};
use crate::packet::Packet;

/// Signs or verifies the datagrams of one direction of a session on one hop.
#[derive(Clone, Copy, Debug)]
pub struct Signature<'a> {
    /// Per-packet HMAC key of the sender.
    pub key: &'a HmacKey,
    /// Which way the packets go.
    pub direction: Direction,
    /// Session id.
    pub session: &'a [u8; 16],
    /// The present window; its neighbours are accepted too.
    pub window: TimeWindow,
}

impl Protect for Signature<'_> {
    fn shield(&self) -> Shield {
        Shield::Integrity
    }

    fn protect(&mut self, datagram: &mut [u8]) -> Result<(), Refusal> {
        integrity::sign(self.key, self.direction, self.session, self.window, datagram)
            .map_err(|_| Refusal::Key)
    }
}

impl Unprotect for Signature<'_> {
    fn shield(&self) -> Shield {
        Shield::Integrity
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> bool {
        integrity::verify(self.key, self.direction, self.session, self.window, datagram).is_ok()
    }
}

/// Appends the signature to a single UDP packet in place: [`shield::protect`]. TCP is shaped as UDP first.
pub fn append(packet: &mut Packet, signature: &mut Signature<'_>) -> Result<(), Refusal> {
    shield::protect(packet, signature)
}

/// Appends a signature to each datagram of a UDP superpacket into packets of `sink`: [`shield::protect_segments`].
pub fn append_segments<S: OutputSink>(
    packet: &mut Packet,
    signature: &mut Signature<'_>,
    sink: &mut S,
) -> Result<usize, Refusal> {
    shield::protect_segments(packet, signature, sink)
}

/// Verifies and takes off the signatures of a UDP packet or superpacket in place: [`shield::unprotect`].
pub fn strip(packet: &mut Packet, signature: &mut Signature<'_>) -> Result<Opened, Refusal> {
    shield::unprotect(packet, signature)
}
