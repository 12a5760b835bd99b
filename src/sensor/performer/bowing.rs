//! A violinist, a little larger than life. Right forearm: the bow's speed is the forearm's sweep and makes loudness;
//! its inclination is the string (raised is higher); its roll tilts the hair and colours the tone. Left forearm:
//! each raised 9° stops the string a semitone higher; rolling it to and fro is vibrato, 0.06 semitones a degree.

use super::arm::Joints;
use super::chance::Chance;
use super::curve::Curve;
use super::melody::{Note, demo, improvise};
use super::{Playing, SCORE_S};
use crate::controls::{Controls, SILENCE_DB};

/// Open strings: a violin's.
pub const OPEN: [f64; 4] = [55.0, 62.0, 69.0, 76.0];
/// Forearm inclination of a string, and from one string to the next.
const STRING_DEG: (f64, f64) = (-26.0, 17.0);
/// Inclination of the left forearm at the open string, and per semitone.
const STOP_DEG: (f64, f64) = (-26.0, 9.0);
/// What a degree of the left forearm's roll does to the pitch, in semitones.
pub const VIBRATO_NOTE_PER_DEG: f64 = 0.06;
/// How much of the bow there is to draw.
pub const BOW_M: f64 = 0.66;
/// Sweep of the forearm for a metre of bow.
const SWEEP_RAD_PER_M: f64 = 2.6;
/// Bow speed of the softest and the loudest stroke.
const SPEED_M_PER_S: (f64, f64) = (0.07, 1.0);

pub struct Bowing {
    /// Which string, 0 to 3; between two strings while crossing.
    string: Curve,
    /// Semitones above the open string.
    stop: Curve,
    vibrato_deg: Curve,
    vibrato_hz: f64,
    speed_m_per_s: Curve,
    hair_rad: Curve,
    onsets_s: Vec<f64>,
}

impl Bowing {
    pub fn compose(seed: u64) -> Self {
        let mut chance = Chance::new(seed, 1);
        let mut notes = Vec::new();
        if seed == 1 {
            notes = demo();
        }
        let start_s = if seed == 1 {
            31.0
        } else {
            chance.between(0.8, 2.0)
        };
        notes.extend(improvise(&mut chance, start_s, SCORE_S - 2.0));
        let mut bowing = Bowing {
            string: Curve::resting_at(1.0),
            stop: Curve::resting_at(0.0),
            vibrato_deg: Curve::resting_at(0.0),
            vibrato_hz: chance.between(4.8, 6.4),
            speed_m_per_s: Curve::resting_at(0.0),
            hair_rad: Curve::resting_at(0.0),
            onsets_s: notes.iter().map(|note| note.start_s).collect(),
        };
        bowing.left_hand(&notes, &mut chance);
        bowing.strokes(&notes, &mut chance);
        bowing
    }

    /// Chooses strings and stops, and adds vibrato to longer notes.
    fn left_hand(&mut self, notes: &[Note], chance: &mut Chance) {
        for (index, note) in notes.iter().enumerate() {
            let here = self.string.goal().round() as usize;
            let fits = |string: &usize| (0.0..=7.0).contains(&(note.pitch - OPEN[*string]));
            let string = if fits(&here) && chance.happens(0.85) {
                here
            } else {
                let strings: Vec<usize> = (0..OPEN.len()).filter(fits).collect();
                chance.pick(&strings)
            };
            // The hand is there when the note begins: it sets out a little early, and human intonation is not exact.
            let stop = note.pitch - OPEN[string] + 0.06 * chance.normal();
            let shift_s = (0.09 + 0.015 * (stop - self.stop.goal()).abs())
                .min((0.7 * note.length_s).max(0.12));
            self.stop.go(note.start_s - 0.7 * shift_s, shift_s, stop);
            if string as f64 != self.string.goal() {
                let strings = (string as f64 - self.string.goal()).abs();
                let crossing_s = 0.11 + 0.03 * strings;
                self.string
                    .go(note.start_s - 0.5 * crossing_s, crossing_s, string as f64);
            }
            self.vibrato_deg.go(note.start_s - 0.05, 0.08, 0.0);
            if note.length_s > 0.5 && chance.happens(0.75) {
                let depth_deg = chance.between(2.0, 6.0) * (0.6 + 0.6 * note.strength);
                self.vibrato_deg.go(note.start_s + 0.12, 0.3, depth_deg);
            }
            if note.length_s > 0.3 {
                self.hair_rad
                    .go(note.start_s, note.length_s * 0.8, 0.10 * chance.normal());
            }
            let end_s = note.start_s + note.length_s;
            if notes
                .get(index + 1)
                .is_none_or(|next| next.start_s > end_s + 0.2)
            {
                self.vibrato_deg.go(end_s, 0.1, 0.0);
            }
        }
    }

