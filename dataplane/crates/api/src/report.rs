//! What the engine tells of itself, as messages.

use core::net::IpAddr;
use core::time::Duration;

use quiver_engine::forwarding::{Explanation, Verdict};
use quiver_engine::transform::rewrite::Tuple;
use quiver_engine::view::{HopView, SessionView};
use quiver_engine::{Engine, Event, Mode, Now, TimedEvent};

use crate::proto::{self, DumpRequest};

/// Counts of one worker's engine; the caller fills in what concerns the whole node.
pub fn counters(engine: &Engine, now: Now) -> proto::Counters {
    let counts = engine.counters();
    proto::Counters {
        sessions: engine.session_count().into(),
        sessions_opened: counts.sessions_opened,
        sessions_closed: counts.sessions_closed,
        drops: counts
            .drops
            .iter()
            .map(|(reason, packets)| proto::DropCount {
                number: reason.number().into(),
                reason: reason.name().to_owned(),
                description: reason.description().to_owned(),
                packets,
            })
            .collect(),
        lan_packets_in: counts.lan_in.packets,
        lan_bytes_in: counts.lan_in.bytes,
        lan_packets_out: counts.lan_out.packets,
        lan_bytes_out: counts.lan_out.bytes,
        wan_packets_in: counts.wan_in.packets,
        wan_bytes_in: counts.wan_in.bytes,
        wan_packets_out: counts.wan_out.packets,
        wan_bytes_out: counts.wan_out.bytes,
        metadata_packets_in: counts.metadata_in,
        metadata_packets_out: counts.metadata_out,
        paths: paths(engine, now),
        services: services(engine),
        targets: engine.targets().filter_map(|(label, tally)| target(label, tally.sessions)).collect(),
        ..proto::Counters::default()
    }
}

/// An event; `None` for those between workers.
pub fn event(timed: &TimedEvent) -> Option<proto::Event> {
    use proto::event::Event as Kind;
    let kind = match &timed.event {
        Event::SessionOpened(view) => {
            Kind::SessionOpened(proto::SessionOpened { session: Some(session(view)) })
        }
        Event::SessionClosed(view, reason) => Kind::SessionClosed(proto::SessionClosed {
            session: Some(session(view)),
            reason: reason.name().to_owned(),
        }),
        Event::SessionModified { session_id, change } => Kind::SessionModified(proto::SessionModified {
            session_id: session_id.to_string(),
            change: change.name().to_owned(),
        }),
        Event::MetadataRejected { remote, reason } => Kind::MetadataRejected(proto::MetadataRejected {
            remote_address: remote.to_string(),
            reason: reason.name().to_owned(),
        }),
        Event::PeerRestarted { router, node } => {
            Kind::PeerRestarted(proto::PeerRestarted { router: router.to_string(), node: node.to_string() })
        }
        Event::LanSteer { .. } => return None,
    };
    Some(proto::Event { at: timed.at.as_nanos(), event: Some(kind) })
}

/// A session.
pub fn session(view: &SessionView) -> proto::Session {
    proto::Session {
        session_id: view.session_id.to_string(),
        tenant: view.tenant.as_deref().unwrap_or_default().to_owned(),
        service: view.service.to_string(),
        role: view.role.name().to_owned(),
        protocol: view.protocol.into(),
        client: Some(endpoint(view.context.src, view.context.sport)),
        service_address: Some(endpoint(view.context.dst, view.context.dport)),
        source: view.binding.map(|tuple| endpoint(tuple.src, tuple.sport)),
        target: view.binding.map(|tuple| endpoint(tuple.dst, tuple.dport)),
        client_hop: view.client_hop.as_ref().map(hop),
        server_hop: view.server_hop.as_ref().map(hop),
        security: security(view).to_owned(),
        state: view.state.name().to_owned(),
        packets_forward: view.traffic.packets_forward,
        bytes_forward: view.traffic.bytes_forward,
        packets_reverse: view.traffic.packets_reverse,
        bytes_reverse: view.traffic.bytes_reverse,
        opened_ms_ago: millis(view.age),
        idle_ms: millis(view.idle),
        expires_in_ms: millis(view.expires_in),
        route: view.route.to_string(),
    }
}

