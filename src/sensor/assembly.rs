//! Messages of one device → frames: axes joined, gravity added, angles turned into quaternions.
//!
//! Everything in one datagram that speaks of one instant becomes one frame; what belongs together
//! but comes apart (x, y, z in three messages; gravity and user acceleration) is kept until it is
//! whole. Implausible numbers are dropped here: a NaN, a 300 g shock, a quaternion that is none.

use super::frame::SensorFrame;
use super::layout::{Quantity, VALUE_COUNT, Values};
use crate::units::STANDARD_GRAVITY_M_PER_S2;

/// Above any wearable's range: 200 g, 6,000 deg/s, ten times the field in an MRI-free room.
const MOST_ACCEL_M_PER_S2: f32 = 2_000.0;
const MOST_RATE_RAD_PER_S: f32 = 105.0;
const MOST_MAG_UT: f32 = 10_000.0;
/// Components of one vector must arrive within this time of the first: far less than a period, so that
/// a lost one does not mix two readings for ever.
const JOIN_WITHIN_S: f64 = 0.004;
/// Readings before an unknown unit of acceleration is settled (median length near 1 or near 9.81).
const UNIT_READINGS: usize = 15;

/// What is known of one device between its messages.
#[derive(Debug)]
pub struct Assembly {
    /// Components waiting for the rest of their vector, and when the first of them came.
    waiting: [f32; VALUE_COUNT],
    waiting_since_s: [f64; QUANTITY_COUNT],
    gravity: [f32; 3],
    linear: [f32; 3],
    sends_accel: bool,
    sends_quaternion: bool,
    accel_lengths: Vec<f32>,
    accel_scale: f32,
}

const QUANTITY_COUNT: usize = Quantity::Aux as usize + 1;

const VECTORS: [Quantity; 8] = [
    Quantity::Accel,
    Quantity::Linear,
    Quantity::Gravity,
    Quantity::Rate,
    Quantity::Mag,
    Quantity::Quaternion,
    Quantity::Euler,
    Quantity::Attitude,
];

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Added {
    /// The frame carries something new.
    pub new: bool,
    /// A quantity was dropped as impossible.
    pub implausible: bool,
}

impl Default for Assembly {
    fn default() -> Self {
        Assembly {
            waiting: [f32::NAN; VALUE_COUNT],
            waiting_since_s: [f64::NEG_INFINITY; QUANTITY_COUNT],
            gravity: [f32::NAN; 3],
            linear: [f32::NAN; 3],
            sends_accel: false,
            sends_quaternion: false,
            accel_lengths: Vec::with_capacity(UNIT_READINGS),
            accel_scale: 1.0,
        }
    }
}

impl Assembly {
    /// Adds what a message says to the frame that is being put together. `now_s` is any steady clock.
    pub fn add(&mut self, values: &Values, now_s: f64, frame: &mut SensorFrame) -> Added {
        let mut added = Added::default();
        for quantity in VECTORS {
            let Some(whole) = self.join(quantity, values, now_s) else {
                continue;
            };
            if self.place(quantity, &whole, values.accel_unit_unknown, frame) {
                added.new = true;
            } else {
                added.implausible = true;
            }
        }
        for (target, &value) in frame.aux.iter_mut().zip(values.of(Quantity::Aux)) {
            if value.is_finite() {
                *target = value;
                added.new = true;
            }
        }
        // An argument that was NaN or infinite leaves its vector incomplete for good.
        added.implausible |= values.non_finite;
        added
    }

    /// The quantity, once all its components are there.
    fn join(&mut self, quantity: Quantity, values: &Values, now_s: f64) -> Option<[f32; 4]> {
        let range = quantity.range();
        let arriving = &values.numbers[range.clone()];
        if arriving.iter().all(|value| value.is_nan()) {
            return None;
        }
        let since_s = &mut self.waiting_since_s[quantity as usize];
        let waiting = &mut self.waiting[range];
        let repeats = waiting
            .iter()
            .zip(arriving)
            .any(|(old, new)| old.is_finite() && !new.is_nan());
        if repeats || now_s - *since_s > JOIN_WITHIN_S {
            waiting.fill(f32::NAN);
            *since_s = now_s;
        }
        for (old, new) in waiting
            .iter_mut()
            .zip(arriving)
            .filter(|(_, new)| !new.is_nan())
        {
            *old = *new;
        }
        if waiting.iter().any(|value| value.is_nan()) {
            return None;
        }
        let mut whole = [0.0; 4];
        whole[..waiting.len()].copy_from_slice(waiting);
        waiting.fill(f32::NAN);
        Some(whole)
    }

