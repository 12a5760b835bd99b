//! The networks that can be trained, in burn: convolutions, a stack of layers or of attention, and one linear head.
//! LSTM layers are one operation; an RNN or GRU steps frame by frame, each a product of `[x_t, h]` and one matrix.

use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use super::blocks::{Attention, Conv, WINDOW};
use super::export::list;
use crate::sensor::performer::Chance;
use crate::train::recurrent::lstm::{Weights, lstm};

/// Which kind of layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// Feed-forward, no memory.
    Fc,
    Rnn,
    Lstm,
    Gru,
    /// Causal convolutions of dilation 1 to 32: 1.3 s at 100 frames a second.
    Tcn,
    /// Two convolutions, then an LSTM.
    ConvLstm,
    /// Two convolutions, then attention.
    ConvTransformer,
    Transformer,
}

impl Arch {
    pub const ALL: [Arch; 8] = [
        Arch::Fc,
        Arch::Rnn,
        Arch::Lstm,
        Arch::Gru,
        Arch::Tcn,
        Arch::ConvLstm,
        Arch::ConvTransformer,
        Arch::Transformer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Arch::Fc => "fc",
            Arch::Rnn => "rnn",
            Arch::Lstm => "lstm",
            Arch::Gru => "gru",
            Arch::Tcn => "tcn",
            Arch::ConvLstm => "conv-lstm",
            Arch::ConvTransformer => "conv-transformer",
            Arch::Transformer => "transformer",
        }
    }

    pub fn from_name(name: &str) -> Option<Arch> {
        Arch::ALL.into_iter().find(|arch| arch.name() == name)
    }

    /// What its layers are; none where it has only blocks.
    pub fn cell(self) -> Option<Arch> {
        match self {
            Arch::Fc | Arch::Rnn | Arch::Lstm | Arch::Gru => Some(self),
            Arch::ConvLstm => Some(Arch::Lstm),
            Arch::Tcn | Arch::ConvTransformer | Arch::Transformer => None,
        }
    }

    fn gates(self) -> usize {
        match self.cell() {
            Some(Arch::Lstm) => 4,
            Some(Arch::Gru) => 3,
            _ => 1,
        }
    }

    /// State tensors of one recurrent layer.
    fn states(self) -> usize {
        match self.cell() {
            Some(Arch::Lstm) => 2,
            Some(Arch::Rnn | Arch::Gru) => 1,
            _ => 0,
        }
    }

    /// Taps and dilation of each convolution before the layers, for so many layers.
    fn front(self, layers: usize) -> Vec<(usize, usize)> {
        match self {
            Arch::Tcn => [1, 2, 4, 8, 16, 32]
                .map(|dilation| (3, dilation))
                .repeat(layers),
            Arch::ConvLstm | Arch::ConvTransformer => vec![(3, 1), (3, 2)],
            Arch::Transformer => vec![(1, 1)],
            _ => Vec::new(),
        }
    }

    fn attends(self) -> bool {
        matches!(self, Arch::ConvTransformer | Arch::Transformer)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub arch: Arch,
    pub inputs: usize,
    pub hidden: usize,
    pub layers: usize,
    pub outputs: usize,
}

/// One layer's weights: `weight [inputs + hidden, gates * hidden]` (`[inputs, hidden]` for a feed-forward one).
/// A GRU's new gate has its own recurrent `new_weight [hidden, hidden]` and `new_bias`, scaled by the reset gate.
#[derive(Module, Debug)]
pub struct Layer {
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
    pub new_weight: Option<Param<Tensor<2>>>,
    pub new_bias: Option<Param<Tensor<1>>>,
}

#[derive(Module, Debug)]
pub struct Network {
    pub front: Vec<Conv>,
    pub layers: Vec<Layer>,
    pub blocks: Vec<Attention>,
    /// `[hidden, outputs]`
    pub head: Param<Tensor<2>>,
    pub head_bias: Param<Tensor<1>>,
}

/// State tensors `[lanes, size]`: of the convolutions, then layer by layer, then of attention.
pub type States = Vec<Tensor<2>>;

pub fn uniform(
    chance: &mut Chance,
    rows: usize,
    columns: usize,
    bound: f64,
    device: &Device,
) -> Param<Tensor<2>> {
    let values: Vec<f32> = (0..rows * columns)
        .map(|_| chance.between(-bound, bound) as f32)
        .collect();
    Param::from_tensor(Tensor::from_data(
        TensorData::new(values, [rows, columns]),
        device,
    ))
}

