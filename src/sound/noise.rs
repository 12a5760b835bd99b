//! Noise in bands, on the audio thread: random phases under the bands' levels, inverse FFT, overlapped windows.
//!
//! The window is a fixed time, whatever the host's rate, and levels are densities over true frequencies, so a band
//! is as loud at 192 kHz as at 44.1. Left and right share part of their noise: wide, yet whole in mono. The random
//! numbers are seeded: the same frames give the same samples.

use super::frame::{MAX_BANDS, NoiseBands, SoundFrame};
use super::harmonic::sine;
use super::top_hz;
use crate::units::spread_out;
use pulp::{Arch, Simd, WithSimd};
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner};
use std::sync::Arc;

/// Length of one window of noise.
const WINDOW_S: f32 = 512.0 / 48_000.0;
/// Windows that overlap at any moment; Hann windows squared then sum to 1.5.
const OVERLAP: usize = 4;
/// How much of the noise differs between left and right, beside 1 that is common.
pub const WIDTH: f32 = 0.6;

/// Of the first voice's noise: any number but 0, where the generator would stay.
const SEED: u32 = 0x1234_5679;

/// The noise of one voice.
pub struct NoiseBank {
    arch: Arch,
    fft: Arc<dyn ComplexToReal<f32>>,
    scratch: Vec<Complex<f32>>,
    spectrum: Vec<Complex<f32>>,
    density: Vec<f32>,
    phases: Vec<u32>,
    block: Vec<f32>,
    window: Vec<f32>,
    channels: [Vec<f32>; 2],
    sample_rate_hz: f32,
    hop: usize,
    at: usize,
    bands: NoiseBands,
    from: [f32; MAX_BANDS],
    to: [f32; MAX_BANDS],
    position: u32,
    ramp: u32,
    quiet_hops: usize,
    voice: u32,
    random: u32,
}

impl NoiseBank {
    /// Voices have different noise, and their windows begin at different times of the hop.
    pub fn new(sample_rate_hz: f32, voice: u32) -> Self {
        let hop = smooth_size(WINDOW_S * sample_rate_hz) / OVERLAP;
        let size = hop * OVERLAP;
        let fft = RealFftPlanner::<f32>::new().plan_fft_inverse(size);
        let turn = std::f32::consts::TAU / size as f32;
        let mut bank = NoiseBank {
            arch: Arch::new(),
            scratch: fft.make_scratch_vec(),
            spectrum: fft.make_input_vec(),
            density: vec![0.0; size / 2 + 1],
            phases: vec![0; size / 2 + 1],
            block: fft.make_output_vec(),
            window: (0..size)
                .map(|n| 0.5 - 0.5 * (turn * n as f32).cos())
                .collect(),
            channels: [vec![0.0; size], vec![0.0; size]],
            fft,
            sample_rate_hz,
            hop,
            at: 0,
            bands: NoiseBands::NONE,
            from: [0.0; MAX_BANDS],
            to: [0.0; MAX_BANDS],
            position: 0,
            ramp: 0,
            quiet_hops: OVERLAP,
            voice,
            random: 1,
        };
        bank.reset();
        bank
    }

    pub fn reset(&mut self) {
        self.random = (SEED ^ self.voice.wrapping_mul(0x9E37_79B9)) | 1;
        for channel in &mut self.channels {
            channel.fill(0.0);
        }
        (self.from, self.to) = ([0.0; MAX_BANDS], [0.0; MAX_BANDS]);
        (self.position, self.ramp, self.quiet_hops) = (0, 0, OVERLAP);
        let wait = spread_out(self.voice) * self.hop as f64;
        self.at = self.hop - wait as usize;
    }

    /// From a new level to the middle of the first window that has it whole: half a window, at most a hop more.
    pub fn latency_samples(&self) -> u32 {
        (self.hop * OVERLAP / 2) as u32
    }

    /// Whether every window that has begun is empty, and the next will be.
    pub fn is_silent(&self) -> bool {
        self.quiet_hops >= OVERLAP
            && self.progress() >= 1.0
            && self.to.iter().all(|rms| *rms <= 0.0)
    }

    /// Goes to a playable frame in `ramp_samples`.
    pub fn set_target(&mut self, frame: &SoundFrame, bands: &NoiseBands, ramp_samples: u32) {
        let done = self.progress();
        for (from, to) in self.from.iter_mut().zip(&self.to) {
            *from += (*to - *from) * done;
        }
        if *bands != self.bands {
            self.bands = *bands;
            self.bands.count = bands.count.min(MAX_BANDS);
        }
        self.to = frame.noise_rms;
        (self.position, self.ramp) = (0, ramp_samples.max(1));
    }

    /// Adds to `mid` (common to both channels) and `side` (to the left, and against the right).
    pub fn add(&mut self, mid: &mut [f32], side: &mut [f32]) {
        let count = mid.len().min(side.len());
        let mut done = 0;
        while done < count {
            if self.at == self.hop {
                self.next_window();
            }
            let span = (count - done).min(self.hop - self.at);
            if self.quiet_hops < OVERLAP {
                for (out, channel) in [&mut mid[done..done + span], &mut side[done..done + span]]
                    .into_iter()
                    .zip(&self.channels)
                {
                    for (o, x) in out.iter_mut().zip(&channel[self.at..self.at + span]) {
                        *o += x;
                    }
                }
            }
            self.at += span;
            self.position = self.position.saturating_add(span as u32);
            done += span;
        }
    }

    fn progress(&self) -> f32 {
        if self.position >= self.ramp {
            1.0
        } else {
            self.position as f32 / self.ramp as f32
        }
    }

