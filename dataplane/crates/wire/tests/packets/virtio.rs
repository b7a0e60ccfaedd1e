//! The header in front of each packet of a TUN queue.

use quiver_wire::ip::protocol;
use quiver_wire::offload::{Checksum, Offload, Segmentation};
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, WireError, checksum, rewrite, virtio};

use crate::build::{finished, tcp_segment, udp_segment, v4, v6, waypoints};

#[test]
fn partial_checksum_is_completed_by_the_device_after_a_rewrite() {
    for packet in [
        v4(protocol::UDP, &udp_segment(b"hello")),
        v6(protocol::TCP, &tcp_segment(Flags::ACK, None, b"hello")),
    ] {
        let (mut packet, mut parsed) = finished(packet);
        checksum::begin(&mut packet, &parsed).unwrap();
        let to = waypoints(parsed.version);
        rewrite::endpoints(&mut packet, &mut parsed, &to, Checksum::Partial).unwrap();
        let offload = Offload { checksum: Checksum::Partial, ..Offload::default() };
        let mut header = virtio::Header::of(offload, &parsed).unwrap();
        assert!(header.is_about(&parsed));
        header.finish(&mut packet).unwrap();
        assert!(checksum::verify(&packet, &parsed).unwrap());
        assert_eq!(header.offload().unwrap().checksum, Checksum::Complete);
    }
}

#[test]
fn superpacket_header_survives_the_way_to_the_device_and_back() {
    let flags = Flags::ACK.with(Flags::CWR);
    let packet = v6(protocol::TCP, &tcp_segment(flags, None, &[0; 4000]));
    let parsed = Parsed::parse(&packet).unwrap();
    let offload = Offload { segmentation: Segmentation::Tcp { size: 1400 }, checksum: Checksum::Partial };
    let header = virtio::Header::of(offload, &parsed).unwrap();
    assert_eq!(header.emit(), [1, 0x84, 60, 0, 0x78, 0x05, 40, 0, 16, 0]);
    assert_eq!(virtio::Header::parse(&header.emit()).unwrap(), header);
    assert_eq!(header.offload(), Ok(offload));
}

#[test]
fn offloads_nobody_offered_are_refused() {
    let udp = Parsed::parse(&v4(protocol::UDP, &udp_segment(&[0; 100]))).unwrap();
    let tcp = Segmentation::Tcp { size: 50 };
    let partial = Checksum::Partial;
    assert_eq!(
        virtio::Header::of(Offload { segmentation: tcp, checksum: partial }, &udp),
        Err(WireError::UnknownOffload)
    );
    let uso = Segmentation::Udp { size: 50 };
    assert!(virtio::Header::of(Offload { segmentation: uso, checksum: partial }, &udp).is_ok());
    let complete = Offload { segmentation: uso, checksum: Checksum::Complete };
    assert_eq!(virtio::Header::of(complete, &udp), Err(WireError::UnknownOffload));
    let ufo = virtio::Header { gso_type: 3, gso_size: 1400, ..virtio::Header::default() };
    assert_eq!(ufo.offload(), Err(WireError::UnknownOffload));
    assert_eq!(virtio::Header::parse(&[0; 9]), Err(WireError::BufferTooShort));
    let gre = Parsed::parse(&v4(protocol::GRE, &[0; 8])).unwrap();
    let offload = Offload { checksum: partial, ..Offload::default() };
    assert_eq!(virtio::Header::of(offload, &gre), Err(WireError::NoChecksum));
}
