use std::time::Duration;

use serde_json::{Value, json};

/// Percentiles of times, in microseconds.
pub(crate) fn of(mut times: Vec<Duration>) -> Value {
    times.sort_unstable();
    let micros = |share: f64| at(&times, share).as_secs_f64() * 1e6;
    json!({
        "count": times.len(), "min": micros(0.0), "p50": micros(0.5), "p99": micros(0.99), "p999": micros(0.999),
    })
}

#[expect(
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index within a list that fits in memory"
)]
fn at(sorted: &[Duration], share: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_taken_from_the_sorted_times() {
        let times = (1..=1001).rev().map(Duration::from_micros).collect();
        let summary = of(times);
        assert_eq!(summary["min"].as_f64().map(f64::round), Some(1.0));
        assert_eq!(summary["p50"].as_f64().map(f64::round), Some(501.0));
        assert_eq!(summary["p99"].as_f64().map(f64::round), Some(991.0));
        assert_eq!(summary["p999"].as_f64().map(f64::round), Some(1000.0));
    }

    #[test]
    fn no_times_give_zeroes() {
        assert_eq!(of(Vec::new())["count"].as_u64(), Some(0));
    }
}
