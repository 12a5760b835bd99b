//! What a gyroscope cannot know by itself: its bias.
//!
//! It is found continuously (Laidig and Seel 2023, "VQF: Highly Accurate IMU Orientation Estimation", Information
//! Fusion 91, algorithm 2: at rest from the rate itself, in motion from the slow tilt error), and a large factory
//! offset when the sensor lies on a table. Audio thread and training.

use super::quaternion::{self as quat, Quaternion, Vector, length, subtract};
use super::smoothing::Butterworth;

const DEGREE: f64 = std::f64::consts::PI / 180.0;
/// Rates further than this from their slow mean are motion (VQF default).
const REST_RATE_RAD_PER_S: f64 = 2.0 * DEGREE;
/// Accelerations further than this from their slow mean are motion (VQF default).
const REST_ACCEL_M_PER_S2: f64 = 0.5;
const REST_AFTER_S: f64 = 1.5;
/// No body part is this still: the sensor lies on something.
const LAID_RATE_RAD_PER_S: f64 = 0.5 * DEGREE;
const LAID_ACCEL_M_PER_S2: f64 = 0.2;
const LAID_AFTER_S: f64 = 3.0;
/// Largest bias believed of a sensor that is worn (VQF default).
const WORN_BIAS_RAD_PER_S: f64 = 2.0 * DEGREE;
/// Largest factory offset believed: the MPU-6050 allows 20 °/s.
const LAID_BIAS_RAD_PER_S: f64 = 25.0 * DEGREE;

/// Is the sensor at rest? Both rate and acceleration must stay near their slow means.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    rate_mean: Butterworth<3>,
    accel_mean: Butterworth<3>,
    still_s: f64,
    laid_s: f64,
    step_s: f64,
    /// Slow mean of the rate in rad/s, bias included.
    pub rate_rad_per_s: Vector,
    /// Length of the slow mean of the acceleration in m/s²: gravity as this sensor sees it, when at rest.
    pub accel_m_per_s2: f64,
}

impl Rest {
    pub fn new(step_s: f64) -> Self {
        Rest {
            rate_mean: Butterworth::new(0.5, step_s),
            accel_mean: Butterworth::new(0.5, step_s),
            still_s: 0.0,
            laid_s: 0.0,
            step_s,
            rate_rad_per_s: [0.0; 3],
            accel_m_per_s2: 0.0,
        }
    }

    pub fn reset(&mut self) {
        *self = Rest::new(self.step_s);
    }

    /// `offset`: the known factory offset, so that it does not look like motion.
    pub fn step(&mut self, rate: Vector, accel: Vector, offset: Vector) {
        self.rate_rad_per_s = self.rate_mean.step(rate);
        let accel_mean = self.accel_mean.step(accel);
        self.accel_m_per_s2 = length(accel_mean);
        let rate_swing = length(subtract(rate, self.rate_rad_per_s));
        let accel_swing = length(subtract(accel, accel_mean));
        let turning = largest(subtract(self.rate_rad_per_s, offset));

        let still = rate_swing < REST_RATE_RAD_PER_S && accel_swing < REST_ACCEL_M_PER_S2;
        let worn_still = still && turning <= WORN_BIAS_RAD_PER_S;
        self.still_s = if worn_still {
            self.still_s + self.step_s
        } else {
            0.0
        };
        let laid = rate_swing < LAID_RATE_RAD_PER_S && accel_swing < LAID_ACCEL_M_PER_S2;
        self.laid_s = if laid { self.laid_s + self.step_s } else { 0.0 };
    }

    pub fn is_rest(&self) -> bool {
        self.still_s >= REST_AFTER_S
    }

    pub fn is_laid_down(&self) -> bool {
        self.laid_s >= LAID_AFTER_S
    }
}

/// The gyroscope's bias: a factory offset found when laid down, and a small drifting part from a Kalman filter.
#[derive(Clone, Copy, Debug)]
pub struct GyroBias {
    offset: Vector,
    drift: Vector,
    covariance: [Vector; 3],
    matrix_mean: Butterworth<9>,
    drift_mean: Butterworth<2>,
    step_s: f64,
}

