//! HMAC-SHA256 truncated to 128 bits (RFC 2104, RFC 4868).

use core::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;

use crate::error::CryptoError;
use crate::time_window::TimeWindow;

/// Bytes of a signature.
pub const SIGNATURE_LENGTH: usize = 16;

/// A prepared HMAC-SHA256 key.
pub struct HmacKey(hmac::Key);

impl HmacKey {
    /// Prepares `bytes`, of any length (RFC 2104, section 2).
    pub fn new(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The signature over `parts`, one after the other, and then the window's number, if any.
    pub fn sign(
        &self,
        parts: &[&[u8]],
        window: Option<TimeWindow>,
    ) -> Result<[u8; SIGNATURE_LENGTH], CryptoError> {
        finish(self.absorb(parts), window)
    }

    /// Checks `signature`, allowing one window before and one after `window`.
    pub fn verify(
        &self,
        parts: &[&[u8]],
        window: Option<TimeWindow>,
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> Result<(), CryptoError> {
        let context = self.absorb(parts);
        let Some(window) = window else { return compare(&finish(context, None)?, signature) };
        for candidate in window.accepted() {
            if compare(&finish(context.clone(), Some(candidate))?, signature).is_ok() {
                return Ok(());
            }
        }
        Err(CryptoError::Authentication)
    }

    fn absorb(&self, parts: &[&[u8]]) -> hmac::Context {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        context
    }
}

fn finish(
    mut context: hmac::Context,
    window: Option<TimeWindow>,
) -> Result<[u8; SIGNATURE_LENGTH], CryptoError> {
    if let Some(window) = window {
        context.update(&window.to_bytes());
    }
    context.sign().as_ref().first_chunk().copied().ok_or(CryptoError::Library)
}

fn compare(expected: &[u8], given: &[u8]) -> Result<(), CryptoError> {
    verify_slices_are_equal(expected, given).map_err(|_| CryptoError::Authentication)
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(redacted)")
    }
}
