//! Quiver sim.
