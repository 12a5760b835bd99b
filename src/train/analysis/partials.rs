//! Takes a frame of sound apart into partials and noise. The signal around the frame is read at a speed that follows
//! its pitch, so that a whole number of equal periods lies under a Hann window: partial k then falls exactly on bin
//! k · periods, spreads to its two neighbours only, and everything in between is noise, vibrato or not.

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

use super::audio::{ANALYSIS_RATE_HZ, Sinc};
use crate::sound::frame::MAX_PARTIALS;

/// Noise bands of every sound model made here.
pub const BANDS: usize = 72;
/// Nothing is analysed above this.
pub const TOP_HZ: f32 = 20_000.0;
/// Length of the warped window and the shortest time it spans.
const SIZE: usize = 2048;
const SPAN_S: f32 = 0.030;
const LEAST_PERIODS: usize = 6;

/// The expected median of `count` exponentially distributed powers, as a share of their mean: 1, then down to ln 2.
fn median_share(count: usize) -> f32 {
    let order = |rank: usize| {
        (count + 1 - rank..=count)
            .map(|i| 1.0 / i as f32)
            .sum::<f32>()
    };
    0.5 * (order(count.div_ceil(2)) + order(count / 2 + 1))
}

/// What a frame is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// Peak amplitudes of the partials.
    pub harmonics: [f32; MAX_PARTIALS],
    /// RMS of each noise band.
    pub noise_rms: [f32; BANDS],
}

/// Edges of the noise bands: 61 Hz wide at the bottom, 670 Hz at the top.
pub fn band_edges_hz() -> [f32; BANDS + 1] {
    const BEND_HZ: f32 = 2_000.0;
    let scale = (1.0 + TOP_HZ / BEND_HZ).ln();
    std::array::from_fn(|i| {
        if i == BANDS {
            TOP_HZ
        } else {
            BEND_HZ * ((scale * i as f32 / BANDS as f32).exp() - 1.0)
        }
    })
}

/// Where the partials lie relative to a whole multiple: `sqrt(1 + B k²)`.
pub fn stretch(k: usize, inharmonicity: f32) -> f32 {
    (1.0 + inharmonicity * (k * k) as f32).sqrt()
}

/// The amplitude at `k`, which may lie between partials, on a straight line of decibels.
pub fn between_partials(harmonics: &[f32; MAX_PARTIALS], k: f32) -> f32 {
    let x = (k - 1.0).max(0.0);
    let i = x as usize;
    if i + 1 >= MAX_PARTIALS {
        return 0.0;
    }
    let (a, b) = (harmonics[i].max(1e-9).ln(), harmonics[i + 1].max(1e-9).ln());
    (a + (b - a) * (x - i as f32)).exp()
}

pub struct Splitter {
    fft: Arc<dyn RealToComplex<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    window: Vec<f32>,
    power_of_window: f32,
    sinc: Sinc,
    edges_hz: [f32; BANDS + 1],
}

impl Default for Splitter {
    fn default() -> Self {
        Splitter::new()
    }
}

impl Splitter {
    pub fn new() -> Splitter {
        let fft = RealFftPlanner::<f32>::new().plan_fft_forward(SIZE);
        let turn = std::f32::consts::TAU / SIZE as f32;
        let window: Vec<f32> = (0..SIZE)
            .map(|n| 0.5 - 0.5 * (turn * n as f32).cos())
            .collect();
        Splitter {
            input: fft.make_input_vec(),
            spectrum: fft.make_output_vec(),
            power_of_window: window.iter().map(|w| w * w).sum(),
            window,
            fft,
            sinc: Sinc::new(1.0),
            edges_hz: band_edges_hz(),
        }
    }

    /// `f0_hz[frame]` for every frame of `hop` samples, never 0; `voiced` says whether this frame has partials.
    pub fn split(
        &mut self,
        samples: &[f32],
        f0_hz: &[f32],
        frame: usize,
        hop: f64,
        voiced: bool,
        inharmonicity: f32,
    ) -> Parts {
        let f0 = f0_hz[frame];
        let periods = LEAST_PERIODS.max((SPAN_S * f0).ceil() as usize);
        self.read_warped(samples, f0_hz, frame, hop, periods);
        let mut parts = Parts {
            harmonics: [0.0; MAX_PARTIALS],
            noise_rms: [0.0; BANDS],
        };
        if self
            .fft
            .process(&mut self.input, &mut self.spectrum)
            .is_err()
        {
            return parts;
        }
        let bin_hz = f0 / periods as f32;
        let partials = if voiced { MAX_PARTIALS } else { 0 };
        self.measure_noise(&mut parts, bin_hz, periods, partials, inharmonicity);
        for k in 1..=partials {
            let bin = k as f32 * stretch(k, inharmonicity) * periods as f32;
            if bin * bin_hz > TOP_HZ || bin as usize + 2 >= SIZE / 2 {
                break;
            }
            parts.harmonics[k - 1] = self.partial(bin, &parts, bin_hz);
        }
        parts
    }

