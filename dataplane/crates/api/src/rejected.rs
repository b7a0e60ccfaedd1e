//! Why a configuration is refused, value by value.

use core::fmt::Display;

use crate::proto::Rejected;

/// Stable reason of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectCode {
    /// A value that must be there is not.
    Missing,
    /// Not an IP address.
    InvalidAddress,
    /// Not a prefix, or with host bits set.
    InvalidPrefix,
    /// Not a port, or the lowest is above the highest.
    InvalidPort,
    /// Outside what the field allows.
    OutOfRange,
    /// An enum value this engine does not know.
    UnknownValue,
    /// The bytes of a secret did not come with the configuration.
    SecretMissing,
    /// The bytes of a secret are not those the configuration means.
    SecretMismatch,
    /// No own waypoint has the address family of the other end.
    NoWaypoint,
}

impl RejectCode {
    /// `CamelCase` name, as it travels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "Missing",
            Self::InvalidAddress => "InvalidAddress",
            Self::InvalidPrefix => "InvalidPrefix",
            Self::InvalidPort => "InvalidPort",
            Self::OutOfRange => "OutOfRange",
            Self::UnknownValue => "UnknownValue",
            Self::SecretMissing => "SecretMissing",
            Self::SecretMismatch => "SecretMismatch",
            Self::NoWaypoint => "NoWaypoint",
        }
    }
}

/// Collects every problem of a configuration, so that all are told at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Rejected>);

impl Problems {
    /// Notes a problem of the value at `field`.
    pub fn reject(&mut self, code: RejectCode, field: impl Display, message: impl Display) {
        self.0.push(Rejected {
            code: code.name().to_owned(),
            field: field.to_string(),
            message: message.to_string(),
        });
    }

    /// The value, when nothing was refused.
    pub fn finish<T>(self, value: T) -> Result<T, Vec<Rejected>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}
