//! What a container runtime asks: environment and standard input.

use std::path::PathBuf;

use serde_json::{Map, Value};

use crate::failure::{Failure, code};
use crate::version::Version;

/// Reads a variable of the environment.
pub(crate) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Command {
    Add,
    Del,
    Check,
    Status,
    Gc,
}

impl Command {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Status => "STATUS",
            Self::Gc => "GC",
        }
    }
}

/// Whether another plugin makes the pod's network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Chained,
    Primary,
}

/// One call that makes sense.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) command: Command,
    pub(crate) mode: Mode,
    pub(crate) version: Version,
    /// Empty where the command is of no container.
    pub(crate) container: String,
    /// Name of the interface in the container.
    pub(crate) interface: String,
    /// Of the network namespace; empty when it is gone.
    pub(crate) netns: String,
    pub(crate) args: String,
    pub(crate) config: Map<String, Value>,
    /// Of the agent.
    pub(crate) socket: PathBuf,
}

/// Reads standard input.
pub(crate) fn parse_config(input: &[u8]) -> Result<Map<String, Value>, Failure> {
    serde_json::from_slice(input).map_err(|error| {
        Failure::new(code::UNREADABLE, "standard input holds no network configuration", error)
    })
}

impl Invocation {
    /// Checks everything that the specification asks for.
    pub(crate) fn parse(
        command: &str,
        environment: Environment<'_>,
        config: Map<String, Value>,
    ) -> Result<Self, Failure> {
        let command = parse_command(command)?;
        let version = parse_version(&config)?;
        let text = |name: &str| config.get(name).and_then(Value::as_str).unwrap_or_default();
        let mode = match text("mode") {
            "Chained" => Mode::Chained,
            "Primary" => Mode::Primary,
            other => return Err(bad_config("mode", other, "write Chained or Primary")),
        };
        let socket = PathBuf::from(text("socket"));
        if !socket.is_absolute() {
            return Err(bad_config("socket", text("socket"), "write the path of the agent's socket"));
        }
        if command == Command::Check && version < Version::V040 {
            let details = format!("cniVersion is {}", version.name());
            return Err(Failure::new(
                code::INCOMPATIBLE_VERSION,
                "CHECK needs version 0.4.0 or newer",
                details,
            ));
        }
        let variable = |name: &str| environment(name).unwrap_or_default();
        let parsed = Self {
            command,
            mode,
            version,
            container: variable("CNI_CONTAINERID"),
            interface: variable("CNI_IFNAME"),
            netns: variable("CNI_NETNS"),
            args: variable("CNI_ARGS"),
            socket,
            config,
        };
        parsed.check_environment()?;
        Ok(parsed)
    }

    fn check_environment(&self) -> Result<(), Failure> {
        if matches!(self.command, Command::Status | Command::Gc) {
            return Ok(());
        }
        if !is_container(&self.container) {
            return Err(bad_variable("CNI_CONTAINERID", &self.container));
        }
        if !is_interface(&self.interface) {
            return Err(bad_variable("CNI_IFNAME", &self.interface));
        }
        // A container that goes may have lost its network namespace before.
        if self.netns.is_empty() && self.command != Command::Del {
            return Err(bad_variable("CNI_NETNS", ""));
        }
        Ok(())
    }
}

fn parse_command(command: &str) -> Result<Command, Failure> {
    let all = [Command::Add, Command::Del, Command::Check, Command::Status, Command::Gc];
    all.into_iter().find(|one| one.name() == command).ok_or_else(|| bad_variable("CNI_COMMAND", command))
}

fn parse_version(config: &Map<String, Value>) -> Result<Version, Failure> {
    let stated = config.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
    Version::parse(stated).ok_or_else(|| {
        let known = Version::ALL.map(Version::name).join(", ");
        let message = format!("version {stated:?} of the configuration is not spoken here");
        Failure::new(code::INCOMPATIBLE_VERSION, message, format_args!("spoken are {known}"))
    })
}

fn bad_config(field: &str, value: &str, way_out: &str) -> Failure {
    Failure::new(
        code::BAD_CONFIGURATION,
        format_args!("{field} {value:?} of the configuration: {way_out}"),
        "",
    )
}

fn bad_variable(name: &str, value: &str) -> Failure {
    let message = if value.is_empty() {
        format!("{name} is not set")
    } else {
        format!("{name} {value:?} is not usable")
    };
    Failure::new(code::BAD_ENVIRONMENT, message, "the container runtime sets it")
}

fn is_container(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_alphanumeric())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn is_interface(name: &str) -> bool {
    let is_usable = |c: char| c.is_ascii_graphic() && c != '/' && c != ':';
    (1..16).contains(&name.len()) && name != "." && name != ".." && name.chars().all(is_usable)
}
