//! Laws of metadata.

use core::net::{IpAddr, Ipv4Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use quiver_wire::WireError;
use quiver_wire::metadata::contexts::{Context, EgressBinding};
use quiver_wire::metadata::control::{ControlCode, HealthCheck, ModifyRequest, SessionFlags};
use quiver_wire::metadata::multicast::MulticastGroup;
use quiver_wire::metadata::path::{FragmentInfo, Mark, PathMetrics};
use quiver_wire::metadata::security::{KeyBytes, PayloadBootIds, SecurityContext};
use quiver_wire::metadata::{HeaderTlvs, Message, Packet, PayloadTlvs};

use crate::addresses;

fn context() -> impl Strategy<Value = Context> {
    (addresses(), any::<(u16, u16, u8)>()).prop_map(|(addresses, (src_port, dst_port, protocol))| Context {
        addresses,
        src_port,
        dst_port,
        protocol,
    })
}

fn mark() -> impl Strategy<Value = Mark> {
    (0..16_u8, 0..0x1000_0000_u32).prop_map(|(colour, time_ms)| Mark { colour, time_ms })
}

fn modify_request() -> impl Strategy<Value = ModifyRequest> {
    (any::<(bool, bool)>(), 0..0x1000_u16).prop_map(|((f, d), sequence)| ModifyRequest { f, d, sequence })
}

fn fragment() -> impl Strategy<Value = FragmentInfo> {
    (any::<(u32, u16, bool, bool, u16)>(), 0..0x2000_u16).prop_map(
        |((extended_id, original_id, dont_fragment, more, largest_seen), eighths)| FragmentInfo {
            extended_id,
            original_id,
            dont_fragment,
            more,
            offset: eighths * 8,
            largest_seen,
        },
    )
}

fn path_metrics() -> impl Strategy<Value = PathMetrics> {
    (mark(), mark(), any::<bool>(), 0..0x8000_u16).prop_map(|(sent, received, drop, count)| PathMetrics {
        sent,
        received,
        drop,
        count,
    })
}

fn header_tlvs() -> impl Strategy<Value = HeaderTlvs> {
    let first = (
        option::of(any::<u32>()),
        option::of(fragment()),
        option::of(any::<IpAddr>()),
        option::of(any::<u8>().prop_map(ControlCode::from)),
        option::of(prop_oneof![Just(HealthCheck::Request), Just(HealthCheck::Retry)]),
        option::of(path_metrics()),
    );
    let second = (
        option::of(modify_request()),
        any::<(bool, bool)>(),
        option::of(any::<u8>()),
        option::of(any::<(u64, u32, u64, u64, u16)>()),
    );
    (first, second).prop_map(|(first, second)| {
        let (security_id, fragment, icmp_error_location, control, health_check, path_metrics) = first;
        let (modify_request, (disable_forward_metadata, metadata_only), hop_count, context) = second;
        let security_context = context.map(|(boot_id, serial, counter, time_ms, port)| SecurityContext {
            boot_id,
            serial,
            counter,
            time_ms,
            port,
        });
        HeaderTlvs {
            security_id,
            fragment,
            icmp_error_location,
            control,
            health_check,
            disable_forward_metadata,
            path_metrics,
            modify_request,
            metadata_only,
            hop_count,
            security_context,
            unknown: 0,
        }
    })
}

/// Values that own what the TLVs borrow.
#[derive(Clone, Debug)]
struct Payload {
    names: [Option<String>; 7],
    key: Option<Vec<u8>>,
    tlvs: PayloadTlvs<'static>,
}

impl Payload {
    fn borrowed(&self) -> PayloadTlvs<'_> {
        let [tenant, service, source, policy, destination, path, application] =
            self.names.each_ref().map(Option::as_deref);
        PayloadTlvs {
            tenant,
            service,
            source_router: source,
            security_policy: policy,
            destination_router: destination,
            peer_path: path,
            application,
            security_key: self.key.as_deref().map(KeyBytes),
            ..self.tlvs
        }
    }
}

