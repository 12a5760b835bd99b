//! A guitarist. The right forearm swings down and up in eighth notes; wide swings strike the strings, narrow ones miss
//! them and only keep time. A strike is as loud as the swing is fast and dies away; down strokes sound the root and up
//! strokes the octave. The left forearm's height chooses the root, 6° a semitone; when the arm stops the hand damps.

use super::arm::Joints;
use super::chance::Chance;
use super::curve::Curve;
use super::{Playing, SCORE_S};
use crate::controls::{Controls, SILENCE_DB};

const LOWEST_ROOT: f64 = 45.0;
const ROOT_DEG: (f64, f64) = (-24.0, 6.0);

#[derive(Clone, Copy)]
struct Strike {
    time_s: f64,
    /// 0 to 1; 0 damps.
    strength: f64,
    up: bool,
}

pub struct Strumming {
    swing_rad: Curve,
    root: Curve,
    strikes: Vec<Strike>,
    onsets_s: Vec<f64>,
}

impl Strumming {
    pub fn compose(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 3);
        let mut strumming = Strumming {
            swing_rad: Curve::resting_at(0.0),
            root: Curve::resting_at(5.0),
            strikes: Vec::new(),
            onsets_s: Vec::new(),
        };
        let mut at_s = chance.between(0.8, 1.6);
        while at_s < SCORE_S - 16.0 {
            at_s = strumming.passage(&mut chance, at_s);
            at_s += chance.between(0.6, 3.0);
        }
        strumming.onsets_s = strumming
            .strikes
            .iter()
            .filter(|s| s.strength > 0.0)
            .map(|s| s.time_s)
            .collect();
        strumming
    }

    /// Some bars of one pattern; returns when the hand has stopped.
    fn passage(&mut self, chance: &mut Chance, start_s: f64) -> f64 {
        let eighth_s = chance.between(0.16, 0.36);
        let level = chance.between(0.3, 1.0);
        let struck: [bool; 8] = std::array::from_fn(|i| chance.happens([0.9, 0.55][i % 2]));
        let mut at_s = start_s;
        for eighth in 0..8 * (1 + chance.below(4)) {
            if eighth % 8 == 0 {
                self.root.go(
                    at_s - 0.1,
                    0.15,
                    chance.below(12) as f64 + 0.05 * chance.normal(),
                );
            }
            let up = eighth % 2 == 1;
            let strength = (level * (1.0 + 0.12 * chance.normal())).clamp(0.2, 1.0);
            let sounds = struck[eighth % 8];
            let reach = if sounds { 0.22 + 0.30 * strength } else { 0.12 };
            let swing_s = eighth_s * (1.0 + 0.03 * chance.normal());
            self.swing_rad
                .go(at_s, swing_s, if up { reach } else { -reach });
            if sounds {
                let time_s = at_s + 0.5 * swing_s;
                self.strikes.push(Strike {
                    time_s,
                    strength,
                    up,
                });
            }
            at_s += swing_s;
        }
        self.swing_rad.go(at_s, 0.25, 0.0);
        self.strikes.push(Strike {
            time_s: at_s + 0.2,
            strength: 0.0,
            up: false,
        });
        at_s + 0.3
    }

    fn last_strikes(&self, t_s: f64) -> &[Strike] {
        let after = self.strikes.partition_point(|strike| strike.time_s <= t_s);
        &self.strikes[after.saturating_sub(4)..after]
    }

    fn amplitude(&self, t_s: f64) -> f64 {
        let mut amplitude: f64 = 0.0;
        for strike in self.last_strikes(t_s) {
            let since_s = t_s - strike.time_s;
            if strike.strength == 0.0 {
                amplitude *= (-since_s / 0.05).exp();
            } else {
                let ringing = (-since_s / 0.5).exp() * (1.0 - (-since_s / 0.004).exp());
                amplitude = amplitude.max(strike.strength * ringing);
            }
        }
        amplitude
    }
}

impl Playing for Strumming {
    fn joints(&self, limb: usize, t_s: f64) -> Joints {
        let swing = self.swing_rad.at(t_s);
        if limb == 0 {
            Joints {
                raise_rad: 0.3,
                spread_rad: 0.45,
                heading_rad: 1.1,
                incline_rad: -0.25 + swing,
                sweep_rad: 0.15 * swing,
                roll_rad: 0.8 * swing,
            }
        } else {
            let root = self.root.at(t_s);
            Joints {
                raise_rad: 0.4,
                spread_rad: 0.35,
                heading_rad: -0.3,
                incline_rad: (ROOT_DEG.0 + ROOT_DEG.1 * root).to_radians(),
                sweep_rad: 0.0,
                roll_rad: 0.1,
            }
        }
    }

    fn controls(&self, t_s: f64) -> Controls {
        let up = self
            .last_strikes(t_s)
            .iter()
            .rev()
            .find(|s| s.strength > 0.0)
            .is_some_and(|s| s.up);
        let amplitude = self.amplitude(t_s);
        let mut controls = Controls::SILENT;
        let octave = if up { 12.0 } else { 0.0 };
        controls.pitch_note = (LOWEST_ROOT + self.root.at(t_s) + octave) as f32;
        let loudness_db = -9.0 + 20.0 * amplitude.max(1e-4).log10();
        controls.loudness_db = (loudness_db as f32).clamp(SILENCE_DB, -6.0);
        controls.brightness = (0.34 + 0.14 * amplitude + if up { 0.04 } else { 0.0 }) as f32;
        controls
    }

    fn onsets_s(&self) -> &[f64] {
        &self.onsets_s
    }
}
