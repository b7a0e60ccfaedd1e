//! Segmentation and checksum state of a packet that has not been finished by the kernel or the NIC.

/// What is still to be done to a packet before it is on a real wire.
///
/// Mirrors `virtio_net_hdr` (virtio 1.2, section 5.1.6) without its byte layout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offload {
    /// How the packet is to be cut into segments.
    pub segmentation: Segmentation,
    /// Whether the transport checksum is finished.
    pub checksum: Checksum,
}

/// How a superpacket is to be cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Segmentation {
    /// One packet.
    #[default]
    None,
    /// TCP segmentation: `size` payload bytes per segment; sequence numbers advance.
    Tcp {
        /// Payload bytes of each segment but the last.
        size: u16,
    },
    /// UDP segmentation (USO): each `size` bytes of the UDP payload are a datagram of their own.
    Udp {
        /// Payload bytes of each datagram but the last.
        size: u16,
    },
}

/// State of the transport checksum field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checksum {
    /// The field holds the finished checksum, not checked by anybody below us.
    #[default]
    Complete,
    /// The field holds a finished checksum that a layer below has verified (`VIRTIO_NET_HDR_F_DATA_VALID`).
    Verified,
    /// The field holds the folded, **not inverted** sum of the pseudo header; the rest is added later (`NEEDS_CSUM`).
    Partial,
}
