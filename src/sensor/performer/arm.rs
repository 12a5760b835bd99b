//! From the pose of a limb over time to what an IMU strapped to it would report. The earth axes are x forward, y left,
//! z up; a forearm's own axes are x toward the hand, y left and z up when it points forward, palm down.
//! Flaws have the size measured in real captures (BITalino R-IoT, x-io, still): accelerometer noise 0.008 to 0.016 m/s²,
//! scale error up to 5 %, gyroscope noise 0.002 to 0.003 rad/s, bias up to 0.05 rad/s.

use super::chance::{Chance, noise_at};
use crate::units::STANDARD_GRAVITY_M_PER_S2;

pub type Vec3 = [f64; 3];

/// Unit quaternion w, x, y, z: limb (or sensor) axes → earth axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rotation(pub [f64; 4]);

impl Rotation {
    pub const NONE: Rotation = Rotation([1.0, 0.0, 0.0, 0.0]);

    /// Right-handed turn about a coordinate axis (0 x, 1 y, 2 z).
    pub fn about(axis: usize, angle_rad: f64) -> Self {
        let mut q = [(angle_rad / 2.0).cos(), 0.0, 0.0, 0.0];
        q[1 + axis] = (angle_rad / 2.0).sin();
        Rotation(q)
    }

    /// From a rotation vector (axis times angle).
    pub fn from_vector(v: Vec3) -> Self {
        let angle = (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).sqrt();
        if angle < 1e-12 {
            return Rotation::NONE;
        }
        let s = (angle / 2.0).sin() / angle;
        Rotation([(angle / 2.0).cos(), v[0] * s, v[1] * s, v[2] * s])
    }

    /// The smallest turn from one unit vector to another.
    pub fn between(from: Vec3, to: Vec3) -> Self {
        let cosine: f64 = (0..3).map(|i| from[i] * to[i]).sum();
        let axis = [
            from[1] * to[2] - from[2] * to[1],
            from[2] * to[0] - from[0] * to[2],
            from[0] * to[1] - from[1] * to[0],
        ];
        let sine = axis.iter().map(|x| x * x).sum::<f64>().sqrt();
        if sine < 1e-12 {
            return Rotation::NONE;
        }
        let angle = sine.atan2(cosine);
        Rotation::from_vector(axis.map(|x| x * angle / sine))
    }

    /// `self` after `inner`.
    pub fn then_inner(self, inner: Rotation) -> Self {
        let ([aw, ax, ay, az], [bw, bx, by, bz]) = (self.0, inner.0);
        Rotation([
            aw * bw - ax * bx - ay * by - az * bz,
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
        ])
    }

    pub fn inverse(self) -> Self {
        let [w, x, y, z] = self.0;
        Rotation([w, -x, -y, -z])
    }

    pub fn apply(self, v: Vec3) -> Vec3 {
        let [w, x, y, z] = self.0;
        let t = [
            2.0 * (y * v[2] - z * v[1]),
            2.0 * (z * v[0] - x * v[2]),
            2.0 * (x * v[1] - y * v[0]),
        ];
        [
            v[0] + w * t[0] + y * t[2] - z * t[1],
            v[1] + w * t[1] + z * t[0] - x * t[2],
            v[2] + w * t[2] + x * t[1] - y * t[0],
        ]
    }

    /// The rotation vector (axis times angle, the short way round).
    pub fn vector(self) -> Vec3 {
        let [w, x, y, z] = if self.0[0] < 0.0 {
            self.0.map(|c| -c)
        } else {
            self.0
        };
        let sine = (x * x + y * y + z * z).sqrt();
        let factor = if sine < 1e-12 {
            2.0
        } else {
            2.0 * sine.atan2(w) / sine
        };
        [x * factor, y * factor, z * factor]
    }
}

/// Where a sensor is and how it is turned, in the earth frame.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    pub position_m: Vec3,
    pub rotation: Rotation,
}

/// Joint angles of one arm.
#[derive(Clone, Copy, Debug)]
pub struct Joints {
    /// Upper arm: raised forward from hanging, and spread sideways.
    pub raise_rad: f64,
    pub spread_rad: f64,
    /// Forearm: heading to the left, inclination above the horizon, sweep within its own plane, roll about its length.
    pub heading_rad: f64,
    pub incline_rad: f64,
    pub sweep_rad: f64,
    pub roll_rad: f64,
}

