//! How far two sounds are apart, over several sizes of window, and how that distance depends on every sample of the
//! one that is heard. The figure on every card is this one, and fine-tuning walks down its slope.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Window sizes of the spectral distance; windows overlap by three quarters.
pub const SIZES: [usize; 4] = [4096, 2048, 1024, 512];
const OVERLAP: usize = 4;
/// Spectra are compared down to this, relative to the loudest bin.
const FLOOR_DB: f32 = -80.0;
/// A stretch whose bins are, on average, under this many times the floor is silence.
const HUSHED: f32 = 10.0;

/// The loudest magnitude of a sound at each window size.
pub type Loudest = [f32; SIZES.len()];

/// Measures. Holds plans and room, one for each thread.
pub struct Ruler {
    scales: Vec<Scale>,
}

struct Scale {
    size: usize,
    window: Vec<f32>,
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    time: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
}

impl Default for Ruler {
    fn default() -> Self {
        Ruler::new()
    }
}

impl Ruler {
    pub fn new() -> Ruler {
        let mut planner = RealFftPlanner::<f32>::new();
        let scales = SIZES
            .iter()
            .map(|size| {
                let forward = planner.plan_fft_forward(*size);
                let turn = std::f32::consts::TAU / *size as f32;
                Scale {
                    size: *size,
                    window: (0..*size)
                        .map(|n| 0.5 - 0.5 * (turn * n as f32).cos())
                        .collect(),
                    time: forward.make_input_vec(),
                    spectrum: forward.make_output_vec(),
                    inverse: planner.plan_fft_inverse(*size),
                    forward,
                }
            })
            .collect();
        Ruler { scales }
    }

    /// What floors are relative to: of a whole recording, where stretches of it are compared.
    pub fn loudest(&mut self, samples: &[f32]) -> Loudest {
        let mut loudest = [0.0; SIZES.len()];
        for (scale, loudest) in self.scales.iter_mut().zip(&mut loudest) {
            *loudest = scale
                .spectra(samples)
                .iter()
                .fold(0.0f32, |m, x| m.max(x.norm()));
        }
        loudest
    }

    /// Mean over window sizes of spectral convergence plus mean log-magnitude difference in nepers.
    pub fn distance(&mut self, wanted: &[f32], heard: &[f32]) -> f32 {
        let loudest = self.loudest(wanted);
        self.compare(wanted, heard, &loudest, None)
    }

    /// The same against stated levels; adds its derivative by every sample of `heard` to `slope`.
    pub fn compare(
        &mut self,
        wanted: &[f32],
        heard: &[f32],
        loudest: &Loudest,
        mut slope: Option<&mut [f32]>,
    ) -> f32 {
        let count = wanted.len().min(heard.len());
        let mut sum = 0.0;
        for (scale, loudest) in self.scales.iter_mut().zip(loudest) {
            let a = scale.spectra(&wanted[..count]);
            let b = scale.spectra(&heard[..count]);
            let floor = (loudest * crate::units::db_to_gain(FLOOR_DB)).max(1e-12);
            let (distance, pull) = apart(&a, &b, floor, slope.is_some());
            sum += distance / SIZES.len() as f64;
            if let Some(slope) = slope.as_deref_mut() {
                scale.spread(&pull, &mut slope[..count]);
            }
        }
        sum as f32
    }
}

