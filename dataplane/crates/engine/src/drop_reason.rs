//! Why a packet was lost: one registry for counters, telemetry, the CLI and the documentation.

/// Defines the registry from one table of number, variant, name and sentence.
macro_rules! drop_reasons {
    ($($number:literal $variant:ident $name:literal $sentence:literal;)*) => {
        /// Why a packet was dropped. Numbers and names are stable; `docs/drop-reasons.md` lists them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u16)]
        pub enum DropReason {
            $(#[doc = $sentence] $variant = $number,)*
        }

        impl DropReason {
            /// Every reason, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name that metrics, telemetry and the CLI use, in `snake_case`.
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

drop_reasons! {
    1 MalformedIp "malformed_ip" "The IP header is truncated or contradicts itself.";
    2 MalformedTransport "malformed_transport" "The transport header is truncated or contradicts itself.";
    3 UnsupportedProtocol "unsupported_protocol" "The IP protocol, an extension header or an IP option cannot be carried.";
    4 UnsupportedSuperpacket "unsupported_superpacket" "The superpacket is of a kind that cannot be cut into packets.";
    5 ChecksumInvalid "checksum_invalid" "A checksum that had to be right is wrong.";
    6 AddressInvalid "address_invalid" "The source or destination is unspecified, multicast, broadcast or loopback.";
    7 TtlExpired "ttl_expired" "The time to live or hop limit of the packet was used up.";
    8 FragmentRefused "fragment_refused" "The IP fragment overlaps another one, is too small or belongs to a packet that is not reassembled.";
    9 FragmentTimeout "fragment_timeout" "Not all fragments of the packet came in time.";
    10 ReassemblyFull "reassembly_full" "The space for packets under reassembly was used up.";
    11 TooBig "too_big" "The packet does not fit the path and may not be fragmented; its sender is told where the protocol allows it.";
    12 NoTenant "no_tenant" "The source belongs to no tenant and the service is not public.";
    13 TenantUnknown "tenant_unknown" "The tenant that was asked for is not known here.";
    14 NoService "no_service" "No service covers the destination, protocol and port.";
    15 ServiceUnknown "service_unknown" "The service that metadata names is not known here.";
    16 ServiceMismatch "service_mismatch" "The service that metadata names does not cover the protocol and port of the session.";
    17 AccessDenied "access_denied" "The service does not admit the tenant.";
    18 NoRoute "no_route" "The service has no service route here that leads anywhere.";
    19 NoHealthyTarget "no_healthy_target" "Every target of the service is unhealthy or of the other address family.";
    20 RouteFull "route_full" "Every usable service route of the service carries its maximum of sessions.";
    21 NoPath "no_path" "No usable peer path leads to a router that serves the service.";
    22 PathUnknown "path_unknown" "The session's peer path is not configured any more.";
    23 HopLimit "hop_limit" "The session passed 16 routers; it would go round in a loop.";
    24 Reflected "reflected" "The packet came back to the router that sent it.";
    25 WaypointPortsExhausted "waypoint_ports_exhausted" "No waypoint port pair towards the peer was free.";
    26 ReturnPoolExhausted "return_pool_exhausted" "No source address and port towards the target was free.";
    27 SessionTableFull "session_table_full" "The engine carries its maximum of sessions.";
    28 SessionMoved "session_moved" "The packet came by a leg that the session has left.";
    29 SessionClosed "session_closed" "The session has ended and the packet cannot open it again.";
    30 UnknownPeer "unknown_peer" "The packet came from an address that is no waypoint of a known peer.";
    31 UnknownSession "unknown_session" "The packet came from a known peer but belongs to no session; the peer is asked for metadata.";
    32 MetadataMalformed "metadata_malformed" "The metadata is truncated, contradicts itself or exceeds a limit.";
    33 MetadataIncomplete "metadata_incomplete" "The metadata lacks something that is needed to open the session.";
    34 MetadataUnauthentic "metadata_unauthentic" "The metadata does not authenticate with the peer's key.";
    35 MetadataStale "metadata_stale" "The sender's time in the metadata is further than the allowed difference from this node's clock, or before this node started.";
    36 MetadataReplayed "metadata_replayed" "The same metadata was received before.";
    37 MetadataWrongPort "metadata_wrong_port" "The metadata was made for another destination port than it came in by.";
    38 MetadataUnexpected "metadata_unexpected" "The metadata does not fit the direction or state of its session.";
    39 MetadataRefusedLimit "metadata_refused_limit" "Unauthenticated packets of this peer exceed the rate that is examined.";
    40 UnknownKeyVersion "unknown_key_version" "The metadata is protected with a key version that is not configured.";
    41 SessionIdMismatch "session_id_mismatch" "The metadata names another session than the one that owns the port pair.";
    42 PayloadUnauthentic "payload_unauthentic" "The sealed payload does not authenticate.";
    43 PayloadReplayed "payload_replayed" "The same sealed payload was received before, or it is older than the replay window.";
    44 PayloadKeyUnknown "payload_key_unknown" "The payload key that the session names is not known yet.";
    45 ClearPayloadOnSealedSession "clear_payload_on_sealed_session" "The payload of a sealed session came in clear.";
    46 IntegrityMissing "integrity_missing" "The packet lacks the code that its session requires on every packet.";
    47 IntegrityFailed "integrity_failed" "The code of the packet is wrong or outside its time window.";
    48 TransformInvalid "transform_invalid" "The UDP packet does not turn back into a packet of its session's protocol.";
    49 NonceExhausted "nonce_exhausted" "The nonces of the key are used up; it has to be replaced first.";
    50 KeyUnavailable "key_unavailable" "No key towards the peer could be derived.";
    51 TcpMidStream "tcp_mid_stream" "The TCP packet belongs to no session and does not open one.";
    52 TcpOutOfState "tcp_out_of_state" "The TCP packet does not fit the state of its connection.";
    53 IcmpUnsolicited "icmp_unsolicited" "The ICMP error or reply belongs to no session.";
    54 RateLimited "rate_limited" "The limit of new sessions or answers per second was reached.";
    55 BufferExhausted "buffer_exhausted" "No packet buffer was free, or the packet had no room for headers and tags.";
    56 QueueFull "queue_full" "A queue between the engine and a device or another worker was full.";
    57 DeviceRefused "device_refused" "The device did not take the packet.";
}

impl DropReason {
    /// How many reasons there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Stable number, from 1.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The reason with this number.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }
}

impl core::fmt::Display for DropReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// Dropped packets, by reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropCounters([u64; DropReason::COUNT]);

impl DropCounters {
    /// Adds one packet.
    pub fn count(&mut self, reason: DropReason) {
        self.add(reason, 1);
    }

    /// Adds `packets`.
    pub fn add(&mut self, reason: DropReason, packets: u64) {
        if let Some(counter) = self.0.get_mut(usize::from(reason.number()) - 1) {
            *counter = counter.wrapping_add(packets);
        }
    }

    /// Packets dropped for this reason.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0.get(usize::from(reason.number()) - 1).copied().unwrap_or_default()
    }

    /// Every reason with its packets, zero included, by number.
    pub fn iter(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.iter().copied().zip(self.0.iter().copied())
    }

    /// Packets dropped for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, packets| sum.wrapping_add(*packets))
    }

    /// Adds the counts of another worker.
    pub fn merge(&mut self, other: &Self) {
        for (counter, packets) in self.0.iter_mut().zip(other.0.iter()) {
            *counter = counter.wrapping_add(*packets);
        }
    }
}

impl Default for DropCounters {
    fn default() -> Self {
        Self([0; DropReason::COUNT])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = include_str!("../../../docs/drop-reasons.md");

    /// The rows of the document's table: number, name, sentence.
    fn documented() -> Vec<(u16, &'static str, &'static str)> {
        DOCUMENT
            .lines()
            .filter_map(|line| {
                let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
                let number = cells.next()?.parse().ok()?;
                Some((number, cells.next()?.trim_matches('`'), cells.next()?))
            })
            .collect()
    }

    /// The code of a folder without its tests, this registry apart.
    fn code_of(folder: &std::path::Path) -> String {
        let mut code = String::new();
        for entry in std::fs::read_dir(folder).expect("the folder exists") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                code += &code_of(&path);
            } else if !path.ends_with("tests.rs") && !path.ends_with("drop_reason.rs") {
                let text = std::fs::read_to_string(&path).expect("sources are text");
                code += text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            }
        }
        code
    }

    #[test]
    fn every_drop_reason_is_given_by_some_code() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let code = ["src", "../io/src"].map(|folder| code_of(&here.join(folder))).concat();
        let is_word_end = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
        for reason in DropReason::ALL {
            let is_given = ["DropReason::", "Self::", "Reason::"].iter().any(|prefix| {
                let name = format!("{prefix}{reason:?}");
                code.match_indices(&name).any(|(at, _)| is_word_end(&code[at + name.len()..]))
            });
            assert!(is_given, "nothing is dropped as {reason}");
        }
    }

    #[test]
    fn every_drop_reason_is_documented_and_every_documented_one_exists() {
        let registry: Vec<_> = DropReason::ALL
            .iter()
            .map(|reason| (reason.number(), reason.name(), reason.description()))
            .collect();
        assert_eq!(documented(), registry);
    }

    #[test]
    fn drop_reason_numbers_run_from_one_without_a_gap() {
        for (index, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(usize::from(reason.number()), index + 1, "{reason}");
            assert_eq!(DropReason::from_number(reason.number()), Some(*reason));
        }
        assert_eq!(DropReason::from_number(0), None);
        assert_eq!(DropReason::from_number(u16::MAX), None);
    }

    #[test]
    fn drop_reason_names_are_unique_snake_case_labels() {
        let mut names: Vec<_> = DropReason::ALL.iter().map(|reason| reason.name()).collect();
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), DropReason::COUNT);
    }

    #[test]
    fn drop_counters_keep_each_reason_apart_and_sum_them() {
        let mut first = DropCounters::default();
        first.count(DropReason::NoService);
        first.add(DropReason::DeviceRefused, 3);
        let mut second = DropCounters::default();
        second.count(DropReason::NoService);
        first.merge(&second);
        assert_eq!(first.get(DropReason::NoService), 2);
        assert_eq!(first.get(DropReason::DeviceRefused), 3);
        assert_eq!(first.get(DropReason::MalformedIp), 0);
        assert_eq!(first.total(), 5);
        assert_eq!(first.iter().filter(|(_, packets)| *packets > 0).count(), 2);
    }
}
