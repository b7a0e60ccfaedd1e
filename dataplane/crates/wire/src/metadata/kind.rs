//! The registry of TLVs: number, section, length and name of each.

use core::ops::RangeInclusive;

use crate::error::WireError;
use crate::metadata::MAX_NAME;
use crate::metadata::contexts::{BINDING_V4_LEN, BINDING_V6_LEN, CONTEXT_V4_LEN, CONTEXT_V6_LEN};

const NAME: RangeInclusive<usize> = 0..=MAX_NAME;
const FLAG: RangeInclusive<usize> = 0..=0;
const KEY: RangeInclusive<usize> = 1..=1024;

const fn exactly(length: usize) -> RangeInclusive<usize> {
    length..=length
}

/// Where a TLV may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Section {
    /// Always in clear.
    Header,
    /// Encrypted where policy says so.
    Payload,
    /// Accepted in both; sent in the header.
    Either,
}

macro_rules! kinds {
    ($($variant:ident $number:literal $section:ident $length:expr, $name:literal;)*) => {
        /// A known TLV.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind { $(#[doc = concat!("TLV ", stringify!($number), ": ", $name, ".")] $variant,)* }

        impl Kind {
            /// Every known TLV, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its number on the wire.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number,)* }
            }

            /// Its section.
            pub const fn section(self) -> Section {
                match self { $(Self::$variant => Section::$section,)* }
            }

            /// Lengths its value may have.
            pub const fn lengths(self) -> RangeInclusive<usize> {
                match self { $(Self::$variant => $length,)* }
            }

            /// Its name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

kinds! {
    Fragment 1 Header exactly(10), "fragment";
    ForwardContextV4 2 Payload exactly(CONTEXT_V4_LEN), "forward context IPv4";
    ForwardContextV6 3 Payload exactly(CONTEXT_V6_LEN), "forward context IPv6";
    ReverseContextV4 4 Payload exactly(CONTEXT_V4_LEN), "reverse context IPv4";
    ReverseContextV6 5 Payload exactly(CONTEXT_V6_LEN), "reverse context IPv6";
    SessionId 6 Payload exactly(16), "session id";
    Tenant 7 Payload NAME, "tenant name";
    GlobalInterfaceId 8 Payload exactly(4), "global interface id";
    Service 10 Payload NAME, "service name";
    SessionEncrypted 11 Payload FLAG, "session encrypted";
    TcpSyn 12 Payload FLAG, "TCP SYN packet";
    SessionCount 13 Payload exactly(8), "number of sessions";
    SourceRouter 14 Payload NAME, "source router name";
    SecurityPolicy 15 Payload NAME, "security policy name";
    SecurityId 16 Header exactly(4), "security identifier";
    DestinationRouter 17 Payload NAME, "destination router name";
    DisableForwardMetadata 18 Either FLAG, "disable forward metadata";
    PeerPath 19 Payload NAME, "peer pathway id";
    IcmpErrorLocationV4 20 Header exactly(4), "IPv4 ICMP error location";
    IcmpErrorLocationV6 21 Header exactly(16), "IPv6 ICMP error location";
    Control 24 Header exactly(1), "control message";
    SourceNat 25 Payload exactly(4), "IPv4 source NAT address";
    PathMetrics 26 Header exactly(10), "path metrics";
    ModifyRequest 28 Either exactly(2), "modify request";
    Application 35 Payload NAME, "application name";
    RemainingTime 42 Payload exactly(4), "remaining session time";
    HealthCheck 46 Header exactly(1), "session health check";
    SecurityKey 46 Payload KEY, "security encryption key";
    MulticastGroup 50 Payload 11..=35, "multicast group context";
    MulticastEgress 51 Payload 2..=1024, "multicast egress list";
    SecurityContext 0x8000 Header exactly(30), "security context";
    MetadataOnly 0x8001 Header FLAG, "metadata only";
    HopCount 0x8002 Header exactly(1), "hop count";
    PayloadSerial 0x8010 Payload exactly(4), "payload serial";
    PayloadKeyId 0x8011 Payload exactly(8), "payload key id";
    PayloadBootIds 0x8012 Payload exactly(16), "payload boot ids";
    EgressBinding 0x8013 Payload BINDING_V4_LEN..=BINDING_V6_LEN, "egress binding";
    SessionFlags 0x8015 Payload exactly(1), "session flags";
}

impl Kind {
    /// The known TLV with this number in the header section.
    #[inline]
    pub const fn in_header(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Fragment,
            16 => Self::SecurityId,
            18 => Self::DisableForwardMetadata,
            20 => Self::IcmpErrorLocationV4,
            21 => Self::IcmpErrorLocationV6,
            24 => Self::Control,
            26 => Self::PathMetrics,
            28 => Self::ModifyRequest,
            46 => Self::HealthCheck,
            0x8000 => Self::SecurityContext,
            0x8001 => Self::MetadataOnly,
            0x8002 => Self::HopCount,
            _ => return None,
        })
    }

    /// The known TLV with this number in the payload section.
    #[inline]
    pub const fn in_payload(number: u16) -> Option<Self> {
        Some(match number {
            2 => Self::ForwardContextV4,
            3 => Self::ForwardContextV6,
            4 => Self::ReverseContextV4,
            5 => Self::ReverseContextV6,
            6 => Self::SessionId,
            7 => Self::Tenant,
            8 => Self::GlobalInterfaceId,
            10 => Self::Service,
            11 => Self::SessionEncrypted,
            12 => Self::TcpSyn,
            13 => Self::SessionCount,
            14 => Self::SourceRouter,
            15 => Self::SecurityPolicy,
            17 => Self::DestinationRouter,
            18 => Self::DisableForwardMetadata,
            19 => Self::PeerPath,
            25 => Self::SourceNat,
            28 => Self::ModifyRequest,
            35 => Self::Application,
            42 => Self::RemainingTime,
            46 => Self::SecurityKey,
            50 => Self::MulticastGroup,
            51 => Self::MulticastEgress,
            0x8010 => Self::PayloadSerial,
            0x8011 => Self::PayloadKeyId,
            0x8012 => Self::PayloadBootIds,
            0x8013 => Self::EgressBinding,
            0x8015 => Self::SessionFlags,
            _ => return None,
        })
    }

    /// Whether a value may have `length` bytes.
    #[inline]
    pub fn check_length(self, length: usize) -> Result<(), WireError> {
        let lengths = self.lengths();
        if lengths.contains(&length) {
            return Ok(());
        }
        Err(if lengths == NAME { WireError::NameTooLong } else { WireError::BadTlvLength })
    }

    /// Whether only Quiver knows it.
    pub const fn is_private(self) -> bool {
        self.number() >= 0x8000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_number_in_its_section() {
        for kind in Kind::ALL {
            let number = kind.number();
            let (header, payload) = (Kind::in_header(number), Kind::in_payload(number));
            match kind.section() {
                Section::Header => assert_eq!(header, Some(*kind)),
                Section::Payload => assert_eq!(payload, Some(*kind)),
                Section::Either => assert_eq!((header, payload), (Some(*kind), Some(*kind))),
            }
        }
        let found =
            (0..=u16::MAX).filter_map(Kind::in_header).chain((0..=u16::MAX).filter_map(Kind::in_payload));
        assert_eq!(found.count(), Kind::ALL.len() + 2);
    }

    #[test]
    fn names_of_kinds_are_told_apart_and_private_numbers_begin_at_0x8000() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|k| k.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        assert!(Kind::ALL.iter().all(|k| k.is_private() || k.number() < 52));
    }
}
