//! Random bytes from a seed: strong when the seed is, and equal for equal seeds, so that a simulation repeats.

use core::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::aead::{AeadKey, seal_in_place};
use crate::error::CryptoError;
use crate::nonce::Nonce;

const KEY_LENGTH: usize = AeadKey::LENGTH;
const POOL_LENGTH: usize = 1_024;

/// A generator over AES-256-GCM's key stream. Each refill replaces its own key first and what was drawn is wiped, so that
/// nobody who reads its state learns what it gave out before.
pub struct SeededRandom {
    key: Zeroizing<[u8; KEY_LENGTH]>,
    pool: Zeroizing<[u8; POOL_LENGTH]>,
    used: usize,
}

impl SeededRandom {
    /// A generator that gives out the same bytes for the same seed.
    pub fn new(seed: [u8; KEY_LENGTH]) -> Self {
        Self { key: Zeroizing::new(seed), pool: Zeroizing::new([0; POOL_LENGTH]), used: POOL_LENGTH }
    }

    /// Fills `out`.
    pub fn fill(&mut self, out: &mut [u8]) -> Result<(), CryptoError> {
        let mut rest = out;
        while !rest.is_empty() {
            if self.used >= POOL_LENGTH {
                self.refill()?;
            }
            let ready = self.pool.get_mut(self.used..).unwrap_or_default();
            let length = ready.len().min(rest.len());
            let (target, behind) = rest.split_at_mut_checked(length).ok_or(CryptoError::Library)?;
            let source = ready.get_mut(..length).ok_or(CryptoError::Library)?;
            target.copy_from_slice(source);
            source.zeroize();
            self.used += length;
            rest = behind;
        }
        Ok(())
    }

    /// Eight bytes as a number.
    pub fn next_u64(&mut self) -> Result<u64, CryptoError> {
        let mut bytes = [0; 8];
        self.fill(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    fn refill(&mut self) -> Result<(), CryptoError> {
        self.pool.zeroize();
        let key = AeadKey::new(&self.key)?;
        seal_in_place(&key, Nonce { serial: 0, counter: 0 }, &[], self.pool.as_mut_slice())?;
        let (next_key, _) = self.pool.split_first_chunk_mut().ok_or(CryptoError::Library)?;
        *self.key = *next_key;
        next_key.zeroize();
        self.used = KEY_LENGTH;
        Ok(())
    }
}

impl fmt::Debug for SeededRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SeededRandom(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u8, sizes: &[usize]) -> Vec<u8> {
        let mut random = SeededRandom::new([seed; 32]);
        let mut out = Vec::new();
        for size in sizes {
            let mut part = vec![0; *size];
            random.fill(&mut part).unwrap();
            out.extend(part);
        }
        out
    }

    #[test]
    fn equal_seeds_give_equal_bytes_however_they_are_drawn() {
        assert_eq!(drawn(1, &[5_000]), drawn(1, &[1, 999, 4_000]));
        assert_ne!(drawn(1, &[32]), drawn(2, &[32]));
    }

    #[test]
    fn drawn_numbers_do_not_repeat_over_many_refills() {
        let mut random = SeededRandom::new([3; 32]);
        let mut seen = hashbrown::HashSet::<u64, rustc_hash::FxBuildHasher>::default();
        assert!((0..10_000).all(|_| seen.insert(random.next_u64().unwrap())));
    }

    #[test]
    fn state_holds_nothing_of_what_was_drawn() {
        let mut random = SeededRandom::new([4; 32]);
        let mut out = [0; 64];
        random.fill(&mut out).unwrap();
        assert!(!random.pool.windows(8).any(|bytes| out.windows(8).any(|drawn| drawn == bytes)));
    }
}
