//! Everything an engine hands out: packets, events, counts.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::HashMap;
use quiver_wire::ipv4;
use rustc_hash::FxBuildHasher;

use crate::drop_reason::{DropCounters, DropReason};
use crate::event::{Event, TimedEvent};
use crate::packet::Packet;
use crate::session::buffers::BufferPool;
use crate::session::credit::TokenBucket;
use crate::time::Instant;

/// Events kept for a caller that does not poll; older ones are lost and counted.
const EVENTS: usize = 4096;

/// ICMP errors to local hosts: at once, and then per second.
const ERRORS_AT_ONCE: u32 = 200;
const ERRORS_PER_SECOND: u32 = 1000;
/// Events that strangers may cause, at once and then per second: they must not push out those of sessions.
const REJECTIONS_AT_ONCE: u32 = 100;
const REJECTIONS_PER_SECOND: u32 = 100;

/// Where a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To local clients and servers.
    Lan,
    /// To a peer's waypoint.
    Wan,
}

/// A packet to be sent.
#[derive(Debug)]
pub struct Transmit {
    /// The packet; give its buffer back with [`crate::Engine::recycle`].
    pub packet: Packet,
    /// Where to.
    pub direction: Direction,
}

/// Packets and bytes seen by the engine.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Dropped packets by reason.
    pub drops: DropCounters,
    /// Sessions opened since the start.
    pub sessions_opened: u64,
    /// Sessions ended since the start.
    pub sessions_closed: u64,
    /// From local clients and servers.
    pub lan_in: Volume,
    /// To local clients and servers.
    pub lan_out: Volume,
    /// From peers.
    pub wan_in: Volume,
    /// To peers.
    pub wan_out: Volume,
    /// Packets from peers that carried metadata.
    pub metadata_in: u64,
    /// Packets to peers that carried metadata.
    pub metadata_out: u64,
    /// Events nobody fetched in time.
    pub events_lost: u64,
}

/// Packets (a superpacket is one) and bytes of IP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Volume {
    pub(crate) const fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }
}

/// Counts of one service, service route or target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Live sessions.
    pub sessions: u32,
    /// Client to server; of services only.
    pub forward: Volume,
    /// Server to client; of services only.
    pub reverse: Volume,
}

/// Tallies by name; an index stays valid for the engine's life.
#[derive(Debug, Default)]
pub(crate) struct Tallies {
    by_name: HashMap<Arc<str>, u32, FxBuildHasher>,
    rows: Vec<(Arc<str>, Tally)>,
}

impl Tallies {
    pub(crate) fn index(&mut self, name: &Arc<str>) -> u32 {
        if let Some(&index) = self.by_name.get(name.as_ref()) {
            return index;
        }
        let index = self.rows.len() as u32;
        self.rows.push((Arc::clone(name), Tally::default()));
        self.by_name.insert(Arc::clone(name), index);
        index
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Tally> {
        self.by_name.get(name).and_then(|&index| self.rows.get(index as usize)).map(|(_, tally)| tally)
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut Tally> {
        self.rows.get_mut(index as usize).map(|(_, tally)| tally)
    }

    /// A live session's count passes from one row to the one of `name`, whose index it answers.
    pub(crate) fn pass_on(&mut self, from: u32, name: &Arc<str>) -> u32 {
        let to = self.index(name);
        if let Some(tally) = self.get_mut(from) {
            tally.sessions = tally.sessions.saturating_sub(1);
        }
        if let Some(tally) = self.get_mut(to) {
            tally.sessions += 1;
        }
        to
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Tally)> {
        self.rows.iter().map(|(name, tally)| (name.as_ref(), tally))
    }
}

/// Outgoing packets, events and counts.
#[derive(Debug)]
pub(crate) struct Output {
    transmits: VecDeque<Transmit>,
    /// Packets that became whole here and belong to whichever worker owns their flow.
    whole: VecDeque<Packet>,
    events: VecDeque<TimedEvent>,
    pub(crate) buffers: BufferPool,
    pub(crate) counters: Counters,
    pub(crate) services: Tallies,
    pub(crate) routes: Tallies,
    pub(crate) targets: Tallies,
    identification: u32,
    errors: TokenBucket,
    rejections: TokenBucket,
    now: Instant,
}

impl Output {
    pub(crate) fn new(buffers: BufferPool, now: Instant) -> Self {
        Self {
            transmits: VecDeque::with_capacity(256),
            whole: VecDeque::new(),
            events: VecDeque::with_capacity(64),
            buffers,
            counters: Counters::default(),
            services: Tallies::default(),
            routes: Tallies::default(),
            targets: Tallies::default(),
            identification: 0,
            errors: TokenBucket::new(ERRORS_PER_SECOND, ERRORS_AT_ONCE, now),
            rejections: TokenBucket::new(REJECTIONS_PER_SECOND, REJECTIONS_AT_ONCE, now),
            now,
        }
    }

    pub(crate) const fn set_now(&mut self, now: Instant) {
        self.now = now;
    }

    pub(crate) fn drop(&mut self, reason: DropReason) {
        self.counters.drops.count(reason);
    }

    pub(crate) fn transmit(&mut self, mut packet: Packet, direction: Direction) {
        let volume = match direction {
            Direction::Lan => &mut self.counters.lan_out,
            Direction::Wan => {
                forbid_fragments(&mut packet);
                &mut self.counters.wan_out
            }
        };
        volume.add(packet.len());
        self.transmits.push_back(Transmit { packet, direction });
    }

    /// Hands a packet that became whole out to be given to its owner.
    pub(crate) fn sort(&mut self, packet: Packet) {
        self.whole.push_back(packet);
    }

    pub(crate) fn next_whole(&mut self) -> Option<Packet> {
        self.whole.pop_front()
    }

    pub(crate) fn next_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn event(&mut self, event: Event) {
        if self.events.len() >= EVENTS {
            self.events.pop_front();
            self.counters.events_lost += 1;
        }
        self.events.push_back(TimedEvent { at: self.now, event });
    }

    /// An event that a packet of unproved origin causes, as long as there are not too many of them.
    pub(crate) fn rejection(&mut self, event: Event) {
        if self.rejections.take(self.now) {
            self.event(event);
        }
    }

    pub(crate) fn next_event(&mut self) -> Option<TimedEvent> {
        self.events.pop_front()
    }

    /// Whether an ICMP error may be sent now (RFC 1812 section 4.3.2.8, RFC 4443 section 2.4).
    pub(crate) fn may_send_error(&mut self) -> bool {
        self.errors.take(self.now)
    }

    /// The IP identification of the next packet that is cut towards the LAN side.
    pub(crate) const fn next_identification(&mut self) -> u32 {
        self.identification = self.identification.wrapping_add(1);
        self.identification
    }

    /// A fresh buffer, or the reason why there is none.
    pub(crate) fn buffer(&mut self) -> Result<Packet, DropReason> {
        self.buffers.take().ok_or(DropReason::BufferExhausted)
    }

    pub(crate) fn recycle(&mut self, packet: Packet) {
        self.buffers.give(packet);
    }
}

/// Between routers nothing may be fragmented: later fragments have no ports to be found by. A packet that is too big is
/// reported, and then sent in pieces.
fn forbid_fragments(packet: &mut Packet) {
    if packet.bytes().first().is_some_and(|first| first >> 4 == 4)
        && let Ok(mut view) = ipv4::Packet::new_checked(packet.bytes_mut())
        && !view.dont_fragment()
    {
        view.set_dont_fragment(true);
    }
}
