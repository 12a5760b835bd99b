//! The partials of a stretch of frames as the synth plays them: their waves are given by the pitch, their amplitudes
//! glide in straight lines between frames. So sound is linear in the amplitudes, and the way back from "this sample
//! should be higher" to "this amplitude should" is the same sum read the other way.

use super::dice::Dice;
use crate::sound::frame::MAX_PARTIALS;
use crate::sound::harmonic::sine;
use crate::train::analysis::audio::ANALYSIS_RATE_HZ;
use crate::train::analysis::partials::{TOP_HZ, stretch};

pub struct Tones {
    hop: usize,
    spans: usize,
    /// Partial by partial, a wave of amplitude 1.
    waves: Vec<f32>,
    partials: usize,
}

impl Tones {
    /// Between `f0_hz.len()` frames of `hop` samples; partials start at random phases.
    pub fn new(f0_hz: &[f32], inharmonicity: &[f32], hop: usize, dice: &mut Dice) -> Tones {
        let spans = f0_hz.len().saturating_sub(1);
        let hz =
            |frame: usize, k: usize| f0_hz[frame] * k as f32 * stretch(k, inharmonicity[frame]);
        let audible = |k: &usize| (0..f0_hz.len()).any(|frame| hz(frame, *k) < TOP_HZ);
        let partials = (1..=MAX_PARTIALS).take_while(audible).count();
        let mut waves = vec![0.0; partials * spans * hop];
        let cycles = 4_294_967_296.0 / ANALYSIS_RATE_HZ;
        for (i, wave) in waves.chunks_exact_mut((spans * hop).max(1)).enumerate() {
            let mut phase = (dice.unit() * 4_294_967_040.0) as u32;
            for (frame, wave) in wave.chunks_exact_mut(hop).enumerate() {
                let (from, to) = (
                    hz(frame, i + 1).min(TOP_HZ) * cycles,
                    hz(frame + 1, i + 1).min(TOP_HZ) * cycles,
                );
                let slope = (to - from) / hop as f32;
                for (t, x) in wave.iter_mut().enumerate() {
                    *x = sine(phase);
                    phase = phase.wrapping_add((from + slope * (t as f32 + 0.5)) as u32);
                }
            }
        }
        Tones {
            hop,
            spans,
            waves,
            partials,
        }
    }

    pub fn samples(&self) -> usize {
        self.spans * self.hop
    }

    /// Adds the sound of amplitudes `[frame][MAX_PARTIALS]`, from the first frame to the last.
    pub fn add(&self, amplitudes: &[f32], out: &mut [f32]) {
        self.each_span(|frame, k, wave| {
            let (from, to) = ends(amplitudes, frame, k);
            let slope = (to - from) / self.hop as f32;
            let out = &mut out[frame * self.hop..][..self.hop];
            for (t, (o, w)) in out.iter_mut().zip(wave).enumerate() {
                *o += w * (from + slope * t as f32);
            }
        });
    }

    /// From derivatives by samples to derivatives by amplitudes, which it adds to.
    pub fn blame(&self, slope: &[f32], amplitudes: &mut [f32]) {
        self.each_span(|frame, k, wave| {
            let span = &slope[frame * self.hop..][..self.hop];
            let (mut whole, mut later) = (0.0f32, 0.0f32);
            for (t, (s, w)) in span.iter().zip(wave).enumerate() {
                let y = s * w;
                whole += y;
                later += y * t as f32;
            }
            later /= self.hop as f32;
            amplitudes[frame * MAX_PARTIALS + k] += whole - later;
            amplitudes[(frame + 1) * MAX_PARTIALS + k] += later;
        });
    }

    fn each_span(&self, mut visit: impl FnMut(usize, usize, &[f32])) {
        for k in 0..self.partials {
            let wave = &self.waves[k * self.samples()..][..self.samples()];
            for (frame, wave) in wave.chunks_exact(self.hop).enumerate() {
                visit(frame, k, wave);
            }
        }
    }
}

fn ends(amplitudes: &[f32], frame: usize, k: usize) -> (f32, f32) {
    (
        amplitudes[frame * MAX_PARTIALS + k],
        amplitudes[(frame + 1) * MAX_PARTIALS + k],
    )
}