/// Whether a session is asked for: every filter that is set must match. A tenant stands for its children too, the beginning of a
/// session id for the whole.
pub fn is_wanted(request: &DumpRequest, view: &SessionView) -> bool {
    let address: Option<IpAddr> = request.address.parse().ok();
    (request.tenant.is_empty() || view.tenant.as_deref().is_some_and(|name| is_within(name, &request.tenant)))
        && (request.service.is_empty() || *view.service == *request.service)
        && (request.session_id.is_empty()
            || view.session_id.to_string().starts_with(&request.session_id.to_ascii_lowercase()))
        && (request.address.is_empty() || address.is_some_and(|address| involves(view, address)))
}

/// What would happen to a conversation.
pub fn explanation(explanation: &Explanation, live: Option<&SessionView>) -> proto::Explanation {
    let verdict: Verdict = explanation.verdict();
    proto::Explanation {
        steps: explanation
            .steps
            .iter()
            .map(|step| proto::ExplainStep {
                step: step.step.name().to_owned(),
                passed: step.passed,
                detail: step.detail.clone(),
            })
            .collect(),
        verdict: verdict.name().to_owned(),
        reason: explanation.reason.map(|reason| reason.name().to_owned()).unwrap_or_default(),
        session: live.map(session),
    }
}

fn paths(engine: &Engine, now: Now) -> Vec<proto::PathReport> {
    engine
        .paths(now)
        .map(|path| proto::PathReport {
            router: path.router.to_string(),
            node: path.node.to_string(),
            local_address: path.local.to_string(),
            remote_address: path.remote.to_string(),
            state: path.health.name().to_owned(),
            sessions: path.sessions.into(),
            clock_offset_ms: path.clock_offset_ms,
            mtu: path.mtu.into(),
        })
        .collect()
}

fn services(engine: &Engine) -> Vec<proto::ServiceCount> {
    engine
        .services()
        .map(|(service, tally)| proto::ServiceCount {
            service: service.to_owned(),
            sessions: tally.sessions.into(),
            packets_forward: tally.forward.packets,
            bytes_forward: tally.forward.bytes,
            packets_reverse: tally.reverse.packets,
            bytes_reverse: tally.reverse.bytes,
        })
        .collect()
}

/// The label of a target is its route, address and port, separated by blanks.
fn target(label: &str, sessions: u32) -> Option<proto::TargetCount> {
    let mut parts = label.rsplitn(3, ' ');
    let (port, address, route) = (parts.next()?, parts.next()?, parts.next()?);
    Some(proto::TargetCount {
        route: route.to_owned(),
        address: address.to_owned(),
        port: port.parse().ok()?,
        sessions: sessions.into(),
    })
}

fn hop(view: &HopView) -> proto::Hop {
    proto::Hop {
        router: view.router.to_string(),
        node: view.node.to_string(),
        local: Some(endpoint(view.tuple.src, view.tuple.sport)),
        remote: Some(endpoint(view.tuple.dst, view.tuple.dport)),
        handshake: view.phase.name().to_owned(),
        transport: view.transport.name().to_owned(),
    }
}

const fn security(view: &SessionView) -> &'static str {
    match view.mode {
        Mode::Sealed => "Sealed",
        Mode::Undecided => "Undecided",
        Mode::Clear if view.per_packet => "Signed",
        Mode::Clear => "Clear",
    }
}

fn is_within(name: &str, ancestor: &str) -> bool {
    name.strip_suffix(ancestor).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn involves(view: &SessionView, address: IpAddr) -> bool {
    let has = |tuple: &Tuple| tuple.src == address || tuple.dst == address;
    let hops = [&view.client_hop, &view.server_hop];
    has(&view.context)
        || view.binding.as_ref().is_some_and(has)
        || hops.into_iter().flatten().any(|hop| has(&hop.tuple))
}

fn endpoint(address: IpAddr, port: u16) -> proto::Endpoint {
    proto::Endpoint { address: address.to_string(), port: port.into() }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
