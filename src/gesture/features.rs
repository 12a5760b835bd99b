//! One worn device → the features of one limb, once per control tick: what gesture models are trained on and play.
//!
//! Schema 1. Changing a name, an order, a unit or a time constant here makes a new schema. Audio thread and
//! training; no allocation, and always finite whatever the reading holds.

use super::TICK_S;
use super::calibration::{GyroBias, Rest};
use super::heading::Heading;
use super::orientation::{Orientation, Tilt};
use super::playout::{LIMIT_ACCEL_M_PER_S2, LIMIT_RATE_RAD_PER_S};
use super::quaternion::{
    self as quat, IDENTITY, Quaternion, Vector, conjugate, length, multiply, quaternion_from,
    rotate, scale, subtract, up_in_sensor, vector_from,
};
use super::smoothing::{Smoothed, one_pole_share};
use crate::sensor::SensorFrame;
use crate::sensor::frame::AUX_COUNT;
use crate::units::STANDARD_GRAVITY_M_PER_S2;

mod bank;
pub use bank::{FEATURE_COUNT, FeatureBank, LIMB_FEATURE_COUNT, LimbFeature};

/// Version of the meaning of the features; a gesture model names the one it was trained on.
pub const FEATURE_SCHEMA: u32 = 1;

/// Acceleration and rate that alone give an energy of one half.
const ENERGY_ACCEL_M_PER_S2: f64 = 10.0;
const ENERGY_RATE_RAD_PER_S: f64 = 5.0;
const ENERGY_ATTACK_S: f64 = 0.03;
const ENERGY_RELEASE_S: f64 = 0.15;
const SPEED_S: f64 = 0.05;
const JERK_INPUT_S: f64 = 0.015;
const JERK_S: f64 = 0.03;
/// Jerk is ln(1 + j / this): nearly linear below, a doubling adds 0.69 far above.
const JERK_M_PER_S3: f64 = 50.0;
/// Accelerometers err in scale: gravity is learnt at rest within these.
const GRAVITY_RANGE_M_PER_S2: (f64, f64) = (9.3, 10.3);
const GRAVITY_S: f64 = 2.0;

/// Where the pose comes from, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoseSource {
    /// Nothing has been measured yet.
    Unknown,
    /// The device's own quaternion.
    Device,
    /// Our 6-axis filter over rate and acceleration.
    Fused,
    /// Acceleration alone: tilt without heading.
    Tilt,
}

/// What the reading says after the checks: finite, limited, `f64`.
struct Measured {
    accel: Option<Vector>,
    rate: Option<Vector>,
    linear: Option<Vector>,
    pose: Option<Quaternion>,
}

impl Measured {
    fn of(reading: &SensorFrame) -> Self {
        let limit = f64::from(LIMIT_ACCEL_M_PER_S2);
        Measured {
            accel: vector_from(reading.accel_m_per_s2, limit),
            rate: vector_from(reading.rate_rad_per_s, f64::from(LIMIT_RATE_RAD_PER_S)),
            linear: vector_from(reading.linear_accel_m_per_s2, limit),
            pose: quaternion_from(reading.quaternion),
        }
    }
}

/// The state behind one limb's features.
#[derive(Clone, Debug)]
pub struct Limb {
    rest: Rest,
    bias: GyroBias,
    orientation: Orientation,
    tilt: Tilt,
    heading: Heading,
    source: PoseSource,
    pose: Quaternion,
    gravity_m_per_s2: f64,
    freshness: f64,
    interrupted: bool,
    energy: f64,
    speed: f64,
    jerk_input: Smoothed,
    jerk: f64,
    aux: [f32; AUX_COUNT],
}

impl Limb {
    pub fn new() -> Self {
        Limb {
            rest: Rest::new(TICK_S),
            bias: GyroBias::new(TICK_S),
            orientation: Orientation::new(TICK_S),
            tilt: Tilt::new(TICK_S),
            heading: Heading::new(),
            source: PoseSource::Unknown,
            pose: IDENTITY,
            gravity_m_per_s2: f64::from(STANDARD_GRAVITY_M_PER_S2),
            freshness: 0.0,
            interrupted: false,
            energy: 0.0,
            speed: 0.0,
            jerk_input: Smoothed::new(JERK_INPUT_S, TICK_S),
            jerk: 0.0,
            aux: [0.0; AUX_COUNT],
        }
    }

