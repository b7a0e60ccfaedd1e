//! Metadata as a peer that knows the fabric's secret can write it: whatever it likes, rightly protected.

use core::net::SocketAddr;

use quiver_crypto::{
    BootId, ClearLengths, DeriveInput, HmacTime, Nonce, PeerKeys, Protection, SharedSecret, Stamp,
    TimeWindow, protect,
};
use quiver_engine::config::{Cipher, MetadataProtection};
use quiver_wire::metadata::security::SecurityContext;
use quiver_wire::metadata::{COOKIE, HEADER_LEN, HeaderTlvs, PayloadTlvs};

use super::craft;
use super::world::{Options, SECRET};

/// One sender of metadata.
pub(crate) struct Forger {
    keys: PeerKeys,
    protection: Protection,
    pub(crate) boot: BootId,
    pub(crate) counter: u64,
    pub(crate) serial: u32,
}

impl Forger {
    /// Speaks as `sender` to `receiver` (`router/node`).
    pub(crate) fn new(sender: &str, receiver: &str, boot: u64, options: Options) -> Self {
        let keys = peer_keys(sender, receiver, BootId(boot), &SECRET);
        Self { keys, protection: protection(options), boot: BootId(boot), counter: 0, serial: 0 }
    }

    /// The same with another secret.
    pub(crate) fn without_secret(sender: &str, receiver: &str, boot: u64, options: Options) -> Self {
        let keys = peer_keys(sender, receiver, BootId(boot), &[8; 32]);
        Self { keys, ..Self::new(sender, receiver, boot, options) }
    }

    /// A UDP packet with protected metadata in front of `rest`. `time_ms` is the sender's clock.
    pub(crate) fn packet(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        time_ms: u64,
        header: HeaderTlvs,
        payload: &[u8],
        rest: &[u8],
    ) -> Vec<u8> {
        let header = HeaderTlvs {
            security_id: header.security_id.or(Some(1)),
            security_context: header.security_context.or_else(|| Some(self.context(time_ms, to.port()))),
            ..header
        };
        let mut section = vec![0; header.buffer_len()];
        header.emit(&mut section).expect("the section has room");
        self.raw((from, to), time_ms, &section, payload, rest)
    }

    pub(crate) fn context(&self, time_ms: u64, port: u16) -> SecurityContext {
        SecurityContext { boot_id: self.boot.0, serial: self.serial, counter: self.counter, time_ms, port }
    }

    /// The same with a header section as it is.
    pub(crate) fn raw(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        time_ms: u64,
        header: &[u8],
        payload: &[u8],
        rest: &[u8],
    ) -> Vec<u8> {
        let message = self.message(time_ms, header, payload, rest);
        self.counter += 1;
        craft::udp(from, to, &message)
    }

    /// The same in front of the data of a TCP segment.
    pub(crate) fn segment(
        &mut self,
        (from, to): (SocketAddr, SocketAddr),
        time_ms: u64,
        header: &[u8],
        payload: &[u8],
        rest: &[u8],
    ) -> Vec<u8> {
        let message = self.message(time_ms, header, payload, rest);
        self.counter += 1;
        let flags = if rest.is_empty() { craft::SYN } else { craft::ACK };
        craft::tcp(from, to, craft::Segment { flags, seq: 1_000, ack: 1 }, &message)
    }

    fn message(&self, time_ms: u64, header: &[u8], payload: &[u8], rest: &[u8]) -> Vec<u8> {
        let length = HEADER_LEN + header.len();
        let mut message = COOKIE.to_vec();
        message.extend((0x1000 | length as u16 & 0x0fff).to_be_bytes());
        message.extend([0, 0]);
        message.extend(header);
        message.extend(payload);
        message.resize(length + self.protection.payload_length(payload.len()), 0);
        message.extend(rest);
        message.resize(message.len() + self.protection.trailer_length(), 0);
        let stamp = Stamp {
            nonce: Nonce { serial: self.serial, counter: self.counter },
            iv: [self.counter as u8; 16],
            window: TimeWindow::from_unix_ms(time_ms),
        };
        let clear = ClearLengths { header: length, payload: payload.len() };
        protect(&self.keys, self.protection, &stamp, &mut message, clear).expect("there is room");
        message
    }
}

/// Bytes of a payload section.
pub(crate) fn section(tlvs: &PayloadTlvs<'_>) -> Vec<u8> {
    let mut bytes = vec![0; tlvs.buffer_len()];
    tlvs.emit(&mut bytes).expect("the section has room");
    bytes
}

pub(crate) fn peer_keys(sender: &str, receiver: &str, boot: BootId, secret: &[u8; 32]) -> PeerKeys {
    let input = DeriveInput {
        fabric: "fabric",
        sender_node: sender,
        receiver_node: receiver,
        version: 1,
        sender_boot: boot,
    };
    PeerKeys::derive(&SharedSecret::new(secret).expect("32 bytes"), &input).expect("keys are derived")
}

pub(crate) fn protection(options: Options) -> Protection {
    match (options.metadata, options.cipher) {
        (MetadataProtection::Signed, _) => Protection::Signed,
        (MetadataProtection::Sealed, Cipher::Aes256Gcm) => Protection::Sealed,
        (MetadataProtection::Sealed, Cipher::Aes256CbcHmacSha256) => {
            Protection::Compatibility(HmacTime::TimeBased)
        }
    }
}
