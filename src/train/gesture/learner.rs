//! One gradient step after another: an LSTM by hand-written back-propagation, every other network in burn.

use burn::module::Module;
use burn::optim::{
    AdamWConfig, GradientsParams, ModuleOptimizer, grad_clipping::GradientClippingConfig,
};
use burn::tensor::{Device, Tensor, TensorData};

use super::by_hand::{self, HandLstm, Memory, slope};
use super::fit::Plan;
use super::heads::Heads;
use super::kinship::Kinship;
use super::loss::{Targets, loss};
use super::network::{Arch, Network, Shape, States};
use super::take::Truth;
use crate::sensor::performer::Chance;
use crate::train::device::device;

/// A window of all lanes: features `[lanes][frames][inputs]` and truth, lane by lane.
pub struct Window {
    pub values: Vec<f32>,
    /// Raw outputs that the network's are added to, lane by lane; empty where there are none.
    pub beside: Vec<f32>,
    pub truth: Vec<Truth>,
    pub lanes: usize,
    /// Lanes that start afresh with this window.
    pub fresh: Vec<bool>,
}

impl Window {
    fn frames(&self) -> usize {
        self.truth.len() / self.lanes.max(1)
    }
}

pub struct Learner {
    how: Way,
    kinship: Option<Kinship>,
    dropout: f32,
    chance: Chance,
}

enum Way {
    Automatic(Box<Automatic>),
    ByHand(Box<ByHand>),
}

pub struct Automatic {
    network: Network,
    optimiser: ModuleOptimizer,
    states: States,
}

pub struct ByHand {
    lstm: HandLstm,
    optimiser: by_hand::AdamW,
    memory: Memory,
    /// Gives the weights their form.
    form: Network,
}

impl Learner {
    /// Where notes are kin, the network's head has to begin at 0: nothing of it is unspread.
    pub fn new(shape: Shape, network: Network, plan: &Plan, kinship: Option<Kinship>) -> Learner {
        let weight_decay = plan.weight_decay;
        let how = if shape.arch == Arch::Lstm {
            let lstm = by_hand::from_network(shape, &network);
            let optimiser = by_hand::AdamW::new(network.num_params(), weight_decay);
            let memory = Memory::default();
            Way::ByHand(Box::new(ByHand {
                lstm,
                optimiser,
                memory,
                form: network,
            }))
        } else {
            let optimiser = AdamWConfig::new()
                .with_weight_decay(weight_decay)
                .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
                .init();
            Way::Automatic(Box::new(Automatic {
                network,
                optimiser,
                states: Vec::new(),
            }))
        };
        Learner {
            how,
            kinship,
            dropout: plan.dropout,
            chance: Chance::new(plan.seed, 9),
        }
    }

    /// The network as it is now.
    pub fn network(&self, device: &Device) -> Network {
        let network = match &self.how {
            Way::Automatic(learner) => learner.network.clone(),
            Way::ByHand(learner) => {
                by_hand::into_network(&learner.lstm, learner.form.clone(), device)
            }
        };
        match &self.kinship {
            Some(kinship) => kinship.within(&network),
            None => network,
        }
    }

    /// All lanes start afresh.
    pub fn forget(&mut self, shape: Shape, lanes: usize, device: &Device) {
        match &mut self.how {
            Way::Automatic(learner) => {
                learner.states = Network::initial_states(shape, lanes, device);
            }
            Way::ByHand(learner) => learner.memory = Memory::new(shape, lanes),
        }
    }

    /// One step; returns the loss before it.
    pub fn step(&mut self, shape: Shape, heads: &Heads, window: Window, rate: f64) -> f32 {
        let mask = self.mask(window.lanes * shape.hidden);
        let kinship = self.kinship.as_ref();
        match &mut self.how {
            Way::Automatic(learner) => learner.step(shape, heads, window, mask, kinship, rate),
            Way::ByHand(learner) => learner.step(shape, heads, &window, &mask, kinship, rate),
        }
    }

    /// Scales of what the head reads; none without dropout.
    fn mask(&mut self, size: usize) -> Vec<f32> {
        if self.dropout <= 0.0 {
            return Vec::new();
        }
        dropout(self.dropout, size, &mut self.chance)
    }
}

/// Scales that leave out a share of what they multiply, and keep its mean.
pub fn dropout(share: f32, size: usize, chance: &mut Chance) -> Vec<f32> {
    let kept = 1.0 / (1.0 - share);
    let mut one = || {
        if chance.happens(f64::from(share)) {
            0.0
        } else {
            kept
        }
    };
    (0..size).map(|_| one()).collect()
}

