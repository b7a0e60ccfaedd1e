//! The 10-byte `virtio_net_hdr` in front of each packet of a TUN queue (virtio 1.2, section 5.1.6), little-endian as after `TUNSETVNETLE`.

use crate::bytes::{array_at, put_u16, u8_at};
use crate::checksum;
use crate::error::WireError;
use crate::ip::{Version, protocol};
use crate::offload::{Checksum, Offload, Segmentation};
use crate::parse::{Parsed, Transport};
use crate::tcp::Flags;

/// Length of the header.
pub const HEADER_LEN: usize = 10;

const NEEDS_CSUM: u8 = 0x01;
const DATA_VALID: u8 = 0x02;

const GSO_NONE: u8 = 0;
const GSO_TCPV4: u8 = 1;
const GSO_TCPV6: u8 = 4;
const GSO_UDP_L4: u8 = 5;
const GSO_ECN: u8 = 0x80;

/// Meaning of the header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Bit 0: checksum to be finished; bit 1: checksum was verified.
    pub flags: u8,
    /// How the packet is to be cut.
    pub gso_type: u8,
    /// Length of all headers up to the transport payload.
    pub header_len: u16,
    /// Payload bytes of each segment.
    pub gso_size: u16,
    /// Where summing begins.
    pub csum_start: u16,
    /// Where the checksum goes, from `csum_start`.
    pub csum_offset: u16,
}

impl Header {
    /// Reads the header from the front of what a TUN queue gave.
    pub fn parse(bytes: &[u8]) -> Result<Self, WireError> {
        let header: [u8; HEADER_LEN] = bytes.first_chunk().copied().ok_or(WireError::BufferTooShort)?;
        let word = |at| u16::from_le_bytes(array_at(&header, at));
        Ok(Self {
            flags: u8_at(&header, 0),
            gso_type: u8_at(&header, 1),
            header_len: word(2),
            gso_size: word(4),
            csum_start: word(6),
            csum_offset: word(8),
        })
    }

    /// The bytes of the header.
    pub const fn emit(&self) -> [u8; HEADER_LEN] {
        let [h0, h1] = self.header_len.to_le_bytes();
        let [g0, g1] = self.gso_size.to_le_bytes();
        let [s0, s1] = self.csum_start.to_le_bytes();
        let [o0, o1] = self.csum_offset.to_le_bytes();
        [self.flags, self.gso_type, h0, h1, g0, g1, s0, s1, o0, o1]
    }

    /// The state a packet is in by this header. Anything that was not offered (UFO, size 0) is refused.
    pub const fn offload(&self) -> Result<Offload, WireError> {
        let checksum = match (self.flags & NEEDS_CSUM != 0, self.flags & DATA_VALID != 0) {
            (true, _) => Checksum::Partial,
            (false, true) => Checksum::Verified,
            (false, false) => Checksum::Complete,
        };
        let size = self.gso_size;
        let segmentation = match self.gso_type & !GSO_ECN {
            GSO_NONE => Segmentation::None,
            GSO_TCPV4 | GSO_TCPV6 if size > 0 => Segmentation::Tcp { size },
            GSO_UDP_L4 if size > 0 => Segmentation::Udp { size },
            _ => return Err(WireError::UnknownOffload),
        };
        Ok(Offload { segmentation, checksum })
    }

    /// The header for a packet in the state `offload`.
    ///
    /// A superpacket must be partial and of the protocol that `offload` names; a partial packet must have a checksum field.
    pub fn of(offload: Offload, parsed: &Parsed) -> Result<Self, WireError> {
        let mut header = Self::default();
        match offload.checksum {
            Checksum::Complete => {}
            Checksum::Verified => header.flags = DATA_VALID,
            Checksum::Partial => {
                let at = parsed.checksum_at().ok_or(WireError::NoChecksum)?;
                header.flags = NEEDS_CSUM;
                header.csum_start = parsed.transport_at as u16;
                header.csum_offset = (at - parsed.transport_at) as u16;
            }
        }
        let (gso_type, size) = match (offload.segmentation, parsed.transport) {
            (Segmentation::None, _) => return Ok(header),
            (Segmentation::Tcp { size }, Transport::Tcp) => (tcp_type(parsed), size),
            (Segmentation::Udp { size }, Transport::Udp) => (GSO_UDP_L4, size),
            (Segmentation::Tcp { .. } | Segmentation::Udp { .. }, _) => {
                return Err(WireError::UnknownOffload);
            }
        };
        if offload.checksum != Checksum::Partial || size == 0 {
            return Err(WireError::UnknownOffload);
        }
        header.gso_type = gso_type;
        header.gso_size = size;
        header.header_len = parsed.payload_at as u16;
        Ok(header)
    }

    /// Whether the checksum to be finished is that of the outermost transport header of the packet.
    pub fn is_about(&self, parsed: &Parsed) -> bool {
        let (start, offset) = (usize::from(self.csum_start), usize::from(self.csum_offset));
        self.flags & NEEDS_CSUM == 0
            || (start == parsed.transport_at && parsed.checksum_at() == Some(start + offset))
    }

    /// Finishes the checksum of `packet` where this header says it is, be it inside a tunnel; the flag is cleared.
    pub fn finish(&mut self, packet: &mut [u8]) -> Result<(), WireError> {
        if self.flags & NEEDS_CSUM == 0 {
            return Ok(());
        }
        let (start, offset) = (usize::from(self.csum_start), usize::from(self.csum_offset));
        let covered = packet.get_mut(start..).ok_or(WireError::TruncatedTransport)?;
        if offset + 2 > covered.len() {
            return Err(WireError::TruncatedTransport);
        }
        let field = match !checksum::sum(covered) {
            // Never zero: in UDP that would mean "none", and elsewhere both forms are the same number.
            0 if checksum::field_offset(protocol::UDP) == Some(offset) => 0xffff,
            field => field,
        };
        put_u16(covered, offset, field);
        self.flags &= !NEEDS_CSUM;
        Ok(())
    }
}

/// A superpacket with CWR must tell so: only its first segment may carry the bit (RFC 3168 6.1.2).
const fn tcp_type(parsed: &Parsed) -> u8 {
    let gso_type = match parsed.version {
        Version::V4 => GSO_TCPV4,
        Version::V6 => GSO_TCPV6,
    };
    if parsed.tcp_flags.contains(Flags::CWR) { gso_type | GSO_ECN } else { gso_type }
}
