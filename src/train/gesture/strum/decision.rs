//! From what the network says of each frame to strums, as the engine begins them; the thresholds are chosen on the
//! sessions that were learned from, and folded into the written model.

use serde::Serialize;

use super::super::evaluate::begun;
use super::learner::{DOWN, OUTPUTS, UP};
use super::score::f1_sum;
use super::session::{RATE_HZ, Strum};

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Decision {
    /// Logits of a down and an up stroke at which one begins.
    pub thresholds: [f32; 2],
    /// A beginning is said so long after the strings were struck.
    pub late_s: f64,
}

impl Decision {
    /// The chances' logits, so that the engine's own thresholds are these.
    pub fn logits(&self, raw: &[f32; OUTPUTS]) -> [f32; 2] {
        [raw[DOWN] - self.thresholds[0], raw[UP] - self.thresholds[1]]
    }

    /// The logit of a stroke of either direction.
    pub fn either(&self, raw: &[f32; OUTPUTS]) -> f32 {
        let [down, up] = self.logits(raw);
        down.max(up)
    }

    /// Strums as the engine begins them, put back to when the strings were struck.
    pub fn strums(&self, raws: &[[f32; OUTPUTS]]) -> Vec<Strum> {
        let strum = |frame: usize| {
            let [down, up] = self.logits(&raws[frame]);
            Strum {
                time_s: frame as f64 / f64::from(RATE_HZ) - self.late_s,
                up: up > down,
            }
        };
        begun(raws.iter().map(|raw| self.either(raw)))
            .into_iter()
            .map(strum)
            .collect()
    }

    /// The thresholds and the lateness, near `lag_s`, by which these sessions' strums are found best.
    pub fn fit(raws: &[Vec<[f32; OUTPUTS]>], real: &[&[Strum]], lag_s: f64) -> Decision {
        let mut best = (
            f64::MIN,
            Decision {
                thresholds: [0.0; 2],
                late_s: lag_s,
            },
        );
        for early in 0..4 {
            let late_s = lag_s - f64::from(early) / f64::from(RATE_HZ);
            for (down, up) in (-6..=3).flat_map(|down| (-6..=3).map(move |up| (down, up))) {
                let decision = Decision {
                    thresholds: [down as f32 * 0.3, up as f32 * 0.3],
                    late_s,
                };
                let fit: f64 = f1_sum(
                    raws.iter()
                        .map(|raw| decision.strums(raw))
                        .zip(real.iter().copied()),
                );
                if fit > best.0 + 1e-6 {
                    best = (fit, decision);
                }
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_found_that_tell_strums_from_murmurs() {
        let mut raws = vec![[-5.0, -5.0, 0.0]; 500];
        let mut real = Vec::new();
        for beat in 0..8 {
            let frame = 40 + beat * 50;
            raws[frame][DOWN] = -0.5;
            raws[frame + 25][UP] = -1.2;
            raws[frame + 12][DOWN] = -0.8;
            let at = |frame: usize| frame as f64 / f64::from(RATE_HZ) - 0.1;
            real.push(Strum {
                time_s: at(frame),
                up: false,
            });
            real.push(Strum {
                time_s: at(frame + 25),
                up: true,
            });
        }
        let decision = Decision::fit(&[raws.clone()], &[&real], 0.1);
        let found = decision.strums(&raws);
        assert_eq!(found.len(), real.len());
        assert!(
            found
                .iter()
                .zip(&real)
                .all(|(a, b)| a.up == b.up && (a.time_s - b.time_s).abs() < 0.1)
        );
    }
}
