//! A bank of up to 128 phase-continuous partials, on the audio thread.
//!
//! Phases are 32-bit fractions of a cycle, so they wrap exactly and never lose precision; amplitudes ramp in a
//! straight line and pitch in octaves. Parameters are renewed every 16 samples counted from the last target, not
//! from the host's block, so any split gives the same samples. Plain arrays of eight, compiled once more for the widest
//! vectors that the computer has: no sum changes its order by that, so no bit does.

use super::frame::{MAX_PARTIALS, SoundFrame};
use super::top_hz;
use pulp::{Arch, Simd, WithSimd};

const LANES: usize = 8;
const GROUPS: usize = MAX_PARTIALS / LANES;
/// Samples between renewals of the ramps.
const SEGMENT: u32 = 16;
/// Partials fade out over this share of the top frequency.
const FADE_SHARE: f32 = 0.1;
/// How far partials lean left or right: a gain of 1 ± lean, so the mono sum is exact.
const LEAN: f32 = 0.12;
/// Quadratic phases (Schroeder, IEEE Trans. Inf. Theory 1970). Measured on flat, 1/k, odd and violin-like spectra, this
/// divisor gives crests of 1.8 to 2.3 where 24 gives 1.8 to 3.2; no whole number, so that they never line up again.
const SCHROEDER_DIVISOR: f32 = 3.3;

/// sin(2π · phase / 2³²), within 2e-7: a polynomial in u = x(1-x), which sin(πx) is a smooth function of.
#[inline(always)]
pub fn sine(phase: u32) -> f32 {
    let x = phase as i32 as f32 * (1.0 / 2_147_483_648.0);
    let s = x * (1.0 - x.abs());
    let u = s.abs();
    s * (3.141_592 + u * (3.141_686 + u * (1.113_609_3 + u * 0.216_654_4)))
}

#[derive(Clone, Copy)]
struct Group {
    phase: [u32; LANES],
    step: [u32; LANES],
    step_slope: [u32; LANES],
    step_end: [u32; LANES],
    amplitude: [f32; LANES],
    amplitude_slope: [f32; LANES],
    amplitude_end: [f32; LANES],
    level_from: [f32; LANES],
    level_to: [f32; LANES],
    lean: [f32; LANES],
    sounding: bool,
}

/// The partials of one voice.
pub struct HarmonicBank {
    arch: Arch,
    sample_rate_hz: f32,
    groups: [Group; GROUPS],
    octave_from: f32,
    octave_to: f32,
    stretch_from: f32,
    stretch_to: f32,
    position: u32,
    ramp: u32,
    left_in_segment: u32,
    silent: bool,
}

impl HarmonicBank {
    pub fn new(sample_rate_hz: f32) -> Self {
        let quiet = Group {
            phase: [0; LANES],
            step: [0; LANES],
            step_slope: [0; LANES],
            step_end: [0; LANES],
            amplitude: [0.0; LANES],
            amplitude_slope: [0.0; LANES],
            amplitude_end: [0.0; LANES],
            level_from: [0.0; LANES],
            level_to: [0.0; LANES],
            lean: [0.0; LANES],
            sounding: false,
        };
        let mut bank = HarmonicBank {
            arch: Arch::new(),
            sample_rate_hz,
            groups: [quiet; GROUPS],
            octave_from: 0.0,
            octave_to: 0.0,
            stretch_from: 0.0,
            stretch_to: 0.0,
            position: 0,
            ramp: 0,
            left_in_segment: 0,
            silent: true,
        };
        bank.reset();
        bank
    }

