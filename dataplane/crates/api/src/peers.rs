//! Peers with their waypoints.

use quiver_engine::config::{Peer, PeerWaypoint, Transport};

use crate::node_config::Context;
use crate::proto;
use crate::rejected::{Problems, RejectCode};
use crate::surroundings::DEFAULT_MTU;
use crate::value;

pub(crate) fn peers(list: &[proto::Peer], context: &Context<'_>, problems: &mut Problems) -> Vec<Peer> {
    list.iter()
        .enumerate()
        .map(|(i, peer)| {
            let router = value::name(&peer.router, format_args!("peers[{i}].router"), problems);
            let at = format!("peers[{router}]");
            Peer {
                waypoints: peer
                    .waypoints
                    .iter()
                    .enumerate()
                    .filter_map(|(i, w)| waypoint(w, &format!("{at}.waypoints[{i}]"), context, problems))
                    .collect(),
                transport: match value::choice(peer.transport, format_args!("{at}.transport"), problems) {
                    proto::Transport::Unspecified | proto::Transport::Auto | proto::Transport::Native => {
                        Transport::Native
                    }
                    proto::Transport::Udp => Transport::Udp,
                },
                always_encrypt: peer.always_encrypt,
                router,
            }
        })
        .collect()
}

fn waypoint(
    waypoint: &proto::PeerWaypoint,
    at: &str,
    context: &Context<'_>,
    problems: &mut Problems,
) -> Option<PeerWaypoint> {
    let node = value::name(&waypoint.node, format_args!("{at}.node"), problems);
    let address = value::address(&waypoint.address, format_args!("{at}.address"), problems)?;
    let field = format!("{at}.local_address");
    let local = if waypoint.local_address.is_empty() {
        context.waypoint_like(address, &field, problems)?
    } else {
        value::address(&waypoint.local_address, &field, problems)?
    };
    if !context.waypoints.contains(&local) || local.is_ipv4() != address.is_ipv4() {
        problems.reject(
            RejectCode::NoWaypoint,
            &field,
            format_args!("{local} is not an own waypoint of the family of {address}"),
        );
        return None;
    }
    let Ok(mtu) = u16::try_from(waypoint.mtu) else {
        problems.reject(RejectCode::OutOfRange, format_args!("{at}.mtu"), "an MTU is at most 65535");
        return None;
    };
    let uplink = context.surroundings.path_mtu(local, address).unwrap_or(DEFAULT_MTU);
    let mtu = if mtu == 0 { uplink } else { mtu.min(uplink) };
    Some(PeerWaypoint { node, address, local, cost: waypoint.cost, mtu })
}
