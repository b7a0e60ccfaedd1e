//! A stateful firewall in the middle that drops what connection tracking calls invalid.

use core::net::SocketAddr;
use std::collections::BTreeMap;

use quiver_wire::ip::protocol;
use quiver_wire::parse::{Parsed, Transport};

use crate::craft::flags;

/// Largest window without scaling, and what connection tracking allows beyond it.
const MAX_WINDOW: u32 = 66_000 << 4;

/// Tracks TCP connections without picking up running ones (`nf_conntrack_tcp_loose=0`); UDP always passes.
#[derive(Debug, Default)]
pub struct Firewall {
    flows: BTreeMap<(SocketAddr, SocketAddr), Flow>,
    /// Packets it called invalid.
    pub invalid: u64,
}

/// One connection; the ends are in the order of the addresses of its key.
#[derive(Debug, Default)]
struct Flow {
    ends: [End; 2],
    reset: bool,
}

/// What one end has sent: the highest sequence number behind its data.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    sent: Option<u32>,
    finished: bool,
}

impl Firewall {
    /// Whether the packet passes.
    pub fn passes(&mut self, packet: &[u8]) -> bool {
        let Ok(parsed) = Parsed::parse(packet) else { return self.refuse() };
        if parsed.protocol != protocol::TCP || parsed.transport == Transport::FragmentTail {
            return true;
        }
        let src = SocketAddr::new(parsed.src, parsed.src_port);
        let dst = SocketAddr::new(parsed.dst, parsed.dst_port);
        let (key, from) = if src < dst { ((src, dst), 0) } else { ((dst, src), 1) };
        let bits = parsed.tcp_flags.0;
        let opens = bits & (flags::SYN | flags::ACK) == flags::SYN;
        let over = self.flows.get(&key).is_none_or(Flow::is_over);
        if opens && over {
            self.flows.insert(key, Flow::default());
        }
        let Some(flow) = self.flows.get_mut(&key) else { return self.refuse() };
        if flow.take(from, &parsed, packet) { true } else { self.refuse() }
    }

    const fn refuse(&mut self) -> bool {
        self.invalid += 1;
        false
    }
}

impl Flow {
    fn is_over(&self) -> bool {
        self.reset || self.ends.iter().all(|end| end.finished)
    }

    fn take(&mut self, from: usize, parsed: &Parsed, packet: &[u8]) -> bool {
        let at = parsed.transport_at;
        let word = |offset: usize| {
            u32::from_be_bytes(packet[at + offset..at + offset + 4].try_into().unwrap_or_default())
        };
        let (seq, ack, bits) = (word(4), word(8), parsed.tcp_flags.0);
        if self.reset {
            return false;
        }
        let [mine, other] = [self.ends[from], self.ends[1 - from]];
        // Beyond what the window could ever allow, or an acknowledgement of what was never sent.
        if mine.sent.is_some_and(|sent| ahead(seq, sent) > MAX_WINDOW) {
            return false;
        }
        if bits & flags::ACK != 0 && other.sent.is_none_or(|sent| ahead(ack, sent) > 0) {
            return false;
        }
        let length = parsed.payload(packet).len() as u32;
        let end = seq
            .wrapping_add(length)
            .wrapping_add(u32::from(bits & flags::SYN != 0) + u32::from(bits & flags::FIN != 0));
        let mine = &mut self.ends[from];
        mine.sent = Some(mine.sent.map_or(end, |sent| if ahead(end, sent) > 0 { end } else { sent }));
        mine.finished |= bits & flags::FIN != 0;
        self.reset |= bits & flags::RST != 0;
        true
    }
}

/// How far `a` is ahead of `b`; 0 when it is not (RFC 9293, section 3.4).
const fn ahead(a: u32, b: u32) -> u32 {
    let distance = a.wrapping_sub(b);
    if distance < 1 << 31 { distance } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::craft::{Segment, tcp};

    fn packet(forward: bool, seq: u32, ack: u32, bits: u8, payload: &[u8]) -> Vec<u8> {
        let (a, b) = ("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
        let (src, dst) = if forward { (a, b) } else { (b, a) };
        tcp(src, dst, Segment { seq, ack, flags: bits, mss: None }, payload)
    }

    #[test]
    fn a_connection_that_begins_with_syn_passes_in_both_directions() {
        let mut firewall = Firewall::default();
        assert!(firewall.passes(&packet(true, 10, 0, flags::SYN, b"")));
        assert!(firewall.passes(&packet(false, 90, 11, flags::SYN | flags::ACK, b"")));
        assert!(firewall.passes(&packet(true, 11, 91, flags::ACK, b"data")));
        assert!(firewall.passes(&packet(false, 91, 15, flags::ACK, b"answer")));
        assert_eq!(firewall.invalid, 0);
    }

    #[test]
    fn a_running_connection_is_not_picked_up_and_an_impossible_ack_is_invalid() {
        let mut firewall = Firewall::default();
        assert!(!firewall.passes(&packet(true, 11, 91, flags::ACK, b"data")));
        assert!(firewall.passes(&packet(true, 10, 0, flags::SYN, b"")));
        assert!(!firewall.passes(&packet(false, 90, 500, flags::SYN | flags::ACK, b"")));
        assert_eq!(firewall.invalid, 2);
    }
}
