//! The training loss and its gradient by the raw outputs, written out: the same loss as `loss::loss`.

use super::super::heads::Heads;
use super::super::loss::{
    CONFIDENCE_WEIGHT, FINE_LOSS, FINE_REACH, ONSET_LOSS, ONSET_WEIGHT, point_weight, softplus,
    spread_weight, weight_of,
};
use super::super::spread;
use super::super::take::Truth;

/// Loss per frame, and its gradient `[rows][outputs]`.
pub fn slope(heads: &Heads, raw: &[f32], truth: &[Truth]) -> (f32, Vec<f32>) {
    let weight_sum = truth.iter().map(weight_of).sum::<f32>().max(1.0);
    let mut gradient = vec![0.0; raw.len()];
    let mut total = 0.0f64;
    let width = heads.width();
    for ((row, out), truth) in raw
        .chunks_exact(width)
        .zip(gradient.chunks_exact_mut(width))
        .zip(truth)
    {
        let (weighed, right) = pitch(heads, row, out, truth, 1.0 / weight_sum);
        let share = 1.0 / truth_frames(raw, width);
        let plain =
            points(heads, row, out, truth, share) + chances(heads, row, out, truth, right, share);
        total += f64::from(weighed + plain);
    }
    (total as f32, gradient)
}

fn truth_frames(raw: &[f32], width: usize) -> f32 {
    (raw.len() / width.max(1)) as f32
}

/// Notes and fine offsets; returns the loss and the probability that the distribution gives to the truth.
fn pitch(heads: &Heads, row: &[f32], out: &mut [f32], truth: &Truth, share: f32) -> (f32, f32) {
    let count = heads.notes.count;
    let weight = weight_of(truth);
    let logits = &row[..count];
    let top = logits.iter().fold(f32::MIN, |top, logit| top.max(*logit));
    let mut sum = 0.0;
    for (p, logit) in out[..count].iter_mut().zip(logits) {
        *p = (logit - top).exp();
        sum += *p;
    }
    let (mut loss, mut right) = (0.0, 0.0);
    let between = heads.notes.between(truth.controls.pitch_note);
    for (index, part) in between {
        loss -= part * weight * (logits[index] - top - sum.ln());
        right += part * weight * out[index] / sum;
    }
    out[..count]
        .iter_mut()
        .for_each(|p| *p *= weight * share / sum);
    for (index, part) in between {
        out[index] -= part * weight * share;
    }
    for index in 0..count {
        let away = truth.controls.pitch_note - heads.notes.note(index);
        let near = weight * (1.0 - away.abs() / FINE_REACH).max(0.0);
        let error = row[count + index] - away;
        loss += FINE_LOSS * near * error * error;
        out[count + index] = 2.0 * FINE_LOSS * near * error * share;
    }
    (loss * share, right)
}

/// Means and deviations of what is said as numbers.
fn points(heads: &Heads, row: &[f32], out: &mut [f32], truth: &Truth, share: f32) -> f32 {
    let mut loss = 0.0;
    for (which, wanted) in heads.raw_points(truth).enumerate() {
        let (at, control) = (heads.point(which), heads.control(which));
        let error = row[at] - wanted;
        let weight = point_weight(control, truth);
        loss += weight * error * error;
        out[at] = 2.0 * weight * error * share;
        if let Some(at) = heads.spread(which) {
            let weight = spread_weight(control, truth);
            let (own, slope) = spread::loss(error, row[at]);
            loss += weight * own;
            out[at] = weight * slope * share;
        }
    }
    loss * share
}

/// Onset and confidence.
fn chances(
    heads: &Heads,
    row: &[f32],
    out: &mut [f32],
    truth: &Truth,
    right: f32,
    share: f32,
) -> f32 {
    let mut loss = 0.0;
    let onset = if truth.onset { 1.0 } else { 0.0 };
    let sounding = if truth.voiced() { right } else { 0.0 };
    for (at, target, positive, weight) in [
        (heads.onset(), onset, ONSET_WEIGHT, ONSET_LOSS),
        (heads.confidence(), sounding, 1.0, CONFIDENCE_WEIGHT),
    ] {
        let logit = row[at];
        let chance = 1.0 / (1.0 + (-logit).exp());
        let miss = softplus(logit);
        loss += weight * (positive * target * (miss - logit) + (1.0 - target) * miss);
        out[at] = weight * (positive * target * (chance - 1.0) + (1.0 - target) * chance) * share;
    }
    loss * share
}
