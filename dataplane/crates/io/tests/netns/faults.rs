//! What a router refuses, and what it survives.

use quiver_api::proto::{NodeConfig, event};
use quiver_io::{FaultCode, Router};

use crate::relay::{POISON, Relay};
use crate::sites::{SERVICE, Sites, config_a, config_b};
use crate::{TRIES, ask, options, serve_udp, start, stop};

#[test]
fn other_peoples_names_are_refused_with_the_way_out() {
    let sites = Sites::make();
    sites.run("a", "nft add table netdev quiver");
    let fault = sites.inside("a", || Router::<Relay>::start(&options(1)).err().unwrap());
    assert_eq!(fault.code, FaultCode::NameTaken);
    assert!(fault.message.contains("nft delete table netdev quiver"), "{fault}");
    sites.run("a", "nft delete table netdev quiver; ip link add quiver0 type veth peer name other");
    let before = sites.state("a");
    let fault = sites.inside("a", || Router::<Relay>::start(&options(1)).err().unwrap());
    assert_eq!(fault.code, FaultCode::NameTaken);
    assert!(fault.message.contains("ip link delete quiver0"), "{fault}");
    assert_eq!(sites.state("a"), before);
}

#[test]
fn second_router_with_the_same_device_is_refused() {
    let sites = Sites::make();
    let first = start(&sites, "a", config_a(), 1);
    let fault = sites.inside("a", || Router::<Relay>::start(&options(1)).err().unwrap());
    assert_eq!(fault.code, FaultCode::DeviceBusy);
    stop(&sites, "a", first);
}

#[test]
fn refused_configuration_leaves_the_former_one_in_force() {
    let sites = Sites::make();
    let (mut a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    let before = sites.state("a");
    let wrong = NodeConfig { service_pool: vec!["198.18.0.1/16".into()], ..config_a() };
    let refused = sites.inside("a", || a.apply(wrong, Vec::new()));
    let Err(quiver_io::ApplyError::Rejected(reasons)) = refused else { panic!("{refused:?}") };
    assert_eq!((reasons[0].code.as_str(), reasons[0].field.as_str()), ("InvalidPrefix", "service_pool[0]"));
    assert_eq!(sites.state("a"), before);
    assert!(ask(&sites, SERVICE, "still", TRIES).is_some());
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn failed_worker_is_reported_and_forwarding_goes_on() {
    let sites = Sites::make();
    let (a, b) = (start(&sites, "a", config_a(), 2), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    assert!(ask(&sites, SERVICE, "before", TRIES).is_some());
    let boot = sites.inside("a", || a.telemetry().unwrap()).counters.unwrap().boot_id;
    assert_eq!(ask(&sites, SERVICE, std::str::from_utf8(POISON).unwrap(), 1), None);
    assert!(ask(&sites, SERVICE, "after", TRIES).is_some());
    let telemetry = sites.inside("a", || a.telemetry().unwrap());
    assert_ne!(telemetry.counters.unwrap().boot_id, boot);
    let restarted =
        telemetry.events.iter().any(|e| matches!(&e.event, Some(event::Event::EngineRestarted(_))));
    assert!(restarted, "{:?}", telemetry.events);
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}
