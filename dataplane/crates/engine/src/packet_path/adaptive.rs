//! Whether a session's payload needs sealing: what is TLS, QUIC or `IPsec` already is not sealed a second time (`docs/protocol.md` section 3).

use std::sync::Arc;

use quiver_crypto::{CounterNonce, PayloadReplayWindow};
use quiver_wire::ip::protocol;
use quiver_wire::parse::Parsed;

use crate::config::{Encryption, Integrity};
use crate::drop_reason::DropReason;
use crate::event::{Event, SessionChange};
use crate::fabric::Fabric;
use crate::forwarding::ServiceEntry;
use crate::output::Output;
use crate::packet::Packet;
use crate::session::entry::{Leg, Mode, Sealing, Security, Session};
use crate::session::index::LegSide;
use crate::time::Now;

/// UDP ports of IKE and of `IPsec` behind NAT (RFC 7296 section 2, RFC 3948).
const IPSEC_PORTS: [u16; 2] = [500, 4500];
/// UDP port of HTTP/3 (RFC 9114 section 3.3).
const QUIC_PORT: u16 = 443;

/// How a new session's payload is protected, judged by its first packet. `over_hop`: it leaves this node for another router.
pub(crate) fn for_new_session(
    service: &ServiceEntry,
    always: bool,
    over_hop: bool,
    first: (&Packet, &Parsed),
    fabric: &mut Fabric,
    now: Now,
) -> Result<Security, DropReason> {
    let per_packet = over_hop && service.integrity == Integrity::PerPacket;
    let encryption = if always { Encryption::Always } else { service.encryption };
    let mode = match encryption {
        Encryption::Always => Mode::Sealed,
        Encryption::Never => Mode::Clear,
        Encryption::Adaptive => first_guess(first.0, first.1),
    };
    let mode = if over_hop { mode } else { Mode::Clear };
    let sealing =
        if mode == Mode::Clear { None } else { Some(Box::new(new_sealing(&service.name, fabric, now)?)) };
    Ok(Security { mode, per_packet, sealing })
}

fn first_guess(packet: &Packet, parsed: &Parsed) -> Mode {
    let payload = parsed.payload(packet.bytes());
    match parsed.protocol {
        protocol::TCP => Mode::Undecided,
        protocol::UDP if IPSEC_PORTS.contains(&parsed.dst_port) => Mode::Clear,
        protocol::UDP if parsed.dst_port == QUIC_PORT && is_quic_long_header(payload) => Mode::Clear,
        protocol::ESP | protocol::AUTHENTICATION => Mode::Clear,
        _ => Mode::Sealed,
    }
}

/// RFC 8999 section 5.1, and a version that is none of the reserved ones (0 is version negotiation, which no client sends first).
fn is_quic_long_header(payload: &[u8]) -> bool {
    matches!(payload, [first, a, b, c, d, ..] if first & 0xc0 == 0xc0 && [*a, *b, *c, *d] != [0; 4])
}

/// RFC 8446 section 5.1: a handshake record of any version that was ever sent, holding a `ClientHello`.
pub(crate) fn is_tls_client_hello(payload: &[u8]) -> bool {
    match payload {
        [22, 3, minor, high, low, rest @ ..] => {
            let length = u16::from_be_bytes([*high, *low]);
            *minor <= 4 && (4..=16_640).contains(&length) && rest.first().is_none_or(|kind| *kind == 1)
        }
        _ => false,
    }
}

/// Fresh keys and a fresh serial for a session that this node seals as its ingress.
pub(crate) fn new_sealing(service: &Arc<str>, fabric: &mut Fabric, now: Now) -> Result<Sealing, DropReason> {
    let (keys, serial) = fabric
        .payload_keys
        .for_new_session(service, &mut fabric.random, now.at)
        .map_err(|_| DropReason::KeyUnavailable)?;
    Ok(Sealing {
        keys,
        sending: CounterNonce::new(serial),
        received: PayloadReplayWindow::new(),
        former: None,
    })
}

/// Looks at a packet of an undecided session before it leaves; from the first payload on the session is clear or sealed for good.
pub(crate) fn decide(
    session: &mut Session,
    from: LegSide,
    packet: &Packet,
    parsed: &Parsed,
    output: &mut Output,
    now: Now,
) {
    if session.security.mode != Mode::Undecided {
        return;
    }
    let payload = parsed.payload(packet.bytes());
    if payload.is_empty() {
        return;
    }
    if from == LegSide::Client && is_tls_client_hello(payload) {
        session.security.mode = Mode::Clear;
        session.security.sealing = None;
        output.event(Event::SessionModified { session_id: session.uuid, change: SessionChange::Clear });
        return;
    }
    seal(session, from.other(), output, now);
}

/// The session is sealed from the next packet on; the neighbour on `towards` is told by metadata.
pub(crate) fn seal(session: &mut Session, towards: LegSide, output: &mut Output, now: Now) {
    session.security.mode = Mode::Sealed;
    if let Leg::Hop(hop) = session.leg_mut(towards) {
        hop.handshake.retrigger(false, now.at);
    }
    output.event(Event::SessionModified { session_id: session.uuid, change: SessionChange::Sealed });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_hello_of_every_tls_version_is_recognised() {
        for minor in 0..=4 {
            assert!(is_tls_client_hello(&[22, 3, minor, 1, 0, 1, 0, 0, 252]));
        }
    }

    #[test]
    fn plain_protocols_are_not_taken_for_tls() {
        for payload in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"SSH-2.0-x",
            b"\x16\x03",
            b"\x16\x03\x01\x00\x01\x01",
            b"\x17\x03\x03\x00\x20\x01",
        ] {
            assert!(!is_tls_client_hello(payload));
        }
        assert!(!is_tls_client_hello(&[22, 3, 1, 1, 0, 2]), "a ServerHello does not come from a client");
    }

    #[test]
    fn quic_version_negotiation_is_not_a_first_packet() {
        assert!(is_quic_long_header(&[0xc3, 0, 0, 0, 1, 8]));
        assert!(!is_quic_long_header(&[0xc3, 0, 0, 0, 0, 8]));
        assert!(!is_quic_long_header(&[0x43, 0, 0, 0, 1, 8]));
    }
}
