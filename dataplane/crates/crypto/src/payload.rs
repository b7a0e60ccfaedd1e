//! Sealed payload of a session, end to end: `counter u64 ‖ cipher text ‖ tag`.

use crate::aead::{AeadKey, TAG_LENGTH, open_in_place, seal_in_place};
use crate::error::CryptoError;
use crate::nonce::{CounterNonce, Nonce, NonceError};
use crate::replay::{PayloadReplayWindow, ReplayError};

/// Bytes in front of the cipher text.
pub const COUNTER_LENGTH: usize = 8;
/// Bytes a sealed payload is longer than the clear one.
pub const OVERHEAD: usize = COUNTER_LENGTH + TAG_LENGTH;

/// Why a payload was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Not authentic, or not of these lengths.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// Seen before, or too old to tell.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// The sender has no nonce left under this key.
    #[error(transparent)]
    Nonce(#[from] NonceError),
}

/// Seals `packet`: 8 bytes for the counter, the clear payload, 16 bytes for the tag.
pub fn seal(
    key: &AeadKey,
    nonces: &mut CounterNonce,
    session: &[u8; 16],
    packet: &mut [u8],
) -> Result<(), PayloadError> {
    let (counter, rest) = packet.split_first_chunk_mut().ok_or(CryptoError::NoRoom)?;
    let (data, tag) = rest.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    let nonce = nonces.draw()?;
    *counter = nonce.counter.to_be_bytes();
    *tag = seal_in_place(key, nonce, session, data)?;
    Ok(())
}

/// Opens `packet` in place and returns the clear payload, which stands 8 bytes behind its start. `seen` notes the counter
/// only once the packet has proved authentic.
pub fn open<'p>(
    key: &AeadKey,
    serial: u32,
    seen: &mut PayloadReplayWindow,
    session: &[u8; 16],
    packet: &'p mut [u8],
) -> Result<&'p mut [u8], PayloadError> {
    let (counter, rest) = packet.split_first_chunk_mut().ok_or(CryptoError::Malformed)?;
    let (data, tag) = rest.split_last_chunk_mut().ok_or(CryptoError::Malformed)?;
    let nonce = Nonce { serial, counter: u64::from_be_bytes(*counter) };
    let unseen = seen.check(nonce.counter)?;
    open_in_place(key, nonce, session, data, tag)?;
    seen.commit(unseen);
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: [u8; 16] = [9; 16];

    fn sealed(nonces: &mut CounterNonce) -> Vec<u8> {
        let mut packet = [&[0; 8], b"payload".as_slice(), &[0; 16]].concat();
        seal(&key(), nonces, &SESSION, &mut packet).unwrap();
        packet
    }

    fn key() -> AeadKey {
        AeadKey::new(&[4; 32]).unwrap()
    }

    #[test]
    fn sealed_payload_opens_once_and_its_copy_does_not() {
        let packet = sealed(&mut CounterNonce::new(3));
        let mut seen = PayloadReplayWindow::default();
        let opened = open(&key(), 3, &mut seen, &SESSION, &mut packet.clone()).map(|data| data.to_vec());
        assert_eq!(opened.unwrap(), b"payload");
        let copy = open(&key(), 3, &mut seen, &SESSION, &mut packet.clone()).map(|_| ());
        assert_eq!(copy, Err(PayloadError::Replay(ReplayError::Duplicate)));
    }

    #[test]
    fn forged_packet_does_not_spoil_the_counter_of_the_true_one() {
        let packet = sealed(&mut CounterNonce::new(3));
        let mut seen = PayloadReplayWindow::default();
        for bit in 0..packet.len() * 8 {
            let mut tampered = packet.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&key(), 3, &mut seen, &SESSION, &mut tampered).is_err(), "bit {bit}");
        }
        assert!(open(&key(), 3, &mut seen, &SESSION, &mut packet.clone()).is_ok());
    }

    #[test]
    fn payload_of_another_session_or_serial_is_refused() {
        let packet = sealed(&mut CounterNonce::new(3));
        let mut seen = PayloadReplayWindow::default();
        assert!(open(&key(), 3, &mut seen, &[8; 16], &mut packet.clone()).is_err());
        assert!(open(&key(), 4, &mut seen, &SESSION, &mut packet.clone()).is_err());
    }

    #[test]
    fn packet_shorter_than_the_overhead_is_malformed() {
        let mut seen = PayloadReplayWindow::default();
        let opened = open(&key(), 3, &mut seen, &SESSION, &mut [0; 23]).map(|_| ());
        assert_eq!(opened, Err(PayloadError::Crypto(CryptoError::Malformed)));
    }
}
