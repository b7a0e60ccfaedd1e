//! Quiver engine.

pub mod config;
pub mod packet;
pub mod session;
pub mod time;
pub mod transform;
