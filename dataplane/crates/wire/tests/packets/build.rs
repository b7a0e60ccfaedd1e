//! Packets to test with.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use quiver_wire::ip::Version;
use quiver_wire::rewrite::Endpoints;
use quiver_wire::tcp::Flags;
use quiver_wire::{Parsed, checksum, ipv4, ipv6, tcp, udp};

pub(crate) const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 1, 0, 5);
pub(crate) const SERVER: Ipv4Addr = Ipv4Addr::new(10, 2, 0, 9);
pub(crate) const CLIENT6: Ipv6Addr = Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 5);
pub(crate) const SERVER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 2, 0, 0, 0, 0, 0, 9);

pub(crate) fn v4(protocol: u8, segment: &[u8]) -> Vec<u8> {
    let repr = ipv4::Repr {
        src: CLIENT,
        dst: SERVER,
        protocol,
        payload_len: segment.len() as u16,
        ttl: 64,
        dscp: 46,
        ecn: 1,
        id: 7,
        dont_fragment: true,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut packet).unwrap();
    packet.extend_from_slice(segment);
    packet
}

pub(crate) fn v6(next_header: u8, payload: &[u8]) -> Vec<u8> {
    let repr = ipv6::Repr {
        src: CLIENT6,
        dst: SERVER6,
        next_header,
        payload_len: payload.len() as u16,
        hop_limit: 63,
        dscp: 10,
        ecn: 2,
        flow_label: 0x12345,
    };
    let mut packet = vec![0; repr.buffer_len()];
    repr.emit(&mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

pub(crate) fn udp_segment(payload: &[u8]) -> Vec<u8> {
    let repr = udp::Repr { src_port: 40000, dst_port: 5432, payload_len: payload.len() as u16 };
    let mut segment = vec![0; repr.buffer_len()];
    repr.emit(&mut segment).unwrap();
    segment.extend_from_slice(payload);
    segment
}

pub(crate) fn tcp_segment(flags: Flags, mss: Option<u16>, payload: &[u8]) -> Vec<u8> {
    let repr = tcp::Repr {
        src_port: 40000,
        dst_port: 443,
        seq: 0x0102_0304,
        ack: 9,
        flags,
        window: 1024,
        urgent: 3,
        mss,
    };
    let mut segment = vec![0; repr.buffer_len()];
    repr.emit(&mut segment).unwrap();
    segment.extend_from_slice(payload);
    segment
}

pub(crate) fn finished(mut packet: Vec<u8>) -> (Vec<u8>, Parsed) {
    let parsed = Parsed::parse(&packet).unwrap();
    checksum::finish(&mut packet, &parsed).unwrap();
    assert!(checksum::verify(&packet, &parsed).unwrap());
    (packet, parsed)
}

pub(crate) fn waypoints(family: Version) -> Endpoints {
    let (src, dst) = match family {
        Version::V4 => (IpAddr::from([192, 0, 2, 1]), IpAddr::from([198, 51, 100, 2])),
        Version::V6 => {
            ("2001:db8::1".parse::<IpAddr>().unwrap(), "2001:db8:ffff::2".parse::<IpAddr>().unwrap())
        }
    };
    Endpoints { src, dst, src_port: 16384, dst_port: 16385 }
}