    /// Fills the window with `periods` equal periods about the frame.
    fn read_warped(
        &mut self,
        samples: &[f32],
        f0_hz: &[f32],
        frame: usize,
        hop: f64,
        periods: usize,
    ) {
        let centre = frame as f64 * hop;
        let f0_at = |position: f64| {
            let x = (position / hop).clamp(0.0, (f0_hz.len() - 1) as f64);
            let i = x as usize;
            let (a, b) = (f0_hz[i], f0_hz[(i + 1).min(f0_hz.len() - 1)]);
            // A leap between notes is not a glide: the frame's own pitch holds across it.
            let f0 = a + (b - a) * (x - i as f64) as f32;
            let ratio = f0 / f0_hz[frame];
            f64::from(if (0.9..1.1).contains(&ratio) {
                f0
            } else {
                f0_hz[frame]
            })
        };
        let cycles = periods as f64 / SIZE as f64 * f64::from(ANALYSIS_RATE_HZ);
        let (mut later, mut earlier) = (centre, centre);
        self.input[SIZE / 2] = self.sinc.read(samples, centre);
        for i in 1..=SIZE / 2 {
            earlier -= cycles / f0_at(earlier);
            self.input[SIZE / 2 - i] = self.sinc.read(samples, earlier);
            if i < SIZE / 2 {
                later += cycles / f0_at(later);
                self.input[SIZE / 2 + i] = self.sinc.read(samples, later);
            }
        }
        for (x, w) in self.input.iter_mut().zip(&self.window) {
            *x *= w;
        }
    }

    /// Peak amplitude of the partial at a (fractional) bin, less the noise under it.
    fn partial(&self, bin: f32, parts: &Parts, bin_hz: f32) -> f32 {
        let whole = bin.round() as usize;
        // The power in a Hann main lobe is 1.5 times that of its centre bin wherever the tone lies in it.
        let lobe: f32 = (whole - 1..=whole + 1)
            .map(|b| self.spectrum[b].norm_sqr())
            .sum();
        let peak_sq = lobe / 1.5 * (4.0 / SIZE as f32).powi(2);
        let band = self
            .edges_hz
            .partition_point(|e| *e <= bin * bin_hz)
            .clamp(1, BANDS)
            - 1;
        let width = self.edges_hz[band + 1] - self.edges_hz[band];
        let noise_power = parts.noise_rms[band].powi(2) / width * 3.0 * bin_hz;
        (peak_sq - 2.0 * noise_power / 1.5).max(0.0).sqrt()
    }

    fn measure_noise(
        &self,
        parts: &mut Parts,
        bin_hz: f32,
        periods: usize,
        partials: usize,
        inharmonicity: f32,
    ) {
        // Mean-square per Hz of a bin: two-sided, in the warped rate.
        let per_hz = 2.0 / (self.power_of_window * SIZE as f32 * bin_hz);
        let last_bin = ((TOP_HZ / bin_hz) as usize).min(SIZE / 2 - 1);
        let mut near_partial = vec![false; last_bin + 1];
        let reach = 2usize.max((0.25 * periods as f32) as usize);
        for k in 1..=partials {
            let bin = (k as f32 * stretch(k, inharmonicity) * periods as f32).round() as usize;
            if bin > last_bin + reach {
                break;
            }
            for b in bin.saturating_sub(reach - 1)..=(bin + reach - 1).min(last_bin) {
                near_partial[b] = true;
            }
        }
        let mut densities = [f32::NAN; BANDS];
        let mut powers = Vec::new();
        for (band, density) in densities.iter_mut().enumerate() {
            let first = (self.edges_hz[band] / bin_hz).ceil().max(2.0) as usize;
            let last = ((self.edges_hz[band + 1] / bin_hz) as usize).min(last_bin);
            powers.clear();
            powers.extend(
                (first..=last)
                    .filter(|b| !near_partial[*b])
                    .map(|b| self.spectrum[b].norm_sqr()),
            );
            if powers.is_empty() {
                continue;
            }
            powers.sort_by(f32::total_cmp);
            let middle = 0.5 * (powers[(powers.len() - 1) / 2] + powers[powers.len() / 2]);
            // Where there is a pitch, other tones (a second string, the room) are not noise: the median passes over them.
            let mean = if partials == 0 {
                powers.iter().sum::<f32>() / powers.len() as f32
            } else {
                middle / median_share(powers.len())
            };
            *density = per_hz * mean;
        }
        bridge_gaps(&mut densities);
        for (band, rms) in parts.noise_rms.iter_mut().enumerate() {
            *rms = (densities[band] * (self.edges_hz[band + 1] - self.edges_hz[band])).sqrt();
        }
    }
}

