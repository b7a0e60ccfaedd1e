//! One question to the node's agent.

use core::net::IpAddr;
use core::time::Duration;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use serde_json::{Value, json};

use crate::failure::{Failure, code};
use crate::invocation::{Invocation, Mode};

/// The agent answers within five seconds; longer than this nobody waits for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the agent says when it agrees.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) addresses: Vec<IpAddr>,
    /// Of the pod's interface; `None` = the uplink's.
    pub(crate) mtu: Option<u32>,
}

/// Why there is no agreement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Nobody answered, for whatever reason.
    Unreachable(String),
    /// The agent said no.
    Answered(Failure),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Answered(failure) => failure,
            Refusal::Unreachable(details) => {
                let message = "agent is not reachable; pods of this node start when it runs again";
                Self::new(code::TRY_AGAIN_LATER, message, details)
            }
        }
    }
}

/// Asks the agent about this call; `command` where it is another one than the runtime's.
pub(crate) fn ask(invocation: &Invocation, command: &str) -> Result<Agreement, Refusal> {
    let mode = match invocation.mode {
        Mode::Chained => "Chained",
        Mode::Primary => "Primary",
    };
    let mut config = json!({ "mode": mode });
    for name in ["prevResult", "cni.dev/valid-attachments"] {
        if let (Some(value), Some(fields)) = (invocation.config.get(name), config.as_object_mut()) {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    let env = json!({
        "CNI_CONTAINERID": invocation.container,
        "CNI_IFNAME": invocation.interface,
        "CNI_ARGS": invocation.args,
    });
    let request = json!({ "command": command, "env": env, "config": config });
    let answer = exchange(invocation, &request)
        .map_err(|error| Refusal::Unreachable(format!("{}: {error}", invocation.socket.display())))?;
    parse(&answer)
}

fn exchange(invocation: &Invocation, request: &Value) -> io::Result<String> {
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // A listener that does not accept would hold us in `connect`, too.
    set_socket_timeout(&socket, Timeout::Send, Some(PATIENCE))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    connect(&socket, &SocketAddrUnix::new(&invocation.socket)?)?;
    let mut stream = UnixStream::from(socket);
    stream.write_all(format!("{request}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer)?;
    if answer.ends_with('\n') { Ok(answer) } else { Err(io::Error::other("the agent hung up")) }
}

fn parse(line: &str) -> Result<Agreement, Refusal> {
    let strange = || Refusal::Unreachable(format!("the answer makes no sense: {}", line.trim_end()));
    let answer: Value = serde_json::from_str(line).map_err(|_| strange())?;
    if let Some(error) = answer.get("error") {
        let text = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let code = error.get("code").and_then(Value::as_u64).ok_or_else(strange)?;
        return Err(Refusal::Answered(Failure { code, message: text("msg"), details: text("details") }));
    }
    let list = answer.get("addresses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let addresses = list.iter().map(|one| one.as_str().and_then(|text| text.parse().ok()));
    let mtu = answer.get("mtu").and_then(Value::as_u64).and_then(|mtu| u32::try_from(mtu).ok());
    Ok(Agreement {
        addresses: addresses.collect::<Option<_>>().ok_or_else(strange)?,
        mtu: mtu.filter(|mtu| *mtu != 0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_an_agreement_or_a_reason() {
        let agreed = parse("{\"addresses\":[\"10.1.0.7\",\"fd00::7\"],\"mtu\":1400}\n").unwrap();
        assert_eq!(agreed.addresses, ["10.1.0.7".parse::<IpAddr>().unwrap(), "fd00::7".parse().unwrap()]);
        assert_eq!(agreed.mtu, Some(1400));
        assert_eq!(parse("{}"), Ok(Agreement::default()));
        assert_eq!(parse("{\"addresses\":[],\"mtu\":0}").unwrap().mtu, None);
        let refused = parse("{\"error\":{\"code\":11,\"msg\":\"m\",\"details\":\"d\"}}").unwrap_err();
        let failure = Failure { code: 11, message: "m".to_owned(), details: "d".to_owned() };
        assert_eq!(refused, Refusal::Answered(failure));
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_none() {
        for line in ["", "nonsense", "{\"addresses\":[\"x\"]}", "{\"error\":{}}"] {
            assert!(matches!(parse(line), Err(Refusal::Unreachable(_))), "{line}");
        }
    }
}
