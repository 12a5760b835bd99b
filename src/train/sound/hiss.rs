//! The noise of a stretch of frames as the synth plays it: random phases under the levels of the bands, inverse FFT,
//! overlapped windows; and the way back from derivatives by samples to derivatives by levels.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

use super::dice::Dice;
use crate::sound::noise::WIDTH;
use crate::train::analysis::audio::ANALYSIS_RATE_HZ;
use crate::train::analysis::partials::{BANDS, band_edges_hz};

/// The synth's window at the analysis rate.
const SIZE: usize = 512;
const OVERLAP: usize = 4;
const STEP: usize = SIZE / OVERLAP;
/// Power of the noise that left and right share, which is what their mean has, over the windows' 1.5 and the two sides
/// of the spectrum.
const SCALE: f32 = 1.0 / (1.0 + WIDTH * WIDTH) / 3.0;

pub struct Hiss {
    hop: usize,
    frames: usize,
    /// The share of each band's power that a bin has: `[bin][band]`, by its few bands.
    shares: Vec<Vec<(usize, f32)>>,
    phases: Vec<Complex<f32>>,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl Hiss {
    pub fn new(frames: usize, hop: usize, dice: &mut Dice) -> Hiss {
        let mut planner = RealFftPlanner::<f32>::new();
        let turn = std::f32::consts::TAU / SIZE as f32;
        let mut hiss = Hiss {
            hop,
            frames,
            shares: shares(),
            phases: Vec::new(),
            window: (0..SIZE)
                .map(|n| 0.5 - 0.5 * (turn * n as f32).cos())
                .collect(),
            forward: planner.plan_fft_forward(SIZE),
            inverse: planner.plan_fft_inverse(SIZE),
        };
        let count = hiss.windows().count() * (SIZE / 2 + 1);
        hiss.phases = (0..count)
            .map(|_| Complex::cis(std::f32::consts::TAU * dice.unit()))
            .collect();
        hiss
    }

    /// Where windows start, in samples from the first frame.
    fn windows(&self) -> impl Iterator<Item = i64> + use<> {
        let end = (self.frames.saturating_sub(1) * self.hop) as i64;
        (1 - OVERLAP as i64..)
            .map(|i| i * STEP as i64)
            .take_while(move |at| *at < end)
    }

    /// The frame before a window's start and how far it is to the next.
    fn place(&self, at: i64) -> (usize, f32) {
        let x = (at.max(0) as f32 / self.hop as f32).min(self.frames as f32 - 1.0);
        let before = (x as usize).min(self.frames.saturating_sub(2));
        (before, x - before as f32)
    }

    /// Levels of the bands where a window starts, as the synth takes them.
    fn levels(&self, rms: &[f32], at: i64) -> [f32; BANDS] {
        let (before, share) = self.place(at);
        std::array::from_fn(|b| {
            let (from, to) = (rms[before * BANDS + b], rms[(before + 1) * BANDS + b]);
            from + (to - from) * share
        })
    }

    fn magnitude(&self, bin: usize, levels: &[f32; BANDS]) -> f32 {
        let power = self.shares[bin]
            .iter()
            .map(|(b, share)| share * levels[*b].powi(2));
        (SCALE * power.sum::<f32>()).sqrt()
    }

    /// Adds the sound of levels `[frame][BANDS]`.
    pub fn add(&self, rms: &[f32], out: &mut [f32]) {
        let mut spectrum = self.inverse.make_input_vec();
        let mut block = self.inverse.make_output_vec();
        for (i, at) in self.windows().enumerate() {
            let levels = self.levels(rms, at);
            let phases = &self.phases[i * (SIZE / 2 + 1)..];
            for (bin, (out, phase)) in spectrum.iter_mut().zip(phases).enumerate() {
                *out = phase * self.magnitude(bin, &levels);
            }
            spectrum[0] = Complex::ZERO;
            spectrum[SIZE / 2] = Complex::ZERO;
            if self.inverse.process(&mut spectrum, &mut block).is_ok() {
                overlap(at, out.len(), |n, t| out[t] += block[n] * self.window[n]);
            }
        }
    }

    /// From derivatives by samples to derivatives by levels, which it adds to.
    pub fn blame(&self, slope: &[f32], rms: &[f32], blamed: &mut [f32]) {
        let mut spectrum = self.forward.make_output_vec();
        let mut block = self.forward.make_input_vec();
        for (i, at) in self.windows().enumerate() {
            block.fill(0.0);
            overlap(at, slope.len(), |n, t| block[n] = slope[t] * self.window[n]);
            if self.forward.process(&mut block, &mut spectrum).is_err() {
                continue;
            }
            let (levels, (before, share)) = (self.levels(rms, at), self.place(at));
            let phases = &self.phases[i * (SIZE / 2 + 1)..];
            for bin in 1..SIZE / 2 {
                let by_magnitude = 2.0 * (phases[bin] * spectrum[bin].conj()).re;
                let by_power = by_magnitude * SCALE / self.magnitude(bin, &levels).max(1e-12);
                for (b, part) in &self.shares[bin] {
                    let by_level = by_power * part * levels[*b];
                    blamed[before * BANDS + b] += by_level * (1.0 - share);
                    blamed[(before + 1) * BANDS + b] += by_level * share;
                }
            }
        }
    }
}

/// The samples of a window that lie within `count`.
fn overlap(at: i64, count: usize, mut visit: impl FnMut(usize, usize)) {
    let first = (-at).max(0) as usize;
    let last = (count as i64 - at).clamp(0, SIZE as i64) as usize;
    for n in first..last {
        visit(n, (at + n as i64) as usize);
    }
}

fn shares() -> Vec<Vec<(usize, f32)>> {
    let (edges, bin_hz) = (band_edges_hz(), ANALYSIS_RATE_HZ / SIZE as f32);
    let bounds = |bin: usize| {
        let from = if bin == 1 { 0.0 } else { bin as f32 - 0.5 };
        (from * bin_hz, (bin as f32 + 0.5) * bin_hz)
    };
    (0..=SIZE / 2)
        .map(|bin| {
            let (from, to) = bounds(bin);
            let part = |b: usize| {
                let shared = (to.min(edges[b + 1]) - from.max(edges[b])).max(0.0);
                (b, shared / (edges[b + 1] - edges[b]))
            };
            let parts = (0..BANDS).map(part).filter(|(_, share)| *share > 0.0);
            if bin == 0 {
                Vec::new()
            } else {
                parts.collect()
            }
        })
        .collect()
}
