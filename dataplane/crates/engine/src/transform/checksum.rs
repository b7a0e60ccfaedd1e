//! Transport checksums in their three states, and the arithmetic below them (RFC 1071, RFC 1624): sums are folded and not inverted.

use quiver_wire::bytes::{put_u16, u16_at};
use quiver_wire::ip::protocol::UDP;
use quiver_wire::offload::{Checksum, Segmentation};

pub(super) use quiver_wire::checksum::{add, sum as of};

use super::layout::{self, Layout};
use super::{Family, Refusal};
use crate::packet::Packet;

/// The checksum field after `old` in what it covers was replaced by `new` (RFC 1624 equation 3).
pub(super) const fn update(check: u16, old: u16, new: u16) -> u16 {
    !add(add(!check, !old), new)
}

/// Whether the checksum that a layer below has not looked at is right. A superpacket's, a partial and UDP's absent one are.
pub(super) fn verify(packet: &Packet, layout: &Layout) -> Result<(), Refusal> {
    let bytes = packet.bytes();
    let Some(at) = layout.checksum_at() else { return Ok(()) };
    let absent = layout.protocol == UDP && layout.family == Family::V4 && u16_at(bytes, at) == 0;
    match (packet.offload.checksum, packet.offload.segmentation) {
        (Checksum::Complete, Segmentation::None) if !absent => {}
        _ => return Ok(()),
    }
    let segment = bytes.get(layout.l4..layout.len).unwrap_or_default();
    let total = add(of(segment), layout.pseudo_if_covered(bytes));
    if total == 0xffff { Ok(()) } else { Err(Refusal::Checksum) }
}

/// Computes what a partial checksum still lacks. Superpackets have no checksum of their own: refused.
pub(super) fn finish(packet: &mut Packet) -> Result<(), Refusal> {
    match packet.offload.checksum {
        Checksum::Complete | Checksum::Verified => return Ok(()),
        Checksum::Partial => layout::single(packet)?,
    }
    let layout = Layout::of(packet.bytes())?;
    let at = layout.checksum_at().ok_or(Refusal::Protocol)?;
    complete(packet.bytes_mut(), &layout, at);
    packet.offload.checksum = Checksum::Complete;
    Ok(())
}

/// Computes the checksum at `at` over the whole of the L4 bytes.
pub(super) fn complete(bytes: &mut [u8], layout: &Layout, at: usize) {
    put_u16(bytes, at, 0);
    let segment = bytes.get(layout.l4..layout.len).unwrap_or_default();
    let check = !add(of(segment), layout.pseudo_if_covered(bytes));
    put_u16(bytes, at, if check == 0 && layout.protocol == UDP { 0xffff } else { check });
}
