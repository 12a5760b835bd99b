//! Smoothers of the motion path, in `f64`: at 200 Hz and time constants of seconds a single-precision
//! Butterworth filter drifts by half a degree of tilt.

use super::quaternion::Vector;

/// Share of the way a one-pole smoother goes in one step.
pub fn one_pole_share(time_constant_s: f64, step_s: f64) -> f64 {
    1.0 - (-step_s / time_constant_s).exp()
}

/// Second-order Butterworth low-pass of several channels, started from the running mean of its first
/// `time_constant_s` so that it is of use from the first value on (Laidig and Seel 2023, "VQF", §3.3).
#[derive(Clone, Copy, Debug)]
pub struct Butterworth<const N: usize> {
    feedforward: [f64; 3],
    feedback: [f64; 2],
    state: [[f64; 2]; N],
    sum: [f64; N],
    count: u32,
    mean_count: u32,
}

impl<const N: usize> Butterworth<N> {
    /// Cut-off at √2 / (2π `time_constant_s`).
    pub fn new(time_constant_s: f64, step_s: f64) -> Self {
        let cutoff_hz = std::f64::consts::SQRT_2 / (std::f64::consts::TAU * time_constant_s);
        let c = (std::f64::consts::PI * cutoff_hz * step_s).tan();
        let d = c * c + std::f64::consts::SQRT_2 * c + 1.0;
        let b0 = c * c / d;
        Butterworth {
            feedforward: [b0, 2.0 * b0, b0],
            feedback: [
                2.0 * (c * c - 1.0) / d,
                (1.0 - std::f64::consts::SQRT_2 * c + c * c) / d,
            ],
            state: [[0.0; 2]; N],
            sum: [0.0; N],
            count: 0,
            mean_count: (time_constant_s / step_s).round().clamp(1.0, 1e6) as u32,
        }
    }

    pub fn reset(&mut self) {
        self.state = [[0.0; 2]; N];
        self.sum = [0.0; N];
        self.count = 0;
    }

    pub fn step(&mut self, input: [f64; N]) -> [f64; N] {
        if self.count < self.mean_count {
            return self.running_mean(input);
        }
        let [b0, b1, b2] = self.feedforward;
        let [a1, a2] = self.feedback;
        let mut output = [0.0; N];
        for ((x, y), state) in input.iter().zip(&mut output).zip(&mut self.state) {
            *y = b0 * x + state[0];
            state[0] = b1 * x - a1 * *y + state[1];
            state[1] = b2 * x - a2 * *y;
        }
        output
    }

    fn running_mean(&mut self, input: [f64; N]) -> [f64; N] {
        self.count += 1;
        let mut mean = [0.0; N];
        for i in 0..N {
            self.sum[i] += input[i];
            mean[i] = self.sum[i] / f64::from(self.count);
            self.state[i] = [
                mean[i] * (1.0 - self.feedforward[0]),
                mean[i] * (self.feedforward[2] - self.feedback[1]),
            ];
        }
        mean
    }
}

/// One-pole smoother of a vector that starts at its first value.
#[derive(Clone, Copy, Debug)]
pub struct Smoothed {
    share: f64,
    pub value: Option<Vector>,
}

impl Smoothed {
    pub fn new(time_constant_s: f64, step_s: f64) -> Self {
        Smoothed {
            share: one_pole_share(time_constant_s, step_s),
            value: None,
        }
    }

    pub fn reset(&mut self) {
        self.value = None;
    }

    pub fn step(&mut self, input: Vector) -> Vector {
        let mut value = self.value.unwrap_or(input);
        for (v, x) in value.iter_mut().zip(input) {
            *v += (x - *v) * self.share;
        }
        self.value = Some(value);
        value
    }
}

/// The 1 € filter (Casiez, Roussel and Vogel 2012): a low-pass whose cut-off rises with the speed of its input, so
/// that a slow hand does not tremble and a fast one is not late. In `f32`: it has no slow poles.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneEuro {
    value: Option<f32>,
    speed: f32,
}

/// Cut-off of the speed estimate, as the authors advise.
const SPEED_CUTOFF_HZ: f32 = 1.0;

impl OneEuro {
    pub fn reset(&mut self) {
        *self = OneEuro::default();
    }

    /// `slow_hz` is the cut-off at rest, `opening_hz` what a speed of 1 a second adds. Starts at its first value;
    /// what is not finite is passed over.
    pub fn step(&mut self, input: f32, step_s: f32, slow_hz: f32, opening_hz: f32) -> f32 {
        let before = self.value.unwrap_or(input);
        if !input.is_finite() {
            return before;
        }
        let speed = (input - before) / step_s;
        self.speed += (speed - self.speed) * share(SPEED_CUTOFF_HZ, step_s);
        let cutoff_hz = slow_hz + opening_hz * self.speed.abs();
        let value = before + (input - before) * share(cutoff_hz, step_s);
        self.value = Some(value);
        value
    }
}

/// Share of the way in one step at a cut-off.
fn share(cutoff_hz: f32, step_s: f32) -> f32 {
    let ratio = std::f32::consts::TAU * cutoff_hz * step_s;
    ratio / (ratio + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_hand_is_smoothed_and_a_fast_one_is_not_late() {
        let tremble = |i: i32| if i % 2 == 0 { 0.02 } else { -0.02 };
        let mut filter = OneEuro::default();
        let held: Vec<f32> = (0..400)
            .map(|i| filter.step(tremble(i), 0.01, 1.0, 4.0))
            .collect();
        let most = held[200..]
            .iter()
            .fold(0.0, |most: f32, v| most.max(v.abs()));
        assert!(most < 0.004, "{most}");
        // Across the whole span in a tenth of a second.
        let mut reached = 0.0;
        for i in 0..25 {
            reached = filter.step((i as f32 * 0.1).min(1.0), 0.01, 1.0, 4.0);
        }
        let mut slow = OneEuro::default();
        let mut late = 0.0;
        for i in 0..25 {
            late = slow.step((i as f32 * 0.1).min(1.0), 0.01, 1.0, 0.0);
        }
        assert!(reached > 0.9 && late < 0.75, "{reached} {late}");
    }

    #[test]
    fn a_constant_passes_unchanged_for_an_hour() {
        let mut filter = Butterworth::<1>::new(3.0, 0.005);
        let mut worst = 0.0f64;
        for _ in 0..200 * 3600 {
            worst = worst.max((filter.step([9.81])[0] - 9.81).abs());
        }
        assert!(worst < 1e-6, "{worst}");
    }

    #[test]
    fn the_cutoff_is_3_db_down() {
        let (tau, step) = (0.5, 0.005);
        let mut filter = Butterworth::<1>::new(tau, step);
        let cutoff_hz = std::f64::consts::SQRT_2 / (std::f64::consts::TAU * tau);
        let mut peak = 0.0f64;
        for i in 0..20_000 {
            let phase = std::f64::consts::TAU * cutoff_hz * f64::from(i) * step;
            let y = filter.step([phase.sin()])[0];
            if i > 10_000 {
                peak = peak.max(y.abs());
            }
        }
        assert!((20.0 * peak.log10() + 3.01).abs() < 0.05, "{peak}");
    }
}
