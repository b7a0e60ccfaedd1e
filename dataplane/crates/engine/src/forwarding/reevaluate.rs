//! Whether a live session may go on under a new configuration.

use core::net::IpAddr;

use crate::event::CloseReason;
use crate::forwarding::service::{ServiceEntry, ServiceId};
use crate::forwarding::tables::Tables;
use crate::packet::InterfaceId;

/// What a configuration swap can take away from a session, by names and addresses that outlive tables.
#[derive(Clone, Copy, Debug)]
pub struct SessionFacts<'a> {
    /// Name of its service.
    pub service: &'a str,
    /// Name of its tenant.
    pub tenant: Option<&'a str>,
    /// The service address the client dialled.
    pub destination: IpAddr,
    /// IP protocol number.
    pub protocol: u8,
    /// Port the client dialled; 0 for protocols without ports.
    pub port: u16,
    /// Where it comes from.
    pub client: ClientFacts,
    /// Name of its service route.
    pub route: &'a str,
    /// Where it goes to.
    pub next: NextFacts,
}

/// The client leg of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientFacts {
    /// A local client.
    Lan {
        /// Its address.
        source: IpAddr,
        /// The interface it came in by.
        interface: InterfaceId,
    },
    /// A hop from another router.
    Hop {
        /// Own waypoint.
        local: IpAddr,
        /// The peer's waypoint.
        remote: IpAddr,
    },
}

/// The server leg of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextFacts {
    /// A server.
    Target {
        /// Its address.
        address: IpAddr,
        /// The port it is reached at.
        port: u16,
    },
    /// A hop to another router.
    Path {
        /// Own waypoint.
        local: IpAddr,
        /// The peer's waypoint.
        remote: IpAddr,
    },
}

impl Tables {
    /// Whether a session that was opened under an earlier configuration may go on, and the id its service now has.
    ///
    /// Ingress and egress check the access list again, the ingress also its client's tenant; a transit router checks the way
    /// only. Costs, health, weights and limits concern new sessions and end none.
    /// Errors: [`CloseReason::ServiceRemoved`], [`CloseReason::AccessRevoked`], [`CloseReason::RouteRemoved`].
    pub fn still_permits(&self, facts: &SessionFacts<'_>) -> Result<ServiceId, CloseReason> {
        let id = self.service_named(facts.service).ok_or(CloseReason::ServiceRemoved)?;
        let service = self.service(id).ok_or(CloseReason::ServiceRemoved)?;
        check_service(service, facts)?;
        self.check_access(service, facts)?;
        self.check_way(id, facts)?;
        Ok(id)
    }

    fn check_access(&self, service: &ServiceEntry, facts: &SessionFacts<'_>) -> Result<(), CloseReason> {
        if let ClientFacts::Lan { source, interface } = facts.client
            && self.tenant_name_of(source, interface).map(|name| &**name) != facts.tenant
        {
            return Err(CloseReason::AccessRevoked);
        }
        if is_transit(facts) || service.access.admits(facts.tenant).is_allowed() {
            Ok(())
        } else {
            Err(CloseReason::AccessRevoked)
        }
    }

    fn check_way(&self, service: ServiceId, facts: &SessionFacts<'_>) -> Result<(), CloseReason> {
        let route = self.route_named(facts.route).and_then(|id| self.route(id));
        let route = route.filter(|route| route.service == service).ok_or(CloseReason::RouteRemoved)?;
        let comes = match facts.client {
            ClientFacts::Lan { .. } => true,
            ClientFacts::Hop { local, remote } => self.path_between(local, remote).is_some(),
        };
        let goes = match facts.next {
            NextFacts::Target { address, port } => {
                route.targets.iter().filter_map(|id| self.target(*id)).any(|target| {
                    target.server.address == address
                        && (facts.port == 0 || target.server.port.unwrap_or(facts.port) == port)
                })
            }
            NextFacts::Path { local, remote } => self
                .path_between(local, remote)
                .and_then(|id| self.path(id))
                .is_some_and(|path| route.peers.iter().any(|peer| peer.router == path.router)),
        };
        if comes && goes { Ok(()) } else { Err(CloseReason::RouteRemoved) }
    }
}

fn check_service(service: &ServiceEntry, facts: &SessionFacts<'_>) -> Result<(), CloseReason> {
    // Elsewhere the service address is one of another router.
    let dialled = match facts.client {
        ClientFacts::Lan { .. } => service.is_dialled_at(facts.destination),
        ClientFacts::Hop { .. } => true,
    };
    // What a transit router knows of ports does not bind the egress.
    let covered = is_transit(facts) || service.serves(facts.protocol, facts.port);
    if dialled && covered { Ok(()) } else { Err(CloseReason::ServiceRemoved) }
}

const fn is_transit(facts: &SessionFacts<'_>) -> bool {
    matches!((facts.client, facts.next), (ClientFacts::Hop { .. }, NextFacts::Path { .. }))
}