    /// Silent, with every phase where it was at the start.
    pub fn reset(&mut self) {
        for (g, group) in self.groups.iter_mut().enumerate() {
            for lane in 0..LANES {
                let k = (g * LANES + lane + 1) as f32;
                let cycles = -0.5 * k * (k - 1.0) / SCHROEDER_DIVISOR;
                group.phase[lane] = (cycles.rem_euclid(1.0) as f64 * 4_294_967_296.0) as u32;
                group.lean[lane] = lean_of(g * LANES + lane);
            }
            (group.step, group.step_slope, group.step_end) = Default::default();
            (group.amplitude, group.amplitude_slope, group.amplitude_end) = Default::default();
            (group.level_from, group.level_to) = Default::default();
            group.sounding = false;
        }
        (self.octave_from, self.octave_to) = (8.0, 8.0);
        (self.stretch_from, self.stretch_to) = (0.0, 0.0);
        (self.position, self.ramp, self.left_in_segment) = (0, 0, 0);
        self.silent = true;
    }

    /// Goes to a playable frame in `ramp_samples`. Out of silence the pitch is there at once: a note does not glide in.
    pub fn set_target(&mut self, frame: &SoundFrame, ramp_samples: u32) {
        if self.ramp > 0 && self.position >= self.ramp {
            self.settle();
        }
        let done = self.progress(self.position);
        self.octave_from += (self.octave_to - self.octave_from) * done;
        self.stretch_from += (self.stretch_to - self.stretch_from) * done;
        self.octave_to = frame.f0_hz.log2();
        self.stretch_to = frame.inharmonicity;
        for (group, to) in self
            .groups
            .iter_mut()
            .zip(frame.harmonics.chunks_exact(LANES))
        {
            for (lane, to) in to.iter().enumerate() {
                group.level_from[lane] += (group.level_to[lane] - group.level_from[lane]) * done;
                group.level_to[lane] = *to;
            }
        }
        (self.position, self.ramp, self.left_in_segment) = (0, ramp_samples.max(1), 0);
        if self.silent {
            (self.octave_from, self.stretch_from) = (self.octave_to, self.stretch_to);
            self.place_pitch();
        }
        self.silent = false;
    }

    /// Whether every partial has come to rest at nothing.
    pub fn is_silent(&self) -> bool {
        self.silent
    }

    /// Adds up to 16 samples to `mid` (the sum of the partials) and `side` (their lean to the left).
    pub fn add(&mut self, mid: &mut [f32], side: &mut [f32]) {
        let count = mid.len().min(side.len());
        let mut done = 0;
        while done < count {
            if self.left_in_segment == 0 {
                self.begin_segment();
            }
            let span = (count - done)
                .min(SEGMENT as usize)
                .min(self.left_in_segment as usize);
            if !self.silent {
                self.add_span(&mut mid[done..done + span], &mut side[done..done + span]);
            }
            self.left_in_segment -= span as u32;
            self.position = self.position.saturating_add(span as u32);
            done += span;
        }
    }

    fn progress(&self, position: u32) -> f32 {
        if position >= self.ramp {
            1.0
        } else {
            position as f32 / self.ramp as f32
        }
    }

    fn begin_segment(&mut self) {
        if self.position >= self.ramp && self.ramp > 0 {
            self.settle();
        } else if self.ramp == 0 {
            self.left_in_segment = u32::MAX;
        } else {
            let length = SEGMENT.min(self.ramp - self.position);
            self.aim(length);
            self.left_in_segment = length;
        }
    }

    /// The end of a ramp: everything stands exactly at its target.
    fn settle(&mut self) {
        let mut sum = 0.0;
        for group in &mut self.groups {
            group.step = group.step_end;
            group.amplitude = group.amplitude_end;
            group.step_slope = [0; LANES];
            group.amplitude_slope = [0.0; LANES];
            group.level_from = group.level_to;
            let loudest = group.amplitude.iter().fold(0.0f32, |a, b| a.max(*b));
            group.sounding = loudest > 0.0;
            sum += loudest;
        }
        (self.octave_from, self.stretch_from) = (self.octave_to, self.stretch_to);
        self.silent = sum == 0.0;
        (self.ramp, self.position) = (0, 0);
        self.left_in_segment = u32::MAX;
    }

