//! How many bytes a leg adds to a packet, and what fits through a path because of that.

use super::Family;

/// Bytes of a UDP header.
const UDP: i32 = 8;
/// Bytes of a TCP header without options.
const TCP: u16 = 20;

/// What carries the L4 payload of a session on a hop (`docs/protocol.md` section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// TCP as TCP, UDP as UDP: ports rewritten.
    Native,
    /// TCP whose header is shaped as a UDP header.
    Transformed,
    /// ICMP echo and other protocols behind an inserted UDP header.
    Inserted,
}

/// How the payload of a session is protected on a hop (`docs/protocol.md` 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shield {
    /// As the client sent it.
    Clear,
    /// HMAC behind each payload.
    Integrity,
    /// Counter in front, tag behind.
    Sealed,
}

impl Shield {
    /// Bytes added in front of each payload.
    pub const fn front(self) -> usize {
        match self {
            Self::Clear | Self::Integrity => 0,
            Self::Sealed => 8,
        }
    }

    /// Bytes added behind each payload.
    pub const fn back(self) -> usize {
        match self {
            Self::Clear => 0,
            Self::Integrity | Self::Sealed => 16,
        }
    }
}

/// Bytes an established session's packet grows by from one leg to the other; negative when it shrinks
/// (an IPv6 packet over an IPv4 hop). Metadata is not counted: it never rides on a packet it does not fit on.
pub fn overhead(carrier: Carrier, shield: Shield, inner: Family, outer: Family) -> i32 {
    let inserted = match carrier {
        Carrier::Native | Carrier::Transformed => 0,
        Carrier::Inserted => UDP,
    };
    let protection = i32::try_from(shield.front() + shield.back()).unwrap_or_default();
    i32::from(outer.header_len()) - i32::from(inner.header_len()) + inserted + protection
}

/// Largest inner packet whose encoded form is at most `path_mtu` bytes, given its [`overhead`].
pub fn max_inner(path_mtu: u16, overhead: i32) -> u16 {
    let room = i32::from(path_mtu) - overhead;
    u16::try_from(room.max(0)).unwrap_or(u16::MAX)
}

/// MSS for [`super::mss::clamp`]: TCP payload of the largest inner packet, options not subtracted (RFC 6691 section 2).
pub fn max_segment(path_mtu: u16, overhead: i32, inner: Family) -> u16 {
    max_inner(path_mtu, overhead).saturating_sub(inner.header_len() + TCP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clear_session_of_one_family_adds_nothing() {
        assert_eq!(overhead(Carrier::Native, Shield::Clear, Family::V4, Family::V4), 0);
        assert_eq!(overhead(Carrier::Transformed, Shield::Clear, Family::V6, Family::V6), 0);
    }

    #[test]
    fn sealed_echo_from_ipv4_over_ipv6_adds_header_udp_counter_and_tag() {
        assert_eq!(overhead(Carrier::Inserted, Shield::Sealed, Family::V4, Family::V6), 20 + 8 + 24);
    }

    #[test]
    fn ipv6_over_ipv4_shrinks_the_packet_and_widens_the_mtu() {
        let shrink = overhead(Carrier::Native, Shield::Clear, Family::V6, Family::V4);
        assert_eq!(shrink, -20);
        assert_eq!(max_inner(1500, shrink), 1520);
    }

    #[test]
    fn the_segment_of_a_sealed_ipv4_session_is_1436_bytes_at_1500() {
        let sealed = overhead(Carrier::Transformed, Shield::Sealed, Family::V4, Family::V4);
        assert_eq!(max_segment(1500, sealed, Family::V4), 1436);
    }

    #[test]
    fn a_path_smaller_than_the_overhead_leaves_no_room() {
        assert_eq!(max_inner(20, 52), 0);
        assert_eq!(max_segment(20, 52, Family::V6), 0);
    }
}
