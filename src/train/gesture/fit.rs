//! Truncated back-propagation through time: each lane of a batch walks through a stretch of a take window by window,
//! its state carried (detached) from one window to the next. AdamW under a cosine rate, early stopping on whole
//! held-out performances, Ctrl-C keeps the best network so far.

use burn::tensor::Device;

use super::by_hand::slope;
use super::learner::{Learner, Player, Window};
use super::loss::Heads;
use super::network::{Network, Shape};
use super::take::{Standard, Take, Truth};
use crate::sensor::performer::Chance;
use crate::train::progress::{Progress, stop_asked};

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    pub seed: u64,
    pub epochs: usize,
    /// Epochs without a better held-out loss before it ends.
    pub patience: usize,
    pub lanes: usize,
    pub window_frames: usize,
    pub rate: f64,
    pub weight_decay: f32,
}

impl Plan {
    /// Half a cosine down to a fiftieth.
    fn rate_at(&self, through: f64) -> f64 {
        let cosine = (through.min(1.0) * std::f64::consts::PI).cos();
        self.rate * (0.02 + 0.98 * 0.5 * (1.0 + cosine))
    }
}

impl Default for Plan {
    fn default() -> Self {
        Plan {
            seed: 1,
            epochs: 40,
            patience: 25,
            lanes: 16,
            window_frames: 200,
            rate: 3e-3,
            weight_decay: 1e-4,
        }
    }
}

/// Windows that a lane walks through before it starts afresh somewhere else.
const WINDOWS_PER_STRETCH: usize = 6;

/// A take's standardised features and truth.
pub struct Fed {
    values: Vec<f32>,
    width: usize,
    truth: Vec<Truth>,
}

impl Fed {
    pub fn new(take: &Take, standard: &Standard) -> Fed {
        Fed {
            values: standard.apply(take),
            width: take.width,
            truth: take.truth.clone(),
        }
    }

    pub fn frames(&self) -> usize {
        self.truth.len()
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn truth(&self) -> &[Truth] {
        &self.truth
    }

    /// So many frames from `from` on.
    pub fn part(&self, from: usize, frames: usize) -> Fed {
        Fed {
            values: self.values[from * self.width..(from + frames) * self.width].to_vec(),
            width: self.width,
            truth: self.truth[from..from + frames].to_vec(),
        }
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }
}

/// Where a lane stands.
#[derive(Clone, Copy)]
struct Lane {
    take: usize,
    frame: usize,
    end: usize,
}

pub struct Fitted {
    pub network: Network,
    pub epochs: usize,
    /// Per epoch: training and held-out loss.
    pub curve: Vec<[f32; 2]>,
    pub seconds: f64,
    pub stopped_by_hand: bool,
}

/// `train` gives the takes of an epoch: the same each time, or new ones where they can be made without end.
pub fn fit(
    shape: Shape,
    heads: &Heads,
    mut train: impl FnMut(usize) -> Vec<Fed>,
    validation: &[Fed],
    plan: &Plan,
    quiet: bool,
) -> Fitted {
    let device = Device::flex().autodiff();
    let mut learner = Learner::new(shape, plan.seed, plan.weight_decay, &device);
    let mut chance = Chance::new(plan.seed, 8);
    let mut progress = Progress::new(quiet);
    let mut fitted = Fitted {
        network: learner.network(&device),
        epochs: 0,
        curve: Vec::new(),
        seconds: 0.0,
        stopped_by_hand: false,
    };
    let (mut best, mut best_epoch) = (f32::INFINITY, 0);
    for epoch in 0..plan.epochs {
        let train = train(epoch);
        let mut walk = Walk::new(&train, plan, &mut chance);
        learner.forget(shape, walk.lanes.len(), &device);
        let (mut sum, mut count) = (0.0, 0);
        while let Some(window) = walk.window(&train) {
            let through = (epoch as f64 + walk.done()) / plan.epochs as f64;
            sum += learner.step(shape, heads, window, plan.rate_at(through), &device);
            count += 1;
            let loss = sum / count as f32;
            let text = format!(
                "epoch {} of {}, loss {loss:.3}, held-out {best:.3}",
                epoch + 1,
                plan.epochs
            );
            progress.report(through, &text);
            fitted.stopped_by_hand = stop_asked();
            if fitted.stopped_by_hand {
                break;
            }
        }
        let network = learner.network(&device);
        let held_out = held_out_loss(shape, heads, &network, validation);
        fitted.curve.push([sum / count.max(1) as f32, held_out]);
        fitted.epochs = epoch + 1;
        if held_out < best {
            (best, best_epoch) = (held_out, epoch);
            fitted.network = network;
        }
        if fitted.stopped_by_hand || epoch - best_epoch >= plan.patience {
            break;
        }
    }
    progress.report(
        1.0,
        &format!("best held-out loss {best:.3} in epoch {}", best_epoch + 1),
    );
    fitted.seconds = progress.elapsed().as_secs_f64();
    fitted
}

/// The takes cut into stretches at a random phase, in random order.
fn stretches(takes: &[Fed], plan: &Plan, chance: &mut Chance) -> Vec<Lane> {
    let length = plan.window_frames * WINDOWS_PER_STRETCH;
    let mut all = Vec::new();
    for (take, fed) in takes.iter().enumerate() {
        let spare = fed.frames().saturating_sub(plan.window_frames);
        let mut frame = chance.below(plan.window_frames.min(spare + 1));
        while frame + plan.window_frames <= fed.frames() {
            let end = (frame + length).min(fed.frames());
            all.push(Lane { take, frame, end });
            frame = end;
        }
    }
    for index in (1..all.len()).rev() {
        all.swap(index, chance.below(index + 1));
    }
    all
}

/// One epoch's way through the takes: so many lanes side by side.
struct Walk {
    lanes: Vec<Lane>,
    waiting: Vec<Lane>,
    fresh: Vec<bool>,
    window_frames: usize,
    total: usize,
}

impl Walk {
    fn new(takes: &[Fed], plan: &Plan, chance: &mut Chance) -> Walk {
        let mut waiting = stretches(takes, plan, chance);
        let total = waiting.len();
        let lanes = waiting.split_off(total - plan.lanes.min(total));
        Walk {
            fresh: vec![false; lanes.len()],
            lanes,
            waiting,
            window_frames: plan.window_frames,
            total,
        }
    }

