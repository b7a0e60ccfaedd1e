//! Where the parts of an IP packet are, and the fields that depend on its length.

use quiver_wire::bytes::{put_u8, put_u16, u8_at, u16_at};
use quiver_wire::ip::protocol::{ICMP, ICMPV6, TCP, UDP};
use quiver_wire::offload::{Checksum, Segmentation};

use super::{Family, Refusal, checksum};
use crate::packet::Packet;

/// IPv6 extension headers (IANA registry), the fragment header apart.
const EXTENSION_HEADERS: [u8; 8] = [0, 43, 51, 60, 135, 139, 140, 59];
const FRAGMENT_HEADER: u8 = 44;
/// IPv4 options that route by source (RFC 791): loose, strict.
const SOURCE_ROUTES: [u8; 2] = [131, 137];

/// Where the parts of one IP packet are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// IP version.
    pub family: Family,
    /// IANA protocol number of what follows the IP header.
    pub protocol: u8,
    /// Offset of the L4 header = length of the IP header.
    pub l4: usize,
    /// Length of the whole packet by its IP header.
    pub len: usize,
}

impl Layout {
    /// Reads the IP header. Refuses fragments, source routes and IPv6 extension headers.
    pub fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        match bytes.first().map(|byte| byte >> 4) {
            Some(4) => Self::of_ipv4(bytes),
            Some(6) => Self::of_ipv6(bytes),
            _ => Err(Refusal::Malformed),
        }
    }

    fn of_ipv4(bytes: &[u8]) -> Result<Self, Refusal> {
        let l4 = usize::from(u8_at(bytes, 0) & 0x0f) * 4;
        let len = usize::from(u16_at(bytes, 2));
        if l4 < 20 || len < l4 || bytes.len() < len {
            return Err(Refusal::Malformed);
        }
        if u16_at(bytes, 6) & 0x3fff != 0 {
            return Err(Refusal::Fragment);
        }
        refuse_source_route(bytes.get(20..l4).unwrap_or_default())?;
        Ok(Self { family: Family::V4, protocol: u8_at(bytes, 9), l4, len })
    }

    fn of_ipv6(bytes: &[u8]) -> Result<Self, Refusal> {
        let len = 40 + usize::from(u16_at(bytes, 4));
        if bytes.len() < len {
            return Err(Refusal::Malformed);
        }
        let protocol = u8_at(bytes, 6);
        if protocol == FRAGMENT_HEADER {
            return Err(Refusal::Fragment);
        }
        if EXTENSION_HEADERS.contains(&protocol) {
            return Err(Refusal::ExtensionHeader);
        }
        Ok(Self { family: Family::V6, protocol, l4: 40, len })
    }

    /// Bytes behind the IP header.
    pub const fn l4_len(&self) -> usize {
        self.len - self.l4
    }

    /// Offset of what follows the L4 header: behind UDP's eight bytes, behind TCP's options; of other protocols, the L4 header itself.
    pub fn payload(&self, bytes: &[u8]) -> Result<usize, Refusal> {
        match self.protocol {
            TCP => Ok(self.l4 + self.tcp_header(bytes)?),
            UDP => self.udp(bytes).map(|()| self.l4 + 8),
            _ => Ok(self.l4),
        }
    }

    /// Length of the TCP header with options.
    pub fn tcp_header(&self, bytes: &[u8]) -> Result<usize, Refusal> {
        if self.protocol != TCP {
            return Err(Refusal::Protocol);
        }
        let len = usize::from(u8_at(bytes, self.l4 + 12) >> 4) * 4;
        if self.l4_len() < 20 || len < 20 || self.l4_len() < len { Err(Refusal::Malformed) } else { Ok(len) }
    }

    /// Checks that UDP's length is that of the packet.
    pub fn udp(&self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.protocol != UDP {
            return Err(Refusal::Protocol);
        }
        if self.l4_len() < 8 || usize::from(u16_at(bytes, self.l4 + 4)) != self.l4_len() {
            return Err(Refusal::Malformed);
        }
        Ok(())
    }

    /// Source and destination address, one behind the other.
    pub fn addresses<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        match self.family {
            Family::V4 => bytes.get(12..20),
            Family::V6 => bytes.get(8..40),
        }
        .unwrap_or_default()
    }

    /// Folded sum of the pseudo header for `l4_len` bytes of `protocol` (RFC 9293 section 3.1, RFC 8200 section 8.1).
    pub fn pseudo(&self, bytes: &[u8], protocol: u8, l4_len: usize) -> u16 {
        checksum::add(checksum::of(self.addresses(bytes)), checksum::add(u16::from(protocol), l4_len as u16))
    }

    /// Offset of the checksum field in the packet, for protocols that have one we know.
    pub const fn checksum_at(&self) -> Option<usize> {
        match self.protocol {
            TCP => Some(self.l4 + 16),
            UDP => Some(self.l4 + 6),
            ICMP | ICMPV6 => Some(self.l4 + 2),
            _ => None,
        }
    }

    /// The pseudo header's sum where the protocol's checksum covers one, else zero.
    pub fn pseudo_if_covered(&self, bytes: &[u8]) -> u16 {
        match self.protocol {
            ICMP => 0,
            _ => self.pseudo(bytes, self.protocol, self.l4_len()),
        }
    }
}

fn refuse_source_route(mut options: &[u8]) -> Result<(), Refusal> {
    while let Some((&kind, rest)) = options.split_first() {
        options = match kind {
            0 => return Ok(()),
            1 => rest,
            _ if SOURCE_ROUTES.contains(&kind) => return Err(Refusal::SourceRoute),
            _ => match rest.first() {
                Some(&len) if len >= 2 => options.get(usize::from(len)..).unwrap_or_default(),
                _ => return Err(Refusal::Malformed),
            },
        };
    }
    Ok(())
}

