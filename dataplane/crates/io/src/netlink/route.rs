//! Routes: ours, and what the kernel would do with a packet.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::io;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteMetric, RouteProtocol, RouteScope,
    RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use quiver_engine::config::Prefix;

use super::Netlink;

/// Where a route leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Out by the device of that number.
    Device(u32),
    /// Packets are dropped silently.
    Blackhole,
}

/// A route of the main table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// Destinations.
    pub prefix: Prefix,
    /// Where it leads.
    pub kind: RouteKind,
    /// The router its packets are handed to; `None` = each destination itself.
    pub via: Option<IpAddr>,
    /// Lower wins.
    pub metric: u32,
    /// Who made it (`rtm_protocol`).
    pub protocol: u8,
}

/// What the kernel does with packets towards an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteTowards {
    /// Number of the device they leave by.
    pub device: u32,
    /// The router they are handed to; `None` = the destination itself.
    pub gateway: Option<IpAddr>,
    /// The source address the kernel would choose.
    pub source: Option<IpAddr>,
    /// Whether the address is this node's own.
    pub local: bool,
    /// MTU set on the route or learned for the path.
    pub mtu: Option<u32>,
}

impl Netlink {
    /// Unicast and blackhole routes of the main table, both families.
    pub fn routes(&mut self) -> io::Result<Vec<Route>> {
        let mut routes = Vec::new();
        for family in [AddressFamily::Inet, AddressFamily::Inet6] {
            let mut message = RouteMessage::default();
            message.header.address_family = family;
            let answers = self.dump(RouteNetlinkMessage::GetRoute(message))?;
            routes.extend(answers.iter().flat_map(self::routes));
        }
        Ok(routes)
    }

    /// Adds a route; one that exists is an error.
    pub fn add_route(&mut self, route: &Route) -> io::Result<()> {
        self.change(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_EXCL)
    }

    /// Puts a route in the place of the one to the same destinations with the same metric.
    pub fn replace_route(&mut self, route: &Route) -> io::Result<()> {
        self.change(RouteNetlinkMessage::NewRoute(message(route)), NLM_F_CREATE | NLM_F_REPLACE)
    }

    /// Removes a route.
    pub fn delete_route(&mut self, route: &Route) -> io::Result<()> {
        self.change(RouteNetlinkMessage::DelRoute(message(route)), 0)
    }

    /// Asks for the route towards `to`, from `from` when given. `None`: there is no route.
    pub fn route_towards(&mut self, to: IpAddr, from: Option<IpAddr>) -> io::Result<Option<RouteTowards>> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(to);
        message.header.destination_prefix_length = full_length(to);
        message.attributes.push(RouteAttribute::Destination(to.into()));
        if let Some(from) = from {
            message.header.source_prefix_length = full_length(from);
            message.attributes.push(RouteAttribute::Source(from.into()));
        }
        match self.get(RouteNetlinkMessage::GetRoute(message)) {
            Ok(answer) => Ok(answer.and_then(towards)),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(error),
            // Unreachable, prohibited, a source that is not (yet) ours: no way to send.
            Err(_) => Ok(None),
        }
    }
}

fn message(route: &Route) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header = RouteHeader {
        address_family: family(route.prefix.address),
        destination_prefix_length: route.prefix.length,
        table: RouteHeader::RT_TABLE_MAIN,
        protocol: RouteProtocol::from(route.protocol),
        scope: RouteScope::Universe,
        kind: RouteType::Unicast,
        ..RouteHeader::default()
    };
    message.attributes.push(RouteAttribute::Destination(route.prefix.address.into()));
    message.attributes.push(RouteAttribute::Priority(route.metric));
    match route.kind {
        RouteKind::Device(index) => {
            message.attributes.push(RouteAttribute::Oif(index));
            match route.via {
                Some(via) => message.attributes.push(RouteAttribute::Gateway(via.into())),
                None => message.header.scope = RouteScope::Link,
            }
        }
        RouteKind::Blackhole => message.header.kind = RouteType::BlackHole,
    }
    message
}

/// The routes of a message: one for each next hop.
fn routes(message: &RouteNetlinkMessage) -> Vec<Route> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return Vec::new() };
    if table(message) != u32::from(RouteHeader::RT_TABLE_MAIN) {
        return Vec::new();
    }
    let any = match message.header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return Vec::new(),
    };
    let find = |wanted: fn(&RouteAttribute) -> Option<IpAddr>| message.attributes.iter().find_map(wanted);
    let address = find(|a| if let RouteAttribute::Destination(to) = a { ip(to) } else { None });
    let metric = message
        .attributes
        .iter()
        .find_map(|a| if let RouteAttribute::Priority(metric) = a { Some(*metric) } else { None });
    let route = |kind, via| Route {
        prefix: Prefix { address: address.unwrap_or(any), length: message.header.destination_prefix_length },
        kind,
        via,
        metric: metric.unwrap_or_default(),
        protocol: message.header.protocol.into(),
    };
    match message.header.kind {
        RouteType::BlackHole => vec![route(RouteKind::Blackhole, None)],
        RouteType::Unicast => {
            ways(message).into_iter().map(|(device, via)| route(RouteKind::Device(device), via)).collect()
        }
        _ => Vec::new(),
    }
}

/// Devices and gateways of a unicast route.
fn ways(message: &RouteMessage) -> Vec<(u32, Option<IpAddr>)> {
    let gateway = |attributes: &[RouteAttribute]| {
        attributes.iter().find_map(|a| if let RouteAttribute::Gateway(via) = a { ip(via) } else { None })
    };
    let found = message.attributes.iter().find_map(|a| match a {
        RouteAttribute::Oif(index) => Some(vec![(*index, gateway(&message.attributes))]),
        RouteAttribute::MultiPath(hops) => {
            Some(hops.iter().map(|hop| (hop.interface_index, gateway(&hop.attributes))).collect())
        }
        _ => None,
    });
    found.unwrap_or_default()
}

fn table(message: &RouteMessage) -> u32 {
    let long = message.attributes.iter().find_map(|a| match a {
        RouteAttribute::Table(table) => Some(*table),
        _ => None,
    });
    long.unwrap_or_else(|| message.header.table.into())
}

fn towards(message: RouteNetlinkMessage) -> Option<RouteTowards> {
    let RouteNetlinkMessage::NewRoute(message) = message else { return None };
    let mut found = RouteTowards {
        device: 0,
        gateway: None,
        source: None,
        local: matches!(message.header.kind, RouteType::Local),
        mtu: None,
    };
    if !matches!(message.header.kind, RouteType::Unicast | RouteType::Local) {
        return None;
    }
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => found.device = *index,
            RouteAttribute::Gateway(gateway) => found.gateway = ip(gateway),
            RouteAttribute::PrefSource(source) => found.source = ip(source),
            RouteAttribute::Metrics(metrics) => found.mtu = metrics.iter().find_map(mtu),
            _ => {}
        }
    }
    (found.device != 0).then_some(found)
}

const fn mtu(metric: &RouteMetric) -> Option<u32> {
    if let RouteMetric::Mtu(mtu) = metric { Some(*mtu) } else { None }
}

const fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(a) => Some(IpAddr::V4(*a)),
        RouteAddress::Inet6(a) => Some(IpAddr::V6(*a)),
        _ => None,
    }
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
