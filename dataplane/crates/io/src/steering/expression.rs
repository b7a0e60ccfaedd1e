//! Parts of rules, in nftables' JSON (libnftables-json(5)).

use core::net::IpAddr;
use std::collections::BTreeSet;

use quiver_engine::config::{PortRange, Prefix};
use serde_json::{Value, json};

use super::Family;

pub(super) fn equal(left: &Value, right: &Value) -> Value {
    json!({ "match": { "op": "==", "left": left, "right": right } })
}

pub(super) fn not_equal(left: &Value, right: &Value) -> Value {
    json!({ "match": { "op": "!=", "left": left, "right": right } })
}

pub(super) fn field(protocol: &str, field: &str) -> Value {
    json!({ "payload": { "protocol": protocol, "field": field } })
}

pub(super) fn meta(key: &str) -> Value {
    json!({ "meta": { "key": key } })
}

/// `length` bits at `offset` bits behind the beginning of the transport header.
pub(super) fn transport_bits(offset: u32, length: u32) -> Value {
    json!({ "payload": { "base": "th", "offset": offset, "len": length } })
}

pub(super) fn ports(range: PortRange) -> Value {
    json!({ "range": [range.first, range.last] })
}

pub(super) fn addresses<'a>(list: impl IntoIterator<Item = &'a IpAddr>) -> Value {
    let list: Vec<String> = list.into_iter().map(ToString::to_string).collect();
    json!({ "set": list })
}

/// The same for raw bytes, which have no type: as numbers.
pub(super) fn raw_addresses<'a>(list: impl IntoIterator<Item = &'a IpAddr>) -> Value {
    let list: Vec<String> = list
        .into_iter()
        .map(|address| match address {
            IpAddr::V4(a) => format!("{:#010x}", a.to_bits()),
            IpAddr::V6(a) => format!("{:#034x}", a.to_bits()),
        })
        .collect();
    json!({ "set": list })
}

/// A set must not hold a prefix within another one.
pub(super) fn prefixes<'a>(list: impl IntoIterator<Item = &'a Prefix>) -> Value {
    let all: BTreeSet<&Prefix> = list.into_iter().collect();
    let list: Vec<Value> = all
        .iter()
        .filter(|inner| !all.iter().any(|outer| outer.length < inner.length && contains(outer, inner)))
        .map(|p| json!({ "prefix": { "addr": p.address.to_string(), "len": p.length } }))
        .collect();
    json!({ "set": list })
}

fn contains(outer: &Prefix, inner: &Prefix) -> bool {
    match (outer.address, inner.address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= outer.length.into(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= outer.length.into(),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

pub(super) fn source(family: Family) -> Value {
    field(family.name(), "saddr")
}

pub(super) fn destination(family: Family) -> Value {
    field(family.name(), "daddr")
}

/// Both transports that carry sessions between waypoints.
pub(super) fn tcp_or_udp() -> Value {
    equal(&meta("l4proto"), &json!({ "set": ["tcp", "udp"] }))
}

pub(super) fn forward(family: Family, next_hop: &str, device: &str) -> Value {
    json!({ "fwd": { "dev": device, "family": family.name(), "addr": next_hop } })
}

pub(super) fn drop() -> Value {
    json!({ "drop": null })
}
