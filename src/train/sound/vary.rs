//! Recordings varied, so that every control is heard over its whole range, alone and together.

use super::corpus::{Corpus, Example};
use super::dice::Dice;
use crate::controls::TIMBRE_COUNT;
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::describe;
use crate::train::analysis::partials::{band_edges_hz, between_partials, stretch};
use crate::train::analysis::timbre::Latents;
use crate::units::note_to_hz;

/// Pitches that variation reaches.
const NOTES: (f32, f32) = (33.0, 103.0);

/// How a stretch is varied.
#[derive(Clone, Copy, PartialEq)]
pub struct Variation {
    semitones: f32,
    tilt_db_per_octave: f32,
    noise_db: f32,
    gain_db: f32,
}

impl Variation {
    const NONE: Variation = Variation {
        semitones: 0.0,
        tilt_db_per_octave: 0.0,
        noise_db: 0.0,
        gain_db: 0.0,
    };

    /// Four in ten stretches are as they were played.
    pub fn roll(dice: &mut Dice, notes: (f32, f32)) -> Variation {
        let mut variation = Variation::NONE;
        if dice.chance(0.4) {
            return variation;
        }
        if dice.chance(0.6) {
            let (low, high) = ((NOTES.0 - notes.0).min(0.0), (NOTES.1 - notes.1).max(0.0));
            variation.semitones = dice.between(low, high);
        }
        if dice.chance(0.6) {
            variation.tilt_db_per_octave = 3.5 * dice.normal();
        }
        if dice.chance(0.5) {
            variation.noise_db = dice.between(-18.0, 18.0);
        }
        if dice.chance(0.4) {
            variation.gain_db = dice.between(-30.0, 6.0);
        }
        variation
    }

    /// The example as it would be: the pitch moves under a spectral envelope that stays, as a body's resonances do.
    pub fn apply(&self, example: &Example, corpus: &Corpus) -> Example {
        if *self == Variation::NONE {
            return example.clone();
        }
        let stiffness = corpus.stiffness;
        let note = (example.controls.pitch_note + self.semitones).clamp(NOTES.0, NOTES.1);
        let (f0, old_f0) = (note_to_hz(note), note_to_hz(example.controls.pitch_note));
        let (b, old_b) = (
            stiffness.at_note(note),
            stiffness.at_note(example.controls.pitch_note),
        );
        let mut out = example.clone();
        let gain = |hz: f32, db: f32| {
            crate::units::db_to_gain(
                db + self.gain_db + self.tilt_db_per_octave * (hz / 1000.0).max(0.1).log2(),
            )
        };
        for k in 1..=MAX_PARTIALS {
            let hz = k as f32 * f0 * stretch(k, b);
            let source = if self.semitones == 0.0 {
                example.parts.harmonics[k - 1]
            } else {
                between_partials(
                    &example.parts.harmonics,
                    hz / old_f0 / stretch((hz / old_f0) as usize, old_b),
                )
            };
            out.parts.harmonics[k - 1] = source * gain(hz, 0.0);
        }
        let edges = band_edges_hz();
        for (band, rms) in out.parts.noise_rms.iter_mut().enumerate() {
            *rms *= gain(0.5 * (edges[band] + edges[band + 1]), self.noise_db);
        }
        out.controls = describe(&out.parts, f0, b);
        out.controls.timbre = moved(example, &out, corpus);
        out
    }
}

/// The latents of a varied example: those that were heard, smooth as they are, moved as far as the variation moves them.
fn moved(example: &Example, varied: &Example, corpus: &Corpus) -> Latents {
    let mut latents = example.controls.timbre;
    let Some(timbre) = &corpus.timbre else {
        return latents;
    };
    let of = |e: &Example| timbre.of(&e.envelope(corpus.stiffness), &e.controls);
    let (before, after) = (of(example), of(varied));
    for (latent, (before, after)) in latents.iter_mut().zip(before.iter().zip(after)) {
        *latent += after - before;
    }
    latents
}

/// The example as if nothing were said of its timbre: over all of them, what is usual.
pub fn unsaid(example: &Example) -> Example {
    let mut example = example.clone();
    example.controls.timbre = [0.0; TIMBRE_COUNT];
    example
}

#[cfg(test)]
mod tests {
    use super::super::corpus::tests::{corpus, example};
    use super::*;

    #[test]
    fn a_moved_pitch_keeps_the_envelope() {
        let variation = Variation {
            semitones: 12.0,
            ..Variation::NONE
        };
        let moved = variation.apply(&example(), &corpus());
        assert!((moved.controls.pitch_note - example().controls.pitch_note - 12.0).abs() < 1e-3);
        for k in 1..40 {
            let (at, was) = (
                moved.parts.harmonics[k - 1],
                example().parts.harmonics[2 * k - 1],
            );
            assert!((at / was - 1.0).abs() < 0.01, "partial {k}");
        }
    }

    #[test]
    fn a_variation_is_described_by_its_own_controls() {
        let variation = Variation {
            gain_db: -20.0,
            tilt_db_per_octave: 6.0,
            ..Variation::NONE
        };
        let (before, after) = (example(), variation.apply(&example(), &corpus()));
        assert!(after.controls.brightness > before.controls.brightness + 0.05);
        assert!(after.controls.loudness_db < before.controls.loudness_db - 10.0);
    }
}
