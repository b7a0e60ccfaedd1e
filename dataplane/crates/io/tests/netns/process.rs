//! A router in a process of its own, to be killed or confined.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use prost::Message as _;
use quiver_api::proto::NodeConfig;

use crate::sites::Sites;

/// The process.
pub(crate) struct Process {
    child: Child,
}

impl Process {
    pub(crate) fn start(sites: &Sites, name: &str, node: &NodeConfig) -> Self {
        Self::start_within(sites, name, node, &[])
    }

    /// The same, within a program that becomes it.
    pub(crate) fn start_within(sites: &Sites, name: &str, node: &NodeConfig, prefix: &[&str]) -> Self {
        use std::fmt::Write as _;
        let mut hex = String::new();
        for byte in node.encode_to_vec() {
            write!(hex, "{byte:02x}").unwrap();
        }
        let child = Command::new("ip")
            .args(["netns", "exec", &sites.full(name)])
            .args(prefix)
            .args([env!("CARGO_BIN_EXE_quiver-io-relay"), &hex])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut process = Self { child };
        let mut line = String::new();
        BufReader::new(process.child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        process
    }

    /// Its effective capabilities, in hex.
    pub(crate) fn capabilities(&self) -> String {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("CapEff:")).unwrap();
        line.trim().to_owned()
    }

    /// SIGKILL: `ip netns exec` has replaced itself by the router.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The end of its standard input stops it in order.
    pub(crate) fn stop(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}
