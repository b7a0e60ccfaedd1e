//! Load for the benchmark: what a client and a server do while the way between them is measured.
//!
//! Only the standard library talks to the kernel, so that every way is measured by the same plain system calls.
//!
//! | question | file |
//! |---|---|
//! | what the far end answers | [`server`] |
//! | how long a question takes on a session that exists | [`round_trip`] |
//! | how long the first packet of a session takes | [`first_packet`] |
//! | how many connections are made | [`connections`] |
//! | how many datagrams arrive | [`datagrams`] |

#![expect(
    clippy::disallowed_methods,
    reason = "a load generator reads the clock and waits: that is its business"
)]

mod arguments;
mod connections;
mod datagrams;
mod fault;
mod first_packet;
mod round_trip;
mod server;
mod summary;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::Arguments;
use fault::Fault;

const USAGE: &str = "usage: quiver-load serve --listen ADDRESS:PORT
       quiver-load tcp-round-trip|udp-round-trip|first-packet --to ADDRESS:PORT [--size BYTES] [--seconds S]
       quiver-load connections --to ADDRESS:PORT [--threads N] [--seconds S]
       quiver-load datagrams --to ADDRESS:PORT [--size BYTES] [--seconds S] [--loss RATIO] [--rate PER_SECOND]
One JSON object on standard output.";

fn main() -> ExitCode {
    match run(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            let mut errors = std::io::stderr();
            // Nobody is left to tell when even this cannot be written.
            let _ = writeln!(errors, "quiver-load: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: Vec<String>) -> Result<(), Fault> {
    let arguments = Arguments::read(words)?;
    let answer = match arguments.task.as_str() {
        "serve" => return server::serve(arguments.address("listen")?),
        "tcp-round-trip" => round_trip::over_tcp(&arguments)?,
        "udp-round-trip" => round_trip::over_udp(&arguments)?,
        "first-packet" => first_packet::measure(&arguments)?,
        "connections" => connections::measure(&arguments)?,
        "datagrams" => datagrams::measure(&arguments)?,
        _ => return Err(Fault::Usage(USAGE.to_owned())),
    };
    writeln!(std::io::stdout(), "{answer}").map_err(|source| Fault::io("standard output", source))
}
