//! Calls that block, on libuv's pool.

use napi::{Env, Task};
use quiver_io::{Engine, Router};

use crate::Outcome;
use crate::answer::{Answer, BindingAnswer};
use crate::handle::Handle;

type Work = Box<dyn FnOnce(&Handle) -> Outcome + Send>;

/// A call to a router.
pub struct Call {
    handle: Handle,
    work: Option<Work>,
}

impl Call {
    pub(crate) fn new(
        handle: &Handle,
        work: impl FnOnce(&mut Router<Engine>) -> Outcome + Send + 'static,
    ) -> Self {
        let work: Work = Box::new(|handle| handle.with(work).unwrap_or_else(|fault| Err(vec![fault.into()])));
        Self { handle: handle.clone(), work: Some(work) }
    }

    pub(crate) fn stopping(handle: &Handle, keep_device: bool) -> Self {
        let work: Work = Box::new(move |handle| {
            let stopped = handle.take().and_then(|router| router.stop(keep_device));
            stopped.map(|()| Vec::new()).map_err(|fault| vec![fault.into()])
        });
        Self { handle: handle.clone(), work: Some(work) }
    }
}

impl Task for Call {
    type Output = Answer;
    type JsValue = BindingAnswer;

    fn compute(&mut self) -> napi::Result<Answer> {
        // Node runs a task once.
        let work = self.work.take().ok_or_else(|| napi::Error::from_reason("a task ran twice"))?;
        Ok(work(&self.handle).into())
    }

    fn resolve(&mut self, _: Env, answer: Answer) -> napi::Result<BindingAnswer> {
        Ok(answer.into())
    }
}