impl Automatic {
    fn step(
        &mut self,
        shape: Shape,
        heads: &Heads,
        window: Window,
        mask: Vec<f32>,
        kinship: Option<&Kinship>,
        rate: f64,
    ) -> f32 {
        let device = &self.network.head.val().device();
        let keep: Vec<f32> = window
            .fresh
            .iter()
            .map(|fresh| if *fresh { 0.0 } else { 1.0 })
            .collect();
        let keep = Tensor::<2>::from_data(TensorData::new(keep, [window.lanes, 1]), device);
        let states = self
            .states
            .iter()
            .map(|state| state.clone() * keep.clone())
            .collect();
        let targets = Targets::new(heads, &window.truth, device);
        let dims = [window.lanes, window.frames(), shape.inputs];
        let x = Tensor::from_data(TensorData::new(window.values, dims), device);
        let mask = (!mask.is_empty()).then(|| {
            Tensor::from_data(TensorData::new(mask, [window.lanes, shape.hidden]), device)
        });
        let (mut raw, states) = self.network.forward(shape, x, states, mask);
        if let Some(kinship) = kinship {
            let (rows, notes) = (raw.dims()[0], heads.notes.count);
            let matrix = TensorData::new(kinship.matrix(), [notes, notes]);
            let spread = raw.clone().narrow(1, 0, notes);
            let spread = spread.matmul(Tensor::from_data(matrix, device));
            raw = raw.slice_assign([0..rows, 0..notes], spread);
        }
        if !window.beside.is_empty() {
            let beside = TensorData::new(window.beside, raw.dims());
            raw = raw + Tensor::from_data(beside, device);
        }
        self.states = states.into_iter().map(Tensor::detach).collect();
        let error = loss(heads, raw, &targets);
        let value = error.clone().into_scalar::<f32>();
        let gradients = GradientsParams::from_grads(error.backward(), &self.network);
        self.network = self.optimiser.step(rate, self.network.clone(), gradients);
        value
    }
}

impl ByHand {
    fn step(
        &mut self,
        shape: Shape,
        heads: &Heads,
        window: &Window,
        mask: &[f32],
        kinship: Option<&Kinship>,
        rate: f64,
    ) -> f32 {
        for (lane, _) in window.fresh.iter().enumerate().filter(|(_, fresh)| **fresh) {
            self.memory.forget(lane, shape.hidden);
        }
        let inputs = shape.inputs;
        let mut x = Vec::with_capacity(window.values.len());
        let order = by_time(window.lanes, window.frames());
        order
            .clone()
            .for_each(|row| x.extend_from_slice(&window.values[row * inputs..][..inputs]));
        let truth: Vec<Truth> = order.clone().map(|row| window.truth[row]).collect();
        let mut run = self.lstm.forward(x, window.lanes, &mut self.memory, mask);
        if let Some(kinship) = kinship {
            kinship.spread(&mut run.outputs, shape.outputs);
        }
        if !window.beside.is_empty() {
            let rows = run.outputs.chunks_exact_mut(shape.outputs).zip(order);
            for (raw, row) in rows {
                let beside = &window.beside[row * shape.outputs..];
                raw.iter_mut()
                    .zip(beside)
                    .for_each(|(raw, more)| *raw += more);
            }
        }
        let (value, mut output_slope) = slope(heads, &run.outputs, &truth);
        if let Some(kinship) = kinship {
            kinship.spread(&mut output_slope, shape.outputs);
        }
        let gradient = self.lstm.backward(&run, &output_slope, mask);
        self.optimiser
            .step(rate as f32, self.lstm.parameters_mut(), &gradient);
        value
    }
}

/// Runs a trained network over lanes of frames, without gradients.
pub struct Player {
    shape: Shape,
    lanes: usize,
    how: How,
}

enum How {
    Automatic(Network, States),
    ByHand(HandLstm, Memory),
}

impl Player {
    pub fn new(shape: Shape, network: &Network, lanes: usize) -> Player {
        let how = if shape.arch == Arch::Lstm {
            How::ByHand(
                by_hand::from_network(shape, network),
                Memory::new(shape, lanes),
            )
        } else {
            How::Automatic(
                network.valid(),
                Network::initial_states(shape, lanes, &device()),
            )
        };
        Player { shape, lanes, how }
    }

    /// `values [lanes][frames][inputs]` → raw outputs `[lanes][frames][outputs]`.
    pub fn play(&mut self, values: Vec<f32>) -> Vec<f32> {
        let Shape {
            inputs, outputs, ..
        } = self.shape;
        let frames = values.len() / (self.lanes * inputs).max(1);
        match &mut self.how {
            How::Automatic(network, states) => {
                let dims = [self.lanes, frames, inputs];
                let x = Tensor::from_data(TensorData::new(values, dims), &device());
                let (raw, next) = network.forward(self.shape, x, std::mem::take(states), None);
                *states = next;
                raw.into_data().try_to_vec().unwrap_or_default()
            }
            How::ByHand(lstm, memory) => {
                let order = by_time(self.lanes, frames);
                let mut x = Vec::with_capacity(values.len());
                order
                    .clone()
                    .for_each(|row| x.extend_from_slice(&values[row * inputs..][..inputs]));
                let run = lstm.forward(x, self.lanes, memory, &[]);
                let mut raw = vec![0.0; run.outputs.len()];
                for (row, out) in order.zip(run.outputs.chunks_exact(outputs)) {
                    raw[row * outputs..][..outputs].copy_from_slice(out);
                }
                raw
            }
        }
    }
}

/// Indices of rows kept lane by lane, in order of time, then lane.
fn by_time(lanes: usize, frames: usize) -> impl Iterator<Item = usize> + Clone {
    (0..frames).flat_map(move |frame| (0..lanes).map(move |lane| lane * frames + frame))
}
