//! The payload section as a whole.

use core::net::Ipv4Addr;

use crate::error::WireError;
use crate::metadata::contexts::{AddressPair, Context, EgressBinding};
use crate::metadata::control::{ModifyRequest, SessionFlags};
use crate::metadata::kind::Kind;
use crate::metadata::multicast::{MulticastEgress, MulticastGroup};
use crate::metadata::security::{KeyBytes, PayloadBootIds};
use crate::metadata::tlv::{Length, Sink, Tlv, Tlvs, Writer};

/// All known TLVs of the payload section, in clear. Names borrow from the buffer they were read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PayloadTlvs<'a> {
    /// TLV 2 or 3: the tuple that the client used.
    pub forward: Option<Context>,
    /// TLV 4 or 5: the same turned round.
    pub reverse: Option<Context>,
    /// TLV 6: equal at every hop.
    pub session_id: Option<[u8; 16]>,
    /// TLV 7: tenant of the source.
    pub tenant: Option<&'a str>,
    /// TLV 8: interface shared by two nodes of a router.
    pub global_interface_id: Option<u32>,
    /// TLV 10: service chosen by the ingress.
    pub service: Option<&'a str>,
    /// TLV 13: sessions of the service at the egress.
    pub session_count: Option<u64>,
    /// TLV 14: the router that sent this.
    pub source_router: Option<&'a str>,
    /// TLV 15: security policy of the payload.
    pub security_policy: Option<&'a str>,
    /// TLV 17: the last router of the session.
    pub destination_router: Option<&'a str>,
    /// TLV 19: the sender's name of the peer path.
    pub peer_path: Option<&'a str>,
    /// TLV 18, where the sender puts it here.
    pub disable_forward_metadata: bool,
    /// TLV 25: source NAT done at the ingress.
    pub source_nat: Option<Ipv4Addr>,
    /// TLV 28, where the sender puts it here.
    pub modify_request: Option<ModifyRequest>,
    /// TLV 35: application learned by the sender.
    pub application: Option<&'a str>,
    /// TLV 42: rest of the session's life, seconds.
    pub remaining_secs: Option<u32>,
    /// TLV 50: multicast source and group.
    pub multicast_group: Option<MulticastGroup>,
    /// TLV 51: routers of a multicast session.
    pub multicast_egress: Option<MulticastEgress<'a>>,
    /// TLV 11: the payload of this session is sealed.
    pub session_encrypted: bool,
    /// TLV 12: the TCP segment carried as UDP is a SYN.
    pub tcp_syn: bool,
    /// TLV 46: payload key.
    pub security_key: Option<KeyBytes<'a>>,
    /// TLV 0x8010: session serial of the payload nonce.
    pub payload_serial: Option<u32>,
    /// TLV 0x8011: names the payload key.
    pub payload_key_id: Option<u64>,
    /// TLV 0x8012: whose keys seal the payload.
    pub payload_boot_ids: Option<PayloadBootIds>,
    /// TLV 0x8013: the egress' decision.
    pub egress_binding: Option<EgressBinding>,
    /// TLV 0x8015: how the session is carried.
    pub session_flags: Option<SessionFlags>,
    /// TLVs passed over.
    pub unknown: u8,
}

impl<'a> PayloadTlvs<'a> {
    /// Reads an opened payload section.
    pub fn parse(section: &'a [u8]) -> Result<Self, WireError> {
        let mut found = Self::default();
        for tlv in Tlvs::new(section) {
            let tlv = tlv?;
            match Kind::in_payload(tlv.number) {
                Some(kind) if kind.is_private() => found.take_private(kind, &tlv)?,
                Some(kind) => found.take(kind, &tlv)?,
                None => found.unknown += 1,
            }
        }
        Ok(found)
    }

    /// Length of the section in clear.
    pub fn buffer_len(&self) -> usize {
        let mut length = Length::default();
        // Counting cannot fail.
        let _ = self.give(&mut length).and_then(|()| self.give_private(&mut length));
        length.0
    }