pub fn vector(values: Vec<f32>, device: &Device) -> Param<Tensor<1>> {
    let length = values.len();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, [length]), device))
}

impl Network {
    /// Uniform weights within ±1/sqrt(fan in); the LSTM's forget gate starts open (Jozefowicz et al. 2015).
    pub fn new(shape: Shape, seed: u64, device: &Device) -> Network {
        let mut chance = Chance::new(seed, 7);
        let hidden = shape.hidden;
        let mut front = Vec::new();
        for (taps, dilation) in shape.arch.front(shape.layers) {
            let inputs = if front.is_empty() {
                shape.inputs
            } else {
                hidden
            };
            front.push(Conv::new(
                &mut chance,
                [inputs, hidden],
                taps,
                dilation,
                device,
            ));
        }
        let mut layers = Vec::new();
        let cell = shape.arch.cell();
        for index in 0..cell.map_or(0, |_| shape.layers) {
            let is_first = index == 0 && front.is_empty();
            let inputs = if is_first { shape.inputs } else { hidden };
            let bound = 1.0 / (hidden as f64).sqrt();
            let fed = if shape.arch == Arch::Fc {
                inputs
            } else {
                inputs + hidden
            };
            let gru = shape.arch == Arch::Gru;
            let mut bias = vec![0.0; shape.arch.gates() * hidden];
            if cell == Some(Arch::Lstm) {
                bias[hidden..2 * hidden].fill(1.0);
            }
            layers.push(Layer {
                weight: if gru {
                    uniform(&mut chance, inputs + hidden, 2 * hidden, bound, device)
                } else {
                    uniform(&mut chance, fed, shape.arch.gates() * hidden, bound, device)
                },
                bias: vector(if gru { vec![0.0; 2 * hidden] } else { bias }, device),
                new_weight: gru
                    .then(|| uniform(&mut chance, inputs + hidden, hidden, bound, device)),
                new_bias: gru.then(|| vector(vec![0.0; 2 * hidden], device)),
            });
        }
        let bound = 1.0 / (hidden as f64).sqrt();
        let attending = if shape.arch.attends() {
            shape.layers
        } else {
            0
        };
        let blocks = (0..attending).map(|_| Attention::new(&mut chance, hidden, device));
        Network {
            front,
            layers,
            blocks: blocks.collect(),
            head: uniform(&mut chance, hidden, shape.outputs, bound, device),
            head_bias: vector(vec![0.0; shape.outputs], device),
        }
    }

    /// With the head changed: its rows of weights and its biases, each over all outputs.
    pub fn with_head(&self, change: impl Fn(&mut [f32])) -> Network {
        let mut network = self.clone();
        let [hidden, outputs] = self.head.val().dims();
        let device = self.head.val().device();
        let changed = |mut values: Vec<f32>| -> Vec<f32> {
            values.chunks_exact_mut(outputs).for_each(&change);
            values
        };
        let head = TensorData::new(changed(list(self.head.val())), [hidden, outputs]);
        network.head = Param::from_tensor(Tensor::from_data(head, &device));
        network.head_bias = vector(changed(list(self.head_bias.val())), &device);
        network
    }

    /// With the head's biases changed.
    pub fn with_bias(&self, change: impl Fn(&mut [f32])) -> Network {
        let mut network = self.clone();
        let mut bias = list(self.head_bias.val());
        change(&mut bias);
        network.head_bias = vector(bias, &self.head_bias.val().device());
        network
    }

    pub fn initial_states(shape: Shape, lanes: usize, device: &Device) -> States {
        let Shape {
            arch,
            inputs,
            hidden,
            layers,
            ..
        } = shape;
        let front = arch.front(layers).into_iter().enumerate();
        let past = front.map(|(index, (taps, dilation))| {
            let width = if index == 0 { inputs } else { hidden };
            (taps - 1) * dilation * width
        });
        let attending = if arch.attends() { 2 * layers } else { 0 };
        past.filter(|size| *size > 0)
            .chain(std::iter::repeat_n(hidden, layers * arch.states()))
            .chain(std::iter::repeat_n((WINDOW - 1) * hidden, attending))
            .map(|size| Tensor::zeros([lanes, size], device))
            .collect()
    }

