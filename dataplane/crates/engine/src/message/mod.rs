//! What routers say to each other: the meaning of metadata, apart from its bytes.

pub(crate) mod accept;
pub(crate) mod compose;
pub(crate) mod control;
pub(crate) mod payload_keys;

use core::net::IpAddr;
use std::sync::Arc;

use quiver_crypto::{BootId, PayloadSecret};
use quiver_wire::metadata::control::SessionFlags;
use quiver_wire::metadata::path::FragmentInfo;

use crate::event::SessionUuid;
use crate::message::control::Control;
use crate::transform::rewrite::Tuple;

/// A message whose authenticity is proved.
#[derive(Debug)]
pub(crate) enum Message {
    /// Opens a session, or tells of one again.
    Forward(Box<Forward>),
    /// Confirms a session, or tells a restarted ingress of one.
    Reverse(Box<Reverse>),
    /// An order or question; its packet ends here.
    Control(Control),
    /// A piece of a packet that is too large for the path, and nothing else.
    Piece { uuid: SessionUuid },
    /// An ICMP error about a session; its packet holds the ICMP message.
    IcmpError {
        /// Who raised it.
        location: IpAddr,
        uuid: Option<SessionUuid>,
    },
}

/// Forward metadata.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) uuid: SessionUuid,
    /// What the client used: its address, the service address.
    pub(crate) context: Tuple,
    pub(crate) protocol: u8,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) service: Arc<str>,
    /// Router where the session entered the fabric.
    pub(crate) ingress: Arc<str>,
    /// Routers passed, the sender included.
    pub(crate) hop_count: u8,
    pub(crate) sealed: bool,
    pub(crate) flags: SessionFlags,
    pub(crate) payload_key: Option<PayloadOffer>,
    pub(crate) binding: Option<Tuple>,
}

/// Reverse metadata.
#[derive(Debug)]
pub(crate) struct Reverse {
    pub(crate) uuid: SessionUuid,
    /// As in [`Forward`]: turned round from the wire.
    pub(crate) context: Tuple,
    pub(crate) protocol: u8,
    pub(crate) sealed: bool,
    pub(crate) flags: SessionFlags,
    pub(crate) egress_boot: Option<BootId>,
    /// Id and serial of the payload keys that the sender has.
    pub(crate) payload_key: Option<(u64, u32)>,
    pub(crate) binding: Option<Tuple>,
    /// It came to the port that it was made for.
    pub(crate) at_its_port: bool,
    /// Only while recovering: all that a restarted ingress needs.
    pub(crate) recovery: Option<Recovery>,
}

/// What an ingress that has lost a session needs besides its context.
#[derive(Debug)]
pub(crate) struct Recovery {
    /// Router where the session entered the fabric.
    pub(crate) ingress: Arc<str>,
    pub(crate) tenant: Option<Arc<str>>,
    pub(crate) service: Arc<str>,
}

/// A session's payload key, as named and given by the ingress.
#[derive(Debug)]
pub(crate) struct PayloadOffer {
    pub(crate) origin: BootId,
    pub(crate) id: u64,
    pub(crate) secret: PayloadSecret,
    pub(crate) serial: u32,
}

/// A message together with what concerns the packet it came in.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) message: Message,
    /// Bytes of metadata in front of the session's payload.
    pub(crate) length: usize,
    /// Bytes of signature behind it.
    pub(crate) trailer: usize,
    /// Nothing of the session follows.
    pub(crate) metadata_only: bool,
    /// The packet is one piece of a larger one.
    pub(crate) piece: Option<FragmentInfo>,
    /// The sending node has started anew since it was heard last.
    pub(crate) restarted: bool,
}
