//! Keys and freshness: security context (0x8000), payload key (46) and what names it (0x8010 to 0x8012).

use crate::bytes::{array_at, put, put_u16, put_u32, u16_at, u32_at};
use crate::error::WireError;
use crate::metadata::tlv::{Repr, copy};

/// What makes metadata of Quiver fresh and its nonce unique (profile, section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecurityContext {
    /// Drawn anew at each start of the sender.
    pub boot_id: u64,
    /// Upper part of the nonce.
    pub serial: u32,
    /// Lower part of the nonce.
    pub counter: u64,
    /// Sender's clock, Unix milliseconds.
    pub time_ms: u64,
    /// Destination waypoint port as sent.
    pub port: u16,
}

const SECURITY_CONTEXT_LEN: usize = 30;

impl Repr<'_> for SecurityContext {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let value: &[u8; SECURITY_CONTEXT_LEN] = value.try_into().map_err(|_| WireError::BadTlvLength)?;
        Ok(Self {
            boot_id: u64::from_be_bytes(array_at(value, 0)),
            serial: u32_at(value, 8),
            counter: u64::from_be_bytes(array_at(value, 12)),
            time_ms: u64::from_be_bytes(array_at(value, 20)),
            port: u16_at(value, 28),
        })
    }

    fn buffer_len(&self) -> usize {
        SECURITY_CONTEXT_LEN
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.first_chunk_mut::<SECURITY_CONTEXT_LEN>().ok_or(WireError::BufferTooShort)?;
        put(buffer, 0, self.boot_id.to_be_bytes());
        put_u32(buffer, 8, self.serial);
        put(buffer, 12, self.counter.to_be_bytes());
        put(buffer, 20, self.time_ms.to_be_bytes());
        put_u16(buffer, 28, self.port);
        Ok(())
    }
}

/// Whose keys seal the payload of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PayloadBootIds {
    /// Boot id of the ingress node.
    pub ingress: u64,
    /// Boot id of the egress node; 0 while unknown.
    pub egress: u64,
}

impl Repr<'_> for PayloadBootIds {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let value: &[u8; 16] = value.try_into().map_err(|_| WireError::BadTlvLength)?;
        let id = |at| u64::from_be_bytes(array_at(value, at));
        Ok(Self { ingress: id(0), egress: id(8) })
    }

    fn buffer_len(&self) -> usize {
        16
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let buffer = buffer.first_chunk_mut::<16>().ok_or(WireError::BufferTooShort)?;
        put(buffer, 0, self.ingress.to_be_bytes());
        put(buffer, 8, self.egress.to_be_bytes());
        Ok(())
    }
}

/// A payload key as it travels: the bare key inside sealed metadata, a wrapped one inside signed metadata.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyBytes<'a>(pub &'a [u8]);

impl core::fmt::Debug for KeyBytes<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "KeyBytes({} bytes)", self.0.len())
    }
}

impl<'a> Repr<'a> for KeyBytes<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, WireError> {
        Ok(Self(value))
    }

    fn buffer_len(&self) -> usize {
        self.0.len()
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        copy(buffer, self.0)
    }
}