/// Reads the layout of a packet that is about to be changed: bytes behind the IP packet and IPv4 options are dropped.
pub fn admit(packet: &mut Packet) -> Result<Layout, Refusal> {
    let mut layout = Layout::of(packet.bytes())?;
    packet.truncate(layout.len);
    let options = match layout.family {
        Family::V4 => layout.l4 - 20,
        Family::V6 => 0,
    };
    if options > 0 {
        if !packet.remove(20, options) {
            return Err(Refusal::Malformed);
        }
        layout.l4 = 20;
        layout.len -= options;
        if let Some(first) = packet.bytes_mut().first_mut() {
            *first = 0x45;
        }
        finish_ip(packet.bytes_mut(), layout.protocol);
    }
    Ok(layout)
}

/// Refuses superpackets.
pub fn single(packet: &Packet) -> Result<(), Refusal> {
    match packet.offload.segmentation {
        Segmentation::None => Ok(()),
        Segmentation::Tcp { .. } | Segmentation::Udp { .. } => Err(Refusal::Superpacket),
    }
}

/// Makes the IP header of a reassembled packet say that it is whole: no fragment, `protocol`, the length it has.
pub fn make_whole(packet: &mut Packet, protocol: u8) {
    let bytes = packet.bytes_mut();
    if u8_at(bytes, 0) >> 4 == 4 {
        let flags = u16_at(bytes, 6) & 0x4000;
        put_u16(bytes, 6, flags);
    }
    finish_ip(bytes, protocol);
}

/// Writes protocol, length and IPv4 header checksum of a packet that is `bytes` long.
pub fn finish_ip(bytes: &mut [u8], protocol: u8) {
    let len = bytes.len();
    if u8_at(bytes, 0) >> 4 == 4 {
        put_u16(bytes, 2, len as u16);
        put_u8(bytes, 9, protocol);
        put_u16(bytes, 10, 0);
        let header = usize::from(u8_at(bytes, 0) & 0x0f) * 4;
        let check = !checksum::of(bytes.get(..header).unwrap_or_default());
        put_u16(bytes, 10, check);
    } else {
        put_u16(bytes, 4, (len - 40.min(len)) as u16);
        put_u8(bytes, 6, protocol);
    }
}

/// Writes IP length, UDP length and the pseudo sum of a UDP packet whose payload changed, and leaves the rest of the checksum to below.
pub fn finish_udp(packet: &mut Packet, l4: usize) {
    packet.offload.checksum = Checksum::Partial;
    let bytes = packet.bytes_mut();
    finish_ip(bytes, UDP);
    let l4_len = bytes.len() - l4.min(bytes.len());
    put_u16(bytes, l4 + 4, l4_len as u16);
    let family = if l4 == 40 { Family::V6 } else { Family::V4 };
    let layout = Layout { family, protocol: UDP, l4, len: bytes.len() };
    let pseudo = layout.pseudo(bytes, UDP, l4_len);
    put_u16(bytes, l4 + 6, pseudo);
}

/// Writes IP length and the pseudo sum of a TCP packet whose payload changed, and leaves the rest of the checksum to below.
pub fn finish_tcp(packet: &mut Packet, l4: usize) {
    packet.offload.checksum = Checksum::Partial;
    let bytes = packet.bytes_mut();
    finish_ip(bytes, TCP);
    let l4_len = bytes.len() - l4.min(bytes.len());
    let family = if l4 == 40 { Family::V6 } else { Family::V4 };
    let layout = Layout { family, protocol: TCP, l4, len: bytes.len() };
    let pseudo = layout.pseudo(bytes, TCP, l4_len);
    put_u16(bytes, l4 + 16, pseudo);
}

/// Whether an IPv4 packet has DF set.
pub(super) fn dont_fragment(bytes: &[u8]) -> bool {
    u16_at(bytes, 6) & 0x4000 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{self, FAMILIES, assert_sound, client};

    #[test]
    fn reassembled_packet_is_no_fragment_any_more() {
        for family in FAMILIES {
            let mut packet = testing::udp(&client(family), b"whole", Checksum::Complete);
            let whole = packet.bytes().to_vec();
            match family {
                Family::V4 => put_u16(packet.bytes_mut(), 6, 0x6001),
                Family::V6 => put_u8(packet.bytes_mut(), 6, FRAGMENT_HEADER),
            }
            put_u16(packet.bytes_mut(), 2, 0);
            make_whole(&mut packet, UDP);
            if family == Family::V4 {
                assert_eq!(packet.bytes(), whole);
            }
            assert_sound(&packet);
        }
    }

    #[test]
    fn lengths_that_contradict_each_other_are_malformed() {
        let mut packet = testing::udp(&client(Family::V4), b"x", Checksum::Complete);
        put_u16(packet.bytes_mut(), 24, 10);
        let layout = Layout::of(packet.bytes()).unwrap();
        assert_eq!(layout.payload(packet.bytes()), Err(Refusal::Malformed));
        put_u16(packet.bytes_mut(), 2, 19);
        assert_eq!(Layout::of(packet.bytes()), Err(Refusal::Malformed));
    }

    #[test]
    fn bytes_behind_the_packet_are_cut_off() {
        for family in FAMILIES {
            let mut packet = testing::udp(&client(family), b"x", Checksum::Complete);
            let len = packet.len();
            assert!(packet.grow_back(7));
            assert_eq!(admit(&mut packet).unwrap().len, len);
            assert_eq!(packet.len(), len);
        }
    }
}