pub const UPPER_ARM_M: f64 = 0.29;
/// From the elbow to a sensor worn just above the wrist.
pub const SENSOR_M: f64 = 0.21;
/// From the elbow to the finger tips.
pub const FOREARM_AND_HAND_M: f64 = 0.44;

impl Joints {
    /// Where the upper arm points; not quite a unit vector. `side` is +1 for the left shoulder, -1 for the right.
    fn upper(&self, side: f64) -> Vec3 {
        [
            self.raise_rad.sin(),
            side * self.spread_rad.sin(),
            -self.raise_rad.cos() * self.spread_rad.cos(),
        ]
    }

    /// Of a sensor on the upper arm, so far from the shoulder. How the arm is rolled about its length is not known: the
    /// sensor is turned no more than the arm's direction asks for.
    pub fn upper_arm(&self, side: f64, along_m: f64) -> Pose {
        let upper = self.upper(side);
        let size = upper.iter().map(|x| x * x).sum::<f64>().sqrt();
        let shoulder = shoulder(side);
        Pose {
            position_m: std::array::from_fn(|axis| shoulder[axis] + along_m * upper[axis]),
            rotation: Rotation::between([1.0, 0.0, 0.0], upper.map(|x| x / size)),
        }
    }

    /// Of a sensor on the forearm or the hand, so far from the elbow.
    pub fn forearm(&self, side: f64, along_m: f64) -> Pose {
        let upper = self.upper(side);
        let rotation = Rotation::about(2, self.heading_rad)
            .then_inner(Rotation::about(1, -self.incline_rad))
            .then_inner(Rotation::about(2, self.sweep_rad))
            .then_inner(Rotation::about(0, self.roll_rad));
        let forearm = rotation.apply([along_m, 0.0, 0.0]);
        let shoulder = shoulder(side);
        let mut position_m = [0.0; 3];
        for axis in 0..3 {
            position_m[axis] = shoulder[axis] + UPPER_ARM_M * upper[axis] + forearm[axis];
        }
        Pose {
            position_m,
            rotation,
        }
    }
}

pub(super) fn shoulder(side: f64) -> Vec3 {
    [0.0, side * 0.19, 1.42]
}

/// What is wrong with one sensor and its strap; all zero for an ideal one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Flaws {
    pub accel_noise_m_per_s2: f64,
    pub accel_bias_m_per_s2: Vec3,
    /// Relative: 0.03 reads 3 % too much.
    pub accel_scale: Vec3,
    pub rate_noise_rad_per_s: f64,
    pub rate_bias_rad_per_s: Vec3,
    /// The strap's rotation, as a rotation vector from the limb's axes.
    pub mount_rad: Vec3,
    /// Heading error of the device's own quaternion, and how it drifts.
    pub heading_rad: f64,
    pub heading_drift_rad_per_s: f64,
}

impl Flaws {
    pub const NONE: Flaws = Flaws {
        accel_noise_m_per_s2: 0.0,
        accel_bias_m_per_s2: [0.0; 3],
        accel_scale: [0.0; 3],
        rate_noise_rad_per_s: 0.0,
        rate_bias_rad_per_s: [0.0; 3],
        mount_rad: [0.0; 3],
        heading_rad: 0.0,
        heading_drift_rad_per_s: 0.0,
    };

    /// A sensor as bought, strapped on by hand.
    pub fn typical(chance: &mut Chance) -> Flaws {
        let mut spread = |deviation: f64| [0; 3].map(|_| chance.normal() * deviation);
        Flaws {
            accel_bias_m_per_s2: spread(0.08),
            accel_scale: spread(0.015),
            rate_bias_rad_per_s: spread(0.02),
            mount_rad: spread(0.05),
            accel_noise_m_per_s2: chance.between(0.008, 0.016),
            rate_noise_rad_per_s: chance.between(0.0018, 0.003),
            heading_rad: chance.between(-3.1, 3.1),
            heading_drift_rad_per_s: chance.normal() * 3e-4,
        }
    }
}

