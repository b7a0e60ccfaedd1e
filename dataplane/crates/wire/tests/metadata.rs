//! Metadata against worked bytes, and what is malformed.
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use quiver_wire::WireError;
use quiver_wire::metadata::contexts::{AddressPair, Context, EgressBinding};
use quiver_wire::metadata::control::{ControlCode, HealthCheck, ModifyRequest, SessionFlags};
use quiver_wire::metadata::multicast::{MulticastEgress, MulticastGroup};
use quiver_wire::metadata::path::{Mark, PathMetrics};
use quiver_wire::metadata::security::{KeyBytes, SecurityContext};
use quiver_wire::metadata::{
    HeaderRepr, HeaderTlvs, Kind, MAX_LEN, MAX_NAME, MAX_TLVS, Message, Packet, PayloadTlvs, Repr, Tlvs,
    is_metadata, marker,
};

const SESSION_ID: [u8; 16] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

fn vector(text: &str) -> Vec<u8> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let digits: Vec<u8> =
        lines.flat_map(str::chars).filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
    digits.chunks_exact(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect()
}

fn context() -> Context {
    Context {
        addresses: AddressPair::new([10, 1, 0, 5].into(), [10, 2, 0, 9].into()).unwrap(),
        src_port: 40000,
        dst_port: 5432,
        protocol: 17,
    }
}

fn forward() -> Message<'static> {
    Message {
        header: HeaderTlvs { security_id: Some(1), ..HeaderTlvs::default() },
        payload: PayloadTlvs {
            forward: Some(context()),
            session_id: Some(SESSION_ID),
            tenant: Some("web.prod"),
            service: Some("db"),
            source_router: Some("r1"),
            security_policy: Some("sec1"),
            peer_path: Some("p1"),
            ..PayloadTlvs::default()
        },
    }
}

fn emitted(message: &Message<'_>) -> Vec<u8> {
    let mut bytes = vec![0xee; message.buffer_len(0)];
    assert_eq!(message.emit(0, &mut bytes), Ok(bytes.len()));
    bytes
}

fn tlv(number: u16, value: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], &(value.len() as u16).to_be_bytes(), value].concat()
}

#[test]
fn worked_forward_metadata_is_read_and_written_alike() {
    let bytes = vector(include_str!("../testdata/forward_clear.hex"));
    assert_eq!(bytes.len(), 95);
    let packet = Packet::new_checked(&bytes[..]).unwrap();
    assert_eq!((packet.header_len(), packet.payload_len()), (20, 75));
    assert_eq!(Message::parse(&packet).unwrap(), forward());
    assert_eq!(emitted(&forward()), bytes);
}

#[test]
fn worked_reverse_metadata_is_read_and_written_alike() {
    let bytes = vector(include_str!("../testdata/reverse_clear.hex"));
    let reverse = Message {
        header: HeaderTlvs { security_id: Some(1), ..HeaderTlvs::default() },
        payload: PayloadTlvs {
            reverse: Some(context().reversed()),
            session_count: Some(7),
            peer_path: Some("p1"),
            ..PayloadTlvs::default()
        },
    };
    assert_eq!(Message::parse(&Packet::new_checked(&bytes[..]).unwrap()).unwrap(), reverse);
    assert_eq!(emitted(&reverse), bytes);
}

#[test]
fn worked_control_message_is_read_and_written_alike() {
    let bytes = vector(include_str!("../testdata/control_enable.hex"));
    let context = SecurityContext { boot_id: 1, serial: 2, counter: 3, time_ms: 4, port: 16385 };
    let control = Message {
        header: HeaderTlvs {
            security_id: Some(1),
            control: Some(ControlCode::EnableMetadata),
            security_context: Some(context),
            ..HeaderTlvs::default()
        },
        payload: PayloadTlvs { session_id: Some(SESSION_ID), ..PayloadTlvs::default() },
    };
    assert_eq!(Message::parse(&Packet::new_checked(&bytes[..]).unwrap()).unwrap(), control);
    assert_eq!(emitted(&control), bytes);
}

#[test]
fn encrypted_section_is_found_and_the_payload_behind_it() {
    let mut bytes = vector(include_str!("../testdata/forward_cbc.hex"));
    let mut packet = Packet::new_checked(&mut bytes[..]).unwrap();
    assert_eq!(HeaderTlvs::parse(packet.header_tlvs()).unwrap(), forward().header);
    assert_eq!((packet.header().len(), packet.payload().len(), packet.rest()), (20, 0x60, &b"hello"[..]));
    let (header, payload) = packet.split_mut();
    assert_eq!((header.len(), payload.len(), payload[0]), (20, 0x60, 0x52));
}