/// Bands that no bin falls in take the straight line (in log power) between their neighbours.
fn bridge_gaps(densities: &mut [f32; BANDS]) {
    let known: Vec<usize> = (0..BANDS).filter(|b| densities[*b].is_finite()).collect();
    if known.is_empty() {
        densities.fill(0.0);
        return;
    }
    for band in 0..BANDS {
        if densities[band].is_finite() {
            continue;
        }
        let after = known.partition_point(|k| *k < band);
        let (low, high) = (
            known[after.saturating_sub(1)],
            known[after.min(known.len() - 1)],
        );
        let share = if high > low {
            (band - low) as f32 / (high - low) as f32
        } else {
            0.0
        };
        let (a, b) = (
            densities[low].max(1e-30).ln(),
            densities[high].max(1e-30).ln(),
        );
        densities[band] = (a + (b - a) * share).exp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone with vibrato and noise of known strength.
    fn example() -> (Vec<f32>, Vec<f32>) {
        let rate = f64::from(ANALYSIS_RATE_HZ);
        let f0_at = |t: f64| 300.0 * (0.3 / 12.0 * (std::f64::consts::TAU * 6.0 * t).sin()).exp2();
        let (mut phase, mut random, mut samples) = (0.0, 3u32, Vec::new());
        for n in 0..24_000 {
            phase += f0_at((n as f64 + 0.5) / rate) / rate;
            let wave: f64 = (1..=30)
                .map(|k| 0.2 / k as f64 * (std::f64::consts::TAU * phase * k as f64).cos())
                .sum();
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = random as i32 as f64 / i32::MAX as f64;
            samples.push((wave + 0.01 * noise) as f32);
        }
        (
            samples,
            (0..100).map(|i| f0_at(i as f64 * 0.005) as f32).collect(),
        )
    }

    #[test]
    fn partials_under_vibrato_are_measured_within_half_a_decibel() {
        let (samples, f0) = example();
        let mut splitter = Splitter::new();
        let mut power = [0.0; 40];
        for frame in 20..80 {
            let parts = splitter.split(&samples, &f0, frame, 240.0, true, 0.0);
            for (p, a) in power.iter_mut().zip(&parts.harmonics) {
                *p += a * a / 60.0;
            }
        }
        for k in 1..=30 {
            let error_db = 10.0 * (power[k - 1] / (0.2 / k as f32).powi(2)).log10();
            assert!(error_db.abs() < 0.5, "partial {k}: {error_db} dB");
        }
        assert!(power[31..].iter().all(|p| p.sqrt() < 1.5e-3));
    }

    #[test]
    fn the_noise_between_partials_is_measured_within_a_decibel() {
        let (samples, f0) = example();
        let mut splitter = Splitter::new();
        let mut power = [0.0f32; BANDS];
        for frame in 20..80 {
            let parts = splitter.split(&samples, &f0, frame, 240.0, true, 0.0);
            for (p, rms) in power.iter_mut().zip(&parts.noise_rms) {
                *p += rms * rms / 60.0;
            }
        }
        let edges = band_edges_hz();
        let density = 0.01f32.powi(2) / 3.0 / 24_000.0;
        for (group, bands) in power.chunks(12).enumerate() {
            let expected = density * (edges[12 * group + 12] - edges[12 * group]);
            let error_db = 10.0 * (bands.iter().sum::<f32>() / expected).log10();
            assert!(error_db.abs() < 1.5, "group {group}: {error_db} dB");
        }
    }
}
