//! Integrity per packet of clear sessions, hop by hop: a 16-byte HMAC behind each datagram (`docs/protocol.md` 2.2).

use quiver_crypto::{Direction, HmacKey, TimeWindow, integrity};

use super::Refusal;
use super::overhead::Shield;
use super::shield::{Protect, Unprotect};

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