#[test]
fn room_for_a_tag_is_counted_in_the_payload_length() {
    let message = forward();
    let mut bytes = vec![0; message.buffer_len(16)];
    assert_eq!(message.emit(16, &mut bytes), Ok(95 + 16));
    let packet = Packet::new_checked(&bytes[..]).unwrap();
    assert_eq!(packet.payload_len(), 75 + 16);
    assert_eq!(PayloadTlvs::parse(&packet.payload()[..75]).unwrap(), message.payload);
    assert_eq!(message.emit(16, &mut [0; 110]), Err(WireError::BufferTooShort));
}

#[test]
fn worked_path_metrics_value_is_read_and_written_alike() {
    let bytes = vector(include_str!("../testdata/path_metrics.hex"));
    let metrics = PathMetrics {
        sent: Mark { colour: 1, time_ms: 100 },
        received: Mark { colour: 2, time_ms: 200 },
        drop: true,
        count: 10,
    };
    assert_eq!(PathMetrics::parse(&bytes), Ok(metrics));
    let mut written = [0; 10];
    metrics.emit(&mut written).unwrap();
    assert_eq!(written[..], bytes);
}

#[test]
fn payload_that_looks_like_metadata_gets_a_marker_and_loses_it() {
    assert_eq!(vector(include_str!("../testdata/marker.hex")), marker::MARKER);
    let payload = vector(include_str!("../testdata/forward_clear.hex"));
    assert!(marker::is_needed(&payload) && !marker::is_needed(b"hello"));
    let marked = [&marker::MARKER[..], &payload].concat();
    assert!(marker::is_marked(&marked) && !marker::is_marked(&payload));
    assert_eq!(marker::strip(&marked), Some(&payload[..]));
    assert_eq!(marker::strip(&payload), None);
    let packet = Packet::new_checked(&marked[..]).unwrap();
    assert_eq!((packet.total_len(), packet.rest()), (marker::MARKER_LEN, &payload[..]));
}

#[test]
fn headers_with_wrong_lengths_are_malformed() {
    let checked = |bytes: &[u8]| Packet::new_checked(bytes.to_vec()).map(|_| ());
    let good = vector(include_str!("../testdata/reverse_clear.hex"));
    assert!(is_metadata(&good) && !is_metadata(&good[1..]) && !is_metadata(&good[..7]));
    assert_eq!(checked(&good), Ok(()));
    assert_eq!(checked(b"hello, this is no metadata"), Err(WireError::NotMetadata));
    assert_eq!(checked(&good[..11]), Err(WireError::BadMetadataLength));
    assert_eq!(checked(&good[..good.len() - 1]), Err(WireError::BadMetadataLength));
    let with = |at: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[at] = value;
        checked(&bytes)
    };
    assert_eq!(with(8, 0x20), Err(WireError::UnknownMetadataVersion));
    assert_eq!(with(9, 11), Err(WireError::BadMetadataLength));
    assert_eq!(with(10, 0x05), Err(WireError::BadMetadataLength));
    let mut long = good;
    long.resize(2000, 0);
    long[10..12].copy_from_slice(&((MAX_LEN - 20) as u16).to_be_bytes());
    assert_eq!(checked(&long), Ok(()));
    long[10..12].copy_from_slice(&((MAX_LEN - 19) as u16).to_be_bytes());
    assert_eq!(checked(&long), Err(WireError::MetadataTooLong));
    assert_eq!(
        HeaderRepr { header_len: 11, payload_len: 0 }.emit(&mut [0; 12]),
        Err(WireError::BadMetadataLength)
    );
    assert_eq!(
        HeaderRepr { header_len: 12, payload_len: 0 }.emit(&mut [0; 11]),
        Err(WireError::BufferTooShort)
    );
}

#[test]
fn tlv_beyond_its_section_is_malformed_and_ends_the_walk() {
    for section in [&[0, 16, 0][..], &[0, 16, 0, 4, 1, 2, 3]] {
        assert_eq!(HeaderTlvs::parse(section), Err(WireError::TruncatedTlv));
        assert_eq!(PayloadTlvs::parse(section), Err(WireError::TruncatedTlv));
        assert_eq!(Tlvs::new(section).count(), 1);
    }
}

#[test]
fn more_tlvs_than_the_limit_are_malformed() {
    let unknown = tlv(0x1234, b"x");
    assert_eq!(PayloadTlvs::parse(&unknown.repeat(MAX_TLVS)).unwrap().unknown, 64);
    assert_eq!(PayloadTlvs::parse(&unknown.repeat(MAX_TLVS + 1)), Err(WireError::TooManyTlvs));
    assert_eq!(HeaderTlvs::parse(&unknown.repeat(MAX_TLVS + 1)), Err(WireError::TooManyTlvs));
}

