//! The TUN device: one queue per worker, superpackets in and out.
//!
//! Opened by three `ioctl`s of our own: the crates for this do not ask for `TSO_ECN`, and hide the virtio header that the
//! engine needs. One read or write is one packet, with header and packet scattered over two buffers, so nothing is copied.

use std::fs::{File, OpenOptions};
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use quiver_engine::packet::Packet;
use quiver_wire::offload::Offload;
use quiver_wire::parse::Parsed;
use quiver_wire::virtio::{HEADER_LEN, Header};
use rustix::io::Errno;
use rustix::ioctl;

use crate::fault::{Fault, FaultCode};

const CLONE_DEVICE: &str = "/dev/net/tun";
const NAME_LEN: usize = 16;

const IFF_TUN: i16 = 0x0001;
const IFF_MULTI_QUEUE: i16 = 0x0100;
const IFF_NO_PI: i16 = 0x1000;
const IFF_VNET_HDR: i16 = 0x4000;

const TUN_SET_IFF: ioctl::Opcode = ioctl::opcode::write::<i32>(b'T', 202);
const TUN_SET_PERSIST: ioctl::Opcode = ioctl::opcode::write::<i32>(b'T', 203);
const TUN_SET_OFFLOAD: ioctl::Opcode = ioctl::opcode::write::<u32>(b'T', 208);
const TUN_SET_VNET_LE: ioctl::Opcode = ioctl::opcode::write::<i32>(b'T', 220);

const CSUM: usize = 0x01;
const TSO: usize = 0x02 | 0x04;
const TSO_ECN: usize = 0x08;
const USO: usize = 0x20 | 0x40;

/// What the kernel leaves unfinished on packets it hands us, best first.
const OFFLOADS: [(usize, Offloads); 3] = [
    (CSUM | TSO | TSO_ECN | USO, Offloads::Full),
    (CSUM | TSO | TSO_ECN, Offloads::WithoutUdpSegmentation),
    (0, Offloads::None),
];

/// Which offloads a device got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offloads {
    /// TCP and UDP superpackets, partial checksums.
    Full,
    /// As above, UDP packet by packet (kernels before 6.2).
    WithoutUdpSegmentation,
    /// Packet by packet: slow.
    None,
}

/// One queue of the device.
#[derive(Debug)]
pub struct Queue {
    file: File,
}

#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME_LEN],
    flags: i16,
    padding: [u8; 22],
}

/// Opens (making it when it does not exist) the persistent device `name` with one queue per worker.
pub fn open(name: &str, queues: u8) -> Result<(Vec<Queue>, Offloads), Fault> {
    if name.is_empty() || name.len() >= NAME_LEN || name.bytes().any(|b| b == b'/' || b.is_ascii_whitespace())
    {
        return Err(Fault::new(
            FaultCode::InvalidOption,
            format_args!(
                "\"{name}\" cannot be a device name; use at most 15 characters without blanks and slashes"
            ),
        ));
    }
    let queues: Vec<Queue> = (0..queues).map(|_| queue(name)).collect::<Result<_, _>>()?;
    let Some(first) = queues.first() else {
        return Err(Fault::new(FaultCode::InvalidOption, "a router needs at least one worker"));
    };
    set(&first.file, Request::Persist(true))
        .map_err(|e| Fault::kernel(format_args!("make {name} persistent"), &e))?;
    let offloads = offloads(&first.file, name)?;
    Ok((queues, offloads))
}

/// What a read gave.
#[derive(Debug)]
pub enum Read {
    /// A packet, parsed.
    Packet(Parsed),
    /// Bytes that are no IP packet, or a superpacket of a kind that was not asked for.
    Unusable,
    /// Nothing is waiting.
    Nothing,
}

impl Queue {
    /// Reads one packet into `packet`.
    pub fn read(&self, packet: &mut Packet) -> io::Result<Read> {
        packet.clear();
        let mut bytes = [0; HEADER_LEN];
        let read = {
            let mut parts = [IoSliceMut::new(&mut bytes), IoSliceMut::new(packet.room())];
            match (&self.file).read_vectored(&mut parts) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Read::Nothing),
                Err(error) => return Err(error),
            }
        };
        packet.set_len(read.saturating_sub(HEADER_LEN));
        Ok(understand(bytes, packet).map_or(Read::Unusable, Read::Packet))
    }

    /// Writes one packet.
    pub fn write(&self, packet: &Packet) -> io::Result<()> {
        let header = header(packet).ok_or(io::ErrorKind::InvalidInput)?.emit();
        (&self.file).write_vectored(&[IoSlice::new(&header), IoSlice::new(packet.bytes())]).map(|_| ())
    }
}

