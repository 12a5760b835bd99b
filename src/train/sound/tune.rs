//! Fine-tuning by ear: the network's frames are played by the synth's own arithmetic and compared with the recording,
//! window by window; the distance's slope goes back through the synth (`tones`, `hiss`: it is linear in amplitudes,
//! so this is written out) and through the network (burn). Varied frames are regressed beside it, so that what the
//! recordings never play is not forgotten. The network that sounds best on the choosing phrases is kept.

use burn::optim::{AdamWConfig, GradientsParams, grad_clipping::GradientClippingConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::corpus::{Corpus, Phrase};
use super::dice::Dice;
use super::distance::{Loudest, Ruler};
use super::fit::{self, Batch, Plan, UNSAID_SHARE, place_of};
use super::hiss::Hiss;
use super::network::{Bounds, Frame, Network};
use super::tones::Tones;
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::audio::ANALYSIS_RATE_HZ;
use crate::train::analysis::partials::BANDS;
use crate::train::device::device;
use crate::units::note_to_hz;

const WIDE: usize = MAX_PARTIALS + BANDS;
/// Frames that the recurrent state has to settle before a stretch is listened to.
const SETTLING: usize = 24;
/// Stretches that are listened to, and stretches that are varied and regressed, in a step.
const HEARD_LANES: usize = 8;
const VARIED_LANES: usize = 4;
/// What the regression counts beside the distance.
const REGRESSION_SHARE: f32 = 0.5;
const STEPS_BETWEEN_CHOICES: usize = 100;
/// Stretches of the choosing phrases that are listened to in each choice.
const CHOOSING_CLIPS: usize = 40;
/// Threads that listen.
const MOST_THREADS: usize = 8;

pub struct Tuned {
    pub network: Network,
    pub steps: usize,
    /// Distance on the choosing phrases before and after.
    pub before: f32,
    pub after: f32,
    pub stopped: bool,
}

/// A stretch of a recording, and everything about its sound that amplitudes do not change.
struct Clip<'a> {
    tones: Tones,
    hiss: Hiss,
    inside: Vec<f32>,
    recorded: &'a [f32],
    loudest: Loudest,
    frames: usize,
}

impl<'a> Clip<'a> {
    /// `frames` frames of a phrase from `first` on.
    fn new(
        phrase: &'a Phrase,
        first: usize,
        frames: usize,
        corpus: &Corpus,
        loudest: Loudest,
        dice: &mut Dice,
    ) -> Clip<'a> {
        let hop = ANALYSIS_RATE_HZ as usize / corpus.frame_rate_hz as usize;
        let notes: Vec<f32> = phrase.examples[first..first + frames]
            .iter()
            .map(|e| e.controls.pitch_note)
            .collect();
        let stiffness: Vec<f32> = notes.iter().map(|n| corpus.stiffness.at_note(*n)).collect();
        let f0_hz: Vec<f32> = notes.iter().map(|n| note_to_hz(*n)).collect();
        let inside = notes.iter().zip(&stiffness);
        let end = ((first + frames - 1) * hop).min(phrase.samples.len());
        Clip {
            tones: Tones::new(&f0_hz, &stiffness, hop, dice),
            hiss: Hiss::new(frames, hop, dice),
            inside: inside
                .flat_map(|(n, b)| Frame::new(*n, *b).inside)
                .collect(),
            recorded: &phrase.samples[(first * hop).min(end)..end],
            loudest,
            frames,
        }
    }

    /// Distance of log amplitudes' sound (`[frames][WIDE]`), and its derivatives by them.
    fn listen(&self, ruler: &mut Ruler, logs: &[f32], sloped: bool) -> (f32, Vec<f32>) {
        let rows = logs
            .chunks_exact(WIDE)
            .zip(self.inside.chunks_exact(MAX_PARTIALS));
        let amplitudes: Vec<f32> = rows
            .flat_map(|(row, inside)| row.iter().zip(inside).map(|(l, i)| l.min(2.0).exp() * i))
            .collect();
        let rows = logs.chunks_exact(WIDE);
        let rms: Vec<f32> = rows
            .flat_map(|row| row[MAX_PARTIALS..].iter().map(|l| l.min(2.0).exp()))
            .collect();
        let mut heard = vec![0.0; self.tones.samples()];
        self.tones.add(&amplitudes, &mut heard);
        self.hiss.add(&rms, &mut heard);
        if !sloped {
            let distance = ruler.compare(self.recorded, &heard, &self.loudest, None);
            return (distance, Vec::new());
        }
        let mut slope = vec![0.0; heard.len()];
        let distance = ruler.compare(self.recorded, &heard, &self.loudest, Some(&mut slope));
        let (mut by_tone, mut by_band) = (vec![0.0; amplitudes.len()], vec![0.0; rms.len()]);
        self.tones.blame(&slope, &mut by_tone);
        self.hiss.blame(&slope, &rms, &mut by_band);
        let by_log = |by: &[f32], of: &[f32]| by.iter().zip(of).map(|(b, a)| b * a).collect();
        let by_tone: Vec<f32> = by_log(&by_tone, &amplitudes);
        let by_band: Vec<f32> = by_log(&by_band, &rms);
        let rows = by_tone
            .chunks_exact(MAX_PARTIALS)
            .zip(by_band.chunks_exact(BANDS));
        let all = rows.flat_map(|(tones, bands)| tones.iter().chain(bands).copied());
        (distance, all.collect())
    }
}

