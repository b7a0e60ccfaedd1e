//! Packets handed from the worker that read them to the worker that owns them.
//!
//! Bounded: what does not fit is dropped and counted. For each packet a buffer goes back, so that no worker runs dry.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::io;

use crossbeam_queue::ArrayQueue;
use quiver_engine::packet::Packet;
use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::side::Side;

/// Packets that may wait for one worker: 256 superpackets are 17 MB.
const WAITING: usize = 256;

/// Meeting point of all workers.
#[derive(Debug)]
pub struct Exchange {
    desks: Vec<Desk>,
}

#[derive(Debug)]
struct Desk {
    inbox: ArrayQueue<(Side, Packet)>,
    empties: ArrayQueue<Packet>,
    asleep: AtomicBool,
    attention: AtomicBool,
    overflow: AtomicU64,
    bell: OwnedFd,
}

impl Exchange {
    /// A meeting point for `workers` workers.
    pub fn new(workers: u8) -> io::Result<Self> {
        let desk = |_| {
            Ok(Desk {
                inbox: ArrayQueue::new(WAITING),
                empties: ArrayQueue::new(WAITING),
                asleep: AtomicBool::new(false),
                attention: AtomicBool::new(true),
                overflow: AtomicU64::new(0),
                bell: eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?,
            })
        };
        Ok(Self { desks: (0..workers).map(desk).collect::<io::Result<_>>()? })
    }

    /// Hands `packet` to worker `to`; gives it back when that one has too many waiting.
    pub fn hand_over(&self, to: u8, side: Side, packet: Packet) -> Result<(), Packet> {
        let Some(desk) = self.desks.get(usize::from(to)) else { return Err(packet) };
        if let Err((_, packet)) = desk.inbox.push((side, packet)) {
            desk.overflow.fetch_add(1, Ordering::Relaxed);
            return Err(packet);
        }
        // Either this sees the receiver asleep, or the receiver sees the packet before it goes to sleep.
        fence(Ordering::SeqCst);
        if desk.asleep.load(Ordering::Relaxed) {
            ring(desk);
        }
        Ok(())
    }

    /// The next packet handed to worker `me`.
    pub fn take(&self, me: u8) -> Option<(Side, Packet)> {
        self.desk(me)?.inbox.pop()
    }

    /// Leaves an empty buffer for whoever hands packets over next. Gives it back when there are enough.
    pub fn leave_empty(&self, me: u8, buffer: Packet) -> Result<(), Packet> {
        match self.desk(me) {
            Some(desk) => desk.empties.push(buffer),
            None => Err(buffer),
        }
    }

    /// An empty buffer in exchange for a packet handed to worker `to`.
    pub fn take_empty(&self, to: u8) -> Option<Packet> {
        self.desk(to)?.empties.pop()
    }

    /// Packets that were dropped because worker `me` had too many waiting.
    pub fn overflow(&self, me: u8) -> u64 {
        self.desk(me).map_or(0, |desk| desk.overflow.load(Ordering::Relaxed))
    }

    /// Asks worker `me` to look at its orders.
    pub fn call(&self, me: u8) {
        if let Some(desk) = self.desk(me) {
            desk.attention.store(true, Ordering::Release);
            ring(desk);
        }
    }

    /// Whether worker `me` has been called since it last asked.
    pub fn called(&self, me: u8) -> bool {
        self.desk(me).is_some_and(|desk| {
            desk.attention.load(Ordering::Relaxed) && desk.attention.swap(false, Ordering::Acquire)
        })
    }

    /// Announces that worker `me` is about to wait for its bell. `false`: there is something to do.
    pub fn fall_asleep(&self, me: u8) -> bool {
        let Some(desk) = self.desk(me) else { return false };
        desk.asleep.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let idle = desk.inbox.is_empty() && !desk.attention.load(Ordering::Relaxed);
        if !idle {
            desk.asleep.store(false, Ordering::Relaxed);
        }
        idle
    }

    /// Ends what [`Self::fall_asleep`] began.
    pub fn wake_up(&self, me: u8) {
        if let Some(desk) = self.desk(me) {
            desk.asleep.store(false, Ordering::Relaxed);
            let mut count = [0; 8];
            // Empty when something else ended the wait.
            let _ = rustix::io::read(&desk.bell, &mut count);
        }
    }

    /// Becomes readable when somebody rings for worker `me`.
    pub fn bell(&self, me: u8) -> Option<&OwnedFd> {
        self.desk(me).map(|desk| &desk.bell)
    }

    fn desk(&self, me: u8) -> Option<&Desk> {
        self.desks.get(usize::from(me))
    }
}

fn ring(desk: &Desk) {
    // Fails only when it has been rung 2^64 times without an answer.
    let _ = rustix::io::write(&desk.bell, &1_u64.to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packet_for_a_full_worker_is_given_back_and_counted() {
        let exchange = Exchange::new(2).unwrap();
        for _ in 0..WAITING {
            assert!(exchange.hand_over(1, Side::Lan, Packet::from_bytes(&[])).is_ok());
        }
        assert!(exchange.hand_over(1, Side::Lan, Packet::from_bytes(&[])).is_err());
        assert_eq!((exchange.overflow(0), exchange.overflow(1)), (0, 1));
    }

    #[test]
    fn worker_does_not_fall_asleep_with_packets_or_orders_waiting() {
        let exchange = Exchange::new(2).unwrap();
        assert!(exchange.called(0), "the first look is always due");
        assert!(exchange.fall_asleep(0));
        exchange.wake_up(0);
        assert!(exchange.hand_over(0, Side::Wan, Packet::from_bytes(&[1])).is_ok());
        assert!(!exchange.fall_asleep(0));
        assert!(matches!(exchange.take(0), Some((Side::Wan, packet)) if packet.bytes() == [1]));
        exchange.call(0);
        assert!(!exchange.fall_asleep(0));
        assert!(exchange.called(0));
        assert!(exchange.fall_asleep(0));
    }

    #[test]
    fn sleeping_worker_hears_the_bell_of_a_hand_over() {
        let exchange = Exchange::new(1).unwrap();
        assert!(exchange.called(0) && exchange.fall_asleep(0));
        assert!(exchange.hand_over(0, Side::Lan, Packet::from_bytes(&[])).is_ok());
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(exchange.bell(0).unwrap(), &mut count), Ok(8));
    }
}
