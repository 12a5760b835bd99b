//! How far raw outputs are from the truth. Pitch is a distribution over notes trained by likelihood, because motion
//! barely determines pitch and a mean of two notes is a third one. Loudness and tone are means trained by their squared
//! errors; where they are distributions, the deviation is trained by likelihood from an error that is given: a mean whose
//! error is divided by its own variance learns least where it errs most (Seitzer et al. 2022), so it learns as a point's.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Tensor, TensorData};

use super::heads::Heads;
use super::spread;
use super::take::Truth;
use crate::controls::Control;

/// Pitch and tone of silent frames count a little, so that what sounds next is known before it sounds.
const SILENT_WEIGHT: f32 = 0.05;
/// A fine offset is taught to notes nearer to the truth than this, in semitones.
pub const FINE_REACH: f32 = 1.5;
/// How much each part counts beside the likelihood of the note.
pub const FINE_LOSS: f32 = 2.0;
pub const ONSET_LOSS: f32 = 0.4;
pub const CONFIDENCE_WEIGHT: f32 = 0.1;
/// Little, so that what is learned of the deviations does not take from what is learned of the means: of an LSTM of 24
/// that says three distributions the loudness is 2 % farther off than as a point; at 1 it was 12 %.
const SPREAD_LOSS: f32 = 0.25;
/// A frame that begins a note counts as so many that do not.
pub const ONSET_WEIGHT: f32 = 4.0;

/// `ln(1 + e^x)` without overflow.
pub fn softplus(x: f32) -> f32 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

/// Negative log-likelihood of an onset from its logit, in nats, a frame that begins a note counting for several.
pub fn onset_nll(logit: f32, begins: bool) -> f32 {
    let miss = softplus(logit);
    if begins {
        ONSET_WEIGHT * (miss - logit)
    } else {
        miss
    }
}

/// How much a frame's pitch counts.
pub fn weight_of(truth: &Truth) -> f32 {
    if truth.voiced() { 1.0 } else { SILENT_WEIGHT }
}

/// How much a number's squared error counts.
pub fn point_weight(control: Control, truth: &Truth) -> f32 {
    match control {
        Control::Loudness => 2.0,
        Control::Noisiness => 0.3 * weight_of(truth),
        _ => weight_of(truth),
    }
}

/// How much its likelihood counts, where it is a distribution.
pub fn spread_weight(control: Control, truth: &Truth) -> f32 {
    match control {
        Control::Loudness => SPREAD_LOSS,
        _ => SPREAD_LOSS * weight_of(truth),
    }
}

/// Targets of one batch of frames, as tensors.
pub struct Targets {
    notes: Tensor<2>,
    fine: Tensor<2>,
    fine_weight: Tensor<2>,
    points: Tensor<2>,
    point_weight: Tensor<2>,
    spread_weight: Tensor<2>,
    sounding: Tensor<2>,
    onset: Tensor<2>,
    weight_sum: f32,
    frames: usize,
}

impl Targets {
    pub fn new(heads: &Heads, truth: &[Truth], device: &Device) -> Targets {
        let (frames, count) = (truth.len(), heads.notes.count);
        let mut notes = vec![0.0f32; frames * count];
        let mut fine = vec![0.0f32; frames * count];
        let mut fine_weight = vec![0.0f32; frames * count];
        let (mut points, mut point_weights) = (Vec::new(), Vec::new());
        let mut spread_weights = Vec::new();
        let (mut sounding, mut onset) = (Vec::new(), Vec::new());
        let mut weight_sum = 0.0;
        for (frame, truth) in truth.iter().enumerate() {
            let controls = &truth.controls;
            let weight = weight_of(truth);
            for (index, part) in heads.notes.between(controls.pitch_note) {
                notes[frame * count + index] += part * weight;
            }
            for index in 0..count {
                let away = controls.pitch_note - heads.notes.note(index);
                fine[frame * count + index] = away;
                fine_weight[frame * count + index] =
                    weight * (1.0 - away.abs() / FINE_REACH).max(0.0);
            }
            points.extend(heads.raw_points(truth));
            for control in (0..heads.points()).map(|which| heads.control(which)) {
                point_weights.push(point_weight(control, truth));
                spread_weights.push(spread_weight(control, truth));
            }
            sounding.push(if truth.voiced() { 1.0 } else { 0.0 });
            onset.push(if truth.onset { 1.0 } else { 0.0 });
            weight_sum += weight;
        }
        let tensor = |values: Vec<f32>, width: usize| {
            Tensor::<2>::from_data(TensorData::new(values, [frames, width]), device)
        };
        Targets {
            notes: tensor(notes, count),
            fine: tensor(fine, count),
            fine_weight: tensor(fine_weight, count),
            points: tensor(points, heads.points()),
            point_weight: tensor(point_weights, heads.points()),
            spread_weight: tensor(spread_weights, heads.points()),
            sounding: tensor(sounding, 1),
            onset: tensor(onset, 1),
            weight_sum: f32::max(weight_sum, 1.0),
            frames,
        }
    }
}

/// Binary cross-entropy from logits, per frame.
fn binary(logit: Tensor<2>, target: Tensor<2>, positive_weight: f32) -> Tensor<2> {
    let hit = target.clone() * log_sigmoid(logit.clone()) * positive_weight;
    let miss = (target.neg() + 1.0) * log_sigmoid(logit.neg());
    (hit + miss).neg()
}

/// What the deviations cost: [`spread::loss`] of errors that are given.
fn spreads(heads: &Heads, raw: &Tensor<2>, errors: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let mut sum = Tensor::zeros([1], &raw.device());
    for which in 0..heads.points() {
        let Some(at) = heads.spread(which) else {
            continue;
        };
        let log = raw.clone().narrow(1, at, 1);
        let held = log.clone().clamp(spread::LEAST, spread::MOST);
        let beyond = log - held.clone();
        let z = errors.clone().narrow(1, which, 1) * held.clone().neg().exp();
        let each = held + z.clone() * z * 0.5 + beyond.clone() * beyond;
        sum = sum + (each * targets.spread_weight.clone().narrow(1, which, 1)).sum();
    }
    sum
}

/// The training loss of raw outputs `[frames, width]`, per frame.
pub fn loss(heads: &Heads, raw: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let count = heads.notes.count;
    let log_p = log_softmax(raw.clone().narrow(1, 0, count), 1);
    let notes = (targets.notes.clone() * log_p.clone()).sum().neg();
    let fine = raw.clone().narrow(1, heads.fine(), count) - targets.fine.clone();
    let fine = (fine.clone() * fine * targets.fine_weight.clone()).sum();
    let errors = raw.clone().narrow(1, heads.loudness(), heads.points()) - targets.points.clone();
    let points = (errors.clone() * errors.clone() * targets.point_weight.clone()).sum();
    let points = points + spreads(heads, &raw, errors.detach(), targets);
    let onset = raw.clone().narrow(1, heads.onset(), 1);
    let onset = binary(onset, targets.onset.clone(), ONSET_WEIGHT).sum();
    // Confidence learns the probability that the pitch distribution gives to the truth while something sounds.
    let right =
        (log_p.detach().exp() * targets.notes.clone()).sum_dim(1) * targets.sounding.clone();
    let confidence = raw.narrow(1, heads.confidence(), 1);
    let confidence = binary(confidence, right, 1.0).sum();
    let weighed = (notes + fine * FINE_LOSS) / targets.weight_sum;
    let plain =
        (points + onset * ONSET_LOSS + confidence * CONFIDENCE_WEIGHT) / targets.frames as f32;
    weighed + plain
}
