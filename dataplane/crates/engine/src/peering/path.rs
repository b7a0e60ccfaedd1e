//! One peer path: ports, answers to strangers, what is known of its quality.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use crate::config::{PortRange, Transport};
use crate::forwarding::{PathId, PeerPath};
use crate::peering::NodeIndex;
use crate::peering::announce::Announce;
use crate::random::Random;
use crate::session::credit::AnswerCredit;
use crate::session::keys::HashSeed;
use crate::session::ports::{PortPool, Residue};
use crate::time::Instant;
use crate::transform::Family;

/// How long a path on which first packets went unanswered comes last.
const SUSPECT_FOR: Duration = Duration::from_secs(10);
/// How long a path MTU learned from an ICMP error is believed (RFC 1191 section 6.3).
const LEARNED_MTU_FOR: Duration = Duration::from_mins(10);
/// No IPv4 path needs to be believed to carry less (RFC 791: 576 is what every host takes).
const LEAST_MTU_V4: u16 = 576;
/// RFC 8200 section 5.
const LEAST_MTU_V6: u16 = 1280;

/// What new paths are made with.
pub(crate) struct PathSetup<'a> {
    pub(crate) ports: PortRange,
    pub(crate) residue: Residue,
    pub(crate) random: &'a mut Random,
}

/// State of a peer path.
pub(crate) struct PathState {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) node: NodeIndex,
    pub(crate) router: Arc<str>,
    pub(crate) node_name: Arc<str>,
    /// Its name in the tables in force; `None` when it is no longer configured.
    pub(crate) configured: Option<PathId>,
    pub(crate) transport: Transport,
    pub(crate) is_passive: bool,
    pub(crate) ports: PortPool,
    pub(crate) credit: AnswerCredit,
    pub(crate) announce: Announce,
    pub(crate) sessions: u32,
    range: PortRange,
    configured_mtu: u16,
    learned_mtu: Option<(u16, Instant)>,
    suspect_until: Option<Instant>,
    answered: bool,
}

impl PathState {
    pub(crate) fn new(path: &PeerPath, node: NodeIndex, setup: &mut PathSetup<'_>, now: Instant) -> Self {
        Self {
            local: path.local,
            remote: path.remote,
            node,
            router: Arc::clone(&path.router),
            node_name: Arc::clone(&path.node),
            configured: None,
            transport: path.transport,
            is_passive: path.is_passive,
            ports: PortPool::new(setup.ports, setup.residue, HashSeed::new(setup.random.bytes32())),
            credit: AnswerCredit::new(now),
            announce: Announce::new(now),
            sessions: 0,
            range: setup.ports,
            configured_mtu: path.mtu,
            learned_mtu: None,
            suspect_until: None,
            answered: false,
        }
    }

    pub(crate) fn configure(
        &mut self,
        id: PathId,
        path: &PeerPath,
        node: NodeIndex,
        setup: &mut PathSetup<'_>,
        now: Instant,
    ) {
        if self.range != setup.ports {
            self.range = setup.ports;
            self.ports.set_range(setup.ports);
        }
        if self.node != node {
            self.announce = Announce::new(now);
        }
        self.node = node;
        self.router = Arc::clone(&path.router);
        self.node_name = Arc::clone(&path.node);
        self.configured = Some(id);
        self.transport = path.transport;
        self.is_passive = path.is_passive;
        self.configured_mtu = path.mtu;
    }

    /// Ports of waypoints.
    pub(crate) const fn range(&self) -> PortRange {
        self.range
    }

    pub(crate) const fn family(&self) -> Family {
        Family::of(self.local)
    }

    /// Largest IP packet that may be sent.
    pub(crate) fn mtu(&self, now: Instant) -> u16 {
        match self.learned_mtu {
            Some((mtu, until)) if now < until => mtu.min(self.configured_mtu),
            Some(_) | None => self.configured_mtu,
        }
    }

    /// A router on the way said that a packet was too big. `false` when that is no news, or unbelievable.
    pub(crate) fn learn_mtu(&mut self, mtu: u16, now: Instant) -> bool {
        let least = match self.family() {
            Family::V4 => LEAST_MTU_V4,
            Family::V6 => LEAST_MTU_V6,
        };
        let mtu = mtu.max(least);
        if mtu >= self.mtu(now) {
            return false;
        }
        self.learned_mtu = Some((mtu, now + LEARNED_MTU_FOR));
        true
    }

    pub(crate) fn is_suspect(&self, now: Instant) -> bool {
        self.suspect_until.is_some_and(|until| now < until)
    }

    /// First packets went unanswered.
    pub(crate) fn suspect(&mut self, now: Instant) {
        self.suspect_until = Some(now + SUSPECT_FOR);
    }

    /// Authentic metadata came over it.
    pub(crate) const fn answered(&mut self) {
        self.suspect_until = None;
        self.answered = true;
    }

    /// `Up`, `Suspect` or `Unknown`.
    pub(crate) fn state(&self, now: Instant) -> PathHealth {
        if self.is_suspect(now) {
            PathHealth::Suspect
        } else if self.answered {
            PathHealth::Up
        } else {
            PathHealth::Unknown
        }
    }
}

/// What traffic has shown of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathHealth {
    /// Nothing came over it yet.
    Unknown,
    /// Authentic metadata came over it.
    Up,
    /// First packets of sessions went unanswered a short while ago.
    Suspect,
}

impl PathHealth {
    /// `CamelCase` name, stable.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Up => "Up",
            Self::Suspect => "Suspect",
        }
    }
}
