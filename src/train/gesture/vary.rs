//! Augmentation: the same performance by a slightly different player with other sensors. The strap turns, gain and bias
//! differ, the tempo moves (rates with it; the few per cent by which linear acceleration would change too are within
//! the gain), packets come late or not at all, some sensors are slower. Applied to readings, before any feature.

use crate::gesture::quaternion::{Quaternion, conjugate, from_rotation_vector, multiply, rotate};
use crate::sensor::SensorFrame;
use crate::sensor::performer::Chance;

use super::take::Truth;

/// How far a varied performance may be from the recorded one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Deviation of the strap's turn about each axis.
    pub turn_rad: f64,
    pub gain: f64,
    pub accel_bias_m_per_s2: f64,
    pub tempo: f64,
}

impl Limits {
    /// What changes while one player plays on: the strap creeps by a degree or two. More would unlearn the pose that
    /// chooses the note.
    pub const SAME_PLAYER: Limits = Limits {
        turn_rad: 0.03,
        gain: 0.06,
        accel_bias_m_per_s2: 0.15,
        tempo: 0.06,
    };
}

const RATE_BIAS_RAD_PER_S: f64 = 0.02;
const LAG_S: f64 = 0.01;
const JITTER_S: f64 = 0.002;
const MOST_GAPS_PER_S: f64 = 0.3;
const GAP_S: (f64, f64) = (0.02, 0.2);

pub struct Variation {
    chance: Chance,
    limits: Limits,
    tempo: f64,
}

/// What is different about one sensor.
struct Sensor {
    turn: Quaternion,
    accel_gain: f32,
    rate_gain: f32,
    accel_bias: [f32; 3],
    rate_bias: [f32; 3],
    lag_s: f64,
    gaps_per_s: f64,
    /// Every so many readings arrive.
    every: usize,
}

impl Variation {
    pub fn new(mut chance: Chance, limits: Limits) -> Self {
        let tempo = 1.0 + chance.between(-limits.tempo, limits.tempo);
        Variation {
            chance,
            limits,
            tempo,
        }
    }

    /// The music at the new tempo.
    pub fn music(&self, truth: &[Truth]) -> Vec<Truth> {
        let frames = (truth.len() as f64 / self.tempo) as usize;
        let at = |frame: usize| {
            ((frame as f64 * self.tempo) as usize).min(truth.len().saturating_sub(1))
        };
        (0..frames).map(|frame| truth[at(frame)]).collect()
    }

    /// Where a frame is at the new tempo.
    pub fn frame(&self, frame: usize) -> usize {
        (frame as f64 / self.tempo).round() as usize
    }

    /// The motion at the new tempo, by other sensors.
    pub fn motion(&mut self, sent: &[Vec<SensorFrame>]) -> Vec<Vec<SensorFrame>> {
        sent.iter()
            .map(|frames| {
                let sensor = Sensor::any(&mut self.chance, &self.limits);
                let mut varied = self.one(&sensor, frames);
                varied.sort_by(|a, b| a.time.0.total_cmp(&b.time.0));
                varied
            })
            .collect()
    }

    fn one(&mut self, sensor: &Sensor, frames: &[SensorFrame]) -> Vec<SensorFrame> {
        let mut gap_until_s = f64::MIN;
        let mut last_s = frames.first().map_or(0.0, |frame| frame.time.0);
        let mut kept = Vec::with_capacity(frames.len());
        for (index, frame) in frames.iter().enumerate() {
            let time_s = frame.time.0 / self.tempo;
            if self
                .chance
                .happens(sensor.gaps_per_s * (time_s - last_s).clamp(0.0, 1.0))
            {
                gap_until_s = time_s + self.chance.between(GAP_S.0, GAP_S.1);
            }
            last_s = time_s;
            if time_s < gap_until_s || index % sensor.every != 0 {
                continue;
            }
            let jitter_s = JITTER_S * self.chance.unit();
            let mut frame = sensor.changed(frame, self.tempo as f32);
            frame.time.0 = time_s + sensor.lag_s + jitter_s;
            kept.push(frame);
        }
        kept
    }
}

