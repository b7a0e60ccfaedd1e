//! Captures of a running router.

use std::sync::mpsc::channel;
use std::time::Duration;

use quiver_io::capture::CaptureOptions;

use crate::sites::{SERVICE, Sites, config_a, config_b};
use crate::{TRIES, ask, serve_udp, start, stop};

#[test]
fn capture_holds_both_forms_of_a_matching_packet() {
    let sites = Sites::make();
    let (mut a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    let path = std::env::temp_dir().join(format!("{}.pcapng", sites.full("capture")));
    let (done, ended) = channel();
    let options = CaptureOptions {
        path: path.clone(),
        address: None,
        port: Some(9000),
        max_packets: 2,
        max_seconds: 20,
    };
    a.capture(options, move |result| done.send(result).unwrap());
    assert!(ask(&sites, SERVICE, "look here", TRIES).is_some());
    let summary = ended.recv().unwrap().unwrap();
    let file = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((summary.packets, summary.missed), (2, 0));
    let text = String::from_utf8_lossy(&file);
    assert!(text.contains("look here") && text.contains("from LAN") && text.contains("to LAN"), "{text}");
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}

#[test]
fn capture_that_is_ended_early_is_whole() {
    let sites = Sites::make();
    let (mut a, b) = (start(&sites, "a", config_a(), 1), start(&sites, "b", config_b(), 1));
    let _server = serve_udp(&sites, SERVICE);
    assert!(!a.end_capture());
    let path = std::env::temp_dir().join(format!("{}.pcapng", sites.full("ended")));
    let (done, ended) = channel();
    let options =
        CaptureOptions { path: path.clone(), address: None, port: None, max_packets: 0, max_seconds: 3600 };
    a.capture(options, move |result| done.send(result).unwrap());
    assert!(ask(&sites, SERVICE, "before the end", TRIES).is_some());
    assert!(a.end_capture());
    let summary = ended.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
    let file = std::fs::read(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert!(summary.packets >= 4, "{summary:?}");
    assert!(String::from_utf8_lossy(&file).contains("before the end"));
    stop(&sites, "a", a);
    stop(&sites, "b", b);
}
