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
