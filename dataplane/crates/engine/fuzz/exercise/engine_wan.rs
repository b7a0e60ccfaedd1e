//! A router in the middle, with sessions of every role, and whatever comes to its waypoints.

use core::net::SocketAddr;
use core::time::Duration;

use quiver_engine::config::{Cipher, MetadataProtection, Transport};
use quiver_wire::Parsed;
use quiver_wire::metadata::HeaderTlvs;
use quiver_wire::offload::Offload;

use super::conversation::{self, Call};
use super::forge::Forger;
use super::invariants::{Side, hand_in};
use super::script;
use super::world::{ADAPTIVE, CLEAR, Options, Place, SEALED, SIGNED, World, waypoint};

/// Steps of a script.
pub(crate) const RAW: u8 = 0;
pub(crate) const EDITED: u8 = 1;
pub(crate) const FORGED: u8 = 2;
pub(crate) const TIME: u8 = 3;
pub(crate) const LOCAL: u8 = 4;

/// A world in which sessions of several kinds are under way, and the packets that `b` got on the way there.
pub(crate) fn prepared(choice: u8) -> (World, Vec<Vec<u8>>) {
    let options = Options {
        metadata: if choice & 3 == 1 { MetadataProtection::Signed } else { MetadataProtection::Sealed },
        cipher: if choice & 3 == 2 { Cipher::Aes256CbcHmacSha256 } else { Cipher::Aes256Gcm },
        transport: if choice & 4 == 0 { Transport::Native } else { Transport::Udp },
        ..Options::default()
    };
    let mut world = World::new(options);
    let call = |protection, place, is_ipv4, port| Call { protection, place, is_ipv4, port };
    conversation::udp(&mut world, call(SEALED, Place::Near, true, 40_001));
    conversation::tcp(&mut world, call(CLEAR, Place::Far, true, 40_002), false);
    conversation::tcp(&mut world, call(ADAPTIVE, Place::Near, false, 40_003), false);
    conversation::udp(&mut world, call(SIGNED, Place::Far, false, 40_004));
    conversation::ping(&mut world, call(CLEAR, Place::Near, true, 40_005));
    let own = [waypoint(1, true), waypoint(1, false)];
    let is_ours = |bytes: &[u8]| Parsed::parse(bytes).is_ok_and(|parsed| own.contains(&parsed.dst));
    let genuine = world.wire.iter().map(|seen| seen.bytes.clone()).filter(|bytes| is_ours(bytes)).collect();
    (world, genuine)
}

/// Plays a script against `b`: `choice u8`, then steps.
pub(crate) fn exercise(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let (mut world, genuine) = prepared(*choice);
    let mut forgers = [
        Forger::new("a/n1", "b/n1", 0x5001, world.options),
        Forger::new("c/n1", "b/n1", 0x5003, world.options),
    ];
    for forger in &mut forgers {
        forger.counter = 1000;
    }
    for (kind, step) in script::steps(rest).take(16) {
        match kind % 5 {
            RAW => {
                let Some((offload, packet)) = script::with_offload(step) else { continue };
                hand_in(&mut world.engines[1], Side::Wan, packet, offload, world.now);
            }
            EDITED => {
                let Some(packet) = script::edited(&genuine, step) else { continue };
                hand_in(&mut world.engines[1], Side::Wan, &packet, Offload::default(), world.now);
            }
            FORGED => {
                let Some(packet) = forged(&world, &genuine, &mut forgers, step) else { continue };
                hand_in(&mut world.engines[1], Side::Wan, &packet, Offload::default(), world.now);
            }
            TIME => world.pass(Duration::from_millis(
                step.iter().take(2).fold(0, |ms, byte| ms << 8 | u64::from(*byte)),
            )),
            _ => {
                let Some((offload, packet)) = script::with_offload(step) else { continue };
                hand_in(&mut world.engines[1], Side::Lan, packet, offload, world.now);
            }
        }
    }
}

/// Metadata of a peer that has turned: `which genuine u8 ‖ header length u8 ‖ header TLVs ‖ payload length u8 ‖ payload TLVs ‖ payload`,
/// on the port pair of a genuine packet, or beside it.
fn forged(world: &World, genuine: &[Vec<u8>], forgers: &mut [Forger; 2], step: &[u8]) -> Option<Vec<u8>> {
    let ([which, length], rest) = step.split_first_chunk()?;
    let like = Parsed::parse(genuine.get(usize::from(which & 0x3f) % genuine.len().max(1))?).ok()?;
    let (header, rest) = rest.split_at_checked(usize::from(*length))?;
    let (length, rest) = rest.split_first()?;
    let (payload, rest) = rest.split_at_checked(usize::from(*length))?;
    let beside = u16::from(which >> 7) * 32;
    let from = SocketAddr::new(like.src, like.src_port.wrapping_add(beside));
    let to = SocketAddr::new(like.dst, like.dst_port.wrapping_add(beside));
    let is_c = [true, false].iter().any(|v4| waypoint(2, *v4) == like.src);
    let forger = &mut forgers[usize::from(is_c)];
    let time_ms = world.now.unix_ms;
    let own = HeaderTlvs {
        security_id: Some(1),
        security_context: Some(forger.context(time_ms, to.port())),
        ..HeaderTlvs::default()
    };
    let mut section = header.to_vec();
    let start = section.len();
    section.resize(start + own.buffer_len(), 0);
    own.emit(&mut section[start..]).ok()?;
    if which & 0x40 != 0 {
        return Some(forger.segment((from, to), time_ms, &section, payload, rest));
    }
    Some(forger.raw((from, to), time_ms, &section, payload, rest))
}