/// Kalman variances are in (0.01 °/s)², as in the paper.
const INITIAL_VARIANCE: f64 = 50.0 * 50.0;
const MOTION_VARIANCE: f64 = 10.0 * 10.0;
const REST_VARIANCE: f64 = 3.0 * 3.0;
/// From certain to 0.1 °/s in 100 s.
const VARIANCE_PER_S: f64 = 1.0;
const VERTICAL_FORGETTING: f64 = 1e-4;

impl GyroBias {
    pub fn new(step_s: f64) -> Self {
        let mut covariance = [[0.0; 3]; 3];
        for (i, row) in covariance.iter_mut().enumerate() {
            row[i] = INITIAL_VARIANCE;
        }
        GyroBias {
            offset: [0.0; 3],
            drift: [0.0; 3],
            covariance,
            matrix_mean: Butterworth::new(3.0, step_s),
            drift_mean: Butterworth::new(3.0, step_s),
            step_s,
        }
    }

    /// The whole bias in rad/s, to be taken from the rate.
    pub fn rad_per_s(&self) -> Vector {
        [0, 1, 2].map(|i| self.offset[i] + self.drift[i])
    }

    /// The part of the bias found while the sensor was laid down.
    pub fn offset_rad_per_s(&self) -> Vector {
        self.offset
    }

    /// Forgets the slow means of the motion estimate but keeps the bias: after a gap.
    pub fn bridge(&mut self) {
        self.matrix_mean.reset();
        self.drift_mean.reset();
    }

    /// Learns from rest only: for a device whose orientation is not ours.
    pub fn step_at_rest(&mut self, rest: &Rest) {
        self.adopt_offset(rest);
        self.grow_variance();
        if rest.is_rest() {
            self.learn_from_rest(rest);
        }
    }

    /// Learns from rest, and in motion from the tilt correction. `orientation` is the corrected one, `accel_earth`
    /// the unit direction of the slow acceleration just before it was levelled.
    pub fn step(&mut self, rest: &Rest, orientation: Quaternion, accel_earth: Vector) {
        self.adopt_offset(rest);
        let turn = quat::matrix(orientation);
        let turned = [
            quat::dot(turn[0], self.drift),
            quat::dot(turn[1], self.drift),
        ];
        let mut flat = [0.0; 9];
        for (i, value) in flat.iter_mut().enumerate() {
            *value = turn[i / 3][i % 3];
        }
        let flat = self.matrix_mean.step(flat);
        let turned = self.drift_mean.step(turned);
        self.grow_variance();
        if rest.is_rest() {
            self.learn_from_rest(rest);
            return;
        }
        let turn = [0, 1, 2].map(|i| [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]]);
        let expected = turn.map(|row| quat::dot(row, self.drift));
        let error = [
            -accel_earth[1] / self.step_s + turned[0] - expected[0],
            accel_earth[0] / self.step_s + turned[1] - expected[1],
            -expected[2],
        ];
        let noise = self.noise(MOTION_VARIANCE);
        self.correct(error, turn, [noise, noise, noise / VERTICAL_FORGETTING]);
    }

    fn adopt_offset(&mut self, rest: &Rest) {
        let beyond = largest(subtract(rest.rate_rad_per_s, self.offset)) > WORN_BIAS_RAD_PER_S;
        if rest.is_laid_down() && beyond && largest(rest.rate_rad_per_s) < LAID_BIAS_RAD_PER_S {
            self.offset = rest.rate_rad_per_s;
            self.drift = [0.0; 3];
        }
    }

    fn learn_from_rest(&mut self, rest: &Rest) {
        let error = subtract(rest.rate_rad_per_s, self.rad_per_s());
        let identity = quat::matrix(quat::IDENTITY);
        self.correct(error, identity, [self.noise(REST_VARIANCE); 3]);
    }

    fn noise(&self, variance: f64) -> f64 {
        variance * variance / (VARIANCE_PER_S * self.step_s) + variance
    }

    fn grow_variance(&mut self) {
        for i in 0..3 {
            if self.covariance[i][i] < INITIAL_VARIANCE {
                self.covariance[i][i] += VARIANCE_PER_S * self.step_s;
            }
        }
    }

    /// One Kalman step: K = P Rᵀ (W + R P Rᵀ)⁻¹, b += K e, P -= K R P.
    fn correct(&mut self, error: Vector, turn: [Vector; 3], noise: Vector) {
        let error = error.map(|e| e.clamp(-WORN_BIAS_RAD_PER_S, WORN_BIAS_RAD_PER_S));
        let turn_transposed = transpose(turn);
        let spread = product(turn, self.covariance);
        let mut innovation = product(spread, turn_transposed);
        for (i, row) in innovation.iter_mut().enumerate() {
            row[i] += noise[i];
        }
        let Some(inverse) = invert(innovation) else {
            return;
        };
        let gain = product(product(self.covariance, turn_transposed), inverse);
        let lost = product(gain, spread);
        for i in 0..3 {
            let drift = self.drift[i] + quat::dot(gain[i], error);
            self.drift[i] = drift.clamp(-WORN_BIAS_RAD_PER_S, WORN_BIAS_RAD_PER_S);
            self.covariance[i] = subtract(self.covariance[i], lost[i]);
        }
    }
}

