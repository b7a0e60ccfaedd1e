//! The ingress and the egress of sessions, and whatever their clients and servers send.

use core::time::Duration;

use quiver_wire::offload::Offload;

use super::engine_wan::{EDITED, RAW, TIME, prepared};
use super::invariants::{Side, hand_in};
use super::script;

/// Plays a script: `choice u8`, then steps. The lowest bit of a step's kind above 4 says whether `a` or `b` gets the packet.
pub(crate) fn exercise(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let (mut world, _) = prepared(*choice);
    let genuine: Vec<Vec<u8>> = world.lan.iter().map(|(_, seen)| seen.bytes.clone()).collect();
    for (kind, step) in script::steps(rest).take(16) {
        let router = usize::from(kind >> 4 & 1);
        match kind & 15 {
            RAW => {
                let Some((offload, packet)) = script::with_offload(step) else { continue };
                hand_in(&mut world.engines[router], Side::Lan, packet, offload, world.now);
            }
            EDITED => {
                let Some(packet) = script::edited(&genuine, step) else { continue };
                hand_in(&mut world.engines[router], Side::Lan, &packet, Offload::default(), world.now);
            }
            TIME => world.pass(Duration::from_millis(
                step.iter().take(2).fold(0, |ms, byte| ms << 8 | u64::from(*byte)),
            )),
            _ => {
                // What the routers make of it travels through the whole fabric.
                let Some((offload, packet)) = script::with_offload(step) else { continue };
                world.local(router, packet, offload);
                world.pump();
            }
        }
    }
    world.pass(Duration::from_hours(48));
    world.pass(Duration::from_hours(48));
    for engine in &world.engines {
        assert_eq!(engine.session_count(), 0, "every session ends");
        assert!(engine.paths(world.now).all(|path| path.sessions == 0 && path.ports_in_use == 0));
    }
}
