//! Smooth curves through samples on an even grid: cubic B-splines that pass through every sample. Their second
//! derivative is continuous, so that a virtual accelerometer on a limb that follows one has no steps.

/// One curve.
#[derive(Clone, Debug)]
pub struct Spline {
    rate_hz: f64,
    start_s: f64,
    weights: Vec<f64>,
}

/// Pole of the filter that turns samples into weights (Unser, Aldroubi & Eden, IEEE Trans. Signal Processing 1993).
const POLE: f64 = -0.267_949_192_431_122_7;

impl Spline {
    /// Through `samples`, the first at `start_s`; before the first and after the last it stays.
    pub fn through(samples: &[f64], rate_hz: f64, start_s: f64) -> Spline {
        let mut weights: Vec<f64> = samples.iter().map(|x| 6.0 * x).collect();
        // The ends are mirrored: what lies more than 30 samples back does not count.
        let ahead = |weights: &[f64]| -> f64 {
            let first = weights.iter().take(30).enumerate();
            first.map(|(i, w)| w * POLE.powi(i as i32)).sum()
        };
        if weights.len() > 1 {
            weights[0] = ahead(&weights);
            for i in 1..weights.len() {
                weights[i] += POLE * weights[i - 1];
            }
            let last = weights.len() - 1;
            weights[last] = POLE / (POLE * POLE - 1.0) * (weights[last] + POLE * weights[last - 1]);
            for i in (0..last).rev() {
                weights[i] = POLE * (weights[i + 1] - weights[i]);
            }
        } else {
            weights.iter_mut().for_each(|w| *w /= 6.0);
        }
        Spline {
            rate_hz,
            start_s,
            weights,
        }
    }

    /// Value at a time.
    pub fn at(&self, t_s: f64) -> f64 {
        let last = self.weights.len().saturating_sub(1) as f64;
        let x = ((t_s - self.start_s) * self.rate_hz).clamp(0.0, last);
        let (whole, u) = (x.floor(), x - x.floor());
        let v = 1.0 - u;
        let parts = [
            v * v * v,
            4.0 - 6.0 * u * u + 3.0 * u * u * u,
            4.0 - 6.0 * v * v + 3.0 * v * v * v,
            u * u * u,
        ];
        let weight = |offset: i64| self.mirrored(whole as i64 + offset);
        let sum: f64 = (-1..3).zip(parts).map(|(o, p)| weight(o) * p).sum();
        sum / 6.0
    }

    fn mirrored(&self, index: i64) -> f64 {
        let last = self.weights.len() as i64 - 1;
        let inside = if index < 0 {
            -index
        } else if index > last {
            2 * last - index
        } else {
            index
        };
        self.weights
            .get(inside.clamp(0, last.max(0)) as usize)
            .copied()
            .unwrap_or(0.0)
    }
}

/// Samples as if read through a Gaussian window of deviation `spread` samples.
pub fn smoothed(samples: &[f64], spread: f64) -> Vec<f64> {
    let reach = (3.0 * spread).ceil() as i64;
    let window: Vec<f64> = (-reach..=reach)
        .map(|i| (-0.5 * (i as f64 / spread.max(1e-9)).powi(2)).exp())
        .collect();
    let whole: f64 = window.iter().sum();
    let last = samples.len() as i64 - 1;
    (0..=last)
        .map(|n| {
            let near = (-reach..=reach).zip(&window);
            let sum: f64 = near
                .map(|(i, w)| w * samples[(n + i).clamp(0, last) as usize])
                .sum();
            sum / whole
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_passes_through_its_samples_and_follows_a_sine_between_them() {
        let wave = |t: f64| (std::f64::consts::TAU * 3.0 * t).sin();
        let samples: Vec<f64> = (0..=200).map(|i| wave(f64::from(i) / 100.0)).collect();
        let spline = Spline::through(&samples, 100.0, 5.0);
        for (i, x) in samples.iter().enumerate() {
            assert!((spline.at(5.0 + i as f64 / 100.0) - x).abs() < 1e-9, "{i}");
        }
        for i in 20..180 {
            let t = (f64::from(i) + 0.5) / 100.0;
            assert!((spline.at(5.0 + t) - wave(t)).abs() < 1e-4, "{i}");
        }
        assert_eq!(spline.at(0.0), spline.at(5.0));
    }

    #[test]
    fn its_second_derivative_follows_a_sine() {
        let turn = std::f64::consts::TAU * 2.0;
        let samples: Vec<f64> = (0..400)
            .map(|i| (turn * f64::from(i) / 100.0).sin())
            .collect();
        let spline = Spline::through(&samples, 100.0, 0.0);
        let h = 1e-3;
        for i in 50..350 {
            let t = f64::from(i) / 100.0 + 0.003;
            let second = (spline.at(t - h) - 2.0 * spline.at(t) + spline.at(t + h)) / (h * h);
            let expected = -turn * turn * (turn * t).sin();
            assert!((second - expected).abs() < 0.01 * turn * turn, "{i}");
        }
    }

    #[test]
    fn smoothing_keeps_what_is_constant_and_spreads_a_step() {
        let step: Vec<f64> = (0..100).map(|i| if i < 50 { 0.0 } else { 1.0 }).collect();
        let soft = smoothed(&step, 4.0);
        assert!(soft[0] == 0.0 && (soft[99] - 1.0).abs() < 1e-12);
        assert!((soft[49] + soft[50] - 1.0).abs() < 1e-9 && soft[45] > 0.05);
    }
}
