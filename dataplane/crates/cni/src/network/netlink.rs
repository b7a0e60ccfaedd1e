//! rtnetlink, one blocking request at a time.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's enums: attributes nobody here asks for come and go"
)]

use core::net::IpAddr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_DUMP, NLM_F_EXCL, NLM_F_REPLACE, NLM_F_REQUEST, NetlinkHeader,
    NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage};
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAttribute, RouteFlags, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use netlink_sys::{Socket, SocketAddr};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// When no uplink says otherwise.
const USUAL_MTU: u32 = 1500;

/// A device of the namespace.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) index: u32,
    pub(super) mac: Vec<u8>,
    mtu: u32,
}

/// A connection to the kernel's routing family, in one network namespace.
#[derive(Debug)]
pub(super) struct Netlink {
    socket: Socket,
    sequence: u32,
}

impl Netlink {
    /// In the namespace of this thread.
    pub(super) fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_ROUTE)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        Ok(Self { socket, sequence: 0 })
    }

    /// In that namespace: a socket stays where it was opened, so only a thread of its own has to go there.
    pub(super) fn open_in(namespace: &File) -> io::Result<Self> {
        std::thread::scope(|scope| {
            let opened = scope.spawn(|| {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
                Self::open()
            });
            opened.join().unwrap_or_else(|_| Err(io::Error::other("the thread ended")))
        })
    }

    /// The device of that name.
    pub(super) fn device(&mut self, name: &str) -> io::Result<Option<Device>> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        match self.exchange(RouteNetlinkMessage::GetLink(message), NLM_F_ACK) {
            Ok(answers) => Ok(answers.into_iter().find_map(device)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A pair of devices, the second one in another namespace.
    pub(super) fn add_veth(&mut self, near: &str, far: &str, namespace: &File, mtu: u32) -> io::Result<()> {
        let mut peer = LinkMessage::default();
        peer.attributes = vec![
            LinkAttribute::IfName(far.to_owned()),
            LinkAttribute::Mtu(mtu),
            LinkAttribute::NetNsFd(namespace.as_raw_fd()),
        ];
        let mut message = LinkMessage::default();
        let data = LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer)));
        message.attributes = vec![
            LinkAttribute::IfName(near.to_owned()),
            LinkAttribute::Mtu(mtu),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Veth), data]),
        ];
        self.create(RouteNetlinkMessage::NewLink(message))
    }

    /// One that is not there is no error.
    pub(super) fn delete_link(&mut self, name: &str) -> io::Result<()> {
        let Some(found) = self.device(name)? else { return Ok(()) };
        let mut message = LinkMessage::default();
        message.header.index = found.index;
        match self.exchange(RouteNetlinkMessage::DelLink(message), NLM_F_ACK) {
            Err(error) if !is_absent(&error) => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    pub(super) fn set_up(&mut self, index: u32) -> io::Result<()> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.exchange(RouteNetlinkMessage::SetLink(message), NLM_F_ACK).map(|_| ())
    }

    /// The address alone; nobody else can have it, so it is not asked for.
    pub(super) fn add_address(&mut self, index: u32, address: IpAddr) -> io::Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = family(address);
        message.header.prefix_len = full_length(address);
        message.header.index = index;
        if address.is_ipv6() {
            message.header.flags = AddressHeaderFlags::Nodad;
        }
        message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        self.create(RouteNetlinkMessage::NewAddress(message))
    }

    pub(super) fn addresses(&mut self, index: u32) -> io::Result<Vec<IpAddr>> {
        let answers =
            self.exchange(RouteNetlinkMessage::GetAddress(AddressMessage::default()), NLM_F_DUMP)?;
        Ok(answers.iter().filter_map(|message| address(message, index)).collect())
    }

    pub(super) fn add_neighbour(&mut self, index: u32, address: IpAddr, mac: &[u8]) -> io::Result<()> {
        let mut message = NeighbourMessage::default();
        message.header.family = family(address);
        message.header.ifindex = index;
        message.header.state = NeighbourState::Permanent;
        let destination = match address {
            IpAddr::V4(v4) => NeighbourAddress::Inet(v4),
            IpAddr::V6(v6) => NeighbourAddress::Inet6(v6),
        };
        message.attributes = vec![
            NeighbourAttribute::Destination(destination),
            NeighbourAttribute::LinkLayerAddress(mac.to_vec()),
        ];
        let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        self.exchange(RouteNetlinkMessage::NewNeighbour(message), flags).map(|_| ())
    }

    /// Everything goes to a gateway that is taken to be on the link.
    pub(super) fn add_gateway(&mut self, index: u32, gateway: IpAddr) -> io::Result<()> {
        let mut message = route_message(index, gateway, 0, RouteScope::Universe);
        message.header.flags = RouteFlags::Onlink;
        message.attributes.push(RouteAttribute::Gateway(gateway.into()));
        self.create(RouteNetlinkMessage::NewRoute(message))
    }

    /// The address is behind the device. A route that a former pod left is replaced.
    pub(super) fn add_host_route(&mut self, index: u32, address: IpAddr) -> io::Result<()> {
        let mut message = route_message(index, address, full_length(address), RouteScope::Link);
        message.attributes.push(RouteAttribute::Destination(address.into()));
        let flags = NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
        self.exchange(RouteNetlinkMessage::NewRoute(message), flags).map(|_| ())
    }

    /// MTU of the device with the default route.
    pub(super) fn uplink_mtu(&mut self) -> io::Result<u32> {
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let routes = self.exchange(RouteNetlinkMessage::GetRoute(message), NLM_F_DUMP)?;
            let Some(index) = routes.iter().find_map(default_route) else { continue };
            let links = self.exchange(RouteNetlinkMessage::GetLink(LinkMessage::default()), NLM_F_DUMP)?;
            let uplink = links.into_iter().filter_map(device).find(|one| one.index == index);
            return Ok(uplink.map_or(USUAL_MTU, |one| one.mtu));
        }
        Ok(USUAL_MTU)
    }

    fn create(&mut self, message: RouteNetlinkMessage) -> io::Result<()> {
        self.exchange(message, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).map(|_| ())
    }

    fn exchange(&mut self, message: RouteNetlinkMessage, flags: u16) -> io::Result<Vec<RouteNetlinkMessage>> {
        self.sequence = self.sequence.wrapping_add(1);
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.sequence;
        let mut request = NetlinkMessage::new(header, NetlinkPayload::from(message));
        request.finalize();
        let mut bytes = vec![0; request.buffer_len()];
        request.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        let mut answers = Vec::new();
        while !self.receive(&mut answers)? {}
        Ok(answers)
    }

    /// Takes one datagram of answers; `true` after the last.
    fn receive(&self, answers: &mut Vec<RouteNetlinkMessage>) -> io::Result<bool> {
        let (datagram, _) = self.socket.recv_from_full()?;
        let mut rest = datagram.as_slice();
        while let Some(length) = rest.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes)) {
            let length = usize::try_from(length).map_err(io::Error::other)?;
            let Some((message, _)) = rest.split_at_checked(length.max(16)) else { break };
            // Messages are aligned to four bytes; the last one may lack its padding.
            rest = rest.get(length.max(16).next_multiple_of(4)..).unwrap_or_default();
            let Ok(message) = NetlinkMessage::<RouteNetlinkMessage>::deserialize(message) else { continue };
            if message.header.sequence_number != self.sequence {
                continue;
            }
            match message.payload {
                NetlinkPayload::Error(error) if error.code.is_some() => return Err(error.to_io()),
                NetlinkPayload::Error(_) | NetlinkPayload::Done(_) => return Ok(true),
                NetlinkPayload::InnerMessage(inner) => answers.push(inner),
                _ => {}
            }
        }
        Ok(false)
    }
}

