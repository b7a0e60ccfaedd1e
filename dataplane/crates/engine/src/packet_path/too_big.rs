//! Packets of local senders that do not fit a path: smaller segments, or word to the sender (RFC 1191, RFC 8201).

use quiver_wire::icmp;
use quiver_wire::ip;
use quiver_wire::offload::Segmentation;

use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::transform::icmp_reply;

/// Makes the segments of a TCP superpacket small enough for packets of at most `max_inner` bytes: where to cut is free.
pub(crate) fn limit_segments(packet: &mut Packet, max_inner: u16) {
    let Segmentation::Tcp { size } = packet.offload.segmentation else { return };
    let Ok(parsed) = quiver_wire::parse::Parsed::parse(packet.bytes()) else { return };
    let room = usize::from(max_inner).saturating_sub(parsed.payload_at).max(1);
    if usize::from(size) > room {
        packet.offload.segmentation = Segmentation::Tcp { size: room as u16 };
    }
}

/// Whether a single packet exceeds the MTU once it has grown.
pub(crate) fn is_too_big(packet: &Packet, mtu: u16, growth: i32) -> bool {
    packet.len().saturating_add_signed(growth as isize) > usize::from(mtu)
}

/// What every link carries of IPv6, if need be in pieces of its own (RFC 8200 section 5).
const LEAST_V6: u16 = 1280;

/// Whether datagrams joined in a superpacket exceed the MTU once they have grown. Segments of TCP do not: see [`limit_segments`].
pub(crate) fn outgrows(packet: &Packet, mtu: u16, growth: i32) -> bool {
    let Segmentation::Udp { size } = packet.offload.segmentation else { return false };
    let Ok(parsed) = quiver_wire::parse::Parsed::parse(packet.bytes()) else { return false };
    (parsed.payload_at + usize::from(size)).saturating_add_signed(growth as isize) > usize::from(mtu)
}

/// Whether it may be cut: IPv4 without DF, what came in fragments, and IPv6 that no sender makes smaller.
pub(crate) fn may_be_cut(packet: &Packet) -> bool {
    packet.reassembled
        || ip::Packet::new_checked(packet.bytes()).is_ok_and(|view| match view.version() {
            ip::Version::V4 => !view.dont_fragment(),
            ip::Version::V6 => packet.len() <= usize::from(LEAST_V6),
        })
}

/// Tells the sender the largest packet that fits.
pub(crate) fn answer(packet: &Packet, max_inner: u16, output: &mut Output) {
    let Ok(view) = ip::Packet::new_checked(packet.bytes()) else { return };
    let from = view.dst();
    let mtu = match view.version() {
        ip::Version::V4 => max_inner,
        ip::Version::V6 => max_inner.max(LEAST_V6),
    };
    if !output.may_send_error() {
        return;
    }
    let Ok(mut out) = output.buffer() else { return };
    match icmp_reply::build(packet, icmp::Repr::TooBig { mtu: u32::from(mtu) }, from, &mut out) {
        Ok(()) => output.transmit(out, Direction::Lan),
        Err(_) => output.recycle(out),
    }
}
