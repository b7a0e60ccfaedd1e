//! The real engine between the same sites: addresses are translated, sessions are secured.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use quiver_api::proto::{
    self, AccessAction, AccessRule, Encryption, KeySource, NodeConfig, Route, RoutePeer, RouteTarget,
    SecretMaterial, SecretVersion, Service, SharedSecret, TargetSource, Tenant, TenantMember,
};
use quiver_io::{Engine, Router, StartOptions};

use crate::sites::{CLIENT, SERVICE, Sites, config_a, config_b};
use crate::{TRIES, ask, serve_udp};

const SERVER: &str = "10.2.0.2";

fn secured(node: NodeConfig, encryption: Encryption, route: Route) -> NodeConfig {
    let version = SecretVersion { version: 1, secret_id: "fabric".into(), digest: String::new() };
    let secret = SharedSecret { versions: vec![version], active: 1 };
    let rule = AccessRule { tenant: "staff".into(), action: AccessAction::Allow.into() };
    let member = TenantMember { cidr: "10.1.0.0/24".into(), interface: String::new() };
    NodeConfig {
        key_source: Some(KeySource { shared_secret: Some(secret) }),
        tenants: vec![Tenant { name: "staff".into(), members: vec![member] }],
        services: vec![Service {
            name: "prod/db".into(),
            addresses: vec![format!("{SERVICE}/32")],
            access: vec![rule],
            encryption: encryption.into(),
            routes: vec![route],
            ..Service::default()
        }],
        return_pool: vec!["169.254.96.0/20".into()],
        ..node
    }
}

fn to_peer(encryption: Encryption) -> NodeConfig {
    let peers = vec![RoutePeer { router: "b".into(), cost: 1 }];
    secured(config_a(), encryption, Route { name: "prod/db".into(), peers, ..Route::default() })
}

fn to_server(encryption: Encryption, source: TargetSource) -> NodeConfig {
    let target = RouteTarget {
        address: SERVER.into(),
        weight: 1,
        healthy: true,
        source: source.into(),
        ..RouteTarget::default()
    };
    secured(
        config_b(),
        encryption,
        Route { name: "prod/db".into(), targets: vec![target], ..Route::default() },
    )
}

fn start(sites: &Sites, name: &str, node: NodeConfig, workers: u8) -> Router<Engine> {
    sites.inside(name, move || {
        let mut router = Router::start(&StartOptions { workers, ..StartOptions::default() }).unwrap();
        let secret = SecretMaterial {
            secret_id: "fabric".into(),
            value: b"a secret of sixteen bytes or more".to_vec(),
        };
        router.apply(node, vec![secret]).unwrap();
        router
    })
}

