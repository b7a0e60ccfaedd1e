//! The Internet checksum (RFC 1071), its incremental update (RFC 1624), and both states a packet's checksum can be in.
//!
//! A *complete* field holds the inverted sum of pseudo header and segment. A *partial* field (`NEEDS_CSUM`) holds the folded sum
//! of the pseudo header, not inverted: changed addresses and lengths go into it, changed ports do not, because whoever
//! finishes the packet sums the segment itself.

use core::net::IpAddr;

use crate::bytes::{put_u16, u16_at};
use crate::error::WireError;
use crate::ip::protocol;
use crate::offload::Checksum;
use crate::parse::Parsed;

/// One's complement sum of `data` as big-endian 16-bit words, folded, not inverted. An odd last byte is padded with zero.
#[inline]
pub fn sum(data: &[u8]) -> u16 {
    let (words, tail) = data.as_chunks::<4>();
    // A sum in native order is the byte-swapped sum (RFC 1071 2.B); 2^32 words cannot overflow 64 bits.
    let mut total: u64 = words.iter().map(|word| u64::from(u32::from_ne_bytes(*word))).sum();
    let mut last = [0_u8; 4];
    last.iter_mut().zip(tail).for_each(|(to, from)| *to = *from);
    total += u64::from(u32::from_ne_bytes(last));
    u16::from_be(fold(total))
}

/// One's complement sum of two folded sums. Commutative and associative.
#[inline]
pub const fn add(a: u16, b: u16) -> u16 {
    let (total, carry) = a.overflowing_add(b);
    total + carry as u16
}

/// Folded, not inverted sum of the pseudo header (RFC 9293 3.1, RFC 8200 8.1); `length` is that of transport header and payload.
#[inline]
pub fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, length: u32) -> u16 {
    let length = add((length >> 16) as u16, length as u16);
    add(add(sum_address(src), sum_address(dst)), add(u16::from(protocol), length))
}

/// Folded sum of the bytes of an address.
#[inline]
pub fn sum_address(address: IpAddr) -> u16 {
    match address {
        IpAddr::V4(address) => sum(&address.octets()),
        IpAddr::V6(address) => sum(&address.octets()),
    }
}

/// What a change of covered bytes does to a one's complement sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delta(u16);

impl Delta {
    /// Nothing changed.
    pub const NONE: Self = Self(0);

    /// Both changes.
    #[inline]
    pub const fn and(self, other: Self) -> Self {
        Self(add(self.0, other.0))
    }

    /// A 16-bit field at an even offset changes.
    #[inline]
    pub const fn u16(self, old: u16, new: u16) -> Self {
        Self(add(self.0, add(!old, new)))
    }

    /// A 32-bit field at an even offset changes.
    #[inline]
    pub const fn u32(self, old: u32, new: u32) -> Self {
        self.u16((old >> 16) as u16, (new >> 16) as u16).u16(old as u16, new as u16)
    }

    /// An address changes; the families may differ.
    #[inline]
    pub fn address(self, old: IpAddr, new: IpAddr) -> Self {
        self.u16(sum_address(old), sum_address(new))
    }

    /// Bytes with the folded sum `sum` are inserted at an even offset; what stands behind them must move by an even count.
    #[inline]
    pub const fn inserted(self, sum: u16) -> Self {
        Self(add(self.0, sum))
    }

    /// Bytes with the folded sum `sum` are removed from an even offset; what stood behind them must move by an even count.
    #[inline]
    pub const fn removed(self, sum: u16) -> Self {
        Self(add(self.0, !sum))
    }

    /// The same change, made at an odd offset.
    #[inline]
    pub const fn at_odd_offset(self) -> Self {
        Self(self.0.swap_bytes())
    }

    /// The complete (inverted) field `field` after the change (RFC 1624, equation 3).
    #[inline]
    pub const fn apply(self, field: u16) -> u16 {
        !add(!field, self.0)
    }
}

/// What a rewrite changes under a transport checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Addresses, protocol and length.
    pub pseudo_header: Delta,
    /// Bytes of the transport header and payload.
    pub segment: Delta,
}

/// The checksum field of `protocol` after `change`, in the state it is in.
///
/// A complete UDP field of zero (no checksum, RFC 768) stays zero, and a sum that comes out as zero is written as 0xffff.
#[inline]
pub fn updated(field: u16, state: Checksum, protocol: u8, change: Change) -> u16 {
    match state {
        Checksum::Partial => add(field, change.pseudo_header.0),
        Checksum::Complete | Checksum::Verified => {
            if protocol == protocol::UDP && field == 0 {
                return 0;
            }
            let delta = match protocol {
                protocol::ICMP => change.segment,
                _ => change.segment.and(change.pseudo_header),
            };
            udp_zero(protocol, delta.apply(field))
        }
    }
}

