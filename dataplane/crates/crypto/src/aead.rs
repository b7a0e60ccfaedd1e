//! AES-256-GCM in place, with the tag apart.

use core::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce as LibraryNonce, UnboundKey};

use crate::error::CryptoError;
use crate::nonce::Nonce;

/// Bytes of an AES-GCM tag.
pub const TAG_LENGTH: usize = 16;

/// A prepared AES-256-GCM key. Making one costs as much as many packets: keep it.
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// Prepares the key schedule of `bytes`.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Result<Self, CryptoError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| CryptoError::Library)?;
        Ok(Self(LessSafeKey::new(key)))
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(redacted)")
    }
}

/// Encrypts `data` where it stands and returns the tag over it and `aad`. `nonce` must never have been used with `key`.
pub fn seal_in_place(
    key: &AeadKey,
    nonce: Nonce,
    aad: &[u8],
    data: &mut [u8],
) -> Result<[u8; TAG_LENGTH], CryptoError> {
    let nonce = LibraryNonce::assume_unique_for_key(nonce.to_bytes());
    let tag =
        key.0.seal_in_place_separate_tag(nonce, Aad::from(aad), data).map_err(|_| CryptoError::Library)?;
    tag.as_ref().first_chunk().copied().ok_or(CryptoError::Library)
}

/// Decrypts `data` where it stands. When it fails `data` holds nothing of use and the packet is to be dropped.
pub fn open_in_place(
    key: &AeadKey,
    nonce: Nonce,
    aad: &[u8],
    data: &mut [u8],
    tag: &[u8; TAG_LENGTH],
) -> Result<(), CryptoError> {
    let nonce = LibraryNonce::assume_unique_for_key(nonce.to_bytes());
    key.0
        .open_in_place_separate_tag(nonce, Aad::from(aad), tag, data)
        .map_err(|_| CryptoError::Authentication)?;
    Ok(())
}
