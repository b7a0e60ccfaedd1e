//! How much memory 200,000 concurrent sessions take. Prints one JSON object; run with `--release`, and with `sealed` for those with keys.

use core::net::SocketAddr;
use std::io::Write as _;

use quiver_engine::config::Encryption;
use quiver_sim::pair::Pair;
use quiver_sim::{Plan, ServicePlan};

const SESSIONS: u32 = 200_000;

fn main() -> std::io::Result<()> {
    // One measurement per process: freed memory of a former one would hide a part of the next.
    let sealed = std::env::args().nth(1).as_deref() == Some("sealed");
    let measured = measure(if sealed { Encryption::Always } else { Encryption::Never })?;
    writeln!(std::io::stdout(), "{measured}")
}

/// Sessions in two engines at once: each engine's share is half of what the process grew by.
fn measure(encryption: Encryption) -> std::io::Result<String> {
    let service =
        ServicePlan::new("echo", &["198.18.0.1/32"]).public().encryption(encryption).server("b", "10.1.0.20");
    let plan = Plan::new().router("a", &["203.0.113.1"]).router("b", &["203.0.113.2"]).service(service);
    let mut pair = Pair::new(&plan, |config| config.max_sessions = SESSIONS + 1000);
    let to = SocketAddr::from(([198, 18, 0, 1], 7));
    let before = resident_kilobytes()?;
    for i in 0..SESSIONS {
        let host = (i / 50_000) as u8 + 1;
        let from = SocketAddr::from(([10, 1, 0, host], 1024 + (i % 50_000) as u16));
        pair.udp(from, to, b"first");
        pair.udp(from, to, b"second");
        pair.pass(core::time::Duration::from_micros(10));
    }
    let grown = resident_kilobytes()?.saturating_sub(before);
    let (a, b) = (pair.a.session_count(), pair.b.session_count());
    let bytes = grown * 1024 / u64::from(a + b).max(1);
    Ok(format!(
        "{{\"sealed\":{},\"sessionsA\":{a},\"sessionsB\":{b},\"answers\":{},\"megabytesPerEngine\":{},\"bytesPerSession\":{bytes}}}",
        encryption == Encryption::Always,
        pair.answers,
        grown / 2 / 1024,
    ))
}

fn resident_kilobytes() -> std::io::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    Ok(line.and_then(|text| text.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or_default())
}
