//! What holds after every packet, whoever sent it.

use quiver_engine::{Direction, Engine, Now};
use quiver_wire::Parsed;
use quiver_wire::offload::Offload;
use quiver_wire::parse::Transport;

use super::world::{Seen, drain, filled};

/// Which side a packet is handed in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Lan,
    Wan,
}

/// What a packet did to an engine.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) sent: Vec<(Direction, Seen)>,
    pub(crate) drops: u64,
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) metadata: u64,
}

impl Outcome {
    pub(crate) fn bytes_to(&self, wanted: Direction) -> usize {
        self.sent.iter().filter(|(direction, _)| *direction == wanted).map(|(_, seen)| seen.bytes.len()).sum()
    }
}

/// Hands a packet to the engine and checks what must hold afterwards.
pub(crate) fn hand_in(engine: &mut Engine, side: Side, bytes: &[u8], offload: Offload, now: Now) -> Outcome {
    let before = engine.counters().clone();
    let packet = filled(engine, bytes, offload);
    match side {
        Side::Lan => engine.handle_lan(packet, now),
        Side::Wan => engine.handle_wan(packet, now),
    }
    let sent = drain(engine);
    let after = engine.counters().clone();
    let outcome = Outcome {
        drops: after.drops.total() - before.drops.total(),
        opened: after.sessions_opened - before.sessions_opened,
        closed: after.sessions_closed - before.sessions_closed,
        metadata: after.metadata_in - before.metadata_in,
        sent,
    };
    assert_eq!(
        after.lan_in.packets + after.wan_in.packets,
        before.lan_in.packets + before.wan_in.packets + 1
    );
    let left =
        after.lan_out.packets + after.wan_out.packets - before.lan_out.packets - before.wan_out.packets;
    assert_eq!(left, outcome.sent.len() as u64, "what is counted as sent is sent");
    assert_eq!(engine.buffers_in_use(), 0, "every buffer comes back");
    assert_eq!(u64::from(engine.session_count()), after.sessions_opened - after.sessions_closed);
    let is_accounted_for = outcome.drops > 0 || left > 0 || outcome.metadata > 0 || may_wait(bytes, side);
    assert!(is_accounted_for, "a packet vanished: {bytes:02x?} {offload:?}");
    for (_, seen) in &outcome.sent {
        assert!(
            Parsed::parse(&seen.bytes).is_ok(),
            "only packets are sent: {:02x?} for {bytes:02x?}",
            seen.bytes
        );
    }
    outcome
}

/// Fragments wait for the rest of their packet; ICMP errors about the network between routers end where they teach something.
fn may_wait(bytes: &[u8], side: Side) -> bool {
    Parsed::parse(bytes).is_ok_and(|parsed| match side {
        Side::Lan => parsed.fragment.is_some(),
        Side::Wan => parsed.transport == Transport::IcmpError,
    })
}
