//! Everything around the workers that follows a configuration: tables, rules, routes.

use std::collections::BTreeSet;
use std::sync::Arc;

use quiver_api::proto::{NodeConfig, Rejected, SecretMaterial};
use quiver_api::{Converted, InterfaceNames, PodNetwork, convert};
use quiver_engine::config::Prefix;

use crate::facts::Facts;
use crate::fault::Fault;
use crate::forwarder::Forwarder;
use crate::netlink::Netlink;
use crate::nft;
use crate::notices;
use crate::origin::Origins;
use crate::routes;
use crate::shared::{Installed, Shared};
use crate::side::Sides;
use crate::steering::{self, Pods, Steering};

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
    /// By which the routes of several instances are told apart.
    pub(crate) number: u32,
}

impl Possessions {
    /// Of the instance with this name; the default instance has none.
    pub(crate) fn of(device: &str, instance: &str) -> Self {
        let table = if instance.is_empty() { "quiver".to_owned() } else { format!("quiver_{instance}") };
        let number = instance.bytes().fold(0_u32, |sum, byte| (sum * 31 + u32::from(byte)) % 1000);
        Self { device: device.to_owned(), link: 0, table, number }
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
    pools: Vec<Prefix>,
    pod_network: Option<PodNetwork>,
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
    /// Nodes whose pods cannot be reached.
    unreachable: Vec<String>,
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
        let (current, unreachable, refresh_failed) = (None, Vec::new(), None);
        Self { shared, netlink, possessions, mtu, notices, current, unreachable, refresh_failed }
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
        let (pools, pods) = (current.pools.clone(), current.pod_network.clone());
        let (facts, origins) = (self.facts(&node)?, self.origins(&interfaces)?);
        if self.current.as_ref().is_none_or(|c| c.facts != facts || c.origins != origins) {
            return self.install(node, secrets, facts);
        }
        // With its link a route goes, and does not come back with it.
        Ok(self.set_routes(&pools, pods.as_ref())?)
    }

    /// Removes everything this router made in the kernel.
    pub(crate) fn remove_all(&mut self) -> Result<(), Fault> {
        self.current = None;
        let tables = nft::remove(&self.possessions.table);
        let routes = routes::set(&mut self.netlink, &self.possessions, &BTreeSet::new());
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
        notices.extend(self.unreachable.iter().cloned());
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
        let Converted { mut config, interfaces, pod_network } =
            convert(&node, &secrets, &facts, self.mtu).map_err(ApplyError::Rejected)?;
        let max_sessions = config.max_sessions;
        config.max_sessions = max_sessions.div_ceil(self.shared.shards.into());
        let tables = Arc::new(F::tables(&config).map_err(ApplyError::Rejected)?);
        let origins = self.origins(&interfaces)?;
        let steering = self.steering(&config, &facts, pod_network.as_ref(), !interfaces.is_empty());
        nft::apply(&steering::install(&steering))?;
        let installed = Installed { tables, sides: Sides::of(&config), origins: origins.clone() };
        self.shared.installed.store(Some(Arc::new(installed)));
        self.shared.call_all();
        let pools: Vec<Prefix> = config.service_pool.iter().chain(&config.return_pool).copied().collect();
        self.set_routes(&pools, pod_network.as_ref())?;
        self.current =
            Some(Current { node, secrets, facts, origins, interfaces, pools, pod_network, max_sessions });
        self.refresh_failed = None;
        Ok(())
    }

    fn set_routes(&mut self, pools: &[Prefix], pods: Option<&PodNetwork>) -> Result<(), Fault> {
        let mut wanted = routes::to_engine(pools.iter().copied(), &self.possessions);
        self.unreachable.clear();
        if let Some(network) = pods {
            let (to_pods, unreachable) = routes::to_pods(network, &self.possessions, &mut self.netlink)?;
            wanted.extend(to_pods);
            self.unreachable = unreachable;
        }
        routes::set(&mut self.netlink, &self.possessions, &wanted)
    }

    fn steering(
        &self,
        config: &quiver_engine::config::Config,
        facts: &Facts,
        pods: Option<&PodNetwork>,
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
            pods: pods.filter(|network| network.masquerade).map(Pods::of),
            strict_source,
        }
    }
}
