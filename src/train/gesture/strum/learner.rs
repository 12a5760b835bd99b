//! The LSTM that hears a strum, taught by hand-written back-propagation on crops of sessions. It says, so many
//! milliseconds late, whether a down stroke and whether an up stroke struck the strings, and whether the guitar sounds.

use super::super::by_hand::{AdamW, HandLstm, Memory};
use super::super::learner::dropout;
use super::super::loss::softplus;
use super::super::network::{Arch, Shape};
use super::super::take::VOICED_DB;
use super::front;
use super::session::{RATE_HZ, Session};
use crate::sensor::performer::Chance;

pub const DOWN: usize = 0;
pub const UP: usize = 1;
pub const SOUNDS: usize = 2;
/// Raw outputs a frame: logits of a down stroke, of an up stroke, and of that the guitar sounds at all.
pub const OUTPUTS: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub hidden: usize,
    pub steps: usize,
    /// The model says what happened so long ago.
    pub lag_s: f64,
}

const LANES: usize = 24;
const CROP_S: usize = 10;
/// What is said before this is not judged: the network has just woken.
const WAKING_S: f64 = 0.5;
const RATE: f64 = 1e-2;
const WEIGHT_DECAY: f32 = 1e-2;
const DROPOUT: f32 = 0.3;
/// A stroke is true for so long about its moment, and fades over as much on either side.
const STROKE_S: f64 = 0.03;
const STROKE_WEIGHT: f32 = 2.0;
const SOUNDS_WEIGHT: f32 = 0.15;

impl Plan {
    pub fn shape(&self) -> Shape {
        Shape {
            arch: Arch::Lstm,
            inputs: front::WIDTH,
            hidden: self.hidden,
            layers: 1,
            outputs: OUTPUTS,
        }
    }
}

/// A session as the network is fed and judged.
pub struct Lesson {
    features: Vec<f32>,
    /// `[frames][OUTPUTS]`
    truth: Vec<f32>,
}

impl Lesson {
    pub fn of(session: &Session, lag_s: f64) -> Lesson {
        let frames = session.motion.len();
        let mut truth = vec![0.0; frames * OUTPUTS];
        for strum in &session.strums {
            let place = if strum.up { UP } else { DOWN };
            let middle = (strum.time_s + lag_s) * f64::from(RATE_HZ);
            let reach = 1.5 * STROKE_S * f64::from(RATE_HZ);
            let first = (middle - reach).max(0.0) as usize;
            for frame in first..((middle + reach) as usize + 1).min(frames) {
                let away_s = (frame as f64 - middle).abs() / f64::from(RATE_HZ);
                let is = (1.5 - away_s / STROKE_S).clamp(0.0, 1.0) as f32;
                let value = &mut truth[frame * OUTPUTS + place];
                *value = f32::max(*value, is);
            }
        }
        let late = (lag_s * f64::from(RATE_HZ)).round() as usize;
        for frame in 0..frames {
            let loudness_db = session.loudness_db[frame.saturating_sub(late)];
            truth[frame * OUTPUTS + SOUNDS] = if loudness_db > VOICED_DB { 1.0 } else { 0.0 };
        }
        Lesson {
            features: front::features(&session.motion),
            truth,
        }
    }

    fn frames(&self) -> usize {
        self.truth.len() / OUTPUTS
    }
}

/// Teaches one network; `step` is told the share done and the loss after each step and returns false to end early.
pub fn teach(
    lessons: &[&Lesson],
    plan: &Plan,
    seed: u64,
    mut step: impl FnMut(f64, f32) -> bool,
) -> HandLstm {
    let shape = plan.shape();
    let mut lstm = HandLstm::new(shape, beginning(shape, seed), pulp::Arch::new());
    let mut optimiser = AdamW::new(lstm.parameters().len(), WEIGHT_DECAY);
    let mut chance = Chance::new(seed, 11);
    for index in 0..plan.steps {
        let done = index as f64 / plan.steps as f64;
        let (x, truth) = crops(lessons, &mut chance);
        let mask = dropout(DROPOUT, LANES * plan.hidden, &mut chance);
        let run = lstm.forward(x, LANES, &mut Memory::new(shape, LANES), &mask);
        let (loss, slope) = slope(&run.outputs, &truth);
        let gradient = lstm.backward(&run, &slope, &mask);
        let rate = RATE * 0.5 * (1.0 + (done * std::f64::consts::PI).cos());
        optimiser.step(rate as f32, lstm.parameters_mut(), &gradient);
        if !step((index + 1) as f64 / plan.steps as f64, loss) {
            break;
        }
    }
    lstm
}

/// Uniform weights within ±1/sqrt(hidden); the forget gate starts open (Jozefowicz et al. 2015), strokes rare.
pub(super) fn beginning(shape: Shape, seed: u64) -> Vec<f32> {
    let mut chance = Chance::new(seed, 7);
    let (hidden, bound) = (shape.hidden, 1.0 / (shape.hidden as f64).sqrt());
    let mut weights = |count: usize| -> Vec<f32> {
        let one = |_| chance.between(-bound, bound) as f32;
        (0..count).map(one).collect()
    };
    let mut parameters = weights((shape.inputs + hidden) * 4 * hidden);
    let mut bias = vec![0.0; 4 * hidden];
    bias[hidden..2 * hidden].fill(1.0);
    parameters.extend(bias);
    parameters.extend(weights(hidden * shape.outputs));
    parameters.extend([-2.0, -2.0, 0.0]);
    parameters
}