    /// Lays bow strokes under the notes: back and forth, turning where the bow ends.
    fn strokes(&mut self, notes: &[Note], chance: &mut Chance) {
        let mut at_m = 0.08;
        let mut direction = 1.0;
        let mut index = 0;
        while index < notes.len() {
            let first = &notes[index];
            let mut next = index + 1;
            while next < notes.len() && notes[next].slurred {
                next += 1;
            }
            let last = &notes[next - 1];
            let end_s = last.start_s + last.length_s;
            let mut length_s = end_s - first.start_s;
            if first.detached {
                length_s *= 0.55;
            }
            let room = |way: f64| if way > 0.0 { BOW_M - at_m } else { at_m };
            let wish = SPEED_M_PER_S.0 * (SPEED_M_PER_S.1 / SPEED_M_PER_S.0).powf(first.strength);
            if room(direction) < (wish * length_s).min(0.5 * BOW_M)
                && room(-direction) > room(direction)
            {
                direction = -direction;
            }
            let speed = direction * wish.min(room(direction).max(0.03) / length_s);
            // Soft strokes are drawn in, strong ones bite.
            let turn_s = (0.12 - 0.08 * first.strength).min(0.4 * length_s);
            self.speed_m_per_s
                .go(first.start_s - 0.5 * turn_s, turn_s, speed);
            if length_s > 0.9 {
                let peak = chance.between(0.75, 1.25);
                self.speed_m_per_s
                    .go(first.start_s + 0.15, 0.4 * length_s, speed * peak);
                self.speed_m_per_s
                    .go(end_s - 0.45 * length_s, 0.35 * length_s, speed * 0.8);
            }
            let rests = notes
                .get(next)
                .is_none_or(|note| note.start_s > end_s + 0.05);
            if rests || first.detached {
                let stop_s = if first.detached { 0.06 } else { 0.16 };
                self.speed_m_per_s
                    .go(first.start_s + length_s - 0.5 * stop_s, stop_s, 0.0);
            }
            let settled_s = first.start_s + length_s - 0.5 * turn_s;
            at_m = 0.08 + self.speed_m_per_s.area(settled_s);
            direction = -direction;
            index = next;
        }
        let end_s = notes
            .last()
            .map_or(0.0, |note| note.start_s + note.length_s);
        self.speed_m_per_s.go(end_s, 0.16, 0.0);
    }

    /// How strongly the string sounds: the bow's speed, at once, and held for some 40 ms by the string and the body.
    fn excitation_m_per_s(&self, t_s: f64) -> f64 {
        let held = |tap: i32| {
            let past_s = 0.012 * f64::from(tap);
            (-past_s / 0.04).exp() * self.speed_m_per_s.at(t_s - past_s).abs()
        };
        (0..10).map(held).fold(0.0, f64::max)
    }

    fn vibrato_deg_at(&self, t_s: f64) -> f64 {
        self.vibrato_deg.at(t_s) * (std::f64::consts::TAU * self.vibrato_hz * t_s).sin()
    }
}

/// The right arm with `bow_m` of the bow drawn on a string (0 to 3, between two while crossing), its hair tilted.
pub fn bow_arm(string: f64, bow_m: f64, hair_rad: f64) -> Joints {
    Joints {
        raise_rad: 0.45 + 0.10 * string + 0.25 * (bow_m - 0.5 * BOW_M),
        spread_rad: 0.5,
        heading_rad: 0.9,
        incline_rad: (STRING_DEG.0 + STRING_DEG.1 * string).to_radians(),
        sweep_rad: SWEEP_RAD_PER_M * (0.5 * BOW_M - bow_m),
        roll_rad: hair_rad,
    }
}

/// The left arm, stopping the string `stop` semitones above open, rolled by `vibrato_deg`.
pub fn stop_arm(stop: f64, vibrato_deg: f64) -> Joints {
    Joints {
        raise_rad: 0.5 + 0.04 * stop,
        spread_rad: 0.3,
        heading_rad: -0.4,
        incline_rad: (STOP_DEG.0 + STOP_DEG.1 * stop).to_radians(),
        sweep_rad: 0.0,
        roll_rad: vibrato_deg.to_radians(),
    }
}

impl Playing for Bowing {
    fn joints(&self, limb: usize, t_s: f64) -> Joints {
        if limb == 0 {
            let bow_m = 0.08 + self.speed_m_per_s.area(t_s);
            bow_arm(self.string.at(t_s), bow_m, self.hair_rad.at(t_s))
        } else {
            stop_arm(self.stop.at(t_s), self.vibrato_deg_at(t_s))
        }
    }

    fn controls(&self, t_s: f64) -> Controls {
        let string = self.string.at(t_s).round().clamp(0.0, 3.0);
        let excitation = self.excitation_m_per_s(t_s);
        let loudness_db = -10.0 + 24.0 * excitation.max(1e-4).log10();
        let vibrato = VIBRATO_NOTE_PER_DEG * self.vibrato_deg_at(t_s);
        let mut controls = Controls::SILENT;
        controls.pitch_note = (OPEN[string as usize] + self.stop.at(t_s) + vibrato) as f32;
        controls.loudness_db = (loudness_db as f32).clamp(SILENCE_DB, -6.0);
        let tone = 0.42 + 0.10 * excitation.min(1.0) + 0.012 * string + 0.3 * self.hair_rad.at(t_s);
        controls.brightness = (tone as f32).clamp(0.0, 1.0);
        controls.noisiness = (0.03 + 0.22 * (-excitation / 0.06).exp()) as f32;
        controls
    }

    fn onsets_s(&self) -> &[f64] {
        &self.onsets_s
    }
}