/// One reading of one sensor, SI units, sensor axes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Specific force, gravity included: level and at rest it is (0, 0, +9.81).
    pub accel_m_per_s2: [f32; 3],
    pub rate_rad_per_s: [f32; 3],
    /// Sensor → earth, w x y z, as the device's own fusion would send it.
    pub quaternion: [f32; 4],
}

/// Half of the step of the central differences. The curves are smooth to the third derivative within a movement.
const HALF_STEP_S: f64 = 5e-4;

/// What a sensor on a limb that follows `pose` reads at `t_s`.
pub fn read(pose: impl Fn(f64) -> Pose, flaws: &Flaws, seed: u64, t_s: f64) -> Reading {
    let (before, now, after) = (pose(t_s - HALF_STEP_S), pose(t_s), pose(t_s + HALF_STEP_S));
    let mount = Rotation::from_vector(flaws.mount_rad);
    let sensor = now.rotation.then_inner(mount);
    let mut force = [0.0; 3];
    for axis in 0..3 {
        let second = before.position_m[axis] - 2.0 * now.position_m[axis] + after.position_m[axis];
        force[axis] = second / (HALF_STEP_S * HALF_STEP_S);
    }
    force[2] += f64::from(STANDARD_GRAVITY_M_PER_S2);
    let turn = before
        .rotation
        .inverse()
        .then_inner(after.rotation)
        .vector();
    let accel = sensor.inverse().apply(force);
    let rate = mount
        .inverse()
        .apply(turn.map(|angle| angle / (2.0 * HALF_STEP_S)));
    let heading = flaws.heading_rad + flaws.heading_drift_rad_per_s * t_s;
    let mut reading = Reading {
        accel_m_per_s2: [0.0; 3],
        rate_rad_per_s: [0.0; 3],
        quaternion: Rotation::about(2, heading)
            .then_inner(sensor)
            .0
            .map(|c| c as f32),
    };
    for axis in 0..3 {
        let hiss = |channel: u64| noise_at(seed, t_s, channel + axis as u64);
        reading.accel_m_per_s2[axis] = (accel[axis] * (1.0 + flaws.accel_scale[axis])
            + flaws.accel_bias_m_per_s2[axis]
            + flaws.accel_noise_m_per_s2 * hiss(0)) as f32;
        reading.rate_rad_per_s[axis] = (rate[axis]
            + flaws.rate_bias_rad_per_s[axis]
            + flaws.rate_noise_rad_per_s * hiss(3)) as f32;
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(t_s: f64, spin_rad_per_s: f64) -> Pose {
        let rotation = Rotation::about(2, spin_rad_per_s * t_s);
        Pose {
            position_m: rotation.apply([0.5, 0.0, 0.0]),
            rotation,
        }
    }

    #[test]
    fn at_rest_and_level_the_force_points_up() {
        let reading = read(|t| level(t, 0.0), &Flaws::NONE, 1, 2.0);
        assert!((reading.accel_m_per_s2[2] - STANDARD_GRAVITY_M_PER_S2).abs() < 1e-3);
        assert!(reading.accel_m_per_s2[0].abs() < 1e-3 && reading.rate_rad_per_s[2].abs() < 1e-6);
    }

    #[test]
    fn a_turntable_reads_its_rate_and_the_centripetal_force() {
        let reading = read(|t| level(t, 3.0), &Flaws::NONE, 1, 2.0);
        assert!((reading.rate_rad_per_s[2] - 3.0).abs() < 1e-3);
        // 0.5 m × (3 rad/s)² toward the centre, which lies along -x of the sensor.
        assert!(
            (reading.accel_m_per_s2[0] + 4.5).abs() < 1e-3,
            "{reading:?}"
        );
    }

    #[test]
    fn nose_up_is_read_as_gravity_along_the_forearm() {
        let joints = Joints {
            raise_rad: 0.3,
            spread_rad: 0.1,
            heading_rad: 0.7,
            incline_rad: 0.5,
            sweep_rad: 0.0,
            roll_rad: 0.0,
        };
        let reading = read(|_| joints.forearm(1.0, SENSOR_M), &Flaws::NONE, 1, 0.0);
        let expected = STANDARD_GRAVITY_M_PER_S2 * 0.5f32.sin();
        assert!(
            (reading.accel_m_per_s2[0] - expected).abs() < 1e-3,
            "{reading:?}"
        );
    }
}
