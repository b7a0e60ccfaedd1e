use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::arguments::Arguments;
use crate::fault::Fault;
use crate::summary;

/// Questions before the measured ones: the session exists, and caches are warm.
const WARM_UP: usize = 200;
/// A question that takes longer is lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// Times of questions and answers on one connection.
pub(crate) fn over_tcp(arguments: &Arguments) -> Result<Value, Fault> {
    let to = arguments.address("to")?;
    let mut stream =
        TcpStream::connect_timeout(&to, PATIENCE).map_err(|source| Fault::io("connect", source))?;
    stream.set_nodelay(true).map_err(|source| Fault::io("TCP_NODELAY", source))?;
    stream.set_read_timeout(Some(PATIENCE)).map_err(|source| Fault::io("timeout", source))?;
    let question = vec![7; arguments.number("size", 64)?];
    let mut answer = question.clone();
    repeat(arguments.duration()?, || {
        stream.write_all(&question).map_err(|source| Fault::io("write", source))?;
        stream.read_exact(&mut answer).map_err(|source| Fault::io("read", source))
    })
}

/// Times of questions and answers from one port.
pub(crate) fn over_udp(arguments: &Arguments) -> Result<Value, Fault> {
    let socket = connected_socket(arguments.address("to")?)?;
    let question = vec![7; arguments.number("size", 64)?];
    let mut answer = question.clone();
    repeat(arguments.duration()?, || ask(&socket, &question, &mut answer))
}

/// A socket with a port of its own that hears only from `to`.
pub(crate) fn connected_socket(to: SocketAddr) -> Result<UdpSocket, Fault> {
    let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).map_err(|source| Fault::io("bind", source))?;
    socket.connect(to).map_err(|source| Fault::io("connect", source))?;
    socket.set_read_timeout(Some(PATIENCE)).map_err(|source| Fault::io("timeout", source))?;
    Ok(socket)
}

/// Sends a datagram and waits for its answer.
pub(crate) fn ask(socket: &UdpSocket, question: &[u8], answer: &mut [u8]) -> Result<(), Fault> {
    socket.send(question).map_err(|source| Fault::io("send", source))?;
    socket.recv(answer).map_err(|source| Fault::io("receive", source))?;
    Ok(())
}

fn repeat(duration: Duration, mut once: impl FnMut() -> Result<(), Fault>) -> Result<Value, Fault> {
    for _ in 0..WARM_UP {
        once()?;
    }
    let mut times = Vec::with_capacity(1 << 18);
    let start = Instant::now();
    while start.elapsed() < duration {
        let before = Instant::now();
        once()?;
        times.push(before.elapsed());
    }
    Ok(summary::of(times))
}
