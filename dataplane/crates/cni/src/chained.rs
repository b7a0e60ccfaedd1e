//! Behind another plugin: the pod's network is there, and the agent learns its addresses.

use serde_json::Value;

use crate::agent::{Refusal, ask};
use crate::conversion::as_version;
use crate::failure::{Failure, code};
use crate::invocation::{Command, Invocation};

/// Gives what stdout has to hold.
pub(crate) fn run(invocation: &Invocation) -> Result<Option<Value>, Failure> {
    let name = invocation.command.name();
    match invocation.command {
        Command::Add => {
            let former = previous(invocation)?;
            ask(invocation, name)?;
            Ok(Some(as_version(former, invocation.version)))
        }
        Command::Check => {
            previous(invocation)?;
            ask(invocation, name)?;
            Ok(None)
        }
        // An agent that is away compares what it knows with the operator's pods when it is back: nobody has to wait.
        Command::Del | Command::Gc => match ask(invocation, name) {
            Err(Refusal::Answered(failure)) => Err(failure),
            Err(Refusal::Unreachable(_)) | Ok(_) => Ok(None),
        },
        // A plugin of a chain that says no makes the node not ready for all pods.
        Command::Status => Ok(None),
    }
}

fn previous(invocation: &Invocation) -> Result<Value, Failure> {
    let found = invocation.config.get("prevResult").filter(|result| result.is_object());
    found.cloned().ok_or_else(|| {
        let message =
            "prevResult is missing: in mode Chained the plugin stands behind the one that makes the network";
        Failure::new(code::BAD_CONFIGURATION, message, "")
    })
}
