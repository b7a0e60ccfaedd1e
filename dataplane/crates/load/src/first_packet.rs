use std::time::Instant;

use serde_json::Value;

use crate::arguments::Arguments;
use crate::fault::Fault;
use crate::round_trip::{ask, connected_socket};
use crate::summary;

/// Times of the first question and its answer, each from a new port and so in a session of its own.
pub(crate) fn measure(arguments: &Arguments) -> Result<Value, Fault> {
    let to = arguments.address("to")?;
    let question = vec![7; arguments.number("size", 64)?];
    let mut answer = question.clone();
    let duration = arguments.duration()?;
    let mut times = Vec::new();
    let start = Instant::now();
    while start.elapsed() < duration {
        let socket = connected_socket(to)?;
        let before = Instant::now();
        ask(&socket, &question, &mut answer)?;
        times.push(before.elapsed());
    }
    Ok(summary::of(times))
}
