//! Seals, signs and opens what Quiver sends; derives its keys; refuses what was seen before.
//!
//! Every primitive is aws-lc-rs'. This crate holds the rules around them: which key, which nonce, which bytes are covered.
//! Keys are prepared once; nothing allocates per packet, reads a clock or draws randomness.

pub mod aead;
pub mod cbc;
pub mod derive;
pub mod error;
pub mod hmac;
pub mod integrity;
pub mod metadata;
pub mod metadata_replay;
pub mod nonce;
pub mod payload;
pub mod replay;
pub mod secret;
pub mod time_window;

#[cfg(test)]
mod published_vectors;

pub use aead::{AeadKey, TAG_LENGTH, open_in_place, seal_in_place};
pub use derive::{DeriveInput, PayloadKeys, PeerKeys};
pub use error::CryptoError;
pub use hmac::HmacKey;
pub use integrity::Direction;
pub use metadata::{ClearLengths, HmacTime, Protection, Stamp, Verified, protect, unprotect};
pub use metadata_replay::{MetadataReplay, ReplayOrigin};
pub use nonce::{CounterNonce, Nonce, NonceError, SerialAllocator};
pub use replay::{Freshness, PayloadReplayWindow, ReplayError, ReplayWindow};
pub use secret::{BootId, PayloadSecret, SecretError, SharedSecret};
pub use time_window::TimeWindow;
