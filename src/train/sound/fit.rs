//! Regression of log amplitudes, weighted by how much of them is heard. Adam under a cosine rate; the network that did
//! best on phrases kept aside for choosing is kept, also when training is stopped early.

use burn::optim::{AdamWConfig, GradientsParams, grad_clipping::GradientClippingConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::corpus::{Corpus, Example, Phrase};
use super::dice::Dice;
use super::network::{Bounds, Frame, Network, level};
use super::vary::{Variation, unsaid};
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::partials::BANDS;
use crate::train::device::device;

#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    pub steps: usize,
    pub minutes: f32,
    pub lanes: usize,
    pub frames: usize,
    pub rate: f64,
    pub notes: (f32, f32),
}

/// Log amplitudes are not asked for below this, under the loudest part of the frame.
const FLOOR_NEPERS: f32 = 11.0;
/// An amplitude this far under the loudest part counts nearly nothing.
const DEAF_NEPERS: f32 = 9.0;
const LEAST_WEIGHT: f32 = 0.02;
/// Differences beyond this (nepers) grow straight, not squared.
const HUBER: f32 = 0.5;
/// A frame without a pitch that is louder than this is held to be a chord.
const CHORD_DB: f32 = -40.0;
/// Frames before the recurrent state has settled count little.
const SETTLING_FRAMES: usize = 12;

/// Share of stretches whose timbre is not said: a model that nobody tells plays what is usual.
pub(super) const UNSAID_SHARE: f32 = 0.3;

pub struct Fitted {
    pub network: Network,
    pub steps: usize,
    pub choosing_error: f32,
    pub stopped: bool,
}

/// A batch as flat rows, lane by lane.
pub(super) struct Batch {
    features: Vec<f32>,
    noisiness: Vec<f32>,
    loudness: Vec<f32>,
    inside_sq: Vec<f32>,
    weight: Vec<f32>,
    target: Vec<f32>,
    counts: Vec<f32>,
}

impl Batch {
    pub(super) fn new(lanes: usize, frames: usize, bounds: &Bounds) -> Batch {
        let rows = lanes * frames;
        let room = |n: usize| Vec::with_capacity(rows * n);
        Batch {
            features: room(bounds.width()),
            noisiness: room(1),
            loudness: room(1),
            inside_sq: room(MAX_PARTIALS),
            weight: room(MAX_PARTIALS),
            target: room(MAX_PARTIALS + BANDS),
            counts: room(MAX_PARTIALS + BANDS),
        }
    }

    fn push(&mut self, example: &Example, corpus: &Corpus, bounds: &Bounds, settled: bool) {
        let c = &example.controls;
        let frame = Frame::new(c.pitch_note, corpus.stiffness.at_note(c.pitch_note));
        self.features.extend(bounds.features(c));
        self.noisiness.push(c.noisiness.clamp(1e-6, 1.0 - 1e-6));
        self.loudness
            .push(c.loudness_db * (std::f32::consts::LN_10 / 20.0));
        self.inside_sq.extend(frame.inside.map(|x| x * x));
        self.weight.extend(frame.weight);
        let trust =
            if settled { 1.0 } else { 0.2 } * if c.loudness_db > -62.0 { 1.0 } else { 0.05 };
        let sure = if example.voicing > 0.0 {
            0.2 + 0.8 * example.voicing
        } else {
            0.0
        };
        let tones = example
            .parts
            .harmonics
            .iter()
            .zip(frame.inside)
            .map(|(a, inside)| (*a, sure * inside));
        // Loud and without a pitch is mostly two strings at once, not noise.
        let chord = example.voicing == 0.0 && c.loudness_db > CHORD_DB;
        let noise_share = if chord { 0.05 } else { 0.5 };
        let bands = example.parts.noise_rms.iter().map(|a| (*a, noise_share));
        let loudest = tones
            .clone()
            .chain(bands.clone())
            .fold(1e-6f32, |m, (a, _)| m.max(a))
            .ln();
        for (amplitude, share) in tones.chain(bands) {
            let log = amplitude.max(1e-12).ln().max(loudest - FLOOR_NEPERS);
            let heard = ((log - loudest + DEAF_NEPERS) / DEAF_NEPERS).clamp(LEAST_WEIGHT, 1.0);
            self.target.push(log);
            self.counts.push(heard * share * trust);
        }
    }

