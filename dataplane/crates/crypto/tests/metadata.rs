//! Whole metadata messages: what is sent comes back, and nothing else does.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing step of a test is to end it")]

use quiver_crypto::metadata::{unwrap_key, wrap_key};
use quiver_crypto::{
    AeadKey, ClearLengths, CryptoError, HmacKey, HmacTime, Nonce, PayloadSecret, PeerKeys, Protection, Stamp,
    TimeWindow, Verified, cbc::CbcKey, protect, unprotect,
};

const NONCE: Nonce = Nonce { serial: 1 << 26, counter: 42 };
const SENT_AT_MS: u64 = 1_700_000_000_000;
const ALL: [Protection; 4] = [
    Protection::Sealed,
    Protection::Signed,
    Protection::Compatibility(HmacTime::Regular),
    Protection::Compatibility(HmacTime::TimeBased),
];

#[test]
fn protected_message_comes_back_as_it_was_in_every_protection() {
    let worked = Worked::read();
    for protection in ALL {
        let mut packet = worked.protected(protection);
        let verified = open(&worked, protection, &mut packet).unwrap();
        assert_eq!(verified.payload_tlvs(), worked.tlvs(), "{protection:?}");
        assert_eq!(verified.header_tlvs(), &worked.clear[12..20]);
        assert_eq!(verified.header()[..10], worked.clear[..10]);
        let (message, trailer) = (verified.message_length(), verified.trailer_length());
        assert_eq!(&packet[message..packet.len() - trailer], b"hello", "{protection:?}");
    }
}

#[test]
fn message_without_payload_tlvs_is_authenticated_too() {
    let worked = Worked::read();
    for protection in ALL {
        let payload = protection.payload_length(0);
        let mut packet = vec![0; 20 + payload + protection.trailer_length()];
        packet[..20].copy_from_slice(&worked.clear[..20]);
        protect(
            &worked.keys,
            protection,
            &worked.stamp(),
            &mut packet,
            ClearLengths { header: 20, payload: 0 },
        )
        .unwrap();
        assert_eq!(usize::from(u16::from_be_bytes([packet[10], packet[11]])), payload);
        assert_eq!(open(&worked, protection, &mut packet.clone()).unwrap().payload_tlvs(), b"");
        packet[15] ^= 1;
        assert!(open(&worked, protection, &mut packet).is_err(), "{protection:?}");
    }
}

#[test]
fn compatibility_profile_gives_the_worked_bytes() {
    let worked = Worked::read();
    for (time, signature) in [(HmacTime::Regular, "regular"), (HmacTime::TimeBased, "time_based")] {
        let packet = worked.protected(Protection::Compatibility(time));
        assert_eq!(packet, [worked.field("packet"), worked.field(signature)].concat());
    }
}

#[test]
fn tampering_with_any_protected_bit_is_found() {
    let worked = Worked::read();
    for protection in ALL {
        let packet = worked.protected(protection);
        // Sealed protection ends with the message: the session's payload has protection of its own.
        let covered = if protection == Protection::Sealed { packet.len() - 5 } else { packet.len() };
        for bit in 0..covered * 8 {
            let mut tampered = packet.clone();
            tampered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&worked, protection, &mut tampered).is_err(), "{protection:?} bit {bit}");
        }
    }
}

#[test]
fn truncated_message_is_refused_at_every_length() {
    let worked = Worked::read();
    for protection in ALL {
        let packet = worked.protected(protection);
        let shortest = if protection == Protection::Sealed { packet.len() - 5 } else { packet.len() };
        for length in 0..shortest {
            let mut cut = packet[..length].to_vec();
            assert!(open(&worked, protection, &mut cut).is_err(), "{protection:?} length {length}");
        }
    }
}

#[test]
fn sealed_message_does_not_show_its_payload_tlvs() {
    let worked = Worked::read();
    for protection in [Protection::Sealed, Protection::Compatibility(HmacTime::TimeBased)] {
        let packet = worked.protected(protection);
        assert!(!packet.windows(8).any(|bytes| bytes == b"web.prod"), "{protection:?}");
    }
    assert!(worked.protected(Protection::Signed).windows(8).any(|bytes| bytes == b"web.prod"));
}

#[test]
fn time_based_signature_is_accepted_one_window_away_and_not_two() {
    let worked = Worked::read();
    let protection = Protection::Compatibility(HmacTime::TimeBased);
    let at = |unix_ms| {
        let mut packet = worked.protected(protection);
        unprotect(&worked.keys, protection, NONCE, TimeWindow::from_unix_ms(unix_ms), &mut packet).is_ok()
    };
    assert!(at(SENT_AT_MS - 2_000) && at(SENT_AT_MS + 1_999) && at(SENT_AT_MS + 2_000));
    assert!(!at(SENT_AT_MS - 4_000) && !at(SENT_AT_MS + 4_000));
}

