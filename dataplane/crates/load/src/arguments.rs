use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::fault::Fault;

/// A task and its `--name value` pairs.
pub(crate) struct Arguments {
    pub(crate) task: String,
    values: BTreeMap<String, String>,
}

impl Arguments {
    pub(crate) fn read(words: Vec<String>) -> Result<Self, Fault> {
        let mut words = words.into_iter();
        let task = words.next().unwrap_or_default();
        let mut values = BTreeMap::new();
        while let Some(word) = words.next() {
            let name =
                word.strip_prefix("--").ok_or_else(|| Fault::Usage(format!("\"{word}\" is no option")))?;
            let value = words.next().ok_or_else(|| Fault::Usage(format!("--{name} needs a value")))?;
            values.insert(name.to_owned(), value);
        }
        Ok(Self { task, values })
    }

    pub(crate) fn address(&self, name: &str) -> Result<SocketAddr, Fault> {
        self.parsed(name)?.ok_or_else(|| Fault::Usage(format!("--{name} ADDRESS:PORT is missing")))
    }

    pub(crate) fn number<T: FromStr>(&self, name: &str, default: T) -> Result<T, Fault> {
        Ok(self.parsed(name)?.unwrap_or(default))
    }

    pub(crate) fn duration(&self) -> Result<Duration, Fault> {
        let seconds: f64 = self.number("seconds", 1.0)?;
        Duration::try_from_secs_f64(seconds)
            .map_err(|_| Fault::Usage(format!("--seconds {seconds} is no time")))
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        let Some(text) = self.values.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| Fault::Usage(format!("--{name} {text} is not understood")))
    }
}
