//! Packets seen on the network between routers, for assertions and captures.

use core::net::IpAddr;

use quiver_engine::time::Instant;
use quiver_wire::metadata::control::ControlCode;
use quiver_wire::metadata::{self, HeaderTlvs};
use quiver_wire::parse::Parsed;

/// A packet as it left its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// When.
    pub at: Instant,
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// The whole packet.
    pub bytes: Vec<u8>,
}

impl Seen {
    /// What stands behind its transport header.
    pub fn payload(&self) -> &[u8] {
        Parsed::parse(&self.bytes)
            .ok()
            .and_then(|parsed| self.bytes.get(parsed.payload_at..parsed.total_len))
            .unwrap_or_default()
    }

    /// Whether it carries metadata.
    pub fn has_metadata(&self) -> bool {
        metadata::is_metadata(self.payload())
    }

    /// What a control message orders: its header is never sealed.
    pub fn control(&self) -> Option<ControlCode> {
        let found = metadata::Packet::new_checked(self.payload()).ok()?;
        HeaderTlvs::parse(found.header_tlvs()).ok()?.control
    }

    /// Source port, destination port and protocol.
    pub fn ports(&self) -> (u16, u16, u8) {
        Parsed::parse(&self.bytes)
            .map_or((0, 0, 0), |parsed| (parsed.src_port, parsed.dst_port, parsed.protocol))
    }

    /// Whether `needle` stands anywhere in it.
    pub fn holds(&self, needle: &[u8]) -> bool {
        self.bytes.windows(needle.len()).any(|window| window == needle)
    }
}
