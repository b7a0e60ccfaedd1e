//! The header section as a whole.

use core::net::IpAddr;

use crate::error::WireError;
use crate::metadata::control::{ControlCode, HealthCheck, ModifyRequest};
use crate::metadata::kind::Kind;
use crate::metadata::path::{FragmentInfo, PathMetrics};
use crate::metadata::security::SecurityContext;
use crate::metadata::tlv::{Length, Sink, Tlv, Tlvs, Writer};

/// All known TLVs of the header section, which is always in clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderTlvs {
    /// TLV 16: version of the key.
    pub security_id: Option<u32>,
    /// TLV 1: the packet is a piece.
    pub fragment: Option<FragmentInfo>,
    /// TLV 20 or 21: who raised the ICMP error that is carried.
    pub icmp_error_location: Option<IpAddr>,
    /// TLV 24: what a router-made packet asks for.
    pub control: Option<ControlCode>,
    /// TLV 46: question whether the session is known.
    pub health_check: Option<HealthCheck>,
    /// TLV 18: the initiator may stop sending metadata.
    pub disable_forward_metadata: bool,
    /// TLV 26: measurements.
    pub path_metrics: Option<PathMetrics>,
    /// TLV 28: a change in the middle of the session.
    pub modify_request: Option<ModifyRequest>,
    /// TLV 0x8001: nothing of the session follows.
    pub metadata_only: bool,
    /// TLV 0x8002: routers passed so far.
    pub hop_count: Option<u8>,
    /// TLV 0x8000: freshness and nonce.
    pub security_context: Option<SecurityContext>,
    /// TLVs passed over.
    pub unknown: u8,
}

impl HeaderTlvs {
    /// Reads a header section.
    pub fn parse(section: &[u8]) -> Result<Self, WireError> {
        let mut found = Self::default();
        for tlv in Tlvs::new(section) {
            let tlv = tlv?;
            match Kind::in_header(tlv.number) {
                Some(kind) => found.take(kind, &tlv)?,
                None => found.unknown += 1,
            }
        }
        Ok(found)
    }

    /// Length of the section.
    pub fn buffer_len(&self) -> usize {
        let mut length = Length::default();
        // Counting cannot fail.
        let _ = self.give(&mut length);
        length.0
    }

    /// Writes the section to the front of `buffer`: TLV 16 first, private ones last.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        self.give(&mut Writer::new(buffer))
    }

    fn take(&mut self, kind: Kind, tlv: &Tlv<'_>) -> Result<(), WireError> {
        if kind == Kind::SecurityId {
            return tlv.read_into(kind, &mut self.security_id);
        }
        if kind == Kind::SecurityContext {
            return tlv.read_into(kind, &mut self.security_context);
        }
        self.take_rare(kind, tlv)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only kinds of the header section come here")]
    fn take_rare(&mut self, kind: Kind, tlv: &Tlv<'_>) -> Result<(), WireError> {
        match kind {
            Kind::Fragment => tlv.read_into(kind, &mut self.fragment),
            Kind::IcmpErrorLocationV4 | Kind::IcmpErrorLocationV6 => {
                tlv.read_into(kind, &mut self.icmp_error_location)
            }
            Kind::Control => tlv.read_into(kind, &mut self.control),
            // Number 46 is a key when it is not one byte long, and keys have no place in the clear section.
            Kind::HealthCheck if tlv.value.len() != 1 => {
                self.unknown += 1;
                Ok(())
            }
            Kind::HealthCheck => tlv.read_into(kind, &mut self.health_check),
            Kind::DisableForwardMetadata => tlv.raise(&mut self.disable_forward_metadata),
            Kind::PathMetrics => tlv.read_into(kind, &mut self.path_metrics),
            Kind::ModifyRequest => tlv.read_into(kind, &mut self.modify_request),
            Kind::MetadataOnly => tlv.raise(&mut self.metadata_only),
            Kind::HopCount => tlv.read_into(kind, &mut self.hop_count),
            _ => Ok(()),
        }
    }

    fn give(&self, sink: &mut impl Sink) -> Result<(), WireError> {
        sink.maybe(Kind::SecurityId, self.security_id.as_ref())?;
        sink.maybe(Kind::Fragment, self.fragment.as_ref())?;
        let location = match self.icmp_error_location {
            Some(IpAddr::V6(_)) => Kind::IcmpErrorLocationV6,
            Some(IpAddr::V4(_)) | None => Kind::IcmpErrorLocationV4,
        };
        sink.maybe(location, self.icmp_error_location.as_ref())?;
        sink.maybe(Kind::Control, self.control.as_ref())?;
        sink.maybe(Kind::HealthCheck, self.health_check.as_ref())?;
        sink.flag(Kind::DisableForwardMetadata, self.disable_forward_metadata)?;
        sink.maybe(Kind::PathMetrics, self.path_metrics.as_ref())?;
        sink.maybe(Kind::ModifyRequest, self.modify_request.as_ref())?;
        sink.flag(Kind::MetadataOnly, self.metadata_only)?;
        sink.maybe(Kind::HopCount, self.hop_count.as_ref())?;
        sink.maybe(Kind::SecurityContext, self.security_context.as_ref())
    }
}
