use super::*;

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn prefix(text: &str, length: u8) -> Prefix {
    Prefix { address: address(text), length }
}

fn hop(own: &str, remote: &str, next_hop: &str, device: &str) -> Hop {
    Hop { own: address(own), remote: address(remote), next_hop: address(next_hop), device: device.into() }
}

/// A node with nothing but an IPv4 waypoint and one peer.
fn plain() -> Steering {
    Steering {
        table: "quiver".into(),
        device: "quiver0".into(),
        uplinks: vec!["eth0".into()],
        ports: PortRange { first: 16384, last: 29999 },
        waypoints: vec![address("192.0.2.1")],
        peers: vec![address("203.0.113.1")],
        paths: vec![hop("192.0.2.1", "203.0.113.1", "192.0.2.254", "eth0")],
        targets: Vec::new(),
        service_pool: vec![prefix("198.18.0.0", 16)],
        return_pool: vec![prefix("169.254.96.0", 20)],
        pods: None,
        strict_source: false,
    }
}

/// The same with everything a node can have.
fn full() -> Steering {
    Steering {
        table: "quiver_two".into(),
        uplinks: vec!["eth0".into(), "eth1".into()],
        waypoints: vec![address("192.0.2.1"), address("2001:db8::1")],
        peers: vec![address("203.0.113.1"), address("203.0.113.2"), address("2001:db8:9::1")],
        paths: vec![
            hop("192.0.2.1", "203.0.113.1", "192.0.2.254", "eth0"),
            hop("192.0.2.1", "203.0.113.2", "192.0.2.254", "eth0"),
            hop("2001:db8::1", "2001:db8:9::1", "fe80::1", "eth1"),
        ],
        targets: vec![hop("10.0.0.1", "10.0.0.9", "10.0.0.9", "eth1")],
        service_pool: vec![prefix("198.18.0.0", 16), prefix("fd00:18::", 32)],
        pods: Some(Pods {
            own: vec![prefix("10.244.1.0", 24), prefix("fd00:244:1::", 64)],
            others: vec![prefix("10.244.2.0", 24)],
        }),
        strict_source: true,
        ..plain()
    }
}

/// Compares with the committed rule set, a command a line.
fn assert_golden(steering: &Steering, name: &str, golden: &str) {
    let commands = install(steering);
    let lines: Vec<String> = commands["nftables"].as_array().unwrap().iter().map(Value::to_string).collect();
    let made = lines.join("\n") + "\n";
    assert!(made == golden, "testdata/{name} differs; made:\n{made}");
}

#[test]
fn rule_set_of_a_plain_node_is_the_golden_one() {
    assert_golden(&plain(), "plain.jsonl", include_str!("../../testdata/plain.jsonl"));
}

#[test]
fn rule_set_of_a_node_with_everything_is_the_golden_one() {
    assert_golden(&full(), "full.jsonl", include_str!("../../testdata/full.jsonl"));
}

fn rules<'a>(commands: &'a Value, chain: &'a str) -> Vec<&'a Vec<Value>> {
    let commands = commands["nftables"].as_array().unwrap();
    commands
        .iter()
        .map(|c| &c["add"]["rule"])
        .filter(|rule| rule["chain"] == chain)
        .map(|rule| rule["expr"].as_array().unwrap())
        .collect()
}

#[test]
fn every_rule_towards_the_engine_has_a_drop_behind_it() {
    let commands = install(&full());
    for pair in rules(&commands, "to_engine").chunks(2) {
        let (forward, drop) = (pair[0], pair[1]);
        assert!(forward.last().unwrap().get("fwd").is_some());
        assert_eq!(drop.last().unwrap(), &json!({ "drop": null }));
        assert_eq!(forward[..forward.len() - 1], drop[..drop.len() - 1]);
    }
}

#[test]
fn packets_of_peers_are_taken_only_with_both_ports_in_the_range() {
    let commands = install(&plain());
    let first = json!(rules(&commands, "to_engine")[0]).to_string();
    assert_eq!(first.matches("[16384,29999]").count(), 2);
    assert!(first.contains("sport") && first.contains("dport"));
}

#[test]
fn tables_are_replaced_within_one_transaction() {
    let commands = install(&plain());
    let kinds: Vec<String> = commands["nftables"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|c| c.as_object()?.iter().find(|(_, v)| v.get("table").is_some()))
        .map(|(verb, table)| format!("{verb} {}", table["table"]["family"].as_str().unwrap()))
        .collect();
    let cleared = ["add netdev", "delete netdev", "add ip", "delete ip", "add ip6", "delete ip6"];
    assert_eq!(kinds[..6], cleared);
    assert_eq!(kinds[6..], ["add netdev", "add ip"]);
}

#[test]
fn node_without_peers_gets_no_steering_of_peers() {
    let lonely = Steering { peers: Vec::new(), paths: Vec::new(), ..plain() };
    let commands = install(&lonely);
    assert!(rules(&commands, "to_engine").is_empty());
    assert_eq!(rules(&commands, "to_uplink").len(), 1, "only the drop of own addresses");
}

#[test]
fn removal_touches_only_the_tables_of_the_instance() {
    let text = remove("quiver_two").to_string();
    assert_eq!(text.matches("\"name\":\"quiver_two\"").count(), 6);
    assert!(!text.contains("flush"));
}

#[test]
fn prefixes_within_others_are_left_out_of_sets() {
    let pool = vec![prefix("198.18.0.0", 16), prefix("198.18.4.0", 24), prefix("198.18.0.0", 16)];
    let commands = install(&Steering { service_pool: pool, return_pool: Vec::new(), ..plain() });
    let rule = json!(rules(&commands, "output")[0]).to_string();
    assert_eq!(rule.matches("198.18.").count(), 1, "{rule}");
}