/// Two routers, and a file from the server to the client through them.
fn download(sites: &Sites, encryption: Encryption, source: TargetSource, workers: u8) {
    let before = (sites.state("a"), sites.state("b"));
    let a = start(sites, "a", to_peer(encryption), workers);
    let b = start(sites, "b", to_server(encryption, source), workers);
    let sent: Vec<u8> = (0..2_000_000_u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let listener = sites.inside("server", || TcpListener::bind((SERVER, 8080)).unwrap());
    let file = sent.clone();
    let server = thread::spawn(move || {
        let (mut stream, from) = listener.accept().unwrap();
        stream.write_all(&file).unwrap();
        from.ip().to_string()
    });
    let received = sites.inside("client", || {
        let address = format!("{SERVICE}:8080").parse().unwrap();
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    assert!(received == sent, "{} of {} bytes, or others", received.len(), sent.len());
    let seen = server.join().unwrap();
    let expected = if source == TargetSource::Node { "10.2.0.1" } else { "169.254." };
    assert!(seen.starts_with(expected), "{seen}");
    let drops = |router: &Router<Engine>| {
        let drops = router.telemetry().unwrap().counters.unwrap().drops;
        drops.into_iter().filter(|d| d.packets > 0).map(|d| (d.reason, d.packets)).collect::<Vec<_>>()
    };
    if encryption == Encryption::Never {
        let counters = b.telemetry().unwrap().counters.unwrap();
        let average = counters.lan_bytes_in / counters.lan_packets_in;
        assert!(average > 2 * 1500, "superpackets were cut: {average} bytes on average");
    }
    // A few may be lost while sessions open; a stream of them would mean that something is wrong.
    for lost in drops(&a).into_iter().chain(drops(&b)) {
        assert!(lost.1 < 100, "{lost:?}");
    }
    sites.inside("a", || a.stop(false).unwrap());
    sites.inside("b", || b.stop(false).unwrap());
    assert!((sites.state("a"), sites.state("b")) == before, "something was left behind");
}

#[test]
fn clear_download_arrives_whole_with_one_worker() {
    download(&Sites::make(), Encryption::Never, TargetSource::ReturnPool, 1);
}

#[test]
fn sealed_download_arrives_whole_with_two_workers() {
    download(&Sites::make(), Encryption::Always, TargetSource::ReturnPool, 2);
}

#[test]
fn server_elsewhere_sees_the_nodes_address_and_answers_through_the_engine() {
    download(&Sites::make(), Encryption::Always, TargetSource::Node, 1);
}

#[test]
fn datagrams_are_told_explained_and_dumped_as_one_session() {
    let sites = Sites::make();
    let a = start(&sites, "a", to_peer(Encryption::Always), 2);
    let b = start(&sites, "b", to_server(Encryption::Always, TargetSource::ReturnPool), 2);
    let _server = serve_udp(&sites, SERVER);
    let reply = ask(&sites, SERVICE, "hello", TRIES).unwrap();
    assert!(reply.starts_with("169.254.") && reply.ends_with(" hello"), "{reply}");
    let at_a = a.dump(&proto::DumpRequest { address: CLIENT.into(), ..Default::default() }).unwrap().sessions;
    let at_b = b.dump(&proto::DumpRequest { tenant: "staff".into(), ..Default::default() }).unwrap().sessions;
    assert_eq!(at_a.len(), 1, "{at_a:?}");
    assert_eq!(at_a[0].session_id, at_b[0].session_id);
    assert_eq!((at_a[0].role.as_str(), at_b[0].role.as_str()), ("Ingress", "Egress"));
    let request = proto::ExplainRequest {
        from: Some(proto::Endpoint { address: "10.9.0.9".into(), port: 1 }),
        to: Some(proto::Endpoint { address: SERVICE.into(), port: 9000 }),
        protocol: 17,
        interface: String::new(),
    };
    let explanation = a.explain(&request).unwrap();
    assert_eq!(explanation.verdict, "Denied", "{explanation:?}");
    let opened = a.telemetry().unwrap().events.into_iter().filter_map(|e| e.event);
    assert!(opened.into_iter().any(|e| matches!(e, proto::event::Event::SessionOpened(_))));
    sites.inside("a", || a.stop(false).unwrap());
    sites.inside("b", || b.stop(false).unwrap());
}

#[test]
fn download_goes_on_after_the_ingress_engine_was_replaced() {
    let sites = Sites::make();
    let a = start(&sites, "a", to_peer(Encryption::Always), 1);
    let b = start(&sites, "b", to_server(Encryption::Always, TargetSource::ReturnPool), 1);
    let sent: Vec<u8> = (0..4_000_000_u32).flat_map(|i| i.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    let listener = sites.inside("server", || TcpListener::bind((SERVER, 8080)).unwrap());
    let file = sent.clone();
    let server = thread::spawn(move || listener.accept().unwrap().0.write_all(&file).unwrap());
    let mut stream = sites.inside("client", || {
        let address = format!("{SERVICE}:8080").parse().unwrap();
        TcpStream::connect_timeout(&address, Duration::from_secs(10)).unwrap()
    });
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut received = vec![0; 1_000_000];
    stream.read_exact(&mut received).unwrap();
    let boot = a.telemetry().unwrap().counters.unwrap().boot_id;
    sites.inside("a", || a.stop(true).unwrap());
    let a = start(&sites, "a", to_peer(Encryption::Always), 1);
    assert_ne!(a.telemetry().unwrap().counters.unwrap().boot_id, boot);
    stream.read_to_end(&mut received).unwrap();
    assert!(received == sent, "{} of {} bytes, or others", received.len(), sent.len());
    server.join().unwrap();
    sites.inside("a", || a.stop(false).unwrap());
    sites.inside("b", || b.stop(false).unwrap());
}
