//! ICMP errors that Quiver itself sends to a local client.

use core::net::IpAddr;
use quiver_wire::bytes::put_slice;
use quiver_wire::ip::protocol::{ICMP, ICMPV6};

use quiver_wire::icmp::{HEADER_LEN, Repr};
use quiver_wire::parse::{Parsed, Transport};

use super::layout::{self, Layout};
use super::rewrite::{self, Tuple};
use super::{Family, Refusal, checksum};
use crate::packet::Packet;

/// Longest ICMP error (RFC 1812 section 4.3.2.3; RFC 4443 section 2.4 (c)).
pub(super) const fn longest(family: Family) -> usize {
    match family {
        Family::V4 => 576,
        Family::V6 => 1280,
    }
}

/// Makes in `out` the ICMP error `message` from `from` about `packet`, to its source, quoting as much of it as is allowed.
///
/// Refused for echo messages as `message`, and for packets that must not be answered: ICMP other than echo, fragments
/// beyond the first, multicast, broadcast, and sources that are no single host (RFC 1122 section 3.2.2, RFC 4443 section 2.4 (e)).
pub fn build(packet: &Packet, message: Repr, from: IpAddr, out: &mut Packet) -> Result<(), Refusal> {
    let parsed = Parsed::parse(packet.bytes()).map_err(|_| Refusal::Malformed)?;
    if matches!(message, Repr::EchoRequest { .. } | Repr::EchoReply { .. }) || !is_answerable(&parsed) {
        return Err(Refusal::NotAnswerable);
    }
    let family = Family::from(parsed.version);
    let tuple = Tuple { src: from, dst: parsed.src, sport: 0, dport: 0 };
    if tuple.family()? != family {
        return Err(Refusal::Family);
    }
    let l4 = usize::from(family.header_len());
    let quoted = packet.bytes().get(..parsed.total_len).unwrap_or_default();
    let quoted = quoted.get(..longest(family) - l4 - HEADER_LEN).unwrap_or(quoted);
    let room = out.room();
    put_slice(room, l4 + HEADER_LEN, quoted);
    message
        .emit(family.version(), room.get_mut(l4..l4 + HEADER_LEN).unwrap_or_default())
        .map_err(|_| Refusal::NoRoom)?;
    out.clear();
    out.set_len(l4 + HEADER_LEN + quoted.len());
    out.interface = packet.interface;
    finish(out, &tuple, family);
    Ok(())
}

/// Writes the IP header and the checksum of an ICMP error whose message is in place.
pub(super) fn finish(out: &mut Packet, tuple: &Tuple, family: Family) {
    let bytes = out.bytes_mut();
    let protocol = match family {
        Family::V4 => ICMP,
        Family::V6 => ICMPV6,
    };
    rewrite::put_fresh_header(bytes, tuple, 64);
    layout::finish_ip(bytes, protocol);
    let l4 = usize::from(family.header_len());
    let layout = Layout { family, protocol, l4, len: bytes.len() };
    checksum::complete(bytes, &layout, l4 + 2);
}

fn is_answerable(parsed: &Parsed) -> bool {
    let is_message =
        matches!(parsed.transport, Transport::IcmpError | Transport::IcmpOther | Transport::FragmentTail);
    let is_from_host = match parsed.src {
        IpAddr::V4(src) => !src.is_broadcast() && src.octets()[0] < 240,
        IpAddr::V6(_) => true,
    };
    let is_to_host = match parsed.dst {
        IpAddr::V4(dst) => !dst.is_broadcast(),
        IpAddr::V6(_) => true,
    };
    let src = parsed.src;
    !is_message
        && is_from_host
        && is_to_host
        && !(src.is_unspecified() || src.is_multicast() || src.is_loopback() || parsed.dst.is_multicast())
}

#[cfg(test)]
mod tests;
