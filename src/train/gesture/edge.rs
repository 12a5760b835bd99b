//! Where an onset begins, chosen on what is held out together with what was learned from: a few onsets alone would say
//! it at random. Folded into the weights.

use serde::Serialize;

use super::evaluate::onset_f1;
use super::heads::Heads;
use super::take::Truth;

/// Onset logits become `(logit - threshold) * sharpness`, so that notes begin and end where the engine has them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Edge {
    pub threshold: f32,
    pub sharpness: f32,
}

impl Edge {
    /// Changes nothing.
    pub const NONE: Edge = Edge {
        threshold: 0.0,
        sharpness: 1.0,
    };

    pub fn change(self, logit: f32) -> f32 {
        (logit - self.threshold) * self.sharpness
    }
}

/// The edge with which the onsets of these takes are found best, the bluntest that does, in the middle of the thresholds
/// that do as well; `answers` are raw outputs of each take and its truth. None is needed where there are no onsets.
pub fn onset_edge(heads: &Heads, answers: &[(Vec<f32>, &[Truth])], rate_hz: f32) -> Edge {
    const TRIED: usize = 40;
    const AS_GOOD: f32 = 0.98;
    let mut logits: Vec<f32> = answers
        .iter()
        .flat_map(|(raw, _)| {
            raw.chunks_exact(heads.width())
                .map(|row| row[heads.onset()])
        })
        .collect();
    logits.sort_by(f32::total_cmp);
    let at = |share: f32| logits.get((logits.len() as f32 * share) as usize).copied();
    // Onsets are rare: above the middle lies every threshold worth trying.
    let (low, high) = (at(0.5).unwrap_or(0.0), at(0.999).unwrap_or(0.0));
    let thresholds = (0..TRIED).map(|n| low + (high - low) * n as f32 / TRIED as f32);
    let thresholds: Vec<f32> = thresholds.collect();
    let mut tried = Vec::new();
    for sharpness in [1.0, 2.0, 4.0, 8.0] {
        for threshold in thresholds.iter().copied() {
            let edge = Edge {
                threshold,
                sharpness,
            };
            let f1 = onset_f1(heads, rate_hz, answers, |logit| edge.change(logit));
            tried.push((f1, edge));
        }
    }
    let best = tried.iter().fold(0.0, |best: f32, (f1, _)| best.max(*f1));
    let good = |(f1, edge): &(f32, Edge)| (best > 0.0 && *f1 >= AS_GOOD * best).then_some(*edge);
    let good: Vec<Edge> = tried.iter().filter_map(good).collect();
    let blunt: Vec<Edge> = good
        .iter()
        .copied()
        .filter(|edge| edge.sharpness == good[0].sharpness)
        .collect();
    blunt.get(blunt.len() / 2).copied().unwrap_or(Edge::NONE)
}
