//! A peak limiter without look-ahead, so without latency, on the audio thread: the last thing before the DAW.
//!
//! An envelope jumps to each peak, holds, and falls slowly; a soft-kneed curve of that envelope sets one gain for
//! both channels. No sample is ever above its envelope, so none leaves above the ceiling. What is not finite
//! becomes silence and is counted.

use crate::units::db_to_gain;

const HOLD_MS: f32 = 12.0;
const RELEASE_MS: f32 = 120.0;
/// Where the gain begins to bend, below the ceiling.
const KNEE_DB: f32 = 6.0;

pub struct Limiter {
    ceiling: f32,
    knee: f32,
    hold_samples: u32,
    release: f32,
    envelope: f32,
    held: u32,
    faults: u64,
}

impl Limiter {
    pub fn new(sample_rate_hz: f32, ceiling_db: f32) -> Self {
        let ceiling = db_to_gain(ceiling_db);
        Limiter {
            ceiling,
            knee: ceiling * db_to_gain(-KNEE_DB),
            hold_samples: (HOLD_MS * 1e-3 * sample_rate_hz) as u32,
            release: (-1.0 / (RELEASE_MS * 1e-3 * sample_rate_hz)).exp(),
            envelope: 0.0,
            held: 0,
            faults: 0,
        }
    }

    pub fn reset(&mut self) {
        (self.envelope, self.held) = (0.0, 0);
    }

    /// How many samples were not finite since `new`.
    pub fn faults(&self) -> u64 {
        self.faults
    }

    /// The gain now, 0 to 1: what a meter of gain reduction shows.
    pub fn gain(&self) -> f32 {
        self.curve(self.envelope)
    }

    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (l, r) in left.iter_mut().zip(right) {
            for sample in [&mut *l, &mut *r] {
                if !sample.is_finite() {
                    *sample = 0.0;
                    self.faults += 1;
                }
            }
            let peak = l.abs().max(r.abs());
            if peak >= self.envelope {
                (self.envelope, self.held) = (peak, self.hold_samples);
            } else if self.held > 0 {
                self.held -= 1;
            } else {
                self.envelope *= self.release;
            }
            if self.envelope > self.knee {
                let gain = self.curve(self.envelope);
                *l = (*l * gain).clamp(-self.ceiling, self.ceiling);
                *r = (*r * gain).clamp(-self.ceiling, self.ceiling);
            } else if self.envelope < 1e-20 {
                self.envelope = 0.0;
            }
        }
    }

    /// Gain for an envelope: 1 to the knee, then an output that nears the ceiling with a slope that starts at 1.
    fn curve(&self, envelope: f32) -> f32 {
        let over = envelope - self.knee;
        if over <= 0.0 {
            return 1.0;
        }
        let room = self.ceiling - self.knee;
        (self.knee + room * (over / (over + room))) / envelope
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_above_the_ceiling() {
        let mut limiter = Limiter::new(48_000.0, -1.0);
        let ceiling = db_to_gain(-1.0);
        let mut seed = 1u32;
        for n in 0..50_000 {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let loud = 10.0f32.powi((n / 5000) % 6 - 2);
            let x = loud * (seed as i32 as f32 / i32::MAX as f32);
            let (mut l, mut r) = (
                [x],
                [f32::MAX * x.signum() * if n % 997 == 0 { 1.0 } else { 0.0 }],
            );
            limiter.render(&mut l, &mut r);
            assert!(l[0].abs() <= ceiling && r[0].abs() <= ceiling);
        }
    }

    #[test]
    fn what_is_quiet_passes_untouched() {
        let mut limiter = Limiter::new(48_000.0, -0.3);
        let (mut l, mut r) = ([0.4, -0.45, 0.1], [0.0, 0.2, -0.3]);
        limiter.render(&mut l, &mut r);
        assert_eq!((l, r), ([0.4, -0.45, 0.1], [0.0, 0.2, -0.3]));
    }

    #[test]
    fn a_held_loud_tone_is_scaled_and_not_bent() {
        let mut limiter = Limiter::new(48_000.0, 0.0);
        let tone = |n: usize| 2.0 * (std::f32::consts::TAU * 220.0 * n as f32 / 48_000.0).sin();
        let mut worst = 0.0f32;
        for n in 0..48_000 {
            let (mut l, mut r) = ([tone(n)], [0.0]);
            limiter.render(&mut l, &mut r);
            if n > 24_000 {
                worst = worst.max((l[0] - tone(n) * limiter.gain()).abs());
            }
        }
        assert!(worst < 1e-6 && limiter.gain() < 0.5);
    }

    #[test]
    fn what_is_not_finite_becomes_silence_and_is_counted() {
        let mut limiter = Limiter::new(48_000.0, 0.0);
        let (mut l, mut r) = ([f32::NAN, 0.1], [f32::INFINITY, 0.1]);
        limiter.render(&mut l, &mut r);
        assert_eq!((l, r, limiter.faults()), ([0.0, 0.1], [0.0, 0.1], 2));
    }
}