#[test]
fn every_known_tlv_is_malformed_when_it_comes_twice() {
    for kind in Kind::ALL {
        let mut value = vec![0; *kind.lengths().start()];
        if *kind == Kind::HealthCheck {
            value[0] = 1;
        }
        if *kind == Kind::MulticastGroup {
            value[0] = 4;
        }
        let one = tlv(kind.number(), &value);
        let twice = [one.clone(), one.clone()].concat();
        let (in_header, in_payload) =
            (Kind::in_header(kind.number()) == Some(*kind), Kind::in_payload(kind.number()) == Some(*kind));
        if in_header {
            assert_eq!(HeaderTlvs::parse(&one).map(|found| found.unknown), Ok(0), "{kind:?}");
            assert_eq!(HeaderTlvs::parse(&twice), Err(WireError::DuplicateTlv), "{kind:?}");
        }
        if in_payload {
            assert_eq!(PayloadTlvs::parse(&one).map(|found| found.unknown), Ok(0), "{kind:?}");
            assert_eq!(PayloadTlvs::parse(&twice), Err(WireError::DuplicateTlv), "{kind:?}");
        }
        assert!(in_header || in_payload);
    }
}

#[test]
fn contexts_of_both_families_at_once_are_duplicates() {
    let both = [tlv(2, &[0; 13]), tlv(3, &[0; 37])].concat();
    assert_eq!(PayloadTlvs::parse(&both), Err(WireError::DuplicateTlv));
    let both = [tlv(20, &[0; 4]), tlv(21, &[0; 16])].concat();
    assert_eq!(HeaderTlvs::parse(&both), Err(WireError::DuplicateTlv));
}

#[test]
fn known_tlv_with_a_length_its_type_forbids_is_malformed() {
    for kind in Kind::ALL {
        let number = kind.number();
        let section = tlv(number, &vec![b'x'; kind.lengths().end() + 1]);
        let result = if Kind::in_payload(number) == Some(*kind) {
            PayloadTlvs::parse(&section).map(|_| ())
        } else {
            HeaderTlvs::parse(&section).map(|_| ())
        };
        // In the header, number 46 with another length is a key in the wrong place.
        let expected = if *kind == Kind::HealthCheck {
            Ok(())
        } else if *kind.lengths().end() == MAX_NAME {
            Err(WireError::NameTooLong)
        } else {
            Err(WireError::BadTlvLength)
        };
        assert_eq!(result, expected, "{kind:?}");
    }
    assert_eq!(PayloadTlvs::parse(&tlv(0x8013, &[0; 20])), Err(WireError::BadTlvLength));
    assert_eq!(PayloadTlvs::parse(&tlv(50, &[4; 20])), Err(WireError::BadTlvLength));
    assert_eq!(PayloadTlvs::parse(&tlv(50, &[6; 11])), Err(WireError::BadTlvValue));
}

#[test]
fn name_that_is_not_utf8_is_malformed() {
    assert_eq!(PayloadTlvs::parse(&tlv(7, &[0xff, 0xfe])), Err(WireError::NameNotUtf8));
}

#[test]
fn number_46_is_a_question_in_the_header_and_a_key_in_the_payload() {
    let header = HeaderTlvs::parse(&tlv(46, &[1])).unwrap();
    assert_eq!(header.health_check, Some(HealthCheck::Request));
    assert_eq!(HeaderTlvs::parse(&tlv(46, &[2])).unwrap().health_check, Some(HealthCheck::Retry));
    assert_eq!(HeaderTlvs::parse(&tlv(46, &[3])), Err(WireError::BadTlvValue));
    assert_eq!(
        HeaderTlvs::parse(&tlv(46, &[7; 32])).unwrap(),
        HeaderTlvs { unknown: 1, ..HeaderTlvs::default() }
    );
    let section = tlv(46, &[7; 32]);
    let payload = PayloadTlvs::parse(&section).unwrap();
    assert_eq!(payload.security_key, Some(KeyBytes(&[7; 32])));
    assert_eq!(format!("{:?}", payload.security_key), "Some(KeyBytes(32 bytes))");
}

#[test]
fn numbers_18_and_28_are_accepted_in_both_sections() {
    let section = [tlv(18, &[]), tlv(28, &[0xc1, 0x23])].concat();
    let change = Some(ModifyRequest { f: true, d: true, sequence: 0x123 });
    let header = HeaderTlvs::parse(&section).unwrap();
    assert_eq!((header.disable_forward_metadata, header.modify_request), (true, change));
    let payload = PayloadTlvs::parse(&section).unwrap();
    assert_eq!((payload.disable_forward_metadata, payload.modify_request), (true, change));
}

