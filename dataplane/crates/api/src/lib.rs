//! Quiver api.
