//! What a session table is made of: slab, indices, timers, allocators, trackers.
//!
//! Nothing here knows the packet path. Time and randomness are arguments; every structure has a fixed maximum.
//!
//! Memory beside the session itself, at the worst load factor of the hash tables: 8 bytes of slot, 16 of timer, at most 20 for
//! each key in a [`index::FlowIndex`] and at most 10 for a port pair.

pub mod buffers;
pub mod credit;
pub(crate) mod entry;
pub mod index;
pub mod keys;
pub mod lifetime;
pub mod node_ports;
pub mod ports;
pub mod reassembly;
pub mod return_pool;
pub(crate) mod store;
pub mod table;
pub mod tcp_state;
pub mod timers;
