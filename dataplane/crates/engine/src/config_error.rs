//! Why a configuration is refused: one registry for acknowledgements, conditions and the documentation.

/// Defines the registry from one table of variant, name and sentence.
macro_rules! config_error_codes {
    ($($variant:ident $name:literal $sentence:literal;)*) => {
        /// What is wrong with a configuration. Names are stable; `docs/config-errors.md` lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ConfigErrorCode {
            $(#[doc = $sentence] $variant,)*
        }

        impl ConfigErrorCode {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Stable name, in `snake_case`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// One sentence for people.
            pub const fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => $sentence,)*
                }
            }
        }
    };
}

config_error_codes! {
    NameInvalid "name_invalid" "A name is empty, longer than 255 bytes, or a tenant's name has an empty part.";
    NameDuplicate "name_duplicate" "Two things of one kind have the same name.";
    TooMany "too_many" "A list is longer than the engine's tables allow.";
    LimitInvalid "limit_invalid" "A limit or a time is zero, which would refuse everything.";
    MtuInvalid "mtu_invalid" "An MTU is below 576 bytes, the least that metadata and a payload need.";
    PrefixInvalid "prefix_invalid" "A prefix is longer than its address family allows.";
    PrefixHostBits "prefix_host_bits" "A prefix has bits set behind its length.";
    AddressInvalid "address_invalid" "An address is unspecified, multicast or broadcast.";
    WaypointMissing "waypoint_missing" "There are peer paths but the node has no waypoint.";
    WaypointDuplicate "waypoint_duplicate" "The node has the same waypoint twice.";
    WaypointInPool "waypoint_in_pool" "A waypoint lies in the service pool or the return pool.";
    WaypointPortsInvalid "waypoint_ports_invalid" "The range of waypoint ports is reversed or holds port 0.";
    WaypointPortsTooFew "waypoint_ports_too_few" "The range of waypoint ports holds fewer than four ports, that is two pairs.";
    PoolOverlap "pool_overlap" "The service pool and the return pool overlap.";
    ReturnPoolMissing "return_pool_missing" "A target takes its source from the return pool, which has no prefix of its address family.";
    SecretMissing "secret_missing" "There are peer paths but no version of the fabric secret.";
    SecretTooMany "secret_too_many" "There are more than four versions of the fabric secret.";
    SecretDuplicate "secret_duplicate" "A version of the fabric secret is given twice.";
    SecretActiveMissing "secret_active_missing" "The version of the fabric secret to send with is not among the given ones.";
    TenantConflict "tenant_conflict" "Two tenants that are not parent and child have the same member.";
    ServiceOverlap "service_overlap" "Two services cover the same prefix, protocol and port.";
    PortRuleInvalid "port_rule_invalid" "A port rule is reversed, holds port 0, or gives ports to a protocol other than TCP and UDP.";
    TargetInvalid "target_invalid" "A target has port 0, lies in a pool, or its source is of another address family.";
    TargetDuplicate "target_duplicate" "A service route has the same target twice.";
    PeerUnknown "peer_unknown" "A service route names a router that is no peer.";
    PeerDuplicate "peer_duplicate" "A service route names the same peer twice.";
    PeerIsSelf "peer_is_self" "A peer has the name of this router.";
    PathLocalUnknown "path_local_unknown" "A peer path starts at an address that is no waypoint of this node.";
    PathFamilyMismatch "path_family_mismatch" "The two ends of a peer path are of different address families.";
    PathDuplicate "path_duplicate" "Two peer paths have the same two ends.";
    PathToSelf "path_to_self" "A peer path ends at a waypoint of this node.";
    PathNodeConflict "path_node_conflict" "One remote waypoint is given to two nodes.";
}

impl core::fmt::Display for ConfigErrorCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[error("{field}: {message} ({code})")]
pub struct ConfigError {
    /// What is wrong.
    pub code: ConfigErrorCode,
    /// Where, as a path of fields; named things by their names: `services[prod/db].routes[prod/db].targets[0]`.
    pub field: String,
    /// What is wrong there and what would be right, for people.
    pub message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/config-errors.md");

    #[test]
    fn every_config_error_is_documented_and_every_documented_one_exists() {
        let documented: Vec<_> = DOCUMENT
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "))
            .collect();
        let registry: Vec<_> =
            ConfigErrorCode::ALL.iter().map(|code| (code.name(), code.description())).collect();
        assert_eq!(documented, registry);
    }

    #[test]
    fn config_error_reads_as_field_message_and_code() {
        let error = ConfigError {
            code: ConfigErrorCode::PeerUnknown,
            field: "services[prod/db].routes[prod/db]".into(),
            message: "no peer is named cluster-z".into(),
        };
        assert_eq!(
            error.to_string(),
            "services[prod/db].routes[prod/db]: no peer is named cluster-z (peer_unknown)"
        );
    }
}
