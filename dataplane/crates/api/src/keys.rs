//! The fabric secret: versions named by the configuration, bytes that came beside it.

use aws_lc_rs::digest::{SHA256, digest};
use quiver_crypto::SharedSecret;

use crate::proto::{KeySource, SecretMaterial, SecretVersion};
use crate::rejected::{Problems, RejectCode};

/// Versions with their bytes, and the version to send with.
pub(crate) fn keys(
    source: Option<&KeySource>,
    material: &[SecretMaterial],
    problems: &mut Problems,
) -> (Vec<(u32, SharedSecret)>, u32) {
    let Some(shared) = source.and_then(|s| s.shared_secret.as_ref()) else { return (Vec::new(), 0) };
    let versions = shared
        .versions
        .iter()
        .filter_map(|version| secret(version, material, problems).map(|bytes| (version.version, bytes)))
        .collect();
    if !shared.versions.is_empty() && !shared.versions.iter().any(|v| v.version == shared.active) {
        problems.reject(
            RejectCode::SecretMissing,
            "key_source.shared_secret.active",
            format_args!("version {} is not among the accepted ones", shared.active),
        );
    }
    (versions, shared.active)
}

fn secret(
    version: &SecretVersion,
    material: &[SecretMaterial],
    problems: &mut Problems,
) -> Option<SharedSecret> {
    let field = format!("key_source.shared_secret.versions[{}]", version.version);
    let Some(found) = material.iter().find(|m| m.secret_id == version.secret_id) else {
        problems.reject(
            RejectCode::SecretMissing,
            format_args!("{field}.secret_id"),
            format_args!("the bytes of secret \"{}\" did not come with the configuration", version.secret_id),
        );
        return None;
    };
    if !version.digest.is_empty()
        && !version.digest.eq_ignore_ascii_case(&hex(digest(&SHA256, &found.value).as_ref()))
    {
        problems.reject(
            RejectCode::SecretMismatch,
            format_args!("{field}.digest"),
            format_args!("the bytes of secret \"{}\" are not those with this digest", version.secret_id),
        );
        return None;
    }
    match SharedSecret::new(&found.value) {
        Ok(secret) => Some(secret),
        Err(error) => {
            problems.reject(RejectCode::OutOfRange, field, error);
            None
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect()
}
