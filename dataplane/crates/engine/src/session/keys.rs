//! What a session is found by, and the keyed hash of it.

use core::net::IpAddr;

#[cfg(test)]
mod tests;

/// Secret state of the hashes of one engine.
///
/// The hash folds 64-bit words with a secret-keyed 64×64→128-bit multiplication (the construction of wyhash and foldhash): a few
/// nanoseconds a key. It is no cryptographic hash. What protects the tables is that the key is drawn anew at each start and
/// no hash value is ever shown outside, so that strangers cannot compute tuples that collide.
/// Use a different seed for values that do become visible, such as return addresses.
#[derive(Clone, Copy)]
pub struct HashSeed([u64; 4]);

impl HashSeed {
    /// A seed from 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let mut keys = [0; 4];
        for (key, word) in keys.iter_mut().zip(words) {
            // An all-zero key would let a word of zeros pass through the multiplication unchanged.
            *key = u64::from_le_bytes(*word) ^ 0x9e37_79b9_7f4a_7c15;
        }
        Self(keys)
    }

    /// Hash of a name.
    pub fn name(&self, name: &str) -> u64 {
        let (words, rest) = name.as_bytes().as_chunks::<8>();
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        let mut state = self.begin(name.len() as u64);
        for word in words {
            state = self.absorb(state, u64::from_le_bytes(*word), 0);
        }
        self.finish(self.absorb(state, u64::from_le_bytes(last), 1))
    }

    /// Hash of a list of words.
    pub fn words(&self, words: &[u64]) -> u64 {
        self.finish(
            words.iter().fold(self.begin(words.len() as u64), |state, &word| self.absorb(state, word, 0)),
        )
    }

    /// Hash of one address.
    pub fn address(&self, address: IpAddr) -> u64 {
        let (high, low, family) = words_of(address);
        self.finish(self.absorb(self.begin(family), high, low))
    }

    const fn begin(&self, kind: u64) -> u64 {
        let [k0, ..] = self.0;
        k0 ^ kind
    }

    const fn absorb(&self, state: u64, a: u64, b: u64) -> u64 {
        let [_, k1, k2, _] = self.0;
        fold(state ^ a ^ k1, b ^ k2 ^ state.rotate_left(29))
    }

    const fn finish(&self, state: u64) -> u64 {
        let [k0, _, _, k3] = self.0;
        fold(state ^ k3, k0 | 1) ^ state
    }
}

impl core::fmt::Debug for HashSeed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HashSeed")
    }
}

/// A 5-tuple as a local client or server sees it: the direction is that of the packet that has just come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LanKey {
    /// IANA protocol number.
    pub protocol: u8,
    /// Source.
    pub src: IpAddr,
    /// Destination.
    pub dst: IpAddr,
    /// Source port; the identifier of an ICMP echo; 0 for protocols without ports.
    pub src_port: u16,
    /// Destination port; the identifier of an ICMP echo; 0 for protocols without ports.
    pub dst_port: u16,
}

impl LanKey {
    /// The tuple of packets the other way.
    pub const fn reversed(self) -> Self {
        Self { src: self.dst, dst: self.src, src_port: self.dst_port, dst_port: self.src_port, ..self }
    }

    /// Keyed hash.
    pub fn hash(&self, seed: &HashSeed) -> u64 {
        let ports =
            u64::from(self.src_port) << 16 | u64::from(self.dst_port) | u64::from(self.protocol) << 32;
        pair_hash(seed, 1 << 40 | ports, self.src, self.dst)
    }
}

/// A Hop flow: addresses and ports, whatever the protocol (`docs/protocol.md` section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HopKey {
    /// Own waypoint.
    pub local: IpAddr,
    /// The peer's waypoint.
    pub remote: IpAddr,
    /// Port at the own waypoint.
    pub local_port: u16,
    /// Port at the peer's waypoint.
    pub remote_port: u16,
}

impl HopKey {
    /// Keyed hash.
    pub fn hash(&self, seed: &HashSeed) -> u64 {
        let ports = u64::from(self.local_port) << 16 | u64::from(self.remote_port);
        pair_hash(seed, 2 << 40 | ports, self.local, self.remote)
    }
}

/// What the forward metadata of one conversation has in common whoever restarts in between (`docs/protocol.md` section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextKey {
    /// [`HashSeed::name`] of the ingress router.
    pub ingress: u64,
    /// The tuple the client used.
    pub tuple: LanKey,
}

impl ContextKey {
    /// Keyed hash.
    pub fn hash(&self, seed: &HashSeed) -> u64 {
        seed.words(&[self.ingress, self.tuple.hash(seed)])
    }
}

fn pair_hash(seed: &HashSeed, rest: u64, a: IpAddr, b: IpAddr) -> u64 {
    let start = seed.begin(0);
    if let (IpAddr::V4(a), IpAddr::V4(b)) = (a, b) {
        let addresses = u64::from(a.to_bits()) << 32 | u64::from(b.to_bits());
        return seed.finish(seed.absorb(start, addresses, rest));
    }
    let (a_high, a_low, a_family) = words_of(a);
    let (b_high, b_low, b_family) = words_of(b);
    let state = seed.absorb(start, a_high, a_low);
    let state = seed.absorb(state, b_high, b_low);
    seed.finish(seed.absorb(state, rest, a_family << 8 | b_family))
}

fn words_of(address: IpAddr) -> (u64, u64, u64) {
    match address {
        IpAddr::V4(address) => (0, u64::from(address.to_bits()), 4),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            ((bits >> 64) as u64, bits as u64, 6)
        }
    }
}

/// Both halves of the 128-bit product, so that every input bit reaches every output bit.
const fn fold(a: u64, b: u64) -> u64 {
    let product = (a as u128).wrapping_mul(b as u128);
    (product >> 64) as u64 ^ product as u64
}