/// Every clip's distance and derivatives, on a few threads. `logs` holds a lane of settling and clip for each.
fn listen_all(clips: &[Clip], logs: &[f32], sloped: bool) -> Vec<(f32, Vec<f32>)> {
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get().min(MOST_THREADS));
    let share = clips.len().div_ceil(threads).max(1);
    let mut starts = vec![0];
    for clip in clips {
        starts.push(starts[starts.len() - 1] + (SETTLING + clip.frames) * WIDE);
    }
    let work = |from: usize, clips: &[Clip]| -> Vec<(f32, Vec<f32>)> {
        let mut ruler = Ruler::new();
        let lanes = clips.iter().enumerate().map(|(i, clip)| {
            let lane = &logs[starts[from + i]..starts[from + i + 1]];
            clip.listen(&mut ruler, &lane[SETTLING * WIDE..], sloped)
        });
        lanes.collect()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = clips
            .chunks(share)
            .enumerate()
            .map(|(i, part)| scope.spawn(move || work(i * share, part)))
            .collect();
        parts
            .into_iter()
            .flat_map(|part| part.join().unwrap_or_default())
            .collect()
    })
}

/// Walks down from a regressed network. `plan.frames` are listened to at once; `plan.minutes` or `plan.steps` end it.
pub fn tune(
    network: Network,
    corpus: &Corpus,
    bounds: &Bounds,
    plan: &Plan,
    watch: &mut dyn FnMut(f64, &str) -> bool,
) -> Tuned {
    let device = device().autodiff();
    let mut ruler = Ruler::new();
    let loudest: Vec<Loudest> = corpus
        .train
        .iter()
        .map(|p| ruler.loudest(&p.samples))
        .collect();
    let choosing = Choosing::new(corpus, plan);
    let before = choosing.distance(corpus, bounds, &network, &device);
    let mut tuned = Tuned {
        network: network.clone(),
        steps: 0,
        before,
        after: before,
        stopped: false,
    };
    let mut network = network;
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(1e-5)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let mut dice = Dice::new(plan.seed ^ 0x7E57);
    let started = std::time::Instant::now();
    let mut recent = f32::NAN;
    for step in 0..=plan.steps {
        let done = fit::done(plan, step, started);
        let last = done >= 1.0 || tuned.stopped;
        if step > 0 && (last || step % STEPS_BETWEEN_CHOICES == 0) {
            let after = choosing.distance(corpus, bounds, &network, &device);
            if after < tuned.after {
                (tuned.network, tuned.steps, tuned.after) = (network.clone(), step, after);
            }
        }
        if last {
            break;
        }
        let (loss, distance) =
            descent(corpus, bounds, plan, &network, &loudest, &mut dice, &device);
        recent = fit::lately(recent, distance);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        let rate = fit::rate(plan, step, done, 30.0);
        network = optimiser.step(rate, network, gradients);
        let text = format!(
            "listening, step {step}: distance {recent:.3}, kept aside {:.4} (was {before:.4})",
            tuned.after
        );
        tuned.stopped |= !watch(f64::from(done), &text);
    }
    tuned
}

