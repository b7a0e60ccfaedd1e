//! Types and codes of ICMP errors from one family to the other (RFC 7915 sections 4.2 and 5.2).

use quiver_wire::bytes::{put_u8, put_u16, put_u32, u8_at, u32_at};
use quiver_wire::icmp;

use super::{Family, Refusal};

/// Type, code and the four bytes behind the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) code: u8,
    pub(super) mtu: Option<u32>,
    pub(super) pointer: u32,
}

impl Message {
    /// Reads the header of a message.
    pub(super) fn of(family: Family, view: &icmp::Packet<&[u8]>, bytes: &[u8]) -> Self {
        let pointer = match family {
            Family::V4 => u32::from(u8_at(bytes, 4)),
            Family::V6 => u32_at(bytes, 4),
        };
        Self { kind: view.kind(), code: view.code(), mtu: view.next_hop_mtu(), pointer }
    }

    /// The same message in family `to`. A reported MTU is of the packet as the other leg knows it: header by header, nothing else differs.
    pub(super) fn to(self, from: Family, to: Family) -> Result<Self, Refusal> {
        let delta = i32::from(to.header_len()) - i32::from(from.header_len());
        let mtu = self.mtu.map(|mtu| adjusted_mtu(mtu, delta, to));
        let translated = match (from, to) {
            (Family::V4, Family::V4) => match self.kind {
                3 | 11 | 12 => Some((self.kind, self.code, self.pointer)),
                _ => None,
            },
            (Family::V6, Family::V6) => Some((self.kind, self.code, self.pointer)),
            (Family::V4, Family::V6) => self.to_ipv6(),
            (Family::V6, Family::V4) => self.to_ipv4(),
        };
        let (kind, code, pointer) = translated.ok_or(Refusal::Family)?;
        Ok(Self { kind, code, mtu, pointer })
    }

    /// RFC 7915 section 4.2.
    const fn to_ipv6(self) -> Option<(u8, u8, u32)> {
        match (self.kind, self.code) {
            (3, 0 | 1 | 5..=8 | 11 | 12) => Some((1, 0, 0)),
            // Protocol unreachable: unrecognised next header, at the next header field.
            (3, 2) => Some((4, 1, 6)),
            (3, 3) => Some((1, 4, 0)),
            (3, 4) => Some((2, 0, 0)),
            (3, 9 | 10 | 13 | 15) => Some((1, 1, 0)),
            (11, code) => Some((3, code, 0)),
            (12, 0 | 2) => match self.pointer {
                0 => Some((4, 0, 0)),
                1 => Some((4, 0, 1)),
                2 | 3 => Some((4, 0, 4)),
                8 => Some((4, 0, 7)),
                9 => Some((4, 0, 6)),
                12..=15 => Some((4, 0, 8)),
                16..=19 => Some((4, 0, 24)),
                _ => None,
            },
            _ => None,
        }
    }

