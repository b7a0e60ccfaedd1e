//! Source addresses and ports towards servers.

use core::net::IpAddr;

use crate::config::{Target, TargetSource};
use crate::drop_reason::DropReason;
use crate::engine::Shard;
use crate::forwarding::Tables;
use crate::random::Random;
use crate::session::keys::{HashSeed, LanKey};
use crate::session::node_ports::NodePorts;
use crate::session::ports::Residue;
use crate::session::return_pool::{ReturnBinding, ReturnPool, ReturnRequest};
use crate::shard::shard_of_key;
use crate::transform::rewrite::Tuple;

/// Where sources are taken from.
pub(crate) struct Sources {
    pool: ReturnPool,
    seed: HashSeed,
    boot: u64,
    node_ports: NodePorts,
    shard: Shard,
}

/// What a source is wanted for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SourceRequest<'a> {
    pub(crate) protocol: u8,
    /// Client and service address.
    pub(crate) context: &'a Tuple,
    pub(crate) target: &'a Target,
}

impl Sources {
    pub(crate) fn new(tables: &Tables, shard: Shard, random: &mut Random) -> Self {
        let seed = HashSeed::new(random.bytes32());
        let boot = random.word();
        let residue: Residue = shard.residue();
        Self {
            pool: ReturnPool::new(&tables.node.return_pool, seed, boot),
            seed,
            boot,
            node_ports: NodePorts::new(tables.node.waypoint_ports, residue, HashSeed::new(random.bytes32())),
            shard,
        }
    }

    /// Takes over the pools of new tables. Sources in use stay in use: the flow index knows them.
    pub(crate) fn update(&mut self, tables: &Tables) {
        self.pool = ReturnPool::new(&tables.node.return_pool, self.seed, self.boot);
        self.node_ports.set_range(tables.node.waypoint_ports);
    }

    /// The tuple of packets towards the target. `is_free` says whether no session gets replies by this key.
    pub(crate) fn pick(
        &mut self,
        request: &SourceRequest<'_>,
        is_free: impl Fn(&LanKey) -> bool,
    ) -> Result<Tuple, DropReason> {
        let (client, port) = (request.context.src, request.context.sport);
        let tuple = |binding: ReturnBinding| towards(request, binding.address, binding.port);
        let reply = |binding: ReturnBinding| reply_key(request.protocol, &tuple(binding));
        match request.target.source {
            TargetSource::ReturnPool => {
                let wanted = ReturnRequest {
                    client,
                    client_port: has_ports(request.protocol).then_some(port),
                    target: request.target.address,
                };
                let shard = self.shard;
                let preferred =
                    |binding| shard.count == 1 || shard_of_key(&reply(binding), shard.count) == shard.index;
                let binding = self.pool.pick(&wanted, |binding| is_free(&reply(binding)), preferred);
                binding.map(tuple).map_err(|_| DropReason::ReturnPoolExhausted)
            }
            TargetSource::Node(address) => {
                if !has_ports(request.protocol) {
                    let tuple = towards(request, address, 0);
                    return if is_free(&reply_key(request.protocol, &tuple)) {
                        Ok(tuple)
                    } else {
                        Err(DropReason::ReturnPoolExhausted)
                    };
                }
                let at = |port| ReturnBinding { address, port };
                let port = self.node_ports.pick(|port| is_free(&reply(at(port))));
                port.map(|port| tuple(at(port))).map_err(|_| DropReason::ReturnPoolExhausted)
            }
            TargetSource::Preserve => {
                let tuple = towards(request, client, port);
                if is_free(&reply_key(request.protocol, &tuple)) {
                    Ok(tuple)
                } else {
                    Err(DropReason::ReturnPoolExhausted)
                }
            }
        }
    }

    /// Whether a former decision may be taken again: same target, and a source this node still has.
    pub(crate) fn may_claim(&self, request: &SourceRequest<'_>, former: &Tuple) -> bool {
        let wanted = towards(request, former.src, former.sport);
        wanted == *former
            && match request.target.source {
                TargetSource::ReturnPool => self.pool.contains(former.src),
                TargetSource::Node(address) => {
                    address == former.src && (former.sport == 0 || self.node_ports.contains(former.sport))
                }
                TargetSource::Preserve => {
                    former.src == request.context.src && former.sport == request.context.sport
                }
            }
    }
}

/// The tuple towards the target of a request, from a given source.
fn towards(request: &SourceRequest<'_>, src: IpAddr, sport: u16) -> Tuple {
    let dport = match (is_echo(request.protocol), has_ports(request.protocol)) {
        // The identifier of an ICMP echo is both ports at once.
        (true, _) => sport,
        (false, true) => request.target.port.unwrap_or(request.context.dport),
        (false, false) => 0,
    };
    Tuple { src, dst: request.target.address, sport, dport }
}

/// The key of a server's packets back to this source.
pub(crate) const fn reply_key(protocol: u8, tuple: &Tuple) -> LanKey {
    LanKey { protocol, src: tuple.dst, dst: tuple.src, src_port: tuple.dport, dst_port: tuple.sport }
}

const fn is_echo(protocol: u8) -> bool {
    matches!(protocol, 1 | 58)
}

/// Whether sessions of a protocol are told apart by ports (or the identifier of an ICMP echo).
const fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 1 | 6 | 17 | 58)
}
