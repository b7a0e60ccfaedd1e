//! Headers, offsets and checksums of hand-made packets.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

mod build;
mod icmp;
mod parsing;
mod rewriting;
mod virtio;
