//! Bytes of a fuzzer read as a list of steps: `kind u8 ‖ length u16 ‖ that many bytes`.

use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::craft;

/// The steps of a script.
pub(crate) fn steps(mut data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    core::iter::from_fn(move || {
        let ([kind, high, low], rest) = data.split_first_chunk()?;
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (step, rest) = rest.split_at(length);
        data = rest;
        Some((*kind, step))
    })
}

/// Adds a step to a script.
pub(crate) fn add(script: &mut Vec<u8>, kind: u8, step: &[u8]) {
    script.push(kind);
    script.extend((step.len() as u16).to_be_bytes());
    script.extend(step);
}

/// Four bytes that say how a packet came from its device, and the packet.
pub(crate) fn with_offload(step: &[u8]) -> Option<(Offload, &[u8])> {
    let ([kind, high, low, checksum], packet) = step.split_first_chunk()?;
    let size = u16::from_be_bytes([*high, *low]);
    let segmentation = match kind % 3 {
        0 => Segmentation::None,
        1 => Segmentation::Tcp { size },
        _ => Segmentation::Udp { size },
    };
    let checksum = [Checksum::Complete, Checksum::Verified, Checksum::Partial][usize::from(checksum % 3)];
    Some((Offload { segmentation, checksum }, packet))
}

/// A genuine packet with some bytes changed: `which u8 ‖ finish u8 ‖ (offset u16 ‖ byte)*`.
pub(crate) fn edited(genuine: &[Vec<u8>], step: &[u8]) -> Option<Vec<u8>> {
    let ([which, finish], edits) = step.split_first_chunk()?;
    let mut packet = genuine.get(usize::from(*which) % genuine.len().max(1))?.clone();
    for edit in edits.chunks_exact(3) {
        let offset = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        match packet.len() {
            0 => {}
            length if offset < 0x8000 => packet[offset % length] ^= edit[2],
            length => packet.truncate(length - offset % length),
        }
    }
    Some(if finish % 2 == 1 { craft::finished(packet) } else { packet })
}
