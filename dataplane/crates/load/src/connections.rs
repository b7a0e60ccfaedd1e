use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::arguments::Arguments;
use crate::fault::Fault;

const PATIENCE: Duration = Duration::from_secs(3);
const MESSAGE: [u8; 32] = [7; 32];

/// Connections made one after the other by several threads; each carries 32 bytes there and back, and is closed.
pub(crate) fn measure(arguments: &Arguments) -> Result<Value, Fault> {
    let to = arguments.address("to")?;
    let duration = arguments.duration()?;
    let threads: usize = arguments.number("threads", 16)?;
    let start = Instant::now();
    let workers: Vec<_> = (0..threads).map(|_| thread::spawn(move || work(to, start, duration))).collect();
    let (mut made, mut failed) = (0_u64, 0_u64);
    for worker in workers {
        let (good, bad) =
            worker.join().map_err(|_| Fault::NoAnswer("a thread of the client ended early".into()))?;
        made += good;
        failed += bad;
    }
    Ok(json!({ "connections": made, "failed": failed, "seconds": start.elapsed().as_secs_f64() }))
}

fn work(to: SocketAddr, start: Instant, duration: Duration) -> (u64, u64) {
    let (mut made, mut failed) = (0, 0);
    while start.elapsed() < duration {
        match once(to) {
            Ok(()) => made += 1,
            Err(_) => failed += 1,
        }
    }
    (made, failed)
}

fn once(to: SocketAddr) -> std::io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&MESSAGE)?;
    let mut answer = [0; MESSAGE.len()];
    stream.read_exact(&mut answer)
}
