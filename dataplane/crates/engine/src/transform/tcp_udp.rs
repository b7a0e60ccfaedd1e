//! TCP shaped as UDP, reversibly (`docs/protocol.md` section 3).
//!
//! ```text
//! TCP  sport dport | sequence        | ack | 12 13 window | checksum urgent | options | payload
//! UDP  sport dport | length checksum | ack | 12 13 window | sequence        | options | [urgent] | payload
//! ```
//!
//! A segment whose urgent pointer is not zero has bit 0x02 of byte 12 set and the pointer in two bytes behind its header.
//! The reserved bits of byte 12 are zero in what comes out (RFC 9293 section 3.1: senders set them to zero).

use quiver_wire::bytes::{put_slice, put_u8, put_u16, put_u32, u8_at, u16_at, u32_at};
use quiver_wire::ip::protocol::{TCP, UDP};
use quiver_wire::offload::{Checksum, Segmentation};

use super::datagrams::Batch;
use super::join::Join;
use super::layout;
use super::segments::{self, SegmentFields};
use super::shield::{self, Opened, Protect, Unprotect};
use super::{OutputSink, Refusal, checksum};
use crate::packet::{MAX_PACKET, Packet};

/// Byte 12: an urgent pointer stands behind the header.
const URGENT_BEHIND: u8 = 0x02;
/// Byte 12: bits a sender leaves zero.
pub(super) const RESERVED: u8 = 0x0e;
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;
pub(super) const URG: u8 = 0x20;
pub(super) const CWR: u8 = 0x80;

/// Gives a single TCP packet the shape of UDP, in place. A finished checksum is converted without reading the payload,
/// so a wrong one stays wrong.
pub fn to_udp(packet: &mut Packet) -> Result<(), Refusal> {
    layout::single(packet)?;
    let layout = layout::admit(packet)?;
    let header = layout.tcp_header(packet.bytes())?;
    let l4 = layout.l4;
    let urgent = u16_at(packet.bytes(), l4 + 18);
    let check = u16_at(packet.bytes(), l4 + 16);
    let before =
        checksum::add(layout.pseudo(packet.bytes(), TCP, layout.l4_len()), u16_at(packet.bytes(), l4 + 12));
    if urgent != 0 {
        open_gap(packet, l4 + header)?;
        put_u16(packet.bytes_mut(), l4 + header, urgent);
    }
    let bytes = packet.bytes_mut();
    let sequence = u32_at(bytes, l4 + 4);
    put_u32(bytes, l4 + 16, sequence);
    let mark = if urgent == 0 { 0 } else { URGENT_BEHIND };
    put_u8(bytes, l4 + 12, u8_at(bytes, l4 + 12) & !RESERVED | mark);
    let after_word = u16_at(bytes, l4 + 12);
    let state = packet.offload.checksum;
    layout::finish_udp(packet, l4);
    if state == Checksum::Partial {
        return Ok(());
    }
    packet.offload.checksum = state;
    let bytes = packet.bytes_mut();
    let length = u16_at(bytes, l4 + 4);
    let after = checksum::add(u16_at(bytes, l4 + 6), checksum::add(length, after_word));
    let check = checksum::update(check, before, after);
    put_u16(bytes, l4 + 6, if check == 0 { 0xffff } else { check });
    Ok(())
}

/// Gives a single UDP packet made by [`to_udp`] the shape of TCP again, in place; the checksum comes from UDP's,
/// or is left to below where there is none.
pub fn to_tcp(packet: &mut Packet) -> Result<(), Refusal> {
    layout::single(packet)?;
    let layout = layout::admit(packet)?;
    layout.udp(packet.bytes())?;
    let l4 = layout.l4;
    let (header, has_urgent) = remainder_shape(packet.bytes().get(l4 + 8..).unwrap_or_default())
        .map(|(len, urgent)| (len + 8, urgent))?;
    let state = packet.offload.checksum;
    let check = u16_at(packet.bytes(), l4 + 6);
    let length = u16_at(packet.bytes(), l4 + 4);
    let before = checksum::add(
        layout.pseudo(packet.bytes(), UDP, layout.l4_len()),
        checksum::add(length, u16_at(packet.bytes(), l4 + 12)),
    );
    let urgent = if has_urgent { u16_at(packet.bytes(), l4 + header) } else { 0 };
    if has_urgent && !packet.remove(l4 + header, 2) {
        return Err(Refusal::Malformed);
    }
    let bytes = packet.bytes_mut();
    let sequence = u32_at(bytes, l4 + 16);
    put_u32(bytes, l4 + 4, sequence);
    put_u8(bytes, l4 + 12, u8_at(bytes, l4 + 12) & !RESERVED);
    put_u16(bytes, l4 + 18, urgent);
    let after_word = u16_at(bytes, l4 + 12);
    layout::finish_tcp(packet, l4);
    if state == Checksum::Partial || check == 0 {
        return Ok(());
    }
    packet.offload.checksum = state;
    let bytes = packet.bytes_mut();
    let after = checksum::add(u16_at(bytes, l4 + 16), after_word);
    let check = checksum::update(check, before, after);
    put_u16(bytes, l4 + 16, check);
    Ok(())
}

