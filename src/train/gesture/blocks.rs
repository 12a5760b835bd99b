//! The layers that look back over a stretch of frames, in burn: causal convolutions with dilation, and causal attention
//! over the last [`WINDOW`] frames. Both carry what they look back on as states, so that a stream and a whole take give
//! the same numbers. States are `[lanes, frames * width]`, oldest frame first; at first they are zeros, which
//! attention sees as frames like any other, in training and playing alike.

use burn::module::{Module, Param};
use burn::tensor::activation::{relu, softmax, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use super::network::{uniform, vector};
use crate::sensor::performer::Chance;

/// Frames that attention sees, the present one among them.
pub const WINDOW: usize = 64;
pub const EPSILON: f32 = 1e-5;
/// The feed-forward part is so many times as wide.
const WIDER: usize = 2;

/// Four where they divide the width.
pub fn heads(width: usize) -> usize {
    if width.is_multiple_of(4) { 4 } else { 1 }
}

/// How much a head minds distance, per frame (Press et al., ICLR 2022): no other position is told.
pub fn slope(head: usize, heads: usize) -> f32 {
    (-8.0 * (head + 1) as f32 / heads as f32).exp2()
}

/// `y[t] = Σ W_k x[t - (taps - 1 - k) dilation] + b`, then tanh where there is more than one tap, added to `x` where
/// the widths agree.
#[derive(Module, Debug)]
pub struct Conv {
    /// `[taps * inputs, outputs]`, the oldest tap first.
    pub weight: Param<Tensor<2>>,
    pub bias: Param<Tensor<1>>,
    pub taps: usize,
    pub dilation: usize,
}

impl Conv {
    pub fn new(
        chance: &mut Chance,
        [inputs, outputs]: [usize; 2],
        taps: usize,
        dilation: usize,
        device: &Device,
    ) -> Conv {
        let bound = 1.0 / ((taps * inputs) as f64).sqrt();
        Conv {
            weight: uniform(chance, taps * inputs, outputs, bound, device),
            bias: vector(vec![0.0; outputs], device),
            taps,
            dilation,
        }
    }

    /// Frames it looks back.
    pub fn past(&self) -> usize {
        (self.taps - 1) * self.dilation
    }

    pub fn inputs(&self) -> usize {
        self.weight.val().dims()[0] / self.taps
    }

    /// `x [lanes, frames, inputs]` and the past → `[lanes, frames, outputs]` and the new past.
    pub fn forward(&self, x: Tensor<3>, state: Option<&mut Tensor<2>>) -> Tensor<3> {
        let [lanes, frames, inputs] = x.dims();
        let outputs = self.bias.val().dims()[0];
        let all = match &state {
            Some(past) => Tensor::cat(
                vec![
                    (*past).clone().reshape([lanes, self.past(), inputs]),
                    x.clone(),
                ],
                1,
            ),
            None => x.clone(),
        };
        let taps = (0..self.taps).map(|tap| all.clone().narrow(1, tap * self.dilation, frames));
        let seen = Tensor::cat(taps.collect(), 2).reshape([lanes * frames, self.taps * inputs]);
        let y = seen.matmul(self.weight.val()) + self.bias.val().unsqueeze();
        let y = y.reshape([lanes, frames, outputs]);
        if let Some(state) = state {
            *state = all
                .narrow(1, frames, self.past())
                .reshape([lanes, self.past() * inputs]);
        }
        match (self.taps, inputs == outputs) {
            (1, _) => y,
            (_, true) => x + tanh(y),
            (_, false) => tanh(y),
        }
    }
}

/// Attention and a feed-forward part, each normalised before and added to what came in.
#[derive(Module, Debug)]
pub struct Attention {
    pub norm: Norm,
    /// `[width, 3 * width]`: query, key, value.
    pub ask: Param<Tensor<2>>,
    pub ask_bias: Param<Tensor<1>>,
    pub answer: Param<Tensor<2>>,
    pub answer_bias: Param<Tensor<1>>,
    pub second_norm: Norm,
    pub widen: Param<Tensor<2>>,
    pub widen_bias: Param<Tensor<1>>,
    pub narrow: Param<Tensor<2>>,
    pub narrow_bias: Param<Tensor<1>>,
}

/// Layer normalisation over the last axis.
#[derive(Module, Debug)]
pub struct Norm {
    pub scale: Param<Tensor<1>>,
    pub bias: Param<Tensor<1>>,
}

impl Norm {
    pub fn new(width: usize, device: &Device) -> Norm {
        Norm {
            scale: vector(vec![1.0; width], device),
            bias: vector(vec![0.0; width], device),
        }
    }

    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let away = x.clone() - x.mean_dim(1);
        let spread = (away.clone() * away.clone()).mean_dim(1) + EPSILON;
        away / spread.sqrt() * self.scale.val().unsqueeze() + self.bias.val().unsqueeze()
    }
}

