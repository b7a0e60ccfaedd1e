//! TCP segments that came as UDP transforms, joined to superpackets as receive offload does it.

use quiver_wire::bytes::{put_slice, put_u8, put_u16, put_u32, u8_at, u16_at, u32_at};
use quiver_wire::offload::Segmentation;

use super::layout::{self, Layout};
use super::tcp_udp::{ACK, CWR, FIN, PSH, RESERVED, RST, SYN, URG};
use super::{OutputSink, Refusal};
use crate::packet::{InterfaceId, MAX_PACKET, Packet};

/// Longest IP header and the ports.
const FRONT: usize = 44;

/// Joins segments that follow one another to superpackets of a sink.
pub(super) struct Join<'a, S> {
    sink: &'a mut S,
    front: [u8; FRONT],
    layout: Layout,
    interface: InterfaceId,
    run: Option<Run>,
}

/// Segments that follow one another.
struct Run {
    packet: Packet,
    filled: usize,
    count: usize,
    size: usize,
    next: u32,
    first_flags: u8,
    is_open: bool,
}

impl<'a, S: OutputSink> Join<'a, S> {
    pub(super) fn new(packet: &Packet, layout: &Layout, sink: &'a mut S) -> Result<Self, Refusal> {
        let mut front = [0; FRONT];
        let header = packet.bytes().get(..layout.l4 + 4).ok_or(Refusal::Malformed)?;
        put_slice(&mut front, 0, header);
        Ok(Self { sink, front, layout: *layout, interface: packet.interface, run: None })
    }

    /// Adds a segment: the UDP payload of its transform, whose TCP header takes `remainder` bytes of it.
    pub(super) fn push(&mut self, plain: &[u8], remainder: usize, has_urgent: bool) -> Result<(), Refusal> {
        let l4 = self.layout.l4;
        if let Some(run) = &mut self.run
            && !has_urgent
            && run.takes(plain, remainder, l4)
        {
            run.join(plain, remainder, l4);
            return Ok(());
        }
        self.flush();
        let mut packet = self.sink.take().ok_or(Refusal::NoBuffer)?;
        packet.clear();
        packet.interface = self.interface;
        self.run = Some(Run::start(
            packet,
            self.front.get(..l4 + 4).unwrap_or_default(),
            plain,
            remainder,
            has_urgent,
        ));
        Ok(())
    }

    /// Hands over what is joined so far.
    pub(super) fn flush(&mut self) {
        let Some(mut run) = self.run.take() else { return };
        run.packet.set_len(run.filled);
        run.packet.offload.segmentation = match run.count {
            0 | 1 => Segmentation::None,
            _ => Segmentation::Tcp { size: run.size as u16 },
        };
        layout::finish_tcp(&mut run.packet, self.layout.l4);
        self.sink.put(run.packet);
    }
}

impl Run {
    fn start(mut packet: Packet, front: &[u8], plain: &[u8], remainder: usize, has_urgent: bool) -> Self {
        let l4 = front.len() - 4.min(front.len());
        let behind = remainder + if has_urgent { 2 } else { 0 };
        let payload = plain.get(behind..).unwrap_or_default();
        let sequence = u32_at(plain, 8);
        let room = packet.room();
        put_slice(room, 0, front);
        put_u32(room, l4 + 4, sequence);
        put_slice(room, l4 + 8, plain.get(..remainder).unwrap_or_default());
        put_u8(room, l4 + 12, u8_at(plain, 4) & !RESERVED);
        put_u16(room, l4 + 16, 0);
        put_u16(room, l4 + 18, if has_urgent { u16_at(plain, remainder) } else { 0 });
        put_slice(room, l4 + 8 + remainder, payload);
        let flags = u8_at(plain, 5);
        let is_plain = flags & (ACK | SYN | RST | URG | PSH | FIN) == ACK && !has_urgent;
        Self {
            packet,
            filled: l4 + 8 + remainder + payload.len(),
            count: 1,
            size: payload.len(),
            next: sequence.wrapping_add(payload.len() as u32),
            first_flags: flags,
            is_open: is_plain && !payload.is_empty(),
        }
    }

    fn takes(&mut self, plain: &[u8], remainder: usize, l4: usize) -> bool {
        let payload = plain.len() - remainder;
        if !self.is_open || payload == 0 || payload > self.size || self.filled + payload > MAX_PACKET {
            return false;
        }
        let flags = u8_at(plain, 5) & !(PSH | FIN);
        if u32_at(plain, 8) != self.next || flags != self.first_flags & !CWR {
            return false;
        }
        let room = self.packet.room();
        let tcp = room.get(l4..).unwrap_or_default();
        let same = |ours: core::ops::Range<usize>, theirs: core::ops::Range<usize>| {
            tcp.get(ours) == plain.get(theirs)
        };
        u8_at(tcp, 12) == u8_at(plain, 4) & !RESERVED
            && same(8..12, 0..4)
            && same(14..16, 6..8)
            && same(20..8 + remainder, 12..remainder)
    }

    fn join(&mut self, plain: &[u8], remainder: usize, l4: usize) {
        let payload = plain.get(remainder..).unwrap_or_default();
        let last = u8_at(plain, 5) & (PSH | FIN);
        let filled = self.filled;
        let room = self.packet.room();
        put_slice(room, filled, payload);
        put_u8(room, l4 + 13, u8_at(room, l4 + 13) | last);
        self.filled += payload.len();
        self.count += 1;
        self.next = self.next.wrapping_add(payload.len() as u32);
        self.is_open = payload.len() == self.size && last == 0;
    }
}
