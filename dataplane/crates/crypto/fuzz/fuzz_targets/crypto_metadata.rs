//! `cargo +nightly fuzz run crypto_metadata`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../exercise/crypto_metadata.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::exercise(data));
