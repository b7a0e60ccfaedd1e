//! What can go wrong around the engine: one sentence each, with the way out.

use core::fmt::Display;
use std::io;

use rustix::io::Errno;

/// Stable reason of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultCode {
    /// The process may not change network settings.
    MissingPrivilege,
    /// There is no `/dev/net/tun`, or it may not be opened.
    MissingTun,
    /// The `nft` program is not installed.
    MissingNft,
    /// A device or table of that name belongs to somebody else.
    NameTaken,
    /// Another process holds the device.
    DeviceBusy,
    /// The kernel lacks a feature or refused a request.
    KernelRefused,
    /// An option has a value that cannot work.
    InvalidOption,
    /// A worker did not answer in time.
    NoAnswer,
    /// The router has been stopped.
    Stopped,
    /// A file could not be written.
    FileNotWritten,
}

impl FaultCode {
    /// `CamelCase` name, as callers see it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::MissingPrivilege => "MissingPrivilege",
            Self::MissingTun => "MissingTun",
            Self::MissingNft => "MissingNft",
            Self::NameTaken => "NameTaken",
            Self::DeviceBusy => "DeviceBusy",
            Self::KernelRefused => "KernelRefused",
            Self::InvalidOption => "InvalidOption",
            Self::NoAnswer => "NoAnswer",
            Self::Stopped => "Stopped",
            Self::FileNotWritten => "FileNotWritten",
        }
    }
}

/// A fault, as told to whoever runs the router.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// Stable reason.
    pub code: FaultCode,
    /// One sentence with the way out.
    pub message: String,
}

impl Fault {
    /// A fault with its sentence.
    pub fn new(code: FaultCode, message: impl Display) -> Self {
        Self { code, message: message.to_string() }
    }

    /// A refusal of the kernel while doing `what`; a lack of privilege is told as such.
    pub fn kernel(what: impl Display, error: &io::Error) -> Self {
        if matches!(Errno::from_io_error(error), Some(Errno::PERM | Errno::ACCESS)) {
            return Self::privilege(what);
        }
        Self::new(FaultCode::KernelRefused, format_args!("{what}: the kernel refused: {error}"))
    }

    /// Lack of privilege while doing `what`.
    pub fn privilege(what: impl Display) -> Self {
        Self::new(
            FaultCode::MissingPrivilege,
            format_args!("{what}: not permitted; run as root or with the capabilities NET_ADMIN and NET_RAW"),
        )
    }
}
