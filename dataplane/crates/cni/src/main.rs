//! `quiver-cni`, as container runtimes call it.

use std::io::{Read, Write};
use std::process::ExitCode;

use quiver_cni::{Failure, code, run};

fn main() -> ExitCode {
    let mut input = Vec::new();
    let output = match std::io::stdin().read_to_end(&mut input) {
        Ok(_) => run(&environment, &input),
        Err(error) => Failure::new(code::IO, "standard input cannot be read", error).output(None),
    };
    // Nobody is left to be told when stdout is closed.
    let _ = std::io::stdout().write_all(output.text.as_bytes());
    if output.is_success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::disallowed_methods, reason = "this is the composition root")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
