//! Everything around the workers that follows a configuration: tables, rules, routes.

use std::collections::BTreeSet;
use std::sync::Arc;

use quiver_api::proto::{NodeConfig, Rejected, SecretMaterial};
use quiver_api::{Converted, InterfaceNames, convert};

use crate::facts::Facts;
use crate::fault::{Fault, FaultCode};
use crate::forwarder::Forwarder;
use crate::netlink::{Netlink, Route, RouteKind};
use crate::nft;
use crate::notices;
use crate::origin::Origins;
use crate::shared::{Installed, Shared};
use crate::side::Sides;
use crate::steering::{self, Steering};

/// `rtm_protocol` of our routes: by it they are found again after a crash.
const ROUTE_PROTOCOL: u8 = 81;
/// Of routes to the engine.
const METRIC: u32 = 81;
/// Of the routes behind them; the instance's number is added.
const BLACKHOLE_METRIC: u32 = 4000;

/// Why a configuration did not take effect. The former one goes on.
#[derive(Clone, Debug, PartialEq)]
pub enum ApplyError {
    /// It is wrong.
    Rejected(Vec<Rejected>),
    /// The machine refused.
    Fault(Fault),
}

impl From<Fault> for ApplyError {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Names and numbers of what a router makes in the kernel.
#[derive(Clone, Debug)]
pub(crate) struct Possessions {
    pub(crate) device: String,
    pub(crate) link: u32,
    pub(crate) table: String,
    pub(crate) blackhole_metric: u32,
}

impl Possessions {
    /// Of the instance with this name; the default instance has none.
    pub(crate) fn of(device: &str, instance: &str) -> Self {
        let table = if instance.is_empty() { "quiver".to_owned() } else { format!("quiver_{instance}") };
        // A number from the name, so that blackhole routes of several instances can be told apart.
        let number = instance.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 1000);
        Self { device: device.to_owned(), link: 0, table, blackhole_metric: BLACKHOLE_METRIC + number }
    }

    /// Mark of the device.
    pub(crate) fn alias(&self) -> String {
        format!("{} router", self.table)
    }
}

/// The configuration in force.
struct Current {
    node: NodeConfig,
    secrets: Vec<SecretMaterial>,
    facts: Facts,
    origins: Origins,
    interfaces: InterfaceNames,
    max_sessions: u32,
}

/// Applies configurations and follows the machine.
pub(crate) struct Control<F: Forwarder> {
    pub(crate) shared: Arc<Shared<F>>,
    pub(crate) netlink: Netlink,
    pub(crate) possessions: Possessions,
    pub(crate) mtu: u16,
    /// What was found at the start.
    pub(crate) notices: Vec<String>,
    current: Option<Current>,
    refresh_failed: Option<String>,
}

impl<F: Forwarder> Control<F> {
    pub(crate) fn new(
        shared: Arc<Shared<F>>,
        netlink: Netlink,
        possessions: Possessions,
        mtu: u16,
        notices: Vec<String>,
    ) -> Self {
        Self { shared, netlink, possessions, mtu, notices, current: None, refresh_failed: None }
    }

    /// Brings a configuration into force.
    pub(crate) fn apply(&mut self, node: NodeConfig, secrets: Vec<SecretMaterial>) -> Result<(), ApplyError> {
        let facts = self.facts(&node)?;
        self.install(node, secrets, facts)
    }

    /// Looks at links and routes again; brings the configuration in force up to date. `false`: try again soon.
    pub(crate) fn refresh(&mut self) -> bool {
        self.refresh_failed = self.follow().err().map(|error| match error {
            ApplyError::Fault(fault) => fault.message,
            ApplyError::Rejected(reasons) => {
                reasons.into_iter().next().map(|r| format!("{}: {}", r.field, r.message)).unwrap_or_default()
            }
        });
        self.refresh_failed.is_none()
    }

    fn follow(&mut self) -> Result<(), ApplyError> {
        let Some(current) = &self.current else { return Ok(()) };
        let (node, secrets, interfaces) =
            (current.node.clone(), current.secrets.clone(), current.interfaces.clone());
        let (facts, origins) = (self.facts(&node)?, self.origins(&interfaces)?);
        if self.current.as_ref().is_some_and(|c| c.facts == facts && c.origins == origins) {
            return Ok(());
        }
        self.install(node, secrets, facts)
    }

    /// Removes everything this router made in the kernel.
    pub(crate) fn remove_all(&mut self) -> Result<(), Fault> {
        let tables = nft::remove(&self.possessions.table);
        let routes = self.set_routes(&BTreeSet::new());
        let links = self.netlink.links().map_err(|e| Fault::kernel("list devices", &e))?;
        let ours =
            links.iter().find(|l| l.index == self.possessions.link && l.name == self.possessions.device);
        let link = ours.map_or(Ok(()), |link| self.netlink.delete_link(link.index));
        tables?;
        routes?;
        link.map_err(|e| Fault::kernel(format_args!("remove {}", self.possessions.device), &e))
    }

