//! Captures: they last, so their promise is settled by the thread that writes.

use core::net::IpAddr;
use std::thread;

use napi::Env;
use napi::bindgen_prelude::Object;
use napi_derive::napi;
use quiver_io::{CaptureOptions, CaptureSummary, Fault, FaultCode};

use crate::answer::BindingRefusal;
use crate::handle::Handle;

/// What to capture; unset members do not restrict.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingCaptureOptions {
    /// File to write (pcapng).
    pub path: String,
    /// Only packets from or to this address.
    pub address: Option<String>,
    /// Only packets from or to this port.
    pub port: Option<u32>,
    /// Packets after which it ends.
    pub max_packets: Option<u32>,
    /// Seconds after which it ends; 60.
    pub max_seconds: Option<u32>,
}

/// What a capture holds, or why there is none.
#[napi(object, object_from_js = false)]
pub(crate) struct BindingCaptured {
    /// Packets in the file.
    pub packets: f64,
    /// Packets that came too fast to be written.
    pub missed: f64,
    /// Why it was not made.
    pub refusals: Vec<BindingRefusal>,
}

pub(crate) fn begin<'env>(
    env: &'env Env,
    handle: &Handle,
    options: BindingCaptureOptions,
) -> napi::Result<Object<'env>> {
    let (deferred, promise) = env.create_deferred()?;
    let handle = handle.clone();
    // The router may be busy with another call: JavaScript does not wait for it.
    thread::spawn(move || {
        let settle = move |result| deferred.resolve(move |_| Ok(captured(result)));
        match CaptureOptions::try_from(options) {
            Ok(options) => capture(&handle, options, settle),
            Err(fault) => settle(Err(fault)),
        }
    });
    Ok(promise)
}

fn capture(
    handle: &Handle,
    options: CaptureOptions,
    settle: impl FnOnce(Result<CaptureSummary, Fault>) + Send + 'static,
) {
    let mut settle = Some(settle);
    let begun = handle.with(|router| {
        if let Some(settle) = settle.take() {
            router.capture(options, settle);
        }
    });
    if let (Err(fault), Some(settle)) = (begun, settle) {
        settle(Err(fault));
    }
}

fn captured(result: Result<CaptureSummary, Fault>) -> BindingCaptured {
    match result {
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 packets")]
        Ok(summary) => BindingCaptured {
            packets: summary.packets as f64,
            missed: summary.missed as f64,
            refusals: Vec::new(),
        },
        Err(fault) => BindingCaptured { packets: 0.0, missed: 0.0, refusals: vec![fault.into()] },
    }
}

impl TryFrom<BindingCaptureOptions> for CaptureOptions {
    type Error = Fault;

    fn try_from(given: BindingCaptureOptions) -> Result<Self, Fault> {
        let invalid = |message: String| Fault::new(FaultCode::InvalidOption, message);
        let address = given.address.map(|text| {
            text.parse::<IpAddr>().map_err(|_| invalid(format!("address: \"{text}\" is not an IP address")))
        });
        let port = given
            .port
            .map(|port| u16::try_from(port).map_err(|_| invalid(format!("port: {port} is above 65535"))));
        Ok(Self {
            path: given.path.into(),
            address: address.transpose()?,
            port: port.transpose()?,
            max_packets: given.max_packets.unwrap_or(0).into(),
            max_seconds: given.max_seconds.unwrap_or(60),
        })
    }
}