/// The distance of two rows of spectra, and its derivative as one complex number a bin.
fn apart(
    a: &[Complex<f32>],
    b: &[Complex<f32>],
    floor: f32,
    sloped: bool,
) -> (f64, Vec<Complex<f32>>) {
    let (mut off, mut whole, mut log) = (0.0f64, 0.0f64, 0.0f64);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x.norm(), y.norm());
        off += f64::from(x - y).powi(2);
        whole += f64::from(x).powi(2);
        log += f64::from((x.max(floor) / y.max(floor)).ln().abs());
    }
    let count = a.len().max(1) as f64;
    // In a stretch of silence nothing converges: hiss would count millions.
    let whole = whole.max(count * f64::from(floor * HUSHED).powi(2));
    let distance = (off / whole.max(1e-20)).sqrt() + log / count;
    if !sloped {
        return (distance, Vec::new());
    }
    let convergence = (1.0 / (off.sqrt() * whole.sqrt()).max(1e-12)) as f32;
    let share = (1.0 / count) as f32;
    let pull = a.iter().zip(b).map(|(x, y)| {
        let (x, size) = (x.norm(), y.norm());
        let mut slope = (size - x) * convergence;
        if size > floor {
            slope += share * (size / x.max(floor)).ln().signum() / size;
        }
        y * (slope / size.max(1e-12) / SIZES.len() as f32)
    });
    (distance, pull.collect())
}

impl Scale {
    fn spectra(&mut self, samples: &[f32]) -> Vec<Complex<f32>> {
        let mut all = Vec::new();
        let last = samples.len().saturating_sub(self.size);
        for first in (0..last).step_by(self.size / OVERLAP) {
            let span = samples[first..].iter().zip(&self.window);
            for (out, (x, w)) in self.time.iter_mut().zip(span) {
                *out = x * w;
            }
            if self
                .forward
                .process(&mut self.time, &mut self.spectrum)
                .is_ok()
            {
                all.extend_from_slice(&self.spectrum);
            }
        }
        all
    }

    /// The way back: derivatives by bins become derivatives by samples.
    fn spread(&mut self, pull: &[Complex<f32>], slope: &mut [f32]) {
        let bins = self.size / 2;
        for (i, pull) in pull.chunks_exact(bins + 1).enumerate() {
            // The inverse transform counts every bin but the outer two twice.
            for (out, p) in self.spectrum.iter_mut().zip(pull) {
                *out = p * 0.5;
            }
            self.spectrum[0] = Complex::new(pull[0].re, 0.0);
            self.spectrum[bins] = Complex::new(pull[bins].re, 0.0);
            if self
                .inverse
                .process(&mut self.spectrum, &mut self.time)
                .is_err()
            {
                continue;
            }
            let first = i * self.size / OVERLAP;
            let span = slope[first..].iter_mut().zip(&self.time).zip(&self.window);
            span.for_each(|((out, x), w)| *out += x * w);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::sound::dice::Dice;

    fn noise(seed: u64, gain: f32) -> Vec<f32> {
        let mut dice = Dice::new(seed);
        (0..6_000).map(|_| gain * dice.normal()).collect()
    }

    #[test]
    fn a_sound_is_not_apart_from_itself_and_half_as_loud_is_a_convergence_of_a_half() {
        let mut ruler = Ruler::new();
        let a = noise(1, 0.1);
        let half: Vec<f32> = a.iter().map(|x| 0.5 * x).collect();
        assert_eq!(ruler.distance(&a, &a), 0.0);
        let expected = 0.5 + 2.0f32.ln();
        assert!((ruler.distance(&a, &half) - expected).abs() < 1e-3);
    }

    #[test]
    fn the_slope_is_what_small_steps_measure() {
        let mut ruler = Ruler::new();
        let (a, b, way) = (noise(1, 0.1), noise(2, 0.2), noise(3, 1e-4));
        let loudest = ruler.loudest(&a);
        let mut slope = vec![0.0; b.len()];
        ruler.compare(&a, &b, &loudest, Some(&mut slope));
        let mut at = |t: f32| {
            let moved: Vec<f32> = b.iter().zip(&way).map(|(x, w)| x + t * w).collect();
            f64::from(ruler.compare(&a, &moved, &loudest, None))
        };
        let measured = (at(1.0) - at(-1.0)) / 2.0;
        let said: f64 = slope.iter().zip(&way).map(|(s, w)| f64::from(s * w)).sum();
        assert!(
            (said - measured).abs() < 0.03 * measured.abs() + 2e-6,
            "{said} {measured}"
        );
    }
}
