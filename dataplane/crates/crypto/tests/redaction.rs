//! Nothing that holds key bytes shows them.

use core::fmt::Debug;

use quiver_crypto::cbc::CbcKey;
use quiver_crypto::{
    AeadKey, BootId, DeriveInput, HmacKey, PayloadKeys, PayloadSecret, PeerKeys, SharedSecret,
};

/// 0xd7, in every notation a formatter could choose.
const BYTE: u8 = 0xd7;
const TRACES: [&str; 4] = ["d7", "D7", "215", "\\x"];

fn assert_hidden(value: &impl Debug) {
    for shown in [format!("{value:?}"), format!("{value:#?}"), format!("{value:x?}")] {
        assert!(TRACES.iter().all(|trace| !shown.contains(trace)), "{shown}");
    }
}

#[test]
fn debug_of_a_shared_secret_says_redacted_and_nothing_else() {
    let secret = SharedSecret::new(&[BYTE; 32]).unwrap();
    assert_eq!(format!("{secret:?}"), "SharedSecret(redacted)");
    assert_eq!(format!("{secret:#?}"), "SharedSecret(redacted)");
}

#[test]
fn debug_of_every_secret_and_key_shows_no_byte() {
    let payload = PayloadSecret::from_bytes(&[BYTE; 32]);
    assert_hidden(&payload);
    assert_hidden(&AeadKey::new(&[BYTE; 32]).unwrap());
    assert_hidden(&CbcKey::new(&[BYTE; 32]).unwrap());
    assert_hidden(&HmacKey::new(&[BYTE; 32]));
    assert_hidden(&PayloadKeys::derive(&payload, BootId(1)).unwrap());
}

#[test]
fn debug_of_derived_keys_is_equal_whatever_the_secret_is() {
    let shown = |byte| {
        let input = DeriveInput {
            fabric: "f",
            sender_node: "a/1",
            receiver_node: "b/1",
            version: 1,
            sender_boot: BootId(1),
        };
        format!("{:?}", PeerKeys::derive(&SharedSecret::new(&[byte; 32]).unwrap(), &input).unwrap())
    };
    assert_eq!(shown(1), shown(2));
}

#[test]
fn keys_may_be_shared_between_worker_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<SharedSecret>();
    shared::<PayloadSecret>();
    shared::<PeerKeys>();
    shared::<PayloadKeys>();
}
