//! Messages of `quiver.dataplane.v1`, generated from `dataplane/api/proto`.

#![expect(
    missing_docs,
    clippy::pedantic,
    clippy::large_enum_variant,
    reason = "generated; the proto files hold the descriptions"
)]

include!(concat!(env!("OUT_DIR"), "/quiver.dataplane.v1.rs"));