/// Applies `change` to the transport checksum of `packet`. Does nothing where there is none: other protocols, later fragments.
#[inline]
pub fn update(packet: &mut [u8], parsed: &Parsed, state: Checksum, change: Change) {
    if let Some(at) = parsed.checksum_at() {
        let field = updated(u16_at(packet, at), state, parsed.protocol, change);
        put_u16(packet, at, field);
    }
}

/// Computes the complete transport checksum of a whole packet, whatever its field holds now.
pub fn finish(packet: &mut [u8], parsed: &Parsed) -> Result<(), WireError> {
    let at = covered(parsed)?;
    put_u16(packet, at, 0);
    let field = udp_zero(parsed.protocol, !total(packet, parsed)?);
    put_u16(packet, at, field);
    Ok(())
}

/// Puts the packet's checksum into the partial state: the field becomes the folded sum of the pseudo header.
pub fn begin(packet: &mut [u8], parsed: &Parsed) -> Result<(), WireError> {
    let at = covered(parsed)?;
    if parsed.protocol == protocol::ICMP {
        return Err(WireError::NoChecksum);
    }
    put_u16(packet, at, pseudo_sum(parsed));
    Ok(())
}

/// Whether the complete transport checksum of a whole packet is right. A UDP checksum of zero is right in IPv4 only (RFC 8200 8.1).
pub fn verify(packet: &[u8], parsed: &Parsed) -> Result<bool, WireError> {
    let at = covered(parsed)?;
    if parsed.protocol == protocol::UDP && u16_at(packet, at) == 0 {
        return Ok(parsed.src.is_ipv4());
    }
    Ok(total(packet, parsed)? == 0xffff)
}

/// Place of the checksum field of `protocol`, from the start of the transport header.
#[inline]
pub const fn field_offset(protocol: u8) -> Option<usize> {
    match protocol {
        protocol::TCP => Some(16),
        protocol::UDP => Some(6),
        protocol::ICMP | protocol::ICMPV6 => Some(2),
        _ => None,
    }
}

fn covered(parsed: &Parsed) -> Result<usize, WireError> {
    if parsed.fragment.is_some() {
        return Err(WireError::Fragmented);
    }
    parsed.checksum_at().ok_or(WireError::NoChecksum)
}

fn total(packet: &[u8], parsed: &Parsed) -> Result<u16, WireError> {
    let segment = packet.get(parsed.transport_at..parsed.total_len).ok_or(WireError::BadTotalLength)?;
    let pseudo = if parsed.protocol == protocol::ICMP { 0 } else { pseudo_sum(parsed) };
    Ok(add(pseudo, sum(segment)))
}

fn pseudo_sum(parsed: &Parsed) -> u16 {
    let length = parsed.total_len.saturating_sub(parsed.transport_at);
    pseudo_header(parsed.src, parsed.dst, parsed.protocol, length as u32)
}

/// RFC 768: zero on the wire means "no checksum", so a sum of zero travels as its other form.
#[inline]
const fn udp_zero(protocol: u8, field: u16) -> u16 {
    if protocol == protocol::UDP && field == 0 { 0xffff } else { field }
}

#[inline]
const fn fold(total: u64) -> u16 {
    let total = (total >> 32) + (total & 0xffff_ffff);
    let total = (total >> 32) + (total & 0xffff_ffff);
    let total = (total >> 16) + (total & 0xffff);
    let total = (total >> 16) + (total & 0xffff);
    total as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_of_the_rfc_1071_example_matches() {
        assert_eq!(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]), 0xddf2);
    }

    #[test]
    fn odd_tail_is_padded_behind_and_not_in_front() {
        assert_eq!(sum(&[0xab]), 0xab00);
        assert_eq!(sum(&[0x01, 0x02, 0x03, 0x04, 0x05]), add(0x0102, add(0x0304, 0x0500)));
    }

    #[test]
    fn update_of_the_rfc_1624_example_gives_zero_and_not_its_complement() {
        assert_eq!(Delta::NONE.u16(0x5555, 0x3285).apply(0xdd2f), 0x0000);
    }

    #[test]
    fn udp_without_a_checksum_stays_without_one() {
        let change = Change { segment: Delta::NONE.u16(1, 2), ..Change::default() };
        assert_eq!(updated(0, Checksum::Complete, protocol::UDP, change), 0);
        assert_ne!(updated(0, Checksum::Complete, protocol::TCP, change), 0);
    }

    #[test]
    fn udp_sum_of_zero_is_written_as_its_other_form() {
        let change = Change { segment: Delta::NONE.u16(0x5555, 0x3285), ..Change::default() };
        assert_eq!(updated(0xdd2f, Checksum::Complete, protocol::UDP, change), 0xffff);
        assert_eq!(updated(0xdd2f, Checksum::Complete, protocol::TCP, change), 0x0000);
    }

    #[test]
    fn partial_field_follows_addresses_but_not_ports() {
        let change = Change { pseudo_header: Delta::NONE.u16(1, 3), segment: Delta::NONE.u16(80, 81) };
        assert_eq!(updated(0x1000, Checksum::Partial, protocol::TCP, change), 0x1002);
    }
}
