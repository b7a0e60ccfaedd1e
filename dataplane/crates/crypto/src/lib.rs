//! Quiver crypto.
