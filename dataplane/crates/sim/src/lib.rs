//! A deterministic network of engines: virtual time, lossy links, middle boxes, hosts with real TCP, captures.
//!
//! Everything follows from a [`Plan`] and one seed: the same seed gives the same event log, bit for bit. Nothing here reads a
//! clock, sleeps or starts a thread.
//!
//! | question | file |
//! |---|---|
//! | which routers, tenants, services, hosts there are | [`plan`], [`service_plan`] |
//! | what moves packets and time | [`fabric`] |
//! | one node: engines, their tables, restarts, workers | [`router`] |
//! | clients and servers | [`host`], [`tcp_stack`], [`conversation`] |
//! | what happens between routers | [`link`], [`nat`], [`firewall`] |
//! | two engines and nothing else, for measurements | [`pair`] |
//! | packets by hand | [`craft`], [`segmentation`] |
//! | what was seen | [`trace`], [`log`], [`pcap`] |
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a simulation that meets a broken assumption has to stop, and only tests run it"
)]

pub mod conversation;
pub mod craft;
pub mod dice;
pub mod fabric;
pub mod firewall;
pub mod host;
pub mod link;
pub mod log;
pub mod nat;
pub mod pair;
pub mod pcap;
pub mod plan;
pub mod router;
pub mod schedule;
pub mod segmentation;
pub mod service_plan;
pub mod tcp_stack;
pub mod trace;

pub use conversation::Script;
pub use dice::Dice;
pub use fabric::Fabric;
pub use firewall::Firewall;
pub use host::{Arrival, UdpService};
pub use link::{Link, TooBig};
pub use nat::{Mapping, Nat};
pub use plan::Plan;
pub use service_plan::ServicePlan;