    /// 0 to 1.
    fn done(&self) -> f64 {
        let begun = self.total - self.waiting.len() - self.lanes.len();
        begun as f64 / (self.total - self.lanes.len()).max(1) as f64
    }

    /// The next window of every lane; none when a lane is through its stretch and no other waits.
    fn window(&mut self, takes: &[Fed]) -> Option<Window> {
        let frames = self.window_frames;
        let mut window = Window {
            values: Vec::new(),
            truth: Vec::new(),
            lanes: self.lanes.len(),
            fresh: Vec::new(),
        };
        for (lane, fresh) in self.lanes.iter_mut().zip(&mut self.fresh) {
            *fresh = lane.frame + frames > lane.end;
            if *fresh {
                *lane = self.waiting.pop()?;
            }
            let take = &takes[lane.take];
            let width = take.width;
            window
                .values
                .extend_from_slice(&take.values[lane.frame * width..][..frames * width]);
            window
                .truth
                .extend_from_slice(&take.truth[lane.frame..][..frames]);
            lane.frame += frames;
        }
        window.fresh = self.fresh.clone();
        (window.lanes > 0).then_some(window)
    }
}

/// Raw outputs of the trained network over whole takes, `[frames][outputs]` each.
pub fn run(shape: Shape, network: &Network, takes: &[Fed]) -> Vec<Vec<f32>> {
    const WINDOW: usize = 500;
    let frames = takes.iter().map(Fed::frames).max().unwrap_or(0);
    let mut outputs = vec![Vec::new(); takes.len()];
    let mut player = Player::new(shape, network, takes.len());
    for frame in (0..frames).step_by(WINDOW) {
        let mut values = vec![0.0; takes.len() * WINDOW * shape.inputs];
        for (take, lane) in takes
            .iter()
            .zip(values.chunks_exact_mut(WINDOW * shape.inputs))
        {
            let from = (frame * take.width).min(take.values.len());
            let to = ((frame + WINDOW) * take.width).min(take.values.len());
            lane[..to - from].copy_from_slice(&take.values[from..to]);
        }
        let raw = player.play(values);
        for (lane, output) in raw.chunks_exact(WINDOW * shape.outputs).zip(&mut outputs) {
            output.extend_from_slice(lane);
        }
    }
    for (take, output) in takes.iter().zip(&mut outputs) {
        output.truncate(take.frames() * shape.outputs);
    }
    outputs
}

fn held_out_loss(shape: Shape, heads: &Heads, network: &Network, takes: &[Fed]) -> f32 {
    let raw: Vec<f32> = run(shape, network, takes).concat();
    let truth: Vec<Truth> = takes
        .iter()
        .flat_map(|take| take.truth.iter().copied())
        .collect();
    slope(heads, &raw, &truth).0
}
