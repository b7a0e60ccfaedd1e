//! Sealed payloads, end to end: `counter u64 ‖ AES-256-GCM cipher text ‖ tag`, +24 bytes on each datagram (`docs/protocol.md` 2.2).

use quiver_crypto::payload;
use quiver_crypto::{AeadKey, CounterNonce, PayloadReplayWindow};

use super::Refusal;
use super::overhead::Shield;
use super::shield::{Protect, Unprotect};

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
