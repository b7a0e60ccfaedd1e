//! The pod's whole network: the agent gives addresses, the rest is made here.

use core::net::IpAddr;
use std::path::Path;

use serde_json::{Value, json};

use crate::agent::{Refusal, ask};
use crate::conversion::as_version;
use crate::failure::{Failure, code};
use crate::invocation::{Command, Invocation};
use crate::network::{self, Gateways, Made, PodLink};

/// Gives what stdout has to hold.
pub(crate) fn run(invocation: &Invocation) -> Result<Option<Value>, Failure> {
    match invocation.command {
        Command::Add => add(invocation).map(Some),
        Command::Del => {
            network::remove(&network::host_name(&invocation.container, &invocation.interface))?;
            tell(invocation)
        }
        Command::Gc => tell(invocation),
        Command::Check => check(invocation),
        Command::Status => match ask(invocation, invocation.command.name()) {
            Ok(_) => Ok(None),
            Err(Refusal::Answered(failure)) => Err(failure),
            Err(Refusal::Unreachable(details)) => {
                Err(Failure::new(code::NOT_AVAILABLE, "agent is not reachable", details))
            }
        },
    }
}

// An agent that is away compares what it knows with the operator's pods when it is back: nobody has to wait.
fn tell(invocation: &Invocation) -> Result<Option<Value>, Failure> {
    match ask(invocation, invocation.command.name()) {
        Err(Refusal::Answered(failure)) => Err(failure),
        Err(Refusal::Unreachable(_)) | Ok(_) => Ok(None),
    }
}

fn add(invocation: &Invocation) -> Result<Value, Failure> {
    let agreement = ask(invocation, Command::Add.name())?;
    let host = network::host_name(&invocation.container, &invocation.interface);
    let link = PodLink {
        host: &host,
        interface: &invocation.interface,
        netns: Path::new(&invocation.netns),
        addresses: &agreement.addresses,
        mtu: agreement.mtu,
    };
    match network::make(&link) {
        Ok(made) => {
            Ok(as_version(result(invocation, &host, &agreement.addresses, &made), invocation.version))
        }
        Err(failure) => {
            // The addresses are free again; an agent that cannot be told finds it out later.
            let _ = ask(invocation, Command::Del.name());
            Err(failure)
        }
    }
}

fn check(invocation: &Invocation) -> Result<Option<Value>, Failure> {
    let agreement = ask(invocation, Command::Check.name())?;
    network::check(Path::new(&invocation.netns), &invocation.interface, &agreement.addresses)?;
    Ok(None)
}

fn result(invocation: &Invocation, host: &str, addresses: &[IpAddr], made: &Made) -> Value {
    let ips: Vec<Value> = addresses
        .iter()
        .map(|address| {
            let length = if address.is_ipv4() { 32 } else { 128 };
            json!({ "address": format!("{address}/{length}"), "gateway": Gateways::of(*address), "interface": 1 })
        })
        .collect();
    let routes: Vec<Value> = addresses
        .iter()
        .map(|address| {
            let everything = if address.is_ipv4() { "0.0.0.0/0" } else { "::/0" };
            json!({ "dst": everything, "gw": Gateways::of(*address) })
        })
        .collect();
    json!({
        "cniVersion": "1.1.0",
        "interfaces": [
            { "name": host, "mac": made.host_mac, "mtu": made.mtu },
            { "name": invocation.interface, "mac": made.pod_mac, "mtu": made.mtu, "sandbox": invocation.netns },
        ],
        "ips": ips,
        "routes": routes,
        "dns": {},
    })
}
