//! Why bytes could not be read or written.

use core::fmt;

macro_rules! wire_errors {
    ($($variant:ident $name:literal $sentence:literal,)*) => {
        /// Why bytes could not be read or written. Each case has a stable name, so that it can serve as a drop reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum WireError { $(#[doc = $sentence] $variant,)* }

        impl WireError {
            /// Every case, in a stable order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Stable name in snake case.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for people.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

wire_errors! {
    Empty "empty" "There is not one byte.",
    UnknownVersion "unknown_version" "The IP version is neither 4 nor 6.",
    TruncatedNetwork "truncated_network" "The buffer ends inside the IP header.",
    BadHeaderLength "bad_header_length" "The IPv4 header length is below 20 or beyond the packet.",
    BadTotalLength "bad_total_length" "The IP length field contradicts the buffer or the header.",
    TruncatedExtension "truncated_extension" "The packet ends inside an IPv6 extension header.",
    TooManyExtensions "too_many_extensions" "There are more than eight IPv6 extension headers.",
    SourceRouted "source_routed" "An IPv6 routing header still has segments left.",
    BadFragment "bad_fragment" "A fragment reaches beyond 65,535 bytes, or is not the last and not a multiple of 8 bytes.",
    TruncatedTransport "truncated_transport" "The packet ends inside the transport header.",
    BadTransportLength "bad_transport_length" "A length of the transport header contradicts the IP length.",
    FamilyMismatch "family_mismatch" "Addresses of two families are mixed.",
    Fragmented "fragmented" "The operation needs a whole packet, and this is a fragment.",
    NoChecksum "no_checksum" "The protocol has no transport checksum known here.",
    UnknownOffload "unknown_offload" "The virtio header asks for something that was never offered.",
    BufferTooShort "buffer_too_short" "The buffer to write into is too short.",
    NotMetadata "not_metadata" "The payload does not begin with the metadata cookie.",
    UnknownMetadataVersion "unknown_metadata_version" "The metadata version is not 1.",
    BadMetadataLength "bad_metadata_length" "Metadata lengths are below the minimum or beyond the payload.",
    MetadataTooLong "metadata_too_long" "Metadata is longer than 1,400 bytes.",
    TruncatedTlv "truncated_tlv" "A TLV reaches beyond its section.",
    TooManyTlvs "too_many_tlvs" "A section has more than 64 TLVs.",
    DuplicateTlv "duplicate_tlv" "A known TLV is there twice.",
    BadTlvLength "bad_tlv_length" "A known TLV has a length that its type does not allow.",
    BadTlvValue "bad_tlv_value" "A known TLV has a value that its type does not allow.",
    NameTooLong "name_too_long" "A name in metadata is longer than 255 bytes.",
    NameNotUtf8 "name_not_utf8" "A name in metadata is not UTF-8.",
}

impl fmt::Display for WireError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

impl core::error::Error for WireError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_has_a_name_and_a_sentence_of_its_own() {
        let names: std::collections::BTreeSet<_> = WireError::ALL.iter().map(|e| e.name()).collect();
        assert_eq!(names.len(), WireError::ALL.len());
        assert!(WireError::ALL.iter().all(|e| e.to_string().ends_with('.')));
    }
}
