//! Superpackets seen as the packets they stand for.

use quiver_wire::bytes::{put_slice, put_u8, put_u16, put_u32, u8_at, u16_at, u32_at};
use quiver_wire::offload::Segmentation;

use super::datagrams::{self, Batch};
use super::layout::{self, Layout};
use super::{OutputSink, Refusal};
use crate::packet::Packet;

/// TCP flags that only the last segment keeps: FIN and PSH.
const LAST_ONLY: u8 = 0x09;
/// The TCP flag that only the first segment keeps: CWR (RFC 3168 section 6.1.2).
const FIRST_ONLY: u8 = 0x80;
const URG: u8 = 0x20;

/// Fields of the TCP header that differ from segment to segment of a superpacket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentFields {
    pub(super) sequence: u32,
    pub(super) flags: u8,
    pub(super) urgent: u16,
}

/// The TCP fields of the segment whose payload begins `offset` bytes behind the header of a superpacket.
pub(super) fn segment_fields(header: &[u8], offset: usize, is_last: bool) -> SegmentFields {
    let urgent = u16_at(header, 18).saturating_sub(u16::try_from(offset).unwrap_or(u16::MAX));
    let mut flags = u8_at(header, 13);
    if !is_last {
        flags &= !LAST_ONLY;
    }
    if offset > 0 {
        flags &= !FIRST_ONLY;
        if urgent == 0 {
            flags &= !URG;
        }
    }
    SegmentFields { sequence: u32_at(header, 4).wrapping_add(offset as u32), flags, urgent }
}

/// Whether the payload of any packet that this one stands for begins with `prefix`.
///
/// Receive offload joins packets of equal length without looking inside: metadata may stand in the middle of a superpacket.
pub fn any_starts_with(packet: &Packet, prefix: &[u8]) -> Result<bool, Refusal> {
    let layout = Layout::of(packet.bytes())?;
    let start = layout.payload(packet.bytes())?;
    let payload = packet.bytes().get(start..layout.len).unwrap_or_default();
    Ok(match packet.offload.segmentation {
        Segmentation::None => payload.starts_with(prefix),
        Segmentation::Tcp { size } | Segmentation::Udp { size } => {
            payload.chunks(usize::from(size).max(1)).any(|segment| segment.starts_with(prefix))
        }
    })
}

/// A superpacket of one segment, or of none, is a single packet. `payload` is its length.
pub fn join_to_single(packet: &mut Packet, payload: usize) {
    let size = match packet.offload.segmentation {
        Segmentation::None => return,
        Segmentation::Tcp { size } | Segmentation::Udp { size } => usize::from(size),
    };
    if payload <= size {
        packet.offload.segmentation = Segmentation::None;
    }
}

/// Makes the single packets that a superpacket stands for; returns how many. A single packet is refused: there is nothing to split.
pub fn split<S: OutputSink>(packet: &mut Packet, sink: &mut S) -> Result<usize, Refusal> {
    let layout = layout::admit(packet)?;
    let start = layout.payload(packet.bytes())?;
    match packet.offload.segmentation {
        Segmentation::None => Err(Refusal::Protocol),
        Segmentation::Udp { size } => split_udp(packet, &layout, start, usize::from(size).max(1), sink),
        Segmentation::Tcp { size } => split_tcp(packet, &layout, start, usize::from(size).max(1), sink),
    }
}

fn split_udp<S: OutputSink>(
    packet: &Packet,
    layout: &Layout,
    start: usize,
    size: usize,
    sink: &mut S,
) -> Result<usize, Refusal> {
    layout.udp(packet.bytes())?;
    let payload = packet.bytes().get(start..).unwrap_or_default();
    let count = payload.len().div_ceil(size);
    let mut batch = Batch::new(packet, layout, size, count, sink)?.apart();
    for datagram in payload.chunks(size) {
        match batch.room(datagram.len()) {
            Ok(room) => room.copy_from_slice(datagram),
            Err(refusal) => {
                batch.abandon();
                return Err(refusal);
            }
        }
    }
    batch.finish();
    Ok(count)
}

fn split_tcp<S: OutputSink>(
    packet: &Packet,
    layout: &Layout,
    start: usize,
    size: usize,
    sink: &mut S,
) -> Result<usize, Refusal> {
    let bytes = packet.bytes();
    layout.tcp_header(bytes)?;
    let (headers, payload) = bytes.split_at_checked(start).ok_or(Refusal::Malformed)?;
    let tcp = headers.get(layout.l4..).unwrap_or_default();
    let count = payload.len().div_ceil(size);
    for (index, segment) in payload.chunks(size).enumerate() {
        let mut out = sink.take().ok_or(Refusal::NoBuffer)?;
        out.clear();
        out.interface = packet.interface;
        put_slice(out.room(), 0, headers);
        put_slice(out.room(), start, segment);
        out.set_len(start + segment.len());
        let fields = segment_fields(tcp, index * size, index + 1 == count);
        let bytes = out.bytes_mut();
        put_u32(bytes, layout.l4 + 4, fields.sequence);
        put_u8(bytes, layout.l4 + 13, fields.flags);
        put_u16(bytes, layout.l4 + 18, fields.urgent);
        datagrams::advance_identification(bytes, index);
        layout::finish_tcp(&mut out, layout.l4);
        sink.put(out);
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
