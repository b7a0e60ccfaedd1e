//! Sealed payloads, end to end: `counter u64 ‖ AES-256-GCM cipher text ‖ tag`, +24 bytes on each datagram (`docs/protocol.md` 2.2).

use quiver_crypto::payload;
use quiver_crypto::{AeadKey, CounterNonce, PayloadReplayWindow};

use super::overhead::Shield;
use super::shield::{self, Opened, Protect, Unprotect};
use super::{OutputSink, Refusal, tcp_udp};
use crate::packet::Packet;

/// Seals what one end of a session sends. The associated data is the session id.
#[derive(Debug)]
pub struct Sealer<'a> {
    /// Payload key of this direction.
    pub key: &'a AeadKey,
    /// Serial and counter; each datagram takes one.
    pub nonces: &'a mut CounterNonce,
    /// Session id.
    pub session: &'a [u8; 16],
}

impl Protect for Sealer<'_> {
    fn shield(&self) -> Shield {
        Shield::Sealed
    }

    fn protect(&mut self, datagram: &mut [u8]) -> Result<(), Refusal> {
        payload::seal(self.key, self.nonces, self.session, datagram).map_err(|_| Refusal::Key)
    }
}

/// Opens what one end of a session receives.
#[derive(Debug)]
pub struct Opener<'a> {
    /// Payload key of this direction.
    pub key: &'a AeadKey,
    /// Serial of the sender.
    pub serial: u32,
    /// Counters already received; only authentic ones are noted.
    pub seen: &'a mut PayloadReplayWindow,
    /// Session id.
    pub session: &'a [u8; 16],
}

impl Unprotect for Opener<'_> {
    fn shield(&self) -> Shield {
        Shield::Sealed
    }

    fn unprotect(&mut self, datagram: &mut [u8]) -> bool {
        payload::open(self.key, self.serial, self.seen, self.session, datagram).is_ok()
    }
}

/// Seals a single UDP packet in place: [`shield::protect`].
pub fn seal(packet: &mut Packet, sealer: &mut Sealer<'_>) -> Result<(), Refusal> {
    shield::protect(packet, sealer)
}

/// Seals each datagram of a UDP superpacket into packets of `sink`: [`shield::protect_segments`].
pub fn seal_segments<S: OutputSink>(
    packet: &mut Packet,
    sealer: &mut Sealer<'_>,
    sink: &mut S,
) -> Result<usize, Refusal> {
    shield::protect_segments(packet, sealer, sink)
}

/// Opens a UDP packet or superpacket in place: [`shield::unprotect`].
pub fn open(packet: &mut Packet, opener: &mut Opener<'_>) -> Result<Opened, Refusal> {
    shield::unprotect(packet, opener)
}

/// Shapes TCP segments as UDP and seals them, in one pass over the data: [`tcp_udp::to_datagrams`].
pub fn tso_to_sealed<S: OutputSink>(
    packet: &mut Packet,
    sealer: &mut Sealer<'_>,
    sink: &mut S,
) -> Result<usize, Refusal> {
    tcp_udp::to_datagrams(packet, sealer, sink)
}

/// Opens datagrams and makes TCP superpackets of them, in one pass over the data: [`tcp_udp::to_segments`].
pub fn sealed_to_tso<S: OutputSink>(
    packet: &mut Packet,
    opener: &mut Opener<'_>,
    sink: &mut S,
) -> Result<Opened, Refusal> {
    tcp_udp::to_segments(packet, opener, sink)
}
