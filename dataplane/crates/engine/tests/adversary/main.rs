//! The engine against everything that is not well meant: random bytes, forged and replayed packets, peers that have turned.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]
#![expect(clippy::expect_used, reason = "a broken promise must fail the test")]
#![expect(clippy::panic, reason = "a broken promise must fail the test")]
#![expect(clippy::indexing_slicing, reason = "a broken promise must fail the test")]
#![expect(unsafe_code, reason = "a counting allocator implements an unsafe trait")]

mod allocations;
mod attacks;
mod corpus;
#[path = "../../fuzz/exercise/mod.rs"]
mod exercise;
mod mutation;
mod robustness;
