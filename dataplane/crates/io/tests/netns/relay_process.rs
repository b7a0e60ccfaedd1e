//! A router that runs until its standard input ends, for tests that kill it.
//!
//! Arguments: the configuration, protobuf in hex. Says "ready" when packets pass.

#![expect(clippy::expect_used, clippy::print_stdout, reason = "a test's process fails loudly")]
#![expect(clippy::indexing_slicing, reason = "as above, in the shared forwarder")]

use std::io::Read as _;

use prost::Message as _;
use quiver_api::proto::NodeConfig;
use quiver_io::{Router, StartOptions};

#[path = "relay.rs"]
mod relay;

fn main() {
    let hex = std::env::args().nth(1).expect("the configuration is the first argument");
    let bytes: Vec<u8> = (0..hex.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).expect("the configuration is hex"))
        .collect();
    let node = NodeConfig::decode(bytes.as_slice()).expect("the configuration decodes");
    let mut router = Router::<relay::Relay>::start(&StartOptions::default()).expect("the router starts");
    router.apply(node, Vec::new()).expect("the configuration is good");
    println!("ready");
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("standard input can be read");
    router.stop(false).expect("the router stops");
}
