//! Noise from a model's own bands into the standard ones, power for power.

use crate::sound::frame::{MAX_BANDS, NoiseBands};

/// Top of the highest standard band.
const TOP_HZ: f32 = 24_000.0;

/// The bands every frame's noise is in: [`MAX_BANDS`] of equal width on the ear's own scale, ERB-rate
/// (Glasberg and Moore 1990), from 0 to 24 kHz.
pub fn standard_bands() -> NoiseBands {
    let rate = |hz: f32| 21.4 * (1.0 + 0.004_37 * hz).log10();
    let hz = |rate: f32| (10f32.powf(rate / 21.4) - 1.0) / 0.004_37;
    let mut bands = NoiseBands::NONE;
    bands.count = MAX_BANDS;
    for (i, edge) in bands.edges_hz.iter_mut().enumerate() {
        *edge = hz(rate(TOP_HZ) * i as f32 / MAX_BANDS as f32);
    }
    bands.edges_hz[0] = 0.0;
    bands
}

#[derive(Clone, Copy)]
struct Overlap {
    from: usize,
    to: usize,
    /// Of the power of `from`, how much falls into `to`.
    share: f32,
}

/// Which part of each band goes where; noise above the top is left out.
#[derive(Clone)]
pub struct Pour {
    overlaps: Vec<Overlap>,
}

impl Pour {
    pub fn new(own: &NoiseBands) -> Self {
        let standard = standard_bands();
        let mut overlaps = Vec::new();
        for (from, own) in own.edges_hz[..=own.count].windows(2).enumerate() {
            for (to, edges) in standard.edges_hz.windows(2).enumerate() {
                let common = own[1].min(edges[1]) - own[0].max(edges[0]);
                if common > 0.0 {
                    let share = common / (own[1] - own[0]);
                    overlaps.push(Overlap { from, to, share });
                }
            }
        }
        Pour { overlaps }
    }

    /// RMS per own band to RMS per standard band. Negative values count as silence.
    pub fn run(&self, own: &[f32], standard: &mut [f32; MAX_BANDS]) {
        standard.fill(0.0);
        for overlap in &self.overlaps {
            let rms = own.get(overlap.from).copied().unwrap_or(0.0).max(0.0);
            standard[overlap.to] += rms * rms * overlap.share;
        }
        for power in standard {
            *power = power.sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_bands_rise_and_are_accepted_by_the_synth() {
        let bands = standard_bands();
        assert!(NoiseBands::from_edges(&bands.edges_hz).is_some());
        assert!((bands.edges_hz[MAX_BANDS] - TOP_HZ).abs() < 1.0);
    }

    #[test]
    fn pouring_keeps_the_power_and_its_place() {
        let own = NoiseBands::from_edges(&[0.0, 500.0, 2_000.0, 8_000.0]).unwrap();
        let mut out = [0.0; MAX_BANDS];
        Pour::new(&own).run(&[0.0, 0.3, 0.0], &mut out);
        let edges = standard_bands().edges_hz;
        let power: f32 = out.iter().map(|rms| rms * rms).sum();
        assert!((power - 0.09).abs() < 1e-5);
        for (rms, edges) in out.iter().zip(edges.windows(2)) {
            assert!(*rms == 0.0 || (edges[1] > 500.0 && edges[0] < 2_000.0));
        }
    }
}