    /// Puts a whole quantity into the frame; false if it is impossible.
    fn place(
        &mut self,
        quantity: Quantity,
        whole: &[f32; 4],
        unit_unknown: bool,
        frame: &mut SensorFrame,
    ) -> bool {
        let mut vector = [whole[0], whole[1], whole[2]];
        match quantity {
            Quantity::Accel => {
                if unit_unknown {
                    let scale = self.unknown_accel_scale(length(&vector));
                    vector = vector.map(|value| value * scale);
                }
                self.sends_accel |= within(&vector, MOST_ACCEL_M_PER_S2);
                put(&mut frame.accel_m_per_s2, vector, MOST_ACCEL_M_PER_S2)
            }
            Quantity::Linear => {
                let plausible = put(
                    &mut frame.linear_accel_m_per_s2,
                    vector,
                    MOST_ACCEL_M_PER_S2,
                );
                if plausible {
                    self.linear = vector;
                    self.add_gravity(frame);
                }
                plausible
            }
            Quantity::Gravity => {
                let plausible = within(&vector, 2.0 * STANDARD_GRAVITY_M_PER_S2);
                if plausible {
                    self.gravity = vector;
                    self.add_gravity(frame);
                }
                plausible
            }
            Quantity::Rate => put(&mut frame.rate_rad_per_s, vector, MOST_RATE_RAD_PER_S),
            Quantity::Mag => put(&mut frame.mag_ut, vector, MOST_MAG_UT),
            Quantity::Quaternion => {
                let unit = normalised(whole);
                self.sends_quaternion |= unit.is_some();
                unit.inspect(|unit| frame.quaternion = *unit).is_some()
            }
            // Angles are only second best: they turn over where a quaternion does not.
            _ if self.sends_quaternion => true,
            Quantity::Euler => place_angles(from_euler(vector), frame),
            Quantity::Attitude => place_angles(from_attitude(vector), frame),
            Quantity::Aux => true,
        }
    }

    /// A device that sends gravity and user acceleration apart has specific force all the same.
    fn add_gravity(&mut self, frame: &mut SensorFrame) {
        if self.sends_accel || self.gravity[0].is_nan() {
            return;
        }
        // Before the first user acceleration, gravity alone stands for it.
        let linear = self
            .linear
            .map(|value| if value.is_nan() { 0.0 } else { value });
        frame.accel_m_per_s2 = std::array::from_fn(|axis| linear[axis] + self.gravity[axis]);
    }

    fn unknown_accel_scale(&mut self, length: f32) -> f32 {
        if self.accel_lengths.len() < UNIT_READINGS && length.is_finite() {
            self.accel_lengths.push(length);
            let mut sorted = self.accel_lengths.clone();
            sorted.sort_by(f32::total_cmp);
            let in_g = sorted[sorted.len() / 2] < 3.5;
            self.accel_scale = if in_g { STANDARD_GRAVITY_M_PER_S2 } else { 1.0 };
        }
        self.accel_scale
    }
}

fn put(target: &mut [f32; 3], vector: [f32; 3], most: f32) -> bool {
    let plausible = within(&vector, most);
    if plausible {
        *target = vector;
    }
    plausible
}

fn within(vector: &[f32; 3], most: f32) -> bool {
    vector.iter().all(|value| value.abs() <= most)
}

fn length(vector: &[f32; 3]) -> f32 {
    vector.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// A unit quaternion, unless the numbers are far from one (sensors that are not ready send zeros).
fn normalised(quaternion: &[f32; 4]) -> Option<[f32; 4]> {
    let length = quaternion
        .iter()
        .map(|value| value * value)
        .sum::<f32>()
        .sqrt();
    (0.5..2.0)
        .contains(&length)
        .then(|| quaternion.map(|value| value / length))
}

fn place_angles(quaternion: [f32; 4], frame: &mut SensorFrame) -> bool {
    let unit = normalised(&quaternion);
    unit.inspect(|unit| frame.quaternion = *unit).is_some()
}

fn about(axis: usize, angle: f32) -> [f32; 4] {
    let mut quaternion = [(0.5 * angle).cos(), 0.0, 0.0, 0.0];
    quaternion[axis + 1] = (0.5 * angle).sin();
    quaternion
}

fn product(a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
    [
        a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
        a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
        a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
        a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
    ]
}

fn from_euler([yaw, pitch, roll]: [f32; 3]) -> [f32; 4] {
    product(product(about(2, yaw), about(1, pitch)), about(0, roll))
}

fn from_attitude([yaw, pitch, roll]: [f32; 3]) -> [f32; 4] {
    product(product(about(2, yaw), about(0, pitch)), about(1, roll))
}

#[cfg(test)]
mod tests;
