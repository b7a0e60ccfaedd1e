//! Before connection tracking: what the engine handles is not tracked, so that no masquerading rule can hide a client's address.

use quiver_engine::config::Prefix;
use serde_json::{Value, json};

use super::expression::{destination, equal, meta, not_equal, prefixes};
use super::{Commands, Family, Steering, expression};

/// Priority of `raw` hooks.
const RAW: i32 = -300;

pub(super) fn commands(steering: &Steering, family: Family, list: &mut Vec<Value>) {
    let of_family =
        |pool: &[Prefix]| -> Vec<Prefix> { pool.iter().copied().filter(|p| family.has(p.address)).collect() };
    let service_pool = of_family(&steering.service_pool);
    let return_pool = of_family(&steering.return_pool);
    if service_pool.is_empty() && return_pool.is_empty() {
        return;
    }
    let mut commands = Commands { family: family.name(), table: &steering.table, list };
    commands.table();
    commands.base_chain("prerouting", "prerouting", RAW, None);
    commands.base_chain("output", "output", RAW, None);
    let notrack = json!({ "notrack": null });
    let tun = json!(steering.device);
    commands.rule("prerouting", &[equal(&meta("iifname"), &tun), notrack.clone()]);
    if steering.strict_source && !service_pool.is_empty() {
        let way_back = json!({ "fib": { "result": "oif", "flags": ["saddr", "iif"] } });
        commands.rule(
            "prerouting",
            &[
                equal(&destination(family), &prefixes(&service_pool)),
                not_equal(&meta("iifname"), &tun),
                equal(&way_back, &json!(false)),
                expression::drop(),
            ],
        );
    }
    let pools = prefixes(service_pool.iter().chain(&return_pool));
    for chain in ["prerouting", "output"] {
        commands.rule(chain, &[equal(&destination(family), &pools), notrack.clone()]);
    }
}
