use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::fault::Fault;
use crate::round_trip::connected_socket;

/// First bytes of a datagram that is only counted; the number of its run follows.
pub(crate) const RUN_MARK: [u8; 4] = *b"qrun";
/// First bytes of the question how many of a run came.
pub(crate) const COUNT_QUESTION: [u8; 4] = *b"qcnt";

/// Datagrams still on the way when the last was sent have this long to arrive.
const SETTLE: Duration = Duration::from_millis(30);
/// The search ends when what is too much is this near to what is not.
const NEAR_ENOUGH: f64 = 1.05;
/// Datagrams are sent in small groups: waiting for each would measure the clock.
const GROUP: u64 = 16;
const HIGHEST: f64 = 4e6;

/// The highest rate at which no more than `--loss` of the datagrams is lost, or with `--rate` the loss at that rate.
pub(crate) fn measure(arguments: &Arguments) -> Result<Value, Fault> {
    let probe = Probe {
        to: arguments.address("to")?,
        size: arguments.number::<usize>("size", 64)?.max(RUN_MARK.len() + 8),
        duration: arguments.duration()?,
    };
    let rate: f64 = arguments.number("rate", 0.0)?;
    let allowed: f64 = arguments.number("loss", 0.005)?;
    let found = if rate > 0.0 { probe.send(rate)? } else { search(&probe, allowed)? };
    Ok(json!({ "perSecond": found.per_second, "loss": found.loss, "probes": found.probes }))
}

struct Probe {
    to: SocketAddr,
    size: usize,
    duration: Duration,
}

#[derive(Clone, Copy)]
struct Found {
    /// Datagrams sent in a second; the sender may be slower than it was asked to be.
    per_second: f64,
    loss: f64,
    probes: u32,
}

fn search(probe: &Probe, allowed: f64) -> Result<Found, Fault> {
    let mut best = Found { per_second: 0.0, loss: 0.0, probes: 0 };
    let (mut low, mut high, mut rate) = (0.0, HIGHEST, 200_000.0);
    for probes in 1..=16 {
        let found = probe.send(rate)?;
        if found.loss <= allowed {
            best = Found { probes, ..if found.per_second > best.per_second { found } else { best } };
            low = rate;
            // The sender is at its own limit: asking for more changes nothing.
            if found.per_second < rate * 0.9 {
                break;
            }
        } else {
            best.probes = probes;
            high = rate;
        }
        if low > 0.0 && high / low < NEAR_ENOUGH {
            break;
        }
        rate = if low == 0.0 { high / 2.0 } else { (low * high).sqrt().min(low * 2.0) };
    }
    Ok(best)
}

impl Probe {
    fn send(&self, rate: f64) -> Result<Found, Fault> {
        let socket = connected_socket(self.to)?;
        let run = u64::from(std::process::id()) << 32 | u64::from(port_of(&socket)?);
        let mut datagram = vec![0; self.size];
        for (place, byte) in datagram.iter_mut().zip(RUN_MARK.into_iter().chain(run.to_be_bytes())) {
            *place = byte;
        }
        let (sent, lasted) = send_paced(&socket, &datagram, rate, self.duration)?;
        thread::sleep(SETTLE);
        let arrived = self.count(run)?;
        Ok(Found {
            per_second: float(sent) / lasted.as_secs_f64(),
            loss: 1.0 - float(arrived) / float(sent),
            probes: 1,
        })
    }

    fn count(&self, run: u64) -> Result<u64, Fault> {
        let socket = connected_socket(self.to)?;
        let short = Duration::from_millis(500);
        socket.set_read_timeout(Some(short)).map_err(|source| Fault::io("timeout", source))?;
        let question: Vec<u8> = COUNT_QUESTION.into_iter().chain(run.to_be_bytes()).collect();
        let mut answer = [0; 8];
        for _ in 0..6 {
            socket.send(&question).map_err(|source| Fault::io("send", source))?;
            if socket.recv(&mut answer).is_ok_and(|length| length == answer.len()) {
                return Ok(u64::from_be_bytes(answer));
            }
        }
        Err(Fault::NoAnswer(format!("{} does not say how many datagrams came", self.to)))
    }
}

fn port_of(socket: &UdpSocket) -> Result<u16, Fault> {
    Ok(socket.local_addr().map_err(|source| Fault::io("own address", source))?.port())
}

fn send_paced(
    socket: &UdpSocket,
    datagram: &[u8],
    rate: f64,
    duration: Duration,
) -> Result<(u64, Duration), Fault> {
    let start = Instant::now();
    let mut sent = 0;
    while start.elapsed() < duration {
        if float(sent) > start.elapsed().as_secs_f64() * rate {
            std::hint::spin_loop();
            continue;
        }
        for _ in 0..GROUP {
            // A full queue of the own interface is a loss like any other.
            if let Err(error) = socket.send(datagram)
                && error.raw_os_error() != Some(NO_BUFFER_SPACE)
            {
                return Err(Fault::io("send", error));
            }
            sent += 1;
        }
    }
    Ok((sent, start.elapsed()))
}

/// ENOBUFS of Linux.
const NO_BUFFER_SPACE: i32 = 105;

#[expect(clippy::cast_precision_loss, reason = "counts of seconds, far below 2^52")]
fn float(count: u64) -> f64 {
    count as f64
}
