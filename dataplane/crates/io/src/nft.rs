//! The `nft` program, the only one we start.

use std::io::{self, Write};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::fault::{Fault, FaultCode};
use crate::steering::{self, MARK, TABLE_FAMILIES};

/// Applies commands in one transaction: all of them, or none.
pub fn apply(commands: &Value) -> Result<(), Fault> {
    let output = run(&["-j", "-f", "-"], &commands.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().find(|line| line.contains("Error")).unwrap_or(said.trim()).trim();
    if said.contains("Operation not permitted") {
        return Err(Fault::privilege("change nftables rules"));
    }
    Err(Fault::new(
        FaultCode::KernelRefused,
        format_args!(
            "nft refused the steering rules: {said}; the kernel needs nf_tables with netdev ingress hooks, fwd and fib"
        ),
    ))
}

/// Refuses when a table of our name lacks our mark.
pub fn ensure_free(table: &str) -> Result<(), Fault> {
    for (family, marked) in tables_named(table)? {
        if !marked {
            return Err(Fault::new(
                FaultCode::NameTaken,
                format_args!(
                    "nftables table {family} {table} was not made by a router; remove it (nft delete table {family} {table}) or choose another instance name"
                ),
            ));
        }
    }
    Ok(())
}

/// Removes our tables; those that lack our mark stay.
pub fn remove(table: &str) -> Result<(), Fault> {
    let found = tables_named(table)?;
    if found.is_empty() || found.iter().any(|(_, marked)| !marked) {
        return Ok(());
    }
    apply(&steering::remove(table))
}

/// Families with a table of that name, and whether it bears our mark.
fn tables_named(table: &str) -> Result<Vec<(&'static str, bool)>, Fault> {
    let tables = list(&["-j", "list", "tables"])?;
    let chains = if names(&tables, "table", "name").any(|(_, name)| name == table) {
        list(&["-j", "list", "chains"])?
    } else {
        Value::Null
    };
    let marked = |family: &str| {
        objects(&chains, "chain").any(|chain| {
            chain.get("family").and_then(Value::as_str) == Some(family)
                && chain.get("table").and_then(Value::as_str) == Some(table)
                && chain.get("name").and_then(Value::as_str) == Some(MARK)
        })
    };
    Ok(TABLE_FAMILIES
        .into_iter()
        .filter(|&family| names(&tables, "table", "name").any(|(f, name)| f == family && name == table))
        .map(|family| (family, marked(family)))
        .collect())
}

fn list(arguments: &[&str]) -> Result<Value, Fault> {
    let output = run(arguments, "")?;
    if !output.status.success() {
        return Err(Fault::privilege("list nftables tables"));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Fault::new(
            FaultCode::KernelRefused,
            format_args!(
                "nft gave no JSON ({error}); install nftables 1.0 or newer, built with JSON support"
            ),
        )
    })
}

fn objects<'a>(listing: &'a Value, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    listing.get("nftables").and_then(Value::as_array).into_iter().flatten().filter_map(move |o| o.get(kind))
}

fn names<'a>(listing: &'a Value, kind: &'a str, field: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    objects(listing, kind).filter_map(move |o| Some((o.get("family")?.as_str()?, o.get(field)?.as_str()?)))
}

fn run(arguments: &[&str], input: &str) -> Result<Output, Fault> {
    let child = Command::new("nft")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            Fault::new(
                FaultCode::MissingNft,
                "the program nft is not installed; install the package nftables",
            )
        } else {
            Fault::kernel("start nft", &error)
        }
    })?;
    if let Some(mut stdin) = child.stdin.take() {
        // When nft ends before it has read everything, its own message says why.
        let _ = stdin.write_all(input.as_bytes());
    }
    child.wait_with_output().map_err(|error| Fault::kernel("run nft", &error))
}
