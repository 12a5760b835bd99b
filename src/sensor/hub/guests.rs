//! Whom a holder hands datagrams on to: library images and processes that said hello of late.

use std::net::{Ipv4Addr, SocketAddr};

use super::wishes::{Opening, Reach};
use crate::units::HostTime;

/// A guest that has not said hello for this long is gone; it does so twenty times a second.
const GONE_AFTER_S: f64 = 2.0;
/// Hosts that keep every plugin in a process of its own, sixteen tracks and some to spare.
const MOST_GUESTS: usize = 64;

#[derive(Default)]
pub struct Guests(Vec<Guest>);

struct Guest {
    address: SocketAddr,
    reach: Reach,
    groups: Vec<Ipv4Addr>,
    greeted: HostTime,
}

impl Guests {
    /// Notes a hello; true if it asks for something new.
    pub fn greet(
        &mut self,
        address: SocketAddr,
        reach: Reach,
        groups: Vec<Ipv4Addr>,
        now: HostTime,
    ) -> bool {
        let fresh = Guest {
            address,
            reach,
            groups,
            greeted: now,
        };
        if let Some(known) = self.0.iter_mut().find(|guest| guest.address == address) {
            let changed = known.reach != fresh.reach || known.groups != fresh.groups;
            *known = fresh;
            return changed;
        }
        let has_room = self.0.len() < MOST_GUESTS;
        if has_room {
            self.0.push(fresh);
        }
        has_room
    }

    pub fn forget_silent(&mut self, now: HostTime) {
        self.0
            .retain(|guest| now.seconds_since(guest.greeted) < GONE_AFTER_S);
    }

    /// What the guests ask for beside `opening`.
    pub fn widen(&self, opening: &mut Opening) {
        for guest in &self.0 {
            opening.widen(guest.reach, guest.groups.iter().copied());
        }
    }

    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|guest| guest.address)
    }

    pub fn count(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(port: u16) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    }

    #[test]
    fn a_guest_s_wish_counts_while_it_says_hello() {
        let mut guests = Guests::default();
        assert!(guests.greet(at(1), Reach::Network, Vec::new(), HostTime(0.0)));
        assert!(guests.greet(at(2), Reach::Loopback, Vec::new(), HostTime(1.5)));
        assert!(!guests.greet(at(2), Reach::Loopback, Vec::new(), HostTime(1.6)));
        let mut opening = Opening::NARROW;
        guests.widen(&mut opening);
        assert_eq!(opening.reach, Reach::Network);
        guests.forget_silent(HostTime(2.5));
        assert_eq!(guests.addresses().collect::<Vec<_>>(), [at(2)]);
        let mut opening = Opening::NARROW;
        guests.widen(&mut opening);
        assert_eq!(opening.reach, Reach::Loopback);
    }

    #[test]
    fn no_crowd_uses_up_memory() {
        let mut guests = Guests::default();
        for port in 0..1_000 {
            guests.greet(at(port), Reach::Loopback, Vec::new(), HostTime(0.0));
        }
        assert_eq!(guests.count(), MOST_GUESTS);
    }
}
