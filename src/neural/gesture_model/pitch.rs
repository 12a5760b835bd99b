//! Which note: a choice from a distribution that a model states.

use super::feed;
use crate::controls::scale::Scale;
use crate::neural::contract::{CategoricalPitch, MixturePitch};
use crate::neural::error::ModelError;
use crate::neural::runner::Runner;

/// How far another note has to lead, in nats, before a sounding note gives way.
const HYSTERESIS: f32 = 0.5;

/// Randomness thrown at an onset and held until the next.
#[derive(Clone, Copy, Default)]
pub struct Dice {
    seed: Option<u32>,
}

impl Dice {
    pub fn is_thrown(&self) -> bool {
        self.seed.is_some()
    }

    pub fn throw(&mut self, random: u32) {
        self.seed = Some(random);
    }

    /// Uniform in 0 to 1, exclusive; `face` picks one of many independent numbers of a throw.
    fn uniform(&self, face: u32) -> f32 {
        // Mixer: "lowbias32" (Chris Wellons, hash prospector).
        let mut x = self.seed.unwrap_or(0) ^ face.wrapping_mul(0x9e37_79b9);
        x = (x ^ (x >> 16)).wrapping_mul(0x7feb_352d);
        x = (x ^ (x >> 15)).wrapping_mul(0x846c_a68b);
        x ^= x >> 16;
        ((x >> 8) as f32 + 0.5) / 16_777_216.0
    }

    pub fn gumbel(&self, face: u32) -> f32 {
        -(-self.uniform(face).ln()).ln()
    }

    /// Standard normal (Box and Muller 1958).
    pub fn normal(&self, face: u32) -> f32 {
        let radius = (-2.0 * self.uniform(face ^ 0x5555_0000).ln()).sqrt();
        radius * (std::f32::consts::TAU * self.uniform(face ^ 0xaaaa_0000)).cos()
    }
}

#[derive(Clone)]
enum Notes {
    /// `lowest + i * step + fine`.
    Ladder {
        lowest: f32,
        step: f32,
        fine: Option<usize>,
    },
    /// Mean `notes[i] * scale + offset`, with deviation.
    Mixture {
        notes: usize,
        deviations: usize,
        offset: f32,
        scale: f32,
    },
}

#[derive(Clone)]
pub struct PitchChoice {
    logits: usize,
    notes: Notes,
    chosen: Option<usize>,
    /// One Gumbel number per note, for the dice as they lie.
    noise: Vec<f32>,
}

impl PitchChoice {
    pub fn categorical(model: &Runner, c: &CategoricalPitch) -> Result<Self, ModelError> {
        let fine = c
            .fine
            .as_ref()
            .map(|tensor| feed::output(model, tensor))
            .transpose()?;
        let notes = Notes::Ladder {
            lowest: c.lowest_note,
            step: c.step,
            fine,
        };
        Self::new(model, &c.logits, notes)
    }

    pub fn mixture(model: &Runner, m: &MixturePitch) -> Result<Self, ModelError> {
        let notes = Notes::Mixture {
            notes: feed::output(model, &m.notes)?,
            deviations: feed::output(model, &m.deviations)?,
            offset: m.offset,
            scale: m.scale,
        };
        Self::new(model, &m.logits, notes)
    }

    fn new(model: &Runner, logits: &str, notes: Notes) -> Result<Self, ModelError> {
        let logits = feed::output(model, logits)?;
        Ok(PitchChoice {
            logits,
            notes,
            chosen: None,
            noise: vec![0.0; model.output(logits).len()],
        })
    }

    pub fn reset(&mut self) {
        self.chosen = None;
        self.noise.fill(0.0);
    }

    /// The note for this step, one of `scale`; `began` at an onset, where the old note has no claim any more. What the
    /// model states of a note's tuning stays.
    pub fn choose(
        &mut self,
        model: &Runner,
        dice: &mut Dice,
        temperature: f32,
        began: bool,
        scale: Scale,
    ) -> f32 {
        if began || self.chosen.is_none() {
            for (face, noise) in self.noise.iter_mut().enumerate() {
                *noise = dice.gumbel(face as u32);
            }
        }
        let temperature = temperature.clamp(0.0, 4.0);
        let logits = model.output(self.logits);
        let allowed = |i: usize| scale.allows(self.centre(model, i));
        let has_any = (0..logits.len()).any(allowed);
        let score = |i: usize| {
            let score = logits[i] + temperature * self.noise[i];
            let counts = score.is_finite() && (allowed(i) || !has_any);
            if counts { score } else { f32::MIN }
        };
        let best =
            (1..logits.len()).fold(0, |best, i| if score(i) > score(best) { i } else { best });
        let chosen = match self.chosen {
            Some(held) if !began && score(best) < score(held) + HYSTERESIS => held,
            _ => best,
        };
        self.chosen = Some(chosen);
        let note = self.note(model, dice, temperature, chosen);
        if has_any {
            note
        } else {
            scale.nearest(note, None)
        }
    }

    /// The note in the middle of a choice, before its tuning.
    fn centre(&self, model: &Runner, choice: usize) -> f32 {
        match self.notes {
            Notes::Ladder { lowest, step, .. } => lowest + choice as f32 * step,
            Notes::Mixture {
                notes,
                offset,
                scale,
                ..
            } => {
                let notes = model.output(notes);
                notes[choice.min(notes.len() - 1)] * scale + offset
            }
        }
    }

    fn note(&self, model: &Runner, dice: &Dice, temperature: f32, chosen: usize) -> f32 {
        let at = |output: usize| {
            let values = model.output(output);
            values[chosen.min(values.len() - 1)]
        };
        match self.notes {
            Notes::Ladder { lowest, step, fine } => {
                lowest + chosen as f32 * step + fine.map_or(0.0, at)
            }
            Notes::Mixture {
                notes,
                deviations,
                offset,
                scale,
            } => {
                at(notes) * scale
                    + offset
                    + temperature.min(1.0) * at(deviations) * dice.normal(chosen as u32)
            }
        }
    }
}