    /// What stands in the way now.
    pub(crate) fn standing_notices(&self) -> Vec<String> {
        let mut notices = self.notices.clone();
        if let Some(current) = &self.current {
            notices.extend(notices::of_machine(&current.node));
            notices.extend(notices::of_facts(&current.facts, &current.node));
        }
        notices.extend(self.refresh_failed.clone());
        if self.shared.device_failed.load(core::sync::atomic::Ordering::Acquire) {
            let device = &self.possessions.device;
            notices.push(format!(
                "device {device} was removed by somebody else; restart the router to make it again"
            ));
        }
        notices
    }

    /// Sessions the node may carry.
    pub(crate) fn max_sessions(&self) -> u32 {
        self.current.as_ref().map_or(0, |current| current.max_sessions)
    }

    /// Interfaces that tenants of the configuration in force name.
    pub(crate) fn interfaces(&self) -> Option<&InterfaceNames> {
        self.current.as_ref().map(|current| &current.interfaces)
    }

    fn facts(&mut self, node: &NodeConfig) -> Result<Facts, Fault> {
        Facts::gather(node, &mut self.netlink).map_err(|e| Fault::kernel("read routes", &e))
    }

    fn origins(&mut self, interfaces: &InterfaceNames) -> Result<Origins, Fault> {
        if interfaces.is_empty() {
            return Ok(Origins::default());
        }
        let links = self.netlink.links().map_err(|e| Fault::kernel("list devices", &e))?;
        let routes = self.netlink.routes().map_err(|e| Fault::kernel("read routes", &e))?;
        Ok(Origins::build(interfaces, &links, &routes))
    }

    fn install(
        &mut self,
        node: NodeConfig,
        secrets: Vec<SecretMaterial>,
        facts: Facts,
    ) -> Result<(), ApplyError> {
        let Converted { mut config, interfaces } =
            convert(&node, &secrets, &facts, self.mtu).map_err(ApplyError::Rejected)?;
        let max_sessions = config.max_sessions;
        config.max_sessions = max_sessions.div_ceil(self.shared.shards.into());
        let tables = Arc::new(F::tables(&config).map_err(ApplyError::Rejected)?);
        let origins = self.origins(&interfaces)?;
        let steering = self.steering(&config, &facts, !interfaces.is_empty());
        nft::apply(&steering::install(&steering))?;
        let installed = Installed { tables, sides: Sides::of(&config), origins: origins.clone() };
        self.shared.installed.store(Some(Arc::new(installed)));
        self.shared.call_all();
        let pools = config.service_pool.iter().chain(&config.return_pool);
        let wanted = pools
            .flat_map(|&prefix| {
                let route = |kind, metric| Route { prefix, kind, metric, protocol: ROUTE_PROTOCOL };
                [
                    route(RouteKind::Device(self.possessions.link), METRIC),
                    route(RouteKind::Blackhole, self.possessions.blackhole_metric),
                ]
            })
            .collect();
        self.set_routes(&wanted)?;
        self.current = Some(Current { node, secrets, facts, origins, interfaces, max_sessions });
        self.refresh_failed = None;
        Ok(())
    }

    fn steering(
        &self,
        config: &quiver_engine::config::Config,
        facts: &Facts,
        strict_source: bool,
    ) -> Steering {
        Steering {
            table: self.possessions.table.clone(),
            device: self.possessions.device.clone(),
            uplinks: facts.uplinks(),
            ports: config.waypoint_ports,
            waypoints: config.waypoints.clone(),
            peers: config.peers.iter().flat_map(|peer| &peer.waypoints).map(|w| w.address).collect(),
            paths: facts.paths(),
            targets: facts.targets(),
            service_pool: config.service_pool.clone(),
            return_pool: config.return_pool.clone(),
            strict_source,
        }
    }

    /// Makes our routes exactly `wanted`.
    fn set_routes(&mut self, wanted: &BTreeSet<Route>) -> Result<(), Fault> {
        let all = self.netlink.routes().map_err(|e| Fault::kernel("read routes", &e))?;
        let ours: BTreeSet<Route> = all
            .into_iter()
            .filter(|route| route.protocol == ROUTE_PROTOCOL)
            .filter(|route| match route.kind {
                RouteKind::Device(index) => index == self.possessions.link,
                RouteKind::Blackhole => route.metric == self.possessions.blackhole_metric,
            })
            .collect();
        // First what is new: at no moment a packet may find neither.
        for route in wanted.difference(&ours) {
            self.netlink.add_route(route).map_err(|error| not_added(route, &error))?;
        }
        for route in ours.difference(wanted) {
            self.netlink
                .delete_route(route)
                .map_err(|e| Fault::kernel(format_args!("remove the route of {}", show(route)), &e))?;
        }
        Ok(())
    }
}

fn show(route: &Route) -> String {
    format!("{}/{}", route.prefix.address, route.prefix.length)
}

fn not_added(route: &Route, error: &std::io::Error) -> Fault {
    let shown = show(route);
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Fault::new(
            FaultCode::NameTaken,
            format_args!(
                "somebody else's route to {shown} has metric {}; remove it or choose another pool",
                route.metric
            ),
        );
    }
    if route.prefix.address.is_ipv6() {
        return Fault::kernel(format_args!("route {shown} (is IPv6 turned off on this node?)"), error);
    }
    Fault::kernel(format_args!("route {shown}"), error)
}
