//! An LSTM layer as one operation of burn. On the processor it is our own forward and backward pass; on a graphics
//! card, which those cannot reach, it is burn's operations frame by frame. A test holds one against the other.

use std::sync::Arc;

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Tensor, TensorData};
use pulp::Arch as Instructions;

use super::layer::{Gradient, Layer, Trace};

/// What a layer said.
pub struct Said {
    /// `[lanes, frames, hidden]`
    pub all: Tensor<3>,
    /// `h` and `c` after the last frame, `[lanes, hidden]`.
    pub last: [Tensor<2>; 2],
}

/// Of one layer.
pub struct Weights {
    /// `[inputs + hidden, 4 hidden]`, gates in the order input, forget, cell, output.
    pub weight: Tensor<2>,
    /// `[4 hidden]`
    pub bias: Tensor<1>,
}

/// `x [lanes, frames, inputs]`, from `h` and `c` `[lanes, hidden]` on.
pub fn lstm(weights: &Weights, x: Tensor<3>, state: [Tensor<2>; 2]) -> Said {
    let [lanes, frames, _] = x.dims();
    let hidden = state[0].dims()[1];
    let Some(packed) = at_once(weights, &x, &state) else {
        return by_steps(weights, x, state);
    };
    let row = |at: usize| packed.clone().narrow(1, at, 1).reshape([lanes, hidden]);
    Said {
        last: [row(frames - 1), row(frames)],
        all: packed.narrow(1, 0, frames),
    }
}

/// One product of `[x_t, h]` a frame: slicing a tracked `[lanes, frames, 4 hidden]` instead makes burn's backward pass
/// quadratic in the frames.
fn by_steps(weights: &Weights, x: Tensor<3>, state: [Tensor<2>; 2]) -> Said {
    let [lanes, frames, inputs] = x.dims();
    let [mut h, mut c] = state;
    let hidden = h.dims()[1];
    let mut all = Vec::with_capacity(frames);
    for frame in 0..frames {
        let now = x.clone().narrow(1, frame, 1).reshape([lanes, inputs]);
        let joined = Tensor::cat(vec![now, h], 1);
        let gates = joined.matmul(weights.weight.clone()) + weights.bias.clone().unsqueeze();
        let gate = |index: usize| gates.clone().narrow(1, index * hidden, hidden);
        c = sigmoid(gate(1)) * c + sigmoid(gate(0)) * tanh(gate(2));
        h = sigmoid(gate(3)) * tanh(c.clone());
        all.push(h.clone().reshape([lanes, 1, hidden]));
    }
    Said {
        all: Tensor::cat(all, 1),
        last: [h, c],
    }
}

/// What was said and below it the last `c`, `[lanes, frames + 1, hidden]`; none where burn computes elsewhere.
fn at_once(weights: &Weights, x: &Tensor<3>, [h, c]: &[Tensor<2>; 2]) -> Option<Tensor<3>> {
    type Tracked = Autodiff<Flex, NoCheckpointing>;
    fn plain<const D: usize>(tensor: &Tensor<D>) -> Option<FlexTensor> {
        tensor.clone().try_into_primitive::<Flex>().ok()
    }
    fn tracked<const D: usize>(tensor: &Tensor<D>) -> Option<FloatTensor<Tracked>> {
        tensor.clone().try_into_primitive::<Tracked>().ok()
    }
    let Weights { weight, bias } = weights;
    if x.device().gradient_checkpointing_strategy().is_none() {
        let fed = [
            plain(x)?,
            plain(weight)?,
            plain(bias)?,
            plain(h)?,
            plain(c)?,
        ];
        let (said, _) = Pass::forward(fed);
        return Some(Tensor::from_primitive::<Flex>(said));
    }
    let fed = [
        tracked(x)?,
        tracked(weight)?,
        tracked(bias)?,
        tracked(h)?,
        tracked(c)?,
    ];
    let nodes = fed.each_ref().map(|tensor| tensor.node());
    let (said, pass) = Pass::forward(fed.map(|tensor| tensor.into_primitive()));
    let operation = Operation.prepare::<NoCheckpointing>(nodes).compute_bound();
    let said = match operation.stateful() {
        OpsKind::Tracked(operation) => operation.finish(Arc::new(pass), said),
        OpsKind::UnTracked(operation) => operation.finish(said),
    };
    Some(Tensor::from_primitive::<Tracked>(said))
}

/// A forward pass that can be gone back.
#[derive(Debug)]
struct Pass {
    trace: Trace,
    weight: Vec<f32>,
    bias: Vec<f32>,
    lanes: usize,
    hidden: usize,
}

impl Pass {
    /// Fed `x`, weight, bias, `h` and `c`.
    fn forward(fed: [FlexTensor; 5]) -> (FlexTensor, Pass) {
        let lanes = fed[0].layout().shape()[0];
        let hidden = fed[3].layout().shape()[1];
        let [x, weight, bias, h, c] = fed.map(values);
        let mut pass = Pass {
            trace: Trace::default(),
            weight,
            bias,
            lanes,
            hidden,
        };
        let rows = by_time(&x, lanes, pass.layer().inputs());
        pass.trace = pass.layer().forward(rows, lanes, [h, c]);
        let mut said = pass.trace.said().to_vec();
        let [_, c] = pass.trace.last();
        said.extend(c);
        let said = tensor(
            by_lane(&said, lanes, hidden),
            [lanes, said.len() / lanes / hidden, hidden],
        );
        (said, pass)
    }

    fn layer(&self) -> Layer<'_> {
        Layer {
            weight: &self.weight,
            bias: &self.bias,
            hidden: self.hidden,
            instructions: Instructions::new(),
        }
    }
}

