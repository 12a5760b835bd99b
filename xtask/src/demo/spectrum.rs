//! Short-time spectrum of the rendered sound, in decibels, for the figure.

use realfft::RealFftPlanner;

const WINDOW: usize = 8192;

pub struct Spectrogram {
    columns: Vec<Vec<f32>>,
    bin_hz: f64,
}

impl Spectrogram {
    /// Hann windows centred on `count` equally spaced moments.
    pub fn new(samples: &[f32], sample_rate_hz: f64, count: usize) -> Self {
        let mut planner = RealFftPlanner::<f32>::new();
        let fft = planner.plan_fft_forward(WINDOW);
        let (mut input, mut output) = (fft.make_input_vec(), fft.make_output_vec());
        let mut scratch = fft.make_scratch_vec();
        let hann: Vec<f32> = (0..WINDOW)
            .map(|index| 0.5 - 0.5 * (std::f32::consts::TAU * index as f32 / WINDOW as f32).cos())
            .collect();
        let mut columns = Vec::with_capacity(count);
        for column in 0..count {
            let centre = (column as f64 + 0.5) / count as f64 * samples.len() as f64;
            let start = centre as isize - WINDOW as isize / 2;
            for (index, (value, weight)) in input.iter_mut().zip(&hann).enumerate() {
                let at = usize::try_from(start + index as isize).ok();
                *value = at.and_then(|at| samples.get(at)).copied().unwrap_or(0.0) * weight;
            }
            // The lengths come from the plan itself, so this cannot fail.
            let _ = fft.process_with_scratch(&mut input, &mut output, &mut scratch);
            // A full-scale sine reads 0 dB: a Hann window keeps half of it, a real transform half of that.
            let full_scale = WINDOW as f32 / 4.0;
            columns.push(
                output
                    .iter()
                    .map(|bin| 20.0 * (bin.norm() / full_scale).max(1e-7).log10())
                    .collect(),
            );
        }
        Self {
            columns,
            bin_hz: sample_rate_hz / WINDOW as f64,
        }
    }

    /// The loudest bin of a band, or between bins where the band is narrower than one.
    pub fn level_db(&self, column: usize, low_hz: f64, high_hz: f64) -> f32 {
        let Some(levels) = self
            .columns
            .get(column.min(self.columns.len().saturating_sub(1)))
        else {
            return -140.0;
        };
        let last = levels.len() - 1;
        let (low, high) = (
            (low_hz / self.bin_hz).min(last as f64),
            (high_hz / self.bin_hz).min(last as f64),
        );
        let (first, beyond) = (low.ceil() as usize, high.floor() as usize);
        if beyond > first {
            return levels[first..=beyond]
                .iter()
                .copied()
                .fold(-140.0, f32::max);
        }
        let middle = 0.5 * (low + high);
        let (below, share) = (middle.floor() as usize, middle.fract() as f32);
        levels[below] * (1.0 - share) + levels[(below + 1).min(last)] * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_scale_sine_reads_nought_at_its_own_frequency() {
        let sine: Vec<f32> = (0..48_000)
            .map(|n| (std::f32::consts::TAU * 1000.0 * n as f32 / 48_000.0).sin())
            .collect();
        let spectrogram = Spectrogram::new(&sine, 48_000.0, 10);
        let there = spectrogram.level_db(5, 950.0, 1050.0);
        let elsewhere = spectrogram.level_db(5, 3000.0, 3300.0);
        assert!((-1.5..0.5).contains(&there), "{there}");
        assert!(elsewhere < -70.0, "{elsewhere}");
    }
}
