//! The thread that follows links, addresses and routes.

use std::sync::{Arc, Mutex, PoisonError};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;

use crate::control::Control;
use crate::forwarder::Forwarder;
use crate::netlink::Monitor;

/// News come in bursts: they are looked at together, a tenth of a second after the first.
const BURST: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A device may vanish between the look and the rule: then the next look, a second later, finds it gone.
const AGAIN: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Follows the machine until `bell` rings.
pub(crate) fn run<F: Forwarder>(control: &Mutex<Control<F>>, monitor: &Monitor, bell: &Arc<OwnedFd>) {
    let mut up_to_date = true;
    loop {
        let news = monitor.descriptor();
        let mut both = [PollFd::new(bell, PollFlags::IN), PollFd::new(&news, PollFlags::IN)];
        let again = (!up_to_date).then_some(&AGAIN);
        if poll(&mut both, again).is_err() {
            continue;
        }
        let mut quiet = [PollFd::new(bell, PollFlags::IN)];
        if poll(&mut quiet, Some(&BURST)).unwrap_or_default() > 0 {
            return;
        }
        if monitor.drain() || !up_to_date {
            up_to_date = control.lock().unwrap_or_else(PoisonError::into_inner).refresh();
        }
    }
}
