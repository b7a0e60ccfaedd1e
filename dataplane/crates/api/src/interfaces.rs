//! Interface names of tenants, as numbers the engine compares.

use std::collections::BTreeSet;

use quiver_engine::packet::InterfaceId;

use crate::proto::Tenant;

/// The interfaces named by tenants. Numbers start at 1: 0 stands for all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceNames(Vec<String>);

impl InterfaceNames {
    /// The names in `tenants`, numbered in alphabetical order.
    pub fn of(tenants: &[Tenant]) -> Self {
        let names: BTreeSet<&String> =
            tenants.iter().flat_map(|t| &t.members).map(|m| &m.interface).filter(|n| !n.is_empty()).collect();
        Self(names.into_iter().cloned().collect())
    }

    /// Whether no tenant asks for an interface.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Number of `name`; `None` when no tenant asks for it.
    pub fn id(&self, name: &str) -> Option<InterfaceId> {
        let index = self.0.binary_search_by(|n| n.as_str().cmp(name)).ok()?;
        u16::try_from(index + 1).ok().map(InterfaceId)
    }

    /// Names with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (&str, InterfaceId)> {
        self.0.iter().filter_map(|name| self.id(name).map(|id| (name.as_str(), id)))
    }
}
