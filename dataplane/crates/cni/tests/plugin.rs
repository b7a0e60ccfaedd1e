//! What container runtimes see, with an agent on a real socket.

#![expect(clippy::unwrap_used, reason = "a test fails loudly, in its helpers too")]
#![expect(clippy::indexing_slicing, reason = "a test fails loudly, in its helpers too")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use quiver_cni::{Output, run};
use serde_json::{Value, json};

/// An agent that answers each question with the next line it was given.
struct Agent {
    folder: PathBuf,
    asked: JoinHandle<Vec<Value>>,
}

impl Agent {
    fn answering(name: &str, answers: &'static [&'static str]) -> Self {
        let folder = std::env::temp_dir().join(format!("quiver-cni-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let listener = UnixListener::bind(folder.join("cni.sock")).unwrap();
        let asked = std::thread::spawn(move || {
            let answer = |line: &&str| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut question = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut question).unwrap();
                stream.write_all(line.as_bytes()).unwrap();
                serde_json::from_str(&question).unwrap()
            };
            answers.iter().map(answer).collect()
        });
        Self { folder, asked }
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("cni.sock")
    }

    fn asked(self) -> Vec<Value> {
        let asked = self.asked.join().unwrap();
        std::fs::remove_dir_all(&self.folder).unwrap();
        asked
    }
}

const ARGS: &str = "K8S_POD_UID=u1;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=prod";

fn call(command: &str, config: &Value) -> Output {
    call_with(command, config, &[])
}

fn call_with(command: &str, config: &Value, changed: &[(&str, &str)]) -> Output {
    let environment = |name: &str| {
        let usual = [
            ("CNI_COMMAND", command),
            ("CNI_CONTAINERID", "c1"),
            ("CNI_IFNAME", "eth0"),
            ("CNI_NETNS", "/run/netns/x"),
            ("CNI_ARGS", ARGS),
        ];
        let found = changed.iter().chain(&usual).find(|(key, _)| *key == name);
        found.map(|(_, value)| (*value).to_owned()).filter(|value| !value.is_empty())
    };
    run(&environment, config.to_string().as_bytes())
}

fn chained(socket: &Path) -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "pods", "type": "quiver-cni", "mode": "Chained", "socket": socket,
        "prevResult": previous(), "runtimeConfig": {"io.kubernetes.cri.pod-annotations": {"a": "b"}},
    })
}

fn previous() -> Value {
    json!({
        "cniVersion": "1.0.0",
        "interfaces": [{"name": "cni0", "mac": "02:00:00:00:00:01"}, {"name": "eth0", "sandbox": "/run/netns/x"}],
        "ips": [{"address": "10.1.0.7/24", "gateway": "10.1.0.1", "interface": 1}],
        "routes": [{"dst": "0.0.0.0/0"}],
        "dns": {"nameservers": ["10.96.0.10"]},
        "unknown": {"stays": true},
    })
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&output.text).unwrap()
}

fn code_of(output: &Output) -> (Value, String) {
    assert!(!output.is_success);
    let error = json_of(output);
    let text = format!("{} {}", error["msg"].as_str().unwrap(), error["details"].as_str().unwrap());
    (error["code"].clone(), text)
}

#[test]
fn a_chained_plugin_passes_on_what_came_before_and_tells_the_agent() {
    let agent = Agent::answering("pass", &["{}\n"]);
    let output = call("ADD", &chained(&agent.socket()));
    assert!(output.is_success);
    assert_eq!(json_of(&output), previous());
    let expected = json!({
        "command": "ADD",
        "env": {"CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_ARGS": ARGS},
        "config": {"mode": "Chained", "prevResult": previous()},
    });
    assert_eq!(agent.asked(), [expected]);
}

#[test]
fn a_result_of_another_version_is_told_in_the_configurations_words() {
    let agent = Agent::answering("version", &["{}\n"]);
    let mut config = chained(&agent.socket());
    config["cniVersion"] = "0.4.0".into();
    let result = json_of(&call("ADD", &config));
    assert_eq!(result["cniVersion"], "0.4.0");
    assert_eq!(result["ips"][0]["version"], "4");
    agent.asked();
}

#[test]
fn what_the_agent_refuses_reaches_the_runtime_as_it_is() {
    let agent = Agent::answering(
        "refuse",
        &["{\"error\":{\"code\":11,\"msg\":\"quiver: not yet\",\"details\":\"d\"}}\n"],
    );
    let output = call("ADD", &chained(&agent.socket()));
    assert!(!output.is_success);
    let expected = json!({"cniVersion": "1.0.0", "code": 11, "msg": "quiver: not yet", "details": "d"});
    assert_eq!(json_of(&output), expected);
    agent.asked();
}

#[test]
fn without_an_agent_pods_cannot_come_but_can_go() {
    let config = chained(Path::new("/nonexistent/cni.sock"));
    let (code, text) = code_of(&call("ADD", &config));
    assert_eq!(code, 11);
    assert!(
        text.starts_with("quiver: agent is not reachable; pods of this node start when it runs again"),
        "{text}"
    );
    assert!(text.contains("/nonexistent/cni.sock"), "{text}");
    assert_eq!(code_of(&call("CHECK", &config)).0, 11);
    for command in ["DEL", "GC", "STATUS"] {
        assert_eq!(call(command, &config), Output { text: String::new(), is_success: true }, "{command}");
    }
}

