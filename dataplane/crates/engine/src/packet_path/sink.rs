//! Where transforms put the packets they make.

use crate::output::{Direction, Output};
use crate::packet::Packet;
use crate::transform::{OutputSink, metadata};
use quiver_wire::metadata::marker::MARKER;

/// Sends finished packets towards a hop at once; those that would be taken for metadata get the marker.
pub(crate) struct MarkingSink<'a> {
    pub(crate) output: &'a mut Output,
    pub(crate) direction: Direction,
}

impl OutputSink for MarkingSink<'_> {
    fn take(&mut self) -> Option<Packet> {
        self.output.buffers.take()
    }

    fn put(&mut self, mut packet: Packet) {
        let marked = match metadata::is_present(&packet) {
            Ok(false) => Ok(()),
            Ok(true) => metadata::insert(&mut packet, &MARKER),
            Err(refusal) => Err(refusal),
        };
        match marked {
            Ok(()) => self.output.transmit(packet, self.direction),
            Err(refusal) => {
                self.output.drop(refusal.into());
                self.output.recycle(packet);
            }
        }
    }

    fn give_back(&mut self, packet: Packet) {
        self.output.recycle(packet);
    }
}

/// Keeps what is made, for each of it to be looked at by itself.
pub(crate) struct Singles<'a> {
    pub(crate) output: &'a mut Output,
    pub(crate) packets: Vec<Packet>,
}

impl OutputSink for Singles<'_> {
    fn take(&mut self) -> Option<Packet> {
        self.output.buffers.take()
    }

    fn put(&mut self, packet: Packet) {
        self.packets.push(packet);
    }

    fn give_back(&mut self, packet: Packet) {
        self.output.recycle(packet);
    }
}
