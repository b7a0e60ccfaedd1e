//! Secrets as types that can be neither printed nor compared in variable time, and are wiped when dropped.

use core::fmt;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use zeroize::Zeroizing;

/// Drawn anew by a node at each start; part of every key it sends with, so that a restart repeats no nonce.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub u64);

/// Why bytes are no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A fabric secret has at least 16 bytes.
    #[error("a shared secret needs at least 16 bytes, got {length}")]
    TooShort {
        /// Bytes given.
        length: usize,
    },
}

/// The secret all nodes of a fabric share (`keySource: SharedSecret`). Clones share one copy of the bytes.
#[derive(Clone)]
pub struct SharedSecret(Arc<Zeroizing<Box<[u8]>>>);

impl SharedSecret {
    /// Fewest bytes of a secret: 128 bits.
    pub const MIN_LENGTH: usize = 16;

    /// Takes a copy of `bytes`; fails when there are fewer than 16.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretError> {
        if bytes.len() < Self::MIN_LENGTH {
            return Err(SecretError::TooShort { length: bytes.len() });
        }
        Ok(Self(Arc::new(Zeroizing::new(bytes.into()))))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(redacted)")
    }
}

/// In constant time for secrets of equal length.
impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose(), other.expose()).is_ok()
    }
}

impl Eq for SharedSecret {}

/// The secret of a payload epoch: made by the ingress, carried in TLV 46, known to the egress.
#[derive(Clone)]
pub struct PayloadSecret(Zeroizing<[u8; Self::LENGTH]>);

impl PayloadSecret {
    /// Bytes of a payload secret.
    pub const LENGTH: usize = 32;

    /// Draws a secret from `rng`, which must be cryptographically strong.
    pub fn generate(rng: &mut impl FnMut(&mut [u8])) -> Self {
        let mut bytes = Zeroizing::new([0; Self::LENGTH]);
        rng(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The secret a peer sent in TLV 46 of protected metadata.
    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(Zeroizing::new(*bytes))
    }

    /// The bytes, only to be written into TLV 46 of metadata whose payload TLVs are encrypted.
    pub fn expose(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for PayloadSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PayloadSecret(redacted)")
    }
}

/// In constant time.
impl PartialEq for PayloadSecret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.expose(), other.expose()).is_ok()
    }
}

impl Eq for PayloadSecret {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_secret_of_fifteen_bytes_is_refused() {
        assert_eq!(SharedSecret::new(&[7; 15]), Err(SecretError::TooShort { length: 15 }));
        assert!(SharedSecret::new(&[7; 16]).is_ok());
    }

    #[test]
    fn secrets_are_equal_by_their_bytes_only() {
        let secret = SharedSecret::new(&[7; 16]).unwrap();
        assert_eq!(secret, SharedSecret::new(&[7; 16]).unwrap());
        assert_ne!(secret, SharedSecret::new(&[7; 17]).unwrap());
        assert_ne!(PayloadSecret::from_bytes(&[1; 32]), PayloadSecret::from_bytes(&[2; 32]));
    }

    #[test]
    fn generated_payload_secret_holds_the_drawn_bytes() {
        let secret = PayloadSecret::generate(&mut |bytes: &mut [u8]| bytes.fill(9));
        assert_eq!(secret.expose(), &[9; 32]);
    }
}
