//! From bytes to meaning: metadata is believed only after its sender, its freshness and its uniqueness are proved.

use core::ops::Range;
use std::sync::Arc;

use quiver_crypto::metadata::unwrap_key;
use quiver_crypto::{
    BootId, Nonce, PayloadSecret, PeerKeys, Protection, ReplayOrigin, TimeWindow, unprotect,
};
use quiver_wire::metadata::contexts::{Context, EgressBinding};
use quiver_wire::metadata::control::{ControlCode, HealthCheck};
use quiver_wire::metadata::security::SecurityContext;
use quiver_wire::metadata::{self, HeaderTlvs, PayloadTlvs};

use crate::drop_reason::DropReason;
use crate::event::SessionUuid;
use crate::fabric::Fabric;
use crate::message::compose::protection;
use crate::message::control::{Control, ControlKind};
use crate::message::{Forward, Message, PayloadOffer, Received, Recovery, Reverse};
use crate::packet::Packet;
use crate::packet_path::refusal;
use crate::peering::PathIndex;
use crate::time::Now;
use crate::transform::rewrite::Tuple;

/// Reads and proves the metadata at the start of `payload` (offsets within the packet), which came in over `path` to `port`.
/// The payload TLVs are opened in place.
pub(crate) fn accept(
    packet: &mut Packet,
    payload: Range<usize>,
    path: PathIndex,
    port: u16,
    fabric: &mut Fabric,
    now: Now,
) -> Result<Received, DropReason> {
    let bytes = packet.bytes_mut().get_mut(payload).ok_or(DropReason::MetadataMalformed)?;
    let header = read_header(bytes)?;
    let (Some(context), Some(version)) = (header.security_context, header.security_id) else {
        return Err(DropReason::MetadataIncomplete);
    };
    let boot = BootId(context.boot_id);
    let node_index = fabric.peering.path(path).ok_or(DropReason::PathUnknown)?.node;
    let node = fabric.peering.node(node_index).ok_or(DropReason::PathUnknown)?;
    let origin = ReplayOrigin { peer: node_index.number(), boot, serial: context.serial };
    let fresh = fabric.replay.check(origin, context.counter, context.time_ms, now.unix_ms);
    let fresh = fresh.map_err(|error| refusal::of_replay(&error))?;
    let offset_ms = fresh.offset_ms;
    // A stranger may put any boot id into a packet: unknown ones cost a key derivation each.
    if !node.knows(version, boot) && !fabric.derivations.take(now.at) {
        return Err(DropReason::MetadataRefusedLimit);
    }
    let keys = node.keys_to_receive(&fabric.tables, version, boot).ok_or(DropReason::UnknownKeyVersion)?;
    let keys = keys.map_err(|_| DropReason::KeyUnavailable)?;
    let nonce = Nonce { serial: context.serial, counter: context.counter };
    let protection = protection(&fabric.tables);
    let window = TimeWindow::from_unix_ms(now.unix_ms);
    let verified = unprotect(&keys, protection, nonce, window, bytes).map_err(refusal::of_crypto)?;
    fabric.replay.commit(fresh, now.unix_ms).map_err(|error| refusal::of_replay(&error))?;
    let tlvs = PayloadTlvs::parse(verified.payload_tlvs()).map_err(|_| DropReason::MetadataMalformed)?;
    let opening = Opening { header: &header, tlvs: &tlvs, context, keys: &keys, protection, port };
    let message = opening.message(fabric)?;
    let piece = header.fragment;
    let (length, trailer) = (verified.message_length(), verified.trailer_length());
    let node = fabric.peering.node_mut(node_index).ok_or(DropReason::PathUnknown)?;
    node.clock_offset_ms = offset_ms;
    let restarted = node.proven(version, boot, keys);
    if node.boot() != Some(boot) {
        // Late, from before its sender's last start: that sender's keys and decisions are gone.
        return Err(DropReason::MetadataStale);
    }
    Ok(Received { message, length, trailer, metadata_only: header.metadata_only, piece, restarted })
}

fn read_header(bytes: &[u8]) -> Result<HeaderTlvs, DropReason> {
    let view = metadata::Packet::new_checked(bytes).map_err(|_| DropReason::MetadataMalformed)?;
    HeaderTlvs::parse(view.header_tlvs()).map_err(|_| DropReason::MetadataMalformed)
}

/// Proven metadata on its way to a message.
struct Opening<'a> {
    header: &'a HeaderTlvs,
    tlvs: &'a PayloadTlvs<'a>,
    context: SecurityContext,
    keys: &'a PeerKeys,
    protection: Protection,
    port: u16,
}

