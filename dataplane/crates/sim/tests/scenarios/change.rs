//! New configurations under live sessions; keys; other protections.

use core::time::Duration;

use quiver_engine::config::{Cipher, Encryption, MetadataProtection};
use quiver_engine::drop_reason::DropReason;
use quiver_engine::event::CloseReason;
use quiver_sim::{Fabric, Script, ServicePlan, UdpService};
use quiver_wire::metadata::{Message, Packet};

use crate::sites::*;

/// Two services at two addresses, each with a live session of `client`.
fn two_services() -> Fabric {
    let other = ServicePlan::new("other", &["198.18.0.2/32"]).allow("corp").server("b", "10.1.0.20");
    let mut net = fabric_of(two_sites().service(everything()).service(other));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert!(echoes(&mut net, "client", 5000, "198.18.0.2:7"));
    net
}

#[test]
fn revoked_access_ends_exactly_the_sessions_concerned() {
    let mut net = two_services();
    net.reconfigure("a", |config| config.services[0].access.clear());
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(echoes(&mut net, "client", 5000, "198.18.0.2:7"));
    assert_eq!(endings(&net, "a"), [CloseReason::AccessRevoked]);
    assert_eq!(endings(&net, "b"), [CloseReason::DeletedByPeer]);
    assert_eq!(&*net.session("a").service, "lab/other");
}

#[test]
fn access_revoked_at_the_egress_alone_ends_the_session_too() {
    let mut net = two_services();
    net.reconfigure("b", |config| config.services[0].access.clear());
    net.run(Duration::from_secs(5));
    assert_eq!(endings(&net, "b"), [CloseReason::AccessRevoked]);
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(echoes(&mut net, "client", 5000, "198.18.0.2:7"));
}

#[test]
fn idle_session_of_a_revoked_tenant_ends_without_a_packet() {
    let mut net = two_services();
    net.reconfigure("a", |config| config.services[0].access.clear());
    net.run(Duration::from_secs(5));
    assert_eq!(net.sessions("a").len(), 1);
    assert_eq!(net.sessions("b").len(), 1);
}

#[test]
fn revoked_tcp_client_is_reset() {
    let mut net = fabric();
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"hello");
    net.run_ms(300);
    net.reconfigure("a", |config| config.services[0].access.clear());
    net.write(connection, b"still there?");
    net.run(Duration::from_secs(5));
    assert!(net.connection(connection).was_reset());
    assert!(net.sessions("a").is_empty() && net.sessions("b").is_empty());
}

#[test]
fn removed_service_ends_its_sessions() {
    let mut net = two_services();
    net.reconfigure_all(|config| drop(config.services.remove(0)));
    net.run(Duration::from_secs(5));
    assert_eq!(endings(&net, "a"), [CloseReason::ServiceRemoved]);
    assert!(echoes(&mut net, "client", 5000, "198.18.0.2:7"));
}

#[test]
fn removed_target_ends_its_sessions_and_new_ones_go_elsewhere() {
    let plan = two_sites().host("b", "second", &["10.1.0.21"]);
    let service = ServicePlan::new("everything", &["198.18.0.1/32"])
        .allow("corp")
        .server("b", "10.1.0.20")
        .server("b", "10.1.0.21");
    let mut net = fabric_of(plan.service(service));
    net.host_mut("second").udp.insert(7, UdpService::Echo);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.reconfigure("b", |config| _ = config.services[0].routes[0].targets.remove(0));
    net.run(Duration::from_secs(5));
    assert_eq!(endings(&net, "b"), [CloseReason::RouteRemoved]);
    assert!(echoes(&mut net, "client", 5001, ECHO));
    assert_eq!(net.inbox("second").len(), 1);
}

#[test]
fn unhealthy_target_keeps_its_sessions() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.reconfigure("b", |config| {
        config.services[0].routes[0].targets.iter_mut().for_each(|t| t.healthy = false);
    });
    net.run(Duration::from_secs(5));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    assert!(!echoes(&mut net, "client", 5001, ECHO));
}

#[test]
fn unrelated_change_disturbs_nothing() {
    let mut net = fabric();
    net.listen("server", 82, Script::Source(500_000));
    let connection = net.connect("client", "198.18.0.1:82", Script::Sink);
    for i in 0..20 {
        net.run_ms(50);
        net.reconfigure_all(|config| config.max_sessions = 10_000 + i);
    }
    net.run(Duration::from_secs(20));
    assert_eq!(net.connection(connection).received.len(), 500_000);
    assert!(endings(&net, "a").iter().all(|reason| *reason == CloseReason::Finished));
}

#[test]
fn granted_access_works_at_once() {
    let mut net = fabric();
    assert!(!echoes(&mut net, "guest", 5000, ECHO));
    net.reconfigure_all(|config| {
        let rule = quiver_engine::config::AccessRule { tenant: "guest".into(), allow: true };
        config.services[0].access.push(rule);
    });
    assert!(echoes(&mut net, "guest", 5000, ECHO));
}

