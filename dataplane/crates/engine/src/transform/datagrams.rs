//! Datagrams of one flow, packed into as few superpackets as they fit in.

use quiver_wire::bytes::{put_slice, put_u16, u16_at};
use quiver_wire::offload::Segmentation;

use super::layout::{self, Layout};
use super::{OutputSink, Refusal};
use crate::packet::{InterfaceId, MAX_PACKET, Packet};

const UDP_HEADER: usize = 8;

/// Writes datagrams of equal size (the last may be shorter) into buffers of a sink, evenly: 45 that need two packets become 23 and 22.
pub(super) struct Batch<'a, S> {
    sink: &'a mut S,
    /// IP header and the two ports.
    header: &'a [u8],
    l4: usize,
    interface: InterfaceId,
    size: usize,
    per_packet: usize,
    current: Option<Packet>,
    filled: usize,
    count: usize,
    sent: usize,
}

impl<'a, S: OutputSink> Batch<'a, S> {
    /// A batch of `count` datagrams of `size` payload bytes with the IP header and ports of `like`.
    pub(super) fn new(
        like: &'a Packet,
        layout: &Layout,
        size: usize,
        count: usize,
        sink: &'a mut S,
    ) -> Result<Self, Refusal> {
        let most = (MAX_PACKET - layout.l4 - UDP_HEADER) / size.max(1);
        if most == 0 || size > usize::from(u16::MAX) {
            return Err(Refusal::TooLong);
        }
        let packets = count.div_ceil(most).max(1);
        Ok(Self {
            sink,
            header: like.bytes().get(..layout.l4 + 4).ok_or(Refusal::Malformed)?,
            l4: layout.l4,
            interface: like.interface,
            size,
            per_packet: if size == 0 { 1 } else { count.div_ceil(packets).max(1) },
            current: None,
            filled: 0,
            count: 0,
            sent: 0,
        })
    }

    /// The same with each datagram in a packet of its own.
    pub(super) fn apart(mut self) -> Self {
        self.per_packet = 1;
        self
    }

    /// Room for the next datagram's payload.
    pub(super) fn room(&mut self, len: usize) -> Result<&mut [u8], Refusal> {
        if self.count == self.per_packet {
            self.flush();
        }
        let packet = match &mut self.current {
            Some(packet) => packet,
            empty @ None => {
                let packet = empty.insert(self.sink.take().ok_or(Refusal::NoBuffer)?);
                packet.clear();
                put_slice(packet.room(), 0, self.header);
                self.filled = self.l4 + UDP_HEADER;
                packet
            }
        };
        let start = self.filled;
        let room = packet.room().get_mut(start..start + len).ok_or(Refusal::TooLong)?;
        self.filled += len;
        self.count += 1;
        Ok(room)
    }

    /// Hands over what is left.
    pub(super) fn finish(mut self) {
        self.flush();
    }

    /// Gives the unfinished packet up.
    pub(super) fn abandon(self) {
        if let Some(packet) = self.current {
            self.sink.give_back(packet);
        }
    }

    fn flush(&mut self) {
        let Some(mut packet) = self.current.take() else { return };
        packet.set_len(self.filled);
        packet.interface = self.interface;
        packet.offload.segmentation = match self.count {
            0 | 1 => Segmentation::None,
            _ => Segmentation::Udp { size: self.size as u16 },
        };
        advance_identification(packet.bytes_mut(), self.sent);
        layout::finish_udp(&mut packet, self.l4);
        self.sink.put(packet);
        self.sent += self.count;
        self.count = 0;
    }
}

/// RFC 6864 section 4.2: datagrams that may be fragmented differ in their identification; segmentation below counts on from the packet's.
pub(super) fn advance_identification(bytes: &mut [u8], by: usize) {
    let is_ipv4 = bytes.first().is_some_and(|byte| byte >> 4 == 4);
    if is_ipv4 && u16_at(bytes, 6) & 0x4000 == 0 {
        let identification = u16_at(bytes, 4).wrapping_add(by as u16);
        put_u16(bytes, 4, identification);
    }
}