#[derive(Debug)]
struct Operation;

impl Backward<Flex, 5> for Operation {
    type State = Arc<Pass>;

    fn backward(self, ops: Ops<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (pass, [x, weight, bias, h, c]) = (ops.state, ops.parents);
        let (lanes, hidden) = (pass.lanes, pass.hidden);
        let mut slope = by_time(&values(grads.consume::<Flex>(&ops.node)), lanes, hidden);
        let c_slope = slope.split_off(slope.len() - lanes * hidden);
        let mut of_weight = vec![0.0; pass.weight.len()];
        let mut of_bias = vec![0.0; pass.bias.len()];
        let gradient = Gradient {
            weight: &mut of_weight,
            bias: &mut of_bias,
        };
        let layer = pass.layer();
        let before = layer.backward(&pass.trace, slope, Some(c_slope), gradient, x.is_some());
        let (wide, inputs) = (4 * hidden, layer.inputs());
        let frames = before.input.len() / lanes / inputs;
        let of_x = by_lane(&before.input, lanes, inputs);
        let [of_h, of_c] = before.state;
        let slopes = [
            (x, tensor(of_x, [lanes, frames, inputs])),
            (weight, tensor(of_weight, [inputs + hidden, wide])),
            (bias, tensor(of_bias, [wide])),
            (h, tensor(of_h, [lanes, hidden])),
            (c, tensor(of_c, [lanes, hidden])),
        ];
        for (parent, slope) in slopes {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, slope);
            }
        }
    }
}

fn values(tensor: FlexTensor) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap_or_default()
}

fn tensor<const D: usize>(values: Vec<f32>, dims: [usize; D]) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, dims))
}

/// `[lanes][frames][width]` → `[frames][lanes][width]`.
fn by_time(values: &[f32], lanes: usize, width: usize) -> Vec<f32> {
    turned(values, values.len() / (lanes * width).max(1), width)
}

/// `[frames][lanes][width]` → `[lanes][frames][width]`.
fn by_lane(values: &[f32], lanes: usize, width: usize) -> Vec<f32> {
    turned(values, lanes, width)
}

/// `[outer][inner][width]` → `[inner][outer][width]`.
fn turned(values: &[f32], inner: usize, width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(values.len());
    for row in 0..inner {
        for line in values.chunks_exact((inner * width).max(1)) {
            out.extend_from_slice(&line[row * width..][..width]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::performer::Chance;
    use burn::tensor::Device;

    const LANES: usize = 3;
    const FRAMES: usize = 7;
    const INPUTS: usize = 5;
    const HIDDEN: usize = 9;

    /// A loss that every output has a part in, and its gradients by `x`, weight, bias, `h`, `c`.
    fn answers(
        way: fn(&Weights, Tensor<3>, [Tensor<2>; 2]) -> Said,
        device: &Device,
    ) -> Vec<Vec<f32>> {
        let mut chance = Chance::new(3, 3);
        let mut random =
            |count: usize| -> Vec<f32> { (0..count).map(|_| chance.normal() as f32).collect() };
        let x = TensorData::new(random(LANES * FRAMES * INPUTS), [LANES, FRAMES, INPUTS]);
        let weight = TensorData::new(
            random((INPUTS + HIDDEN) * 4 * HIDDEN),
            [INPUTS + HIDDEN, 4 * HIDDEN],
        );
        let bias = TensorData::new(random(4 * HIDDEN), [4 * HIDDEN]);
        let [h, c] = [0; 2].map(|_| TensorData::new(random(LANES * HIDDEN), [LANES, HIDDEN]));
        let of_all = TensorData::new(random(LANES * FRAMES * HIDDEN), [LANES, FRAMES, HIDDEN]);
        let of_last = [0; 2].map(|_| TensorData::new(random(LANES * HIDDEN), [LANES, HIDDEN]));
        let x = Tensor::<3>::from_data(x, device).require_grad();
        let [h, c] = [h, c].map(|state| Tensor::<2>::from_data(state, device).require_grad());
        let weights = Weights {
            weight: Tensor::from_data(weight, device).require_grad(),
            bias: Tensor::from_data(bias, device).require_grad(),
        };
        let said = way(&weights, x.clone(), [h.clone(), c.clone()]);
        let weigh =
            |value: Tensor<2>, by: TensorData| (value * Tensor::from_data(by, device)).sum();
        let [of_h, of_c] = of_last;
        let [last_h, last_c] = said.last;
        let loss = (said.all * Tensor::from_data(of_all, device)).sum()
            + weigh(last_h, of_h)
            + weigh(last_c, of_c);
        let gradients = loss.backward();
        let list = |data: TensorData| data.try_to_vec::<f32>().unwrap();
        vec![
            list(loss.into_data()),
            list(x.grad(&gradients).unwrap().into_data()),
            list(weights.weight.grad(&gradients).unwrap().into_data()),
            list(weights.bias.grad(&gradients).unwrap().into_data()),
            list(h.grad(&gradients).unwrap().into_data()),
            list(c.grad(&gradients).unwrap().into_data()),
        ]
    }

    #[test]
    fn our_pass_agrees_with_burns_forward_and_back() {
        let device = Device::flex().autodiff();
        let (ours, burns) = (answers(lstm, &device), answers(by_steps, &device));
        for (what, (ours, burns)) in ours.iter().zip(&burns).enumerate() {
            assert_eq!(ours.len(), burns.len(), "{what}");
            for (ours, burns) in ours.iter().zip(burns) {
                let near = 2e-5 * burns.abs().max(1.0);
                assert!((ours - burns).abs() < near, "{what}: {ours} {burns}");
            }
        }
    }
}
