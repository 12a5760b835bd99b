//! One LSTM layer over a window of frames of several lanes, forward and backward. Gate order is burn's and PyTorch's:
//! input, forget, cell, output.

use pulp::Arch as Instructions;

use super::cell::{Cell, CellSlope};
use super::matrix::{add_rows, multiply_add, transposed};

#[derive(Clone, Copy)]
pub struct Layer<'a> {
    /// `[inputs + hidden][4 hidden]`
    pub weight: &'a [f32],
    /// `[4 hidden]`
    pub bias: &'a [f32],
    pub hidden: usize,
    pub instructions: Instructions,
}

/// `h` and `c` of all lanes, `[lanes][hidden]` each.
pub type State = [Vec<f32>; 2];

/// What the backward pass needs: all frames, and for `h` and `c` the frame before the first too.
#[derive(Debug, Default)]
pub struct Trace {
    /// `[rows][inputs]`
    input: Vec<f32>,
    /// Input, forget, cell and output gate after their squashing, `[rows][4 hidden]`.
    gates: Vec<f32>,
    h: Vec<f32>,
    c: Vec<f32>,
    c_squashed: Vec<f32>,
    lanes: usize,
}

impl Trace {
    /// What the layer said, `[rows][hidden]`.
    pub fn said(&self) -> &[f32] {
        &self.h[self.h.len() - self.c_squashed.len()..]
    }

    /// `h` and `c` after the last frame.
    pub fn last(&self) -> State {
        let size = self.h.len() - self.c_squashed.len();
        [&self.h, &self.c].map(|all| all[all.len() - size..].to_vec())
    }
}

/// Gradients of one layer's parameters, which the backward pass adds to.
pub struct Gradient<'a> {
    pub weight: &'a mut [f32],
    pub bias: &'a mut [f32],
}

/// Gradients of what a layer was fed.
pub struct Before {
    /// `[rows][inputs]`; empty where nobody asks.
    pub input: Vec<f32>,
    pub state: State,
}

impl Layer<'_> {
    pub fn inputs(&self) -> usize {
        self.weight.len() / (4 * self.hidden) - self.hidden
    }

    /// `input [rows][inputs]`, from `state` on.
    pub fn forward(&self, input: Vec<f32>, lanes: usize, state: State) -> Trace {
        let hidden = self.hidden;
        let (wide, inputs) = (4 * hidden, self.inputs());
        let (rows, step) = (input.len() / inputs, lanes * hidden);
        let (from_input, from_h) = self.weight.split_at(inputs * wide);
        let mut gates = self.bias.repeat(rows);
        self.add_product(&input, from_input, &mut gates, inputs);
        let [mut h, mut c] = state;
        h.resize((rows + lanes) * hidden, 0.0);
        c.resize((rows + lanes) * hidden, 0.0);
        let mut c_squashed = vec![0.0; rows * hidden];
        for frame in 0..rows / lanes {
            let gates = &mut gates[frame * lanes * wide..][..lanes * wide];
            let (before, after) = h.split_at_mut((frame + 1) * step);
            self.add_product(&before[frame * step..], from_h, gates, hidden);
            let (c_before, c_after) = c.split_at_mut((frame + 1) * step);
            self.instructions.dispatch(Cell {
                gates,
                c_before: &c_before[frame * step..],
                c: &mut c_after[..step],
                c_squashed: &mut c_squashed[frame * step..][..step],
                h: &mut after[..step],
                hidden,
            });
        }
        Trace {
            input,
            gates,
            h,
            c,
            c_squashed,
            lanes,
        }
    }

    /// From the slopes of what was said, `[rows][hidden]`, and of the cells after the last frame, where they have any.
    pub fn backward(
        &self,
        trace: &Trace,
        mut h_slope: Vec<f32>,
        c_slope: Option<Vec<f32>>,
        gradient: Gradient,
        asks_input: bool,
    ) -> Before {
        let (hidden, lanes) = (self.hidden, trace.lanes);
        let (wide, inputs, step) = (4 * hidden, self.inputs(), lanes * hidden);
        let rows = h_slope.len() / hidden;
        let from_h = &self.weight[inputs * wide..];
        let from_h = transposed(from_h, wide);
        let mut c_slope = c_slope.unwrap_or_else(|| vec![0.0; step]);
        let mut gate_slope = vec![0.0; rows * wide];
        let mut first_slope = vec![0.0; step];
        for frame in (0..rows / lanes).rev() {
            let (earlier, now) = h_slope.split_at_mut(frame * step);
            let slope = &mut gate_slope[frame * lanes * wide..][..lanes * wide];
            self.instructions.dispatch(CellSlope {
                gates: &trace.gates[frame * lanes * wide..][..lanes * wide],
                c_before: &trace.c[frame * step..][..step],
                c_squashed: &trace.c_squashed[frame * step..][..step],
                h_slope: &now[..step],
                c_slope: &mut c_slope,
                gate_slope: slope,
                hidden,
            });
            let before = match frame {
                0 => &mut first_slope,
                _ => &mut earlier[(frame - 1) * step..],
            };
            multiply_add(self.instructions, slope, &from_h, before, wide, hidden);
        }
        let (of_input, of_h) = gradient.weight.split_at_mut(inputs * wide);
        self.add_turned(&trace.input, inputs, &gate_slope, of_input);
        self.add_turned(&trace.h[..rows * hidden], hidden, &gate_slope, of_h);
        add_rows(&gate_slope, gradient.bias);
        Before {
            input: if asks_input {
                self.input_slope(&gate_slope)
            } else {
                Vec::new()
            },
            state: [first_slope, c_slope],
        }
    }

    fn input_slope(&self, gate_slope: &[f32]) -> Vec<f32> {
        let (wide, inputs) = (4 * self.hidden, self.inputs());
        let from_input = transposed(&self.weight[..inputs * wide], wide);
        let mut input = vec![0.0; gate_slope.len() / wide * inputs];
        let into = &mut input;
        multiply_add(
            self.instructions,
            gate_slope,
            &from_input,
            into,
            wide,
            inputs,
        );
        input
    }

    /// `gates += a · weight`.
    fn add_product(&self, a: &[f32], weight: &[f32], gates: &mut [f32], inputs: usize) {
        multiply_add(self.instructions, a, weight, gates, inputs, 4 * self.hidden);
    }

    /// `weight += fedᵀ · slope`.
    fn add_turned(&self, fed: &[f32], width: usize, slope: &[f32], weight: &mut [f32]) {
        let rows = fed.len() / width;
        let turned = transposed(fed, width);
        let wide = 4 * self.hidden;
        multiply_add(self.instructions, &turned, slope, weight, rows, wide);
    }
}
