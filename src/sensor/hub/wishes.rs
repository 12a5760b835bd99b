//! What a listener asks of a port, and what the socket must be so that everyone gets it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

/// Multicast groups that one port joins; more are left out.
pub const MOST_GROUPS: usize = 8;

/// Who may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Programs on this machine.
    Loopback,
    /// Anyone on the network.
    Network,
}

/// What one listener asks of a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wishes {
    pub reach: Reach,
    /// Who may send from the network; empty: anyone. Programs on this machine always may.
    pub senders: Vec<Ipv4Addr>,
    /// Multicast groups to join, where the network is heard at all.
    pub groups: Vec<Ipv4Addr>,
}

impl From<Reach> for Wishes {
    fn from(reach: Reach) -> Wishes {
        Wishes {
            reach,
            senders: Vec::new(),
            groups: Vec::new(),
        }
    }
}

impl Wishes {
    /// Whether this listener hears `sender`.
    pub fn admits(&self, sender: IpAddr) -> bool {
        let listed = |sender: IpAddr| {
            self.senders
                .iter()
                .any(|&known| IpAddr::from(known) == sender)
        };
        sender.is_loopback()
            || (self.reach == Reach::Network && (self.senders.is_empty() || listed(sender)))
    }
}

/// How a socket is opened: the widest of all wishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    pub reach: Reach,
    pub groups: BTreeSet<Ipv4Addr>,
}

impl Opening {
    pub const NARROW: Opening = Opening {
        reach: Reach::Loopback,
        groups: BTreeSet::new(),
    };

    /// Wide enough for another reach and its groups too.
    pub fn widen(&mut self, reach: Reach, groups: impl IntoIterator<Item = Ipv4Addr>) {
        self.reach = self.reach.max(reach);
        if reach == Reach::Network {
            let joinable = groups.into_iter().filter(Ipv4Addr::is_multicast);
            for group in joinable {
                if self.groups.len() < MOST_GROUPS {
                    self.groups.insert(group);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENSOR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 168, 1, 7));

    #[test]
    fn this_machine_is_always_heard_and_the_network_only_on_request() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut wishes = Wishes::from(Reach::Loopback);
        assert!(wishes.admits(loopback) && !wishes.admits(SENSOR));
        wishes.reach = Reach::Network;
        assert!(wishes.admits(SENSOR));
        wishes.senders = vec![Ipv4Addr::new(192, 168, 1, 8)];
        assert!(wishes.admits(loopback) && !wishes.admits(SENSOR));
        wishes.senders.push(Ipv4Addr::new(192, 168, 1, 7));
        assert!(wishes.admits(SENSOR));
    }

    #[test]
    fn only_groups_are_joined_and_only_on_the_network() {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        let mut opening = Opening::NARROW;
        opening.widen(Reach::Loopback, [group]);
        assert!(opening.groups.is_empty());
        opening.widen(Reach::Network, [group, Ipv4Addr::new(10, 0, 0, 1)]);
        assert_eq!(opening.groups, BTreeSet::from([group]));
        assert_eq!(opening.reach, Reach::Network);
    }
}