#[test]
fn removed_peer_ends_its_sessions() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    net.reconfigure("a", |config| {
        config.peers.clear();
        config.services[0].routes.clear();
    });
    net.run(Duration::from_secs(5));
    assert!(net.sessions("a").is_empty());
    assert_eq!(endings(&net, "a").len(), 1);
}

#[test]
fn secret_is_rotated_in_three_steps_without_a_gap() {
    let mut net = fabric_of(two_sites().service(everything().encryption(Encryption::Always)));
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let both = || vec![(1, quiver_sim::plan::secret(1)), (2, quiver_sim::plan::secret(2))];
    let mut port = 5001;
    let mut works = |net: &mut Fabric, what: &str| {
        assert!(echoes(net, "client", 5000, ECHO), "old session, {what}");
        assert!(echoes(net, "client", port, ECHO), "new session, {what}");
        port += 1;
    };
    net.reconfigure("a", |config| config.secrets = both());
    works(&mut net, "a knows both");
    net.reconfigure("b", |config| config.secrets = both());
    works(&mut net, "b knows both");
    net.reconfigure("a", |config| config.active_secret = 2);
    works(&mut net, "a sends with the new one");
    net.reconfigure("b", |config| config.active_secret = 2);
    works(&mut net, "b sends with the new one");
    net.reconfigure_all(|config| drop(config.secrets.remove(0)));
    works(&mut net, "the old one is gone");
}

#[test]
fn unknown_key_version_is_refused_for_that_reason() {
    let mut net = fabric();
    net.reconfigure("a", |config| {
        config.secrets = vec![(5, quiver_sim::plan::secret(5))];
        config.active_secret = 5;
    });
    assert!(!echoes(&mut net, "client", 5000, ECHO));
    assert!(net.drops("b", DropReason::UnknownKeyVersion) > 0);
}

fn with_protection(metadata: MetadataProtection, cipher: Cipher) -> Fabric {
    let plan = two_sites().service(everything());
    with_programs(plan.start_with(7, |_, config| {
        config.metadata = metadata;
        config.cipher = cipher;
    }))
}

#[test]
fn signed_metadata_is_readable_and_its_session_works() {
    let mut net = with_protection(MetadataProtection::Signed, Cipher::Aes256Gcm);
    assert!(echoes(&mut net, "client", 5000, ECHO));
    let first = net.wan.iter().find(|seen| seen.has_metadata()).unwrap().clone();
    let packet = Packet::new_checked(first.payload()).unwrap();
    let message = Message::parse(&packet).unwrap();
    let text = format!("{message:?}");
    assert!(text.contains("corp") && text.contains("lab/everything"), "{text}");
    let connection = net.connect("client", WEB, Script::Manual);
    net.write(connection, b"signed");
    net.run_ms(300);
    assert_eq!(net.connection(connection).received, b"signed");
}

#[test]
fn signed_metadata_that_was_changed_is_refused() {
    let mut net = with_protection(MetadataProtection::Signed, Cipher::Aes256Gcm);
    net.link(A, B).up = false;
    net.udp("client", 5000, ECHO, b"never arrives");
    net.run_ms(20);
    let mut forged = net.wan[0].bytes.clone();
    net.link(A, B).up = true;
    let at = forged.windows(4).position(|window| window == b"corp").unwrap();
    forged[at..at + 4].copy_from_slice(b"root");
    let parsed = quiver_wire::Parsed::parse(&forged).unwrap();
    quiver_wire::checksum::finish(&mut forged, &parsed).unwrap();
    net.inject_wan(forged);
    net.run_ms(100);
    assert_eq!(net.drops("b", DropReason::MetadataUnauthentic), 1);
    assert!(net.sessions("b").is_empty());
}

#[test]
fn sealed_metadata_shows_neither_names_nor_addresses() {
    let mut net = fabric();
    assert!(echoes(&mut net, "client", 5000, ECHO));
    for secret in [&b"corp"[..], b"everything", &[10, 1, 0, 10], &[198, 18, 0, 1]] {
        assert!(net.wan.iter().all(|seen| !seen.payload().windows(secret.len()).any(|w| w == secret)));
    }
}

#[test]
fn compatibility_profile_works_with_either_protection() {
    for metadata in [MetadataProtection::Sealed, MetadataProtection::Signed] {
        let mut net = with_protection(metadata, Cipher::Aes256CbcHmacSha256);
        assert!(echoes(&mut net, "client", 5000, ECHO), "{metadata:?}");
        net.wan.clear();
        assert!(echoes(&mut net, "client", 5000, ECHO));
        assert!(net.wan.iter().all(|seen| !seen.has_metadata()));
    }
}