impl Sensor {
    fn any(chance: &mut Chance, limits: &Limits) -> Sensor {
        let mut three = |deviation: f64| [0; 3].map(|_| deviation * chance.normal());
        let turn = from_rotation_vector(three(limits.turn_rad));
        let accel_bias = three(limits.accel_bias_m_per_s2).map(|v| v as f32);
        let rate_bias = three(RATE_BIAS_RAD_PER_S).map(|v| v as f32);
        Sensor {
            turn,
            accel_bias,
            rate_bias,
            accel_gain: 1.0 + chance.between(-limits.gain, limits.gain) as f32,
            rate_gain: 1.0 + chance.between(-limits.gain, limits.gain) as f32,
            lag_s: chance.between(-LAG_S, LAG_S),
            gaps_per_s: if chance.happens(0.4) {
                chance.between(0.0, MOST_GAPS_PER_S)
            } else {
                0.0
            },
            every: if chance.happens(0.2) { 2 } else { 1 },
        }
    }

    fn changed(&self, frame: &SensorFrame, tempo: f32) -> SensorFrame {
        let turned = |v: [f32; 3], gain: f32, bias: [f32; 3]| -> [f32; 3] {
            let turned = rotate(self.turn, v.map(f64::from));
            std::array::from_fn(|axis| turned[axis] as f32 * gain + bias[axis])
        };
        // From the turned sensor's axes to the old ones, then to the earth.
        let pose = multiply(frame.quaternion.map(f64::from), conjugate(self.turn));
        SensorFrame {
            accel_m_per_s2: turned(frame.accel_m_per_s2, self.accel_gain, self.accel_bias),
            linear_accel_m_per_s2: turned(frame.linear_accel_m_per_s2, self.accel_gain, [0.0; 3]),
            rate_rad_per_s: turned(frame.rate_rad_per_s, self.rate_gain * tempo, self.rate_bias),
            quaternion: pose.map(|v| v as f32),
            ..*frame
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gesture::quaternion::up_in_sensor;
    use crate::sensor::DeviceId;
    use crate::units::HostTime;

    #[test]
    fn a_turned_sensor_still_feels_gravity_where_its_pose_says_up_is() {
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
        let pose = from_rotation_vector([0.4, -0.2, 0.9]);
        frame.quaternion = pose.map(|v| v as f32);
        frame.accel_m_per_s2 = up_in_sensor(pose).map(|v| 9.81 * v as f32);
        let mut sensor = Sensor::any(&mut Chance::new(3, 3), &Limits::SAME_PLAYER);
        (sensor.accel_gain, sensor.accel_bias) = (1.0, [0.0; 3]);
        let changed = sensor.changed(&frame, 1.0);
        let up = up_in_sensor(changed.quaternion.map(f64::from));
        for axis in 0..3 {
            assert!((changed.accel_m_per_s2[axis] - 9.81 * up[axis] as f32).abs() < 1e-4);
        }
        assert!(changed.accel_m_per_s2 != frame.accel_m_per_s2);
        assert!(changed.rate_rad_per_s[0].is_nan());
    }

    #[test]
    fn music_and_motion_keep_together_at_another_tempo() {
        let mut frames = Vec::new();
        for n in 0..1000 {
            let mut frame = SensorFrame::empty(DeviceId(0), HostTime(f64::from(n) * 0.01));
            frame.accel_m_per_s2 = [0.0, 0.0, if n == 700 { 50.0 } else { 0.0 }];
            frames.push(frame);
        }
        let mut variation = Variation::new(Chance::new(5, 1), Limits::SAME_PLAYER);
        let moved = &variation.motion(&[frames])[0];
        let loudest = moved.iter().max_by(|a, b| {
            a.accel_m_per_s2[2]
                .abs()
                .total_cmp(&b.accel_m_per_s2[2].abs())
        });
        let at_s = loudest.map_or(0.0, |frame| frame.time.0);
        assert!((at_s * variation.tempo - 7.0).abs() < 0.02, "{at_s}");
        assert!((variation.tempo - 1.0).abs() > 1e-3);
    }
}