fn open_gap(packet: &mut Packet, at: usize) -> Result<(), Refusal> {
    if packet.len() + 2 > MAX_PACKET {
        return Err(Refusal::TooLong);
    }
    if packet.insert(at, 2) { Ok(()) } else { Err(Refusal::NoRoom) }
}

/// Length of the TCP header behind the ports and sequence, and whether an urgent pointer follows it. `rest` is a UDP payload.
fn remainder_shape(rest: &[u8]) -> Result<(usize, bool), Refusal> {
    let offset = u8_at(rest, 4);
    let header = usize::from(offset >> 4) * 4;
    let has_urgent = offset & URGENT_BEHIND != 0;
    let needed = header.saturating_sub(8) + if has_urgent { 2 } else { 0 };
    if header < 20 || rest.len() < needed { Err(Refusal::Malformed) } else { Ok((header - 8, has_urgent)) }
}

/// Shapes each segment of a TCP packet or superpacket as a UDP datagram of its own, protected by `with`, in packets of
/// `sink`: one copy, one pass. Returns how many segments there were.
pub fn to_datagrams<S: OutputSink>(
    packet: &mut Packet,
    with: &mut impl Protect,
    sink: &mut S,
) -> Result<usize, Refusal> {
    let layout = layout::admit(packet)?;
    let header = layout.tcp_header(packet.bytes())?;
    checksum::verify(packet, &layout)?;
    let segment = packet.bytes().get(layout.l4..).unwrap_or_default();
    let (tcp, payload) = segment.split_at_checked(header).ok_or(Refusal::Malformed)?;
    let size = match packet.offload.segmentation {
        Segmentation::None => payload.len(),
        Segmentation::Tcp { size } if size > 0 => usize::from(size),
        Segmentation::Tcp { .. } | Segmentation::Udp { .. } => return Err(Refusal::Malformed),
    };
    let shield = with.shield();
    let has_urgent = u16_at(tcp, 18) != 0;
    let remainder = header - 8 + if has_urgent { 2 } else { 0 };
    let around = shield.front() + remainder + shield.back();
    let count = payload.len().div_ceil(size.max(1)).max(1);
    let mut batch = Batch::new(packet, &layout, around + size, count, sink)?;
    for index in 0..count {
        let rest = payload.get(index * size..).unwrap_or_default();
        let chunk = rest.get(..size).unwrap_or(rest);
        let fields = segments::segment_fields(tcp, index * size, index + 1 == count);
        let done = batch.room(around + chunk.len()).and_then(|room| {
            let plain = room.get_mut(shield.front()..).unwrap_or_default();
            put_remainder(plain, tcp, fields, has_urgent);
            put_slice(plain, remainder, chunk);
            with.protect(room)
        });
        if let Err(refusal) = done {
            batch.abandon();
            return Err(refusal);
        }
    }
    batch.finish();
    Ok(count)
}

fn put_remainder(room: &mut [u8], tcp: &[u8], fields: SegmentFields, has_urgent: bool) {
    put_slice(room, 0, tcp.get(8..).unwrap_or_default());
    let mark = if has_urgent { URGENT_BEHIND } else { 0 };
    put_u8(room, 4, u8_at(tcp, 12) & !RESERVED | mark);
    put_u8(room, 5, fields.flags);
    put_u32(room, 8, fields.sequence);
    if has_urgent {
        put_u16(room, tcp.len() - 8, fields.urgent);
    }
}

/// The reverse of [`to_datagrams`]: TCP packets in buffers of `sink`, segments that follow one another joined to superpackets.
///
/// Joined are segments that differ in the sequence number only, of one size; a shorter one, FIN or PSH ends a superpacket
/// (as receive offload does it). Bad datagrams are left out and counted; when none is good: [`Refusal::NotAuthentic`].
pub fn to_segments<S: OutputSink>(
    packet: &mut Packet,
    with: &mut impl Unprotect,
    sink: &mut S,
) -> Result<Opened, Refusal> {
    let layout = layout::admit(packet)?;
    layout.udp(packet.bytes())?;
    checksum::verify(packet, &layout)?;
    let start = layout.l4 + 8;
    let size = shield::datagram_size(packet, packet.len() - start)?;
    let shield = with.shield();
    let mut opened = Opened::default();
    let mut join = Join::new(packet, &layout, sink)?;
    let payload = packet.bytes_mut().get_mut(start..).unwrap_or_default();
    for datagram in payload.chunks_mut(size.max(1)) {
        let end = datagram.len().saturating_sub(shield.back());
        let is_good = datagram.len() >= shield.front() + shield.back() && with.unprotect(datagram);
        let plain = datagram.get(shield.front()..end).filter(|_| is_good);
        match plain.map(|plain| (plain, remainder_shape(plain))) {
            Some((plain, Ok((remainder, has_urgent)))) => {
                join.push(plain, remainder, has_urgent)?;
                opened.accepted += 1;
            }
            Some((_, Err(_))) | None => opened.refused += 1,
        }
    }
    join.flush();
    if opened.accepted == 0 { Err(Refusal::NotAuthentic) } else { Ok(opened) }
}

#[cfg(test)]
mod tests;
