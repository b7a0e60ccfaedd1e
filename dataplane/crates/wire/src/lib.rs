//! Bytes: the only place that knows offsets.
//!
//! # Panic contract
//!
//! No function of this crate panics, allocates or loops without bound on any input, however short, long or malformed.
//! A `Packet` view is made by `new_checked`, which proves that the header lies inside the buffer; getters of a view read
//! proven bytes. If the buffer behind a view shrinks afterwards, getters return zeros and setters do nothing.
//! A `Repr` is the meaning of a header: `parse` reads it from bytes, `buffer_len` says how long it is, and `emit` writes it, or
//! answers [`WireError::BufferTooShort`] and may then have written a part.
//!
//! # Where things are
//!
//! | question | file |
//! |---|---|
//! | addresses, ports and offsets of a packet in one pass | [`parse`] |
//! | new addresses and ports for a packet | [`rewrite`] |
//! | checksums: sums, RFC 1624 updates, finishing, verifying | [`checksum`] |
//! | one field of a header | [`bytes`] |
//! | headers | [`ip`], [`ipv4`], [`ipv6`], [`tcp`], [`udp`], [`icmp`] |
//! | segmentation and checksum state, and its `virtio_net_hdr` bytes | [`offload`], [`virtio`] |
//! | SVR metadata: header and TLVs | [`metadata`] |
//! | why something could not be read | [`error`] |
#![cfg_attr(not(test), no_std)]

pub mod bytes;
pub mod checksum;
pub mod error;
pub mod icmp;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
pub mod metadata;
pub mod offload;
pub mod parse;
pub mod rewrite;
pub mod tcp;
pub mod udp;
pub mod virtio;

pub use error::WireError;
pub use parse::Parsed;
