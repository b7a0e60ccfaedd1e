//! Parsing of single values, with the field named when they are wrong.

use core::fmt::Display;
use core::net::IpAddr;

use quiver_engine::config::{PortRange, Prefix};

use crate::proto;
use crate::rejected::{Problems, RejectCode};

/// An address, or a problem at `field`.
pub(crate) fn address(text: &str, field: impl Display, problems: &mut Problems) -> Option<IpAddr> {
    let parsed = text.parse().ok();
    if parsed.is_none() {
        problems.reject(RejectCode::InvalidAddress, field, format_args!("\"{text}\" is not an IP address"));
    }
    parsed
}

/// A prefix in CIDR form (a bare address is one of full length), or a problem at `field`.
pub(crate) fn prefix(text: &str, field: impl Display, problems: &mut Problems) -> Option<Prefix> {
    let parsed = parse_prefix(text);
    match parsed {
        None => {
            problems.reject(
                RejectCode::InvalidPrefix,
                field,
                format_args!("\"{text}\" is not a prefix such as 10.0.0.0/24"),
            );
            None
        }
        Some(prefix) if network(prefix) != prefix.address => {
            let right = network(prefix);
            let length = prefix.length;
            problems.reject(
                RejectCode::InvalidPrefix,
                field,
                format_args!("\"{text}\" has host bits set; the prefix is {right}/{length}"),
            );
            None
        }
        Some(prefix) => Some(prefix),
    }
}

/// Every entry of a list of prefixes, each problem at `field[i]`.
pub(crate) fn prefixes(texts: &[String], field: &str, problems: &mut Problems) -> Vec<Prefix> {
    texts
        .iter()
        .enumerate()
        .filter_map(|(i, text)| prefix(text, format_args!("{field}[{i}]"), problems))
        .collect()
}

/// A port range, or a problem at `field`.
pub(crate) fn ports(
    first: u32,
    last: u32,
    field: impl Display,
    problems: &mut Problems,
) -> Option<PortRange> {
    match (u16::try_from(first), u16::try_from(last)) {
        (Ok(first), Ok(last)) if first <= last => Some(PortRange { first, last }),
        _ => {
            problems.reject(
                RejectCode::InvalidPort,
                field,
                format_args!("{first}-{last} is not a port range within 0-65535"),
            );
            None
        }
    }
}

/// A port where 0 stands for "none", or a problem at `field`.
pub(crate) fn optional_port(port: u32, field: impl Display, problems: &mut Problems) -> Option<u16> {
    ports(port, port, field, problems).map(|range| range.first).filter(|&port| port != 0)
}

/// A known enum value; unspecified gives its default, an unknown one a problem at `field`.
pub(crate) fn choice<T: TryFrom<i32> + Default>(
    value: i32,
    field: impl Display,
    problems: &mut Problems,
) -> T {
    T::try_from(value).unwrap_or_else(|_| {
        problems.reject(
            RejectCode::UnknownValue,
            field,
            format_args!("value {value} is not known to this engine; update it"),
        );
        T::default()
    })
}

/// A name that must not be empty, shared.
pub(crate) fn name(text: &str, field: impl Display, problems: &mut Problems) -> std::sync::Arc<str> {
    if text.is_empty() {
        problems.reject(RejectCode::Missing, field, "a name is needed");
    }
    text.into()
}

/// The range of waypoint ports, 16384-29999 when the configuration has none.
pub(crate) fn waypoint_ports(range: Option<&proto::PortRange>, problems: &mut Problems) -> PortRange {
    let default = PortRange { first: 16384, last: 29999 };
    let Some(range) = range else { return default };
    let found = ports(range.first, range.last, "waypoint_ports", problems);
    if let Some(found) = found
        && (found.first < 1024 || found.last - found.first < 3)
    {
        problems.reject(
            RejectCode::InvalidPort,
            "waypoint_ports",
            "at least four ports from 1024 up are needed",
        );
    }
    found.unwrap_or(default)
}

fn parse_prefix(text: &str) -> Option<Prefix> {
    let (address, length) = text.split_once('/').map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().ok()?;
    let length = length.map_or(Ok(full_length(address)), str::parse).ok()?;
    (length <= full_length(address)).then_some(Prefix { address, length })
}

const fn full_length(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    }
}

fn network(prefix: Prefix) -> IpAddr {
    let length = u32::from(prefix.length);
    match prefix.address {
        IpAddr::V4(a) => {
            let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
            IpAddr::V4((a.to_bits() & mask).into())
        }
        IpAddr::V6(a) => {
            let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
            IpAddr::V6((a.to_bits() & mask).into())
        }
    }
}
