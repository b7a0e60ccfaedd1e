//! One direction between two addresses of the network between routers.

use core::net::IpAddr;
use core::time::Duration;

use quiver_engine::time::Instant;

use crate::craft::{self, IcmpError};
use crate::dice::Dice;

/// What a link does with a packet that is larger than its MTU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TooBig {
    /// Tells the sender (or fragments, where IPv4 allows it).
    #[default]
    Tell,
    /// Loses it.
    Silent,
}

/// One direction between two addresses.
#[derive(Clone, Debug)]
pub struct Link {
    /// Time a packet takes at least.
    pub delay: Duration,
    /// Most that a packet takes longer than that; the order stays.
    pub jitter: Duration,
    /// Probability of loss.
    pub loss: f64,
    /// Probability that a packet arrives twice.
    pub duplicate: f64,
    /// Probability that a packet is overtaken by later ones.
    pub reorder: f64,
    /// Largest IP packet.
    pub mtu: usize,
    /// What happens to larger ones.
    pub too_big: TooBig,
    /// Bytes per second, when limited.
    pub bandwidth: Option<u64>,
    /// Whether anything passes.
    pub up: bool,
    last_arrival: Instant,
    busy_until: Instant,
    fragment_id: u32,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            delay: Duration::from_millis(5),
            jitter: Duration::ZERO,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            mtu: 1500,
            too_big: TooBig::Tell,
            bandwidth: None,
            up: true,
            last_arrival: Instant::ORIGIN,
            busy_until: Instant::ORIGIN,
            fragment_id: 0,
        }
    }
}

/// What became of a packet.
#[derive(Debug, Default)]
pub struct Carried {
    /// What arrives, and when.
    pub arrivals: Vec<(Instant, Vec<u8>)>,
    /// The ICMP error that goes back to the sender.
    pub error: Option<Vec<u8>>,
}

impl Link {
    /// Carries one packet.
    pub fn carry(&mut self, packet: &[u8], now: Instant, dice: &mut Dice) -> Carried {
        if !self.up {
            return Carried::default();
        }
        if packet.len() <= self.mtu {
            return Carried { arrivals: self.arrivals(packet, now, dice), error: None };
        }
        let may_fragment = packet[0] >> 4 == 4 && packet[6] & 0x40 == 0;
        match (may_fragment, self.too_big) {
            (_, TooBig::Silent) => Carried::default(),
            (true, TooBig::Tell) => {
                self.fragment_id += 1;
                let pieces = craft::fragments(packet, self.mtu, self.fragment_id);
                let arrivals = pieces.iter().flat_map(|piece| self.arrivals(piece, now, dice)).collect();
                Carried { arrivals, error: None }
            }
            (false, TooBig::Tell) => {
                let error = IcmpError::TooBig(self.mtu as u16);
                Carried { arrivals: vec![], error: craft::icmp_error(packet, teller(packet), error) }
            }
        }
    }

    fn arrivals(&mut self, packet: &[u8], now: Instant, dice: &mut Dice) -> Vec<(Instant, Vec<u8>)> {
        let mut out = vec![];
        let start = now.max(self.busy_until);
        if let Some(rate) = self.bandwidth {
            self.busy_until = start + Duration::from_nanos(packet.len() as u64 * 1_000_000_000 / rate.max(1));
        }
        if dice.chance(self.loss) {
            return out;
        }
        let copies = if dice.chance(self.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let mut at = start.max(self.busy_until) + self.delay + dice.duration(self.jitter);
            if dice.chance(self.reorder) {
                at += self.delay + dice.duration(self.delay * 3);
            } else {
                at = at.max(self.last_arrival);
                self.last_arrival = at;
            }
            out.push((at, packet.to_vec()));
        }
        out
    }
}

/// The address of the router that says a packet is too big.
fn teller(packet: &[u8]) -> IpAddr {
    if packet[0] >> 4 == 4 {
        IpAddr::from([100, 64, 0, 1])
    } else {
        IpAddr::from([0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(length: usize) -> Vec<u8> {
        craft::udp("192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap(), &vec![0; length])
    }

    #[test]
    fn jitter_alone_does_not_change_the_order() {
        let mut link = Link { jitter: Duration::from_millis(20), ..Link::default() };
        let mut dice = Dice::new(3);
        let times: Vec<_> = (0..50)
            .flat_map(|_| link.carry(&packet(10), Instant::ORIGIN, &mut dice).arrivals)
            .map(|(at, _)| at)
            .collect();
        assert!(times.is_sorted());
    }

    #[test]
    fn too_big_packet_is_told_or_fragmented_or_lost_as_the_link_says() {
        let mut link = Link { mtu: 600, ..Link::default() };
        let mut dice = Dice::new(3);
        let told = link.carry(&packet(1000), Instant::ORIGIN, &mut dice);
        assert!(told.arrivals.is_empty() && told.error.is_some());
        let mut open = packet(1000);
        craft::set_dont_fragment(&mut open, false);
        assert_eq!(link.carry(&open, Instant::ORIGIN, &mut dice).arrivals.len(), 2);
        link.too_big = TooBig::Silent;
        assert!(link.carry(&packet(1000), Instant::ORIGIN, &mut dice).error.is_none());
    }

    #[test]
    fn bandwidth_spaces_packets_by_their_length() {
        let mut link = Link { bandwidth: Some(1_028_000), ..Link::default() };
        let mut dice = Dice::new(3);
        let first = link.carry(&packet(1000), Instant::ORIGIN, &mut dice).arrivals[0].0;
        let second = link.carry(&packet(1000), Instant::ORIGIN, &mut dice).arrivals[0].0;
        assert_eq!(second - first, Duration::from_millis(1));
    }
}
