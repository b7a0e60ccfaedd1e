//! New addresses and ports for a packet, in place, with every checksum kept right.

use core::net::IpAddr;

use crate::bytes::put_u16;
use crate::checksum::{self, Change, Delta};
use crate::error::WireError;
use crate::ip;
use crate::offload::Checksum;
use crate::parse::{Parsed, Transport};

/// Where a packet is to come from and to go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Endpoints {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Source port; becomes the identifier of an ICMP echo request.
    pub src_port: u16,
    /// Destination port; becomes the identifier of an ICMP echo reply.
    pub dst_port: u16,
}

/// Gives `packet` the addresses and ports of `to` (same family) and brings `parsed` up to date.
///
/// The IPv4 header checksum and the transport checksum are updated incrementally, the latter in the `state` it is in.
/// Later fragments and protocols without ports get the addresses only.
pub fn endpoints(
    packet: &mut [u8],
    parsed: &mut Parsed,
    to: &Endpoints,
    state: Checksum,
) -> Result<(), WireError> {
    ip::Packet::new_checked(&mut *packet)?.set_addresses(to.src, to.dst)?;
    let change = set_endpoints(packet, parsed, to);
    checksum::update(packet, parsed, state, change);
    Ok(())
}

/// Gives a packet quoted by an ICMP error, of which only the beginning may be there, the addresses and ports of `to` (same family).
///
/// `parsed` is from [`Parsed::parse_quoted`]. The checksum of the ICMP message around it is to be computed anew.
pub fn quoted(quote: &mut [u8], parsed: &mut Parsed, to: &Endpoints) -> Result<(), WireError> {
    ip::Packet::new_truncated(&mut *quote)?.set_addresses(to.src, to.dst)?;
    let change = set_endpoints(quote, parsed, to);
    checksum::update(quote, parsed, Checksum::Complete, change);
    Ok(())
}

/// Writes ports and brings `parsed` up to date; answers what the transport checksum covers of it.
fn set_endpoints(packet: &mut [u8], parsed: &mut Parsed, to: &Endpoints) -> Change {
    let pseudo_header = Delta::NONE.address(parsed.src, to.src).address(parsed.dst, to.dst);
    let segment = match parsed.transport {
        Transport::Tcp | Transport::Udp => set_ports(packet, parsed, to),
        Transport::EchoRequest => set_id(packet, parsed, to.src_port),
        Transport::EchoReply => set_id(packet, parsed, to.dst_port),
        Transport::IcmpError | Transport::IcmpOther | Transport::Other | Transport::FragmentTail => {
            Delta::NONE
        }
    };
    parsed.src = to.src;
    parsed.dst = to.dst;
    Change { pseudo_header, segment }
}

fn set_ports(packet: &mut [u8], parsed: &mut Parsed, to: &Endpoints) -> Delta {
    put_u16(packet, parsed.transport_at, to.src_port);
    put_u16(packet, parsed.transport_at + 2, to.dst_port);
    let delta = Delta::NONE.u16(parsed.src_port, to.src_port).u16(parsed.dst_port, to.dst_port);
    parsed.src_port = to.src_port;
    parsed.dst_port = to.dst_port;
    delta
}

fn set_id(packet: &mut [u8], parsed: &mut Parsed, id: u16) -> Delta {
    put_u16(packet, parsed.transport_at + 4, id);
    let delta = Delta::NONE.u16(parsed.src_port, id);
    parsed.src_port = id;
    parsed.dst_port = id;
    delta
}
