//! Integrity per packet for sessions that go in clear: a signature behind each packet's payload, hop by hop.

use crate::error::CryptoError;
use crate::hmac::{HmacKey, SIGNATURE_LENGTH};
use crate::time_window::TimeWindow;

/// Which way a packet of a session travels; signed, so that a packet cannot be turned round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Client to server.
    Forward,
    /// Server to client.
    Reverse,
}

impl Direction {
    const fn byte(self) -> u8 {
        match self {
            Self::Forward => 0,
            Self::Reverse => 1,
        }
    }
}

/// Signs `packet` up to its last 16 bytes and writes the signature there.
pub fn sign(
    key: &HmacKey,
    direction: Direction,
    session: &[u8; 16],
    window: TimeWindow,
    packet: &mut [u8],
) -> Result<(), CryptoError> {
    let (payload, signature) = packet.split_last_chunk_mut().ok_or(CryptoError::NoRoom)?;
    *signature = key.sign(&[&[direction.byte()], session, payload], Some(window))?;
    Ok(())
}

/// Checks the last 16 bytes of `packet` and returns what stands before them. `window` is the receiver's own; the ones
/// next to it are accepted as well.
pub fn verify<'p>(
    key: &HmacKey,
    direction: Direction,
    session: &[u8; 16],
    window: TimeWindow,
    packet: &'p [u8],
) -> Result<&'p [u8], CryptoError> {
    let (payload, signature) = packet.split_last_chunk::<SIGNATURE_LENGTH>().ok_or(CryptoError::Malformed)?;
    key.verify(&[&[direction.byte()], session, payload], Some(window), signature)?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: [u8; 16] = [5; 16];
    const NOON: u64 = 1_700_000_000_000;

    fn window(offset_ms: i64) -> TimeWindow {
        TimeWindow::from_unix_ms(NOON.saturating_add_signed(offset_ms))
    }

    fn signed() -> (HmacKey, Vec<u8>) {
        let key = HmacKey::new(&[1; 32]);
        let mut packet = [b"payload".as_slice(), &[0; 16]].concat();
        sign(&key, Direction::Forward, &SESSION, window(0), &mut packet).unwrap();
        (key, packet)
    }

    #[test]
    fn signed_packet_gives_back_its_payload() {
        let (key, packet) = signed();
        assert_eq!(verify(&key, Direction::Forward, &SESSION, window(0), &packet), Ok(b"payload".as_slice()));
    }

    #[test]
    fn one_window_off_is_accepted_and_two_are_not() {
        let (key, packet) = signed();
        let at = |offset| verify(&key, Direction::Forward, &SESSION, window(offset), &packet).is_ok();
        assert!(at(2_000) && at(-2_000));
        assert!(!at(4_000) && !at(-4_000));
    }

    #[test]
    fn packet_of_another_direction_or_session_is_refused() {
        let (key, packet) = signed();
        let failed = Err(CryptoError::Authentication);
        assert_eq!(verify(&key, Direction::Reverse, &SESSION, window(0), &packet), failed);
        assert_eq!(verify(&key, Direction::Forward, &[6; 16], window(0), &packet), failed);
    }

    #[test]
    fn any_flipped_bit_of_a_signed_packet_is_found() {
        let (key, packet) = signed();
        for bit in 0..packet.len() * 8 {
            let mut tampered = packet.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert!(verify(&key, Direction::Forward, &SESSION, window(0), &tampered).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn packet_shorter_than_a_signature_is_malformed() {
        let key = HmacKey::new(&[1; 32]);
        let short = verify(&key, Direction::Forward, &SESSION, window(0), &[0; 15]);
        assert_eq!(short, Err(CryptoError::Malformed));
        let no_room = sign(&key, Direction::Forward, &SESSION, window(0), &mut [0; 15]);
        assert_eq!(no_room, Err(CryptoError::NoRoom));
    }
}
