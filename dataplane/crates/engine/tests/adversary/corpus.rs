//! The fuzz targets on the stable toolchain: every committed input again.

use std::fs;
use std::path::{Path, PathBuf};

use quiver_wire::offload::Segmentation;

use crate::exercise::engine_wan::{EDITED, FORGED, LOCAL, RAW, TIME, prepared};
use crate::exercise::script::add;
use crate::exercise::world::World;
use crate::exercise::{conversation, engine_lan, engine_wan, forge, transform};

#[test]
fn committed_corpus_of_packets_between_routers_keeps_every_promise() {
    replay("engine_wan", engine_wan::exercise);
}

#[test]
fn committed_corpus_of_local_packets_keeps_every_promise() {
    replay("engine_lan", engine_lan::exercise);
}

#[test]
fn committed_corpus_of_transforms_keeps_every_promise() {
    replay("transform", transform::exercise);
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target)
}

fn replay(target: &str, exercise: fn(&[u8])) {
    // Seeds are written anew by a build with this variable set, after a change of the wire format.
    if option_env!("QUIVER_WRITE_SEEDS").is_some() {
        for (name, seed) in seeds(target) {
            fs::write(folder(target).join(name), seed).unwrap();
        }
    }
    let mut paths: Vec<_> =
        fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 10, "{target} has seeds");
    for path in paths {
        exercise(&fs::read(path).unwrap());
    }
}

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "transform" => seeds_of_transforms(),
        "engine_lan" => seeds_of_local_packets(),
        _ => seeds_of_hop_packets(),
    }
}

fn raw(packet: &[u8]) -> Vec<u8> {
    [&[0; 4], packet].concat()
}

/// Every step kind, for each way to protect metadata.
fn seeds_of_hop_packets() -> Vec<(String, Vec<u8>)> {
    let mut seeds = Vec::new();
    for choice in [0, 1, 2, 4] {
        let (world, genuine) = prepared(choice);
        for (index, packet) in genuine.iter().enumerate().step_by(3) {
            let mut script = vec![choice];
            add(&mut script, RAW, &raw(packet));
            add(&mut script, EDITED, &[index as u8, 1, 0, 40, 1]);
            add(&mut script, TIME, &[0, 200]);
            add(&mut script, EDITED, &[index as u8 + 1, 0]);
            seeds.push((format!("genuine-{choice}-{index:02}"), script));
        }
        for which in [1, 0x41, 0x81, 0xc1] {
            let mut script = vec![choice];
            for (header, payload) in forged_sections() {
                let lengths = [header.len() as u8, payload.len() as u8];
                let step = [&[which, lengths[0]], &header[..], &[lengths[1]], &payload, b"data"].concat();
                add(&mut script, FORGED, &step);
            }
            seeds.push((format!("forged-{choice}-{which:02x}"), script));
        }
        let mut script = vec![choice];
        for (_, seen) in world.lan.iter().step_by(4) {
            add(&mut script, LOCAL, &raw(&seen.bytes));
        }
        seeds.push((format!("local-{choice}"), script));
    }
    seeds
}

