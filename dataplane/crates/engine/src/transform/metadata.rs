//! A block of metadata in front of the L4 payload: behind UDP's header, or behind TCP's with its options (SVR "metadata placement").
//!
//! What stands in front and behind is not looked at; lengths are made right, and the checksum is left to the layer below.
//! Never on superpackets: a block in front of one would be in front of its first segment only. See [`super::segments`].

use core::ops::Range;
use quiver_wire::bytes::put_slice;
use quiver_wire::ip::protocol::{TCP, UDP};

use quiver_wire::offload::Checksum;

use quiver_wire::metadata::{self, COOKIE, marker};

use super::layout::{self, Layout};
use super::{Refusal, checksum, segments};
use crate::packet::{MAX_PACKET, Packet};

/// Whether the payload, or that of any segment of a superpacket, begins like metadata.
pub fn is_present(packet: &Packet) -> Result<bool, Refusal> {
    segments::any_starts_with(packet, &COOKIE)
}

/// Where in a single packet the metadata is: `None` when the payload does not begin with the cookie.
/// Lengths that contradict the packet are refused.
pub fn find(packet: &Packet) -> Result<Option<Range<usize>>, Refusal> {
    layout::single(packet)?;
    let layout = Layout::of(packet.bytes())?;
    let start = layout.payload(packet.bytes())?;
    let payload = packet.bytes().get(start..layout.len).unwrap_or_default();
    if !metadata::is_metadata(payload) {
        return Ok(None);
    }
    let view = metadata::Packet::new_checked(payload).map_err(|_| Refusal::Malformed)?;
    Ok(Some(start..start + view.total_len()))
}

/// Verifies the checksum of a single packet whose metadata is about to be opened in place: afterwards it could not be.
pub fn before_opening(packet: &mut Packet) -> Result<(), Refusal> {
    admit(packet)?;
    if packet.offload.checksum == Checksum::Complete {
        packet.offload.checksum = Checksum::Verified;
    }
    Ok(())
}

/// Makes `len` bytes of room in front of the L4 payload, to be written by the caller; returns where. A wrong checksum is
/// refused, as it would be made right.
pub fn insert_room(packet: &mut Packet, len: usize) -> Result<Range<usize>, Refusal> {
    let (layout, start) = admit(packet)?;
    if packet.len() + len > MAX_PACKET {
        return Err(Refusal::TooLong);
    }
    if !packet.insert(start, len) {
        return Err(Refusal::NoRoom);
    }
    finish(packet, &layout);
    Ok(start..start + len)
}

/// Puts `block` in front of the L4 payload.
pub fn insert(packet: &mut Packet, block: &[u8]) -> Result<(), Refusal> {
    let room = insert_room(packet, block.len())?;
    put_slice(packet.bytes_mut(), room.start, block);
    Ok(())
}

/// Puts the false-positive marker in front of a payload that begins with the cookie although it is no metadata (SVR "false-positive marker");
/// whether it did. Superpackets are to be split first when [`is_present`].
pub fn mark(packet: &mut Packet) -> Result<bool, Refusal> {
    let (_, start) = admit(packet)?;
    let is_needed = marker::is_needed(packet.bytes().get(start..).unwrap_or_default());
    if is_needed {
        insert(packet, &marker::MARKER)?;
    }
    Ok(is_needed)
}

/// Takes the bytes of `block` ([`find`]) out of the packet.
pub fn strip(packet: &mut Packet, block: Range<usize>) -> Result<(), Refusal> {
    let (layout, start) = admit(packet)?;
    if block.start != start || block.end > packet.len() || !packet.remove(start, block.len()) {
        return Err(Refusal::Malformed);
    }
    finish(packet, &layout);
    Ok(())
}

/// Makes `len` bytes of room behind the L4 payload, for a signature; returns where.
pub fn append_room(packet: &mut Packet, len: usize) -> Result<Range<usize>, Refusal> {
    let (layout, _) = admit(packet)?;
    let end = packet.len();
    if end + len > MAX_PACKET {
        return Err(Refusal::TooLong);
    }
    if !packet.grow_back(len) {
        return Err(Refusal::NoRoom);
    }
    finish(packet, &layout);
    Ok(end..end + len)
}

/// Takes the last `len` bytes of the L4 payload off.
pub fn strip_behind(packet: &mut Packet, len: usize) -> Result<(), Refusal> {
    let (layout, start) = admit(packet)?;
    let end = packet.len().checked_sub(len).filter(|end| *end >= start).ok_or(Refusal::Malformed)?;
    packet.truncate(end);
    finish(packet, &layout);
    Ok(())
}

fn admit(packet: &mut Packet) -> Result<(Layout, usize), Refusal> {
    layout::single(packet)?;
    let layout = layout::admit(packet)?;
    if !matches!(layout.protocol, TCP | UDP) {
        return Err(Refusal::Protocol);
    }
    let start = layout.payload(packet.bytes())?;
    checksum::verify(packet, &layout)?;
    Ok((layout, start))
}

fn finish(packet: &mut Packet, layout: &Layout) {
    if layout.protocol == TCP {
        layout::finish_tcp(packet, layout.l4);
    } else {
        layout::finish_udp(packet, layout.l4);
    }
}

#[cfg(test)]
mod tests;
