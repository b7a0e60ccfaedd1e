//! What an engine is told: resolved, validated, plain values. `quiver-api` makes these from a `NodeConfig`; the simulator writes them by hand.

use core::net::IpAddr;
use core::time::Duration;
use std::sync::Arc;

use quiver_crypto::SharedSecret;

use crate::packet::InterfaceId;

/// Everything one node needs to forward.
#[derive(Clone, Debug)]
pub struct Config {
    /// Name of the fabric.
    pub fabric: Arc<str>,
    /// Name of this router.
    pub router: Arc<str>,
    /// Name of this node.
    pub node: Arc<str>,
    /// Own waypoints, the preferred one of each family first.
    pub waypoints: Vec<IpAddr>,
    /// Ports of waypoints (and of node addresses towards remote servers), both ends included.
    pub waypoint_ports: PortRange,
    /// Prefixes clients dial.
    pub service_pool: Vec<Prefix>,
    /// Prefixes of source addresses towards local servers.
    pub return_pool: Vec<Prefix>,
    /// Versions of the fabric secret, by security identifier; at most four.
    pub secrets: Vec<(u32, SharedSecret)>,
    /// The version to send with.
    pub active_secret: u32,
    /// How payload TLVs of metadata are protected.
    pub metadata: MetadataProtection,
    /// Algorithms of metadata.
    pub cipher: Cipher,
    /// Sessions of this engine, at most.
    pub max_sessions: u32,
    /// What a denied local client is told.
    pub rejection: Rejection,
    /// Whether a denied tenant falls through to the next matching service.
    pub service_match: ServiceMatch,
    /// Known tenants with their members.
    pub tenants: Vec<Tenant>,
    /// Known services.
    pub services: Vec<Service>,
    /// Remote routers.
    pub peers: Vec<Peer>,
    /// Largest IP packet of the LAN side (the TUN's MTU).
    pub lan_mtu: u16,
}

/// Ports, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// Lowest port.
    pub first: u16,
    /// Highest port.
    pub last: u16,
}

/// An address prefix. Host bits are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// First address.
    pub address: IpAddr,
    /// Length in bits.
    pub length: u8,
}

/// Protection of the payload TLVs of metadata (`docs/protocol.md` 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MetadataProtection {
    /// Encrypted and authenticated.
    #[default]
    Sealed,
    /// Readable and authenticated.
    Signed,
}

/// Algorithms of metadata.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cipher {
    /// AES-256-GCM.
    #[default]
    Aes256Gcm,
    /// AES-256-CBC with HMAC-SHA256-128, the compatibility profile.
    Aes256CbcHmacSha256,
}

/// What a denied local client is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rejection {
    /// TCP reset; ICMP administratively prohibited.
    #[default]
    Tell,
    /// Nothing.
    Silent,
}

/// What happens when the best matching service does not admit the tenant (SVR `fib-service-match`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServiceMatch {
    /// Denied.
    #[default]
    BestOnly,
    /// The next match that admits the tenant is taken.
    Any,
}

/// A named source population; `child.parent`.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Full dotted name.
    pub name: Arc<str>,
    /// Who belongs to it.
    pub members: Vec<TenantMember>,
}

/// One entry of a tenant.
#[derive(Clone, Copy, Debug)]
pub struct TenantMember {
    /// Sources.
    pub prefix: Prefix,
    /// Only when the packet came in here.
    pub interface: Option<InterfaceId>,
}

/// A named destination.
#[derive(Clone, Debug)]
pub struct Service {
    /// `namespace/name`, as known in the whole fabric.
    pub name: Arc<str>,
    /// Prefixes that clients dial at this router; may be empty at a router that only serves or transits it.
    pub addresses: Vec<Prefix>,
    /// Protocols and ports; empty = all.
    pub ports: Vec<PortRule>,
    /// Who may; nobody when empty. A deny entry beats an allow entry of the same or a wider tenant.
    pub access: Vec<AccessRule>,
    /// Whether sources without a tenant may.
    pub public: bool,
    /// Payload encryption.
    pub encryption: Encryption,
    /// Payload authentication of clear sessions.
    pub integrity: Integrity,
    /// Idle time after which a session ends; `None` = by protocol.
    pub idle_timeout: Option<Duration>,
    /// How targets and equal peers are chosen.
    pub spread: Spread,
    /// Ways to reach it. Healthy targets come before peers.
    pub routes: Vec<Route>,
}

/// One protocol, all or a range of its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRule {
    /// IANA protocol number; 1 stands for `ICMPv6` too.
    pub protocol: u8,
    /// `None` = every port, and protocols without ports.
    pub ports: Option<PortRange>,
}

/// One line of an access list.
#[derive(Clone, Debug)]
pub struct AccessRule {
    /// The tenant and its children.
    pub tenant: Arc<str>,
    /// Allow or deny.
    pub allow: bool,
}

/// Payload encryption policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encryption {
    /// Sealed unless the payload is already TLS, QUIC or `IPsec`.
    #[default]
    Adaptive,
    /// Always sealed.
    Always,
    /// Never sealed.
    Never,
}

/// Payload authentication of sessions that are not sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Integrity {
    /// Metadata only.
    #[default]
    Metadata,
    /// 16-byte HMAC on every packet.
    PerPacket,
}

/// How one of several is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// The first that has room.
    #[default]
    Hunt,
    /// In proportion to weight.
    Proportional,
}

/// One service route: peers or targets.
#[derive(Clone, Debug)]
pub struct Route {
    /// `namespace/name`.
    pub name: Arc<str>,
    /// Through other routers, by cost.
    pub peers: Vec<RoutePeer>,
    /// To servers.
    pub targets: Vec<Target>,
    /// Sessions over this route, at most.
    pub max_sessions: Option<u32>,
}

/// A peer that leads to the service.
#[derive(Clone, Debug)]
pub struct RoutePeer {
    /// Name of its router.
    pub router: Arc<str>,
    /// Lower is preferred.
    pub cost: u32,
}

/// A server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub address: IpAddr,
    /// Its port; `None` = the one the client dialled.
    pub port: Option<u16>,
    /// Share of new sessions under [`Spread::Proportional`].
    pub weight: u32,
    /// Whether it may get new sessions.
    pub healthy: bool,
    /// The source address it sees.
    pub source: TargetSource,
}

/// The source address a server sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetSource {
    /// One of the return pool.
    ReturnPool,
    /// This node's own address towards the target (resolved by io) with a waypoint port.
    Node(IpAddr),
    /// The client's.
    Preserve,
}

/// Another router.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Its name.
    pub router: Arc<str>,
    /// Where its nodes are.
    pub waypoints: Vec<PeerWaypoint>,
    /// Transport of clear TCP.
    pub transport: Transport,
    /// Every payload towards it is sealed.
    pub always_encrypt: bool,
}

/// One peer path.
#[derive(Clone, Debug)]
pub struct PeerWaypoint {
    /// The peer's node.
    pub node: Arc<str>,
    /// Its address.
    pub address: IpAddr,
    /// Own address of this path.
    pub local: IpAddr,
    /// Lower is preferred.
    pub cost: u32,
    /// Largest IP packet the path carries.
    pub mtu: u16,
}

/// Transport of clear TCP between two routers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transport {
    /// Native TCP.
    #[default]
    Native,
    /// UDP transform.
    Udp,
}