impl Opening<'_> {
    fn message(&self, fabric: &mut Fabric) -> Result<Message, DropReason> {
        let uuid = self.tlvs.session_id.map(SessionUuid);
        if let Some(kind) = self.control() {
            return Ok(Message::Control(Control { kind, uuid }));
        }
        if let Some(location) = self.header.icmp_error_location {
            return Ok(Message::IcmpError { location, uuid });
        }
        let uuid = uuid.ok_or(DropReason::MetadataIncomplete)?;
        match (self.tlvs.forward, self.tlvs.reverse) {
            (Some(context), None) => self.forward(uuid, context, fabric),
            (None, Some(context)) => Ok(Message::Reverse(Box::new(self.reverse(uuid, context, fabric)))),
            (Some(_), Some(_)) => Err(DropReason::MetadataMalformed),
            (None, None) if self.header.fragment.is_some() => Ok(Message::Piece { uuid }),
            (None, None) => Err(DropReason::MetadataIncomplete),
        }
    }

    fn control(&self) -> Option<ControlKind> {
        if self.header.disable_forward_metadata || self.tlvs.disable_forward_metadata {
            return Some(ControlKind::DisableForwardMetadata);
        }
        match self.header.health_check {
            Some(HealthCheck::Request) => return Some(ControlKind::HealthCheck { repeated: false }),
            Some(HealthCheck::Retry) => return Some(ControlKind::HealthCheck { repeated: true }),
            None => {}
        }
        Some(match self.header.control? {
            ControlCode::KeepAlive => ControlKind::KeepAlive,
            ControlCode::EnableMetadata => ControlKind::EnableMetadata,
            ControlCode::DisableMetadata => ControlKind::DisableForwardMetadata,
            ControlCode::DeleteSession => ControlKind::Delete,
            ControlCode::StateExists => ControlKind::StateExists,
            ControlCode::Other(code) => ControlKind::Unknown(code),
        })
    }

    fn forward(
        &self,
        uuid: SessionUuid,
        context: Context,
        fabric: &mut Fabric,
    ) -> Result<Message, DropReason> {
        if self.context.port != self.port {
            return Err(DropReason::MetadataWrongPort);
        }
        let (Some(service), Some(ingress)) = (self.tlvs.service, self.tlvs.source_router) else {
            return Err(DropReason::MetadataIncomplete);
        };
        Ok(Message::Forward(Box::new(Forward {
            uuid,
            context: tuple_of(&context),
            protocol: context.protocol,
            tenant: self.tlvs.tenant.map(|name| fabric.names.get(name)),
            service: fabric.names.get(service),
            ingress: fabric.names.get(ingress),
            hop_count: self.header.hop_count.unwrap_or(0),
            sealed: self.tlvs.session_encrypted,
            flags: self.tlvs.session_flags.unwrap_or_default(),
            payload_key: self.payload_offer()?,
            binding: self.tlvs.egress_binding.as_ref().map(binding_of),
        })))
    }

    fn reverse(&self, uuid: SessionUuid, context: Context, fabric: &mut Fabric) -> Reverse {
        let recovery =
            self.tlvs.service.zip(self.tlvs.destination_router).map(|(service, ingress)| Recovery {
                ingress: fabric.names.get(ingress),
                tenant: self.tlvs.tenant.map(|name| fabric.names.get(name)),
                service: fabric.names.get(service),
            });
        let turned = context.reversed();
        Reverse {
            uuid,
            context: tuple_of(&turned),
            protocol: context.protocol,
            sealed: self.tlvs.session_encrypted,
            flags: self.tlvs.session_flags.unwrap_or_default(),
            egress_boot: self.egress_boot(),
            payload_key: self.tlvs.payload_key_id.zip(self.tlvs.payload_serial),
            at_its_port: self.context.port == self.port,
            binding: self.tlvs.egress_binding.as_ref().map(binding_of),
            recovery,
        }
    }

    fn egress_boot(&self) -> Option<BootId> {
        self.tlvs.payload_boot_ids.map(|ids| BootId(ids.egress)).filter(|boot| boot.0 != 0)
    }

    fn payload_offer(&self) -> Result<Option<PayloadOffer>, DropReason> {
        let (Some(key), Some(serial), Some(id), Some(boots)) = (
            self.tlvs.security_key,
            self.tlvs.payload_serial,
            self.tlvs.payload_key_id,
            self.tlvs.payload_boot_ids,
        ) else {
            return Ok(None);
        };
        let secret = match self.protection {
            Protection::Sealed | Protection::Compatibility(_) => {
                let bytes = <&[u8; PayloadSecret::LENGTH]>::try_from(key.0)
                    .map_err(|_| DropReason::MetadataMalformed)?;
                PayloadSecret::from_bytes(bytes)
            }
            Protection::Signed => {
                let nonce = Nonce { serial: self.context.serial, counter: self.context.counter };
                unwrap_key(&self.keys.metadata_aead, nonce, id, key.0).map_err(refusal::of_crypto)?
            }
        };
        Ok(Some(PayloadOffer { origin: BootId(boots.ingress), id, secret, serial }))
    }
}

fn tuple_of(context: &Context) -> Tuple {
    Tuple {
        src: context.addresses.src(),
        dst: context.addresses.dst(),
        sport: context.src_port,
        dport: context.dst_port,
    }
}

fn binding_of(binding: &EgressBinding) -> Tuple {
    Tuple {
        src: binding.addresses.src(),
        dst: binding.addresses.dst(),
        sport: binding.source_port,
        dport: binding.target_port,
    }
}

/// Names from metadata, shared: sessions of one tenant do not hold a copy each.
#[derive(Default)]
pub(crate) struct Names(hashbrown::HashSet<Arc<str>, rustc_hash::FxBuildHasher>);

/// Names that are shared, at most; beyond that each session holds its own.
const SHARED_NAMES: usize = 16_384;

impl Names {
    pub(crate) fn get(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        let shared: Arc<str> = Arc::from(name);
        if self.0.len() < SHARED_NAMES {
            self.0.insert(Arc::clone(&shared));
        }
        shared
    }
}
