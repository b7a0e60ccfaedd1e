//! What every call gives back.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use prost::Message;
use quiver_api::proto::Rejected;
use quiver_io::{ApplyError, Fault};

use crate::bytes_of;

/// Why something was not done.
#[napi(object)]
#[derive(Clone, Debug)]
pub struct BindingRefusal {
    /// Stable CamelCase reason.
    pub code: String,
    /// Path of the wrong value in the configuration; unset when the configuration is not to blame.
    pub field: Option<String>,
    /// One sentence with the way out.
    pub message: String,
}

/// The answer of a call: protobuf bytes (empty where nothing is told), or refusals.
#[napi(object, object_from_js = false)]
pub struct BindingAnswer {
    /// A message; unset when the call was refused.
    pub bytes: Option<Buffer>,
    /// Why nothing was done.
    pub refusals: Vec<BindingRefusal>,
}

/// An answer on its way between threads.
pub struct Answer {
    pub(crate) bytes: Option<Vec<u8>>,
    pub(crate) refusals: Vec<BindingRefusal>,
}

impl From<Answer> for BindingAnswer {
    fn from(answer: Answer) -> Self {
        Self { bytes: answer.bytes.map(Buffer::from), refusals: answer.refusals }
    }
}

impl From<Fault> for BindingRefusal {
    fn from(fault: Fault) -> Self {
        Self { code: fault.code.name().to_owned(), field: None, message: fault.message }
    }
}

impl From<Rejected> for BindingRefusal {
    fn from(rejected: Rejected) -> Self {
        Self { code: rejected.code, field: Some(rejected.field), message: rejected.message }
    }
}

pub(crate) fn not_applied(error: ApplyError) -> Vec<BindingRefusal> {
    match error {
        ApplyError::Rejected(reasons) => reasons.into_iter().map(BindingRefusal::from).collect(),
        ApplyError::Fault(fault) => vec![fault.into()],
    }
}

pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Vec<BindingRefusal>> {
    M::decode(bytes).map_err(|error| {
        vec![BindingRefusal {
            code: "Malformed".to_owned(),
            field: None,
            message: format!(
                "the message cannot be read: {error}; caller and engine are of different versions"
            ),
        }]
    })
}

pub(crate) fn encode<M: Message>(result: Result<M, Fault>) -> Result<Vec<u8>, Vec<BindingRefusal>> {
    result.map(|message| bytes_of(&message)).map_err(|fault| vec![fault.into()])
}
