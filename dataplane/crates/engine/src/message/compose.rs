//! From meaning to bytes: metadata is written into the packet that carries it and protected there.

use std::sync::Arc;

use quiver_crypto::metadata::{WRAPPED_KEY_LENGTH, wrap_key};
use quiver_crypto::{ClearLengths, HmacTime, Nonce, PeerKeys, Protection, Stamp, TimeWindow, protect};
use quiver_wire::metadata::contexts::{AddressPair, Context, EgressBinding};
use quiver_wire::metadata::control::SessionFlags;
use quiver_wire::metadata::security::{KeyBytes, PayloadBootIds, SecurityContext};
use quiver_wire::metadata::{HEADER_LEN, HeaderTlvs, Message, PayloadTlvs};

use crate::config::{Cipher, MetadataProtection};
use crate::drop_reason::DropReason;
use crate::fabric::Fabric;
use crate::forwarding::Tables;
use crate::packet::Packet;
use crate::packet_path::refusal;
use crate::peering::PathIndex;
use crate::session::entry::{HopLeg, Mode, Session};
use crate::time::Now;
use crate::transform::metadata;
use crate::transform::rewrite::Tuple;

/// Who a message goes to: the path, and the port at the peer's waypoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Towards {
    pub(crate) path: PathIndex,
    pub(crate) peer_port: u16,
}

/// How this node's metadata is protected.
pub(crate) fn protection(tables: &Tables) -> Protection {
    match (tables.node.metadata, tables.node.cipher) {
        (MetadataProtection::Signed, _) => Protection::Signed,
        (MetadataProtection::Sealed, Cipher::Aes256Gcm) => Protection::Sealed,
        (MetadataProtection::Sealed, Cipher::Aes256CbcHmacSha256) => {
            Protection::Compatibility(HmacTime::TimeBased)
        }
    }
}

/// The keys, key version and nonce of one message.
struct Credentials {
    keys: Arc<PeerKeys>,
    version: u32,
    nonce: Nonce,
}

fn credentials(fabric: &mut Fabric, path: PathIndex) -> Result<Credentials, DropReason> {
    let nonce = fabric.metadata_nonce()?;
    let (_, node) = fabric.peering.path_and_node(path).ok_or(DropReason::PathUnknown)?;
    let (version, keys) =
        node.keys_to_send(&fabric.tables, fabric.boot).map_err(|_| DropReason::KeyUnavailable)?;
    Ok(Credentials { keys, version, nonce })
}

/// Puts a message without payload TLVs but for the session id in front of the packet's payload.
pub(crate) fn attach_plain(
    packet: &mut Packet,
    fabric: &mut Fabric,
    towards: Towards,
    header: HeaderTlvs,
    session_id: Option<[u8; 16]>,
    now: Now,
) -> Result<(), DropReason> {
    let credentials = credentials(fabric, towards.path)?;
    let payload = PayloadTlvs { session_id, ..PayloadTlvs::default() };
    attach(packet, fabric, towards, &credentials, Message { header, payload }, now)
}

/// Puts the session's forward or reverse metadata in front of the packet's payload.
pub(crate) fn attach_session(
    packet: &mut Packet,
    fabric: &mut Fabric,
    towards: Towards,
    session: &Session,
    what: About,
    now: Now,
) -> Result<(), DropReason> {
    let credentials = credentials(fabric, towards.path)?;
    let tables = Arc::clone(&fabric.tables);
    let protection = protection(&tables);
    let wrapped = wrapped_key(session, what, protection, &credentials)?;
    let key = match &wrapped {
        Key::Wrapped(bytes) => Some(KeyBytes(bytes)),
        Key::Clear(keys) => Some(KeyBytes(keys.epoch.secret.expose())),
        Key::None => None,
    };
    let message = session_message(session, what, key, &tables)?;
    attach(packet, fabric, towards, &credentials, message, now)
}

