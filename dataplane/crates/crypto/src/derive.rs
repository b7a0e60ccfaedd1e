//! Keys from secrets: HKDF-SHA256 (RFC 5869), bound to who sends, who receives, which version and which start.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use zeroize::Zeroizing;

use crate::aead::AeadKey;
use crate::cbc::CbcKey;
use crate::error::CryptoError;
use crate::hmac::HmacKey;
use crate::secret::{BootId, PayloadSecret, SharedSecret};

const PEER_SALT: &[u8] = b"quiver svr peer keys v1";
const PAYLOAD_SALT: &[u8] = b"quiver svr payload keys v1";

/// What the keys of one direction between two nodes are bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeriveInput<'a> {
    /// Name of the fabric.
    pub fabric: &'a str,
    /// Name of the sending node, unique in the fabric (`router/node`).
    pub sender_node: &'a str,
    /// Name of the receiving node, unique in the fabric.
    pub receiver_node: &'a str,
    /// Key version: the security identifier of TLV 16.
    pub version: u32,
    /// The sender's present start.
    pub sender_boot: BootId,
}

/// All keys by which one node protects what it sends to another, and by which that one checks it.
#[derive(Debug)]
pub struct PeerKeys {
    /// Seals metadata; wraps TLV 46 of signed metadata.
    pub metadata_aead: AeadKey,
    /// Signs metadata.
    pub metadata_hmac: HmacKey,
    /// Encrypts metadata in the compatibility profile.
    pub metadata_cbc: CbcKey,
    /// Signs the payload of sessions with integrity per packet.
    pub packet_hmac: HmacKey,
}

impl PeerKeys {
    /// Derives and prepares the keys. Costs some ten microseconds: keep the result, and do not call it for every boot id
    /// a stranger puts into a packet.
    pub fn derive(secret: &SharedSecret, input: &DeriveInput<'_>) -> Result<Self, CryptoError> {
        let key = |purpose: &str| {
            let version = input.version.to_be_bytes();
            let boot = input.sender_boot.0.to_be_bytes();
            let fields: [&[u8]; 6] = [
                purpose.as_bytes(),
                input.fabric.as_bytes(),
                input.sender_node.as_bytes(),
                input.receiver_node.as_bytes(),
                &version,
                &boot,
            ];
            derive_key(PEER_SALT, secret.expose(), &fields)
        };
        Ok(Self {
            metadata_aead: AeadKey::new(&*key("metadata aead")?)?,
            metadata_hmac: HmacKey::new(key("metadata hmac")?.as_slice()),
            metadata_cbc: CbcKey::new(&*key("metadata cbc")?)?,
            packet_hmac: HmacKey::new(key("packet hmac")?.as_slice()),
        })
    }
}

/// The keys of one payload epoch between the ingress and one egress node.
#[derive(Debug)]
pub struct PayloadKeys {
    /// Client to server.
    pub forward: AeadKey,
    /// Server to client.
    pub reverse: AeadKey,
}

impl PayloadKeys {
    /// Derives both directions. The reverse one is bound to the egress' start, as its counters begin anew with it.
    pub fn derive(secret: &PayloadSecret, egress_boot: BootId) -> Result<Self, CryptoError> {
        Ok(Self {
            forward: Self::derive_forward(secret)?,
            reverse: Self::derive_reverse(secret, egress_boot)?,
        })
    }

    /// The forward key alone, for an ingress that does not know its egress yet.
    pub fn derive_forward(secret: &PayloadSecret) -> Result<AeadKey, CryptoError> {
        AeadKey::new(&*derive_key(PAYLOAD_SALT, secret.expose(), &[b"forward"])?)
    }

    /// The reverse key alone.
    pub fn derive_reverse(secret: &PayloadSecret, egress_boot: BootId) -> Result<AeadKey, CryptoError> {
        let boot = egress_boot.0.to_be_bytes();
        AeadKey::new(&*derive_key(PAYLOAD_SALT, secret.expose(), &[b"reverse", &boot])?)
    }
}

type KeyBytes = Zeroizing<[u8; 32]>;