#[test]
fn message_of_one_protection_is_refused_under_another() {
    let worked = Worked::read();
    for sent in ALL {
        for expected in ALL.into_iter().filter(|expected| *expected != sent) {
            // Regular compatibility and signed messages share their signature; their payload sections differ.
            let mut packet = worked.protected(sent);
            let clear = open(&worked, expected, &mut packet).map(|verified| verified.payload_tlvs().to_vec());
            assert_ne!(clear, Ok(worked.tlvs().to_vec()), "{sent:?} as {expected:?}");
        }
    }
}

#[test]
fn sealed_message_with_another_nonce_is_refused() {
    let worked = Worked::read();
    let mut packet = worked.protected(Protection::Sealed);
    let nonce = Nonce { counter: 43, ..NONCE };
    let window = TimeWindow::from_unix_ms(SENT_AT_MS);
    let opened = unprotect(&worked.keys, Protection::Sealed, nonce, window, &mut packet).map(|_| ());
    assert_eq!(opened, Err(CryptoError::Authentication));
}

#[test]
fn message_without_room_for_its_protection_is_not_sent() {
    let worked = Worked::read();
    let lengths = ClearLengths { header: 20, payload: 75 };
    for protection in ALL {
        let needed = 20 + protection.payload_length(75) + protection.trailer_length();
        let mut packet = worked.clear.clone();
        packet.resize(needed - 1, 0);
        let protected = protect(&worked.keys, protection, &worked.stamp(), &mut packet, lengths);
        assert_eq!(protected, Err(CryptoError::NoRoom), "{protection:?}");
    }
}

#[test]
fn header_whose_length_field_lies_is_not_sent() {
    let worked = Worked::read();
    let mut packet = worked.clear.clone();
    packet.resize(200, 0);
    let lengths = ClearLengths { header: 24, payload: 71 };
    let protected = protect(&worked.keys, Protection::Sealed, &worked.stamp(), &mut packet, lengths);
    assert_eq!(protected, Err(CryptoError::Malformed));
}

#[test]
fn wrapped_payload_key_opens_with_its_nonce_and_id_only() {
    let key = AeadKey::new(&[1; 32]).unwrap();
    let secret = PayloadSecret::from_bytes(&[2; 32]);
    let wrapped = wrap_key(&key, NONCE, 7, &secret).unwrap();
    assert_eq!(unwrap_key(&key, NONCE, 7, &wrapped), Ok(secret));
    let failed = Err(CryptoError::Authentication);
    assert_eq!(unwrap_key(&key, NONCE, 8, &wrapped), failed);
    assert_eq!(unwrap_key(&key, Nonce { counter: 1, ..NONCE }, 7, &wrapped), failed);
    assert_eq!(unwrap_key(&key, NONCE, 7, &wrapped[..47]), Err(CryptoError::Malformed));
    for bit in 0..wrapped.len() * 8 {
        let mut tampered = wrapped;
        tampered[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(unwrap_key(&key, NONCE, 7, &tampered), failed, "bit {bit}");
    }
}

fn open<'p>(
    worked: &Worked,
    protection: Protection,
    packet: &'p mut [u8],
) -> Result<Verified<'p>, CryptoError> {
    unprotect(&worked.keys, protection, NONCE, TimeWindow::from_unix_ms(SENT_AT_MS), packet)
}

/// The worked example and keys to protect it with.
struct Worked {
    fields: Vec<(String, Vec<u8>)>,
    clear: Vec<u8>,
    keys: PeerKeys,
}

impl Worked {
    fn read() -> Self {
        let text = include_str!("../testdata/compatibility_metadata.txt");
        let lines =
            text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(": "));
        let fields: Vec<_> = lines.map(|(name, hex)| (name.to_owned(), from_hex(hex))).collect();
        let field = |name| fields.iter().find(|(field, _)| field == name).unwrap().1.clone();
        let keys = PeerKeys {
            metadata_aead: AeadKey::new(&[3; 32]).unwrap(),
            metadata_hmac: HmacKey::new(&field("hmac_key")),
            metadata_cbc: CbcKey::new(&field("cipher_key").try_into().unwrap()).unwrap(),
            packet_hmac: HmacKey::new(&[4; 32]),
        };
        Self { clear: field("clear"), fields, keys }
    }

    fn field(&self, name: &str) -> Vec<u8> {
        self.fields.iter().find(|(field, _)| field == name).unwrap().1.clone()
    }

    fn tlvs(&self) -> &[u8] {
        &self.clear[20..]
    }

    fn stamp(&self) -> Stamp {
        let iv = self.field("iv").try_into().unwrap();
        Stamp { nonce: NONCE, iv, window: TimeWindow::from_unix_ms(SENT_AT_MS) }
    }

    /// Header, payload TLVs, room, the session's payload, room.
    fn protected(&self, protection: Protection) -> Vec<u8> {
        let section = protection.payload_length(self.tlvs().len());
        let mut packet = self.clear.clone();
        packet.resize(20 + section, 0);
        packet.extend(self.field("session_payload"));
        packet.resize(packet.len() + protection.trailer_length(), 0);
        let lengths = ClearLengths { header: 20, payload: self.tlvs().len() };
        protect(&self.keys, protection, &self.stamp(), &mut packet, lengths).unwrap();
        packet
    }
}

fn from_hex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
