//! A conductor. The right forearm beats time in two, three or four: each beat falls to its point and rebounds; the
//! size of the beat is loudness, and each point swells briefly. The left forearm's height is pitch (a semitone for
//! 2.5°), its roll brightness. Between passages both arms are held still: silence.

use super::arm::Joints;
use super::chance::Chance;
use super::curve::Curve;
use super::{Playing, SCORE_S};
use crate::controls::{Controls, SILENCE_DB};

pub struct Conducting {
    height_rad: Curve,
    aside_rad: Curve,
    /// Level of the orchestra, dB below its loudest: 0 to -70.
    level_db: Curve,
    left_height_rad: Curve,
    left_roll_rad: Curve,
    onsets_s: Vec<f64>,
}

/// Where the points of the beats lie, to the left of the first.
fn pattern_rad(beats: usize) -> &'static [f64] {
    match beats {
        2 => &[0.0, -0.25],
        3 => &[0.0, -0.3, -0.15],
        _ => &[0.0, 0.3, -0.35, -0.15],
    }
}

impl Conducting {
    pub fn compose(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 4);
        let mut conducting = Conducting {
            height_rad: Curve::resting_at(0.0),
            aside_rad: Curve::resting_at(0.0),
            level_db: Curve::resting_at(-70.0),
            left_height_rad: Curve::resting_at(0.0),
            left_roll_rad: Curve::resting_at(0.0),
            onsets_s: Vec::new(),
        };
        let mut at_s = chance.between(0.8, 1.6);
        while at_s < SCORE_S - 40.0 {
            at_s = conducting.passage(&mut chance, at_s);
            at_s += chance.between(0.6, 3.0);
        }
        conducting
    }

    fn passage(&mut self, chance: &mut Chance, start_s: f64) -> f64 {
        let pattern = pattern_rad(2 + chance.below(3));
        let beat_s = chance.between(0.4, 1.0);
        let (mut size, goal) = (chance.between(0.2, 1.0), chance.between(0.2, 1.0));
        let beats = pattern.len() * (1 + chance.below(4));
        let mut at_s = start_s;
        for beat in 0..beats {
            size += (goal - size) * 0.25;
            let length_s = beat_s * (1.0 + 0.03 * chance.normal());
            let reach = 0.1 + 0.45 * size;
            self.height_rad.go(at_s, 0.45 * length_s, -reach);
            self.height_rad
                .go(at_s + 0.45 * length_s, 0.55 * length_s, 0.6 * reach);
            self.aside_rad
                .go(at_s, 0.9 * length_s, size * pattern[beat % pattern.len()]);
            let point_s = at_s + 0.3 * length_s;
            // The faster the hand falls, the louder: size over beat length.
            let level_db = 20.0 * (reach / (0.55 * length_s.max(0.4) / 0.4)).log10();
            self.level_db.go(point_s, 0.08, level_db);
            self.level_db
                .go(point_s + 0.1, 0.6 * length_s, level_db - 5.0);
            self.onsets_s.push(point_s);
            if chance.happens(0.4) {
                let turn_s = chance.between(0.3, 1.2);
                self.left_height_rad
                    .go(at_s, turn_s, chance.between(-0.6, 0.8));
                self.left_roll_rad
                    .go(at_s, turn_s, chance.between(-0.6, 0.6));
            }
            at_s += length_s;
        }
        self.height_rad.go(at_s, 0.4, 0.0);
        self.aside_rad.go(at_s, 0.4, 0.0);
        self.level_db.go(at_s + 0.1, 0.3, -70.0);
        at_s + 0.4
    }
}

impl Playing for Conducting {
    fn joints(&self, limb: usize, t_s: f64) -> Joints {
        if limb == 0 {
            let height = self.height_rad.at(t_s);
            Joints {
                raise_rad: 0.7 + 0.3 * height,
                spread_rad: 0.3,
                heading_rad: 0.2,
                incline_rad: 0.35 + height,
                sweep_rad: self.aside_rad.at(t_s),
                roll_rad: 0.1 * height,
            }
        } else {
            Joints {
                raise_rad: 0.6 + 0.2 * self.left_height_rad.at(t_s),
                spread_rad: 0.3,
                heading_rad: -0.2,
                incline_rad: self.left_height_rad.at(t_s),
                sweep_rad: 0.0,
                roll_rad: self.left_roll_rad.at(t_s),
            }
        }
    }

    fn controls(&self, t_s: f64) -> Controls {
        let mut controls = Controls::SILENT;
        let level_db = self.level_db.at(t_s);
        controls.loudness_db = ((level_db - 8.0) as f32).clamp(SILENCE_DB, -6.0);
        controls.pitch_note = (62.0 + self.left_height_rad.at(t_s).to_degrees() / 2.5) as f32;
        controls.brightness = (0.45 + 0.25 * self.left_roll_rad.at(t_s)) as f32;
        controls.noisiness = 0.08;
        controls
    }

    fn onsets_s(&self) -> &[f64] {
        &self.onsets_s
    }
}
