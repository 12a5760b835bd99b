//! The target of the general model: whatever sensor moves however, the energy of its motion is loudness, the tilt of
//! its x axis is pitch, the tilt of its y axis brightness. Computed from the true, flawless kinematics; the network
//! has to find it in what a flawed sensor sends.

use crate::controls::{Controls, SILENCE_DB};
use crate::sensor::performer::{Flaws, Performer, Rotation, arm};
use crate::units::STANDARD_GRAVITY_M_PER_S2;

/// Rate and acceleration that each make half of full energy.
const FULL_RATE_RAD_PER_S: f64 = 6.0;
const FULL_ACCEL_M_PER_S2: f64 = 25.0;
/// What tremor, breath and sway make; below it is stillness.
const STILLNESS: f64 = 0.02;
const ATTACK_S: f64 = 0.015;
const RELEASE_S: f64 = 0.18;
const TILT_S: f64 = 0.08;
/// Pitch with the x axis level, and the reach to either side when it points straight up or down.
const PITCH_NOTE: (f64, f64) = (62.0, 20.0);

/// Follows one limb's true motion from tick to tick.
pub struct EnergyTilt {
    mount: Rotation,
    energy: f64,
    up: Option<[f64; 3]>,
    step_s: f64,
}

impl EnergyTilt {
    /// `flaws`: of the sensor, whose strap decides which way its axes point.
    pub fn new(flaws: &Flaws, step_s: f64) -> Self {
        let mount = Rotation::from_vector(flaws.mount_rad);
        EnergyTilt {
            mount,
            energy: 0.0,
            up: None,
            step_s,
        }
    }

    pub fn step(&mut self, performer: &Performer, limb: usize, t_s: f64) -> Controls {
        let truth = arm::read(|t| performer.pose(limb, t), &Flaws::NONE, 0, t_s);
        let pose = performer.pose(limb, t_s).rotation;
        let mut linear = pose.apply(truth.accel_m_per_s2.map(f64::from));
        linear[2] -= f64::from(STANDARD_GRAVITY_M_PER_S2);
        let length = |v: [f64; 3]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
        let rate = length(truth.rate_rad_per_s.map(f64::from));
        let now = 0.5 * rate / FULL_RATE_RAD_PER_S + 0.5 * length(linear) / FULL_ACCEL_M_PER_S2;
        let time_s = if now > self.energy {
            ATTACK_S
        } else {
            RELEASE_S
        };
        self.energy += (now - self.energy) * (1.0 - (-self.step_s / time_s).exp());
        let up_now = pose.then_inner(self.mount).inverse().apply([0.0, 0.0, 1.0]);
        let mut up = self.up.unwrap_or(up_now);
        for (up, now) in up.iter_mut().zip(up_now) {
            *up += (now - *up) * (1.0 - (-self.step_s / TILT_S).exp());
        }
        self.up = Some(up);
        self.controls(up)
    }

    fn controls(&self, up: [f64; 3]) -> Controls {
        let energy = (self.energy - STILLNESS).max(0.0);
        let mut controls = Controls::SILENT;
        let loudness_db = -8.0 + 24.0 * energy.max(1e-4).log10();
        controls.loudness_db = (loudness_db as f32).clamp(SILENCE_DB, -6.0);
        let tilt = up[0].clamp(-1.0, 1.0).asin() / std::f64::consts::FRAC_PI_2;
        controls.pitch_note = (PITCH_NOTE.0 + PITCH_NOTE.1 * tilt) as f32;
        controls.brightness = (0.45 + 0.2 * up[1] + 0.1 * energy.min(1.0)) as f32;
        controls.noisiness = (0.05 + 0.15 * energy.min(1.0)) as f32;
        controls
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::performer::Style;

    fn loudest_db(style: Style) -> f32 {
        let performer = Performer::new(style, 3);
        let mut target = EnergyTilt::new(&performer.flaws()[0], 0.01);
        (0..3000)
            .map(|i| target.step(&performer, 0, f64::from(i) * 0.01).loudness_db)
            .fold(SILENCE_DB, f32::max)
    }

    #[test]
    fn swinging_is_loud() {
        assert!(
            loudest_db(Style::Strum) > -20.0,
            "{}",
            loudest_db(Style::Strum)
        );
    }
}
