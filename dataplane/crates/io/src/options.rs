//! How a router is started.

use crate::fault::{Fault, FaultCode};

/// The most workers the wire profile tells apart.
const MAX_WORKERS: usize = 64;

/// How a router is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartOptions {
    /// Name of the TUN device.
    pub device: String,
    /// Part of the names of nftables tables; needed only when several routers share a network namespace.
    pub instance: String,
    /// Worker threads; 0 = one per processor, at most four.
    pub workers: u8,
    /// MTU of the device towards local clients and servers, in bytes.
    pub mtu: u16,
}

impl Default for StartOptions {
    fn default() -> Self {
        Self { device: "quiver0".to_owned(), instance: String::new(), workers: 0, mtu: 1500 }
    }
}

impl StartOptions {
    /// The number of workers, when all options are within their limits.
    pub(crate) fn checked_workers(&self) -> Result<u8, Fault> {
        if !self.instance.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') || self.instance.len() > 32
        {
            return Err(Fault::new(
                FaultCode::InvalidOption,
                format_args!("instance \"{}\": use up to 32 letters, digits and underscores", self.instance),
            ));
        }
        if self.mtu < 1280 {
            return Err(Fault::new(
                FaultCode::InvalidOption,
                format_args!("an MTU of {} is too small; IPv6 needs 1280", self.mtu),
            ));
        }
        if usize::from(self.workers) > MAX_WORKERS {
            return Err(Fault::new(
                FaultCode::InvalidOption,
                format_args!("{} workers are too many; the most is {MAX_WORKERS}", self.workers),
            ));
        }
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(if self.workers == 0 { processors.min(4) as u8 } else { self.workers })
    }
}
