//! Fragments wait here for the rest of their packet: a packet is judged whole or not at all.

use core::net::IpAddr;

use quiver_wire::ip::Version;
use quiver_wire::metadata::path::FragmentInfo;
use quiver_wire::parse::Parsed;

use crate::drop_reason::DropReason;
use crate::packet::Packet;
use crate::peering::PathIndex;
use crate::session::reassembly::{Piece, Reassembler, ReassemblyError, ReassemblyLimits};
use crate::time::Instant;
use crate::transform::layout;

/// RFC 791 section 3.2, RFC 8200 section 4.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct IpKey {
    src: IpAddr,
    dst: IpAddr,
    protocol: u8,
    identification: u32,
}

/// Packets of local senders and of peers under reassembly.
pub(crate) struct Assembly {
    ip: Reassembler<IpKey>,
    svr: Reassembler<(PathIndex, u32)>,
    told: Losses,
}

/// Incomplete packets that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Losses {
    /// Their time was over.
    pub(crate) expired: u64,
    /// Others needed their space.
    pub(crate) evicted: u64,
}

impl Default for Assembly {
    fn default() -> Self {
        Self {
            ip: Reassembler::new(ReassemblyLimits::IP),
            svr: Reassembler::new(ReassemblyLimits::SVR),
            told: Losses::default(),
        }
    }
}

impl Assembly {
    /// Adds an IP fragment; `true` when `packet` is the whole packet now.
    pub(crate) fn add_ip(
        &mut self,
        packet: &mut Packet,
        parsed: &Parsed,
        spare: &mut Packet,
        now: Instant,
    ) -> Result<bool, DropReason> {
        let Some(fragment) = parsed.fragment else { return Ok(true) };
        let header_len = match parsed.version {
            Version::V4 => parsed.transport_at,
            Version::V6 => 40,
        };
        let bytes = packet.bytes();
        let piece = Piece {
            header: bytes.get(..header_len).unwrap_or_default(),
            offset: usize::from(fragment.offset),
            is_last: !fragment.more,
            content: bytes.get(parsed.transport_at..parsed.total_len).unwrap_or_default(),
        };
        let key = IpKey {
            src: parsed.src,
            dst: parsed.dst,
            protocol: parsed.protocol,
            identification: fragment.id,
        };
        let Some(_) = self.ip.insert(key, &piece, now, spare).map_err(reason_of)? else { return Ok(false) };
        spare.interface = packet.interface;
        spare.reassembled = true;
        layout::make_whole(spare, parsed.protocol);
        core::mem::swap(packet, spare);
        Ok(true)
    }

    /// Adds a piece that came over a path; `packet` has its hop's form without metadata. `true` when it is whole now.
    pub(crate) fn add_svr(
        &mut self,
        packet: &mut Packet,
        path: PathIndex,
        info: &FragmentInfo,
        spare: &mut Packet,
        now: Instant,
    ) -> Result<bool, DropReason> {
        let parsed = Parsed::parse(packet.bytes()).map_err(crate::packet_path::refusal::of_wire)?;
        let bytes = packet.bytes();
        let piece = Piece {
            header: bytes.get(..parsed.payload_at).unwrap_or_default(),
            offset: usize::from(info.offset),
            is_last: !info.more,
            content: bytes.get(parsed.payload_at..parsed.total_len).unwrap_or_default(),
        };
        let key = (path, info.extended_id);
        let Some(_) = self.svr.insert(key, &piece, now, spare).map_err(reason_of)? else { return Ok(false) };
        spare.reassembled = true;
        layout::finish_udp(spare, parsed.transport_at);
        core::mem::swap(packet, spare);
        Ok(true)
    }

    /// Gives up what is overdue.
    pub(crate) fn expire(&mut self, now: Instant) {
        self.ip.expire(now);
        self.svr.expire(now);
    }

    /// What was given up since this was asked last.
    pub(crate) fn take_losses(&mut self) -> Losses {
        let all = Losses {
            expired: self.ip.expired() + self.svr.expired(),
            evicted: self.ip.evicted() + self.svr.evicted(),
        };
        let told = core::mem::replace(&mut self.told, all);
        Losses { expired: all.expired - told.expired, evicted: all.evicted - told.evicted }
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        match (self.ip.next_deadline(), self.svr.next_deadline()) {
            (Some(ip), Some(svr)) => Some(ip.min(svr)),
            (ip, svr) => ip.or(svr),
        }
    }
}

const fn reason_of(error: ReassemblyError) -> DropReason {
    match error {
        ReassemblyError::NoSpace => DropReason::ReassemblyFull,
        ReassemblyError::Overlap
        | ReassemblyError::TooLong
        | ReassemblyError::Misaligned
        | ReassemblyError::Empty
        | ReassemblyError::TooManyPieces
        | ReassemblyError::RefusedBefore => DropReason::FragmentRefused,
    }
}
