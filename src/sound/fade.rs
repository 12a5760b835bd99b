//! Click-free coming and going: a raised-cosine-like gain that opens and closes over a fixed time, on the audio
//! thread. A change of mind turns around where it is.

/// A gain that is on its way to open or shut.
pub struct Fade {
    per_sample: f32,
    position: f32,
    open: bool,
}

impl Fade {
    /// Shut. `fade_ms` is the time from shut to open.
    pub fn new(sample_rate_hz: f32, fade_ms: f32) -> Self {
        let mut fade = Fade {
            per_sample: 1.0,
            position: 0.0,
            open: false,
        };
        fade.set_time(sample_rate_hz, fade_ms);
        fade
    }

    pub fn set_time(&mut self, sample_rate_hz: f32, fade_ms: f32) {
        self.per_sample = 1.0 / (sample_rate_hz * fade_ms * 1e-3).max(1.0);
    }

    /// Shut at once.
    pub fn reset(&mut self) {
        (self.position, self.open) = (0.0, false);
    }

    pub fn set_open(&mut self, open: bool) {
        self.open = open;
    }

    /// Whether nothing will be heard until it is opened again.
    pub fn is_shut(&self) -> bool {
        !self.open && self.position <= 0.0
    }

    /// Whether what comes in goes out unchanged.
    pub fn is_open(&self) -> bool {
        self.open && self.position >= 1.0
    }

    /// The gain of the next sample; smooth at both ends.
    #[inline]
    pub fn step(&mut self) -> f32 {
        let step = if self.open {
            self.per_sample
        } else {
            -self.per_sample
        };
        self.position = (self.position + step).clamp(0.0, 1.0);
        let x = self.position;
        x * x * (3.0 - 2.0 * x)
    }

    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        if self.is_open() {
            return;
        }
        for (l, r) in left.iter_mut().zip(right) {
            let gain = self.step();
            *l *= gain;
            *r *= gain;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_and_shuts_without_a_click() {
        let mut fade = Fade::new(48_000.0, 10.0);
        assert!(fade.is_shut());
        let mut last = 0.0;
        for n in 0..2000 {
            fade.set_open((100..900).contains(&n) || (1000..1200).contains(&n));
            let (mut l, mut r) = ([1.0], [1.0]);
            fade.render(&mut l, &mut r);
            assert!((l[0] - last).abs() < 1.6 / 480.0, "sample {n}");
            last = l[0];
            if n == 800 {
                assert!(fade.is_open() && l[0] == 1.0);
            }
        }
        assert!(fade.is_shut() && last == 0.0);
    }
}
