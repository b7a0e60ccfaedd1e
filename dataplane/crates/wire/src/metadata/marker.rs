//! The false-positive marker: a bare metadata header in front of a payload that happens to begin with the cookie (SVR, metadata concepts).
//!
//! With payload encryption the question is asked of the bytes that really go out, not of the plain text.

use crate::metadata::{HEADER_LEN, is_metadata};

/// Bytes that the marker adds to a packet.
pub const MARKER_LEN: usize = HEADER_LEN;
/// A metadata header without any TLV.
pub const MARKER: [u8; MARKER_LEN] = [0x4c, 0x48, 0xdb, 0xc6, 0xdd, 0xf6, 0x67, 0x0c, 0x10, 0x0c, 0x00, 0x00];

/// Whether a transport payload that goes out without metadata needs the marker in front.
#[inline]
pub fn is_needed(payload: &[u8]) -> bool {
    is_metadata(payload)
}

/// Whether a transport payload begins with the marker.
#[inline]
pub fn is_marked(payload: &[u8]) -> bool {
    payload.starts_with(&MARKER)
}

/// The payload behind the marker; `None` when there is no marker.
#[inline]
pub fn strip(payload: &[u8]) -> Option<&[u8]> {
    payload.strip_prefix(&MARKER)
}
