//! Packets that carry nothing of a client: metadata is put into them.

use super::layout;
use super::rewrite::{self, Tuple};
use super::{Family, Refusal};
use crate::packet::Packet;

/// Makes in `out` a UDP packet without payload.
pub fn udp(tuple: &Tuple, out: &mut Packet) -> Result<(), Refusal> {
    let l4 = match tuple.family()? {
        Family::V4 => 20,
        Family::V6 => 40,
    };
    out.fill(&[0; 48]);
    out.truncate(l4 + 8);
    rewrite::put_fresh_header(out.bytes_mut(), tuple, 64);
    layout::put16(out.bytes_mut(), l4, tuple.sport);
    layout::put16(out.bytes_mut(), l4 + 2, tuple.dport);
    layout::finish_udp(out, l4);
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
