//! [`SensorFrame`](crate::sensor::SensorFrame)s → features on the control grid: what a gesture model sees.
//!
//! Pure: time comes in as stamps, nothing is read from a clock, and the same pushes and reads give the same
//! numbers, so training runs this very code. Nothing allocates after `new`; any input gives finite output.

pub mod alignment;
pub mod calibration;
pub mod features;
pub mod guided;
pub mod heading;
pub mod mapping;
pub mod orientation;
pub mod pipeline;
pub mod playout;
pub mod quaternion;
pub mod smoothing;
mod track;

use serde::{Deserialize, Serialize};

/// The control grid: features are computed this often, and every model's frame rate divides it.
pub const TICK_RATE_HZ: u32 = 200;
/// One step of the control grid in seconds.
pub const TICK_S: f64 = 1.0 / TICK_RATE_HZ as f64;
/// How many places on the body a device can be worn.
pub const ROLE_COUNT: usize = 8;

/// Where on the body a device is worn. The order is that of the feature bank and is part of the feature schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    RightForearm,
    LeftForearm,
    RightWrist,
    LeftWrist,
    RightUpperArm,
    LeftUpperArm,
    Torso,
    Head,
}

impl Role {
    /// Every role, in the order of the feature bank.
    pub const ALL: [Role; ROLE_COUNT] = [
        Role::RightForearm,
        Role::LeftForearm,
        Role::RightWrist,
        Role::LeftWrist,
        Role::RightUpperArm,
        Role::LeftUpperArm,
        Role::Torso,
        Role::Head,
    ];

    /// The role as feature names write it.
    pub fn name(self) -> &'static str {
        match self {
            Role::RightForearm => "right_forearm",
            Role::LeftForearm => "left_forearm",
            Role::RightWrist => "right_wrist",
            Role::LeftWrist => "left_wrist",
            Role::RightUpperArm => "right_upper_arm",
            Role::LeftUpperArm => "left_upper_arm",
            Role::Torso => "torso",
            Role::Head => "head",
        }
    }

    pub fn from_name(name: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Row of this role in the feature bank, below [`ROLE_COUNT`].
    pub fn index(self) -> usize {
        self as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_is_found_by_its_name_and_stands_at_its_index() {
        for (index, role) in Role::ALL.into_iter().enumerate() {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert_eq!(role.index(), index);
            let saved = serde_json::to_string(&role).unwrap();
            assert_eq!(saved, format!("\"{}\"", role.name()));
        }
    }
}