fn understand(bytes: [u8; HEADER_LEN], packet: &mut Packet) -> Option<Parsed> {
    let mut header = Header::parse(&bytes).ok()?;
    let parsed = Parsed::parse(packet.bytes()).ok()?;
    if !header.is_about(&parsed) {
        // The checksum to be finished lies inside a tunnel: the engine knows only the outermost transport.
        header.finish(packet.bytes_mut()).ok()?;
    }
    packet.offload = header.offload().ok()?;
    Some(parsed)
}

fn header(packet: &Packet) -> Option<Header> {
    if packet.offload == Offload::default() {
        return Some(Header::default());
    }
    let parsed = Parsed::parse(packet.bytes()).ok()?;
    Header::of(packet.offload, &parsed).ok()
}

impl AsFd for Queue {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn queue(name: &str) -> Result<Queue, Fault> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(CLONE_DEVICE)
        .map_err(|e| not_opened(&e))?;
    set(&file, Request::Attach(name)).map_err(|e| not_attached(name, &e))?;
    set(&file, Request::LittleEndian)
        .map_err(|e| Fault::kernel(format_args!("set the byte order of {name}"), &e))?;
    Ok(Queue { file })
}

fn offloads(file: &File, name: &str) -> Result<Offloads, Fault> {
    let mut last = io::Error::from(io::ErrorKind::Unsupported);
    for (bits, offloads) in OFFLOADS {
        match set(file, Request::Offload(bits)) {
            Ok(()) => return Ok(offloads),
            Err(error) => last = error,
        }
    }
    Err(Fault::kernel(format_args!("set the offloads of {name}"), &last))
}

#[derive(Clone, Copy)]
enum Request<'a> {
    Attach(&'a str),
    LittleEndian,
    Persist(bool),
    Offload(usize),
}

#[expect(
    unsafe_code,
    reason = "ioctl: each request number goes with the argument its driver reads (linux/if_tun.h)"
)]
fn set(file: &File, request: Request<'_>) -> io::Result<()> {
    match request {
        Request::Attach(name) => {
            let mut argument = InterfaceRequest {
                name: [0; NAME_LEN],
                flags: IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE,
                padding: [0; 22],
            };
            for (to, from) in argument.name.iter_mut().zip(name.bytes()) {
                *to = from;
            }
            // SAFETY: TUNSETIFF reads and writes a `struct ifreq` of 40 bytes.
            unsafe { ioctl::ioctl(file, ioctl::Updater::<TUN_SET_IFF, _>::new(&mut argument))? };
        }
        // SAFETY: TUNSETVNETLE reads an int.
        Request::LittleEndian => unsafe {
            ioctl::ioctl(file, ioctl::Setter::<TUN_SET_VNET_LE, i32>::new(1))?;
        },
        // SAFETY: TUNSETPERSIST takes its argument by value.
        Request::Persist(on) => unsafe {
            ioctl::ioctl(file, ioctl::IntegerSetter::<TUN_SET_PERSIST>::new_usize(on.into()))?;
        },
        // SAFETY: TUNSETOFFLOAD takes its argument by value.
        Request::Offload(bits) => unsafe {
            ioctl::ioctl(file, ioctl::IntegerSetter::<TUN_SET_OFFLOAD>::new_usize(bits))?;
        },
    }
    Ok(())
}

fn not_opened(error: &io::Error) -> Fault {
    let sentence = match Errno::from_io_error(error) {
        Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => {
            "there is no /dev/net/tun; load the kernel module tun, or mount the device into the container (hostPath of type CharDevice)"
        }
        Some(Errno::PERM | Errno::ACCESS) => {
            "/dev/net/tun may not be opened; run as root, or in a container whose runtime allows it (runc 1.2.0 to 1.2.3 does not by default: update it)"
        }
        _ => return Fault::kernel("open /dev/net/tun", error),
    };
    Fault::new(FaultCode::MissingTun, sentence)
}

fn not_attached(name: &str, error: &io::Error) -> Fault {
    match Errno::from_io_error(error) {
        Some(Errno::BUSY) => Fault::new(
            FaultCode::DeviceBusy,
            format_args!("device {name} is in use by another process; stop that one or choose another name"),
        ),
        Some(Errno::INVAL) => Fault::new(
            FaultCode::NameTaken,
            format_args!(
                "device {name} exists and is no TUN device of a router; remove it or choose another name"
            ),
        ),
        _ => Fault::kernel(format_args!("attach to device {name}"), error),
    }
}
