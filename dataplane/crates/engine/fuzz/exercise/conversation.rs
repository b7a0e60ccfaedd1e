//! Genuine traffic of every kind.

use core::net::SocketAddr;

use quiver_wire::offload::{Checksum, Offload, Segmentation};

use super::craft::{self, ACK, FIN, PSH, SYN, Segment};
use super::world::{ADAPTIVE, Place, World, client, service};

/// The beginning of a TLS `ClientHello`.
pub(crate) const CLIENT_HELLO: [u8; 12] = [22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3, 9];

/// Where a conversation goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) protection: usize,
    pub(crate) place: Place,
    pub(crate) is_ipv4: bool,
    pub(crate) port: u16,
}

impl Call {
    pub(crate) fn ends(self) -> (SocketAddr, SocketAddr) {
        let to = service(self.protection, self.place, self.is_ipv4);
        (client(self.is_ipv4, self.port), SocketAddr::new(to, 443))
    }
}

/// A few datagrams and their echoes.
pub(crate) fn udp(world: &mut World, call: Call) {
    let (from, to) = call.ends();
    let to = SocketAddr::new(to.ip(), 9000);
    for size in [5, 40, 300] {
        world.send(&craft::udp(from, to, &vec![size as u8; size]));
    }
}

/// A connection with data both ways; `is_closed` at its end.
pub(crate) fn tcp(world: &mut World, call: Call, is_closed: bool) {
    let (from, to) = call.ends();
    let payload: &[u8] = if call.protection == ADAPTIVE && call.port.is_multiple_of(2) {
        &CLIENT_HELLO
    } else {
        b"GET / HTTP/1.0"
    };
    let length = payload.len() as u32;
    let mut send = |flags, seq, ack, payload: &[u8]| {
        world.send(&craft::tcp(from, to, Segment { flags, seq, ack }, payload));
    };
    send(SYN, 1_000, 0, &[]);
    send(ACK, 1_001, 9_001, &[]);
    send(ACK | PSH, 1_001, 9_001, payload);
    send(ACK | PSH, 1_001 + length, 9_001 + length, payload);
    send(ACK, 1_001 + 2 * length, 9_001 + 2 * length, &[]);
    if is_closed {
        send(FIN | ACK, 1_001 + 2 * length, 9_001 + 2 * length, &[]);
        send(ACK, 1_002 + 2 * length, 9_002 + 2 * length, &[]);
    }
}

/// A TCP superpacket of `size` bytes of payload, with its checksum still to be finished.
pub(crate) fn superpacket(call: Call, seq: u32, ack: u32, size: usize) -> (Vec<u8>, Offload) {
    let (from, to) = call.ends();
    let mut bytes = craft::tcp(from, to, Segment { flags: ACK | PSH, seq, ack }, &vec![0x55; size]);
    let parsed = quiver_wire::Parsed::parse(&bytes).expect("a packet");
    quiver_wire::checksum::begin(&mut bytes, &parsed).expect("TCP has a checksum");
    (bytes, Offload { segmentation: Segmentation::Tcp { size: 1200 }, checksum: Checksum::Partial })
}

pub(crate) fn ping(world: &mut World, call: Call) {
    let (from, to) = call.ends();
    for _ in 0..2 {
        world.send(&craft::echo(from.ip(), to.ip(), true, call.port, b"ping"));
    }
}

/// GRE, as a protocol without ports.
pub(crate) fn other(world: &mut World, call: Call) {
    let (from, to) = call.ends();
    world.send(&craft::ip(from.ip(), to.ip(), 47, &[0, 0, 8, 0, 1, 2, 3, 4]));
}

/// One of everything, to every service, over both families.
pub(crate) fn everything(world: &mut World, first_port: u16) {
    let mut port = first_port;
    for place in [Place::Near, Place::Far] {
        for protection in 0..4 {
            for is_ipv4 in [true, false] {
                let call = Call { protection, place, is_ipv4, port };
                udp(world, call);
                tcp(world, call, protection % 2 == 0);
                tcp(world, Call { port: port + 1, ..call }, false);
                ping(world, call);
                other(world, call);
                large(world, Call { port: port + 2, ..call });
                port = port.wrapping_add(3);
            }
        }
    }
}

/// A datagram that has to be cut into pieces, and a superpacket on a connection.
fn large(world: &mut World, call: Call) {
    let (from, to) = call.ends();
    let mut bytes = craft::udp(from, to, &[0x66; 1472]);
    if call.is_ipv4 {
        bytes[6] = 0;
        bytes = craft::finished(bytes);
    }
    world.send(&bytes);
    tcp(world, call, false);
    let length =
        if call.protection == ADAPTIVE && call.port.is_multiple_of(2) { CLIENT_HELLO.len() } else { 14 }
            as u32;
    let (bytes, offload) = superpacket(call, 1_001 + 2 * length, 9_001 + 2 * length, 5_000);
    world.local(0, &bytes, offload);
    world.pump();
}