    fn next_window(&mut self) {
        self.at = 0;
        if self.quiet_hops < OVERLAP {
            for channel in &mut self.channels {
                channel.copy_within(self.hop.., 0);
                let tail = channel.len() - self.hop;
                channel[tail..].fill(0.0);
            }
        }
        if !self.spread() {
            self.quiet_hops = (self.quiet_hops + 1).min(OVERLAP);
            return;
        }
        self.quiet_hops = 0;
        let common = 1.0 / (1.0 + WIDTH * WIDTH).sqrt();
        for (channel, share) in [(0, common), (1, common * WIDTH)] {
            self.fill_spectrum(share);
            if self
                .fft
                .process_with_scratch(&mut self.spectrum, &mut self.block, &mut self.scratch)
                .is_ok()
            {
                for ((o, x), w) in self.channels[channel]
                    .iter_mut()
                    .zip(&self.block)
                    .zip(&self.window)
                {
                    *o += x * w;
                }
            }
        }
    }

    /// Spreads the bands' power over the bins; `false` if there is none.
    fn spread(&mut self) -> bool {
        let (done, top) = (self.progress(), top_hz(self.sample_rate_hz));
        let bin_hz = self.sample_rate_hz / self.window.len() as f32;
        self.density.fill(0.0);
        let mut any = false;
        for b in 0..self.bands.count {
            let rms = self.from[b] + (self.to[b] - self.from[b]) * done;
            let (low, high) = (self.bands.edges_hz[b], self.bands.edges_hz[b + 1]);
            if rms <= 0.0 || high <= low || low >= top {
                continue;
            }
            any = true;
            let power_per_hz = rms * rms / (high - low);
            let high = high.min(top);
            let first = ((low / bin_hz + 0.5) as usize).max(1);
            let last = (high / bin_hz + 0.5) as usize;
            for (bin, power) in self
                .density
                .iter_mut()
                .enumerate()
                .take(last + 1)
                .skip(first)
            {
                let centre = bin as f32 * bin_hz;
                // What lies under half of the first bin has no bin of its own.
                let from = if bin == 1 {
                    low
                } else {
                    low.max(centre - 0.5 * bin_hz)
                };
                *power += power_per_hz * (high.min(centre + 0.5 * bin_hz) - from).max(0.0);
            }
        }
        any
    }

    fn fill_spectrum(&mut self, share: f32) {
        for phase in &mut self.phases {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 17;
            self.random ^= self.random << 5;
            *phase = self.random.wrapping_mul(0x9E37_79B1);
        }
        self.arch.dispatch(Turn {
            spectrum: &mut self.spectrum,
            density: &self.density,
            phases: &self.phases,
            share,
        });
        let last = self.spectrum.len() - 1;
        self.spectrum[0] = Complex::new(0.0, 0.0);
        self.spectrum[last] = Complex::new(0.0, 0.0);
    }
}

/// Gives every bin its share of the density's power, at its phase.
struct Turn<'a> {
    spectrum: &'a mut [Complex<f32>],
    density: &'a [f32],
    phases: &'a [u32],
    share: f32,
}

impl WithSimd for Turn<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // Two-sided bins: a bin of magnitude m has power 2 m², and the windows multiply power by 1.5.
        let scale = self.share * self.share / 3.0;
        let bins = self.spectrum.iter_mut().zip(self.density).zip(self.phases);
        for ((bin, power), phase) in bins {
            let magnitude = (power * scale).sqrt();
            *bin = Complex::new(
                magnitude * sine(*phase),
                magnitude * sine(phase.wrapping_add(1 << 30)),
            );
        }
    }
}

/// The multiple of 8 without a prime factor over 5 that is nearest to `wanted`: FFTs of such sizes are quick.
fn smooth_size(wanted: f32) -> usize {
    let smooth = |mut n: usize| {
        for factor in [2, 3, 5] {
            while n.is_multiple_of(factor) {
                n /= factor;
            }
        }
        n == 1
    };
    let distance = |n: &usize| (*n as f32 - wanted).abs() as u32;
    (4..=2048)
        .map(|n| n * 8)
        .filter(|n| smooth(*n))
        .min_by_key(distance)
        .unwrap_or(512)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn band_rms(sample_rate_hz: f32, low: f32, high: f32) -> f32 {
        let bands = NoiseBands::from_edges(&[low, high]).unwrap();
        let mut bank = NoiseBank::new(sample_rate_hz, 7);
        let mut frame = SoundFrame::SILENT;
        frame.noise_rms[0] = 0.1;
        bank.set_target(&frame, &bands, 1);
        let count = sample_rate_hz as usize;
        let (mut mid, mut side) = (vec![0.0; count], vec![0.0; count]);
        bank.add(&mut mid, &mut side);
        let left = mid
            .iter()
            .zip(&side)
            .skip(count / 10)
            .map(|(m, s)| (m + s) * (m + s));
        (left.sum::<f32>() / (count - count / 10) as f32).sqrt()
    }

    #[test]
    fn a_band_is_as_loud_as_asked_at_every_rate() {
        for rate in [22_050.0, 44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0] {
            for (low, high) in [
                (0.0, 200.0),
                (300.0, 350.0),
                (1000.0, 2000.0),
                (5000.0, 9000.0),
            ] {
                let error_db = 20.0 * (band_rms(rate, low, high) / 0.1).log10();
                assert!(
                    error_db.abs() < 1.0,
                    "{rate} Hz, {low} to {high}: {error_db} dB"
                );
            }
        }
    }

    #[test]
    fn sizes_are_near_what_was_wanted() {
        for rate in [44_100.0, 48_000.0, 96_000.0, 192_000.0, 768_000.0] {
            let size = smooth_size(WINDOW_S * rate) as f32;
            assert!((size / (WINDOW_S * rate) - 1.0).abs() < 0.04, "{rate}");
        }
    }
}
