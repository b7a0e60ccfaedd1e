//! Writes a capture of sessions with signed metadata, for dissectors: `signed_capture FILE`.

use core::time::Duration;
use std::io;

use quiver_engine::config::MetadataProtection;
use quiver_sim::{Plan, Script, ServicePlan, UdpService, pcap};

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).ok_or_else(|| io::Error::other("name the file to write"))?;
    let service = ServicePlan::new("web", &["198.18.0.1/32", "fd00:c6::1/128"])
        .allow("corp")
        .server("b", "10.1.0.20")
        .server("b", "fd01::20");
    let plan = Plan::new()
        .router("a", &["203.0.113.1"])
        .router("b", &["203.0.113.2"])
        .host("a", "client", &["10.1.0.10", "fd01::10"])
        .host("b", "server", &["10.1.0.20", "fd01::20"])
        .tenant("corp", &["10.1.0.0/24", "fd01::/64"])
        .service(service);
    let mut net = plan.start_with(1, |_, config| config.metadata = MetadataProtection::Signed);
    net.host_mut("server").udp_others = UdpService::Echo;
    net.listen("server", 80, Script::Echo);
    for to in ["198.18.0.1:7", "[fd00:c6::1]:7"] {
        net.udp("client", 5000, to, b"hello");
    }
    net.ping("client", "198.18.0.1", 1, 1, b"hello");
    let connection = net.connect("client", "198.18.0.1:80", Script::Manual);
    net.write(connection, b"hello");
    net.run(Duration::from_secs(1));
    net.restart("b");
    net.udp("client", 5000, "198.18.0.1:7", b"hello again");
    net.close(connection);
    net.run(Duration::from_secs(5));
    std::fs::write(path, pcap::file(net.wan.iter().map(|seen| (seen.at, &seen.bytes[..]))))
}
