//! Packet buffers that are used again.

use crate::packet::Packet;

/// Hands out at most a fixed number of buffers at a time. Each is made when it is first needed.
#[derive(Debug)]
pub struct BufferPool {
    free: Vec<Packet>,
    out: usize,
    limit: usize,
    exhausted: u64,
}

impl BufferPool {
    /// A pool of `limit` buffers, none of which exists yet.
    pub const fn new(limit: usize) -> Self {
        Self { free: Vec::new(), out: 0, limit, exhausted: 0 }
    }

    /// An empty packet; `None` (counted) when all buffers are out.
    pub fn take(&mut self) -> Option<Packet> {
        if self.out >= self.limit {
            self.exhausted += 1;
            return None;
        }
        self.out += 1;
        Some(self.free.pop().unwrap_or_else(Packet::allocate))
    }

    /// Takes a buffer back. One from elsewhere is welcome while there is room for it.
    pub fn give(&mut self, mut packet: Packet) {
        self.out = self.out.saturating_sub(1);
        if self.free.len() + self.out < self.limit {
            packet.clear();
            self.free.push(packet);
        }
    }

    /// Whether so many could be taken now.
    pub const fn has(&self, count: usize) -> bool {
        self.limit.saturating_sub(self.out) >= count
    }

    /// Buffers that are out.
    pub const fn in_use(&self) -> usize {
        self.out
    }

    /// Buffers there may be.
    pub const fn capacity(&self) -> usize {
        self.limit
    }

    /// How often no buffer was left.
    pub const fn exhausted(&self) -> u64 {
        self.exhausted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_buffer_comes_back_empty_and_is_used_again() {
        let mut pool = BufferPool::new(2);
        let mut packet = pool.take().unwrap();
        packet.fill(b"some packet");
        let place = packet.bytes().as_ptr();
        pool.give(packet);
        let again = pool.take().unwrap();
        assert!(again.is_empty());
        assert_eq!(again.bytes().as_ptr(), place);
    }

    #[test]
    fn exhausted_pool_hands_out_nothing_and_counts() {
        let mut pool = BufferPool::new(2);
        let packets = [pool.take(), pool.take(), pool.take()];
        assert_eq!(packets.each_ref().map(Option::is_some), [true, true, false]);
        assert_eq!((pool.in_use(), pool.exhausted()), (2, 1));
        assert!(pool.has(0) && !pool.has(1));
        packets.into_iter().flatten().for_each(|packet| pool.give(packet));
        assert!(pool.take().is_some());
    }

    #[test]
    fn buffers_from_elsewhere_do_not_make_the_pool_larger() {
        let mut pool = BufferPool::new(2);
        for _ in 0..5 {
            pool.give(Packet::allocate());
        }
        assert_eq!((pool.free.len(), pool.in_use()), (2, 0));
        let held = [pool.take(), pool.take()];
        pool.give(Packet::allocate());
        assert_eq!(held.iter().flatten().count(), 2);
        assert!(pool.free.len() + pool.in_use() <= 2);
    }
}