/// Which metadata of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent, as the TLVs are that they become")]
pub(crate) struct About {
    /// Towards the server; else reverse metadata.
    pub(crate) forward: bool,
    /// Nothing of the session follows.
    pub(crate) metadata_only: bool,
    /// The receiver has lost the session.
    pub(crate) recovering: bool,
    /// The packet is a TCP SYN carried as UDP.
    pub(crate) tcp_syn: bool,
    /// The packet is one piece of a larger one.
    pub(crate) piece: Option<quiver_wire::metadata::path::FragmentInfo>,
}

impl About {
    /// The metadata due on a hop leg; `forward` when the leg is the server's.
    pub(crate) const fn of(hop: &HopLeg, forward: bool) -> Self {
        Self {
            forward,
            metadata_only: false,
            recovering: hop.handshake.is_recovering(),
            tcp_syn: false,
            piece: None,
        }
    }
}

enum Key<'a> {
    None,
    Clear(&'a crate::message::payload_keys::SessionKeys),
    Wrapped([u8; WRAPPED_KEY_LENGTH]),
}

fn wrapped_key<'a>(
    session: &'a Session,
    what: About,
    protection: Protection,
    credentials: &Credentials,
) -> Result<Key<'a>, DropReason> {
    let Some(sealing) = session.security.sealing.as_deref().filter(|_| what.forward) else {
        return Ok(Key::None);
    };
    match protection {
        Protection::Sealed | Protection::Compatibility(_) => Ok(Key::Clear(&sealing.keys)),
        Protection::Signed => {
            let epoch = &sealing.keys.epoch;
            let wrapped =
                wrap_key(&credentials.keys.metadata_aead, credentials.nonce, epoch.id, &epoch.secret);
            wrapped.map(Key::Wrapped).map_err(refusal::of_crypto)
        }
    }
}

fn session_message<'a>(
    session: &'a Session,
    what: About,
    key: Option<KeyBytes<'a>>,
    tables: &'a Tables,
) -> Result<Message<'a>, DropReason> {
    let header = HeaderTlvs {
        fragment: what.piece,
        metadata_only: what.metadata_only,
        hop_count: what.forward.then_some(session.hop_count),
        ..HeaderTlvs::default()
    };
    let sealing = session.security.sealing.as_deref();
    let common = PayloadTlvs {
        session_id: Some(session.uuid.0),
        session_encrypted: session.security.mode == Mode::Sealed,
        payload_serial: sealing.map(|sealing| sealing.sending.serial()),
        payload_key_id: sealing.map(|sealing| sealing.keys.epoch.id),
        payload_boot_ids: boot_ids(session),
        egress_binding: session.binding.as_ref().map(binding).transpose()?,
        session_flags: Some(flags(session, what)),
        ..PayloadTlvs::default()
    };
    let context = context(&session.context, session.protocol)?;
    let names = what.forward || what.recovering;
    let payload = PayloadTlvs {
        tenant: session.tenant.as_deref().filter(|_| names),
        service: names.then_some(&*session.service_name),
        ..common
    };
    let payload = if what.forward {
        PayloadTlvs {
            forward: Some(context),
            source_router: Some(&session.ingress),
            peer_path: Some(&session.route_name),
            tcp_syn: what.tcp_syn,
            security_key: key,
            ..payload
        }
    } else {
        PayloadTlvs {
            reverse: Some(context.reversed()),
            session_count: Some(session.service_load),
            source_router: Some(&tables.node.router),
            destination_router: what.recovering.then_some(&*session.ingress),
            ..payload
        }
    };
    Ok(Message { header, payload })
}

fn flags(session: &Session, what: About) -> SessionFlags {
    let set = |flags: SessionFlags, flag, is| if is { flags.with(flag) } else { flags };
    let flags =
        set(SessionFlags::default(), SessionFlags::ADAPTIVE, session.security.mode == Mode::Undecided);
    let flags = set(flags, SessionFlags::INTEGRITY, session.security.per_packet);
    let flags = set(flags, SessionFlags::MID_STREAM, session.mid_stream);
    set(flags, SessionFlags::RECOVERY, what.recovering)
}

