//! Errors as the specification wants them.

use core::fmt::Display;

use serde_json::json;

use crate::run::Output;

/// Error codes: below 100 those of the specification, from 100 on our own.
pub mod code {
    /// The configuration is of a version that is not spoken here.
    pub const INCOMPATIBLE_VERSION: u64 = 1;
    /// The container is unknown or gone.
    pub const UNKNOWN_CONTAINER: u64 = 3;
    /// An environment variable is missing or wrong.
    pub const BAD_ENVIRONMENT: u64 = 4;
    /// Something could not be read or written.
    pub const IO: u64 = 5;
    /// The configuration is no JSON.
    pub const UNREADABLE: u64 = 6;
    /// The configuration makes no sense.
    pub const BAD_CONFIGURATION: u64 = 7;
    /// It may work later.
    pub const TRY_AGAIN_LATER: u64 = 11;
    /// No pod can be added now.
    pub const NOT_AVAILABLE: u64 = 50;
    /// The pod's network is not as it was made.
    pub const NETWORK_CHANGED: u64 = 100;
    /// The kernel refused a part of the pod's network.
    pub const KERNEL_REFUSED: u64 = 101;
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// See [`code`].
    pub code: u64,
    /// One sentence; a pod's events show it.
    pub message: String,
    /// What is behind it.
    pub details: String,
}

impl Failure {
    /// With the sentence under our name.
    pub fn new(code: u64, message: impl Display, details: impl Display) -> Self {
        Self { code, message: format!("quiver: {message}"), details: details.to_string() }
    }

    /// As a container runtime reads it; in the configuration's version, where that is known.
    pub fn output(&self, version: Option<&str>) -> Output {
        let error = json!({
            "cniVersion": version.unwrap_or("1.1.0"),
            "code": self.code,
            "msg": self.message,
            "details": self.details,
        });
        Output { text: format!("{error}\n"), is_success: false }
    }
}
