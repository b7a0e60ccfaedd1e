//! Generates the Rust side of the node contract; needs no installed protobuf compiler.

use std::error::Error;
use std::path::Path;

const ROOT: &str = "../../api/proto";
const FILES: [&str; 3] = ["node_config.proto", "telemetry.proto", "config_stream.proto"];

fn main() -> Result<(), Box<dyn Error>> {
    let files: Vec<_> =
        FILES.iter().map(|name| Path::new(ROOT).join("quiver/dataplane/v1").join(name)).collect();
    for file in &files {
        println!("cargo:rerun-if-changed={}", file.display());
    }
    let descriptors = protox::compile(&files, [ROOT])?;
    let mut config = prost_build::Config::new();
    config.skip_debug(["quiver.dataplane.v1.SecretMaterial", "quiver.dataplane.v1.Snapshot"]);
    config.compile_fds(descriptors)?;
    Ok(())
}
