//! What the outputs mean, and how far they are from the truth. Pitch is a distribution over notes trained by
//! likelihood, because motion barely determines pitch and a mean of two notes is a third one; loudness and tone are
//! points. Raw outputs, in order: note logits, fine offsets (semitones from each note), loudness, brightness,
//! noisiness, onset logit, confidence logit.

use burn::tensor::activation::{log_sigmoid, log_softmax};
use burn::tensor::{Device, Tensor, TensorData};

use super::take::{Notes, Truth};

/// `control = raw * scale + offset`, so that raw values are of order 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub scale: f32,
    pub offset: f32,
}

pub const LOUDNESS_DB: Line = Line {
    scale: 20.0,
    offset: -40.0,
};
pub const BRIGHTNESS: Line = Line {
    scale: 0.1,
    offset: 0.45,
};
pub const NOISINESS: Line = Line {
    scale: 0.1,
    offset: 0.1,
};

impl Line {
    pub fn raw(self, value: f32) -> f32 {
        (value - self.offset) / self.scale
    }

    pub fn value(self, raw: f32) -> f32 {
        raw * self.scale + self.offset
    }
}

/// Where each output stands in a row of raw outputs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heads {
    pub notes: Notes,
}

impl Heads {
    pub fn width(&self) -> usize {
        2 * self.notes.count + 5
    }
    pub fn fine(&self) -> usize {
        self.notes.count
    }
    pub fn loudness(&self) -> usize {
        2 * self.notes.count
    }
    pub fn onset(&self) -> usize {
        2 * self.notes.count + 3
    }
    pub fn confidence(&self) -> usize {
        2 * self.notes.count + 4
    }
}

/// Pitch and tone of silent frames count a little, so that what sounds next is known before it sounds.
const SILENT_WEIGHT: f32 = 0.05;
/// A fine offset is taught to notes nearer to the truth than this, in semitones.
pub const FINE_REACH: f32 = 1.5;
/// How much each part counts beside the likelihood of the note.
pub const FINE_LOSS: f32 = 2.0;
pub const ONSET_LOSS: f32 = 0.4;
pub const CONFIDENCE_WEIGHT: f32 = 0.1;
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

/// How much its loudness, brightness and noisiness count.
pub fn point_weights(truth: &Truth) -> [f32; 3] {
    let weight = weight_of(truth);
    [2.0, weight, 0.3 * weight]
}

/// Targets of one batch of frames, as tensors.
pub struct Targets {
    notes: Tensor<2>,
    fine: Tensor<2>,
    fine_weight: Tensor<2>,
    points: Tensor<2>,
    point_weight: Tensor<2>,
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
        let (mut points, mut point_weight) = (Vec::new(), Vec::new());
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
            points.push(LOUDNESS_DB.raw(truth.loudness_db()));
            points.push(BRIGHTNESS.raw(controls.brightness));
            points.push(NOISINESS.raw(controls.noisiness));
            point_weight.extend(point_weights(truth));
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
            points: tensor(points, 3),
            point_weight: tensor(point_weight, 3),
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

/// The training loss of raw outputs `[frames, width]`, per frame.
pub fn loss(heads: &Heads, raw: Tensor<2>, targets: &Targets) -> Tensor<1> {
    let count = heads.notes.count;
    let log_p = log_softmax(raw.clone().narrow(1, 0, count), 1);
    let notes = (targets.notes.clone() * log_p.clone()).sum().neg();
    let fine = raw.clone().narrow(1, heads.fine(), count) - targets.fine.clone();
    let fine = (fine.clone() * fine * targets.fine_weight.clone()).sum();
    let points = raw.clone().narrow(1, heads.loudness(), 3) - targets.points.clone();
    let points = (points.clone() * points * targets.point_weight.clone()).sum();
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
