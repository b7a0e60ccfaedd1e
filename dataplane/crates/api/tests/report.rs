//! What is shown of sessions, events and counts.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]

use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use quiver_api::proto::event::Event as Kind;
use quiver_api::proto::{DumpRequest, Session};
use quiver_api::report;
use quiver_crypto::{BootId, SharedSecret};
use quiver_engine::config::{
    Cipher, Config, MetadataProtection, Peer, PeerWaypoint, PortRange, Rejection, ServiceMatch, Transport,
};
use quiver_engine::drop_reason::DropReason;
use quiver_engine::forwarding::{ExplainStep, Explanation, Step};
use quiver_engine::transform::rewrite::Tuple;
use quiver_engine::view::{HopTransport, HopView, SessionState, SessionView};
use quiver_engine::{
    CloseReason, Engine, Event, Instant, Mode, Now, Packet, Phase, Role, SessionChange, SessionUuid, Setup,
    Shard, Tables, TimedEvent, Traffic,
};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn tuple(src: &str, sport: u16, dst: &str, dport: u16) -> Tuple {
    Tuple { src: ip(src), dst: ip(dst), sport, dport }
}

/// A sealed session as its egress shows it.
fn view() -> SessionView {
    SessionView {
        session_id: SessionUuid([0xab; 16]),
        tenant: Some("web.corp".into()),
        service: "lab/files".into(),
        route: "lab/files/b".into(),
        role: Role::Egress,
        protocol: 6,
        context: tuple("10.1.0.10", 40_000, "198.18.0.1", 80),
        binding: Some(tuple("169.254.96.7", 40_000, "10.1.0.20", 8080)),
        client_hop: Some(HopView {
            router: "a".into(),
            node: "a1".into(),
            tuple: tuple("203.0.113.2", 20_001, "203.0.113.1", 20_000),
            phase: Phase::SendReverse,
            transport: HopTransport::UdpTransform,
        }),
        server_hop: None,
        mode: Mode::Sealed,
        per_packet: false,
        state: SessionState::Established,
        traffic: Traffic { packets_forward: 3, bytes_forward: 300, packets_reverse: 2, bytes_reverse: 200 },
        age: Duration::from_millis(1500),
        idle: Duration::from_millis(20),
        expires_in: Duration::from_secs(1900),
    }
}

fn shown(view: &SessionView) -> Session {
    report::session(view)
}

#[test]
fn session_is_shown_with_both_its_ends_and_the_hop_between() {
    let session = shown(&view());
    assert_eq!(session.session_id, "abababab-abab-abab-abab-abababababab");
    assert_eq!((session.tenant.as_str(), session.role.as_str()), ("web.corp", "Egress"));
    let target = session.target.unwrap();
    assert_eq!((target.address.as_str(), target.port), ("10.1.0.20", 8080));
    assert_eq!(session.source.unwrap().address, "169.254.96.7");
    let hop = session.client_hop.unwrap();
    assert_eq!((hop.handshake.as_str(), hop.transport.as_str()), ("SendReverse", "UdpTransform"));
    assert_eq!(hop.remote.unwrap().port, 20_000);
    assert_eq!((session.opened_ms_ago, session.idle_ms, session.expires_in_ms), (1500, 20, 1_900_000));
    assert!(session.server_hop.is_none());
}

#[test]
fn protection_of_the_payload_is_shown_in_one_word() {
    let words = [
        (Mode::Sealed, false, "Sealed"),
        (Mode::Undecided, false, "Undecided"),
        (Mode::Clear, false, "Clear"),
        (Mode::Clear, true, "Signed"),
    ];
    for (mode, per_packet, word) in words {
        assert_eq!(shown(&SessionView { mode, per_packet, ..view() }).security, word);
    }
}

#[test]
fn form_on_a_hop_and_state_are_shown_under_stable_names() {
    let forms = [
        (HopTransport::Native, "Native"),
        (HopTransport::Udp, "Udp"),
        (HopTransport::UdpTransform, "UdpTransform"),
        (HopTransport::UdpEncapsulated, "UdpEncapsulated"),
    ];
    for (transport, name) in forms {
        let server_hop = view().client_hop.map(|hop| HopView { transport, ..hop });
        assert_eq!(shown(&SessionView { server_hop, ..view() }).server_hop.unwrap().transport, name);
    }
    let states = [
        (SessionState::Opening, "Opening"),
        (SessionState::Established, "Established"),
        (SessionState::Closing, "Closing"),
    ];
    for (state, name) in states {
        assert_eq!(shown(&SessionView { state, ..view() }).state, name);
    }
}

#[test]
fn every_filter_that_is_set_must_match_a_session() {
    let ask = |change: &dyn Fn(&mut DumpRequest)| {
        let mut request = DumpRequest::default();
        change(&mut request);
        report::is_wanted(&request, &view())
    };
    assert!(ask(&|_| ()));
    assert!(ask(&|request| request.tenant = "web.corp".into()));
    assert!(ask(&|request| request.tenant = "corp".into()), "a tenant stands for its children");
    assert!(!ask(&|request| request.tenant = "orp".into()));
    assert!(!ask(&|request| request.service = "lab/file".into()));
    assert!(ask(&|request| request.session_id = "ABABAB".into()));
    for address in ["10.1.0.10", "198.18.0.1", "10.1.0.20", "203.0.113.1"] {
        assert!(ask(&|request| request.address = address.into()), "{address}");
    }
    assert!(!ask(&|request| request.address = "10.1.0.11".into()));
    assert!(!ask(&|request| request.address = "nonsense".into()));
    assert!(!ask(&|request| {
        request.service = "lab/files".into();
        request.address = "10.9.9.9".into();
    }));
}

