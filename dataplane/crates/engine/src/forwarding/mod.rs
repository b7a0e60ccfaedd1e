//! What to do with a conversation: tenant, service, access, service route and peer path, from one immutable set of tables.
//!
//! [`Tables`] is built once per configuration and shared by all workers. No lookup allocates, except [`Tables::explain`].

pub mod access;
pub mod explain;
pub mod path;
mod prefix;
mod prefix_table;
mod problems;
pub mod reevaluate;
pub mod route;
pub mod select;
pub mod service;
mod service_rules;
pub mod tables;
pub mod tenant;

#[cfg(test)]
mod fixture;

pub use access::Access;
pub use explain::{ExplainQuery, ExplainStep, Explanation, Step, Verdict};
pub use path::{PathId, PeerPath};
pub use reevaluate::{NextFacts, SessionFacts};
pub use route::{RouteEntry, RouteId, TargetEntry, TargetId};
pub use select::{Candidates, Choice, Load, Next};
pub use service::{ServiceEntry, ServiceId};
pub use tables::Tables;
pub use tenant::TenantId;
