//! `cargo +nightly fuzz run metadata`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../exercise/metadata.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::exercise(data));
