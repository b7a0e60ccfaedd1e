use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::datagrams::{COUNT_QUESTION, RUN_MARK};
use crate::fault::Fault;

/// Answers on one port, TCP and UDP, until it is ended: every byte of a connection and every datagram comes back,
/// but datagrams of a counted run are only counted.
pub(crate) fn serve(listen: SocketAddr) -> Result<(), Fault> {
    let datagrams = UdpSocket::bind(listen).map_err(|source| Fault::io("UDP", source))?;
    let listener = TcpListener::bind(listen).map_err(|source| Fault::io("TCP", source))?;
    thread::spawn(move || answer_datagrams(&datagrams));
    let mut out = std::io::stdout();
    writeln!(out, "listening").map_err(|source| Fault::io("standard output", source))?;
    for stream in listener.incoming() {
        let stream = stream.map_err(|source| Fault::io("accept", source))?;
        thread::spawn(move || echo(stream));
    }
    Ok(())
}

// An error ends the connection, which is all that its client has to know.
fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    let _ = stream.set_nodelay(true);
    while let Ok(length) = stream.read(&mut buffer) {
        let Some(part) = buffer.get(..length) else { return };
        if part.is_empty() || stream.write_all(part).is_err() {
            return;
        }
    }
}

fn answer_datagrams(socket: &UdpSocket) {
    let mut buffer = vec![0; 65_536];
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    loop {
        let (length, from) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            // An earlier answer met nobody.
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
            Err(_) => return,
        };
        let Some(datagram) = buffer.get(..length) else { return };
        match run_of(datagram) {
            Some((RUN_MARK, run)) => *counts.entry(run).or_default() += 1,
            Some((COUNT_QUESTION, run)) => {
                let count = counts.get(&run).copied().unwrap_or_default();
                let _ = socket.send_to(&count.to_be_bytes(), from);
            }
            Some(_) | None => {
                let _ = socket.send_to(datagram, from);
            }
        }
    }
}

fn run_of(datagram: &[u8]) -> Option<([u8; 4], u64)> {
    let (mark, rest) = datagram.split_first_chunk::<4>()?;
    let (run, _) = rest.split_first_chunk::<8>()?;
    Some((*mark, u64::from_be_bytes(*run)))
}
