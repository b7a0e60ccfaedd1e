//! Quiver io.
