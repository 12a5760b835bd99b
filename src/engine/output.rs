//! The last stage: gain without zipper, the panic fade, the limiter. Audio thread.

use crate::sound::fade::Fade;
use crate::sound::limiter::Limiter;
use crate::units::db_to_gain;

/// Time in which the output shuts and opens at a panic.
const PANIC_FADE_MS: f32 = 5.0;
/// The loudest sample that leaves, in dB relative to full scale.
const CEILING_DB: f32 = -0.3;
/// Time constant of the gain.
const GAIN_MS: f32 = 10.0;

pub struct Output {
    gain: f32,
    target_gain: f32,
    approach: f32,
    fade: Fade,
    limiter: Limiter,
    peak: f32,
}

impl Output {
    pub fn new(sample_rate_hz: f32) -> Self {
        Output {
            gain: 1.0,
            target_gain: 1.0,
            approach: 1.0 - (-1.0 / (GAIN_MS * 1e-3 * sample_rate_hz)).exp(),
            fade: Fade::new(sample_rate_hz, PANIC_FADE_MS),
            limiter: Limiter::new(sample_rate_hz, CEILING_DB),
            peak: 0.0,
        }
    }

    pub fn reset(&mut self) {
        self.gain = self.target_gain;
        self.fade.reset();
        self.limiter.reset();
        self.peak = 0.0;
    }

    pub fn set(&mut self, gain_db: f32, open: bool) {
        if gain_db.is_finite() {
            self.target_gain = db_to_gain(gain_db);
        }
        self.fade.set_open(open);
    }

    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (l, r) in left.iter_mut().zip(right.iter_mut()) {
            self.gain += self.approach * (self.target_gain - self.gain);
            *l *= self.gain;
            *r *= self.gain;
        }
        self.fade.render(left, right);
        self.limiter.render(left, right);
        for (l, r) in left.iter().zip(right.iter()) {
            self.peak = self.peak.max(l.abs()).max(r.abs());
        }
    }

    /// The peak since the last call, linear.
    pub fn take_peak(&mut self) -> f32 {
        std::mem::take(&mut self.peak)
    }

    pub fn limiter(&self) -> &Limiter {
        &self.limiter
    }
}
