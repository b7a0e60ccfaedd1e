//! Messages that hold secrets print without them.

use core::fmt;

use crate::proto::{SecretMaterial, Snapshot};

impl fmt::Debug for SecretMaterial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretMaterial").field("secret_id", &self.secret_id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("version", &self.version)
            .field("epoch", &self.epoch)
            .field("digest", &self.digest)
            .finish_non_exhaustive()
    }
}
