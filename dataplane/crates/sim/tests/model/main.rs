//! Random fabrics, traffic, configuration changes and restarts against a small independent model of who may reach what.
//!
//! Two promises: nothing is ever delivered that the model forbids, and nothing that it allows is refused for good.
//! A failing run prints its seed; seeds in `seeds.txt` are run always, further ones as `QUIVER_SEEDS` says at compile time.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a run that meets a broken assumption has failed"
)]

mod configured;
mod run;
mod world;

/// Seeds that once found something, or cover a shape of their own.
const CORPUS: &str = include_str!("seeds.txt");

#[test]
fn committed_seeds_hold_the_promises() {
    let seeds = CORPUS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    for seed in seeds {
        run::run(seed.parse().expect("a seed is a number"));
    }
}

#[test]
fn random_runs_hold_the_promises() {
    let count: u64 = option_env!("QUIVER_SEEDS").map_or(40, |text| text.parse().expect("a number"));
    let mut seen = run::Seen::default();
    for seed in 1_000_000..1_000_000 + count {
        let run = run::run(seed);
        seen.delivered += run.delivered;
        seen.allowed += run.allowed;
        seen.forbidden += run.forbidden;
        seen.streamed += run.streamed;
    }
    // Enough happened on both sides of the policy for the promises to mean something.
    assert!(seen.delivered > 20 * count && seen.streamed > 10_000 * count, "{seen:?}");
    assert!(seen.allowed > 2 * count && seen.forbidden > 2 * count, "{seen:?}");
}