impl Attention {
    pub fn new(chance: &mut Chance, width: usize, device: &Device) -> Attention {
        let bound = 1.0 / (width as f64).sqrt();
        let mut matrix =
            |rows: usize, columns: usize| uniform(chance, rows, columns, bound, device);
        Attention {
            norm: Norm::new(width, device),
            ask: matrix(width, 3 * width),
            ask_bias: vector(vec![0.0; 3 * width], device),
            answer: matrix(width, width),
            answer_bias: vector(vec![0.0; width], device),
            second_norm: Norm::new(width, device),
            widen: matrix(width, WIDER * width),
            widen_bias: vector(vec![0.0; WIDER * width], device),
            narrow: matrix(WIDER * width, width),
            narrow_bias: vector(vec![0.0; width], device),
        }
    }

    /// `x [lanes, frames, width]`; `states` are the keys and values of the frames before.
    pub fn forward(&self, x: Tensor<3>, states: &mut [Tensor<2>]) -> Tensor<3> {
        let [lanes, frames, width] = x.dims();
        let x = x.reshape([lanes * frames, width]);
        let asked = linear(self.norm.forward(x.clone()), &self.ask, &self.ask_bias);
        let part = |index: usize| {
            let part = asked.clone().narrow(1, index * width, width);
            part.reshape([lanes, frames, width])
        };
        let heads = heads(width);
        let each = width / heads;
        let mut joined = |state: usize, new: Tensor<3>| {
            let past = states[state].clone().reshape([lanes, WINDOW - 1, width]);
            let all = Tensor::cat(vec![past, new], 1);
            states[state] = all
                .clone()
                .narrow(1, frames, WINDOW - 1)
                .reshape([lanes, (WINDOW - 1) * width]);
            all.reshape([lanes, WINDOW - 1 + frames, heads, each])
                .swap_dims(1, 2)
        };
        let (keys, values) = (joined(0, part(1)), joined(1, part(2)));
        let query = part(0)
            .reshape([lanes, frames, heads, each])
            .swap_dims(1, 2);
        let scores = query.matmul(keys.swap_dims(2, 3)) * (each as f32).powf(-0.5);
        let distance = distances(heads, frames, &x.device());
        let weights = softmax(scores + distance, 3);
        let heard = weights
            .matmul(values)
            .swap_dims(1, 2)
            .reshape([lanes * frames, width]);
        let x = x + linear(heard, &self.answer, &self.answer_bias);
        let wide = linear(
            self.second_norm.forward(x.clone()),
            &self.widen,
            &self.widen_bias,
        );
        let x = x + linear(relu(wide), &self.narrow, &self.narrow_bias);
        x.reshape([lanes, frames, width])
    }
}

pub fn linear(x: Tensor<2>, weight: &Param<Tensor<2>>, bias: &Param<Tensor<1>>) -> Tensor<2> {
    x.matmul(weight.val()) + bias.val().unsqueeze()
}

/// `[1, heads, frames, WINDOW - 1 + frames]`: what distance costs; beyond the window and ahead of time, everything.
fn distances(heads: usize, frames: usize, device: &Device) -> Tensor<4> {
    const NEVER: f32 = -1e9;
    let all = WINDOW - 1 + frames;
    let mut costs = Vec::with_capacity(heads * frames * all);
    for head in 0..heads {
        for frame in 0..frames {
            let now = frame + WINDOW - 1;
            costs.extend((0..all).map(|key| match now.checked_sub(key) {
                Some(ago) if ago < WINDOW => -slope(head, heads) * ago as f32,
                _ => NEVER,
            }));
        }
    }
    Tensor::from_data(TensorData::new(costs, [1, heads, frames, all]), device)
}