    /// A lane of examples as they were played, their timbre said or not.
    pub(super) fn push_played(
        &mut self,
        examples: &[Example],
        timbre_said: bool,
        corpus: &Corpus,
        bounds: &Bounds,
    ) {
        for (i, example) in examples.iter().enumerate() {
            let settled = i >= SETTLING_FRAMES;
            if timbre_said {
                self.push(example, corpus, bounds, settled);
            } else {
                self.push(&unsaid(example), corpus, bounds, settled);
            }
        }
    }

    /// A lane of `plan.frames` from anywhere in the recordings, as played or varied.
    pub(super) fn push_varied(
        &mut self,
        corpus: &Corpus,
        bounds: &Bounds,
        plan: &Plan,
        dice: &mut Dice,
    ) {
        let variation = Variation::roll(dice, plan.notes);
        let unsaid_here = corpus.timbre.is_some() && dice.chance(UNSAID_SHARE);
        let at = dice.below(corpus.train_frames());
        let (phrase, first) = place_of(&corpus.train, at, plan.frames);
        let examples = &phrase.examples[first..];
        for i in 0..plan.frames {
            let varied = variation.apply(&examples[i % examples.len()], corpus);
            let varied = if unsaid_here { unsaid(&varied) } else { varied };
            self.push(&varied, corpus, bounds, i >= SETTLING_FRAMES);
        }
    }

    /// What the network says: log amplitudes of partials and log levels of bands, and how far they are from the wanted.
    pub(super) fn answer(self, network: &Network, lanes: usize, device: &Device) -> Answer {
        let rows = self.noisiness.len();
        let tensor = |values: Vec<f32>, columns: usize| {
            Tensor::<2>::from_data(TensorData::new(values, [rows, columns]), device)
        };
        let features = TensorData::new(self.features, [lanes, rows / lanes, network.features()]);
        let shapes = network.shapes(Tensor::<3>::from_data(features, device));
        let (harmonic, noise) = level(
            shapes,
            tensor(self.noisiness, 1),
            tensor(self.loudness, 1),
            tensor(self.inside_sq, MAX_PARTIALS),
            tensor(self.weight, MAX_PARTIALS),
        );
        let wide = MAX_PARTIALS + BANDS;
        let logs = Tensor::cat(vec![harmonic, noise], 1);
        let off = (logs.clone() - tensor(self.target, wide)).abs();
        let near = off.clone().clamp_max(HUBER);
        let error = near.clone() * (off - near * 0.5) / HUBER;
        let counts = tensor(self.counts, wide);
        Answer {
            logs,
            error: (error * counts.clone()).sum() / (counts.sum() + 1e-6),
        }
    }

    fn loss(self, network: &Network, lanes: usize, device: &Device) -> Tensor<1> {
        self.answer(network, lanes, device).error
    }
}

pub(super) struct Answer {
    /// `[lanes · frames, MAX_PARTIALS + BANDS]`, lane by lane.
    pub logs: Tensor<2>,
    pub error: Tensor<1>,
}

pub fn fit(
    corpus: &Corpus,
    bounds: &Bounds,
    plan: &Plan,
    watch: &mut dyn FnMut(f64, &str) -> bool,
) -> Fitted {
    let device = device().autodiff();
    let mut network = Network::new(plan.seed, bounds.width(), mean_shape(corpus), &device);
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(1e-4)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let mut dice = Dice::new(plan.seed ^ 0x5EED);
    let started = std::time::Instant::now();
    let mut fitted = Fitted {
        network: network.clone(),
        steps: 0,
        choosing_error: f32::INFINITY,
        stopped: false,
    };
    let mut recent = f32::NAN;
    for step in 0..=plan.steps {
        let done = done(plan, step, started);
        let last = done >= 1.0 || fitted.stopped;
        if last || step % 150 == 149 {
            let choosing_error = choosing_loss(corpus, bounds, &network, &device);
            if choosing_error < fitted.choosing_error {
                fitted = Fitted {
                    network: network.clone(),
                    steps: step,
                    choosing_error,
                    stopped: fitted.stopped,
                };
            }
        }
        if last {
            break;
        }
        let rate = rate(plan, step, done, 50.0);
        let loss = batch(corpus, bounds, plan, &mut dice).loss(&network, plan.lanes, &device);
        let value = loss.clone().into_scalar::<f32>();
        recent = lately(recent, value);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimiser.step(rate, network, gradients);
        let text = format!(
            "step {step}, error {recent:.4}, kept aside {:.4}",
            fitted.choosing_error
        );
        fitted.stopped |= !watch(f64::from(done), &text);
    }
    fitted
}

