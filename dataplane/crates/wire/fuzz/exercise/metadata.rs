//! Everything that is done to metadata, with the promises that must hold for any bytes.

use quiver_wire::WireError;
use quiver_wire::metadata::multicast::MulticastEgress;
use quiver_wire::metadata::{
    HeaderRepr, HeaderTlvs, MAX_LEN, MAX_TLVS, Message, Packet, PayloadTlvs, Tlvs, marker,
};

/// Reads `data` as metadata, and as each section on its own; what can be read can be written and read again.
pub(crate) fn exercise(data: &[u8]) {
    if let Some(rest) = marker::strip(data) {
        assert_eq!(rest.len() + marker::MARKER_LEN, data.len());
    }
    assert!(Tlvs::new(data).count() <= MAX_TLVS + 1);
    header(data);
    payload(data);
    if let Ok(packet) = Packet::new_checked(data) {
        assert!(packet.total_len() <= MAX_LEN.min(data.len()));
        assert_eq!(packet.total_len() + packet.rest().len(), data.len());
        let _ = HeaderRepr::parse(&packet);
        message(&packet);
        let mut copy = data.to_vec();
        let mut packet = Packet::new_checked(&mut copy[..]).expect("the same bytes");
        let (header, payload) = packet.split_mut();
        let _ = (HeaderTlvs::parse(&header[12..]), PayloadTlvs::parse(payload));
    }
}

fn header(section: &[u8]) {
    if let Ok(found) = HeaderTlvs::parse(section) {
        assert!(found.buffer_len() <= section.len());
        let mut bytes = vec![0; found.buffer_len()];
        assert_eq!(found.emit(&mut bytes), Ok(()));
        assert_eq!(HeaderTlvs::parse(&bytes), Ok(HeaderTlvs { unknown: 0, ..found }));
    }
}

fn payload(section: &[u8]) {
    if let Ok(found) = PayloadTlvs::parse(section) {
        assert!(found.buffer_len() <= section.len());
        let mut bytes = vec![0; found.buffer_len()];
        assert_eq!(found.emit(&mut bytes), Ok(()));
        assert_eq!(PayloadTlvs::parse(&bytes), Ok(PayloadTlvs { unknown: 0, ..found }));
        let names = found.multicast_egress.iter().flat_map(MulticastEgress::names);
        assert!(names.count() <= section.len());
    }
}

fn message(packet: &Packet<&[u8]>) {
    if let Ok(found) = Message::parse(packet) {
        let mut bytes = [0; MAX_LEN];
        let length = found.emit(0, &mut bytes).expect("what fitted once fits again");
        assert_eq!(found.emit(MAX_LEN, &mut bytes), Err(WireError::MetadataTooLong));
        let again = Packet::new_checked(&bytes[..length]).expect("written metadata can be read");
        let again = Message::parse(&again).expect("written sections can be read");
        let known = Message {
            header: HeaderTlvs { unknown: 0, ..found.header },
            payload: PayloadTlvs { unknown: 0, ..found.payload },
        };
        assert_eq!(again, known);
    }
}