    /// Sets the slopes that lead to where the ramp will be `length` samples from now.
    fn aim(&mut self, length: u32) {
        let done = self.progress(self.position + length);
        let f0_hz = (self.octave_from + (self.octave_to - self.octave_from) * done).exp2();
        let stretch = self.stretch_from + (self.stretch_to - self.stretch_from) * done;
        self.arch.dispatch(Aim {
            groups: &mut self.groups,
            sample_rate_hz: self.sample_rate_hz,
            f0_hz,
            stretch,
            done,
            per_sample: 1.0 / length as f32,
            continuing: self.position > 0 && self.position.is_multiple_of(SEGMENT),
        });
    }

    /// Puts every partial at the pitch where the ramp begins, without a slope.
    fn place_pitch(&mut self) {
        let (f0_hz, stretch) = (self.octave_from.exp2(), self.stretch_from);
        let top = top_hz(self.sample_rate_hz);
        for (g, group) in self.groups.iter_mut().enumerate() {
            for lane in 0..LANES {
                let k = (g * LANES + lane + 1) as f32;
                let hz = (k * f0_hz * (1.0 + stretch * k * k).sqrt()).min(top);
                group.step[lane] = (hz * (4_294_967_296.0 / self.sample_rate_hz)) as i32 as u32;
            }
        }
    }

    fn add_span(&mut self, mid: &mut [f32], side: &mut [f32]) {
        let groups = &mut self.groups;
        self.arch.dispatch(AddSpan { groups, mid, side });
    }
}

/// Slopes for every partial, to what the ramp will have reached at the end of a segment.
struct Aim<'a> {
    groups: &'a mut [Group; GROUPS],
    sample_rate_hz: f32,
    /// At the segment's end, as the rest.
    f0_hz: f32,
    stretch: f32,
    /// 0 to 1: the share of the ramp.
    done: f32,
    /// One over the segment's length in samples.
    per_sample: f32,
    /// Whether the segment before led to where this one begins.
    continuing: bool,
}

impl WithSimd for Aim<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let top = top_hz(self.sample_rate_hz);
        let (fade_scale, cycles) = (
            1.0 / (FADE_SHARE * top),
            4_294_967_296.0 / self.sample_rate_hz,
        );
        for (g, group) in self.groups.iter_mut().enumerate() {
            if self.continuing {
                group.step = group.step_end;
                group.amplitude = group.amplitude_end;
            }
            let mut loudest = [0.0f32; LANES];
            for lane in 0..LANES {
                let k = (g * LANES + lane + 1) as f32;
                let hz = (k * self.f0_hz * (1.0 + self.stretch * k * k).sqrt()).min(top);
                let inside = ((top - hz) * fade_scale).clamp(0.0, 1.0);
                let level = group.level_from[lane]
                    + (group.level_to[lane] - group.level_from[lane]) * self.done;
                let end = level * inside * inside * (3.0 - 2.0 * inside);
                group.amplitude_end[lane] = end;
                group.amplitude_slope[lane] = (end - group.amplitude[lane]) * self.per_sample;
                group.step_end[lane] = (hz * cycles) as i32 as u32;
                let slope = group.step_end[lane].wrapping_sub(group.step[lane]) as i32;
                group.step_slope[lane] = (slope as f32 * self.per_sample) as i32 as u32;
                loudest[lane] = end.max(group.amplitude[lane].abs());
            }
            group.sounding = loudest.iter().any(|level| *level > 0.0);
        }
    }
}

/// The next samples, at most a segment, of every partial that sounds.
struct AddSpan<'a> {
    groups: &'a mut [Group; GROUPS],
    mid: &'a mut [f32],
    side: &'a mut [f32],
}

