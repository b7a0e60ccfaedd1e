//! A line per call, where the configuration asks for it. Stdout belongs to the answer.

use std::fs::OpenOptions;
use std::io::Write;

use serde_json::{Map, Value, json};

/// Adds one line of JSON to the file `logFile` of the configuration; a log that cannot be written disturbs nothing.
pub(crate) fn note(config: &Map<String, Value>, command: &str, container: &str, result: &str) {
    let Some(path) = config.get("logFile").and_then(Value::as_str).filter(|path| !path.is_empty()) else {
        return;
    };
    let line = json!({ "command": command, "container": container, "result": result });
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
        let _ = writeln!(file, "{line}");
    }
}
