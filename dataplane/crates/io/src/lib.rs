//! Devices, routes, rules and threads around the engine. Everything that is made in the kernel carries a name of ours,
//! is found again after a crash, and is removed on stop.
//!
//! | question | file |
//! |---|---|
//! | how packets reach the engine and leave it | [`steering`] (rules), `routes`, [`tun`] (device) |
//! | what a worker does with a packet | `worker` |
//! | which worker owns a packet | `worker`, [`exchange`], [`steer_map`] |
//! | next hops, MTUs, interfaces of clients | [`facts`], [`origin`] |
//! | start, apply, stop | [`router`] |

pub mod capture;
pub mod clock;
mod control;
mod describe;
mod device;
pub mod engine;
pub mod exchange;
pub mod facts;
pub mod fault;
pub mod forwarder;
pub mod netlink;
pub mod nft;
mod notices;
pub mod options;
mod order;
pub mod origin;
pub mod pcapng;
pub mod router;
mod routes;
mod shared;
pub mod side;
pub mod steer_map;
pub mod steering;
pub mod tun;
mod watcher;
mod worker;

pub use capture::{CaptureOptions, CaptureSummary};
pub use control::ApplyError;
pub use engine::Engine;
pub use fault::{Fault, FaultCode};
pub use options::StartOptions;
pub use router::Router;