/// What to walk down in one step (its value means nothing, its slope everything), and the mean distance heard.
fn descent(
    corpus: &Corpus,
    bounds: &Bounds,
    plan: &Plan,
    network: &Network,
    loudest: &[Loudest],
    dice: &mut Dice,
    device: &Device,
) -> (Tensor<1>, f32) {
    let wide = SETTLING + plan.frames;
    let lanes = HEARD_LANES + VARIED_LANES;
    let mut batch = Batch::new(lanes, wide, bounds);
    let mut clips = Vec::with_capacity(HEARD_LANES);
    let long: Vec<usize> = (0..corpus.train.len())
        .filter(|p| corpus.train[*p].examples.len() > wide)
        .collect();
    while clips.len() < HEARD_LANES && !long.is_empty() {
        let (phrase, first) = place_of(&corpus.train, dice.below(corpus.train_frames()), wide);
        let Some(at) = long
            .iter()
            .find(|p| std::ptr::eq(&corpus.train[**p], phrase))
        else {
            continue;
        };
        let said = corpus.timbre.is_none() || !dice.chance(UNSAID_SHARE);
        let examples = &phrase.examples[first..first + wide];
        batch.push_played(examples, said, corpus, bounds);
        clips.push(Clip::new(
            phrase,
            first + SETTLING,
            plan.frames,
            corpus,
            loudest[*at],
            dice,
        ));
    }
    let varied = Plan {
        frames: wide,
        ..*plan
    };
    for _ in clips.len()..lanes {
        batch.push_varied(corpus, bounds, &varied, dice);
    }
    let answer = batch.answer(network, lanes, device);
    let logs = values(&answer.logs);
    let heard = listen_all(&clips, &logs, true);
    let share = 1.0 / clips.len().max(1) as f32;
    let mut slope = Vec::with_capacity(logs.len());
    for (_, by_log) in &heard {
        slope.resize(slope.len() + SETTLING * WIDE, 0.0);
        slope.extend(by_log.iter().map(|s| s * share));
    }
    slope.resize(logs.len(), 0.0);
    let slope = Tensor::<2>::from_data(TensorData::new(slope, [lanes * wide, WIDE]), device);
    let distance = heard.iter().map(|(d, _)| d * share).sum();
    let loss = (answer.logs * slope).sum() + answer.error * REGRESSION_SHARE;
    (loss, distance)
}

fn values(tensor: &Tensor<2>) -> Vec<f32> {
    tensor.clone().into_data().try_to_vec().unwrap_or_default()
}

/// The stretches by which a network is chosen: always the same, with the same phases, the timbre of every other one
/// not said.
struct Choosing<'a> {
    clips: Vec<Clip<'a>>,
    places: Vec<(&'a Phrase, usize)>,
}

impl<'a> Choosing<'a> {
    fn new(corpus: &'a Corpus, plan: &Plan) -> Choosing<'a> {
        let phrases = if corpus.choosing.is_empty() {
            &corpus.train
        } else {
            &corpus.choosing
        };
        let wide = SETTLING + plan.frames;
        let count = |p: &Phrase| p.examples.len() / wide;
        let all: usize = phrases.iter().map(count).sum();
        let every = all.div_ceil(CHOOSING_CLIPS).max(1);
        let (mut ruler, mut dice) = (Ruler::new(), Dice::new(1));
        let (mut clips, mut places) = (Vec::new(), Vec::new());
        for phrase in phrases {
            let loudest = ruler.loudest(&phrase.samples);
            for first in (0..count(phrase)).step_by(every).map(|i| i * wide) {
                let first_heard = first + SETTLING;
                clips.push(Clip::new(
                    phrase,
                    first_heard,
                    plan.frames,
                    corpus,
                    loudest,
                    &mut dice,
                ));
                places.push((phrase, first));
            }
        }
        Choosing { clips, places }
    }

    fn distance(
        &self,
        corpus: &Corpus,
        bounds: &Bounds,
        network: &Network,
        device: &Device,
    ) -> f32 {
        if self.clips.is_empty() {
            return f32::INFINITY;
        }
        let wide = SETTLING + self.clips[0].frames;
        let mut batch = Batch::new(self.clips.len(), wide, bounds);
        for (place, (phrase, first)) in self.places.iter().enumerate() {
            let said = place.is_multiple_of(2);
            batch.push_played(&phrase.examples[*first..first + wide], said, corpus, bounds);
        }
        let logs = values(&batch.answer(network, self.clips.len(), device).logs);
        let heard = listen_all(&self.clips, &logs, false);
        heard.iter().map(|(d, _)| d).sum::<f32>() / self.clips.len() as f32
    }
}

#[cfg(test)]
#[path = "tune_tests.rs"]
mod tests;
