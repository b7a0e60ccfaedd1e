//! The node contract in Rust: protobuf messages, and their conversion to and from what the engine understands.
//!
//! Conversion is pure: what only the machine knows (routes, MTUs) is asked through [`Surroundings`].

mod interfaces;
mod keys;
pub mod merge;
mod node_config;
mod peers;
mod pod_network;
pub mod proto;
mod redacted;
mod rejected;
pub mod report;
mod services;
mod surroundings;
mod tenants;
mod value;

pub use interfaces::InterfaceNames;
pub use node_config::{Converted, convert};
pub use pod_network::{PodNetwork, PodRoute};
pub use rejected::{Problems, RejectCode};
pub use surroundings::{DEFAULT_MTU, Surroundings};
