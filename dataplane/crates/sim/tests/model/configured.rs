//! The world in the words of plans and configurations.

use quiver_engine::config::{
    AccessRule, Cipher, Config, Encryption, Integrity, MetadataProtection, TargetSource, Transport,
};
use quiver_sim::plan::prefix;
use quiver_sim::{Plan, ServicePlan};

use crate::world::{Service, TENANTS, World};

/// The world as a plan of the simulation.
pub(crate) fn plan_of(world: &World) -> Plan {
    let mut plan = Plan::new();
    for router in 0..world.routers {
        let name = format!("r{router}");
        plan =
            plan.router(&name, &[&format!("203.0.113.{}", router + 1)]).workers(&name, world.workers[router]);
    }
    for tenant in TENANTS {
        plan = plan.tenant(tenant, &[]);
    }
    for client in &world.clients {
        let router = format!("r{}", client.router);
        let [v4, v6] = &client.addresses;
        plan = plan.host(&router, &client.name, &[v4, v6]);
        if let Some(tenant) = client.tenant {
            plan = plan.tenant_at(&router, tenant, &[&format!("{v4}/32"), &format!("{v6}/128")]);
        }
    }
    for server in &world.servers {
        let [v4, v6] = &server.addresses;
        plan = plan.host(&format!("r{}", server.router), &server.name, &[v4, v6]);
    }
    for service in &world.services {
        plan = plan.service(service_of(world, service));
    }
    plan
}

fn service_of(world: &World, service: &Service) -> ServicePlan {
    let [v4, v6] = &service.addresses;
    let server = &world.servers[service.server];
    let home = format!("r{}", server.router);
    let mut plan = ServicePlan::new(&service.name, &[&format!("{v4}/32"), &format!("{v6}/128")])
        .tcp(service.ports.0, service.ports.1)
        .udp(service.ports.0, service.ports.1)
        .encryption(
            [Encryption::Never, Encryption::Adaptive, Encryption::Always][service.encryption as usize],
        )
        .with(|config| {
            config.integrity =
                if service.integrity == 0 { Integrity::PerPacket } else { Integrity::Metadata };
            config.public = service.public;
            config.access = access(service);
        });
    for address in &server.addresses {
        let node = if address.contains(':') { "fd01::fe" } else { "10.1.0.254" };
        let node = TargetSource::Node(node.parse().expect("an address"));
        plan = plan.target(&home, address, if service.from_node { node } else { TargetSource::ReturnPool });
    }
    if let Some(through) = service.through {
        for router in (0..world.routers).filter(|router| *router != server.router) {
            let next = if router == through { home.clone() } else { format!("r{through}") };
            plan = plan.via(&format!("r{router}"), &next, 10);
        }
    }
    plan
}

fn access(service: &Service) -> Vec<AccessRule> {
    let rules = service.rules.iter();
    rules.map(|(tenant, allow)| AccessRule { tenant: (*tenant).into(), allow: *allow }).collect()
}

/// How the routers of the world protect what is between them.
pub(crate) fn protect(config: &mut Config, world: &World) {
    if world.signed {
        config.metadata = MetadataProtection::Signed;
    }
    if world.compatible {
        config.cipher = Cipher::Aes256CbcHmacSha256;
    }
    for peer in &mut config.peers {
        peer.transport = if world.tcp_as_udp { Transport::Udp } else { Transport::Native };
        peer.always_encrypt = world.always_encrypt;
    }
}

/// Carries the world's access lists and servers over into a configuration.
pub(crate) fn apply(config: &mut Config, world: &World) {
    for service in &world.services {
        let name = format!("lab/{}", service.name);
        let known = config.services.iter_mut().find(|known| *known.name == *name).expect("services stay");
        known.access = access(service);
        let offered = service.addresses.iter().zip([32, 128]).filter(|_| service.offered);
        known.addresses = offered.map(|(address, length)| prefix(&format!("{address}/{length}"))).collect();
        for target in known.routes.iter_mut().flat_map(|route| &mut route.targets) {
            let [v4, v6] = &world.servers[service.server].addresses;
            target.address = if target.address.is_ipv4() { v4 } else { v6 }.parse().expect("an address");
        }
    }
}