    /// As new: for another device.
    pub fn reset(&mut self) {
        *self = Limb::new();
    }

    /// "This is forward": heading is 0 here and the x axis of `linear` points where the sensor's x axis now points.
    pub fn recentre(&mut self) {
        if self.source != PoseSource::Unknown {
            self.heading.recentre(self.pose);
        }
    }

    /// Sensor → earth, unit, w first.
    pub fn pose(&self) -> Quaternion {
        self.pose
    }

    pub fn pose_source(&self) -> PoseSource {
        self.source
    }

    /// The gyroscope bias that is being taken from the rate, rad/s.
    pub fn bias_rad_per_s(&self) -> Vector {
        self.bias.rad_per_s()
    }

    pub fn is_at_rest(&self) -> bool {
        self.rest.is_rest()
    }

    /// One tick: `reading` is joined and on the tick grid; NaN = absent.
    pub fn step(&mut self, reading: &SensorFrame) -> [f32; LIMB_FEATURE_COUNT] {
        self.step_fresh(reading, 1.0)
    }

    /// One tick of a reading that is only partly to be believed. As `freshness` falls from 1 to 0 motion comes to
    /// rest and the pose is held; when it returns the pose is levelled anew and heading goes on from where it was.
    pub fn step_fresh(
        &mut self,
        reading: &SensorFrame,
        freshness: f32,
    ) -> [f32; LIMB_FEATURE_COUNT] {
        let measured = Measured::of(reading);
        let is_held = self.follow_freshness(freshness);
        let raw_rate = if is_held {
            [0.0; 3]
        } else {
            self.turn(&measured)
        };
        let rate = scale(raw_rate, self.freshness);
        let heading = self.heading_now();

        let linear = self.linear(&measured);
        let linear = scale(
            self.heading.ahead(rotate(self.pose, linear)),
            self.freshness,
        );
        self.follow_motion(linear, rate);
        for (held, value) in self.aux.iter_mut().zip(reading.aux) {
            if value.is_finite() {
                *held = value;
            }
        }
        if !self.is_sound() {
            self.reset();
            return LimbFeature::NEUTRAL;
        }
        self.features(linear, rate, heading)
    }

    /// Returns true while the pose is to be held because nothing new arrives.
    fn follow_freshness(&mut self, freshness: f32) -> bool {
        let before = self.freshness;
        self.freshness = if freshness.is_nan() {
            0.0
        } else {
            f64::from(freshness.clamp(0.0, 1.0))
        };
        let is_held = self.freshness == 0.0 || (self.freshness < 0.5 && self.freshness < before);
        if is_held {
            self.interrupted = true;
        } else if self.interrupted {
            self.interrupted = false;
            self.orientation.restart(self.pose);
            self.bias.bridge();
            self.rest.reset();
        }
        is_held
    }

    /// Moves the pose and returns the rate in sensor axes, bias removed.
    fn turn(&mut self, measured: &Measured) -> Vector {
        if let (Some(rate), Some(accel)) = (measured.rate, measured.accel) {
            self.rest.step(rate, accel, self.bias.offset_rad_per_s());
            self.learn_gravity();
        }
        let before = self.pose;
        match (measured.pose, measured.rate, measured.accel) {
            (Some(pose), _, _) => self.take_pose(PoseSource::Device, pose),
            (None, Some(rate), accel) => {
                if self.source != PoseSource::Fused {
                    self.orientation.restart(self.pose);
                    self.source = PoseSource::Fused;
                }
                let rate = scale(rate, self.freshness);
                self.pose = self
                    .orientation
                    .step(rate, accel, &self.rest, &mut self.bias);
            }
            (None, None, Some(accel)) => {
                let pose = self.tilt.step(accel);
                self.take_pose(PoseSource::Tilt, pose);
            }
            (None, None, None) => {}
        }
        match (measured.pose, measured.rate) {
            (Some(_), Some(rate)) => {
                self.bias.step_at_rest(&self.rest);
                subtract(rate, self.bias.rad_per_s())
            }
            (None, Some(rate)) => subtract(rate, self.bias.rad_per_s()),
            (Some(pose), None) => {
                let turn = quat::to_rotation_vector(multiply(conjugate(before), pose));
                scale(turn, 1.0 / TICK_S)
            }
            (None, None) => [0.0; 3],
        }
    }

