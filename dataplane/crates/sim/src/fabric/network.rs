//! What lies between the routers: links, NATs, a firewall.

use core::net::IpAddr;
use core::time::Duration;

use quiver_wire::parse::Parsed;

use super::{Action, Fabric, Owner, address};
use crate::craft;
use crate::firewall::Firewall;
use crate::link::Link;
use crate::nat::Nat;
use crate::trace::Seen;

impl Fabric {
    /// Changes all links between routers, present and future.
    pub fn every_link(&mut self, change: impl Fn(&mut Link)) {
        change(&mut self.default_link);
        self.links.values_mut().for_each(change);
    }

    /// The link from one address to another.
    pub fn link(&mut self, from: &str, to: &str) -> &mut Link {
        let key = (address(from), address(to));
        self.links.entry(key).or_insert_with(|| self.default_link.clone())
    }

    /// Puts a waypoint behind a NAT.
    pub fn put_behind(&mut self, waypoint: &str, nat: Nat) {
        self.nats.insert(address(waypoint), nat);
    }

    /// The NAT in front of a waypoint.
    pub fn nat(&mut self, waypoint: &str) -> &mut Nat {
        self.nats.get_mut(&address(waypoint)).expect("a NAT was put there")
    }

    /// Puts a firewall between all routers.
    pub fn put_firewall(&mut self) {
        self.firewall = Some(Firewall::default());
    }

    /// Packets that the firewall called invalid.
    pub fn firewall_refused(&self) -> u64 {
        self.firewall.as_ref().map_or(0, |firewall| firewall.invalid)
    }

    /// Puts a packet on the network between the routers, whatever its source says.
    pub fn inject_wan(&mut self, packet: Vec<u8>) {
        self.onto_wan(packet);
    }

    pub(super) fn onto_wan(&mut self, packet: Vec<u8>) {
        let Ok(parsed) = Parsed::parse(&packet) else { return };
        let packet = match self.nats.get_mut(&parsed.src) {
            Some(nat) => match nat.outward(&packet, self.now) {
                Some(packet) => packet,
                None => return,
            },
            None => packet,
        };
        let Ok(parsed) = Parsed::parse(&packet) else { return };
        let (src, dst) = (parsed.src, parsed.dst);
        if self.keep_wan {
            self.wan.push(Seen { at: self.now, src, dst, bytes: packet.clone() });
        }
        if self.firewall.as_mut().is_some_and(|firewall| !firewall.passes(&packet)) {
            self.log.write(self.now, "firewall", format_args!("invalid {}", craft::summary(&packet)));
            return;
        }
        let link = self.links.entry((src, dst)).or_insert_with(|| self.default_link.clone());
        let carried = link.carry(&packet, self.now, &mut self.dice);
        for (at, bytes) in carried.arrivals {
            self.schedule.add(at, Action::Wan { to: dst, bytes });
        }
        if let Some(bytes) = carried.error {
            self.schedule.add(self.now + Duration::from_millis(1), Action::Wan { to: src, bytes });
        }
    }

    pub(super) fn off_wan(&mut self, to: IpAddr, bytes: Vec<u8>) {
        let behind = self.nats.values_mut().find(|nat| nat.public == to);
        let bytes = match behind {
            Some(nat) => match nat.inward(&bytes, self.now) {
                Some(bytes) => bytes,
                None => return,
            },
            None => bytes,
        };
        match self.owners.get(&to) {
            Some(Owner::Router(index)) => {
                let index = *index;
                self.note(index, "wan>", &bytes);
                self.routers[index].from_wan(&bytes, self.now);
                self.flush_router(index);
            }
            Some(Owner::Host(index)) => {
                let index = *index;
                self.hosts[index].receive(bytes, self.now);
            }
            None => (),
        }
    }
}
