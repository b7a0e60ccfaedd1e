//! Circumstances of the machine that sessions will suffer from: said, never changed.

use std::fs;

use quiver_api::proto::NodeConfig;

use crate::facts::Facts;
use crate::tun::Offloads;

/// About the device, at the start.
pub(crate) fn of_offloads(offloads: Offloads) -> Option<String> {
    match offloads {
        Offloads::Full => None,
        Offloads::WithoutUdpSegmentation => Some(
            "the kernel has no UDP segmentation for TUN devices (needs Linux 6.2): UDP is forwarded packet by packet, more slowly"
                .to_owned(),
        ),
        Offloads::None => Some(
            "the kernel has no offloads for TUN devices: everything is forwarded packet by packet, much more slowly"
                .to_owned(),
        ),
    }
}

/// About kernel settings.
pub(crate) fn of_machine(node: &NodeConfig) -> Vec<String> {
    let pools = || node.service_pool.iter().chain(&node.return_pool);
    let mut notices = Vec::new();
    if pools().any(|pool| !pool.contains(':')) && setting("ipv4/ip_forward").as_deref() == Some("0") {
        notices.push(
            "IPv4 forwarding is off: clients on other machines cannot reach services (sysctl net.ipv4.ip_forward=1)"
                .to_owned(),
        );
    }
    if pools().any(|pool| pool.contains(':')) && setting("ipv6/conf/all/forwarding").as_deref() == Some("0") {
        notices.push(
            "IPv6 forwarding is off: clients on other machines cannot reach IPv6 services (sysctl net.ipv6.conf.all.forwarding=1)"
                .to_owned(),
        );
    }
    notices.extend(local_ports(node));
    notices
}

/// About routes.
pub(crate) fn of_facts(facts: &Facts, node: &NodeConfig) -> Vec<String> {
    let absent = facts.absent_waypoints.iter().map(|address| {
        format!("waypoint {address} is no address of this node now; add it, or correct the configuration")
    });
    let known: Vec<String> = facts.paths().iter().map(|hop| hop.remote.to_string()).collect();
    let unreachable = node
        .peers
        .iter()
        .flat_map(|peer| peer.waypoints.iter().map(move |w| (peer, w)))
        .filter(|(_, w)| !known.contains(&w.address))
        .map(|(peer, w)| format!("there is no route to waypoint {} of router {}", w.address, peer.router));
    absent.chain(unreachable).collect()
}

/// Local programs that dial a peer's node from a waypoint port to a port in the range would be taken for a peer.
fn local_ports(node: &NodeConfig) -> Option<String> {
    let (first, last) =
        node.waypoint_ports.as_ref().map_or((16384, 29999), |range| (range.first, range.last));
    let setting = setting("ipv4/ip_local_port_range")?;
    let mut ends = setting.split_whitespace().filter_map(|word| word.parse::<u32>().ok());
    let (low, high) = (ends.next()?, ends.next()?);
    (low <= last && first <= high).then(|| {
        format!(
            "waypoint ports {first}-{last} overlap the ports of local programs ({low}-{high}); choose other waypoint ports"
        )
    })
}

fn setting(path: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/sys/net/{path}")).ok().map(|text| text.trim().to_owned())
}
