//! The library and the rules around it against published vectors.

use crate::aead::{AeadKey, open_in_place, seal_in_place};
use crate::cbc::CbcKey;
use crate::derive::expand;
use crate::hmac::HmacKey;
use crate::nonce::Nonce;

#[test]
fn aes_256_gcm_agrees_with_the_vectors_of_its_authors() {
    let vectors = parse(include_str!("../testdata/aes_256_gcm.txt"));
    assert_eq!(vectors.len(), 4);
    for vector in &vectors {
        let key = AeadKey::new(&vector.array("key")).unwrap();
        let nonce = Nonce::from_bytes(vector.array("nonce"));
        let mut data = vector.bytes("clear");
        let tag = seal_in_place(&key, nonce, &vector.bytes("aad"), &mut data).unwrap();
        assert_eq!((&data, tag), (&vector.bytes("cipher"), vector.array("tag")));
        open_in_place(&key, nonce, &vector.bytes("aad"), &mut data, &tag).unwrap();
        assert_eq!(data, vector.bytes("clear"));
    }
}

#[test]
fn aes_256_cbc_agrees_with_nist_up_to_the_padding() {
    let vectors = parse(include_str!("../testdata/aes_256_cbc.txt"));
    assert_eq!(vectors.len(), 1);
    for vector in &vectors {
        let key = CbcKey::new(&vector.array("key")).unwrap();
        let (clear, cipher) = (vector.bytes("clear"), vector.bytes("cipher"));
        let mut data = [clear.as_slice(), &[0; 16]].concat();
        key.encrypt(vector.array("iv"), &mut data, clear.len()).unwrap();
        assert_eq!(data.strip_prefix(cipher.as_slice()).map(<[u8]>::len), Some(16));
        assert_eq!(key.decrypt(vector.array("iv"), &mut data).unwrap(), clear);
    }
}

#[test]
fn hmac_sha256_agrees_with_rfc_4231_in_its_first_half() {
    let vectors = parse(include_str!("../testdata/hmac_sha256.txt"));
    assert_eq!(vectors.len(), 7);
    for vector in &vectors {
        let signature = HmacKey::new(&vector.bytes("key")).sign(&[&vector.bytes("data")], None).unwrap();
        assert!(vector.bytes("tag").starts_with(&signature));
    }
}

#[test]
fn hkdf_sha256_agrees_with_rfc_5869() {
    let vectors = parse(include_str!("../testdata/hkdf_sha256.txt"));
    assert_eq!(vectors.len(), 3);
    for vector in &vectors {
        let mut key = vec![0; vector.bytes("key").len()];
        expand(&vector.bytes("salt"), &vector.bytes("secret"), &vector.bytes("info"), &mut key).unwrap();
        assert_eq!(key, vector.bytes("key"));
    }
}

/// One block of `name: hex` lines.
struct Vector<'t>(Vec<(&'t str, &'t str)>);

impl Vector<'_> {
    fn bytes(&self, name: &str) -> Vec<u8> {
        let (_, hex) = self.0.iter().find(|(field, _)| *field == name).unwrap();
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn array<const LENGTH: usize>(&self, name: &str) -> [u8; LENGTH] {
        self.bytes(name).try_into().unwrap()
    }
}

fn parse(text: &str) -> Vec<Vector<'_>> {
    text.split("\n\n")
        .map(|block| {
            let lines = block.lines().filter(|line| !line.starts_with('#'));
            Vector(lines.filter_map(|line| line.split_once(':')).map(|(a, b)| (a, b.trim())).collect())
        })
        .filter(|vector| !vector.0.is_empty())
        .collect()
}
