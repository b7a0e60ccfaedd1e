//! Packets that do not fit their path: cut into pieces that each carry metadata with TLV 1 (SVR fragment), never into IP fragments.

use quiver_wire::metadata::HeaderTlvs;
use quiver_wire::metadata::path::FragmentInfo;

use crate::drop_reason::DropReason;
use crate::message::compose;
use crate::output::Direction;
use crate::packet::Packet;
use crate::packet_path::Verdict;
use crate::packet_path::to_hop::{Form, Surroundings};
use crate::session::entry::Session;
use crate::transform::fragment::{self, Piece};

/// Metadata of a piece: header with TLVs 16, 1 and 0x8000, session id, tag or signature, with room to spare.
const PIECE_METADATA: usize = 128;

/// Sends a packet in its hop's form in pieces.
pub(crate) fn send(
    session: &Session,
    form: &Form,
    packet: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<Verdict, DropReason> {
    let id = around.fabric.next_fragment_id();
    let largest = packet.len().min(usize::from(u16::MAX)) as u16;
    for piece in fragment::hop_pieces(packet, form.mtu, PIECE_METADATA)? {
        let mut out = around.output.buffer()?;
        let info = piece.info(id, id as u16, largest);
        match build(session, form, (packet, &piece, info), &mut out, around) {
            Ok(()) => {
                around.output.counters.metadata_out += 1;
                around.output.transmit(out, Direction::Wan);
            }
            Err(reason) => {
                around.output.recycle(out);
                return Err(reason);
            }
        }
    }
    Ok(Verdict::Consumed)
}

fn build(
    session: &Session,
    form: &Form,
    (packet, piece, info): (&Packet, &Piece, FragmentInfo),
    out: &mut Packet,
    around: &mut Surroundings<'_>,
) -> Result<(), DropReason> {
    fragment::put_hop_piece(packet, piece, out)?;
    let header = HeaderTlvs { fragment: Some(info), ..HeaderTlvs::default() };
    compose::attach_plain(out, around.fabric, form.pair.towards(), header, Some(session.uuid.0), around.now)
}
