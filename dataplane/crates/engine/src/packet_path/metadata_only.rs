//! A packet that carries a session's metadata and nothing of the session.

use crate::drop_reason::DropReason;
use crate::message::compose::{self, About};
use crate::output::Direction;
use crate::packet_path::control::Pair;
use crate::packet_path::to_hop::{Surroundings, note_metadata_sent};
use crate::session::entry::{Leg, Session};
use crate::session::index::LegSide;
use crate::transform::blank;

/// Sends the metadata of one hop leg by itself, as UDP on the session's port pair.
pub(crate) fn send(
    session: &mut Session,
    side: LegSide,
    around: &mut Surroundings<'_>,
) -> Result<(), DropReason> {
    let Leg::Hop(hop) = session.leg(side) else { return Ok(()) };
    let (pair, about) =
        (Pair::of(hop), About { metadata_only: true, ..About::of(hop, side == LegSide::Server) });
    let tuple = pair.tuple(around.fabric).ok_or(DropReason::PathUnknown)?;
    let mut packet = around.output.buffer()?;
    let made = blank::udp(&tuple, &mut packet).map_err(DropReason::from).and_then(|()| {
        compose::attach_session(&mut packet, around.fabric, pair.towards(), session, about, around.now)
    });
    match made {
        Ok(()) => {
            around.output.counters.metadata_out += 1;
            around.output.transmit(packet, Direction::Wan);
            note_metadata_sent(session, side, around.now);
            Ok(())
        }
        Err(reason) => {
            around.output.recycle(packet);
            Err(reason)
        }
    }
}
