//! The device of a router as the kernel shows it: ours, somebody else's, or not there.

use crate::control::Possessions;
use crate::fault::{Fault, FaultCode};
use crate::netlink::{LinkChange, Netlink};

/// Whether a device that a former process of this instance left is there to be taken over.
pub(crate) fn adopt(netlink: &mut Netlink, possessions: &Possessions) -> Result<bool, Fault> {
    let device = &possessions.device;
    let links = netlink.links().map_err(|e| Fault::kernel("list devices", &e))?;
    let Some(link) = links.iter().find(|link| link.name == *device) else { return Ok(false) };
    if !link.tun || link.alias != possessions.alias() {
        return Err(Fault::new(
            FaultCode::NameTaken,
            format_args!(
                "device {device} exists and was not made by this router; remove it (ip link delete {device}) or choose another name"
            ),
        ));
    }
    if link.carrier {
        return Err(Fault::new(
            FaultCode::DeviceBusy,
            format_args!(
                "device {device} is in use by another process; stop that one or choose another name"
            ),
        ));
    }
    Ok(true)
}

/// Marks the device as ours, sets its MTU and turns it on.
pub(crate) fn set_up(netlink: &mut Netlink, possessions: &mut Possessions, mtu: u16) -> Result<(), Fault> {
    let links = netlink.links().map_err(|e| Fault::kernel("list devices", &e))?;
    let link = links.iter().find(|link| link.name == possessions.device).ok_or_else(|| {
        Fault::new(FaultCode::KernelRefused, format_args!("device {} vanished at once", possessions.device))
    })?;
    possessions.link = link.index;
    netlink
        .set_link(link.index, &LinkChange { mtu: mtu.into(), alias: &possessions.alias() })
        .map_err(|e| Fault::kernel(format_args!("set up {}", possessions.device), &e))
}
