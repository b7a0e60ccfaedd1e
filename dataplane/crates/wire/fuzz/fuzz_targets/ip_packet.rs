//! `cargo +nightly fuzz run ip_packet`

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../exercise/ip_packet.rs"]
mod exercise;

fuzz_target!(|data: &[u8]| exercise::exercise(data));
