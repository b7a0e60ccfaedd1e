//! Who may use a service.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::config::Service;
use crate::forwarding::problems::Problems;
use crate::forwarding::service::ServiceId;
use crate::forwarding::tables::Tables;
use crate::forwarding::tenant::lineage;

/// The answer of an access list, with the entry that decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// Admitted by the entry of this tenant; without one because the service is public.
    Allowed {
        /// Tenant of the entry.
        by: Option<&'a str>,
    },
    /// Refused by the entry of this tenant; without one because no entry names the source.
    Denied {
        /// Tenant of the entry.
        by: Option<&'a str>,
    },
}

impl Access<'_> {
    /// Whether it is allowed.
    pub const fn is_allowed(&self) -> bool {
        match self {
            Self::Allowed { .. } => true,
            Self::Denied { .. } => false,
        }
    }
}

/// A compiled access list. The entry of the most specific tenant decides.
#[derive(Clone, Debug, Default)]
pub struct AccessList {
    /// By tenant; `true` allows.
    entries: BTreeMap<Arc<str>, bool>,
    public: bool,
}

impl AccessList {
    pub(crate) fn build(service: &Service, problems: &mut Problems) -> Self {
        let field = format!("services[{}].access", service.name);
        problems.check_count(&field, service.access.len());
        let mut entries = BTreeMap::new();
        for rule in &service.access {
            problems.check_text(&field, &rule.tenant);
            // Deny beats allow for the same tenant, in whichever order they are written.
            entries.entry(rule.tenant.clone()).and_modify(|allow| *allow &= rule.allow).or_insert(rule.allow);
        }
        Self { entries, public: service.public }
    }

    /// Whether a source of this tenant may; `None` is a source without a tenant.
    pub fn admits(&self, tenant: Option<&str>) -> Access<'_> {
        let Some(tenant) = tenant else {
            return if self.public { Access::Allowed { by: None } } else { Access::Denied { by: None } };
        };
        match lineage(tenant).find_map(|name| self.entries.get_key_value(name)) {
            Some((name, true)) => Access::Allowed { by: Some(name) },
            Some((name, false)) => Access::Denied { by: Some(name) },
            None => Access::Denied { by: None },
        }
    }

    /// Whether nobody at all may.
    pub fn is_closed(&self) -> bool {
        !self.public && self.entries.values().all(|allow| !allow)
    }
}

impl Tables {
    /// Whether the service admits a source of this tenant; `None` is a source without a tenant.
    pub fn admits(&self, service: ServiceId, tenant: Option<&str>) -> Access<'_> {
        self.service(service).map_or(Access::Denied { by: None }, |service| service.access.admits(tenant))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::fixture::service;

    fn list(rules: &[(&str, bool)]) -> AccessList {
        let mut problems = Problems::default();
        let list = AccessList::build(&service("prod/db").access(rules).build(), &mut problems);
        assert!(problems.is_empty());
        list
    }

    #[test]
    fn service_without_access_entries_admits_nobody() {
        let list = list(&[]);
        assert_eq!(list.admits(Some("prod")), Access::Denied { by: None });
        assert_eq!(list.admits(None), Access::Denied { by: None });
        assert!(list.is_closed());
    }

    #[test]
    fn child_tenant_may_use_what_its_parent_may() {
        let list = list(&[("prod", true)]);
        for tenant in ["prod", "web.prod", "blue.web.prod"] {
            assert_eq!(list.admits(Some(tenant)), Access::Allowed { by: Some("prod") }, "{tenant}");
        }
    }

    #[test]
    fn parent_tenant_may_not_use_what_its_child_may() {
        let list = list(&[("web.prod", true)]);
        for tenant in ["prod", "api.prod", "xweb.prod", "web"] {
            assert_eq!(list.admits(Some(tenant)), Access::Denied { by: None }, "{tenant}");
        }
    }

    #[test]
    fn name_that_merely_ends_alike_is_no_child() {
        assert!(!list(&[("prod", true)]).admits(Some("nonprod")).is_allowed());
    }

    #[test]
    fn denied_child_is_refused_although_its_parent_is_allowed() {
        let list = list(&[("prod", true), ("guests.prod", false)]);
        assert_eq!(list.admits(Some("guests.prod")), Access::Denied { by: Some("guests.prod") });
        assert_eq!(list.admits(Some("late.guests.prod")), Access::Denied { by: Some("guests.prod") });
        assert!(list.admits(Some("web.prod")).is_allowed());
    }

    #[test]
    fn allowed_child_of_a_denied_parent_is_admitted() {
        let list = list(&[("prod", false), ("web.prod", true)]);
        assert!(list.admits(Some("web.prod")).is_allowed());
        assert!(!list.admits(Some("api.prod")).is_allowed());
    }

    #[test]
    fn deny_beats_allow_for_one_tenant_in_either_order() {
        for rules in [[("prod", true), ("prod", false)], [("prod", false), ("prod", true)]] {
            assert_eq!(list(&rules).admits(Some("prod")), Access::Denied { by: Some("prod") });
        }
    }

    #[test]
    fn public_service_admits_sources_without_a_tenant_only_besides_its_entries() {
        let mut problems = Problems::default();
        let list =
            AccessList::build(&service("prod/db").access(&[("prod", true)]).public().build(), &mut problems);
        assert_eq!(list.admits(None), Access::Allowed { by: None });
        assert!(list.admits(Some("prod")).is_allowed());
        assert!(!list.admits(Some("dev")).is_allowed());
    }
}
