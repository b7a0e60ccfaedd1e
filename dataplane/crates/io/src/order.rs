//! What workers are asked to do between two packets.

use std::sync::mpsc::Sender;

use quiver_api::proto;
use quiver_engine::time::Now;

use crate::forwarder::{Forwarder, Question};

/// An order with the way back for its answer.
pub(crate) enum Order<N> {
    Counters(Sender<proto::Counters>),
    Dump(proto::DumpRequest, Sender<proto::Dump>),
    Explain(Question, Sender<proto::Explanation>),
    Hear(N),
}

impl<N> Order<N> {
    /// Carries it out; without a forwarder there is no answer, and the sender hears that the way back is closed.
    pub(crate) fn carry_out<F: Forwarder<News = N>>(self, forwarder: Option<&mut F>, now: Now) {
        let Some(forwarder) = forwarder else { return };
        // Whoever asked may have given up waiting.
        match self {
            Self::Counters(answer) => drop(answer.send(forwarder.counters(now))),
            Self::Dump(request, answer) => drop(answer.send(forwarder.dump(&request, now))),
            Self::Explain(question, answer) => drop(answer.send(forwarder.explain(&question, now))),
            Self::Hear(news) => forwarder.hear(news, now),
        }
    }
}
