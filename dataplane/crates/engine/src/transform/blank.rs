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
