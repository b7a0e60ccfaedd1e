//! Captures of what the engine gets and gives, written by a thread of their own.
//!
//! Workers copy matching packets into a bounded queue; what does not fit is counted, never waited for.

use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use core::time::Duration;
use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};

use quiver_engine::time::{Instant, Now};
use quiver_wire::parse::Parsed;

use crate::clock::Clock;
use crate::fault::{Fault, FaultCode};
use crate::pcapng::Writer;

const WAITING: usize = 1024;
const MAX_SECONDS: u32 = 3600;
/// How long the writer waits for a packet before it looks whether it shall end.
const LOOK: Duration = Duration::from_millis(200);

/// What to capture, where to, and for how long.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// File to write; an existing one is replaced.
    pub path: PathBuf,
    /// Only packets from or to this address.
    pub address: Option<IpAddr>,
    /// Only packets from or to this port.
    pub port: Option<u16>,
    /// Packets after which the capture ends; 0 = no limit.
    pub max_packets: u64,
    /// Seconds after which the capture ends; at most an hour.
    pub max_seconds: u32,
}

/// What a finished capture holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CaptureSummary {
    /// Packets in the file.
    pub packets: u64,
    /// Packets that came too fast to be written.
    pub missed: u64,
}

/// Which way a packet passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// From a local client or server.
    FromLan,
    /// From a peer.
    FromWan,
    /// To a local client or server.
    ToLan,
    /// To a peer.
    ToWan,
}

impl Passage {
    const fn text(self) -> &'static str {
        match self {
            Self::FromLan => "from LAN",
            Self::FromWan => "from WAN",
            Self::ToLan => "to LAN",
            Self::ToWan => "to WAN",
        }
    }
}

struct Copied {
    unix_ns: u64,
    bytes: Vec<u8>,
    comment: String,
}

/// The workers' side of a running capture.
#[derive(Debug)]
pub struct Tap {
    address: Option<IpAddr>,
    port: Option<u16>,
    queue: SyncSender<Copied>,
    clock: Clock,
    missed: AtomicU64,
    ended: AtomicBool,
}

impl Tap {
    /// Offers a packet; `describe` gives what is known of its content.
    pub fn offer(
        &self,
        now: Now,
        passage: Passage,
        packet: &[u8],
        describe: impl FnOnce() -> Option<String>,
    ) {
        if self.is_ended() || !self.matches(packet) {
            return;
        }
        let comment = match describe() {
            Some(known) => format!("{}: {known}", passage.text()),
            None => passage.text().to_owned(),
        };
        let copied = Copied { unix_ns: self.clock.unix_nanos(now.at), bytes: packet.to_vec(), comment };
        if self.queue.try_send(copied).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes no more packets; the writer closes the file.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    fn is_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn matches(&self, packet: &[u8]) -> bool {
        if self.address.is_none() && self.port.is_none() {
            return true;
        }
        let Ok(parsed) = Parsed::parse(packet) else { return false };
        self.address.is_none_or(|a| a == parsed.src || a == parsed.dst)
            && self.port.is_none_or(|p| p == parsed.src_port || p == parsed.dst_port)
    }
}

/// The writer's side of a running capture.
pub struct Capture {
    options: CaptureOptions,
    writer: Writer<BufWriter<File>>,
    queue: Receiver<Copied>,
    tap: Arc<Tap>,
}

impl Capture {
    /// Opens the file; the device's name goes into it.
    pub fn open(options: CaptureOptions, device: &str, clock: Clock) -> Result<Self, Fault> {
        if options.max_seconds == 0 || options.max_seconds > MAX_SECONDS {
            return Err(Fault::new(
                FaultCode::InvalidOption,
                format_args!("a capture lasts 1 to {MAX_SECONDS} seconds, not {}", options.max_seconds),
            ));
        }
        let file = File::create(&options.path).map_err(|e| not_written(&options, &e))?;
        let writer = Writer::begin(BufWriter::new(file), device).map_err(|e| not_written(&options, &e))?;
        let (sender, queue) = sync_channel(WAITING);
        let tap = Arc::new(Tap {
            address: options.address,
            port: options.port,
            queue: sender,
            clock,
            missed: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        Ok(Self { options, writer, queue, tap })
    }

    /// What workers offer packets to.
    pub fn tap(&self) -> Arc<Tap> {
        Arc::clone(&self.tap)
    }

    /// Writes until a limit is reached, the tap was ended or `stopped` says so.
    pub fn run(mut self, stopped: impl Fn() -> bool) -> Result<CaptureSummary, Fault> {
        let clock = self.tap.clock;
        let end = clock.now().at + Duration::from_secs(self.options.max_seconds.into());
        let mut packets = 0;
        while self.options.max_packets == 0 || packets < self.options.max_packets {
            let over = stopped() || self.tap.is_ended();
            if over {
                // What was offered before is in the file.
                self.tap.end();
            }
            let Some(wait) = remaining(clock, end) else { break };
            match self.queue.recv_timeout(if over { Duration::ZERO } else { wait.min(LOOK) }) {
                Ok(copied) => {
                    self.writer
                        .packet(copied.unix_ns, &copied.bytes, &copied.comment)
                        .map_err(|e| not_written(&self.options, &e))?;
                    packets += 1;
                }
                Err(RecvTimeoutError::Timeout) if over => break,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        self.tap.end();
        let missed = self.tap.missed.load(Ordering::Relaxed);
        self.writer.finish().map_err(|e| not_written(&self.options, &e))?;
        Ok(CaptureSummary { packets, missed })
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.tap.end();
    }
}

fn remaining(clock: Clock, end: Instant) -> Option<Duration> {
    Some(end - clock.now().at).filter(|left| !left.is_zero())
}

fn not_written(options: &CaptureOptions, error: &std::io::Error) -> Fault {
    Fault::new(
        FaultCode::FileNotWritten,
        format_args!(
            "capture file {} cannot be written: {error}; choose another path",
            options.path.display()
        ),
    )
}
