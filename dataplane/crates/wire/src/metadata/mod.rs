//! SVR metadata: what stands between the transport header and the payload of packets that open, change or control a session.
//!
//! ```text
//! IP | TCP or UDP | [ 12-byte header | header TLVs | payload TLVs ] | original payload
//! ```
//!
//! Reading goes in steps, because the payload section may be encrypted: [`is_metadata`] looks at the cookie, [`Packet`] finds the
//! sections, [`HeaderTlvs::parse`] reads what is always in clear, and [`PayloadTlvs::parse`] reads the opened payload section.
//! Nothing here says whether metadata is *genuine*: that is `quiver-crypto`'s answer.
//!
//! Limits: header and payload sections are at most [`MAX_LEN`] bytes together, a section has at most [`MAX_TLVS`] TLVs, names have
//! at most [`MAX_NAME`] bytes, and a known TLV that is there twice is malformed. Unknown TLVs, and known ones in the wrong
//! section, are passed over and counted.
//!
//! | TLVs | file |
//! |---|---|
//! | numbers, sections and lengths of all | [`kind`] |
//! | original tuples, egress binding | [`contexts`] |
//! | names and identifiers | [`identity`] |
//! | keys and freshness | [`security`] |
//! | fragments, measurements | [`path`] |
//! | control of sessions | [`control`] |
//! | multicast | [`multicast`] |

pub mod contexts;
pub mod control;
mod header;
mod header_tlvs;
pub mod identity;
pub mod kind;
pub mod marker;
mod message;
pub mod multicast;
pub mod path;
mod payload_tlvs;
pub mod security;
pub mod tlv;

pub use header::{COOKIE, HEADER_LEN, HeaderRepr, MAX_LEN, Packet, VERSION, is_metadata};
pub use header_tlvs::HeaderTlvs;
pub use identity::MAX_NAME;
pub use kind::{Kind, Section};
pub use message::Message;
pub use payload_tlvs::PayloadTlvs;
pub use tlv::{MAX_TLVS, Repr, Tlv, Tlvs};
