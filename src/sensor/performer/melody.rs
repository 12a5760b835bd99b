//! What the virtual violinist plays: the demo piece, and random pieces of phrases in a scale with rests between.
//! Only notes, strokes and dynamics; `bowing` makes arms of them.

use super::chance::Chance;

/// One note of a bowed line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Note {
    pub start_s: f64,
    pub length_s: f64,
    /// MIDI note number.
    pub pitch: f64,
    /// 0 softest to 1 loudest.
    pub strength: f64,
    /// Played in the same bow stroke as the note before.
    pub slurred: bool,
    /// The bow stops before the note's length is over.
    pub detached: bool,
}

const LOWEST: f64 = 55.0;
const HIGHEST: f64 = 82.0;

/// Pitch, beats, slurred, detached, strength. Pitch 0 is a rest.
type Written = (u8, f64, bool, bool, f64);

/// A short lament in D minor, written for the demo: quiet singing strokes with slurs, a rest after the first climb,
/// détaché eighths, a crossing of all four strings, and a long diminuendo into stillness.
const DEMO: [Written; 46] = [
    (62, 1.5, false, false, 0.30),
    (64, 0.5, true, false, 0.30),
    (65, 1.0, false, false, 0.38),
    (69, 2.0, false, false, 0.50),
    (67, 0.5, false, false, 0.42),
    (65, 0.5, true, false, 0.40),
    (64, 2.0, false, false, 0.34),
    (65, 1.0, false, false, 0.45),
    (67, 0.5, false, false, 0.50),
    (69, 0.5, true, false, 0.52),
    (70, 1.5, false, false, 0.62),
    (69, 0.5, true, false, 0.58),
    (74, 2.5, false, false, 0.75),
    (0, 1.5, false, false, 0.0),
    (74, 0.5, false, false, 0.70),
    (76, 0.5, false, false, 0.72),
    (77, 1.0, false, false, 0.85),
    (76, 0.5, false, false, 0.78),
    (74, 0.5, false, false, 0.75),
    (73, 0.5, false, false, 0.74),
    (69, 0.5, false, false, 0.70),
    (70, 0.5, false, false, 0.72),
    (67, 0.5, true, false, 0.68),
    (64, 0.5, false, false, 0.66),
    (61, 0.5, true, false, 0.62),
    (62, 1.0, false, false, 0.70),
    (57, 0.5, false, true, 0.80),
    (57, 0.5, false, true, 0.80),
    (62, 0.5, false, true, 0.82),
    (64, 0.5, false, true, 0.84),
    (65, 0.5, false, true, 0.88),
    (69, 0.5, false, true, 0.90),
    (74, 1.0, false, false, 0.95),
    (0, 1.0, false, false, 0.0),
    (81, 1.5, false, false, 0.60),
    (79, 0.5, true, false, 0.55),
    (77, 0.5, false, false, 0.52),
    (76, 0.5, true, false, 0.50),
    (74, 1.0, true, false, 0.48),
    (69, 1.0, false, false, 0.44),
    (65, 0.5, false, false, 0.38),
    (67, 0.5, true, false, 0.36),
    (64, 1.0, false, false, 0.34),
    (57, 0.5, false, false, 0.30),
    (61, 0.5, true, false, 0.28),
    (62, 2.5, false, false, 0.26),
];

/// The demo piece, from 1.2 s to before 29 s.
pub fn demo() -> Vec<Note> {
    let beat_s = 0.70;
    let mut start_s = 1.2;
    let mut notes = Vec::new();
    for (pitch, beats, slurred, detached, strength) in DEMO {
        let length_s = beats * beat_s;
        if pitch > 0 {
            let pitch = f64::from(pitch);
            notes.push(Note {
                start_s,
                length_s,
                pitch,
                strength,
                slurred,
                detached,
            });
        }
        start_s += length_s;
    }
    notes
}

const SCALES: [&[u8]; 4] = [
    &[0, 2, 4, 5, 7, 9, 11],
    &[0, 2, 3, 5, 7, 8, 11],
    &[0, 2, 4, 7, 9],
    &[0, 2, 3, 5, 7, 9, 10],
];

/// Nearest pitch to `wanted` that lies in the scale on `tonic`.
fn in_scale(scale: &[u8], tonic: u8, wanted: f64) -> f64 {
    let mut best = wanted.round();
    let mut distance = f64::MAX;
    for pitch in LOWEST as u8..=HIGHEST as u8 {
        let degree = (pitch + 12 - tonic % 12) % 12;
        let away = (f64::from(pitch) - wanted).abs();
        if scale.contains(&degree) && away < distance {
            best = f64::from(pitch);
            distance = away;
        }
    }
    best
}

/// One phrase from `start_s`; returns where it ends.
fn phrase(chance: &mut Chance, notes: &mut Vec<Note>, start_s: f64, beat_s: f64) -> f64 {
    let scale = chance.pick(&SCALES);
    let tonic = chance.below(12) as u8;
    let count = 3 + chance.below(14);
    let mut pitch = chance.between(LOWEST, HIGHEST);
    let (level, swell) = (chance.between(0.12, 0.85), chance.between(-0.5, 0.5));
    let detached_phrase = chance.happens(0.2);
    let lengths: &[f64] = match chance.below(3) {
        0 => &[0.25, 0.5, 0.5, 1.0],
        1 => &[0.5, 0.5, 1.0, 1.5],
        _ => &[0.5, 1.0, 2.0, 3.0],
    };
    let mut at_s = start_s;
    for index in 0..count {
        let step = chance.normal() * chance.pick(&[1.5, 3.0, 7.0]);
        pitch = in_scale(scale, tonic, (pitch + step).clamp(LOWEST, HIGHEST));
        let through = index as f64 / count as f64;
        let strength = level + swell * (through - 0.5) + 0.06 * chance.normal();
        // Rubato: each length is a few per cent off the beat.
        let length_s = (chance.pick(lengths) * beat_s * (1.0 + 0.05 * chance.normal())).max(0.14);
        notes.push(Note {
            start_s: at_s,
            length_s,
            pitch,
            strength: strength.clamp(0.05, 1.0),
            slurred: index > 0 && chance.happens(0.35),
            detached: detached_phrase && length_s < 0.7 && chance.happens(0.8),
        });
        at_s += length_s;
    }
    at_s
}

/// Random phrases with rests, from `start_s` to before `end_s`.
pub fn improvise(chance: &mut Chance, start_s: f64, end_s: f64) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut at_s = start_s;
    let mut beat_s = chance.between(0.42, 1.0);
    loop {
        let before = notes.len();
        if chance.happens(0.25) {
            beat_s = chance.between(0.42, 1.0);
        }
        at_s = phrase(chance, &mut notes, at_s, beat_s);
        if at_s > end_s {
            notes.truncate(before);
            return notes;
        }
        at_s += if chance.happens(0.3) {
            0.0
        } else {
            chance.between(0.4, 3.5)
        };
    }
}
