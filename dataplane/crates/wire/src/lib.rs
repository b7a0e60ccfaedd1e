//! Bytes: the only place that knows offsets.

pub mod offload;
