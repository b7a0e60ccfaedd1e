//! The fabric most scenarios start from: two sites, both with 10.1.0.0/24 behind them.

use core::time::Duration;

use quiver_engine::event::{CloseReason, Event};
use quiver_sim::{Fabric, Mapping, Nat, Plan, Script, ServicePlan, UdpService};

/// Waypoint of site a.
pub(crate) const A: &str = "203.0.113.1";
/// Waypoint of site b.
pub(crate) const B: &str = "203.0.113.2";
/// Waypoint of site a where it is behind a NAT.
pub(crate) const BEHIND_NAT: &str = "192.168.0.1";
/// UDP echo at site b.
pub(crate) const ECHO: &str = "198.18.0.1:7";
/// TCP at site b.
pub(crate) const WEB: &str = "198.18.0.1:80";

/// Site a: an allowed client, one of another tenant, one of no tenant. Site b: a server. In between: a stranger.
pub(crate) fn two_sites() -> Plan {
    Plan::new()
        .router("a", &[A])
        .router("b", &[B])
        .host("a", "client", &["10.1.0.10", "fd01::10"])
        .host("a", "guest", &["10.1.0.66", "fd01::66"])
        .host("a", "nobody", &["10.1.0.99", "fd01::99"])
        .host("b", "server", &["10.1.0.20", "fd01::20"])
        .stranger("stranger", &["198.51.100.7"])
        .tenant_at("a", "corp", &["10.1.0.10/32", "fd01::10/128"])
        .tenant_at("a", "guest", &["10.1.0.66/32", "fd01::66/128"])
}

/// A service for `corp` with one server at site b, in clear.
pub(crate) fn everything() -> ServicePlan {
    ServicePlan::new("everything", &["198.18.0.1/32", "fd00:c6::1/128"])
        .allow("corp")
        .server("b", "10.1.0.20")
        .server("b", "fd01::20")
}

/// The usual fabric, running.
pub(crate) fn fabric() -> Fabric {
    fabric_of(two_sites().service(everything()))
}

/// A plan, running, with the usual programs on host `server`.
pub(crate) fn fabric_of(plan: Plan) -> Fabric {
    with_programs(plan.start(7))
}

/// Site a behind a NAT with the public address 198.51.100.50; it has 192.168.0.1 itself.
pub(crate) fn behind_nat(service: ServicePlan, mapping: Mapping, expiry: Duration) -> Fabric {
    let plan = two_sites().router("a", &[BEHIND_NAT]).public_address("a", "198.51.100.50").service(service);
    let mut net = plan.start(7);
    net.put_behind(BEHIND_NAT, Nat::new("198.51.100.50".parse().unwrap(), mapping, expiry));
    with_programs(net)
}

/// Starts the usual programs on host `server`.
pub(crate) fn with_programs(mut net: Fabric) -> Fabric {
    net.host_mut("server").udp.insert(7, UdpService::Echo);
    net.host_mut("server").udp.insert(9, UdpService::Sink);
    net.listen("server", 80, Script::Echo);
    net.run_ms(200);
    net.wan.clear();
    net
}

/// Whether an echo request of `host` from `port` comes back within a second.
pub(crate) fn echoes(net: &mut Fabric, host: &str, port: u16, to: &str) -> bool {
    let text = format!("echo from {host}:{port} at {:?}", net.now());
    net.udp(host, port, to, text.as_bytes());
    net.run_ms(1000);
    net.payloads(host).iter().any(|payload| payload == text.as_bytes())
}

/// Why the sessions of a router ended, in order.
pub(crate) fn endings(net: &Fabric, router: &str) -> Vec<CloseReason> {
    let ended = net.events(router).filter_map(|event| match event {
        Event::SessionClosed(_, reason) => Some(*reason),
        Event::SessionOpened(_)
        | Event::SessionModified { .. }
        | Event::MetadataRejected { .. }
        | Event::PeerRestarted { .. }
        | Event::LanSteer { .. } => None,
    });
    ended.collect()
}
