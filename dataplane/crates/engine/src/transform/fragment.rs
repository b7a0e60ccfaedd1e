//! Packets cut into pieces: IP fragments towards the LAN, SVR fragments towards a hop.

use core::ops::Range;
use quiver_wire::bytes::{put_slice, put_u8, put_u16, put_u32};
use quiver_wire::ip::protocol::UDP;

use quiver_wire::metadata::path::FragmentInfo;

use super::layout::{self, Layout};
use super::{Family, OutputSink, Refusal, checksum};
use crate::packet::Packet;

const IPV6_FRAGMENT: u8 = 44;
const IPV6_FRAGMENT_HEADER: usize = 8;

/// Cuts a single packet into IP fragments of at most `mtu` bytes in buffers of `sink`; returns how many (RFC 791 section 3.2, RFC 8200 section 4.5).
///
/// IPv4 with DF set is refused as [`Refusal::DontFragment`]. IPv6 is cut as its source would do it: whoever calls this
/// stands for the source. A packet that fits is one piece too, and comes out as it is.
pub fn cut_ip<S: OutputSink>(
    packet: &mut Packet,
    mtu: u16,
    identification: u32,
    sink: &mut S,
) -> Result<usize, Refusal> {
    layout::single(packet)?;
    let layout = layout::admit(packet)?;
    if layout.family == Family::V4 && packet.len() > usize::from(mtu) && layout::dont_fragment(packet.bytes())
    {
        return Err(Refusal::DontFragment);
    }
    checksum::finish(packet)?;
    if packet.len() <= usize::from(mtu) {
        let mut out = sink.take().ok_or(Refusal::NoBuffer)?;
        out.fill(packet.bytes());
        (out.offload, out.interface) = (packet.offload, packet.interface);
        sink.put(out);
        return Ok(1);
    }
    let header = match layout.family {
        Family::V4 => layout.l4,
        Family::V6 => layout.l4 + IPV6_FRAGMENT_HEADER,
    };
    let room = usize::from(mtu).saturating_sub(header);
    let mut count = 0;
    for piece in pieces(layout.l4_len(), room)? {
        let mut out = sink.take().ok_or(Refusal::NoBuffer)?;
        put_fragment(packet, &layout, &piece, identification, &mut out);
        sink.put(out);
        count += 1;
    }
    Ok(count)
}

fn put_fragment(packet: &Packet, layout: &Layout, piece: &Piece, identification: u32, out: &mut Packet) {
    let bytes = packet.bytes();
    let data = bytes.get(layout.l4 + piece.range.start..layout.l4 + piece.range.end).unwrap_or_default();
    out.clear();
    let room = out.room();
    put_slice(room, 0, bytes.get(..layout.l4).unwrap_or_default());
    match layout.family {
        Family::V4 => {
            put_slice(room, layout.l4, data);
            out.set_len(layout.l4 + data.len());
            let bytes = out.bytes_mut();
            put_u16(bytes, 4, identification as u16);
            put_u16(bytes, 6, u16::from(piece.more) << 13 | piece.offset >> 3);
            layout::finish_ip(bytes, layout.protocol);
        }
        Family::V6 => {
            put_u8(room, layout.l4, layout.protocol);
            put_u8(room, layout.l4 + 1, 0);
            put_u16(room, layout.l4 + 2, piece.offset | u16::from(piece.more));
            put_u32(room, layout.l4 + 4, identification);
            put_slice(room, layout.l4 + IPV6_FRAGMENT_HEADER, data);
            out.set_len(layout.l4 + IPV6_FRAGMENT_HEADER + data.len());
            layout::finish_ip(out.bytes_mut(), IPV6_FRAGMENT);
        }
    }
    out.interface = packet.interface;
}

/// One piece of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Which bytes of the payload.
    pub range: Range<usize>,
    /// Where they stand in it, in bytes: a multiple of 8.
    pub offset: u16,
    /// Whether further pieces follow (MF).
    pub more: bool,
}

impl Piece {
    /// The description of this piece in TLV 1. `largest_seen` is the largest piece in which the packet came, 0 when it came whole.
    pub const fn info(&self, extended_id: u32, original_id: u16, largest_seen: u16) -> FragmentInfo {
        let (more, offset) = (self.more, self.offset);
        FragmentInfo { extended_id, original_id, dont_fragment: false, more, offset, largest_seen }
    }
}

/// The pieces, of at most `room` bytes, of a payload of `len` bytes: all but the last are multiples of 8 bytes and equal.
/// Refused when there is no room for 8 bytes.
pub fn pieces(len: usize, room: usize) -> Result<impl Iterator<Item = Piece>, Refusal> {
    let size = room & !7;
    if size == 0 || len > usize::from(u16::MAX) {
        return Err(Refusal::TooLong);
    }
    Ok((0..len.div_ceil(size)).map(move |index| {
        let range = index * size..((index + 1) * size).min(len);
        Piece { offset: range.start as u16, more: range.end < len, range }
    }))
}

/// The pieces into which the payload of a single UDP hop packet is cut so that each, behind `metadata_len` bytes of metadata and signature,
/// is a packet of at most `path_mtu` bytes. Ranges count from the first byte behind the UDP header.
pub fn hop_pieces(
    packet: &Packet,
    path_mtu: u16,
    metadata_len: usize,
) -> Result<impl Iterator<Item = Piece>, Refusal> {
    layout::single(packet)?;
    let layout = Layout::of(packet.bytes())?;
    layout.udp(packet.bytes())?;
    let room = usize::from(path_mtu).saturating_sub(layout.l4 + 8 + metadata_len);
    pieces(layout.l4_len() - 8, room)
}

/// Makes in `out` the hop packet of one of [`hop_pieces`]: the IP header and ports of `packet`, and the piece; metadata with TLV 1
/// is still to be put in front ([`super::metadata::insert`]).
pub fn put_hop_piece(packet: &Packet, piece: &Piece, out: &mut Packet) -> Result<(), Refusal> {
    let layout = Layout::of(packet.bytes())?;
    let start = layout.l4 + 8;
    let bytes = packet.bytes();
    let header = bytes.get(..layout.l4 + 4).ok_or(Refusal::Malformed)?;
    let data = bytes.get(start + piece.range.start..start + piece.range.end).ok_or(Refusal::Malformed)?;
    if layout.protocol != UDP {
        return Err(Refusal::Protocol);
    }
    out.clear();
    put_slice(out.room(), 0, header);
    put_slice(out.room(), start, data);
    out.set_len(start + data.len());
    out.interface = packet.interface;
    layout::finish_udp(out, layout.l4);
    Ok(())
}

#[cfg(test)]
mod tests;