impl WithSimd for AddSpan<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let count = self.mid.len();
        let mut sums = [[0.0f32; LANES]; SEGMENT as usize];
        let mut leans = [[0.0f32; LANES]; SEGMENT as usize];
        for group in self.groups {
            if group.sounding {
                group.add(&mut sums[..count], &mut leans[..count]);
            } else {
                group.skip(count as u32);
            }
        }
        for (out, sum) in self.mid.iter_mut().zip(&sums) {
            *out += total(sum);
        }
        for (out, sum) in self.side.iter_mut().zip(&leans) {
            *out += total(sum);
        }
    }
}

impl Group {
    #[inline(always)]
    fn add(&mut self, sums: &mut [[f32; LANES]], leans: &mut [[f32; LANES]]) {
        let Group {
            phase,
            step,
            step_slope,
            amplitude,
            amplitude_slope,
            lean,
            ..
        } = self;
        let (mut p, mut s, mut a) = (*phase, *step, *amplitude);
        for (sum, side) in sums.iter_mut().zip(leans) {
            for lane in 0..LANES {
                let y = sine(p[lane]) * a[lane];
                sum[lane] += y;
                side[lane] += y * lean[lane];
                p[lane] = p[lane].wrapping_add(s[lane]);
                s[lane] = s[lane].wrapping_add(step_slope[lane]);
                a[lane] += amplitude_slope[lane];
            }
        }
        (*phase, *step, *amplitude) = (p, s, a);
    }

    /// What `add` would leave behind, for partials too quiet to be heard. Exact, because the arithmetic wraps.
    #[inline(always)]
    fn skip(&mut self, count: u32) {
        let pairs = (count * count.saturating_sub(1)) / 2;
        for lane in 0..LANES {
            let moved = self.step[lane]
                .wrapping_mul(count)
                .wrapping_add(self.step_slope[lane].wrapping_mul(pairs));
            self.phase[lane] = self.phase[lane].wrapping_add(moved);
            self.step[lane] =
                self.step[lane].wrapping_add(self.step_slope[lane].wrapping_mul(count));
        }
    }
}

/// The two lowest partials stay in the middle; above, neighbours lean opposite ways by varying amounts.
fn lean_of(index: usize) -> f32 {
    if index < 2 {
        return 0.0;
    }
    let amount = LEAN * (0.5 + 0.5 * ((index * 5) % 8) as f32 / 7.0);
    if index.is_multiple_of(2) {
        amount
    } else {
        -amount
    }
}

#[inline(always)]
fn total(lanes: &[f32; LANES]) -> f32 {
    let mut halves = [0.0; LANES / 2];
    for (i, half) in halves.iter_mut().enumerate() {
        *half = lanes[i] + lanes[i + LANES / 2];
    }
    (halves[0] + halves[2]) + (halves[1] + halves[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bank(arch: Arch) -> HarmonicBank {
        HarmonicBank {
            arch,
            ..HarmonicBank::new(48_000.0)
        }
    }

    #[test]
    fn the_widest_vectors_give_the_same_bits() {
        let mut frame = SoundFrame::SILENT;
        let [mut narrow, mut wide] = [Arch::Scalar, Arch::new()].map(bank);
        for tick in 0..50 {
            frame.f0_hz = 110.0 * 1.03f32.powi(tick);
            frame.inharmonicity = 2e-5 * tick as f32;
            for (k, level) in frame.harmonics.iter_mut().enumerate().take(tick as usize) {
                *level = 0.2 / (k + 1) as f32;
            }
            for bank in [&mut narrow, &mut wide] {
                bank.set_target(&frame, 240);
            }
            for span in [16, 7, 9, 16].repeat(5) {
                let heard = [&mut narrow, &mut wide].map(|bank| {
                    let (mut mid, mut side) = ([0.0; 16], [0.0; 16]);
                    bank.add(&mut mid[..span], &mut side[..span]);
                    (mid, side)
                });
                assert!(heard[0] == heard[1], "tick {tick}");
                assert!(tick == 0 || heard[0].0 != [0.0; 16], "tick {tick}");
            }
        }
    }
}