/// Crops of lessons side by side, frame by frame.
fn crops(lessons: &[&Lesson], chance: &mut Chance) -> (Vec<f32>, Vec<f32>) {
    let frames = CROP_S * RATE_HZ as usize;
    let mut drawn = Vec::with_capacity(LANES);
    while drawn.len() < LANES {
        let lesson = lessons[chance.below(lessons.len())];
        drawn.push((
            lesson,
            chance.below(lesson.frames().saturating_sub(frames) + 1),
        ));
    }
    let (mut x, mut truth) = (Vec::new(), Vec::new());
    for frame in 0..frames {
        for (lesson, from) in &drawn {
            let at = (from + frame).min(lesson.frames() - 1);
            x.extend_from_slice(&lesson.features[at * front::WIDTH..][..front::WIDTH]);
            truth.extend_from_slice(&lesson.truth[at * OUTPUTS..][..OUTPUTS]);
        }
    }
    (x, truth)
}

/// Loss per frame, and its gradient by the raw outputs.
fn slope(raw: &[f32], truth: &[f32]) -> (f32, Vec<f32>) {
    let waking = (WAKING_S * f64::from(RATE_HZ)) as usize * LANES;
    let share = 1.0 / (raw.len() / OUTPUTS - waking) as f32;
    let mut gradient = vec![0.0; raw.len()];
    let mut total = 0.0f64;
    let rows = raw.chunks_exact(OUTPUTS).zip(truth.chunks_exact(OUTPUTS));
    for ((raw, truth), out) in rows.zip(gradient.chunks_exact_mut(OUTPUTS)).skip(waking) {
        for (place, weight) in [(DOWN, 1.0), (UP, 1.0), (SOUNDS, SOUNDS_WEIGHT)] {
            let (logit, is) = (raw[place], truth[place]);
            let positive = if place == SOUNDS { 1.0 } else { STROKE_WEIGHT };
            let weight = weight * (1.0 + (positive - 1.0) * is);
            let chance = 1.0 / (1.0 + (-logit).exp());
            let miss = softplus(logit);
            total += f64::from(weight * (miss - is * logit));
            out[place] = weight * (chance - is) * share;
        }
    }
    ((total * f64::from(share)) as f32, gradient)
}

/// Networks that learned the same from other beginnings; what they say is averaged.
#[derive(Clone)]
pub struct Ensemble {
    pub members: Vec<Vec<f32>>,
    pub shape: Shape,
}

impl Ensemble {
    /// Raw outputs of every frame of a motion.
    pub fn run(&self, motion: &[f32]) -> Vec<[f32; OUTPUTS]> {
        let features = front::features(motion);
        let mut all = vec![[0.0; OUTPUTS]; motion.len()];
        for member in &self.members {
            let lstm = HandLstm::new(self.shape, member.clone(), pulp::Arch::new());
            let mut memory = Memory::new(self.shape, 1);
            let run = lstm.forward(features.clone(), 1, &mut memory, &[]);
            for (sum, raw) in all.iter_mut().zip(run.outputs.chunks_exact(OUTPUTS)) {
                let share = 1.0 / self.members.len() as f32;
                sum.iter_mut()
                    .zip(raw)
                    .for_each(|(sum, raw)| *sum += share * raw);
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::gesture::strum::session::Strum;

    #[test]
    fn the_slope_is_that_of_the_loss() {
        let frames = (WAKING_S * f64::from(RATE_HZ)) as usize + 2;
        let mut chance = Chance::new(2, 2);
        let raw: Vec<f32> = (0..frames * LANES * OUTPUTS)
            .map(|_| chance.normal() as f32)
            .collect();
        let truth: Vec<f32> = raw.iter().map(|_| chance.unit() as f32).collect();
        let (_, gradient) = slope(&raw, &truth);
        for place in raw.len() - OUTPUTS..raw.len() {
            let at = |by: f32| {
                let mut moved = raw.clone();
                moved[place] += by;
                slope(&moved, &truth).0
            };
            let wanted = (at(0.5) - at(-0.5)) / 1.0;
            assert!(
                (gradient[place] - wanted).abs() < 0.1 * wanted.abs() + 2e-5,
                "{place}: {} {wanted}",
                gradient[place]
            );
        }
    }

    #[test]
    fn a_stroke_is_true_when_the_model_may_say_it() {
        let session = Session {
            name: "a".into(),
            strums: vec![Strum {
                time_s: 1.0,
                up: true,
            }],
            motion: vec![0.0; 120],
            loudness_db: (0..120).map(|n| -(n as f32) * 0.5).collect(),
        };
        let lesson = Lesson::of(&session, 0.1);
        let at = |frame: usize, place: usize| lesson.truth[frame * OUTPUTS + place];
        assert_eq!((at(55, UP), at(55, DOWN), at(50, UP)), (1.0, 0.0, 0.0));
        assert!(at(57, UP) > 0.0 && at(57, UP) < 1.0);
        assert_eq!(
            (at(60, SOUNDS), at(99, SOUNDS), at(106, SOUNDS)),
            (1.0, 1.0, 0.0)
        );
    }
}