    /// Writes the section in clear to the front of `buffer`: documented TLVs first, private ones last.
    pub fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let mut writer = Writer::new(buffer);
        self.give(&mut writer)?;
        self.give_private(&mut writer)
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "only documented kinds of the payload section come here"
    )]
    fn take(&mut self, kind: Kind, tlv: &Tlv<'a>) -> Result<(), WireError> {
        match kind {
            Kind::ForwardContextV4 | Kind::ForwardContextV6 => tlv.read_into(kind, &mut self.forward),
            Kind::ReverseContextV4 | Kind::ReverseContextV6 => tlv.read_into(kind, &mut self.reverse),
            Kind::SessionId => tlv.read_into(kind, &mut self.session_id),
            Kind::Tenant => tlv.read_into(kind, &mut self.tenant),
            Kind::GlobalInterfaceId => tlv.read_into(kind, &mut self.global_interface_id),
            Kind::Service => tlv.read_into(kind, &mut self.service),
            Kind::SessionCount => tlv.read_into(kind, &mut self.session_count),
            Kind::SourceRouter => tlv.read_into(kind, &mut self.source_router),
            Kind::SecurityPolicy => tlv.read_into(kind, &mut self.security_policy),
            Kind::DestinationRouter => tlv.read_into(kind, &mut self.destination_router),
            Kind::PeerPath => tlv.read_into(kind, &mut self.peer_path),
            Kind::DisableForwardMetadata => tlv.raise(&mut self.disable_forward_metadata),
            Kind::SourceNat => tlv.read_into(kind, &mut self.source_nat),
            Kind::ModifyRequest => tlv.read_into(kind, &mut self.modify_request),
            Kind::Application => tlv.read_into(kind, &mut self.application),
            Kind::RemainingTime => tlv.read_into(kind, &mut self.remaining_secs),
            Kind::MulticastGroup => tlv.read_into(kind, &mut self.multicast_group),
            Kind::MulticastEgress => tlv.read_into(kind, &mut self.multicast_egress),
            Kind::SessionEncrypted => tlv.raise(&mut self.session_encrypted),
            Kind::TcpSyn => tlv.raise(&mut self.tcp_syn),
            Kind::SecurityKey => tlv.read_into(kind, &mut self.security_key),
            _ => Ok(()),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "only private kinds of the payload section come here")]
    fn take_private(&mut self, kind: Kind, tlv: &Tlv<'a>) -> Result<(), WireError> {
        match kind {
            Kind::PayloadSerial => tlv.read_into(kind, &mut self.payload_serial),
            Kind::PayloadKeyId => tlv.read_into(kind, &mut self.payload_key_id),
            Kind::PayloadBootIds => tlv.read_into(kind, &mut self.payload_boot_ids),
            Kind::EgressBinding => tlv.read_into(kind, &mut self.egress_binding),
            Kind::SessionFlags => tlv.read_into(kind, &mut self.session_flags),
            _ => Ok(()),
        }
    }

    fn give(&self, sink: &mut impl Sink) -> Result<(), WireError> {
        let forward = by_family(self.forward, Kind::ForwardContextV4, Kind::ForwardContextV6);
        let reverse = by_family(self.reverse, Kind::ReverseContextV4, Kind::ReverseContextV6);
        sink.maybe(forward, self.forward.as_ref())?;
        sink.maybe(reverse, self.reverse.as_ref())?;
        sink.maybe(Kind::SessionId, self.session_id.as_ref())?;
        sink.maybe(Kind::Tenant, self.tenant.as_ref())?;
        sink.maybe(Kind::GlobalInterfaceId, self.global_interface_id.as_ref())?;
        sink.maybe(Kind::Service, self.service.as_ref())?;
        sink.maybe(Kind::SessionCount, self.session_count.as_ref())?;
        sink.maybe(Kind::SourceRouter, self.source_router.as_ref())?;
        sink.maybe(Kind::SecurityPolicy, self.security_policy.as_ref())?;
        sink.maybe(Kind::DestinationRouter, self.destination_router.as_ref())?;
        sink.maybe(Kind::PeerPath, self.peer_path.as_ref())?;
        sink.flag(Kind::DisableForwardMetadata, self.disable_forward_metadata)?;
        sink.maybe(Kind::SourceNat, self.source_nat.as_ref())?;
        sink.maybe(Kind::ModifyRequest, self.modify_request.as_ref())?;
        sink.maybe(Kind::Application, self.application.as_ref())?;
        sink.maybe(Kind::RemainingTime, self.remaining_secs.as_ref())?;
        sink.maybe(Kind::MulticastGroup, self.multicast_group.as_ref())?;
        sink.maybe(Kind::MulticastEgress, self.multicast_egress.as_ref())?;
        sink.flag(Kind::SessionEncrypted, self.session_encrypted)?;
        sink.flag(Kind::TcpSyn, self.tcp_syn)?;
        sink.maybe(Kind::SecurityKey, self.security_key.as_ref())
    }

    fn give_private(&self, sink: &mut impl Sink) -> Result<(), WireError> {
        sink.maybe(Kind::PayloadSerial, self.payload_serial.as_ref())?;
        sink.maybe(Kind::PayloadKeyId, self.payload_key_id.as_ref())?;
        sink.maybe(Kind::PayloadBootIds, self.payload_boot_ids.as_ref())?;
        sink.maybe(Kind::EgressBinding, self.egress_binding.as_ref())?;
        sink.maybe(Kind::SessionFlags, self.session_flags.as_ref())
    }
}

const fn by_family(context: Option<Context>, v4: Kind, v6: Kind) -> Kind {
    match context {
        Some(Context { addresses: AddressPair::V6 { .. }, .. }) => v6,
        Some(_) | None => v4,
    }
}
