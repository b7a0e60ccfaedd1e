//! From what a transform refuses to why a packet is dropped.

use quiver_crypto::{CryptoError, NonceError, ReplayError};
use quiver_wire::WireError;

use crate::drop_reason::DropReason;
use crate::transform::Refusal;

impl From<Refusal> for DropReason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::MalformedTransport,
            Refusal::SourceRoute | Refusal::ExtensionHeader | Refusal::Protocol | Refusal::Family => {
                Self::UnsupportedProtocol
            }
            Refusal::Fragment => Self::FragmentRefused,
            Refusal::Superpacket => Self::UnsupportedSuperpacket,
            Refusal::TooLong | Refusal::DontFragment => Self::TooBig,
            Refusal::NoRoom | Refusal::NoBuffer => Self::BufferExhausted,
            Refusal::Checksum => Self::ChecksumInvalid,
            Refusal::TtlExpired => Self::TtlExpired,
            Refusal::NotAnswerable => Self::IcmpUnsolicited,
            Refusal::NotAuthentic => Self::PayloadUnauthentic,
            Refusal::Key => Self::NonceExhausted,
        }
    }
}

impl From<NonceError> for DropReason {
    fn from(_: NonceError) -> Self {
        Self::NonceExhausted
    }
}

/// Why metadata with this replay verdict is dropped.
pub(crate) fn of_replay(error: &ReplayError) -> DropReason {
    match error {
        ReplayError::Duplicate | ReplayError::BehindWindow => DropReason::MetadataReplayed,
        ReplayError::Stale { .. } | ReplayError::BehindHorizon => DropReason::MetadataStale,
        ReplayError::Full => DropReason::MetadataRefusedLimit,
    }
}

/// Why metadata that the keys refuse is dropped.
pub(crate) fn of_crypto(error: CryptoError) -> DropReason {
    match error {
        CryptoError::Malformed => DropReason::MetadataMalformed,
        CryptoError::NoRoom => DropReason::BufferExhausted,
        CryptoError::Authentication => DropReason::MetadataUnauthentic,
        CryptoError::Library => DropReason::KeyUnavailable,
    }
}

/// Why a packet that cannot be read is dropped.
#[expect(clippy::wildcard_enum_match_arm, reason = "all that is not told apart concerns the IP header")]
pub(crate) const fn of_wire(error: WireError) -> DropReason {
    match error {
        WireError::TruncatedTransport | WireError::BadTransportLength => DropReason::MalformedTransport,
        WireError::SourceRouted | WireError::TooManyExtensions => DropReason::UnsupportedProtocol,
        WireError::BadFragment | WireError::Fragmented => DropReason::FragmentRefused,
        _ => DropReason::MalformedIp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refusal_of_a_transform_is_counted_as_what_it_is() {
        for (refusal, reason) in [
            (Refusal::Malformed, DropReason::MalformedTransport),
            (Refusal::SourceRoute, DropReason::UnsupportedProtocol),
            (Refusal::ExtensionHeader, DropReason::UnsupportedProtocol),
            (Refusal::Fragment, DropReason::FragmentRefused),
            (Refusal::Superpacket, DropReason::UnsupportedSuperpacket),
            (Refusal::TooLong, DropReason::TooBig),
            (Refusal::DontFragment, DropReason::TooBig),
            (Refusal::NoRoom, DropReason::BufferExhausted),
            (Refusal::NoBuffer, DropReason::BufferExhausted),
            (Refusal::Checksum, DropReason::ChecksumInvalid),
            (Refusal::TtlExpired, DropReason::TtlExpired),
            (Refusal::NotAnswerable, DropReason::IcmpUnsolicited),
            (Refusal::NotAuthentic, DropReason::PayloadUnauthentic),
            (Refusal::Key, DropReason::NonceExhausted),
        ] {
            assert_eq!(DropReason::from(refusal), reason, "{refusal:?}");
        }
    }

    #[test]
    fn metadata_is_refused_for_want_of_room_keys_or_memory_under_their_own_names() {
        assert_eq!(of_crypto(CryptoError::NoRoom), DropReason::BufferExhausted);
        assert_eq!(of_crypto(CryptoError::Library), DropReason::KeyUnavailable);
        assert_eq!(of_crypto(CryptoError::Authentication), DropReason::MetadataUnauthentic);
        assert_eq!(of_replay(&ReplayError::Full), DropReason::MetadataRefusedLimit);
        assert_eq!(of_replay(&ReplayError::BehindHorizon), DropReason::MetadataStale);
        assert_eq!(of_replay(&ReplayError::BehindWindow), DropReason::MetadataReplayed);
    }

    #[test]
    fn unreadable_packets_are_told_apart_by_the_header_at_fault() {
        for (error, reason) in [
            (WireError::TruncatedTransport, DropReason::MalformedTransport),
            (WireError::SourceRouted, DropReason::UnsupportedProtocol),
            (WireError::TooManyExtensions, DropReason::UnsupportedProtocol),
            (WireError::BadFragment, DropReason::FragmentRefused),
            (WireError::UnknownVersion, DropReason::MalformedIp),
        ] {
            assert_eq!(of_wire(error), reason);
        }
    }
}
