//! Protection of metadata: what was protected opens as it was, and nothing else opens.

use std::sync::OnceLock;

use quiver_crypto::{
    BootId, ClearLengths, DeriveInput, HmacTime, Nonce, PeerKeys, Protection, SharedSecret, Stamp,
    TimeWindow, protect, unprotect,
};

const NOW_MS: u64 = 1_700_000_000_000;
const PROTECTIONS: [Protection; 4] = [
    Protection::Sealed,
    Protection::Signed,
    Protection::Compatibility(HmacTime::Regular),
    Protection::Compatibility(HmacTime::TimeBased),
];

/// `which u8 ‖ clear length u8 ‖ changed byte u16 ‖ change u8 ‖ bytes`.
pub(crate) fn exercise(data: &[u8]) {
    let Some(([which, clear, high, low, change], bytes)) = data.split_first_chunk() else { return };
    let protection = PROTECTIONS[usize::from(which % 4)];
    strange(protection, bytes);
    let payload = usize::from(*clear).min(bytes.len());
    let mut packet = laid_out(protection, bytes, payload);
    let lengths = ClearLengths { header: 12, payload };
    protect(keys(), protection, &stamp(), &mut packet, lengths).expect("there is room");
    let trailer = protection.trailer_length();
    let mut copy = packet.clone();
    let opened =
        unprotect(keys(), protection, stamp().nonce, stamp().window, &mut copy).expect("it is genuine");
    assert_eq!(opened.payload_tlvs(), &bytes[..payload]);
    assert_eq!(
        (opened.message_length() + bytes.len() - payload, opened.trailer_length()),
        (packet.len() - trailer, trailer)
    );
    let at = usize::from(u16::from_be_bytes([*high, *low])) % packet.len();
    let covered = protection != Protection::Sealed || at < 12 + protection.payload_length(payload);
    // The cookie is checked by the parser; for the signed profiles the signature covers it.
    if *change != 0 && covered {
        packet[at] ^= change;
        let opened = unprotect(keys(), protection, stamp().nonce, stamp().window, &mut packet);
        assert!(opened.is_err(), "byte {at} was changed and nobody saw it");
    }
}

/// Bytes that nobody protected.
fn strange(protection: Protection, bytes: &[u8]) {
    assert!(unprotect(keys(), protection, stamp().nonce, stamp().window, &mut bytes.to_vec()).is_err());
}

fn laid_out(protection: Protection, bytes: &[u8], payload: usize) -> Vec<u8> {
    let mut packet = vec![0x4c, 0x48, 0xdb, 0xc6, 0xdd, 0xf6, 0x67, 0x0c, 0x10, 0x0c, 0, 0];
    packet.extend(&bytes[..payload]);
    packet.resize(12 + protection.payload_length(payload), 0);
    packet.extend(&bytes[payload..]);
    packet.resize(packet.len() + protection.trailer_length(), 0);
    packet
}

fn stamp() -> Stamp {
    Stamp { nonce: Nonce { serial: 1, counter: 2 }, iv: [3; 16], window: TimeWindow::from_unix_ms(NOW_MS) }
}

fn keys() -> &'static PeerKeys {
    static KEYS: OnceLock<PeerKeys> = OnceLock::new();
    KEYS.get_or_init(|| {
        let secret = SharedSecret::new(&[7; 32]).expect("32 bytes");
        let input = DeriveInput {
            fabric: "fabric",
            sender_node: "a/n1",
            receiver_node: "b/n1",
            version: 1,
            sender_boot: BootId(1),
        };
        PeerKeys::derive(&secret, &input).expect("keys are derived")
    })
}
