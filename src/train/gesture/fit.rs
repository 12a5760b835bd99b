//! Truncated back-propagation through time: each lane of a batch walks through a stretch of a take window by window,
//! its state carried (detached) from one window to the next. AdamW under a cosine rate, early stopping on whole
//! held-out performances, Ctrl-C keeps the best network so far.

use burn::module::Module;
use burn::optim::{AdamWConfig, GradientsParams, grad_clipping::GradientClippingConfig};
use burn::tensor::{Device, Tensor, TensorData};

use super::loss::{Heads, Targets, loss};
use super::network::{Network, Shape, States};
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

impl Default for Plan {
    fn default() -> Self {
        Plan {
            seed: 1,
            epochs: 40,
            patience: 10,
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
    let mut network = Network::new(shape, plan.seed, &device);
    let mut optimiser = AdamWConfig::new()
        .with_weight_decay(plan.weight_decay)
        .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
        .init();
    let mut chance = Chance::new(plan.seed, 8);
    let mut progress = Progress::new(quiet);
    let mut fitted = Fitted {
        network: network.clone(),
        epochs: 0,
        curve: Vec::new(),
        seconds: 0.0,
        stopped_by_hand: false,
    };
    let (mut best, mut best_epoch) = (f32::INFINITY, 0);
    'epochs: for epoch in 0..plan.epochs {
        let train = train(epoch);
        let mut stretches = stretches(&train, plan, &mut chance);
        let steps = (stretches.len() * WINDOWS_PER_STRETCH)
            .div_ceil(plan.lanes)
            .max(1);
        let (mut sum, mut count) = (0.0, 0);
        let mut walk = Walk::new(shape, plan.lanes, &device);
        while walk.refill(&mut stretches, plan.window_frames) {
            let through = (epoch as f64 + f64::from(count) / steps as f64) / plan.epochs as f64;
            let rate = plan.rate
                * (0.02 + 0.98 * 0.5 * (1.0 + (through.min(1.0) * std::f64::consts::PI).cos()));
            let (x, truth) = walk.window(&train, plan.window_frames, &device);
            let (raw, states) = network.forward(shape, x, walk.states());
            let error = loss(heads, raw, &Targets::new(heads, &truth, &device));
            walk.keep(states);
            sum += error.clone().into_scalar::<f32>();
            count += 1;
            let gradients = GradientsParams::from_grads(error.backward(), &network);
            network = optimiser.step(rate, network, gradients);
            let text = format!(
                "epoch {} of {}, loss {:.3}",
                epoch + 1,
                plan.epochs,
                sum / count as f32
            );
            let text = format!("{text}, held-out {best:.3}");
            progress.report(through, &text);
            if stop_asked() {
                fitted.stopped_by_hand = true;
                break;
            }
        }
        let held_out = held_out_loss(shape, heads, &network, validation);
        fitted.curve.push([sum / count.max(1) as f32, held_out]);
        fitted.epochs = epoch + 1;
        if held_out < best {
            (best, best_epoch) = (held_out, epoch);
            fitted.network = network.clone();
        }
        if fitted.stopped_by_hand || epoch - best_epoch >= plan.patience {
            break 'epochs;
        }
    }
    let text = format!("best held-out loss {best:.3} in epoch {}", best_epoch + 1);
    progress.report(1.0, &text);
    fitted.seconds = progress.elapsed().as_secs_f64();
    fitted
}

/// The takes cut into stretches at a random phase, in random order.
fn stretches(takes: &[Fed], plan: &Plan, chance: &mut Chance) -> Vec<Lane> {
    let length = plan.window_frames * WINDOWS_PER_STRETCH;
    let mut all = Vec::new();
    for (take, fed) in takes.iter().enumerate() {
        let mut frame = chance.below(plan.window_frames.min(fed.frames().max(1)));
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

/// The lanes of one epoch and their states.
struct Walk {
    lanes: Vec<Lane>,
    states: States,
    fresh: Vec<bool>,
    wanted: usize,
    shape: Shape,
    device: Device,
}

impl Walk {
    fn new(shape: Shape, wanted: usize, device: &Device) -> Walk {
        Walk {
            lanes: Vec::new(),
            states: Vec::new(),
            fresh: Vec::new(),
            wanted,
            shape,
            device: device.clone(),
        }
    }

    /// Gives every lane that has reached the end of its stretch a new one; false when too few are left.
    fn refill(&mut self, stretches: &mut Vec<Lane>, window: usize) -> bool {
        if self.lanes.is_empty() {
            let lanes = self.wanted.min(stretches.len());
            self.lanes = stretches.split_off(stretches.len() - lanes);
            self.fresh = vec![false; lanes];
            self.states = Network::initial_states(self.shape, lanes, &self.device);
            return lanes > 0;
        }
        for (lane, fresh) in self.lanes.iter_mut().zip(&mut self.fresh) {
            *fresh = lane.frame + window > lane.end;
            if *fresh {
                match stretches.pop() {
                    Some(next) => *lane = next,
                    None => return false,
                }
            }
        }
        true
    }

    /// The next window of every lane: features `[lanes, window, width]` and truth, lane by lane.
    fn window(&mut self, takes: &[Fed], window: usize, device: &Device) -> (Tensor<3>, Vec<Truth>) {
        let width = self.shape.inputs;
        let mut values = Vec::with_capacity(self.lanes.len() * window * width);
        let mut truth = Vec::with_capacity(self.lanes.len() * window);
        for lane in &mut self.lanes {
            let take = &takes[lane.take];
            values.extend_from_slice(&take.values[lane.frame * width..][..window * width]);
            truth.extend_from_slice(&take.truth[lane.frame..][..window]);
            lane.frame += window;
        }
        let dims = [self.lanes.len(), window, width];
        (
            Tensor::from_data(TensorData::new(values, dims), device),
            truth,
        )
    }

    /// Carried states; a lane that starts afresh starts from zeros.
    fn states(&self) -> States {
        let keep: Vec<f32> = self
            .fresh
            .iter()
            .map(|fresh| if *fresh { 0.0 } else { 1.0 })
            .collect();
        let mask =
            Tensor::<2>::from_data(TensorData::new(keep, [self.lanes.len(), 1]), &self.device);
        self.states
            .iter()
            .map(|state| state.clone() * mask.clone())
            .collect()
    }

    fn keep(&mut self, states: States) {
        self.states = states.into_iter().map(Tensor::detach).collect();
    }
}

/// Raw outputs of the trained network over whole takes, `[frames][outputs]` each.
pub fn run(shape: Shape, network: &Network, takes: &[Fed]) -> Vec<Vec<f32>> {
    let network = network.valid();
    let device = Device::flex();
    let frames = takes.iter().map(Fed::frames).max().unwrap_or(0);
    let mut outputs = vec![Vec::new(); takes.len()];
    let mut states = Network::initial_states(shape, takes.len(), &device);
    let mut frame = 0;
    const WINDOW: usize = 500;
    while frame < frames {
        let mut values = vec![0.0; takes.len() * WINDOW * shape.inputs];
        for (take, lane) in takes
            .iter()
            .zip(values.chunks_exact_mut(WINDOW * shape.inputs))
        {
            let from = (frame * take.width).min(take.values.len());
            let to = ((frame + WINDOW) * take.width).min(take.values.len());
            lane[..to - from].copy_from_slice(&take.values[from..to]);
        }
        let x = Tensor::from_data(
            TensorData::new(values, [takes.len(), WINDOW, shape.inputs]),
            &device,
        );
        let (raw, next) = network.forward(shape, x, states);
        states = next;
        let raw: Vec<f32> = raw.into_data().try_to_vec().unwrap_or_default();
        for (lane, output) in raw.chunks_exact(WINDOW * shape.outputs).zip(&mut outputs) {
            output.extend_from_slice(lane);
        }
        frame += WINDOW;
    }
    for (take, output) in takes.iter().zip(&mut outputs) {
        output.truncate(take.frames() * shape.outputs);
    }
    outputs
}

fn held_out_loss(shape: Shape, heads: &Heads, network: &Network, takes: &[Fed]) -> f32 {
    let device = Device::flex();
    let raw: Vec<f32> = run(shape, network, takes).concat();
    let truth: Vec<Truth> = takes
        .iter()
        .flat_map(|take| take.truth.iter().copied())
        .collect();
    if truth.is_empty() {
        return 0.0;
    }
    let raw = Tensor::from_data(TensorData::new(raw, [truth.len(), shape.outputs]), &device);
    loss(heads, raw, &Targets::new(heads, &truth, &device)).into_scalar::<f32>()
}
