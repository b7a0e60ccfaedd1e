//! Captures in the classic pcap format, link type raw IP.

use quiver_engine::time::Instant;

/// `LINKTYPE_RAW`: the packet begins with its IP header.
const RAW_IP: u32 = 101;
/// Classic format with timestamps in nanoseconds.
const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;

/// A capture file holding `packets`, in their order.
pub fn file<'a>(packets: impl IntoIterator<Item = (Instant, &'a [u8])>) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(MAGIC_NANOSECONDS.to_le_bytes());
    out.extend(2_u16.to_le_bytes());
    out.extend(4_u16.to_le_bytes());
    out.extend([0; 8]);
    out.extend(65_535_u32.to_le_bytes());
    out.extend(RAW_IP.to_le_bytes());
    for (at, bytes) in packets {
        let nanos = at.as_nanos();
        out.extend(((nanos / 1_000_000_000) as u32).to_le_bytes());
        out.extend(((nanos % 1_000_000_000) as u32).to_le_bytes());
        let length = bytes.len() as u32;
        out.extend(length.to_le_bytes());
        out.extend(length.to_le_bytes());
        out.extend(bytes);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capture_file_has_a_header_and_one_record_per_packet() {
        let at = Instant::from_nanos(3_000_000_007);
        let bytes = file([(at, &[0x45_u8, 1, 2][..])]);
        assert_eq!(bytes.len(), 24 + 16 + 3);
        assert_eq!(bytes[20..24], 101_u32.to_le_bytes());
        assert_eq!(bytes[24..28], 3_u32.to_le_bytes());
        assert_eq!(bytes[28..32], 7_u32.to_le_bytes());
        assert_eq!(bytes[40..], [0x45, 1, 2]);
    }
}
