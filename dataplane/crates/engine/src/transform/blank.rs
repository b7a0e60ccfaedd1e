//! Packets that carry nothing of a client: metadata is put into them.

use super::layout;
use super::rewrite::{self, Tuple};
use super::{Family, Refusal, checksum};
use crate::packet::Packet;
use quiver_wire::bytes::put_u16;

/// Makes in `out` a UDP packet without payload.
pub fn udp(tuple: &Tuple, out: &mut Packet) -> Result<(), Refusal> {
    let l4 = match tuple.family()? {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    out.fill(&[0; 48]);
    out.truncate(l4 + 8);
    rewrite::put_fresh_header(out.bytes_mut(), tuple, 64);
    put_u16(out.bytes_mut(), l4, tuple.sport);
    put_u16(out.bytes_mut(), l4 + 2, tuple.dport);
    layout::finish_udp(out, l4);
    Ok(())
}

/// Puts the packet, IP header and all, behind a UDP header of its own.
pub fn wrap(packet: &mut Packet, tuple: &Tuple) -> Result<(), Refusal> {
    layout::single(packet)?;
    let l4 = match tuple.family()? {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    checksum::finish(packet)?;
    if !packet.insert(0, l4 + 8) {
        return Err(Refusal::NoRoom);
    }
    let header = packet.bytes_mut().get_mut(..l4 + 8).unwrap_or_default();
    header.fill(0);
    rewrite::put_fresh_header(header, tuple, 64);
    put_u16(header, l4, tuple.sport);
    put_u16(header, l4 + 2, tuple.dport);
    layout::finish_udp(packet, l4);
    Ok(())
}

/// Takes the headers that [`wrap`] has put in front off again.
pub fn unwrap(packet: &mut Packet) -> Result<(), Refusal> {
    layout::single(packet)?;
    let layout = layout::Layout::of(packet.bytes())?;
    layout.udp(packet.bytes())?;
    packet.shrink_front(layout.l4 + 8);
    packet.offload = quiver_wire::offload::Offload::default();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{FAMILIES, assert_sound, finished, hop, l4};

    #[test]
    fn packet_is_an_empty_datagram_of_the_tuple_with_a_right_checksum() {
        for family in FAMILIES {
            let mut out = Packet::from_bytes(&[0xee; 100]);
            udp(&hop(family), &mut out).unwrap();
            assert_sound(&out);
            assert_eq!(out.len(), usize::from(family.header_len()) + 8);
            assert_eq!(l4(&out)[..6], [0x40, 0, 0x42, 0x69, 0, 8]);
            assert_eq!(finished(&out).len(), out.len());
        }
    }
}
