//! The CNI plugin: reads what a container runtime asks, has the node's agent decide, and makes the pod's network.
//!
//! Nothing is decided here but what the specification asks of a binary; nothing but the answer is written to stdout.

mod agent;
mod chained;
mod conversion;
mod failure;
mod invocation;
mod log;
pub mod network;
mod primary;
mod run;
mod version;

pub use failure::{Failure, code};
pub use run::{Output, run};
