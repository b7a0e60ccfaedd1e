//! The services of one prefix, by match class.

use quiver_wire::ip::protocol::{ICMP, ICMPV6};

use crate::config::{PortRange, PortRule};
use crate::forwarding::service::ServiceId;

/// How specifically a rule names its traffic; tried in this order, each over all prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MatchClass {
    /// Protocol and port.
    Port,
    /// Protocol, any port.
    Protocol,
    /// Anything.
    Any,
}

impl MatchClass {
    /// In the order they are tried.
    pub(crate) const ORDER: [Self; 3] = [Self::Port, Self::Protocol, Self::Any];
}

/// One number for ICMP of both families.
pub(crate) const fn same_icmp(protocol: u8) -> u8 {
    if protocol == ICMPV6 { ICMP } else { protocol }
}

/// The services of one prefix. No two of one class cover the same traffic.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceRules {
    /// By protocol and port.
    ports: Vec<PortsEntry>,
    /// By protocol.
    protocols: Vec<(u8, ServiceId)>,
    any: Option<ServiceId>,
}

#[derive(Clone, Copy, Debug)]
struct PortsEntry {
    protocol: u8,
    range: PortRange,
    service: ServiceId,
}

impl ServiceRules {
    /// Adds one rule of a service. The error is the service that covers some of it already.
    pub(crate) fn insert(&mut self, service: ServiceId, rule: Option<&PortRule>) -> Result<(), ServiceId> {
        match rule {
            None => take_place(&mut self.any, service),
            Some(PortRule { protocol, ports: None }) => self.insert_protocol(same_icmp(*protocol), service),
            Some(PortRule { protocol, ports: Some(range) }) => self.insert_ports(*protocol, *range, service),
        }
    }

    fn insert_protocol(&mut self, protocol: u8, service: ServiceId) -> Result<(), ServiceId> {
        match self.protocols.binary_search_by_key(&protocol, |(known, _)| *known) {
            Ok(at) => match self.protocols.get(at) {
                Some((_, holder)) if *holder != service => Err(*holder),
                Some(_) | None => Ok(()),
            },
            Err(at) => {
                self.protocols.insert(at, (protocol, service));
                Ok(())
            }
        }
    }

    /// Ranges of one service are merged where they meet; those of two services must not.
    fn insert_ports(&mut self, protocol: u8, range: PortRange, service: ServiceId) -> Result<(), ServiceId> {
        let from =
            self.ports.partition_point(|entry| (entry.protocol, entry.range.last) < (protocol, range.first));
        let covered = self.ports.iter().skip(from);
        let covered =
            covered.take_while(|entry| entry.protocol == protocol && entry.range.first <= range.last);
        let mut merged = range;
        let mut to = from;
        for entry in covered {
            if entry.service != service {
                return Err(entry.service);
            }
            merged.first = merged.first.min(entry.range.first);
            merged.last = merged.last.max(entry.range.last);
            to += 1;
        }
        self.ports.splice(from..to, [PortsEntry { protocol, range: merged, service }]);
        Ok(())
    }

    /// The service that covers this traffic by a rule of the class.
    pub(crate) fn find(&self, class: MatchClass, protocol: u8, port: u16) -> Option<ServiceId> {
        match class {
            MatchClass::Port => {
                let at =
                    self.ports.partition_point(|entry| (entry.protocol, entry.range.last) < (protocol, port));
                let entry = self.ports.get(at)?;
                (entry.protocol == protocol && entry.range.first <= port).then_some(entry.service)
            }
            MatchClass::Protocol => {
                let at = self.protocols.binary_search_by_key(&protocol, |(known, _)| *known).ok()?;
                self.protocols.get(at).map(|(_, service)| *service)
            }
            MatchClass::Any => self.any,
        }
    }
}

fn take_place(place: &mut Option<ServiceId>, service: ServiceId) -> Result<(), ServiceId> {
    match *place.get_or_insert(service) {
        holder if holder == service => Ok(()),
        holder => Err(holder),
    }
}
