//! The router behind the value that JavaScript holds.

use std::sync::{Arc, Mutex, PoisonError};

use quiver_io::{Engine, Fault, FaultCode, Router};

/// A router until it is stopped. When JavaScript forgets it, it is stopped and removed.
#[derive(Clone)]
pub struct Handle(Arc<Mutex<Option<Router<Engine>>>>);

impl Handle {
    pub(crate) fn new(router: Router<Engine>) -> Self {
        Self(Arc::new(Mutex::new(Some(router))))
    }

    /// Runs `work` with the router.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&mut Router<Engine>) -> T) -> Result<T, Fault> {
        let mut guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guard.as_mut().map(work).ok_or_else(stopped)
    }

    /// Takes the router out.
    pub(crate) fn take(&self) -> Result<Router<Engine>, Fault> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(stopped)
    }
}

fn stopped() -> Fault {
    Fault::new(FaultCode::Stopped, "the engine has been stopped; start it again")
}