#[test]
fn events_are_told_except_those_between_workers() {
    let told = |event: Event| report::event(&TimedEvent { at: Instant::from_nanos(7), event });
    let opened = told(Event::SessionOpened(view())).unwrap();
    assert_eq!(opened.at, 7);
    assert!(matches!(opened.event, Some(Kind::SessionOpened(opened)) if opened.session.is_some()));
    let Some(Kind::SessionClosed(closed)) =
        told(Event::SessionClosed(view(), CloseReason::Idle)).unwrap().event
    else {
        panic!("another kind of event")
    };
    assert_eq!(closed.reason, CloseReason::Idle.name());
    let modified =
        Event::SessionModified { session_id: SessionUuid([1; 16]), change: SessionChange::Rekeyed };
    assert!(matches!(told(modified).unwrap().event, Some(Kind::SessionModified(m)) if m.change == "Rekeyed"));
    let rejected =
        Event::MetadataRejected { remote: ip("203.0.113.9"), reason: DropReason::MetadataUnauthentic };
    assert!(
        matches!(told(rejected).unwrap().event, Some(Kind::MetadataRejected(r)) if r.reason == "metadata_unauthentic")
    );
    let restarted = Event::PeerRestarted { router: "b".into(), node: "b1".into() };
    assert!(matches!(told(restarted).unwrap().event, Some(Kind::PeerRestarted(r)) if r.node == "b1"));
}

#[test]
fn explanation_is_told_step_by_step_with_its_verdict() {
    let step = |step, passed, detail: &str| ExplainStep { step, passed, detail: detail.to_owned() };
    let explanation = Explanation {
        steps: vec![step(Step::Tenant, true, "web.corp"), step(Step::Access, false, "not admitted")],
        reason: Some(DropReason::AccessDenied),
    };
    let told = report::explanation(&explanation, Some(&view()));
    assert_eq!((told.verdict.as_str(), told.reason.as_str()), ("Denied", "access_denied"));
    assert_eq!(told.steps.iter().map(|step| step.passed).collect::<Vec<_>>(), [true, false]);
    assert!(told.session.is_some());
    let passed = report::explanation(&Explanation { reason: None, ..explanation }, None);
    assert_eq!((passed.verdict.as_str(), passed.reason.as_str()), ("Forwarded", ""));
}

#[test]
fn counts_name_every_drop_reason_and_every_configured_path() {
    let now = Now { at: Instant::ORIGIN, unix_ms: 1_800_000_000_000 };
    let tables = Arc::new(Tables::build(&config()).unwrap());
    let horizon_unix_ms = now.unix_ms;
    let setup = Setup { seed: [7; 32], boot_id: BootId(1), shard: Shard::ONLY, horizon_unix_ms };
    let mut engine = Engine::new(setup, tables, now);
    let mut packet = Packet::allocate();
    packet.fill(&[0x45]);
    engine.handle_lan(packet, now);
    let counts = report::counters(&engine, now);
    assert_eq!(counts.drops.len(), DropReason::COUNT);
    let dropped: Vec<_> = counts.drops.iter().filter(|drop| drop.packets > 0).collect();
    assert_eq!(dropped.iter().map(|drop| drop.reason.as_str()).collect::<Vec<_>>(), ["malformed_ip"]);
    assert_eq!((counts.lan_packets_in, counts.lan_bytes_in, counts.sessions), (1, 1, 0));
    let [path] = &counts.paths[..] else { panic!("one path") };
    assert_eq!(
        (path.remote_address.as_str(), path.state.as_str(), path.mtu),
        ("203.0.113.2", "Unknown", 1400)
    );
}

/// A router with one peer and no service.
fn config() -> Config {
    let waypoint = PeerWaypoint {
        node: "b1".into(),
        address: ip("203.0.113.2"),
        local: ip("203.0.113.1"),
        cost: 0,
        mtu: 1400,
    };
    Config {
        fabric: "lab".into(),
        router: "a".into(),
        node: "a1".into(),
        waypoints: vec![ip("203.0.113.1")],
        waypoint_ports: PortRange { first: 16_384, last: 29_999 },
        service_pool: vec![],
        return_pool: vec![],
        secrets: vec![(1, SharedSecret::new(&[1; 32]).unwrap())],
        active_secret: 1,
        metadata: MetadataProtection::Sealed,
        cipher: Cipher::Aes256Gcm,
        max_sessions: 100,
        rejection: Rejection::Tell,
        service_match: ServiceMatch::BestOnly,
        tenants: vec![],
        services: vec![],
        peers: vec![Peer {
            router: "b".into(),
            waypoints: vec![waypoint],
            transport: Transport::Native,
            always_encrypt: false,
        }],
        lan_mtu: 1500,
    }
}
