//! Behaviours of whole fabrics, each told in a few lines.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scenario that meets a broken assumption has failed"
)]

mod adaptive;
mod change;
mod determinism;
mod egress;
mod handshake;
mod hostile;
mod keep_alive;
mod lifetime;
mod middle_boxes;
mod paths;
mod policy;
mod protocols;
mod recovery;
mod reviewed;
mod sealed;
mod sites;
mod sizes;
mod workers;