    /// `x [lanes, frames, inputs]` → raw outputs `[lanes * frames, outputs]`, lane by lane, and the last states.
    /// `mask [lanes, hidden]` scales what the head reads.
    pub fn forward(
        &self,
        shape: Shape,
        x: Tensor<3>,
        mut states: States,
        mask: Option<Tensor<2>>,
    ) -> (Tensor<2>, States) {
        let (x, first) = self.look_back(x, &mut states);
        let [lanes, frames, inputs] = x.dims();
        let rows = [lanes * frames, shape.hidden];
        let read_out = |y: Tensor<2>| match mask {
            None => self.read_out(y),
            Some(mask) => {
                let masked = y.reshape([lanes, frames, shape.hidden]) * mask.unsqueeze_dim(1);
                self.read_out(masked.reshape(rows))
            }
        };
        if self.layers.is_empty() {
            let mut y = x;
            for (block, states) in self.blocks.iter().zip(states[first..].chunks_mut(2)) {
                y = block.forward(y, states);
            }
            return (read_out(y.reshape(rows)), states);
        }
        if shape.arch == Arch::Fc {
            let mut y = x.reshape([lanes * frames, inputs]);
            for layer in &self.layers {
                y = tanh(y.matmul(layer.weight.val()) + layer.bias.val().unsqueeze());
            }
            return (read_out(y), states);
        }
        let of_layers = states[first..].chunks_mut(shape.arch.states());
        let layers = self.layers.iter().zip(of_layers);
        let tops = layers.fold(x, |y, (layer, states)| layer.run(shape, y, states));
        (read_out(tops.reshape(rows)), states)
    }

    /// Through the convolutions; how many states they took.
    fn look_back(&self, mut x: Tensor<3>, states: &mut States) -> (Tensor<3>, usize) {
        let mut taken = 0;
        for conv in &self.front {
            if conv.past() > 0 {
                x = conv.forward(x, Some(&mut states[taken]));
                taken += 1;
            } else {
                x = conv.forward(x, None);
            }
        }
        (x, taken)
    }

    fn read_out(&self, y: Tensor<2>) -> Tensor<2> {
        y.matmul(self.head.val()) + self.head_bias.val().unsqueeze()
    }
}

impl Layer {
    /// `x [lanes, frames, inputs]` → `[lanes, frames, hidden]`.
    fn run(&self, shape: Shape, x: Tensor<3>, states: &mut [Tensor<2>]) -> Tensor<3> {
        if let (Some(Arch::Lstm), [h, c]) = (shape.arch.cell(), &mut *states) {
            let weights = Weights {
                weight: self.weight.val(),
                bias: self.bias.val(),
            };
            let said = lstm(&weights, x, [h.clone(), c.clone()]);
            [*h, *c] = said.last;
            return said.all;
        }
        let [lanes, frames, inputs] = x.dims();
        let mut said = Vec::with_capacity(frames);
        for frame in 0..frames {
            let now = x.clone().narrow(1, frame, 1).reshape([lanes, inputs]);
            let y = self.step(shape, now, states);
            said.push(y.reshape([lanes, 1, shape.hidden]));
        }
        Tensor::cat(said, 1)
    }

    /// A frame of an RNN or a GRU.
    fn step(&self, shape: Shape, x: Tensor<2>, states: &mut [Tensor<2>]) -> Tensor<2> {
        let hidden = shape.hidden;
        let h = states[0].clone();
        let joined = Tensor::cat(vec![x.clone(), h.clone()], 1);
        let gates = joined.matmul(self.weight.val()) + self.bias.val().unsqueeze();
        let gate = |index: usize| gates.clone().narrow(1, index * hidden, hidden);
        let h = match shape.arch.cell() {
            Some(Arch::Gru) => {
                let (reset, update) = (sigmoid(gate(0)), sigmoid(gate(1)));
                let new = tanh(self.new_gate(x, h.clone(), reset, hidden));
                new.clone() + update * (h - new)
            }
            _ => tanh(gates),
        };
        states[0] = h.clone();
        h
    }

    /// GRU: `W x + b + r * (U h + c)`, before the tanh.
    fn new_gate(&self, x: Tensor<2>, h: Tensor<2>, reset: Tensor<2>, hidden: usize) -> Tensor<2> {
        let (Some(weight), Some(bias)) = (&self.new_weight, &self.new_bias) else {
            return x;
        };
        let inputs = x.dims()[1];
        let (weight, bias) = (weight.val(), bias.val());
        let from_x = x.matmul(weight.clone().narrow(0, 0, inputs));
        let from_h = h.matmul(weight.narrow(0, inputs, hidden));
        let b = bias.clone().narrow(0, 0, hidden).unsqueeze();
        let c = bias.narrow(0, hidden, hidden).unsqueeze();
        from_x + b + reset * (from_h + c)
    }
}
