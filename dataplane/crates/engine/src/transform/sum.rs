//! The Internet checksum's arithmetic (RFC 1071, RFC 1624): sums are folded and not inverted.

pub(super) use quiver_wire::checksum::{add, sum as of};

/// The checksum field after `old` in what it covers was replaced by `new` (RFC 1624 equation 3).
pub(super) const fn update(check: u16, old: u16, new: u16) -> u16 {
    !add(add(!check, !old), new)
}