/// HKDF with each field of `info` behind its length, so that no two lists of fields read alike.
fn derive_key(salt: &[u8], secret: &[u8], fields: &[&[u8]]) -> Result<KeyBytes, CryptoError> {
    let mut info = Vec::with_capacity(fields.iter().map(|field| field.len() + 4).sum());
    for field in fields {
        let length = u32::try_from(field.len()).map_err(|_| CryptoError::Malformed)?;
        info.extend_from_slice(&length.to_be_bytes());
        info.extend_from_slice(field);
    }
    let mut key = KeyBytes::default();
    expand(salt, secret, &info, key.as_mut_slice())?;
    Ok(key)
}

/// HKDF-SHA256, extract and expand, into the whole of `out`.
pub(crate) fn expand(salt: &[u8], secret: &[u8], info: &[u8], out: &mut [u8]) -> Result<(), CryptoError> {
    let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
    let okm = prk.expand(&[info], OutputLength(out.len())).and_then(|okm| okm.fill(out));
    okm.map_err(|_| CryptoError::Library)
}

struct OutputLength(usize);

impl KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aead::seal_in_place;
    use crate::nonce::Nonce;

    const INPUT: DeriveInput<'_> = DeriveInput {
        fabric: "f",
        sender_node: "a/1",
        receiver_node: "b/1",
        version: 1,
        sender_boot: BootId(7),
    };

    /// A key's behaviour on fixed input stands for its bytes.
    fn print_of(key: &AeadKey) -> [u8; 16] {
        seal_in_place(key, Nonce { serial: 0, counter: 0 }, &[], &mut []).unwrap()
    }

    fn print_for(secret: &[u8], input: &DeriveInput<'_>) -> [u8; 16] {
        let keys = PeerKeys::derive(&SharedSecret::new(secret).unwrap(), input).unwrap();
        print_of(&keys.metadata_aead)
    }

    #[test]
    fn every_input_of_the_derivation_changes_the_key() {
        let base = print_for(&[1; 32], &INPUT);
        let others = [
            print_for(&[2; 32], &INPUT),
            print_for(&[1; 32], &DeriveInput { fabric: "g", ..INPUT }),
            print_for(&[1; 32], &DeriveInput { sender_node: "a/2", ..INPUT }),
            print_for(&[1; 32], &DeriveInput { receiver_node: "b/2", ..INPUT }),
            print_for(&[1; 32], &DeriveInput { version: 2, ..INPUT }),
            print_for(&[1; 32], &DeriveInput { sender_boot: BootId(8), ..INPUT }),
            print_for(&[1; 32], &DeriveInput { sender_node: "b/1", receiver_node: "a/1", ..INPUT }),
        ];
        assert!(others.iter().all(|other| *other != base));
        assert_eq!(base, print_for(&[1; 32], &INPUT));
    }

    #[test]
    fn names_that_concatenate_alike_derive_different_keys() {
        let left = print_for(&[1; 32], &DeriveInput { sender_node: "ab", receiver_node: "c", ..INPUT });
        let right = print_for(&[1; 32], &DeriveInput { sender_node: "a", receiver_node: "bc", ..INPUT });
        assert_ne!(left, right);
    }

    #[test]
    fn keys_of_different_purpose_are_different() {
        let keys = PeerKeys::derive(&SharedSecret::new(&[1; 32]).unwrap(), &INPUT).unwrap();
        let metadata = keys.metadata_hmac.sign(&[b"x"], None).unwrap();
        assert_ne!(metadata, keys.packet_hmac.sign(&[b"x"], None).unwrap());
    }

    #[test]
    fn reverse_payload_key_follows_the_start_of_the_egress() {
        let secret = PayloadSecret::from_bytes(&[3; 32]);
        let first = PayloadKeys::derive(&secret, BootId(1)).unwrap();
        let second = PayloadKeys::derive(&secret, BootId(2)).unwrap();
        assert_eq!(print_of(&first.forward), print_of(&second.forward));
        assert_ne!(print_of(&first.reverse), print_of(&second.reverse));
        assert_ne!(print_of(&first.forward), print_of(&first.reverse));
    }
}
