//! Which way is up, and how the sensor is turned: a 6-axis filter for devices that send only raw data.
//!
//! VQF (Laidig and Seel 2023, Information Fusion 91): the rate is integrated, the acceleration is slowly averaged
//! in the frame so found, where gravity stands still, and the average levels it. Written here in `f64`: the `vqf`
//! crate (0.4.1) never takes its bias from the rate it integrates, and its `f32` filters err by half a degree at
//! rest at 200 Hz. This one stays within 0.002° of the authors' own on two BROAD trials; the crate stays as the reference of a test.
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// Two seconds to nod there and back, 40° each way, about the sensor's x axis; no bias, no noise.
    fn nodding(t_s: f64) -> (Vector, Vector) {
        let (swing_rad, pace) = (40f64.to_radians(), std::f64::consts::PI);
        let angle_rad = swing_rad * (pace * t_s).sin();
        let rate = [swing_rad * pace * (pace * t_s).cos(), 0.0, 0.0];
        (rate, [0.0, 9.81 * angle_rad.sin(), 9.81 * angle_rad.cos()])
    }

    #[test]
    fn it_is_as_upright_as_another_implementation_of_the_same_filter() {
        let step_s = 0.005;
        let period = Duration::from_secs_f64(step_s);
        let mut other = vqf::Vqf::new(period, period, vqf::VqfParameters::default());
        let mut own = Orientation::new(step_s);
        let (rest, mut bias) = (Rest::new(step_s), GyroBias::new(step_s));
        let mut worst_deg = 0.0f64;
        for step in 0..6000 {
            // A step turns by the mean rate of its interval: take it from the middle.
            let (rate, _) = nodding((f64::from(step) - 0.5) * step_s);
            let (_, accel) = nodding(f64::from(step) * step_s);
            other.update(
                rate.map(|v| v as f32).into(),
                accel.map(|v| v as f32).into(),
            );
            let ours = quat::up_in_sensor(own.step(rate, Some(accel), &rest, &mut bias));
            let theirs = other.orientation();
            let theirs = [theirs.w, theirs.i, theirs.j, theirs.k].map(f64::from);
            if step > 2000 {
                let between = quat::dot(ours, quat::up_in_sensor(theirs)).clamp(-1.0, 1.0);
                worst_deg = worst_deg.max(between.acos().to_degrees());
            }
        }
        println!("up differs by {worst_deg:.3}° at most");
        assert!(worst_deg < 1.5, "{worst_deg}");
    }
}
