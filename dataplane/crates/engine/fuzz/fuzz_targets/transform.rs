//! `cargo +nightly fuzz run transform`

#![no_main]
#![allow(dead_code, reason = "the tests use what is not used here")]

use libfuzzer_sys::fuzz_target;

#[path = "../exercise/mod.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::transform::exercise(data));
