//! Control of sessions: messages made by routers (TLVs 24, 46), changes (28) and session flags (0x8015).

use crate::error::WireError;
use crate::metadata::tlv::Repr;

/// What a router-made packet asks for: act, then drop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ControlCode {
    /// Keep NAT state on the way.
    KeepAlive,
    /// Send metadata again.
    EnableMetadata,
    /// Stop sending metadata.
    DisableMetadata,
    /// The session is gone.
    DeleteSession,
    /// Answer to a health check: the session is known.
    StateExists,
    /// Any other code, 0 included: drop and count.
    Other(u8),
}

impl From<u8> for ControlCode {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::KeepAlive,
            2 => Self::EnableMetadata,
            3 => Self::DisableMetadata,
            6 => Self::DeleteSession,
            8 => Self::StateExists,
            other => Self::Other(other),
        }
    }
}

impl From<ControlCode> for u8 {
    fn from(code: ControlCode) -> Self {
        match code {
            ControlCode::KeepAlive => 1,
            ControlCode::EnableMetadata => 2,
            ControlCode::DisableMetadata => 3,
            ControlCode::DeleteSession => 6,
            ControlCode::StateExists => 8,
            ControlCode::Other(other) => other,
        }
    }
}

impl Repr<'_> for ControlCode {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        u8::parse(value).map(Self::from)
    }

    fn buffer_len(&self) -> usize {
        1
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        u8::from(*self).emit(buffer)
    }
}

/// The question whether the peer still knows a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HealthCheck {
    /// First question.
    Request,
    /// Asked again after no answer.
    Retry,
}

impl Repr<'_> for HealthCheck {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        match u8::parse(value)? {
            1 => Ok(Self::Request),
            2 => Ok(Self::Retry),
            _ => Err(WireError::BadTlvValue),
        }
    }

    fn buffer_len(&self) -> usize {
        1
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        match self {
            Self::Request => 1_u8.emit(buffer),
            Self::Retry => 2_u8.emit(buffer),
        }
    }
}

/// A change of a session in its middle. What the two bits mean is not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ModifyRequest {
    /// Bit F.
    pub f: bool,
    /// Bit D.
    pub d: bool,
    /// Sequence number of the change, 12 bits.
    pub sequence: u16,
}

impl Repr<'_> for ModifyRequest {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        let word = u16::parse(value)?;
        Ok(Self { f: word & 0x8000 != 0, d: word & 0x4000 != 0, sequence: word & 0x0fff })
    }

    fn buffer_len(&self) -> usize {
        2
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        let bits = (u16::from(self.f) << 15) | (u16::from(self.d) << 14);
        (bits | (self.sequence & 0x0fff)).emit(buffer)
    }
}

/// How a session is carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionFlags(pub u8);

impl SessionFlags {
    /// Its first payload decides whether it is sealed.
    pub const ADAPTIVE: Self = Self(0x01);
    /// Every packet carries an HMAC.
    pub const INTEGRITY: Self = Self(0x02);
    /// The sender has no state from the session's start.
    pub const MID_STREAM: Self = Self(0x04);
    /// The sender recovers lost state.
    pub const RECOVERY: Self = Self(0x08);

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Flags of both.
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl Repr<'_> for SessionFlags {
    fn parse(value: &[u8]) -> Result<Self, WireError> {
        u8::parse(value).map(Self)
    }

    fn buffer_len(&self) -> usize {
        1
    }

    fn emit(&self, buffer: &mut [u8]) -> Result<(), WireError> {
        self.0.emit(buffer)
    }
}
