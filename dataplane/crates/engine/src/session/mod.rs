//! What a session table is made of: slab, indices, timers, allocators, trackers.
//!
//! Nothing here knows the packet path. Time and randomness are arguments; every structure has a fixed maximum.
//!
//! Memory beside the session itself, at the worst load factor of the hash tables: 8 bytes of slot, 16 of timer, at most 20 for
//! each key in a [`FlowIndex`] and at most 10 for a port pair.

mod index;
mod keys;
mod ports;
mod table;

pub use index::{FlowIndex, FlowRef, LegSide};
pub use keys::{ContextKey, HashSeed, HopKey, LanKey};
pub use ports::{PortExhausted, PortPair, PortPool, Residue};
pub use table::{SessionId, SessionTable};