#[test]
fn tlv_in_the_wrong_section_is_passed_over_and_counted() {
    assert_eq!(HeaderTlvs::parse(&tlv(7, b"web")), Ok(HeaderTlvs { unknown: 1, ..HeaderTlvs::default() }));
    assert_eq!(
        PayloadTlvs::parse(&tlv(16, &[0; 4])),
        Ok(PayloadTlvs { unknown: 1, ..PayloadTlvs::default() })
    );
}

#[test]
fn unknown_control_code_is_kept_to_be_counted() {
    for code in 0..=u8::MAX {
        assert_eq!(u8::from(ControlCode::from(code)), code);
    }
    assert_eq!(HeaderTlvs::parse(&tlv(24, &[9])).unwrap().control, Some(ControlCode::Other(9)));
}

#[test]
fn egress_binding_has_the_target_in_front() {
    let value = [10, 0, 0, 7, 0x15, 0x38, 169, 254, 0, 1, 0x40, 0x01];
    let binding = EgressBinding::parse(&value).unwrap();
    assert_eq!((binding.addresses.dst(), binding.target_port), ([10, 0, 0, 7].into(), 5432));
    assert_eq!((binding.addresses.src(), binding.source_port), ([169, 254, 0, 1].into(), 16385));
    let mut written = [0; 12];
    binding.emit(&mut written).unwrap();
    assert_eq!(written, value);
}

#[test]
fn addresses_of_two_families_make_no_pair() {
    let (v4, v6) = ([10, 0, 0, 7].into(), [0; 16].into());
    assert_eq!(AddressPair::new(v4, v6), Err(WireError::FamilyMismatch));
    assert_eq!(AddressPair::new(v6, v4), Err(WireError::FamilyMismatch));
    let pair = AddressPair::new(v6, v6).unwrap();
    assert_eq!((pair.src(), pair.dst()), (v6, v6));
}

#[test]
fn multicast_routers_are_listed_in_order() {
    let mut room = [0; 64];
    let list = MulticastEgress::new(["r1", "", "router-3"], &mut room).unwrap();
    assert_eq!(list.names().collect::<Vec<_>>(), ["r1", "", "router-3"]);
    assert_eq!(list.buffer_len(), 2 + 3 + 1 + 9);
    assert_eq!(MulticastEgress::new(["r1"], &mut [0; 4]), Err(WireError::BufferTooShort));
    assert_eq!(MulticastEgress::new([&*"x".repeat(256)], &mut [0; 400]), Err(WireError::NameTooLong));
    assert_eq!(MulticastEgress::parse(&[0, 1, 3, b'x']), Err(WireError::BadTlvLength));
    assert_eq!(MulticastEgress::parse(&[0, 1, 1, b'x', 0]), Err(WireError::BadTlvLength));
    assert_eq!(MulticastEgress::parse(&[0, 1, 1, 0xff]), Err(WireError::NameNotUtf8));
    let group = MulticastGroup { flags: 0, addresses: context().addresses, protocol: 17 };
    let mut value = [0; 11];
    group.emit(&mut value).unwrap();
    assert_eq!(value, [4, 0, 10, 1, 0, 5, 10, 2, 0, 9, 17]);
}

#[test]
fn what_the_receiver_would_refuse_is_not_written() {
    let long = "x".repeat(MAX_NAME + 1);
    let payload = PayloadTlvs { tenant: Some(&long), ..PayloadTlvs::default() };
    assert_eq!(payload.emit(&mut [0; 500]), Err(WireError::NameTooLong));
    let name = "x".repeat(MAX_NAME);
    let payload = PayloadTlvs {
        tenant: Some(&name),
        service: Some(&name),
        source_router: Some(&name),
        security_policy: Some(&name),
        destination_router: Some(&name),
        peer_path: Some(&name),
        ..PayloadTlvs::default()
    };
    let message = Message { payload, ..Message::default() };
    assert_eq!(message.emit(0, &mut [0; 2000]), Err(WireError::MetadataTooLong));
    assert_eq!(forward().payload.emit(&mut [0; 74]), Err(WireError::BufferTooShort));
    assert_eq!(forward().header.emit(&mut [0; 3]), Err(WireError::BufferTooShort));
}

#[test]
fn flags_of_a_session_are_told_apart() {
    let flags = SessionFlags::ADAPTIVE.with(SessionFlags::RECOVERY);
    assert!(flags.contains(SessionFlags::RECOVERY) && !flags.contains(SessionFlags::MID_STREAM));
    let payload = PayloadTlvs { session_flags: Some(flags), ..PayloadTlvs::default() };
    let mut section = [0; 5];
    payload.emit(&mut section).unwrap();
    assert_eq!(section, [0x80, 0x15, 0, 1, 0x09]);
    assert!(!flags.contains(SessionFlags::INTEGRITY));
}
