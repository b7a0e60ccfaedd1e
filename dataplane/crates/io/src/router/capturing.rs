//! Captures of a running router, one at a time.

use core::sync::atomic::Ordering;
use std::sync::Arc;

use super::{Router, spawn};
use crate::capture::{Capture, CaptureOptions, CaptureSummary};
use crate::fault::{Fault, FaultCode};
use crate::forwarder::Forwarder;

impl<F: Forwarder> Router<F> {
    /// Begins to capture; `done` is called once: by another thread when it ended, or at once when it cannot begin.
    /// One capture at a time.
    pub fn capture(
        &mut self,
        options: CaptureOptions,
        done: impl FnOnce(Result<CaptureSummary, Fault>) + Send + 'static,
    ) {
        let capture = if self.shared.tap.load().is_some() {
            Err(Fault::new(FaultCode::DeviceBusy, "a capture is running; wait for its end"))
        } else {
            let device = self.control().possessions.device.clone();
            Capture::open(options, &device, self.shared.clock)
        };
        let capture = match capture {
            Ok(capture) => capture,
            Err(fault) => return done(Err(fault)),
        };
        self.shared.tap.store(Some(capture.tap()));
        self.shared.call_all();
        let shared = Arc::clone(&self.shared);
        let thread = spawn("quiver-capture", move || {
            let result = capture.run(|| shared.stopping.load(Ordering::Acquire));
            shared.tap.store(None);
            shared.call_all();
            done(result);
        });
        self.threads.retain(|thread| !thread.is_finished());
        match thread {
            Ok(thread) => self.threads.push(thread),
            // Without its thread nobody reads the tap; `done` went with it.
            Err(_) => self.shared.tap.store(None),
        }
    }

    /// Ends the running capture before its limits; its file is whole. `false`: none is running.
    pub fn end_capture(&self) -> bool {
        let tap = self.shared.tap.load_full();
        tap.is_some_and(|tap| {
            tap.end();
            true
        })
    }
}