fn forged_sections() -> Vec<(Vec<u8>, Vec<u8>)> {
    use quiver_wire::metadata::contexts::{AddressPair, Context};
    use quiver_wire::metadata::control::{ControlCode, HealthCheck, SessionFlags};
    use quiver_wire::metadata::{HeaderTlvs, PayloadTlvs};
    let header = |tlvs: HeaderTlvs| {
        let mut bytes = vec![0; tlvs.buffer_len()];
        tlvs.emit(&mut bytes).unwrap();
        bytes
    };
    let context = Context {
        addresses: AddressPair::new([10, 1, 0, 5].into(), [198, 18, 0, 10].into()).unwrap(),
        src_port: 50_000,
        dst_port: 9_000,
        protocol: 17,
    };
    let named = PayloadTlvs {
        session_id: Some([9; 16]),
        tenant: Some("web.prod"),
        service: Some("prod/clear-near"),
        source_router: Some("a"),
        session_flags: Some(SessionFlags::default()),
        ..PayloadTlvs::default()
    };
    let control = |code| HeaderTlvs { control: Some(code), ..HeaderTlvs::default() };
    let of_session = PayloadTlvs { session_id: Some([9; 16]), ..PayloadTlvs::default() };
    vec![
        (header(HeaderTlvs::default()), forge::section(&PayloadTlvs { forward: Some(context), ..named })),
        (
            header(HeaderTlvs::default()),
            forge::section(&PayloadTlvs { reverse: Some(context.reversed()), ..named }),
        ),
        (header(control(ControlCode::DeleteSession)), forge::section(&of_session)),
        (header(control(ControlCode::EnableMetadata)), Vec::new()),
        (
            header(HeaderTlvs { health_check: Some(HealthCheck::Request), ..HeaderTlvs::default() }),
            Vec::new(),
        ),
        (
            header(HeaderTlvs::default()),
            forge::section(&PayloadTlvs { forward: Some(Context { protocol: 6, ..context }), ..named }),
        ),
        (
            header(HeaderTlvs { fragment: Some(piece(0, true)), ..HeaderTlvs::default() }),
            forge::section(&of_session),
        ),
        (
            header(HeaderTlvs { fragment: Some(piece(4, false)), ..HeaderTlvs::default() }),
            forge::section(&of_session),
        ),
        (
            header(HeaderTlvs { icmp_error_location: Some([10, 1, 1, 9].into()), ..HeaderTlvs::default() }),
            forge::section(&of_session),
        ),
        (
            header(HeaderTlvs { metadata_only: true, hop_count: Some(15), ..HeaderTlvs::default() }),
            forge::section(&PayloadTlvs { forward: Some(context), ..named }),
        ),
    ]
}

fn piece(offset: u16, more: bool) -> quiver_wire::metadata::path::FragmentInfo {
    quiver_wire::metadata::path::FragmentInfo {
        extended_id: 7,
        original_id: 7,
        dont_fragment: false,
        more,
        offset,
        largest_seen: 1_400,
    }
}

fn seeds_of_local_packets() -> Vec<(String, Vec<u8>)> {
    let (world, _) = prepared(0);
    let mut seeds: Vec<_> = world
        .lan
        .iter()
        .enumerate()
        .map(|(index, (router, seen))| {
            let mut script = vec![0];
            let router = *router as u8 & 1;
            add(&mut script, RAW | router << 4, &raw(&seen.bytes));
            add(&mut script, EDITED | router << 4, &[index as u8, 1, 0, 30, 7]);
            add(&mut script, 5, &raw(&seen.bytes));
            (format!("delivered-{index:02}"), script)
        })
        .collect();
    seeds.truncate(20);
    let call = conversation::Call { ..call_of_seed() };
    let (bytes, offload) = conversation::superpacket(call, 1_029, 9_029, 3_000);
    assert!(matches!(offload.segmentation, Segmentation::Tcp { size: 1200 }));
    let mut script = vec![4];
    add(&mut script, 5, &[&[1, 4, 176, 2], &bytes[..]].concat());
    seeds.push(("superpacket".to_owned(), script));
    let (from, to) = call.ends();
    let whole = crate::exercise::craft::udp(from, to, &[5; 64]);
    let mut script = vec![0];
    for (range, more) in [(0..32, true), (32..72, false)] {
        add(&mut script, 5, &raw(&crate::exercise::craft::fragment_v4(&whole, range, 3, more)));
    }
    seeds.push(("fragments".to_owned(), script));
    seeds
}

fn call_of_seed() -> conversation::Call {
    use crate::exercise::world::{CLEAR, Place};
    conversation::Call { protection: CLEAR, place: Place::Far, is_ipv4: true, port: 40_002 }
}

fn seeds_of_transforms() -> Vec<(String, Vec<u8>)> {
    let (world, _): (World, _) = prepared(0);
    let packets =
        world.lan.iter().map(|(_, seen)| &seen.bytes).chain(world.wire.iter().map(|seen| &seen.bytes));
    packets
        .step_by(2)
        .enumerate()
        .map(|(index, packet)| {
            let which = index as u8 & 15;
            let how = [index as u8 % 3, 0, 16, index as u8 % 5 % 3];
            (format!("packet-{index:02}"), [&[which], &how[..], packet].concat())
        })
        .collect()
}
