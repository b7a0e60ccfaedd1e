//! New UDP sessions per second through two engines in one process and thread. Prints one JSON object; run with `--release`.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the real clock")]

use core::net::SocketAddr;
use core::time::Duration;
use std::io::Write as _;
use std::time::Instant;

use quiver_engine::config::Encryption;
use quiver_sim::pair::Pair;
use quiver_sim::{Plan, ServicePlan};

const SESSIONS: u32 = 100_000;

fn main() -> std::io::Result<()> {
    let clear = measure(Encryption::Never);
    let sealed = measure(Encryption::Always);
    writeln!(std::io::stdout(), "{{\"clear\":{clear},\"sealed\":{sealed}}}")
}

/// Each session: first packet, answer, second packet, answer, so that the handshake is complete at both ends.
#[expect(clippy::cast_sign_loss, reason = "a rate is positive")]
fn measure(encryption: Encryption) -> String {
    let service =
        ServicePlan::new("echo", &["198.18.0.1/32"]).public().encryption(encryption).server("b", "10.1.0.20");
    let plan = Plan::new().router("a", &["203.0.113.1"]).router("b", &["203.0.113.2"]).service(service);
    let mut pair = Pair::new(&plan, |config| config.max_sessions = SESSIONS + 1000);
    let to = SocketAddr::from(([198, 18, 0, 1], 7));
    let begun = Instant::now();
    for i in 0..SESSIONS {
        let host = (i / 50_000) as u8 + 1;
        let from = SocketAddr::from(([10, 1, 0, host], 1024 + (i % 50_000) as u16));
        pair.udp(from, to, b"first");
        pair.udp(from, to, b"second");
        pair.pass(Duration::from_micros(10));
    }
    let seconds = begun.elapsed().as_secs_f64();
    format!(
        "{{\"sessions\":{},\"answers\":{},\"sessionsPerSecond\":{}}}",
        pair.a.session_count(),
        pair.answers,
        (f64::from(SESSIONS) / seconds) as u64,
    )
}
