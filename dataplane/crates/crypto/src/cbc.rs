//! AES-256-CBC with PKCS#7 padding, for the compatibility profile only; always under a signature that is checked first.

use core::fmt;

use aws_lc_rs::cipher::{
    AES_256, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;

use crate::error::CryptoError;

/// Bytes of an AES block, and of an initialisation vector.
pub const BLOCK_LENGTH: usize = 16;

/// A prepared AES-256-CBC key, for both directions of the cipher.
pub struct CbcKey {
    encrypting: PaddedBlockEncryptingKey,
    decrypting: PaddedBlockDecryptingKey,
}

impl CbcKey {
    /// Bytes of a key.
    pub const LENGTH: usize = 32;

    /// Prepares the key schedules of `bytes`.
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Result<Self, CryptoError> {
        let key = || UnboundCipherKey::new(&AES_256, bytes).map_err(|_| CryptoError::Library);
        Ok(Self {
            encrypting: PaddedBlockEncryptingKey::cbc_pkcs7(key()?).map_err(|_| CryptoError::Library)?,
            decrypting: PaddedBlockDecryptingKey::cbc_pkcs7(key()?).map_err(|_| CryptoError::Library)?,
        })
    }

    /// Cipher text bytes of `clear` bytes: padding adds 1 to 16.
    pub const fn encrypted_length(clear: usize) -> usize {
        (clear / BLOCK_LENGTH + 1) * BLOCK_LENGTH
    }

    /// Pads the first `clear` bytes of `buffer` and encrypts them. `buffer` has exactly the encrypted length.
    /// `iv` must be unpredictable and never repeat.
    pub fn encrypt(
        &self,
        iv: [u8; BLOCK_LENGTH],
        buffer: &mut [u8],
        clear: usize,
    ) -> Result<(), CryptoError> {
        if buffer.len() != Self::encrypted_length(clear) {
            return Err(CryptoError::NoRoom);
        }
        let context = EncryptionContext::Iv128(FixedLength::from(iv));
        let mut filling = Filling { buffer, used: clear };
        self.encrypting.less_safe_encrypt(&mut filling, context).map_err(|_| CryptoError::Library)?;
        Ok(())
    }

    /// Decrypts `buffer` in place and returns the clear bytes at its start.
    pub fn decrypt<'b>(
        &self,
        iv: [u8; BLOCK_LENGTH],
        buffer: &'b mut [u8],
    ) -> Result<&'b mut [u8], CryptoError> {
        if buffer.is_empty() {
            return Err(CryptoError::Malformed);
        }
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        self.decrypting.decrypt(buffer, context).map_err(|_| CryptoError::Authentication)
    }
}

impl fmt::Debug for CbcKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CbcKey(redacted)")
    }
}

/// A buffer that the library extends by padding, without allocating.
struct Filling<'b> {
    buffer: &'b mut [u8],
    used: usize,
}

impl AsMut<[u8]> for Filling<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.used).unwrap_or_default()
    }
}

impl<'a> Extend<&'a u8> for Filling<'_> {
    fn extend<T: IntoIterator<Item = &'a u8>>(&mut self, bytes: T) {
        for byte in bytes {
            let Some(place) = self.buffer.get_mut(self.used) else { return };
            *place = *byte;
            self.used += 1;
        }
    }
}