    fn take_pose(&mut self, source: PoseSource, pose: Quaternion) {
        if self.source != source && self.source != PoseSource::Unknown {
            self.heading.carry_over(self.pose, pose);
        }
        self.source = source;
        self.pose = pose;
    }

    fn learn_gravity(&mut self) {
        let (least, most) = GRAVITY_RANGE_M_PER_S2;
        let seen = self.rest.accel_m_per_s2;
        if self.rest.is_rest() && (least..=most).contains(&seen) {
            self.gravity_m_per_s2 +=
                (seen - self.gravity_m_per_s2) * one_pole_share(GRAVITY_S, TICK_S);
        }
    }

    fn heading_now(&mut self) -> (f64, f64) {
        if self.source == PoseSource::Unknown {
            return (0.0, 1.0);
        }
        self.heading.step(self.pose)
    }

    /// Acceleration without gravity in sensor axes.
    fn linear(&self, measured: &Measured) -> Vector {
        match (measured.linear, measured.accel) {
            (Some(linear), _) => linear,
            (None, Some(accel)) if self.source != PoseSource::Unknown => {
                subtract(accel, scale(up_in_sensor(self.pose), self.gravity_m_per_s2))
            }
            _ => [0.0; 3],
        }
    }

    fn follow_motion(&mut self, linear: Vector, rate: Vector) {
        let pull = length(linear) / ENERGY_ACCEL_M_PER_S2;
        let turn = length(rate) / ENERGY_RATE_RAD_PER_S;
        let energy = pull * pull + turn * turn;
        let time_s = if energy > self.energy {
            ENERGY_ATTACK_S
        } else {
            ENERGY_RELEASE_S
        };
        self.energy += (energy - self.energy) * one_pole_share(time_s, TICK_S);
        self.speed += (length(rate) - self.speed) * one_pole_share(SPEED_S, TICK_S);

        let before = self.jerk_input.value.unwrap_or(linear);
        let now = self.jerk_input.step(linear);
        let jerk = length(subtract(now, before)) / TICK_S;
        self.jerk += (jerk - self.jerk) * one_pole_share(JERK_S, TICK_S);
    }

    fn is_sound(&self) -> bool {
        let sum: f64 = self.pose.iter().chain(&self.bias.rad_per_s()).sum();
        (sum + self.energy + self.speed + self.jerk).is_finite()
    }

    fn features(
        &self,
        linear: Vector,
        rate: Vector,
        heading: (f64, f64),
    ) -> [f32; LIMB_FEATURE_COUNT] {
        let up = if self.source == PoseSource::Unknown {
            [0.0, 0.0, 1.0]
        } else {
            up_in_sensor(self.pose)
        };
        let amplitude = self.energy.sqrt();
        let derived = [
            heading.0,
            heading.1,
            amplitude / (1.0 + amplitude),
            self.speed,
            (self.jerk / JERK_M_PER_S3).ln_1p(),
        ];
        let mut features = LimbFeature::NEUTRAL;
        let values = linear.iter().chain(&rate).chain(&up).chain(&derived);
        for (feature, value) in features.iter_mut().zip(values) {
            *feature = *value as f32;
        }
        let aux = LimbFeature::Aux1.index();
        features[aux..aux + AUX_COUNT].copy_from_slice(&self.aux);
        self.write_axes(&mut features);
        features
    }

    /// Where the sensor's x and y axes point, turned so that x is forward.
    fn write_axes(&self, features: &mut [f32; LIMB_FEATURE_COUNT]) {
        if self.source == PoseSource::Unknown {
            return;
        }
        let first = LimbFeature::XAxisX.index();
        for (column, axis) in [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]].into_iter().enumerate() {
            let points = self.heading.ahead(rotate(self.pose, axis));
            for (row, value) in points.into_iter().enumerate() {
                features[first + 3 * column + row] = value as f32;
            }
        }
    }
}

impl Default for Limb {
    fn default() -> Self {
        Limb::new()
    }
}

#[cfg(test)]
mod tests;
