//! A packet leaves towards a local client or server.

use crate::drop_reason::DropReason;
use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::packet_path::Verdict;
use crate::transform::OutputSink;
use crate::transform::fragment;
use crate::transform::rewrite::{self, Ttl, Tuple};
use quiver_wire::ipv4;
use quiver_wire::offload::Segmentation;

/// Sends a packet that has the LAN side's form but for addresses and ports.
pub(crate) fn send(
    packet: &mut Packet,
    tuple: &Tuple,
    lan_mtu: u16,
    output: &mut Output,
) -> Result<Verdict, DropReason> {
    rewrite::rewrite_tuple(packet, tuple, Ttl::Keep)?;
    if packet.reassembled {
        allow_fragments(packet);
    }
    if packet.offload.segmentation != Segmentation::None || packet.len() <= usize::from(lan_mtu) {
        return Ok(Verdict::ToLan);
    }
    let identification = output.next_identification();
    fragment::cut_ip(packet, lan_mtu, identification, &mut LanSink { output })?;
    Ok(Verdict::Consumed)
}

/// Only what its sender lets be cut travels in pieces; between routers its bit was ours.
fn allow_fragments(packet: &mut Packet) {
    if packet.bytes().first().is_some_and(|first| first >> 4 == 4)
        && let Ok(mut view) = ipv4::Packet::new_checked(packet.bytes_mut())
    {
        view.set_dont_fragment(false);
    }
}

/// Sends finished packets to the LAN side at once.
pub(crate) struct LanSink<'a> {
    pub(crate) output: &'a mut Output,
}

impl OutputSink for LanSink<'_> {
    fn take(&mut self) -> Option<Packet> {
        self.output.buffers.take()
    }

    fn put(&mut self, packet: Packet) {
        self.output.transmit(packet, Direction::Lan);
    }

    fn give_back(&mut self, packet: Packet) {
        self.output.recycle(packet);
    }
}
