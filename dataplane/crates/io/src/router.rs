//! A running router: device, workers, rules, routes. What it makes it removes.

mod capturing;
mod retirement;

use core::net::{IpAddr, SocketAddr};
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use arc_swap::{ArcSwap, ArcSwapOption};
use quiver_api::merge::{add_counters, add_dump};
use quiver_api::proto;
use quiver_engine::session::keys::HashSeed;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::clock::Clock;
use crate::control::{Control, Possessions};
use crate::device::{adopt, set_up};
use crate::exchange::Exchange;
use crate::fault::{Fault, FaultCode};
use crate::forwarder::{Forwarder, Question};
use crate::netlink::{Monitor, Netlink};
use crate::options::StartOptions;
use crate::order::Order;
use crate::shared::{Events, Life, Shared};
use crate::steer_map::SteerMap;
use crate::tun::{self, Queue};
use crate::worker::{self, Worker};
use crate::{nft, notices};

/// Flows of other workers that can be kept track of.
const STEERED_FLOWS: usize = 1 << 20;
/// How long a worker may take between two packets.
const PATIENCE: Duration = Duration::from_secs(2);

/// A router that runs until [`Router::stop`].
pub struct Router<F: Forwarder> {
    shared: Arc<Shared<F>>,
    control: Arc<Mutex<Control<F>>>,
    threads: Vec<JoinHandle<()>>,
    /// How it was started: after a retirement it is started so again.
    options: StartOptions,
    watcher_bell: Arc<OwnedFd>,
}

impl<F: Forwarder> Router<F> {
    /// Makes the device (or takes over the one a former process left) and starts the workers. They wait for a configuration.
    pub fn start(options: &StartOptions) -> Result<Self, Fault> {
        let workers = options.checked_workers()?;
        let mut possessions = Possessions::of(&options.device, &options.instance);
        nft::ensure_free(&possessions.table)?;
        let mut netlink = Netlink::open().map_err(|e| Fault::kernel("open rtnetlink", &e))?;
        let adopted = adopt(&mut netlink, &possessions)?;
        let (queues, offloads) = tun::open(&options.device, workers)?;
        let set_up = set_up(&mut netlink, &mut possessions, options.mtu);
        if set_up.is_err() && !adopted && possessions.link != 0 {
            // The first error is the one to tell.
            let _ = netlink.delete_link(possessions.link);
        }
        set_up?;
        let (desks, orders): (Vec<_>, Vec<_>) = (0..workers).map(|_| channel()).unzip();
        let shared = Arc::new(shared(workers, desks)?);
        let notices = notices::of_offloads(offloads).into_iter().collect();
        let control = Control::new(Arc::clone(&shared), netlink, possessions, options.mtu, notices);
        let control = Arc::new(Mutex::new(control));
        let bell =
            eventfd(0, EventfdFlags::CLOEXEC).map_err(|e| Fault::kernel("make an eventfd", &e.into()))?;
        let mut router = Self {
            shared,
            control,
            threads: Vec::new(),
            options: options.clone(),
            watcher_bell: Arc::new(bell),
        };
        // From here on dropping the router removes everything.
        router.spawn(queues, orders)?;
        Ok(router)
    }

    /// Events since the last call, counters and standing notices.
    pub fn telemetry(&self) -> Result<proto::Telemetry, Fault> {
        let mut counters = proto::Counters::default();
        for worker in self.ask(Order::Counters)? {
            add_counters(&mut counters, worker);
        }
        let control = self.control();
        counters.boot_id = self.shared.life.load().boot_id;
        counters.workers = self.shared.shards.into();
        counters.max_sessions = control.max_sessions();
        let notices = control.standing_notices();
        drop(control);
        let (events, events_lost) = self.shared.events.drain();
        Ok(proto::Telemetry { events, events_lost, counters: Some(counters), notices })
    }

    /// Live sessions that match.
    pub fn dump(&self, request: &proto::DumpRequest) -> Result<proto::Dump, Fault> {
        let mut dump = proto::Dump::default();
        for worker in self.ask(|answer| Order::Dump(request.clone(), answer))? {
            add_dump(&mut dump, worker, request.limit);
        }
        Ok(dump)
    }