fn largest(v: Vector) -> f64 {
    v.iter().fold(0.0, |most: f64, x| most.max(x.abs()))
}

fn transpose(m: [Vector; 3]) -> [Vector; 3] {
    [0, 1, 2].map(|i| [m[0][i], m[1][i], m[2][i]])
}

fn product(a: [Vector; 3], b: [Vector; 3]) -> [Vector; 3] {
    let columns = transpose(b);
    a.map(|row| columns.map(|column| quat::dot(row, column)))
}

fn invert(m: [Vector; 3]) -> Option<[Vector; 3]> {
    let columns = [
        quat::cross(m[1], m[2]),
        quat::cross(m[2], m[0]),
        quat::cross(m[0], m[1]),
    ];
    let determinant = quat::dot(m[0], columns[0]);
    (determinant.is_finite() && determinant.abs() > 1e-12)
        .then(|| transpose(columns).map(|row| quat::scale(row, 1.0 / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP_S: f64 = 0.005;

    fn rest_for(seconds: f64, rate_deg_per_s: Vector) -> (Rest, GyroBias) {
        let (mut rest, mut bias) = (Rest::new(STEP_S), GyroBias::new(STEP_S));
        for _ in 0..(seconds / STEP_S) as usize {
            rest.step(
                quat::scale(rate_deg_per_s, DEGREE),
                [0.0, 0.0, 9.81],
                bias.offset_rad_per_s(),
            );
            bias.step_at_rest(&rest);
        }
        (rest, bias)
    }

    #[test]
    fn a_small_bias_is_found_at_rest() {
        let (rest, bias) = rest_for(6.0, [0.8, -0.5, 0.3]);
        assert!(rest.is_rest());
        let left = subtract(bias.rad_per_s(), quat::scale([0.8, -0.5, 0.3], DEGREE));
        assert!(length(left) < 0.02 * DEGREE, "{left:?}");
    }

    #[test]
    fn a_large_factory_offset_is_found_on_the_table() {
        let (_, bias) = rest_for(6.0, [12.0, -7.0, 3.0]);
        let left = subtract(bias.rad_per_s(), quat::scale([12.0, -7.0, 3.0], DEGREE));
        assert!(length(left) < 0.02 * DEGREE, "{left:?}");
    }

    #[test]
    fn a_turning_sensor_is_not_at_rest() {
        let (rest, bias) = rest_for(6.0, [0.0, 0.0, 40.0]);
        assert!(!rest.is_rest());
        assert!(length(bias.rad_per_s()) < 1e-9);
    }

    #[test]
    fn a_matrix_times_its_inverse_is_one() {
        let m = [[2.0, 0.3, 0.1], [0.2, 1.5, -0.4], [0.0, 0.6, 3.0]];
        let one = product(m, invert(m).unwrap());
        for (i, row) in one.iter().enumerate() {
            for (j, v) in row.iter().enumerate() {
                assert!((v - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }
}
