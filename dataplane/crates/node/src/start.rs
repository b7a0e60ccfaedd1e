//! Starting.

use napi::bindgen_prelude::External;
use napi::{Env, Task};
use napi_derive::napi;
use quiver_io::{Fault, FaultCode, Router, StartOptions};

use crate::answer::BindingRefusal;
use crate::handle::Handle;

/// How a router is started; unset members take their defaults.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingStartOptions {
    /// Name of the TUN device; `quiver0`.
    pub device: Option<String>,
    /// Part of the names of nftables tables; none.
    pub instance: Option<String>,
    /// Worker threads; one per processor, at most four.
    pub workers: Option<u32>,
    /// MTU of the device; 1500.
    pub mtu: Option<u32>,
}

/// A started router, or why there is none.
#[napi(object, object_from_js = false)]
pub struct BindingStarted {
    /// To be given to all other calls.
    pub router: Option<External<Handle>>,
    /// Why it did not start.
    pub refusals: Vec<BindingRefusal>,
}

/// A start on libuv's pool.
pub struct Start {
    options: BindingStartOptions,
}

impl Start {
    pub(crate) fn new(options: BindingStartOptions) -> Self {
        Self { options }
    }

    fn options(&self) -> Result<StartOptions, Fault> {
        let given = self.options.clone();
        let default = StartOptions::default();
        let workers = u8::try_from(given.workers.unwrap_or(default.workers.into()))
            .map_err(|_| Fault::new(FaultCode::InvalidOption, "workers: at most 64"))?;
        let mtu = u16::try_from(given.mtu.unwrap_or(default.mtu.into()))
            .map_err(|_| Fault::new(FaultCode::InvalidOption, "mtu: at most 65535"))?;
        Ok(StartOptions {
            device: given.device.unwrap_or(default.device),
            instance: given.instance.unwrap_or(default.instance),
            workers,
            mtu,
        })
    }
}

impl Task for Start {
    type Output = Result<Handle, Fault>;
    type JsValue = BindingStarted;

    fn compute(&mut self) -> napi::Result<Self::Output> {
        Ok(self.options().and_then(|options| Router::start(&options)).map(Handle::new))
    }

    fn resolve(&mut self, _: Env, started: Self::Output) -> napi::Result<BindingStarted> {
        Ok(match started {
            Ok(handle) => BindingStarted { router: Some(External::new(handle)), refusals: Vec::new() },
            Err(fault) => BindingStarted { router: None, refusals: vec![fault.into()] },
        })
    }
}
