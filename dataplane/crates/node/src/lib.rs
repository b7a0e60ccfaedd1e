//! The engine as a Node.js addon. Eight calls; protobuf bytes in and out; no packet ever comes here.
//!
//! What goes wrong is a value, `BindingRefusal`, never an exception. Blocking work runs on libuv's pool, packets on threads of
//! their own (`quiver-io`).

#![expect(clippy::needless_pass_by_value, reason = "values that come from JavaScript are owned")]

mod answer;
mod capture;
mod handle;
mod start;
mod task;

use napi::Env;
use napi::bindgen_prelude::{AsyncTask, Buffer, External, Object};
use napi_derive::napi;
use quiver_api::proto;

use crate::answer::Answer;
use crate::capture::BindingCaptureOptions;
use crate::handle::Handle;
use crate::start::{BindingStartOptions, Start};
use crate::task::Call;

/// Makes the device and starts the workers. They forward once a configuration is applied.
#[napi]
pub fn start(options: BindingStartOptions) -> AsyncTask<Start> {
    AsyncTask::new(Start::new(options))
}

/// Brings the configuration of a `Snapshot` into force; refusals mean that the former one goes on.
#[napi]
pub fn apply_config(router: &External<Handle>, snapshot: Buffer) -> AsyncTask<Call> {
    let snapshot = snapshot.to_vec();
    AsyncTask::new(Call::new(router, move |router| {
        let snapshot = answer::decode::<proto::Snapshot>(&snapshot)?;
        let node = snapshot.config.unwrap_or_default();
        router.apply(node, snapshot.secrets).map(|()| Vec::new()).map_err(answer::not_applied)
    }))
}

/// A `Telemetry`: events since the last call, counters, notices.
#[napi]
pub fn drain_telemetry(router: &External<Handle>) -> AsyncTask<Call> {
    AsyncTask::new(Call::new(router, |router| answer::encode(router.telemetry())))
}

/// A `Dump` of the sessions that match a `DumpRequest`.
#[napi]
pub fn dump(router: &External<Handle>, request: Buffer) -> AsyncTask<Call> {
    let request = request.to_vec();
    AsyncTask::new(Call::new(router, move |router| answer::encode(router.dump(&answer::decode(&request)?))))
}

/// An `Explanation` of what would happen to the conversation of an `ExplainRequest`.
#[napi]
pub fn explain(router: &External<Handle>, request: Buffer) -> AsyncTask<Call> {
    let request = request.to_vec();
    AsyncTask::new(Call::new(router, move |router| {
        answer::encode(router.explain(&answer::decode(&request)?))
    }))
}

/// Captures packets into a file; the promise is settled when the capture has ended.
#[napi]
pub fn capture<'env>(
    env: &'env Env,
    router: &External<Handle>,
    options: BindingCaptureOptions,
) -> napi::Result<Object<'env>> {
    capture::begin(env, router, options)
}

/// Ends the running capture before its limits: its promise is settled soon. Without one nothing happens.
#[napi]
pub fn end_capture(router: &External<Handle>) -> AsyncTask<Call> {
    AsyncTask::new(Call::new(router, |router| {
        router.end_capture();
        Ok(Vec::new())
    }))
}

/// Stops the router. With `keep_device` nothing is removed, so that the next start takes over without a gap.
#[napi]
pub fn stop(router: &External<Handle>, keep_device: bool) -> AsyncTask<Call> {
    AsyncTask::new(Call::stopping(router, keep_device))
}

/// The bytes of an answer or the reasons why there is none.
type Outcome = Result<Vec<u8>, Vec<answer::BindingRefusal>>;

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Ok(bytes) => Self { bytes: Some(bytes), refusals: Vec::new() },
            Err(refusals) => Self { bytes: None, refusals },
        }
    }
}

/// The protobuf form of a message.
fn bytes_of(message: &impl prost::Message) -> Vec<u8> {
    message.encode_to_vec()
}
