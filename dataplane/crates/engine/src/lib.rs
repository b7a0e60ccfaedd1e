//! The SVR router itself, without I/O: a pure state machine of packets, time and configuration.
//!
//! ```text
//! Engine::new(setup, tables, now)
//! handle_lan(packet, now)      a packet of a local client or server
//! handle_wan(packet, now)      a packet of a peer
//! handle_timeout(now)          at poll_timeout()
//! apply(tables, now)           new configuration; live sessions are judged by it one by one
//! poll_transmit, poll_event    what goes out; what happened
//! ```
//!
//! It reads no clock, draws no randomness but from its seed, opens nothing and logs nothing: the same calls give the same results,
//! bit for bit. A packet may be a superpacket. Where to look: `src/packet_path` for the way of a packet, `docs/protocol.md` for the words.

mod assembly;
pub mod config;
pub mod config_error;
pub mod drop_reason;
mod engine;
pub mod event;
mod explain;
mod fabric;
pub mod forwarding;
mod handshake;
mod message;
mod output;
pub mod packet;
mod packet_path;
mod peering;
mod random;
mod report;
pub mod session;
mod shard;
mod sources;
mod sweep;
pub mod time;
pub mod transform;
pub mod view;
mod view_of;

pub use engine::{Engine, Setup, Shard, TimeoutReason};
pub use event::{CloseReason, Event, SessionChange, SessionUuid, TimedEvent};
pub use forwarding::Tables;
pub use handshake::Phase;
pub use output::{Counters, Direction, Tally, Transmit, Volume};
pub use packet::Packet;
pub use peering::path::PathHealth;
pub use report::PathView;
pub use session::entry::{Mode, Role, Traffic};
pub use shard::{flow_of_lan, shard_of_key, shard_of_lan, shard_of_port, shard_of_wan};
pub use time::{Instant, Now};
