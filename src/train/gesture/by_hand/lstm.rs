//! Forward and backward pass of a stack of LSTM layers with a linear head, over a window of frames of several lanes.
//! Rows are in order of time, then lane. Parameters are one flat list, per layer `weight [inputs + hidden][4 hidden]`
//! and `bias`, then `head [hidden][outputs]` and its bias: the burn network's own layout.

use pulp::Arch as Instructions;

use super::super::network::Shape;
use super::cell::{Cell, CellSlope};
use super::matrix::{add_rows, multiply_add, transposed};

pub struct HandLstm {
    shape: Shape,
    parameters: Vec<f32>,
    instructions: Instructions,
}

/// `h` and `c` of every layer, `[lanes][hidden]` each.
#[derive(Clone, Debug, Default)]
pub struct Memory(pub Vec<[Vec<f32>; 2]>);

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

/// What the backward pass needs of one layer: all frames, and for `h` and `c` the frame before the first too.
struct Trace {
    input: Vec<f32>,
    /// Input, forget, cell and output gate after their squashing, `[rows][4 hidden]`.
    gates: Vec<f32>,
    h: Vec<f32>,
    c: Vec<f32>,
    c_squashed: Vec<f32>,
}

/// A window that has run forward.
pub struct Run {
    traces: Vec<Trace>,
    /// What the head read.
    read: Vec<f32>,
    /// Raw outputs `[rows][outputs]`.
    pub outputs: Vec<f32>,
    lanes: usize,
}

/// Where one layer's parameters lie.
#[derive(Clone, Copy)]
struct Place {
    inputs: usize,
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
                return Place {
                    inputs,
                    weight,
                    bias,
                    end,
                };
            }
            weight = end;
        }
        Place {
            inputs: 0,
            weight: 0,
            bias: 0,
            end: 0,
        }
    }

    /// `x [rows][inputs]`; `memory` moves on to the end of the window; `mask [lanes][hidden]` scales what the head
    /// reads where it is not empty.
    pub fn forward(&self, x: Vec<f32>, lanes: usize, memory: &mut Memory, mask: &[f32]) -> Run {
        let mut input = x;
        let mut traces = Vec::with_capacity(self.shape.layers);
        for (layer, state) in memory.0.iter_mut().enumerate() {
            let trace = self.layer_forward(self.place(layer), input, lanes, state);
            input = trace.h[lanes * self.shape.hidden..].to_vec();
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
            lanes,
        }
    }

    fn layer_forward(
        &self,
        place: Place,
        input: Vec<f32>,
        lanes: usize,
        state: &mut [Vec<f32>; 2],
    ) -> Trace {
        let hidden = self.shape.hidden;
        let (wide, rows) = (4 * hidden, input.len() / place.inputs);
        let weight = &self.parameters[place.weight..place.bias];
        let (from_input, from_h) = weight.split_at(place.inputs * wide);
        let mut gates = self.parameters[place.bias..place.end].repeat(rows);
        multiply_add(
            self.instructions,
            &input,
            from_input,
            &mut gates,
            place.inputs,
            wide,
        );
        let step = lanes * hidden;
        let mut h = std::mem::take(&mut state[0]);
        let mut c = std::mem::take(&mut state[1]);
        h.resize((rows + lanes) * hidden, 0.0);
        c.resize((rows + lanes) * hidden, 0.0);
        let mut c_squashed = vec![0.0; rows * hidden];
        for frame in 0..rows / lanes {
            let gates = &mut gates[frame * lanes * wide..][..lanes * wide];
            let (before, after) = h.split_at_mut((frame + 1) * step);
            multiply_add(
                self.instructions,
                &before[frame * step..],
                from_h,
                gates,
                hidden,
                wide,
            );
            let (c_before, c_after) = c.split_at_mut((frame + 1) * step);
            let cell = Cell {
                gates,
                c_before: &c_before[frame * step..],
                c: &mut c_after[..step],
                c_squashed: &mut c_squashed[frame * step..][..step],
                h: &mut after[..step],
                hidden,
            };
            self.instructions.dispatch(cell);
        }
        state[0] = h[rows * hidden..].to_vec();
        state[1] = c[rows * hidden..].to_vec();
        Trace {
            input,
            gates,
            h,
            c,
            c_squashed,
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
        for layer in (0..self.shape.layers).rev() {
            h_slope = self.layer_backward(layer, run, h_slope, &mut gradient);
        }
        gradient
    }

    /// Takes the slope of a layer's outputs, returns that of its inputs.
    fn layer_backward(
        &self,
        layer: usize,
        run: &Run,
        mut h_slope: Vec<f32>,
        gradient: &mut [f32],
    ) -> Vec<f32> {
        let (place, trace, lanes) = (self.place(layer), &run.traces[layer], run.lanes);
        let hidden = self.shape.hidden;
        let (wide, step) = (4 * hidden, lanes * hidden);
        let rows = h_slope.len() / hidden;
        let weight = &self.parameters[place.weight..place.bias];
        let (from_input, from_h) = weight.split_at(place.inputs * wide);
        let from_h = transposed(from_h, wide);
        let mut gate_slope = vec![0.0; rows * wide];
        let mut c_slope = vec![0.0; step];
        for frame in (0..rows / lanes).rev() {
            let (earlier, now) = h_slope.split_at_mut(frame * step);
            let cell = CellSlope {
                gates: &trace.gates[frame * lanes * wide..][..lanes * wide],
                c_before: &trace.c[frame * step..][..step],
                c_squashed: &trace.c_squashed[frame * step..][..step],
                h_slope: &now[..step],
                c_slope: &mut c_slope,
                gate_slope: &mut gate_slope[frame * lanes * wide..][..lanes * wide],
                hidden,
            };
            self.instructions.dispatch(cell);
            if frame > 0 {
                let slope = &gate_slope[frame * lanes * wide..][..lanes * wide];
                let before = &mut earlier[(frame - 1) * step..];
                multiply_add(self.instructions, slope, &from_h, before, wide, hidden);
            }
        }
        let (weight_gradient, bias_gradient) =
            gradient[place.weight..place.end].split_at_mut(place.bias - place.weight);
        let (of_input, of_h) = weight_gradient.split_at_mut(place.inputs * wide);
        let turned = transposed(&trace.input, place.inputs);
        multiply_add(
            self.instructions,
            &turned,
            &gate_slope,
            of_input,
            rows,
            wide,
        );
        let turned = transposed(&trace.h[..rows * hidden], hidden);
        multiply_add(self.instructions, &turned, &gate_slope, of_h, rows, wide);
        add_rows(&gate_slope, bias_gradient);
        if layer == 0 {
            return Vec::new();
        }
        let mut input_slope = vec![0.0; rows * place.inputs];
        let turned = transposed(from_input, wide);
        multiply_add(
            self.instructions,
            &gate_slope,
            &turned,
            &mut input_slope,
            wide,
            place.inputs,
        );
        input_slope
    }
}

/// Scales every frame of all lanes by the same mask.
fn scale(rows: &mut [f32], mask: &[f32]) {
    for frame in rows.chunks_exact_mut(mask.len().max(1)) {
        frame.iter_mut().zip(mask).for_each(|(h, mask)| *h *= mask);
    }
}
