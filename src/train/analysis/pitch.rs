//! Pitch over time: YIN's difference function (de Cheveigné & Kawahara, JASA 2002) gives each frame a few candidate
//! periods; the path through them that changes least (Viterbi, as in Boersma 1993 and pYIN 2014) is the melody.

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::Arc;

use super::audio::ANALYSIS_RATE_HZ;

/// Samples compared, and the longest period, at the analysis rate.
const WINDOW: usize = 1024;
const LONGEST: usize = 900;
const SHORTEST: usize = 14;
const CANDIDATES: usize = 7;

/// Every pitch that can be tracked.
pub const WIDEST_HZ: (f32, f32) = (54.0, 3_400.0);

/// What a frame costs: the aperiodicity of its candidate, or this much for "no pitch".
const UNVOICED_COST: f32 = 0.55;
/// Longer periods are multiples of the true one: a small price per octave.
const OCTAVE_COST: f32 = 0.15;
/// What moving costs, per octave and at most; and what appearing or going costs. Per frame of 5 ms.
const GLIDE_COST: f32 = 1.2;
const LEAP_COST: f32 = 0.5;
const VOICE_COST: f32 = 0.25;

/// Pitch of one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pitch {
    /// 0 where there is none.
    pub hz: f32,
    /// 0 to 1: how periodic the sound is at that pitch.
    pub clarity: f32,
}

#[derive(Clone, Copy)]
struct Candidate {
    octave: f32,
    aperiodicity: f32,
    cost: f32,
    back: usize,
}

/// The pitch at every `hop_samples` (may be fractional), at the analysis rate. `floor` is the power under which
/// there is no pitch; none is looked for outside `range_hz`.
pub fn track(
    samples: &[f32],
    hop_samples: f64,
    frames: usize,
    floor: f32,
    range_hz: (f32, f32),
) -> Vec<Pitch> {
    let mut yin = Yin::new(range_hz);
    let mut lattice: Vec<Vec<Candidate>> = Vec::with_capacity(frames);
    for frame in 0..frames {
        let centre = (frame as f64 * hop_samples).round() as i64;
        let mut candidates = yin.candidates(samples, centre, floor);
        connect(lattice.last().map(Vec::as_slice), &mut candidates);
        lattice.push(candidates);
    }
    follow_back(&lattice)
}

/// The first candidate of every frame is "no pitch".
fn connect(before: Option<&[Candidate]>, now: &mut [Candidate]) {
    let Some(before) = before else { return };
    for (i, candidate) in now.iter_mut().enumerate() {
        let mut best = (f32::INFINITY, 0);
        for (j, previous) in before.iter().enumerate() {
            let move_cost = match (i, j) {
                (0, 0) => 0.0,
                (0, _) | (_, 0) => VOICE_COST,
                _ => (GLIDE_COST * (candidate.octave - previous.octave).abs()).min(LEAP_COST),
            };
            let cost = previous.cost + move_cost;
            if cost < best.0 {
                best = (cost, j);
            }
        }
        candidate.cost += best.0;
        candidate.back = best.1;
    }
}

fn follow_back(lattice: &[Vec<Candidate>]) -> Vec<Pitch> {
    let Some(last) = lattice.last() else {
        return Vec::new();
    };
    let cheapest = (0..last.len()).min_by(|a, b| last[*a].cost.total_cmp(&last[*b].cost));
    let mut at = cheapest.unwrap_or(0);
    let mut path = vec![
        Pitch {
            hz: 0.0,
            clarity: 0.0
        };
        lattice.len()
    ];
    for (pitch, candidates) in path.iter_mut().zip(lattice).rev() {
        let candidate = candidates[at];
        if at > 0 {
            *pitch = Pitch {
                hz: candidate.octave.exp2(),
                clarity: 1.0 - candidate.aperiodicity.min(1.0),
            };
        }
        at = candidate.back;
    }
    path
}

struct Yin {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    head: Vec<f32>,
    whole: Vec<f32>,
    head_spectrum: Vec<Complex<f32>>,
    whole_spectrum: Vec<Complex<f32>>,
    correlation: Vec<f32>,
    difference: Vec<f32>,
    lags: std::ops::Range<usize>,
}

impl Yin {
    fn new(range_hz: (f32, f32)) -> Yin {
        let lag = |hz: f32| ((ANALYSIS_RATE_HZ / hz) as usize).clamp(SHORTEST, LONGEST);
        let mut planner = RealFftPlanner::<f32>::new();
        let (forward, inverse) = (
            planner.plan_fft_forward(2 * WINDOW),
            planner.plan_fft_inverse(2 * WINDOW),
        );
        Yin {
            head: forward.make_input_vec(),
            whole: forward.make_input_vec(),
            head_spectrum: forward.make_output_vec(),
            whole_spectrum: forward.make_output_vec(),
            correlation: inverse.make_output_vec(),
            difference: vec![1.0; LONGEST + 2],
            lags: lag(range_hz.1)..lag(range_hz.0),
            forward,
            inverse,
        }
    }

