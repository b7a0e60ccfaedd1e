//! From a call to its answer.

use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::invocation::{Environment, Invocation, Mode, parse_config};
use crate::version::Version;
use crate::{chained, log, primary};

/// What goes to stdout, and how the process ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// JSON, or nothing.
    pub text: String,
    /// Whether the exit code is 0.
    pub is_success: bool,
}

/// Does what the container runtime asks for in the environment and on standard input.
pub fn run(environment: Environment<'_>, input: &[u8]) -> Output {
    let command = environment("CNI_COMMAND").unwrap_or_default();
    let config = match parse_config(input) {
        Ok(config) => config,
        Err(failure) => return failure.output(None),
    };
    let stated = config.get("cniVersion").and_then(Value::as_str).map(str::to_owned);
    if command == "VERSION" {
        return version(stated.as_deref());
    }
    let container = environment("CNI_CONTAINERID").unwrap_or_default();
    let done =
        Invocation::parse(&command, environment, config.clone()).and_then(|invocation| {
            match invocation.mode {
                Mode::Chained => chained::run(&invocation),
                Mode::Primary => primary::run(&invocation),
            }
        });
    note(&config, &command, &container, &done);
    match done {
        Ok(Some(result)) => Output { text: format!("{result}\n"), is_success: true },
        Ok(None) => Output { text: String::new(), is_success: true },
        Err(failure) => failure.output(stated.as_deref().filter(|name| Version::parse(name).is_some())),
    }
}

fn note(config: &Map<String, Value>, command: &str, container: &str, done: &Result<Option<Value>, Failure>) {
    match done {
        Ok(_) => log::note(config, command, container, "ok"),
        Err(failure) => {
            let text = format!("{} {}; {}", failure.code, failure.message, failure.details);
            log::note(config, command, container, &text);
        }
    }
}

fn version(stated: Option<&str>) -> Output {
    let answer = json!({
        "cniVersion": stated.unwrap_or("1.1.0"),
        "supportedVersions": Version::ALL.map(Version::name),
    });
    Output { text: format!("{answer}\n"), is_success: true }
}
