//! One gradient step after another: an LSTM by hand-written back-propagation, every other network in burn.

use burn::module::Module;
use burn::optim::{
    AdamWConfig, GradientsParams, ModuleOptimizer, grad_clipping::GradientClippingConfig,
};
use burn::tensor::{Device, Tensor, TensorData};

use super::by_hand::{self, HandLstm, Memory, slope};
use super::loss::{Heads, Targets, loss};
use super::network::{Arch, Network, Shape, States};
use super::take::Truth;

/// A window of all lanes: features `[lanes][frames][inputs]` and truth, lane by lane.
pub struct Window {
    pub values: Vec<f32>,
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

pub enum Learner {
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
    pub fn new(shape: Shape, seed: u64, weight_decay: f32, device: &Device) -> Learner {
        let network = Network::new(shape, seed, device);
        if shape.arch == Arch::Lstm {
            let lstm = by_hand::from_network(shape, &network);
            let optimiser = by_hand::AdamW::new(network.num_params(), weight_decay);
            let memory = Memory::default();
            return Learner::ByHand(Box::new(ByHand {
                lstm,
                optimiser,
                memory,
                form: network,
            }));
        }
        let optimiser = AdamWConfig::new()
            .with_weight_decay(weight_decay)
            .with_grad_clipping(Some(GradientClippingConfig::Norm(1.0)))
            .init();
        Learner::Automatic(Box::new(Automatic {
            network,
            optimiser,
            states: Vec::new(),
        }))
    }

    /// The network as it is now.
    pub fn network(&self, device: &Device) -> Network {
        match self {
            Learner::Automatic(learner) => learner.network.clone(),
            Learner::ByHand(learner) => {
                by_hand::into_network(&learner.lstm, learner.form.clone(), device)
            }
        }
    }

    /// All lanes start afresh.
    pub fn forget(&mut self, shape: Shape, lanes: usize, device: &Device) {
        match self {
            Learner::Automatic(learner) => {
                learner.states = Network::initial_states(shape, lanes, device);
            }
            Learner::ByHand(learner) => learner.memory = Memory::new(shape, lanes),
        }
    }

    /// One step; returns the loss before it.
    pub fn step(
        &mut self,
        shape: Shape,
        heads: &Heads,
        window: Window,
        rate: f64,
        device: &Device,
    ) -> f32 {
        match self {
            Learner::Automatic(learner) => learner.step(shape, heads, window, rate, device),
            Learner::ByHand(learner) => learner.step(shape, heads, &window, rate),
        }
    }
}

impl Automatic {
    fn step(
        &mut self,
        shape: Shape,
        heads: &Heads,
        window: Window,
        rate: f64,
        device: &Device,
    ) -> f32 {
        let keep: Vec<f32> = window
            .fresh
            .iter()
            .map(|fresh| if *fresh { 0.0 } else { 1.0 })
            .collect();
        let mask = Tensor::<2>::from_data(TensorData::new(keep, [window.lanes, 1]), device);
        let states = self
            .states
            .iter()
            .map(|state| state.clone() * mask.clone())
            .collect();
        let targets = Targets::new(heads, &window.truth, device);
        let dims = [window.lanes, window.frames(), shape.inputs];
        let x = Tensor::from_data(TensorData::new(window.values, dims), device);
        let (raw, states) = self.network.forward(shape, x, states);
        self.states = states.into_iter().map(Tensor::detach).collect();
        let error = loss(heads, raw, &targets);
        let value = error.clone().into_scalar::<f32>();
        let gradients = GradientsParams::from_grads(error.backward(), &self.network);
        self.network = self.optimiser.step(rate, self.network.clone(), gradients);
        value
    }
}

impl ByHand {
    fn step(&mut self, shape: Shape, heads: &Heads, window: &Window, rate: f64) -> f32 {
        for (lane, _) in window.fresh.iter().enumerate().filter(|(_, fresh)| **fresh) {
            self.memory.forget(lane, shape.hidden);
        }
        let inputs = shape.inputs;
        let mut x = Vec::with_capacity(window.values.len());
        let order = by_time(window.lanes, window.frames());
        order
            .clone()
            .for_each(|row| x.extend_from_slice(&window.values[row * inputs..][..inputs]));
        let truth: Vec<Truth> = order.map(|row| window.truth[row]).collect();
        let run = self.lstm.forward(x, window.lanes, &mut self.memory);
        let (value, output_slope) = slope(heads, &run.outputs, &truth);
        let gradient = self.lstm.backward(&run, &output_slope);
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
                Network::initial_states(shape, lanes, &Device::flex()),
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
                let x = Tensor::from_data(TensorData::new(values, dims), &Device::flex());
                let (raw, next) = network.forward(self.shape, x, std::mem::take(states));
                *states = next;
                raw.into_data().try_to_vec().unwrap_or_default()
            }
            How::ByHand(lstm, memory) => {
                let order = by_time(self.lanes, frames);
                let mut x = Vec::with_capacity(values.len());
                order
                    .clone()
                    .for_each(|row| x.extend_from_slice(&values[row * inputs..][..inputs]));
                let run = lstm.forward(x, self.lanes, memory);
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
