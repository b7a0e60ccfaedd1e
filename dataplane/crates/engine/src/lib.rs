//! Quiver engine.

pub mod config;
pub mod config_error;
pub mod drop_reason;
pub mod packet;
pub mod session;
pub mod time;
pub mod transform;