    fn candidates(&mut self, samples: &[f32], centre: i64, floor: f32) -> Vec<Candidate> {
        let none = Candidate {
            octave: 0.0,
            aperiodicity: 1.0,
            cost: UNVOICED_COST,
            back: 0,
        };
        let mut found = vec![none];
        // A period of 128 samples is compared symmetrically about the centre; others nearly so.
        let first = centre - WINDOW as i64 / 2 - 64;
        for (i, x) in self.whole.iter_mut().enumerate() {
            let at = first + i as i64;
            *x = if at >= 0 {
                samples.get(at as usize).copied().unwrap_or(0.0)
            } else {
                0.0
            };
        }
        let power = self.whole[..WINDOW].iter().map(|x| x * x).sum::<f32>() / WINDOW as f32;
        if power <= floor || !self.measure() {
            return found;
        }
        for lag in self.lags.clone() {
            let (a, b, c) = (
                self.difference[lag - 1],
                self.difference[lag],
                self.difference[lag + 1],
            );
            if b < a && b <= c && b < 0.7 {
                let curve = a - 2.0 * b + c;
                let shift = if curve > 0.0 {
                    0.5 * (a - c) / curve
                } else {
                    0.0
                };
                let octave = (ANALYSIS_RATE_HZ / (lag as f32 + shift)).log2();
                let aperiodicity = (b - 0.25 * (a - c) * shift).max(0.0);
                let cost = aperiodicity + OCTAVE_COST * (9.0 - octave);
                found.push(Candidate {
                    octave,
                    aperiodicity,
                    cost,
                    back: 0,
                });
            }
        }
        found[1..].sort_by(|a, b| a.cost.total_cmp(&b.cost));
        found.truncate(1 + CANDIDATES);
        found
    }

    /// The cumulative-mean-normalised difference function of `whole`; `false` if an FFT refused.
    fn measure(&mut self) -> bool {
        let energy_of = |x: &[f32]| x.iter().map(|x| f64::from(x * x)).sum::<f64>();
        let head_energy = energy_of(&self.whole[..WINDOW]);
        self.head.fill(0.0);
        self.head[..WINDOW].copy_from_slice(&self.whole[..WINDOW]);
        let mut energies = Vec::with_capacity(LONGEST + 2);
        let mut energy = head_energy;
        for lag in 0..LONGEST + 2 {
            energies.push(energy);
            energy +=
                f64::from(self.whole[lag + WINDOW].powi(2)) - f64::from(self.whole[lag].powi(2));
        }
        let ok = self
            .forward
            .process(&mut self.head, &mut self.head_spectrum)
            .is_ok()
            && self
                .forward
                .process(&mut self.whole, &mut self.whole_spectrum)
                .is_ok();
        for (h, w) in self.head_spectrum.iter_mut().zip(&self.whole_spectrum) {
            *h = h.conj() * w;
        }
        let last = self.head_spectrum.len() - 1;
        self.head_spectrum[0].im = 0.0;
        self.head_spectrum[last].im = 0.0;
        if !ok
            || self
                .inverse
                .process(&mut self.head_spectrum, &mut self.correlation)
                .is_err()
        {
            return false;
        }
        let scale = 1.0 / (2 * WINDOW) as f64;
        let mut sum = 0.0;
        for lag in 1..LONGEST + 2 {
            let d = (head_energy + energies[lag] - 2.0 * scale * f64::from(self.correlation[lag]))
                .max(0.0);
            sum += d;
            self.difference[lag] = if sum > 0.0 {
                (d * lag as f64 / sum) as f32
            } else {
                1.0
            };
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gliding_tone_is_followed_within_four_cents() {
        let rate = ANALYSIS_RATE_HZ as f64;
        let hz_at = |t: f64| 220.0 * (1.5 * t).exp2();
        let (mut phase, mut samples) = (0.0, Vec::new());
        for n in 0..48_000 {
            phase += hz_at(n as f64 / rate) / rate;
            let wave: f64 = (1..8)
                .map(|k| (std::f64::consts::TAU * phase * k as f64).sin() / k as f64)
                .sum();
            samples.push(0.2 * wave as f32);
        }
        let path = track(&samples, 240.0, 200, 1e-7, WIDEST_HZ);
        for (frame, pitch) in path.iter().enumerate().take(190).skip(10) {
            let cents = 1200.0 * (f64::from(pitch.hz) / hz_at(frame as f64 * 0.005)).log2();
            assert!(cents.abs() < 4.0, "frame {frame}: {cents} cents");
        }
    }

    #[test]
    fn silence_and_noise_have_no_pitch() {
        let mut random = 1u32;
        let noise: Vec<f32> = (0..24_000)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                random as i32 as f32 / i32::MAX as f32
            })
            .collect();
        assert!(
            track(&vec![0.0; 24_000], 240.0, 100, 1e-9, WIDEST_HZ)
                .iter()
                .all(|p| p.hz == 0.0)
        );
        let voiced = track(&noise, 240.0, 100, 1e-9, WIDEST_HZ)
            .iter()
            .filter(|p| p.hz > 0.0)
            .count();
        assert!(voiced < 5, "{voiced}");
    }
}
