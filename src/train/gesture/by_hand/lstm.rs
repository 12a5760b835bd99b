//! Forward and backward pass of a stack of LSTM layers with a linear head, over a window of frames of several lanes.
//! Rows are in order of time, then lane. Parameters are one flat list, per layer `weight [inputs + hidden][4 hidden]`
//! and `bias`, then `head [hidden][outputs]` and its bias: the burn network's own layout.

use pulp::Arch as Instructions;

use super::super::network::Shape;
use crate::train::recurrent::layer::{Gradient, Layer, State, Trace};
use crate::train::recurrent::matrix::{add_rows, multiply_add, transposed};

pub struct HandLstm {
    shape: Shape,
    parameters: Vec<f32>,
    instructions: Instructions,
}

/// `h` and `c` of every layer, `[lanes][hidden]` each.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub Vec<State>);

impl Memory {
    pub fn new(shape: Shape, lanes: usize) -> Self {
        let zeros = || vec![0.0; lanes * shape.hidden];
        Memory((0..shape.layers).map(|_| [zeros(), zeros()]).collect())
    }

    pub fn forget(&mut self, lane: usize, hidden: usize) {
        for state in self.0.iter_mut().flatten() {
            state[lane * hidden..][..hidden].fill(0.0);
        }
    }
}

/// A window that has run forward.
pub struct Run {
    traces: Vec<Trace>,
    /// What the head read.
    read: Vec<f32>,
    /// Raw outputs `[rows][outputs]`.
    pub outputs: Vec<f32>,
}

/// Where one layer's parameters lie.
#[derive(Clone, Copy)]
struct Place {
    weight: usize,
    bias: usize,
    end: usize,
}

impl HandLstm {
    pub fn new(shape: Shape, parameters: Vec<f32>, instructions: Instructions) -> Self {
        HandLstm {
            shape,
            parameters,
            instructions,
        }
    }

    pub fn parameters(&self) -> &[f32] {
        &self.parameters
    }

    pub fn parameters_mut(&mut self) -> &mut [f32] {
        &mut self.parameters
    }

    fn place(&self, layer: usize) -> Place {
        let hidden = self.shape.hidden;
        let mut weight = 0;
        for index in 0..=layer {
            let inputs = if index == 0 {
                self.shape.inputs
            } else {
                hidden
            };
            let bias = weight + (inputs + hidden) * 4 * hidden;
            let end = bias + 4 * hidden;
            if index == layer {
                return Place { weight, bias, end };
            }
            weight = end;
        }
        Place {
            weight: 0,
            bias: 0,
            end: 0,
        }
    }

    fn layer(&self, index: usize) -> Layer<'_> {
        let Place { weight, bias, end } = self.place(index);
        Layer {
            weight: &self.parameters[weight..bias],
            bias: &self.parameters[bias..end],
            hidden: self.shape.hidden,
            instructions: self.instructions,
        }
    }

    /// `x [rows][inputs]`; `memory` moves on to the end of the window; `mask [lanes][hidden]` scales what the head
    /// reads where it is not empty.
    pub fn forward(&self, x: Vec<f32>, lanes: usize, memory: &mut Memory, mask: &[f32]) -> Run {
        let mut input = x;
        let mut traces = Vec::with_capacity(self.shape.layers);
        for (layer, state) in memory.0.iter_mut().enumerate() {
            let trace = self
                .layer(layer)
                .forward(input, lanes, std::mem::take(state));
            *state = trace.last();
            input = trace.said().to_vec();
            traces.push(trace);
        }
        let (hidden, outputs) = (self.shape.hidden, self.shape.outputs);
        let head = self.place(self.shape.layers - 1).end;
        scale(&mut input, mask);
        let bias = &self.parameters[head + hidden * outputs..];
        let mut raw = bias.repeat(input.len() / hidden);
        let weight = &self.parameters[head..][..hidden * outputs];
        multiply_add(self.instructions, &input, weight, &mut raw, hidden, outputs);
        Run {
            traces,
            read: input,
            outputs: raw,
        }
    }

    /// Gradient of the parameters from the gradient of the raw outputs.
    pub fn backward(&self, run: &Run, output_slope: &[f32], mask: &[f32]) -> Vec<f32> {
        let (hidden, outputs) = (self.shape.hidden, self.shape.outputs);
        let mut gradient = vec![0.0; self.parameters.len()];
        let head = self.place(self.shape.layers - 1).end;
        let (weight_gradient, bias_gradient) = gradient[head..].split_at_mut(hidden * outputs);
        let top = &run.read;
        let rows = top.len() / hidden;
        multiply_add(
            self.instructions,
            &transposed(top, hidden),
            output_slope,
            weight_gradient,
            rows,
            outputs,
        );
        add_rows(output_slope, bias_gradient);
        let mut h_slope = vec![0.0; top.len()];
        let head_weight = transposed(&self.parameters[head..][..hidden * outputs], outputs);
        multiply_add(
            self.instructions,
            output_slope,
            &head_weight,
            &mut h_slope,
            outputs,
            hidden,
        );
        scale(&mut h_slope, mask);
        for (index, trace) in run.traces.iter().enumerate().rev() {
            let Place { weight, bias, end } = self.place(index);
            let (of_weight, of_bias) = gradient[weight..end].split_at_mut(bias - weight);
            let gradient = Gradient {
                weight: of_weight,
                bias: of_bias,
            };
            let layer = self.layer(index);
            h_slope = layer
                .backward(trace, h_slope, None, gradient, index > 0)
                .input;
        }
        gradient
    }
}

/// Scales every frame of all lanes by the same mask.
fn scale(rows: &mut [f32], mask: &[f32]) {
    for frame in rows.chunks_exact_mut(mask.len().max(1)) {
        frame.iter_mut().zip(mask).for_each(|(h, mask)| *h *= mask);
    }
}
