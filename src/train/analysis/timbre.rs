//! Timbre latents: what the spectral envelope of a sound is beyond what its pitch, loudness, brightness and noisiness
//! say of it. A sound model brings its own, learned from the recordings that it was trained on ([`learn`]): a surface
//! of those four words says which envelope is to be expected, and the directions in which recorded envelopes leave
//! it most are the latents, in standard deviations. So 0 is what the instrument usually sounds like, and a recording
//! of another instrument can be heard in the words of this one.

mod envelope;
mod learn;
mod words;

pub use learn::learn;

use serde::{Deserialize, Serialize};

use crate::controls::{Controls, TIMBRE_COUNT};
use crate::neural::contract::Contract;
use envelope::ENVELOPE_BANDS;
pub use envelope::{Envelope, envelope};

/// One number per latent; those that a timbre does not have are 0.
pub type Latents = [f32; TIMBRE_COUNT];

/// What a model file says under `data.timbre`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timbre {
    /// Mean and deviation of pitch (notes), loudness (dB), brightness and the logarithm of noisiness.
    words: [[f32; 2]; 4],
    /// `[ENVELOPE_BANDS][TERMS]`: the envelope to be expected, in nepers, from [`Timbre::terms`].
    expected: Vec<Vec<f32>>,
    /// `[latents][ENVELOPE_BANDS]`: what each latent weighs of the rest.
    axes: Vec<Vec<f32>>,
    /// What part of the rest each latent is, 0 to 1.
    pub share: Vec<f32>,
    /// What one deviation more of each does, for people.
    pub says: Vec<String>,
}

/// 1, the four words, their ten products, two waves of pitch.
const TERMS: usize = 19;
/// Words further than this from their mean, in deviations, are heard as this: a surface says nothing out there.
const REACH: f32 = 2.5;
/// Latents are held to this.
const MOST: f32 = 3.5;
/// Under the first there is no timbre to hear, over the second it counts fully.
const HEARD_DB: (f32, f32) = (-65.0, -50.0);
/// Latents are averaged over a Hann window that reaches so far to either side.
const SMOOTH_S: f32 = 0.03;
/// The least a frame counts beside others.
const SPECK: f32 = 1e-3;

impl Timbre {
    pub fn count(&self) -> usize {
        self.axes.len()
    }

    /// Latents of one frame.
    pub fn of(&self, envelope: &Envelope, controls: &Controls) -> Latents {
        let terms = self.terms(controls);
        let mut rest = [0.0; ENVELOPE_BANDS];
        for ((rest, level), line) in rest.iter_mut().zip(envelope).zip(&self.expected) {
            *rest = level - dot(line, &terms);
        }
        let mut latents = [0.0; TIMBRE_COUNT];
        for (latent, axis) in latents.iter_mut().zip(&self.axes) {
            *latent = dot(axis, &rest).clamp(-MOST, MOST);
        }
        latents
    }

    /// Latents of consecutive frames, smoothed; 0 where nothing sounds.
    pub fn track<'a>(
        &self,
        frames: impl Iterator<Item = (Envelope, &'a Controls)>,
        frame_rate_hz: u32,
    ) -> Vec<Latents> {
        let each = frames.map(|(envelope, controls)| {
            let heard = (controls.loudness_db - HEARD_DB.0) / (HEARD_DB.1 - HEARD_DB.0);
            (self.of(&envelope, controls), heard.clamp(0.0, 1.0))
        });
        smooth(&each.collect::<Vec<_>>(), frame_rate_hz)
    }

    fn terms(&self, controls: &Controls) -> [f32; TERMS] {
        let mut x = words_of(controls);
        for (x, [mean, deviation]) in x.iter_mut().zip(&self.words) {
            *x = ((*x - mean) / deviation).clamp(-REACH, REACH);
        }
        let [mean, deviation] = self.words[0];
        terms(x, mean + deviation * x[0])
    }
}

/// The timbre that a sound model was trained on; `None` where it hears none.
pub fn timbre_of(contract: &Contract) -> Option<Timbre> {
    Timbre::deserialize(&contract.data["timbre"]).ok()
}

/// Pitch, loudness, brightness and the logarithm of noisiness.
fn words_of(controls: &Controls) -> [f32; 4] {
    [
        controls.pitch_note,
        controls.loudness_db,
        controls.brightness,
        controls.noisiness.max(1e-4).ln(),
    ]
}

/// Of standardised words and a pitch.
fn terms(x: [f32; 4], note: f32) -> [f32; TERMS] {
    let mut all = [1.0; TERMS];
    all[1..5].copy_from_slice(&x);
    let mut next = 5;
    for i in 0..4 {
        for j in i..4 {
            all[next] = x[i] * x[j];
            next += 1;
        }
    }
    for (at, period) in [12.0, 6.0].into_iter().enumerate() {
        let angle = std::f32::consts::TAU * note / period;
        (all[next + 2 * at], all[next + 2 * at + 1]) = (angle.sin(), angle.cos());
    }
    all
}

fn smooth(frames: &[(Latents, f32)], frame_rate_hz: u32) -> Vec<Latents> {
    let reach = (SMOOTH_S * frame_rate_hz as f32) as usize;
    let window: Vec<f32> = (0..=reach)
        .map(|n| {
            let x = std::f32::consts::FRAC_PI_2 * n as f32 / (reach + 1) as f32;
            x.cos().powi(2)
        })
        .collect();
    let at = |frame: usize| {
        let from = frame.saturating_sub(reach);
        let (mut sum, mut all) = ([0.0; TIMBRE_COUNT], SPECK);
        for near in from..(frame + reach + 1).min(frames.len()) {
            let (latents, heard) = &frames[near];
            let weight = window[near.abs_diff(frame)] * heard;
            all += weight;
            for (sum, latent) in sum.iter_mut().zip(latents) {
                *sum += weight * latent;
            }
        }
        sum.map(|sum| sum / all)
    };
    (0..frames.len()).map(at).collect()
}

fn dot(x: &[f32], y: &[f32]) -> f32 {
    x.iter().zip(y).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests;