    /// RFC 7915 section 5.2.
    const fn to_ipv4(self) -> Option<(u8, u8, u32)> {
        match (self.kind, self.code) {
            (1, 0 | 2 | 3) => Some((3, 1, 0)),
            (1, 1) => Some((3, 10, 0)),
            (1, 4) => Some((3, 3, 0)),
            (2, _) => Some((3, 4, 0)),
            (3, code) => Some((11, code, 0)),
            (4, 1) => Some((3, 2, 0)),
            (4, 0) => match self.pointer {
                0 => Some((12, 0, 0)),
                1 => Some((12, 0, 1)),
                4 | 5 => Some((12, 0, 2)),
                6 => Some((12, 0, 9)),
                7 => Some((12, 0, 8)),
                8..=23 => Some((12, 0, 12)),
                24..=39 => Some((12, 0, 16)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Writes the header into zeroed bytes, without a checksum.
    pub(super) fn put(self, family: Family, bytes: &mut [u8]) {
        put_u8(bytes, 0, self.kind);
        put_u8(bytes, 1, self.code);
        match (family, self.mtu) {
            (Family::V4, Some(mtu)) => put_u16(bytes, 6, u16::try_from(mtu).unwrap_or(u16::MAX)),
            (Family::V6, Some(mtu)) => put_u32(bytes, 4, mtu),
            (Family::V4, None) if self.kind == 12 => put_u8(bytes, 4, self.pointer as u8),
            (Family::V6, None) if self.kind == 4 => put_u32(bytes, 4, self.pointer),
            (Family::V4 | Family::V6, None) => {}
        }
    }
}

/// Never below what each family guarantees (RFC 791: 68, RFC 8200 section 5: 1280), which also serves for an MTU of 0.
fn adjusted_mtu(mtu: u32, delta: i32, family: Family) -> u32 {
    let least = match family {
        Family::V4 => 68,
        Family::V6 => 1280,
    };
    if mtu == 0 && family == Family::V4 { 0 } else { mtu.saturating_add_signed(delta).max(least) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_and_codes_follow_rfc_7915_in_both_directions() {
        let message = |kind, code, pointer| Message { kind, code, mtu: None, pointer };
        let to_ipv6 = [
            ((3, 0, 0), Some((1, 0, 0))),
            ((3, 1, 0), Some((1, 0, 0))),
            ((3, 2, 0), Some((4, 1, 6))),
            ((3, 3, 0), Some((1, 4, 0))),
            ((3, 4, 0), Some((2, 0, 0))),
            ((3, 10, 0), Some((1, 1, 0))),
            ((3, 13, 0), Some((1, 1, 0))),
            ((3, 14, 0), None),
            ((4, 0, 0), None),
            ((5, 0, 0), None),
            ((11, 1, 0), Some((3, 1, 0))),
            ((12, 0, 8), Some((4, 0, 7))),
            ((12, 2, 16), Some((4, 0, 24))),
            ((12, 1, 0), None),
            ((12, 0, 4), None),
        ];
        for ((kind, code, pointer), expected) in to_ipv6 {
            assert_eq!(message(kind, code, pointer).to_ipv6(), expected, "{kind} {code} {pointer}");
        }
        let to_ipv4 = [
            ((1, 0, 0), Some((3, 1, 0))),
            ((1, 1, 0), Some((3, 10, 0))),
            ((1, 4, 0), Some((3, 3, 0))),
            ((1, 5, 0), None),
            ((2, 0, 0), Some((3, 4, 0))),
            ((3, 0, 0), Some((11, 0, 0))),
            ((4, 0, 4), Some((12, 0, 2))),
            ((4, 0, 24), Some((12, 0, 16))),
            ((4, 0, 40), None),
            ((4, 1, 6), Some((3, 2, 0))),
            ((4, 2, 0), None),
        ];
        for ((kind, code, pointer), expected) in to_ipv4 {
            assert_eq!(message(kind, code, pointer).to_ipv4(), expected, "{kind} {code} {pointer}");
        }
    }

    /// RFC 7915 figures 3 and 6.
    #[test]
    fn pointers_follow_the_fields_they_point_at() {
        let message = |kind, pointer| Message { kind, code: 0, mtu: None, pointer };
        let v4 = [
            (0..=0, Some(0)),
            (1..=1, Some(1)),
            (2..=3, Some(4)),
            (4..=7, None),
            (8..=8, Some(7)),
            (9..=9, Some(6)),
            (10..=11, None),
            (12..=15, Some(8)),
            (16..=19, Some(24)),
            (20..=60, None),
        ];
        for (range, expected) in v4 {
            for pointer in range {
                let made = message(12, pointer).to_ipv6();
                assert_eq!(made, expected.map(|to| (4, 0, to)), "IPv4 {pointer}");
            }
        }
        let v6 = [
            (0..=0, Some(0)),
            (1..=1, Some(1)),
            (2..=3, None),
            (4..=5, Some(2)),
            (6..=6, Some(9)),
            (7..=7, Some(8)),
            (8..=23, Some(12)),
            (24..=39, Some(16)),
            (40..=60, None),
        ];
        for (range, expected) in v6 {
            for pointer in range {
                let made = message(4, pointer).to_ipv4();
                assert_eq!(made, expected.map(|to| (12, 0, to)), "IPv6 {pointer}");
            }
        }
    }
}