fn boot_ids(session: &Session) -> Option<PayloadBootIds> {
    let sealing = session.security.sealing.as_deref()?;
    Some(PayloadBootIds {
        ingress: sealing.keys.epoch.origin.0,
        egress: sealing.keys.reverse.as_ref().map_or(0, |(boot, _)| boot.0),
    })
}

fn context(tuple: &Tuple, protocol: u8) -> Result<Context, DropReason> {
    let addresses = AddressPair::new(tuple.src, tuple.dst).map_err(refusal::of_wire)?;
    Ok(Context { addresses, src_port: tuple.sport, dst_port: tuple.dport, protocol })
}

fn binding(tuple: &Tuple) -> Result<EgressBinding, DropReason> {
    let addresses = AddressPair::new(tuple.src, tuple.dst).map_err(refusal::of_wire)?;
    Ok(EgressBinding { addresses, source_port: tuple.sport, target_port: tuple.dport })
}

/// Bytes that a message adds to a packet.
fn length(message: &Message<'_>, protection: Protection) -> usize {
    let clear = message.payload.buffer_len();
    let added = protection.payload_length(clear) - clear;
    message.buffer_len(added) + protection.trailer_length()
}

fn attach(
    packet: &mut Packet,
    fabric: &mut Fabric,
    towards: Towards,
    credentials: &Credentials,
    mut message: Message<'_>,
    now: Now,
) -> Result<(), DropReason> {
    let protection = protection(&fabric.tables);
    message.header.security_id = Some(credentials.version);
    message.header.security_context = Some(SecurityContext {
        boot_id: fabric.boot.0,
        serial: credentials.nonce.serial,
        counter: credentials.nonce.counter,
        time_ms: now.unix_ms,
        port: towards.peer_port,
    });
    let clear = ClearLengths {
        header: HEADER_LEN + message.header.buffer_len(),
        payload: message.payload.buffer_len(),
    };
    let added = protection.payload_length(clear.payload) - clear.payload;
    if protection.trailer_length() > 0 {
        metadata::append_room(packet, protection.trailer_length())?;
    }
    let room = metadata::insert_room(packet, message.buffer_len(added))?;
    let l4_payload = packet.bytes_mut().get_mut(room.start..).ok_or(DropReason::BufferExhausted)?;
    message.emit(added, l4_payload).map_err(|_| DropReason::MetadataMalformed)?;
    let stamp = Stamp {
        nonce: credentials.nonce,
        iv: iv(fabric, protection),
        window: TimeWindow::from_unix_ms(now.unix_ms),
    };
    protect(&credentials.keys, protection, &stamp, l4_payload, clear).map_err(refusal::of_crypto)
}

fn iv(fabric: &mut Fabric, protection: Protection) -> [u8; 16] {
    let mut iv = [0; 16];
    if let Protection::Compatibility(_) = protection {
        fabric.random.fill(&mut iv);
    }
    iv
}

/// Bytes that [`attach_session`] would add to a packet.
pub(crate) fn session_length(session: &Session, what: About, fabric: &Fabric) -> Result<usize, DropReason> {
    let tables = &fabric.tables;
    let protection = protection(tables);
    let placeholder = [0; WRAPPED_KEY_LENGTH];
    let key_length = match protection {
        Protection::Signed => WRAPPED_KEY_LENGTH,
        Protection::Sealed | Protection::Compatibility(_) => 32,
    };
    let has_key = session.security.sealing.is_some() && what.forward;
    let key = placeholder.get(..key_length).filter(|_| has_key).map(KeyBytes);
    let mut message = session_message(session, what, key, tables)?;
    message.header.security_id = Some(0);
    message.header.security_context =
        Some(SecurityContext { boot_id: 0, serial: 0, counter: 0, time_ms: 0, port: 0 });
    Ok(length(&message, protection))
}
