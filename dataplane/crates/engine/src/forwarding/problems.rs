//! The errors found so far while tables are built.

use core::net::IpAddr;
use std::collections::BTreeSet;

use crate::config::Prefix;
use crate::config_error::{ConfigError, ConfigErrorCode};

/// More than this many are not told: an acknowledgement stays readable.
const MAX_PROBLEMS: usize = 256;
/// The most bytes a name can have in metadata.
const MAX_NAME: usize = 255;
/// The most entries of one list.
const MAX_ENTRIES: usize = 65_536;

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<ConfigError>);

impl Problems {
    pub(crate) fn add(
        &mut self,
        code: ConfigErrorCode,
        field: impl Into<String>,
        message: impl Into<String>,
    ) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(ConfigError { code, field: field.into(), message: message.into() });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn into_vec(self) -> Vec<ConfigError> {
        self.0
    }

    /// Checks a name, and that it is not in `seen` yet.
    pub(crate) fn check_name<'a>(&mut self, kind: &str, name: &'a str, seen: &mut BTreeSet<&'a str>) {
        self.check_text(kind, name);
        if !seen.insert(name) {
            self.add(
                ConfigErrorCode::NameDuplicate,
                format!("{kind}[{name}]"),
                format!("{name} is there twice"),
            );
        }
    }

    /// Checks that a name is of usable length.
    pub(crate) fn check_text(&mut self, field: &str, name: &str) {
        if name.is_empty() || name.len() > MAX_NAME {
            let message = format!("the name has {} bytes; it must have 1 to {MAX_NAME}", name.len());
            self.add(ConfigErrorCode::NameInvalid, field, message);
        }
    }

    /// Checks that a list is not too long.
    pub(crate) fn check_count(&mut self, field: &str, count: usize) {
        if count > MAX_ENTRIES {
            let message = format!("{count} entries; at most {MAX_ENTRIES} are possible");
            self.add(ConfigErrorCode::TooMany, field, message);
        }
    }

    /// Checks a prefix. `true` when tables can be built with it.
    pub(crate) fn check_prefix(&mut self, field: &str, prefix: &Prefix) -> bool {
        if !prefix.is_length_valid() {
            let message = format!("{prefix} is longer than an address of its family");
            self.add(ConfigErrorCode::PrefixInvalid, field, message);
            return false;
        }
        if prefix.has_host_bits() {
            let message = format!(
                "{prefix} has bits set behind its length; shorten the address or lengthen the prefix"
            );
            self.add(ConfigErrorCode::PrefixHostBits, field, message);
            return false;
        }
        true
    }

    /// Checks that a packet can come from and go to an address.
    pub(crate) fn check_address(&mut self, field: &str, address: IpAddr) {
        let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
        if address.is_unspecified() || address.is_multicast() || broadcast {
            let message = format!("{address} is not the address of one host");
            self.add(ConfigErrorCode::AddressInvalid, field, message);
        }
    }
}
