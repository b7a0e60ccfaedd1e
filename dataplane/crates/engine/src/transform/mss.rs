//! TCP's maximum segment size, kept small enough for the path.

use quiver_wire::ip::protocol::TCP;
use quiver_wire::tcp::{self, Flags};

use super::layout::Layout;
use super::{Refusal, layout};
use crate::packet::Packet;

/// Lowers the MSS option of a SYN or SYN-ACK to `limit` bytes ([`super::overhead::max_segment`]); whether there was something to lower.
///
/// A SYN without the option stays without: its sender must then assume 536 or 1220 bytes (RFC 9293 section 3.7.1).
pub fn clamp(packet: &mut Packet, limit: u16) -> Result<bool, Refusal> {
    let layout = layout::admit(packet)?;
    layout.tcp_header(packet.bytes())?;
    let state = packet.offload.checksum;
    let segment = packet.bytes_mut().get_mut(layout.l4..).unwrap_or_default();
    let mut tcp = tcp::Packet::new_checked(segment).map_err(|_| Refusal::Malformed)?;
    Ok(tcp.flags().contains(Flags::SYN) && tcp.clamp_mss(limit, state))
}
/// Whether a packet is a SYN or SYN-ACK.
pub fn is_syn(packet: &Packet) -> bool {
    let Ok(layout) = Layout::of(packet.bytes()) else { return false };
    let segment = packet.bytes().get(layout.l4..layout.len).unwrap_or_default();
    layout.protocol == TCP
        && tcp::Packet::new_checked(segment).is_ok_and(|tcp| tcp.flags().contains(Flags::SYN))
}

#[cfg(test)]
mod tests;
