//! Devices and their addresses.

use core::net::IpAddr;
use std::io;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::{AddressAttribute, AddressMessage};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};

use super::Netlink;

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Number.
    pub index: u32,
    /// Name.
    pub name: String,
    /// MTU in bytes.
    pub mtu: u32,
    /// The free text somebody gave it.
    pub alias: String,
    /// Whether it is a TUN or TAP device.
    pub tun: bool,
    /// Whether somebody holds the other end (a process, in the case of a TUN device).
    pub carrier: bool,
    /// Whether it is the loopback device.
    pub loopback: bool,
}

/// What to set on a device.
#[derive(Clone, Debug)]
pub struct LinkChange<'a> {
    /// MTU in bytes.
    pub mtu: u32,
    /// The mark by which it is recognised.
    pub alias: &'a str,
}

impl Netlink {
    /// All devices.
    pub fn links(&mut self) -> io::Result<Vec<Link>> {
        let answers = self.dump(RouteNetlinkMessage::GetLink(LinkMessage::default()))?;
        Ok(answers.into_iter().filter_map(link).collect())
    }

    /// Sets MTU and alias, turns automatic IPv6 addresses off and the device on.
    pub fn set_link(&mut self, index: u32, change: &LinkChange<'_>) -> io::Result<()> {
        // Before it is up: otherwise it gets an address, and the kernel solicits routers through it.
        let quiet = AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(In6AddrGenMode::None)]);
        // Without IPv6 in the kernel there is nothing to turn off.
        let _ = self.set_attributes(index, vec![LinkAttribute::AfSpecUnspec(vec![quiet])], false);
        let attributes =
            vec![LinkAttribute::Mtu(change.mtu), LinkAttribute::IfAlias(change.alias.to_owned())];
        self.set_attributes(index, attributes, true)
    }

    /// Removes a device, with its routes.
    pub fn delete_link(&mut self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.change(RouteNetlinkMessage::DelLink(message), 0)
    }

    /// All addresses of this node, with the number of their device.
    pub fn addresses(&mut self) -> io::Result<Vec<(IpAddr, u32)>> {
        let answers = self.dump(RouteNetlinkMessage::GetAddress(AddressMessage::default()))?;
        Ok(answers.into_iter().filter_map(address).collect())
    }

    fn set_attributes(&mut self, index: u32, attributes: Vec<LinkAttribute>, up: bool) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        if up {
            message.header.flags = LinkFlags::Up;
            message.header.change_mask = LinkFlags::Up;
        }
        message.attributes = attributes;
        self.change(RouteNetlinkMessage::SetLink(message), 0)
    }
}

fn link(message: RouteNetlinkMessage) -> Option<Link> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        name: String::new(),
        mtu: 0,
        alias: String::new(),
        tun: false,
        carrier: flags.contains(LinkFlags::LowerUp),
        loopback: flags.contains(LinkFlags::Loopback),
    };
    for attribute in message.attributes {
        if let LinkAttribute::IfName(name) = attribute {
            link.name = name;
        } else if let LinkAttribute::Mtu(mtu) = attribute {
            link.mtu = mtu;
        } else if let LinkAttribute::IfAlias(alias) = attribute {
            link.alias = alias;
        } else if let LinkAttribute::LinkInfo(infos) = attribute {
            link.tun = infos.iter().any(|i| matches!(i, LinkInfo::Kind(InfoKind::Tun)));
        }
    }
    Some(link)
}

fn address(message: RouteNetlinkMessage) -> Option<(IpAddr, u32)> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    let index = message.header.index;
    let find = |local: bool| {
        message.attributes.iter().find_map(|a| match a {
            AddressAttribute::Local(a) if local => Some(*a),
            AddressAttribute::Address(a) if !local => Some(*a),
            _ => None,
        })
    };
    let known = matches!(message.header.family, AddressFamily::Inet | AddressFamily::Inet6);
    // On point-to-point devices the attribute "address" is the other end.
    find(true).or_else(|| find(false)).filter(|_| known).map(|a| (a, index))
}