    /// What would happen to a conversation, step by step.
    pub fn explain(&self, request: &proto::ExplainRequest) -> Result<proto::Explanation, Fault> {
        let question = self.question(request)?;
        let answers = self.ask(|answer| Order::Explain(question.clone(), answer))?;
        let (with_session, without): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|a| a.session.is_some());
        with_session
            .into_iter()
            .chain(without)
            .next()
            .ok_or_else(|| Fault::new(FaultCode::NoAnswer, "there is no configuration yet; apply one first"))
    }

    /// Stops the workers. With `keep_device` the device, its rules and its routes stay, and nothing leaks until the next start;
    /// otherwise sessions are closed and everything this router made is removed.
    pub fn stop(mut self, keep_device: bool) -> Result<(), Fault> {
        self.halt(keep_device)
    }

    fn halt(&mut self, keep_device: bool) -> Result<(), Fault> {
        self.end_threads(keep_device);
        if keep_device { Ok(()) } else { self.control().remove_all() }
    }

    fn end_threads(&mut self, keep_device: bool) {
        self.shared.close_sessions.store(!keep_device, Ordering::Release);
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.call_all();
        // Fails only when the bell has been rung 2^64 times.
        let _ = rustix::io::write(&self.watcher_bell, &1_u64.to_ne_bytes());
        for thread in self.threads.drain(..) {
            // Its panic has been told when it happened.
            let _ = thread.join();
        }
    }

    /// Whether its threads have been ended.
    fn is_halted(&self) -> bool {
        self.shared.stopping.load(Ordering::Acquire)
    }

    fn control(&self) -> MutexGuard<'_, Control<F>> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&mut self, queues: Vec<Queue>, orders: Vec<Receiver<Order<F::News>>>) -> Result<(), Fault> {
        let monitor = Monitor::open().map_err(|e| Fault::kernel("subscribe to routes", &e))?;
        let (control, bell) = (Arc::clone(&self.control), Arc::clone(&self.watcher_bell));
        self.threads.push(spawn("quiver-routes", move || crate::watcher::run(&control, &monitor, &bell))?);
        for (index, (queue, orders)) in (0..).zip(queues.into_iter().zip(orders)) {
            let worker = Worker { index, queue, orders, shared: Arc::clone(&self.shared) };
            self.threads.push(spawn(&format!("quiver-{index}"), move || supervise(&worker))?);
        }
        Ok(())
    }

    /// Asks every worker; those without a configuration do not answer.
    fn ask<T>(&self, order: impl Fn(Sender<T>) -> Order<F::News>) -> Result<Vec<T>, Fault> {
        let (answer, answers) = channel();
        for (worker, desk) in (0..self.shared.shards).zip(&self.shared.desks) {
            // A worker that is gone has told why.
            if desk.send(order(answer.clone())).is_ok() {
                self.shared.exchange.call(worker);
            }
        }
        drop(answer);
        let mut found = Vec::new();
        loop {
            match answers.recv_timeout(PATIENCE) {
                Ok(one) => found.push(one),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(found),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    return Err(Fault::new(
                        FaultCode::NoAnswer,
                        "a worker did not answer within two seconds; the node is overloaded, try again",
                    ));
                }
            }
        }
    }

    fn question(&self, request: &proto::ExplainRequest) -> Result<Question, Fault> {
        let from = endpoint(request.from.as_ref(), "from")?;
        let to = endpoint(request.to.as_ref(), "to")?;
        let protocol = u8::try_from(request.protocol).map_err(|_| {
            Fault::new(FaultCode::InvalidOption, "protocol is an IP protocol number, at most 255")
        })?;
        let interface = if request.interface.is_empty() {
            self.shared.installed.load().as_ref().map(|i| i.origins.of(from.ip())).unwrap_or_default()
        } else {
            self.control().interfaces().and_then(|names| names.id(&request.interface)).unwrap_or_default()
        };
        Ok(Question { from, to, protocol, interface })
    }
}

impl<F: Forwarder> Drop for Router<F> {
    fn drop(&mut self) {
        if !self.is_halted() {
            // Nobody is left to be told.
            let _ = self.halt(false);
        }
    }
}

/// Runs a worker; when its forwarder fails, all workers begin anew: nonces belong to the boot id that all of them share.
fn supervise<F: Forwarder>(worker: &Worker<F>) {
    let shared = &worker.shared;
    while let Err(panic) = catch_unwind(AssertUnwindSafe(|| worker.run())) {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let message = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown").to_owned();
        shared.events.push(worker::failed(worker.index, message, shared.clock.now().at));
        shared.steered.remove_all(worker.index);
        match life(shared.clock) {
            Ok(life) => shared.life.store(Arc::new(life)),
            Err(_) => return,
        }
        shared.call_all();
    }
}

fn life(clock: Clock) -> Result<Life, Fault> {
    Ok(Life { boot_id: u64::from_ne_bytes(random()?), began_unix_ms: clock.now().unix_ms })
}

fn random<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())
        .map_err(|e| Fault::kernel("draw random numbers", &e.into()))?;
    Ok(bytes)
}

fn shared<F: Forwarder>(workers: u8, desks: Vec<Sender<Order<F::News>>>) -> Result<Shared<F>, Fault> {
    let clock = Clock::start();
    Ok(Shared {
        shards: workers,
        clock,
        exchange: Exchange::new(workers).map_err(|e| Fault::kernel("make an eventfd", &e))?,
        steered: SteerMap::with_room_for(if workers == 1 { 0 } else { STEERED_FLOWS }),
        flow_seed: HashSeed::new(random()?),
        installed: ArcSwapOption::empty(),
        life: ArcSwap::from_pointee(life(clock)?),
        tap: ArcSwapOption::empty(),
        events: Events::new(),
        desks,
        stopping: AtomicBool::new(false),
        close_sessions: AtomicBool::new(false),
        device_failed: AtomicBool::new(false),
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Fault> {
    thread::Builder::new().name(name.to_owned()).spawn(work).map_err(|e| Fault::kernel("start a thread", &e))
}

fn endpoint(endpoint: Option<&proto::Endpoint>, field: &str) -> Result<SocketAddr, Fault> {
    let wrong = || {
        Fault::new(
            FaultCode::InvalidOption,
            format_args!("\"{field}\" needs an IP address and a port up to 65535"),
        )
    };
    let endpoint = endpoint.ok_or_else(wrong)?;
    let address: IpAddr = endpoint.address.parse().map_err(|_| wrong())?;
    let port = u16::try_from(endpoint.port).map_err(|_| wrong())?;
    Ok(SocketAddr::new(address, port))
}