#[test]
fn an_agent_that_hangs_up_is_not_reachable() {
    let agent = Agent::answering("hangup", &["", "not JSON\n"]);
    let config = chained(&agent.socket());
    assert_eq!(code_of(&call("ADD", &config)).0, 11);
    assert_eq!(code_of(&call("ADD", &config)).0, 11);
    agent.asked();
}

#[test]
fn a_pod_goes_without_its_network_and_without_what_came_before() {
    let agent = Agent::answering("del", &["{}\n", "{}\n"]);
    let mut config = chained(&agent.socket());
    config.as_object_mut().unwrap().remove("prevResult");
    for _ in 0..2 {
        let output = call_with("DEL", &config, &[("CNI_NETNS", ""), ("CNI_ARGS", "")]);
        assert_eq!(output, Output { text: String::new(), is_success: true });
    }
    assert_eq!(agent.asked()[1]["env"]["CNI_CONTAINERID"], "c1");
}

#[test]
fn what_is_still_attached_reaches_the_agent() {
    let agent = Agent::answering("gc", &["{}\n"]);
    let mut config = chained(&agent.socket());
    config["cni.dev/valid-attachments"] = json!([{"containerID": "c2", "ifname": "eth0"}]);
    assert!(call_with("GC", &config, &[("CNI_CONTAINERID", ""), ("CNI_IFNAME", "")]).is_success);
    let asked = agent.asked();
    assert_eq!(
        asked[0]["config"]["cni.dev/valid-attachments"],
        json!([{"containerID": "c2", "ifname": "eth0"}])
    );
}

#[test]
fn the_versions_spoken_are_told_without_an_agent() {
    let output = call("VERSION", &json!({"cniVersion": "0.4.0"}));
    let expected = json!({"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0", "1.0.0", "1.1.0"]});
    assert_eq!(json_of(&output), expected);
}

#[test]
fn a_version_that_is_not_spoken_is_refused() {
    let mut config = chained(Path::new("/x"));
    for version in [json!("2.0.0"), json!("0.2.0"), json!(""), Value::Null] {
        config["cniVersion"] = version;
        let output = call("ADD", &config);
        assert_eq!(code_of(&output).0, 1);
        assert_eq!(json_of(&output)["cniVersion"], "1.1.0");
    }
    config["cniVersion"] = "0.3.1".into();
    assert_eq!(code_of(&call("CHECK", &config)).0, 1);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let good = chained(Path::new("/x"));
    for (name, value) in [
        ("CNI_CONTAINERID", ""),
        ("CNI_CONTAINERID", "../x"),
        ("CNI_IFNAME", ""),
        ("CNI_IFNAME", "sixteen-letters-"),
        ("CNI_IFNAME", "a/b"),
        ("CNI_NETNS", ""),
        ("CNI_COMMAND", "FLY"),
    ] {
        let (code, text) = code_of(&call_with("ADD", &good, &[(name, value)]));
        assert_eq!(code, 4, "{name}={value}");
        assert!(text.contains(name), "{text}");
    }
    for (field, value) in
        [("mode", json!("Other")), ("socket", json!("relative")), ("prevResult", json!(null))]
    {
        let mut config = good.clone();
        config[field] = value;
        let (code, text) = code_of(&call("ADD", &config));
        assert_eq!(code, 7, "{field}");
        assert!(text.contains(field), "{text}");
    }
    let broken = run(&|name| (name == "CNI_COMMAND").then(|| "ADD".to_owned()), b"{");
    assert_eq!(code_of(&broken).0, 6);
    assert_eq!(code_of(&run(&|_| None, b"[]")).0, 6);
}

#[test]
fn only_a_network_of_its_own_may_say_that_it_fails() {
    let agent =
        Agent::answering("status", &["{\"error\":{\"code\":51,\"msg\":\"m\",\"details\":\"\"}}\n", "{}\n"]);
    let mut config = chained(&agent.socket());
    config["mode"] = "Primary".into();
    assert_eq!(code_of(&call("STATUS", &config)).0, 51);
    assert!(call("STATUS", &config).is_success);
    agent.asked();
    assert_eq!(code_of(&call("STATUS", &config)).0, 50);
}

#[test]
fn a_pod_whose_network_namespace_is_gone_gets_nothing_and_gives_its_addresses_back() {
    let agent = Agent::answering("undo", &["{\"addresses\":[\"10.1.0.7\"],\"mtu\":1400}\n", "{}\n"]);
    let mut config = chained(&agent.socket());
    config["mode"] = "Primary".into();
    let output = call_with("ADD", &config, &[("CNI_NETNS", "/nonexistent/netns")]);
    assert_eq!(code_of(&output).0, 3);
    let commands: Vec<Value> = agent.asked().iter().map(|asked| asked["command"].clone()).collect();
    assert_eq!(commands, ["ADD", "DEL"]);
}

#[test]
fn calls_are_noted_where_the_configuration_says_so() {
    let agent = Agent::answering("log", &["{}\n"]);
    let mut config = chained(&agent.socket());
    let log = agent.folder.join("cni.log");
    config["logFile"] = log.to_str().unwrap().into();
    call("ADD", &config);
    call("FLY", &config);
    let lines = std::fs::read_to_string(&log).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(lines.contains("\"result\":\"ok\""), "{lines}");
    assert!(lines.contains("CNI_COMMAND"), "{lines}");
    agent.asked();
}
