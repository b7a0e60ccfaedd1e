//! Configurations, and the one that takes everything off the node.

use quiver_api::proto::{NodeConfig, SecretMaterial};

use super::Router;
use crate::control::ApplyError;
use crate::forwarder::Forwarder;

impl<F: Forwarder> Router<F> {
    /// Brings a configuration into force, or says why not; then the former one goes on.
    ///
    /// One that retires the node ends all sessions and removes device, rules and routes; nothing else of it is looked at. The next one
    /// that does not makes them again.
    pub fn apply(&mut self, node: NodeConfig, secrets: Vec<SecretMaterial>) -> Result<(), ApplyError> {
        if node.retire {
            return Ok(self.halt(false)?);
        }
        if !self.is_halted() {
            return self.control().apply(node, secrets);
        }
        let fresh = Self::start(&self.options)?;
        // When it is refused, dropping it removes everything again.
        fresh.control().apply(node, secrets)?;
        *self = fresh;
        Ok(())
    }
}
