//! Who sits in which role, and how each sensor is turned on its limb: what the motion side needs of a map.

use crate::gesture::quaternion::Quaternion;
use crate::gesture::{ROLE_COUNT, Role};
use crate::sensor::DeviceId;
use crate::units::HostTime;

/// A device that the hub has seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownDevice<'a> {
    pub id: DeviceId,
    pub key: &'a str,
    pub last_seen: HostTime,
}

/// Who sits in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Nothing asks for this role.
    Empty,
    /// The next device that no seat names.
    Automatic,
    Device(DeviceId),
    /// Kept for a device that is not here.
    Reserved,
}

/// The seats by role and the order in which automatic ones are filled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seating {
    pub seats: [Seat; ROLE_COUNT],
    /// Limb ← sensor rotation by role, where it was learned.
    pub turns: [Option<Quaternion>; ROLE_COUNT],
    order: [Role; ROLE_COUNT],
    wanted: usize,
}

impl Seating {
    /// The roles asked for, first the one the model names first.
    pub fn wanted(&self) -> &[Role] {
        &self.order[..self.wanted.min(ROLE_COUNT)]
    }

    pub(super) fn want(&mut self, role: Role) {
        if self.wanted < ROLE_COUNT && !self.wanted().contains(&role) {
            self.order[self.wanted] = role;
            self.wanted += 1;
            self.seats[role.index()] = Seat::Automatic;
        }
    }

    /// Wants what either wants; `self` comes first and keeps its own seats.
    pub fn join(&mut self, other: &Seating) {
        for role in other.wanted() {
            if !self.wanted().contains(role) {
                self.want(*role);
                self.seats[role.index()] = other.seats[role.index()];
            }
        }
        for (own, others) in self.turns.iter_mut().zip(other.turns) {
            *own = own.or(others);
        }
    }
}

impl Default for Seating {
    fn default() -> Self {
        Seating {
            seats: [Seat::Empty; ROLE_COUNT],
            turns: [None; ROLE_COUNT],
            order: Role::ALL,
            wanted: 0,
        }
    }
}
