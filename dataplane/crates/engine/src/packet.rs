//! The buffer a packet lives in from the device to the device.
//!
//! Packets are moved, never copied or reallocated: a [`Packet`] owns one fixed buffer with room in front for
//! headers and metadata and behind for tags. io fills it, the engine rewrites it in place, io sends it and gives it back to its pool.

use quiver_wire::offload::Offload;

/// Room in front of a packet as read: metadata (at most 1,400 bytes) and an inserted header fit into it.
pub const HEADROOM: usize = 2048;
/// The largest IP packet, superpackets included.
pub const MAX_PACKET: usize = 65_535;
/// Room behind the largest packet.
pub const TAILROOM: usize = 1024;
/// Length of every packet buffer.
pub const BUFFER_LEN: usize = HEADROOM + MAX_PACKET + TAILROOM;

/// Where a packet came in, as far as tenants are concerned. 0 = not told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u16);

/// An IP packet (possibly a superpacket) in a buffer of [`BUFFER_LEN`] bytes.
pub struct Packet {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// Segmentation and checksum state, as in the virtio header it came with.
    pub offload: Offload,
    /// The interface a LAN packet came in by.
    pub interface: InterfaceId,
    /// It came in as fragments: its sender lets it be cut.
    pub reassembled: bool,
}

impl Packet {
    /// An empty packet in a fresh buffer. Allocates: for pools and tests.
    pub fn allocate() -> Self {
        Self {
            buffer: vec![0; BUFFER_LEN].into_boxed_slice(),
            start: HEADROOM,
            end: HEADROOM,
            offload: Offload::default(),
            interface: InterfaceId::default(),
            reassembled: false,
        }
    }

    /// A packet holding a copy of `bytes`, cut off at [`MAX_PACKET`]. Allocates: for tests and the simulator.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut packet = Self::allocate();
        packet.fill(bytes);
        packet
    }

    /// Makes the packet empty again, with full headroom.
    pub fn clear(&mut self) {
        self.start = HEADROOM;
        self.end = HEADROOM;
        self.offload = Offload::default();
        self.interface = InterfaceId::default();
        self.reassembled = false;
    }

    /// Replaces the content by a copy of `bytes`, cut off at [`MAX_PACKET`].
    pub fn fill(&mut self, bytes: &[u8]) {
        self.clear();
        let bytes = bytes.get(..bytes.len().min(MAX_PACKET)).unwrap_or_default();
        if let Some(room) = self.buffer.get_mut(HEADROOM..HEADROOM + bytes.len()) {
            room.copy_from_slice(bytes);
            self.end = HEADROOM + bytes.len();
        }
    }

    /// The whole room a device may read into; call [`Self::set_len`] afterwards.
    pub fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(HEADROOM..HEADROOM + MAX_PACKET).unwrap_or_default()
    }

    /// Declares that the first `len` bytes of [`Self::room`] are the packet.
    pub fn set_len(&mut self, len: usize) {
        self.start = HEADROOM;
        self.end = HEADROOM + len.min(MAX_PACKET);
    }

    /// Length in bytes.
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there is nothing in it.
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// The packet.
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// The packet, for rewriting in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..self.end).unwrap_or_default()
    }

    /// Grows the packet by `n` bytes in front. `false` when there is no room; the packet is then unchanged.
    #[must_use]
    pub fn grow_front(&mut self, n: usize) -> bool {
        match self.start.checked_sub(n) {
            Some(start) => {
                self.start = start;
                true
            }
            None => false,
        }
    }

    /// Drops `n` bytes in front (all, when it has fewer).
    pub fn shrink_front(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }

    /// Grows the packet by `n` bytes behind. `false` when there is no room; the packet is then unchanged.
    #[must_use]
    pub fn grow_back(&mut self, n: usize) -> bool {
        let end = self.end + n;
        if end > self.buffer.len() {
            return false;
        }
        self.end = end;
        true
    }

    /// Cuts the packet to `len` bytes, when it is longer.
    pub fn truncate(&mut self, len: usize) {
        self.end = self.end.min(self.start + len);
    }

    /// Opens a gap of `n` bytes at `offset` by moving the bytes *before* it towards the front (headers are shorter than payloads).
    #[must_use]
    pub fn insert(&mut self, offset: usize, n: usize) -> bool {
        if offset > self.len() || !self.grow_front(n) {
            return false;
        }
        let start = self.start;
        self.buffer.copy_within(start + n..start + n + offset, start);
        true
    }

    /// Closes a gap of `n` bytes at `offset` by moving the bytes before it towards the back.
    #[must_use]
    pub fn remove(&mut self, offset: usize, n: usize) -> bool {
        if offset + n > self.len() {
            return false;
        }
        let start = self.start;
        self.buffer.copy_within(start..start + offset, start + n);
        self.start += n;
        true
    }
}

impl core::fmt::Debug for Packet {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Packet")
            .field("len", &self.len())
            .field("offload", &self.offload)
            .finish_non_exhaustive()
    }
}
