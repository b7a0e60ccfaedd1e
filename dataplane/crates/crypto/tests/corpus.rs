//! The fuzz target on the stable toolchain: every committed input again, and changes of each.
#![expect(clippy::expect_used, reason = "a broken promise must fail the test")]
#![expect(clippy::indexing_slicing, reason = "a broken promise must fail the test")]
#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::fs;
use std::path::Path;

#[path = "../fuzz/exercise/crypto_metadata.rs"]
mod crypto_metadata;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/crypto_metadata");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn committed_corpus_of_protected_metadata_keeps_every_promise() {
    let corpus = corpus();
    assert!(corpus.len() >= 10);
    for data in &corpus {
        crypto_metadata::exercise(data);
    }
}

#[test]
fn corpus_with_every_profile_and_length_keeps_every_promise() {
    for data in corpus() {
        for choice in 0..=u16::MAX {
            let [which, clear] = choice.to_be_bytes();
            if which < 4 && clear % 5 == 0 {
                let changed = [&[which, clear], &data[2..]].concat();
                crypto_metadata::exercise(&changed);
            }
        }
    }
}
