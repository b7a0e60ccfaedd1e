//! Which tenant a source belongs to (SVR tenant determination), and what follows from a tenant's name.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::config::{Prefix, Tenant};
use crate::config_error::ConfigErrorCode;
use crate::forwarding::prefix_table::PrefixTable;
use crate::forwarding::problems::Problems;
use crate::forwarding::tables::Tables;
use crate::packet::InterfaceId;

/// A tenant of one set of tables. Keep the name where a tenant must outlive a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TenantId(u32);

/// The name itself, then each of its parents: `eng.acme`, `acme`.
pub(crate) fn lineage(name: &str) -> impl Iterator<Item = &str> {
    core::iter::successors(Some(name), |name| name.split_once('.').map(|(_, parent)| parent))
}

/// Whether `name` is `ancestor` or one of its children.
pub fn inherits(name: &str, ancestor: &str) -> bool {
    lineage(name).any(|name| name == ancestor)
}

/// Tenants and their members.
#[derive(Clone, Debug)]
pub(crate) struct TenantTable {
    names: Box<[Arc<str>]>,
    members: PrefixTable<Members>,
}

/// The tenants of one prefix.
#[derive(Clone, Debug, Default)]
struct Members {
    bound: Vec<(InterfaceId, TenantId)>,
    anywhere: Option<TenantId>,
}

impl Members {
    fn bound_to(&self, interface: InterfaceId) -> Option<TenantId> {
        self.bound.iter().find(|(bound, _)| *bound == interface).map(|(_, tenant)| *tenant)
    }
}

impl TenantTable {
    pub(crate) fn build(tenants: &[Tenant], problems: &mut Problems) -> Self {
        problems.check_count("tenants", tenants.len());
        let mut seen = BTreeSet::new();
        let mut members: BTreeMap<Prefix, Members> = BTreeMap::new();
        let names: Box<[Arc<str>]> = tenants.iter().map(|tenant| tenant.name.clone()).collect();
        for (tenant, index) in tenants.iter().zip(0..) {
            problems.check_name("tenants", &tenant.name, &mut seen);
            if tenant.name.split('.').any(str::is_empty) {
                let message = format!("{} has an empty part; write child.parent", tenant.name);
                problems.add(ConfigErrorCode::NameInvalid, format!("tenants[{}]", tenant.name), message);
            }
            Self::add_members(tenant, TenantId(index), &names, &mut members, problems);
        }
        Self { names, members: PrefixTable::build(members) }
    }

    fn add_members(
        tenant: &Tenant,
        id: TenantId,
        names: &[Arc<str>],
        members: &mut BTreeMap<Prefix, Members>,
        problems: &mut Problems,
    ) {
        let field = format!("tenants[{}].members", tenant.name);
        for member in &tenant.members {
            if !problems.check_prefix(&field, &member.prefix) {
                continue;
            }
            let entry = members.entry(member.prefix).or_default();
            let holder = match member.interface {
                Some(interface) => {
                    entry.bound.iter_mut().find(|(bound, _)| *bound == interface).map(|(_, id)| id)
                }
                None => entry.anywhere.as_mut(),
            };
            match (holder, member.interface) {
                (Some(holder), _) => match more_specific(*holder, id, names) {
                    Ok(winner) => *holder = winner,
                    Err(other) => problems.add(
                        ConfigErrorCode::TenantConflict,
                        &*field,
                        format!("{} belongs to {other} too; one of them must give it up", member.prefix),
                    ),
                },
                (None, Some(interface)) => entry.bound.push((interface, id)),
                (None, None) => entry.anywhere = Some(id),
            }
        }
    }

    fn name(&self, tenant: TenantId) -> Option<&Arc<str>> {
        self.names.get(tenant.0 as usize)
    }

    fn is_child(&self, child: TenantId, parent: TenantId) -> bool {
        matches!((self.name(child), self.name(parent)), (Some(child), Some(parent)) if inherits(child, parent))
    }

    fn tenant_of(&self, source: IpAddr, interface: InterfaceId) -> Option<TenantId> {
        let mut holders = self.members.containing(source);
        let bound =
            holders.clone().find_map(|(length, members)| Some((length, members.bound_to(interface)?)));
        let Some((length, tenant)) = bound else {
            return holders.find_map(|(_, members)| members.anywhere);
        };
        let refined = holders
            .take_while(|(longer, _)| *longer >= length)
            .filter_map(|(_, members)| members.anywhere)
            .find(|child| self.is_child(*child, tenant));
        Some(refined.unwrap_or(tenant))
    }
}

/// The child of two related tenants; the name of the first when they are not related.
fn more_specific(one: TenantId, other: TenantId, names: &[Arc<str>]) -> Result<TenantId, Arc<str>> {
    let name = |tenant: TenantId| names.get(tenant.0 as usize).cloned().unwrap_or_default();
    let (first, second) = (name(one), name(other));
    if inherits(&first, &second) {
        Ok(one)
    } else if inherits(&second, &first) {
        Ok(other)
    } else {
        Err(first)
    }
}

impl Tables {
    /// The tenant of a source: of a member bound to the interface, refined by a more specific member of one of its children;
    /// else of the longest member prefix.
    pub fn tenant_of(&self, source: IpAddr, interface: InterfaceId) -> Option<TenantId> {
        self.tenants.tenant_of(source, interface)
    }