fn payload_tlvs() -> impl Strategy<Value = Payload> {
    let name = || option::of("[a-z0-9.\u{e9}]{0,20}");
    let names = (name(), name(), name(), name(), name(), name(), name());
    let key = option::of(vec(any::<u8>(), 1..80));
    let documented = (
        option::of(context()),
        option::of(context()),
        option::of(any::<[u8; 16]>()),
        option::of(any::<(u32, u64, u32)>()),
        any::<(bool, bool, bool)>(),
        option::of(any::<Ipv4Addr>()),
        option::of(modify_request()),
        option::of((addresses(), any::<(u8, u8)>())),
    );
    let private = (
        option::of(any::<(u32, u64)>()),
        option::of(any::<(u64, u64)>()),
        option::of((addresses(), any::<(u16, u16)>())),
        option::of(any::<(u8, u8)>()),
    );
    (names, key, documented, private).prop_map(|(names, key, documented, private)| {
        let (forward, reverse, session_id, counts, flags, source_nat, modify_request, group) = documented;
        let (serial_and_key, boot_ids, binding, bytes) = private;
        let (disable_forward_metadata, session_encrypted, tcp_syn) = flags;
        let tlvs = PayloadTlvs {
            forward,
            reverse,
            session_id,
            global_interface_id: counts.map(|counts| counts.0),
            session_count: counts.map(|counts| counts.1),
            remaining_secs: counts.map(|counts| counts.2),
            disable_forward_metadata,
            session_encrypted,
            tcp_syn,
            source_nat,
            modify_request,
            multicast_group: group.map(|(addresses, (flags, protocol))| MulticastGroup {
                flags,
                addresses,
                protocol,
            }),
            payload_serial: serial_and_key.map(|pair| pair.0),
            payload_key_id: serial_and_key.map(|pair| pair.1),
            payload_boot_ids: boot_ids.map(|(ingress, egress)| PayloadBootIds { ingress, egress }),
            egress_binding: binding.map(|(addresses, (source_port, target_port))| EgressBinding {
                addresses,
                source_port,
                target_port,
            }),
            session_flags: bytes.map(|pair| SessionFlags(pair.1)),
            ..PayloadTlvs::default()
        };
        Payload { names: [names.0, names.1, names.2, names.3, names.4, names.5, names.6], key, tlvs }
    })
}

proptest! {
    #[test]
    fn header_section_is_read_as_it_was_written(header in header_tlvs()) {
        let mut bytes = vec![0xee; header.buffer_len()];
        header.emit(&mut bytes).unwrap();
        prop_assert_eq!(HeaderTlvs::parse(&bytes), Ok(header));
        if let Some(short) = bytes.len().checked_sub(1) {
            prop_assert_eq!(header.emit(&mut bytes[..short]), Err(WireError::BufferTooShort));
        }
    }

    #[test]
    fn payload_section_is_read_as_it_was_written(payload in payload_tlvs()) {
        let payload = payload.borrowed();
        let mut bytes = vec![0xee; payload.buffer_len()];
        payload.emit(&mut bytes).unwrap();
        prop_assert_eq!(PayloadTlvs::parse(&bytes), Ok(payload));
    }

    #[test]
    fn message_is_read_as_it_was_written(header in header_tlvs(), payload in payload_tlvs(), rest: [u8; 5]) {
        let message = Message { header, payload: payload.borrowed() };
        let length = message.buffer_len(0);
        let mut bytes = vec![0; length];
        prop_assert_eq!(message.emit(0, &mut bytes), Ok(length));
        bytes.extend_from_slice(&rest);
        let packet = Packet::new_checked(&bytes[..]).unwrap();
        prop_assert_eq!(Message::parse(&packet), Ok(message));
        prop_assert_eq!(packet.rest(), rest);
    }

    #[test]
    fn cut_metadata_is_never_read_as_whole(header in header_tlvs(), payload in payload_tlvs(), cut: prop::sample::Index) {
        let message = Message { header, payload: payload.borrowed() };
        let mut bytes = vec![0; message.buffer_len(0)];
        message.emit(0, &mut bytes).unwrap();
        let cut = cut.index(bytes.len());
        prop_assert!(Packet::new_checked(&bytes[..cut]).is_err());
    }
}
