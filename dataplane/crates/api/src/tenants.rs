//! Tenants.

use quiver_engine::config::{Tenant, TenantMember};

use crate::interfaces::InterfaceNames;
use crate::proto;
use crate::rejected::Problems;
use crate::value;

pub(crate) fn tenants(
    list: &[proto::Tenant],
    names: &InterfaceNames,
    problems: &mut Problems,
) -> Vec<Tenant> {
    list.iter()
        .enumerate()
        .map(|(i, tenant)| Tenant {
            name: value::name(&tenant.name, format_args!("tenants[{i}].name"), problems),
            members: members(tenant, names, problems),
        })
        .collect()
}

fn members(tenant: &proto::Tenant, names: &InterfaceNames, problems: &mut Problems) -> Vec<TenantMember> {
    let name = &tenant.name;
    tenant
        .members
        .iter()
        .enumerate()
        .filter_map(|(i, member)| {
            let prefix =
                value::prefix(&member.cidr, format_args!("tenants[{name}].members[{i}].cidr"), problems)?;
            Some(TenantMember { prefix, interface: names.id(&member.interface) })
        })
        .collect()
}
