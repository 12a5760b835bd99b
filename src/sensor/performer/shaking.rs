//! Both arms shake something. Each has its own rhythm; the right one makes the music: the energy of the shake is
//! loudness, the forearm's tilt is pitch (a semitone for 2.5°), its roll brightness and the left one's roll noisiness.
//! With no energy this is the still performer.

use super::arm::Joints;
use super::chance::Chance;
use super::curve::Curve;
use super::{Playing, SCORE_S};
use crate::controls::{Controls, SILENCE_DB};

struct Arm {
    swing_rad: Curve,
    hz: f64,
    incline_rad: Curve,
    roll_rad: Curve,
}

pub struct Shaking {
    arms: [Arm; 2],
    onsets_s: Vec<f64>,
}

impl Shaking {
    pub fn compose(seed: u64, energy: f64) -> Self {
        let mut chance = Chance::new(seed, 2);
        let mut onsets_s = Vec::new();
        let arms = [0, 1].map(|limb| {
            let mut arm = Arm {
                swing_rad: Curve::resting_at(0.0),
                hz: chance.between(2.5, 5.5),
                incline_rad: Curve::resting_at(chance.between(-0.3, 0.4)),
                roll_rad: Curve::resting_at(chance.between(-0.3, 0.3)),
            };
            let mut at_s = 1.0;
            while at_s < SCORE_S - 3.0 {
                let resting = chance.happens(0.35);
                let swing = if resting {
                    0.0
                } else {
                    energy * chance.between(0.02, 0.3)
                };
                let change_s = chance.between(0.15, 1.2);
                if limb == 0 && arm.swing_rad.goal() == 0.0 && swing > 0.0 {
                    onsets_s.push(at_s + 0.3 * change_s);
                }
                arm.swing_rad.go(at_s, change_s, swing);
                // A still arm may be held anywhere, and is at times moved somewhere else.
                if energy > 0.0 || chance.happens(0.15) {
                    let turn_s = chance.between(0.4, 1.6);
                    arm.incline_rad.go(at_s, turn_s, chance.between(-0.8, 0.9));
                    arm.roll_rad.go(at_s, turn_s, chance.between(-0.8, 0.8));
                }
                at_s += change_s + chance.between(0.4, 3.0);
            }
            arm.swing_rad.go(SCORE_S - 2.0, 0.5, 0.0);
            arm
        });
        Shaking { arms, onsets_s }
    }
}

impl Playing for Shaking {
    fn joints(&self, limb: usize, t_s: f64) -> Joints {
        let arm = &self.arms[limb];
        let swing = arm.swing_rad.at(t_s) * (std::f64::consts::TAU * arm.hz * t_s).sin();
        Joints {
            raise_rad: 0.5 + 0.15 * swing,
            spread_rad: 0.25,
            heading_rad: 0.3 - 0.6 * limb as f64,
            incline_rad: arm.incline_rad.at(t_s) + 0.5 * swing,
            sweep_rad: swing,
            roll_rad: arm.roll_rad.at(t_s) + 0.3 * swing,
        }
    }

    fn controls(&self, t_s: f64) -> Controls {
        let right = &self.arms[0];
        let rate_rad_per_s = right.swing_rad.at(t_s) * std::f64::consts::TAU * right.hz;
        let mut controls = Controls::SILENT;
        let loudness_db = -8.0 + 26.0 * (rate_rad_per_s / 7.0).max(1e-4).log10();
        controls.loudness_db = (loudness_db as f32).clamp(SILENCE_DB, -6.0);
        controls.pitch_note = (66.0 + right.incline_rad.at(t_s).to_degrees() / 2.5) as f32;
        controls.brightness = (0.45 + 0.25 * right.roll_rad.at(t_s)) as f32;
        controls.noisiness = (0.25 + 0.2 * self.arms[1].roll_rad.at(t_s)) as f32;
        controls
    }

    fn onsets_s(&self) -> &[f64] {
        &self.onsets_s
    }
}
