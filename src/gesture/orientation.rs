//! Which way is up, and how the sensor is turned: a 6-axis filter for devices that send only raw data.
//!
//! VQF (Laidig and Seel 2023, Information Fusion 91): the rate is integrated, the acceleration is slowly averaged
//! in the frame so found, where gravity stands still, and the average levels it. Written here in `f64`: the `vqf`
//! crate (0.4.1) never takes its bias from the rate it integrates, and its `f32` filters err by half a degree at
//! rest at 200 Hz. This one stays within 0.002° of the authors' own on two BROAD trials.
//! Audio thread and training.

use super::calibration::{GyroBias, Rest};
use super::quaternion::{
    self as quat, IDENTITY, Quaternion, Vector, length, multiply, rotate, scale, subtract,
};
use super::smoothing::{Butterworth, Smoothed};

/// Trust in the gyroscope against the accelerometer (VQF default).
const LEVELLING_S: f64 = 3.0;
/// Smoothing of tilt where there is no gyroscope.
const TILT_S: f64 = 0.2;
/// Below this there is no direction of up: free fall.
const LEAST_ACCEL_M_PER_S2: f64 = 1e-3;

/// The 6-axis filter. Its heading starts at 0 and drifts with what is left of the gyroscope's bias.
#[derive(Clone, Copy, Debug)]
pub struct Orientation {
    integrated: Quaternion,
    levelling: Quaternion,
    accel_mean: Butterworth<3>,
    step_s: f64,
    levelled: bool,
}

impl Orientation {
    pub fn new(step_s: f64) -> Self {
        Orientation {
            integrated: IDENTITY,
            levelling: IDENTITY,
            accel_mean: Butterworth::new(LEVELLING_S, step_s),
            step_s,
            levelled: false,
        }
    }

    /// Starts again from a pose: after a gap, or to take over from another source. The next acceleration levels
    /// it at once.
    pub fn restart(&mut self, pose: Quaternion) {
        *self = Orientation::new(self.step_s);
        self.integrated = quat::unit(pose).unwrap_or(IDENTITY);
    }

    /// Sensor → earth (z up), unit.
    pub fn quaternion(&self) -> Quaternion {
        quat::unit(multiply(self.levelling, self.integrated)).unwrap_or(IDENTITY)
    }

    /// True once an acceleration has shown which way is up.
    pub fn is_levelled(&self) -> bool {
        self.levelled
    }

    /// One step of rate in rad/s and, where the device has it, acceleration in m/s². Learns the bias.
    pub fn step(
        &mut self,
        rate: Vector,
        accel: Option<Vector>,
        rest: &Rest,
        bias: &mut GyroBias,
    ) -> Quaternion {
        let turn = scale(subtract(rate, bias.rad_per_s()), self.step_s);
        let integrated = multiply(self.integrated, quat::from_rotation_vector(turn));
        self.integrated = quat::unit(integrated).unwrap_or(IDENTITY);
        if let Some(accel) = accel.filter(|a| length(*a) > LEAST_ACCEL_M_PER_S2) {
            self.level(accel, rest, bias);
        }
        self.quaternion()
    }

    fn level(&mut self, accel: Vector, rest: &Rest, bias: &mut GyroBias) {
        let mean = self.accel_mean.step(rotate(self.integrated, accel));
        let up = rotate(self.levelling, mean);
        let norm = length(up);
        if norm < LEAST_ACCEL_M_PER_S2 {
            return;
        }
        let up = scale(up, 1.0 / norm);
        let levelling = multiply(quat::shortest_to_vertical(up), self.levelling);
        self.levelling = quat::unit(levelling).unwrap_or(IDENTITY);
        if self.levelled {
            bias.step(rest, self.quaternion(), up);
        }
        self.levelled = true;
    }
}

/// Tilt from acceleration alone; heading stays 0.
#[derive(Clone, Copy, Debug)]
pub struct Tilt {
    up: Smoothed,
}

impl Tilt {
    pub fn new(step_s: f64) -> Self {
        Tilt {
            up: Smoothed::new(TILT_S, step_s),
        }
    }

    pub fn step(&mut self, accel: Vector) -> Quaternion {
        let up = self.up.step(accel);
        let norm = length(up);
        if norm < LEAST_ACCEL_M_PER_S2 {
            return IDENTITY;
        }
        quat::shortest_to_vertical(scale(up, 1.0 / norm))
    }
}
