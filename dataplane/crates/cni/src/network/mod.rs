//! A pod's network: a pair of devices, addresses, and the ways to and from the node.
//!
//! The pod has its addresses alone on its device and sends everything to a gateway that exists in name only: neighbour
//! entries give it the link-layer address of the node's end. So the node's end needs no address, no proxy and no
//! setting of the kernel.

mod netlink;

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fs::File;
use std::io;
use std::path::Path;

use netlink::{Device, Netlink};

use crate::failure::{Failure, code};

/// Where pods send what is not for themselves.
#[derive(Debug)]
pub struct Gateways;

impl Gateways {
    const V4: Ipv4Addr = Ipv4Addr::new(169, 254, 1, 1);
    const V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    /// The gateway of the address's family.
    pub const fn of(address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(_) => IpAddr::V4(Self::V4),
            IpAddr::V6(_) => IpAddr::V6(Self::V6),
        }
    }
}

/// What a pod's network has to be.
#[derive(Debug, Clone, Copy)]
pub struct PodLink<'a> {
    /// Name of the node's end.
    pub host: &'a str,
    /// Name of the pod's end.
    pub interface: &'a str,
    /// Network namespace of the pod.
    pub netns: &'a Path,
    /// Of the pod, at most one of each family.
    pub addresses: &'a [IpAddr],
    /// In bytes; `None` = that of the device with the default route.
    pub mtu: Option<u32>,
}

/// What it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    /// Link-layer address of the node's end.
    pub host_mac: String,
    /// Link-layer address of the pod's end.
    pub pod_mac: String,
    /// In bytes.
    pub mtu: u32,
}

/// Name of the node's end of a pod's device: the same for the same interface of the same container.
pub fn host_name(container: &str, interface: &str) -> String {
    // FNV-1a: identifiers of containers are random, so nothing more is needed.
    let bytes = container.bytes().chain([0]).chain(interface.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("qv{:012x}", hash & 0xffff_ffff_ffff)
}

/// Makes a pod's network, or nothing: what was made before a step that failed is taken away.
pub fn make(link: &PodLink<'_>) -> Result<Made, Failure> {
    let namespace = open_namespace(link.netns)?;
    let mut host = Netlink::open().map_err(refused("open netlink"))?;
    let mut pod = Netlink::open_in(&namespace).map_err(refused("enter the network namespace"))?;
    // Left by a call that was cut off.
    host.delete_link(link.host).map_err(refused("remove a former device"))?;
    let mtu = match link.mtu {
        Some(mtu) => mtu,
        None => host.uplink_mtu().map_err(refused("find the uplink"))?,
    };
    host.add_veth(link.host, link.interface, &namespace, mtu).map_err(refused("make the devices"))?;
    set_up(&mut host, &mut pod, link).map(|(host_mac, pod_mac)| Made { host_mac, pod_mac, mtu }).inspect_err(
        |_| {
            let _ = host.delete_link(link.host);
        },
    )
}

/// Takes a pod's network away; one that is not there is no error.
pub fn remove(host: &str) -> Result<(), Failure> {
    let mut netlink = Netlink::open().map_err(refused("open netlink"))?;
    netlink.delete_link(host).map_err(refused("remove the devices"))
}

/// Whether the pod's end is there and has these addresses.
pub fn check(netns: &Path, interface: &str, addresses: &[IpAddr]) -> Result<(), Failure> {
    let namespace = open_namespace(netns)?;
    let mut pod = Netlink::open_in(&namespace).map_err(refused("enter the network namespace"))?;
    let changed = |what: String| Failure::new(code::NETWORK_CHANGED, what, "");
    let device = pod.device(interface).map_err(refused("list devices"))?;
    let device = device.ok_or_else(|| changed(format!("the container has no interface {interface}")))?;
    let present = pod.addresses(device.index).map_err(refused("list addresses"))?;
    match addresses.iter().find(|address| !present.contains(address)) {
        Some(missing) => Err(changed(format!("interface {interface} has lost its address {missing}"))),
        None => Ok(()),
    }
}

fn set_up(host: &mut Netlink, pod: &mut Netlink, link: &PodLink<'_>) -> Result<(String, String), Failure> {
    let near = find(host, link.host)?;
    let far = find(pod, link.interface)?;
    if let Some(loopback) = pod.device("lo").map_err(refused("find the pod's loopback device"))? {
        pod.set_up(loopback.index).map_err(refused("turn the pod's loopback device on"))?;
    }
    pod.set_up(far.index).map_err(refused("turn the pod's device on"))?;
    host.set_up(near.index).map_err(refused("turn the node's device on"))?;
    for address in link.addresses {
        let gateway = Gateways::of(*address);
        pod.add_address(far.index, *address).map_err(refused(format_args!("give the pod {address}")))?;
        pod.add_neighbour(far.index, gateway, &near.mac).map_err(refused("make the pod's gateway known"))?;
        pod.add_gateway(far.index, gateway).map_err(refused("make the pod's default route"))?;
        host.add_neighbour(near.index, *address, &far.mac).map_err(refused("make the pod known"))?;
        host.add_host_route(near.index, *address)
            .map_err(refused(format_args!("make the route to {address}")))?;
    }
    Ok((text_of(&near.mac), text_of(&far.mac)))
}

fn find(netlink: &mut Netlink, name: &str) -> Result<Device, Failure> {
    let found = netlink.device(name).map_err(refused("list devices"))?;
    found
        .ok_or_else(|| Failure::new(code::KERNEL_REFUSED, format_args!("device {name} vanished at once"), ""))
}

fn open_namespace(path: &Path) -> Result<File, Failure> {
    File::open(path).map_err(|error| {
        let message = format!("network namespace {} cannot be opened", path.display());
        Failure::new(code::UNKNOWN_CONTAINER, message, error)
    })
}

fn refused(what: impl core::fmt::Display) -> impl FnOnce(io::Error) -> Failure {
    move |error| Failure::new(code::KERNEL_REFUSED, format_args!("the kernel did not let us {what}"), error)
}

fn text_of(mac: &[u8]) -> String {
    let parts: Vec<String> = mac.iter().map(|byte| format!("{byte:02x}")).collect();
    parts.join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_the_kernel_and_differ() {
        let one = host_name("c0ffee", "eth0");
        assert_eq!(one.len(), 14);
        assert!(one.starts_with("qv"));
        assert_eq!(one, host_name("c0ffee", "eth0"));
        assert_ne!(one, host_name("c0ffee", "eth1"));
        assert_ne!(one, host_name("c0ffef", "eth0"));
        assert_ne!(host_name("a", "bc"), host_name("ab", "c"));
    }
}
