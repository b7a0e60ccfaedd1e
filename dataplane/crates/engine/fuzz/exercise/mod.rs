//! What the engine is exercised with, shared by the fuzz targets and the tests on the stable toolchain.

pub(crate) mod conversation;
pub(crate) mod craft;
pub(crate) mod engine_lan;
pub(crate) mod engine_wan;
pub(crate) mod forge;
pub(crate) mod invariants;
pub(crate) mod script;
pub(crate) mod transform;
pub(crate) mod world;
