//! Nonces that are never used twice under one key: allocated, not drawn.

/// The nonce of AES-256-GCM: who sends (serial), and how many it has sent (counter).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Nonce {
    /// Worker number and a count, allocated by a [`SerialAllocator`].
    pub serial: u32,
    /// Packets sent under this serial so far.
    pub counter: u64,
}

impl Nonce {
    /// Bytes of a nonce.
    pub const LENGTH: usize = 12;

    /// Serial, then counter, both in network order.
    pub const fn to_bytes(self) -> [u8; Self::LENGTH] {
        let wide = ((self.serial as u128) << 64) | self.counter as u128;
        let [_, _, _, _, bytes @ ..] = wide.to_be_bytes();
        bytes
    }

    /// The inverse of [`Nonce::to_bytes`].
    pub fn from_bytes(bytes: [u8; Self::LENGTH]) -> Self {
        let wide = bytes.into_iter().fold(0, |wide: u128, byte| (wide << 8) | u128::from(byte));
        Self { serial: (wide >> 64) as u32, counter: wide as u64 }
    }
}

/// Why no further nonce can be given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// More workers than the six bits of a serial can name.
    #[error("worker {worker} does not fit into six bits")]
    WorkerOutOfRange {
        /// The number given.
        worker: u8,
    },
    /// All serials of this worker were given out under this key: make a new key, and a new allocator with it.
    #[error("serials are exhausted: re-key")]
    SerialsExhausted,
    /// All counters of this serial were used under this key: make a new key, or take a new serial.
    #[error("counter is exhausted: re-key")]
    CounterExhausted,
}

/// Gives out the serials of one worker under one key, in order. A new key comes with a new allocator, never the same.
#[derive(Debug)]
pub struct SerialAllocator {
    worker: u32,
    next: u32,
}

impl SerialAllocator {
    /// Most workers of a node: six bits.
    pub const MAX_WORKERS: u8 = 64;
    const COUNT_BITS: u32 = 26;

    /// The allocator of `worker` for a key nobody of this worker has used yet.
    pub fn new(worker: u8) -> Result<Self, NonceError> {
        if worker >= Self::MAX_WORKERS {
            return Err(NonceError::WorkerOutOfRange { worker });
        }
        Ok(Self { worker: u32::from(worker), next: 1 })
    }

    /// The serial of this worker's metadata: count 0, which is never given to a session.
    pub const fn metadata_serial(&self) -> u32 {
        self.worker << Self::COUNT_BITS
    }

    /// The next serial of a session.
    pub fn allocate(&mut self) -> Result<u32, NonceError> {
        if self.next >> Self::COUNT_BITS != 0 {
            return Err(NonceError::SerialsExhausted);
        }
        let serial = self.metadata_serial() | self.next;
        self.next += 1;
        Ok(serial)
    }

    /// Serials left; a re-key is due long before this is 0.
    pub const fn remaining(&self) -> u32 {
        (1 << Self::COUNT_BITS) - self.next
    }
}

/// The nonces of one sender under one serial, each given out once. Not `Clone`: a copy would repeat them.
#[derive(Debug)]
pub struct CounterNonce {
    serial: u32,
    next: u64,
}

impl CounterNonce {
    /// Counts from 0: only for a serial that has never been used under its key.
    pub const fn new(serial: u32) -> Self {
        Self { serial, next: 0 }
    }

    /// Counts from `first`, for a sender that may meet a serial again without knowing how far it had counted: an egress
    /// that forgot a session and is told of it anew. Nanoseconds since the node's start will do, since nobody sends a
    /// packet per nanosecond.
    pub const fn starting_at(serial: u32, first: u64) -> Self {
        Self { serial, next: first }
    }

    /// The serial all these nonces share.
    pub const fn serial(&self) -> u32 {
        self.serial
    }

    /// The counter of the next nonce.
    pub const fn upcoming(&self) -> u64 {
        self.next
    }

    /// A nonce that has not been given out before.
    pub fn draw(&mut self) -> Result<Nonce, NonceError> {
        let counter = self.next;
        self.next = counter.checked_add(1).ok_or(NonceError::CounterExhausted)?;
        Ok(Nonce { serial: self.serial, counter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonce_is_serial_then_counter_in_network_order() {
        let nonce = Nonce { serial: 0x0102_0304, counter: 0x0506_0708_090a_0b0c };
        assert_eq!(nonce.to_bytes(), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(Nonce::from_bytes(nonce.to_bytes()), nonce);
    }

    #[test]
    fn serial_zero_of_each_worker_is_never_a_session() {
        let mut allocator = SerialAllocator::new(63).unwrap();
        assert_eq!(allocator.metadata_serial(), 0xfc00_0000);
        assert_eq!(allocator.allocate(), Ok(0xfc00_0001));
        assert_eq!(allocator.allocate(), Ok(0xfc00_0002));
    }

    #[test]
    fn worker_sixty_four_is_refused_by_type() {
        assert_eq!(SerialAllocator::new(64).unwrap_err(), NonceError::WorkerOutOfRange { worker: 64 });
    }

    #[test]
    fn exhausted_serials_ask_for_a_new_key() {
        let mut allocator = SerialAllocator { worker: 1, next: (1 << 26) - 1 };
        assert_eq!(allocator.remaining(), 1);
        assert_eq!(allocator.allocate(), Ok(0x07ff_ffff));
        assert_eq!(allocator.allocate(), Err(NonceError::SerialsExhausted));
        assert_eq!(allocator.allocate(), Err(NonceError::SerialsExhausted));
    }

    #[test]
    fn exhausted_counter_asks_for_a_new_key() {
        let mut nonces = CounterNonce::starting_at(5, u64::MAX - 1);
        assert_eq!(nonces.draw(), Ok(Nonce { serial: 5, counter: u64::MAX - 1 }));
        assert_eq!(nonces.draw(), Err(NonceError::CounterExhausted));
        assert_eq!(nonces.draw(), Err(NonceError::CounterExhausted));
    }
}
