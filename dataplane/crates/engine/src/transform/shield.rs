//! Protection of payloads, datagram by datagram: [`super::seal`], [`super::integrity`] or none.

use quiver_wire::bytes::put_slice;
use quiver_wire::offload::Segmentation;

use super::datagrams::Batch;
use super::layout;
use super::overhead::Shield;
use super::{OutputSink, Refusal, checksum};
use crate::packet::{MAX_PACKET, Packet};

/// Puts protection on one datagram.
pub trait Protect {
    /// How many bytes it needs in front and behind.
    fn shield(&self) -> Shield;
    /// Protects the middle of `datagram`: `shield().front()` bytes of room, the payload, `shield().back()` bytes of room.
    fn protect(&mut self, datagram: &mut [u8]) -> Result<(), Refusal>;
}

/// Takes protection off one datagram.
pub trait Unprotect {
    /// How many bytes it has in front and behind.
    fn shield(&self) -> Shield;
    /// Whether `datagram` is authentic and new; the middle of it, as for [`Protect::protect`], is then the payload.
    /// It is at least as long as the protection.
    fn unprotect(&mut self, datagram: &mut [u8]) -> bool;
}

/// No protection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clear;

impl Protect for Clear {
    fn shield(&self) -> Shield {
        Shield::Clear
    }

    fn protect(&mut self, _: &mut [u8]) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Unprotect for Clear {
    fn shield(&self) -> Shield {
        Shield::Clear
    }

    fn unprotect(&mut self, _: &mut [u8]) -> bool {
        true
    }
}

/// What became of the datagrams of one packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Datagrams that are good.
    pub accepted: u32,
    /// Datagrams that are not, and are gone.
    pub refused: u32,
}

/// Protects the payload of a single UDP packet in place. A wrong UDP checksum is refused: the far end makes a new one.
pub fn protect(packet: &mut Packet, with: &mut impl Protect) -> Result<(), Refusal> {
    layout::single(packet)?;
    let layout = layout::admit(packet)?;
    layout.udp(packet.bytes())?;
    let shield = with.shield();
    if shield == Shield::Clear {
        return Ok(());
    }
    checksum::verify(packet, &layout)?;
    if packet.len() + shield.front() + shield.back() > MAX_PACKET {
        return Err(Refusal::TooLong);
    }
    let payload = layout.l4 + 8;
    if !packet.insert(payload, shield.front()) || !packet.grow_back(shield.back()) {
        return Err(Refusal::NoRoom);
    }
    with.protect(packet.bytes_mut().get_mut(payload..).unwrap_or_default())?;
    layout::finish_udp(packet, layout.l4);
    Ok(())
}

/// Protects each datagram of a UDP packet or superpacket into packets of `sink`; returns how many datagrams there were.
pub fn protect_segments<S: OutputSink>(
    packet: &mut Packet,
    with: &mut impl Protect,
    sink: &mut S,
) -> Result<usize, Refusal> {
    let layout = layout::admit(packet)?;
    layout.udp(packet.bytes())?;
    checksum::verify(packet, &layout)?;
    let payload = packet.bytes().get(layout.l4 + 8..).unwrap_or_default();
    let size = datagram_size(packet, payload.len())?;
    let shield = with.shield();
    let count = payload.len().div_ceil(size.max(1)).max(1);
    let added = shield.front() + shield.back();
    let mut batch = Batch::new(packet, &layout, size + added, count, sink)?;
    for index in 0..count {
        let rest = payload.get(index * size..).unwrap_or_default();
        let plain = rest.get(..size).unwrap_or(rest);
        let done = batch.room(plain.len() + added).and_then(|room| {
            put_slice(room, shield.front(), plain);
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

/// Takes the protection off a UDP packet or superpacket in place. Bad datagrams are taken out; when none is good the
/// packet is refused as [`Refusal::NotAuthentic`].
///
/// A superpacket of datagrams that are empty but for their protection is refused as [`Refusal::Superpacket`]:
/// empty datagrams cannot be one, see [`super::segments::split`].
pub fn unprotect(packet: &mut Packet, with: &mut impl Unprotect) -> Result<Opened, Refusal> {
    let layout = layout::admit(packet)?;
    layout.udp(packet.bytes())?;
    let start = layout.l4 + 8;
    let size = datagram_size(packet, packet.len() - start)?;
    let shield = with.shield();
    if shield == Shield::Clear {
        checksum::verify(packet, &layout)?;
        let accepted = (packet.len() - start).div_ceil(size.max(1)).max(1) as u32;
        return Ok(Opened { accepted, refused: 0 });
    }
    let added = shield.front() + shield.back();
    if packet.offload.segmentation != Segmentation::None && size <= added {
        return Err(Refusal::Superpacket);
    }
    let mut opened = Opened::default();
    let mut write = start;
    let mut read = start;
    loop {
        let end = (read + size).min(packet.len());
        let bytes = packet.bytes_mut();
        let datagram = bytes.get_mut(read..end).unwrap_or_default();
        if datagram.len() >= added && with.unprotect(datagram) {
            bytes.copy_within(read + shield.front()..end - shield.back(), write);
            write += end - read - added;
            opened.accepted += 1;
        } else {
            opened.refused += 1;
        }
        read = end;
        if read >= packet.len() {
            break;
        }
    }
    if opened.accepted == 0 {
        return Err(Refusal::NotAuthentic);
    }
    packet.truncate(write);
    packet.offload.segmentation = match opened.accepted {
        0 | 1 => Segmentation::None,
        _ => Segmentation::Udp { size: (size - added) as u16 },
    };
    layout::finish_udp(packet, layout.l4);
    Ok(opened)
}

/// Payload bytes of each datagram but the last.
pub(super) fn datagram_size(packet: &Packet, payload: usize) -> Result<usize, Refusal> {
    match packet.offload.segmentation {
        Segmentation::None => Ok(payload),
        Segmentation::Udp { size } if size > 0 => Ok(usize::from(size)),
        Segmentation::Udp { .. } | Segmentation::Tcp { .. } => Err(Refusal::Malformed),
    }
}

#[cfg(test)]
mod tests;