fn route_message(index: u32, address: IpAddr, length: u8, scope: RouteScope) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family(address),
        destination_prefix_length: length,
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::Static,
        scope,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    message.attributes.push(RouteAttribute::Oif(index));
    message
}

fn is_absent(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NODEV.raw_os_error())
}

fn device(message: RouteNetlinkMessage) -> Option<Device> {
    let RouteNetlinkMessage::NewLink(message) = message else { return None };
    let mut found = Device { index: message.header.index, mac: Vec::new(), mtu: USUAL_MTU };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::Address(mac) => found.mac = mac,
            LinkAttribute::Mtu(mtu) => found.mtu = mtu,
            _ => {}
        }
    }
    Some(found)
}

fn address(message: &RouteNetlinkMessage, index: u32) -> Option<IpAddr> {
    let RouteNetlinkMessage::NewAddress(message) = message else { return None };
    if message.header.index != index {
        return None;
    }
    message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Address(address) => Some(*address),
        _ => None,
    })
}

fn default_route(message: &RouteNetlinkMessage) -> Option<u32> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let header = &message.header;
    let is_main = header.table == RouteHeader::RT_TABLE_MAIN && matches!(header.kind, RouteType::Unicast);
    if header.destination_prefix_length != 0 || !is_main {
        return None;
    }
    message.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Oif(index) => Some(*index),
        RouteAttribute::MultiPath(hops) => hops.first().map(|hop| hop.interface_index),
        _ => None,
    })
}

const fn family(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    }
}

const fn full_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}
