//! Strumming as learner and judge see it: one number a frame of what the hand feels, the strums, and how loud it was.

use super::super::sensing::hear;
use crate::gesture::features::LimbFeature;
use crate::gesture::{Role, TICK_RATE_HZ};
use crate::sensor::frame::SensorFrame;

/// Steps of the model per second.
pub const RATE_HZ: u32 = 50;
const _: () = assert!(TICK_RATE_HZ.is_multiple_of(RATE_HZ));

/// The one feature that the model hears.
pub fn input_name() -> String {
    format!(
        "{}.{}",
        Role::RightForearm.name(),
        LimbFeature::LinearZ.name()
    )
}

/// What the model hears of a sensor's readings, frame by frame.
pub fn heard(sent: Vec<SensorFrame>, frames: usize) -> Vec<f32> {
    hear(
        &[sent],
        &[Role::RightForearm],
        &[input_name()],
        frames,
        RATE_HZ,
    )
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Strum {
    pub time_s: f64,
    pub up: bool,
}

#[derive(Clone, Debug)]
pub struct Session {
    pub name: String,
    pub strums: Vec<Strum>,
    /// Acceleration upwards without gravity in m/s², frame by frame.
    pub motion: Vec<f32>,
    /// Of the guitar, at the floor where it is silent.
    pub loudness_db: Vec<f32>,
}

impl Session {
    pub fn seconds(&self) -> f64 {
        self.motion.len() as f64 / f64::from(RATE_HZ)
    }

    /// The same music under other motion, as far as both last.
    pub fn moved_as(&self, motion: &[f32]) -> Session {
        let frames = self.motion.len().min(motion.len());
        let seconds = frames as f64 / f64::from(RATE_HZ);
        Session {
            name: self.name.clone(),
            strums: self
                .strums
                .iter()
                .copied()
                .filter(|strum| strum.time_s < seconds)
                .collect(),
            motion: motion[..frames].to_vec(),
            loudness_db: self.loudness_db[..frames].to_vec(),
        }
    }

    /// The same music under its own motion of half the session before or after.
    pub fn shifted(&self) -> Session {
        let mut motion = self.motion.clone();
        motion.rotate_left(self.motion.len() / 2);
        self.moved_as(&motion)
    }
}