    /// The full dotted name of a tenant.
    pub fn tenant_name(&self, tenant: TenantId) -> Option<&Arc<str>> {
        self.tenants.name(tenant)
    }

    /// Name of the tenant of a source.
    pub fn tenant_name_of(&self, source: IpAddr, interface: InterfaceId) -> Option<&Arc<str>> {
        self.tenant_name(self.tenant_of(source, interface)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forwarding::fixture::{ip, tenant};

    const LAN: InterfaceId = InterfaceId(3);

    fn name_of(tenants: &[Tenant], source: &str, interface: InterfaceId) -> Option<String> {
        let mut problems = Problems::default();
        let table = TenantTable::build(tenants, &mut problems);
        assert_eq!(problems.into_vec(), []);
        table.name(table.tenant_of(ip(source), interface)?).map(ToString::to_string)
    }

    fn errors(tenants: &[Tenant]) -> Vec<ConfigErrorCode> {
        let mut problems = Problems::default();
        TenantTable::build(tenants, &mut problems);
        problems.into_vec().into_iter().map(|error| error.code).collect()
    }

    #[test]
    fn longest_member_prefix_decides_the_tenant() {
        let tenants = [
            tenant("prod", &[("10.0.0.0/8", None)]),
            tenant("dev", &[("10.1.0.0/16", None), ("fd00::/8", None)]),
        ];
        assert_eq!(name_of(&tenants, "10.1.2.3", LAN).as_deref(), Some("dev"));
        assert_eq!(name_of(&tenants, "10.2.2.3", LAN).as_deref(), Some("prod"));
        assert_eq!(name_of(&tenants, "fd00::1", LAN).as_deref(), Some("dev"));
        assert_eq!(name_of(&tenants, "11.0.0.1", LAN), None);
    }

    #[test]
    fn member_bound_to_the_interface_beats_a_longer_prefix() {
        let tenants = [tenant("guests", &[("0.0.0.0/0", Some(3))]), tenant("prod", &[("10.1.0.0/16", None)])];
        assert_eq!(name_of(&tenants, "10.1.2.3", LAN).as_deref(), Some("guests"));
        assert_eq!(name_of(&tenants, "10.1.2.3", InterfaceId(4)).as_deref(), Some("prod"));
        assert_eq!(name_of(&tenants, "10.9.2.3", InterfaceId(4)), None);
    }

    #[test]
    fn longer_member_refines_the_tenant_of_the_interface_to_its_child_only() {
        let tenants = [
            tenant("prod", &[("10.0.0.0/8", Some(3))]),
            tenant("web.prod", &[("10.1.0.0/16", None)]),
            tenant("dev", &[("10.2.0.0/16", None)]),
        ];
        assert_eq!(name_of(&tenants, "10.1.2.3", LAN).as_deref(), Some("web.prod"));
        assert_eq!(name_of(&tenants, "10.2.2.3", LAN).as_deref(), Some("prod"));
    }

    #[test]
    fn wider_member_does_not_refine_the_tenant_of_the_interface() {
        let tenants =
            [tenant("prod", &[("10.1.0.0/16", Some(3))]), tenant("web.prod", &[("10.0.0.0/8", None)])];
        assert_eq!(name_of(&tenants, "10.1.2.3", LAN).as_deref(), Some("prod"));
    }

    #[test]
    fn member_of_parent_and_child_belongs_to_the_child() {
        for order in [["prod", "web.prod"], ["web.prod", "prod"]] {
            let tenants = order.map(|name| tenant(name, &[("10.1.0.0/16", None)]));
            assert_eq!(name_of(&tenants, "10.1.2.3", LAN).as_deref(), Some("web.prod"));
        }
    }

    #[test]
    fn member_of_two_unrelated_tenants_is_refused() {
        let one = [tenant("prod", &[("10.1.0.0/16", None)]), tenant("dev", &[("10.1.0.0/16", None)])];
        assert_eq!(errors(&one), [ConfigErrorCode::TenantConflict]);
        let apart = [tenant("prod", &[("10.1.0.0/16", Some(1))]), tenant("dev", &[("10.1.0.0/16", Some(2))])];
        assert_eq!(errors(&apart), []);
    }

    #[test]
    fn tenants_with_unusable_names_or_members_are_refused() {
        assert_eq!(errors(&[tenant("web..prod", &[])]), [ConfigErrorCode::NameInvalid]);
        assert_eq!(errors(&[tenant("prod", &[]), tenant("prod", &[])]), [ConfigErrorCode::NameDuplicate]);
        assert_eq!(errors(&[tenant("prod", &[("10.1.0.1/16", None)])]), [ConfigErrorCode::PrefixHostBits]);
        assert_eq!(errors(&[tenant("prod", &[("10.1.0.0/33", None)])]), [ConfigErrorCode::PrefixInvalid]);
    }

    #[test]
    fn lineage_runs_from_the_name_to_its_last_parent() {
        assert_eq!(lineage("a.b.c").collect::<Vec<_>>(), ["a.b.c", "b.c", "c"]);
    }
}