/// How much of a plan is over, 0 to 1: by its steps or by its time, whichever is further.
pub(super) fn done(plan: &Plan, step: usize, started: std::time::Instant) -> f32 {
    let spent = started.elapsed().as_secs_f32() / 60.0 / plan.minutes;
    (step as f32 / plan.steps as f32).max(spent).min(1.0)
}

/// The rate of a step: it rises over the first `rise` steps, then falls along a cosine to 3 % of the plan's.
pub(super) fn rate(plan: &Plan, step: usize, done: f32, rise: f32) -> f64 {
    let cosine = 0.5 * (1.0 + (done * std::f32::consts::PI).cos());
    plan.rate * f64::from((0.03 + 0.97 * cosine) * (step as f32 / rise).min(1.0))
}

/// A mean that forgets, for the eye; NaN before the first value.
pub(super) fn lately(recent: f32, value: f32) -> f32 {
    if recent.is_nan() {
        value
    } else {
        0.97 * recent + 0.03 * value
    }
}

/// Where the last layer starts: the mean log amplitude over loud frames.
fn mean_shape(corpus: &Corpus) -> Vec<f32> {
    let mut sum = vec![0.0f32; MAX_PARTIALS + BANDS];
    let mut count = 0.0;
    let loud = corpus
        .train
        .iter()
        .flat_map(|p| p.examples.iter().step_by(10))
        .filter(|e| e.voicing > 0.5);
    for example in loud {
        count += 1.0;
        for (s, a) in sum.iter_mut().zip(
            example
                .parts
                .harmonics
                .iter()
                .chain(&example.parts.noise_rms),
        ) {
            *s += a.max(1e-6).ln();
        }
    }
    sum.iter().map(|s| s / f32::max(count, 1.0) + 4.0).collect()
}

fn batch(corpus: &Corpus, bounds: &Bounds, plan: &Plan, dice: &mut Dice) -> Batch {
    let mut batch = Batch::new(plan.lanes, plan.frames, bounds);
    for _ in 0..plan.lanes {
        batch.push_varied(corpus, bounds, plan, dice);
    }
    batch
}

/// The phrase that the `at`th of all frames is in, and a frame near it that `frames` follow if the phrase is that long.
pub(super) fn place_of(phrases: &[Phrase], mut at: usize, frames: usize) -> (&Phrase, usize) {
    for phrase in phrases {
        let count = phrase.examples.len();
        if at < count {
            return (phrase, at.min(count.saturating_sub(frames)));
        }
        at -= count;
    }
    (&phrases[0], 0)
}

/// The loss over the choosing phrases as they were played (over the training phrases where there are none), the timbre
/// of every other stretch not said.
fn choosing_loss(corpus: &Corpus, bounds: &Bounds, network: &Network, device: &Device) -> f32 {
    let phrases = if corpus.choosing.is_empty() {
        &corpus.train
    } else {
        &corpus.choosing
    };
    let (mut sum, mut count) = (0.0, 0.0);
    for phrase in phrases {
        for (stretch, examples) in phrase.examples.chunks(400).take(6).enumerate() {
            let mut batch = Batch::new(1, examples.len(), bounds);
            let said = stretch.is_multiple_of(2);
            batch.push_played(examples, said, corpus, bounds);
            sum += batch.loss(network, 1, device).into_scalar::<f32>() * examples.len() as f32;
            count += examples.len() as f32;
        }
    }
    sum / f32::max(count, 1.0)
}
