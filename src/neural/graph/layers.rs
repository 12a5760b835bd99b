//! The layers that a small network is made of, with their weights in ONNX's order.

use super::{Attribute, GraphBuilder, Tensor};

/// Weights of one LSTM layer, rows in ONNX gate order: input, output, forget, cell.
pub struct LstmWeights<'a> {
    /// `[4 * hidden][inputs]`
    pub input: &'a [f32],
    /// `[4 * hidden][hidden]`
    pub recurrent: &'a [f32],
    /// `[4 * hidden]`, the sum of both biases where a framework keeps two.
    pub bias: &'a [f32],
}

/// Weights of one GRU layer, rows in ONNX gate order: update, reset, new.
pub struct GruWeights<'a> {
    /// `[3 * hidden][inputs]`
    pub input: &'a [f32],
    /// `[3 * hidden][hidden]`
    pub recurrent: &'a [f32],
    /// `[3 * hidden]`
    pub input_bias: &'a [f32],
    /// `[3 * hidden]`; the reset gate scales the new gate's part of it (`linear_before_reset`, as PyTorch does).
    pub recurrent_bias: &'a [f32],
}

/// Re-orders gate blocks of `hidden` rows: block `i` of the result is block `order[i]` of `rows`.
/// PyTorch and burn keep LSTM gates as input, forget, cell, output: `&[0, 3, 1, 2]` makes them ONNX's.
/// They keep GRU gates as reset, update, new: `&[1, 0, 2]`.
pub fn reorder_gates(rows: &[f32], order: &[usize]) -> Vec<f32> {
    let block = rows.len() / order.len();
    order
        .iter()
        .flat_map(|&from| rows[from * block..(from + 1) * block].iter().copied())
        .collect()
}

/// The layers a small network is made of.
impl GraphBuilder {
    /// `y = w x + b` on `[1, inputs]`; `weights` is `[outputs][inputs]`.
    pub fn dense(&mut self, x: &Tensor, weights: &[f32], bias: &[f32]) -> Tensor {
        let (inputs, outputs) = (x.dims[1], bias.len());
        assert_eq!(weights.len(), inputs * outputs, "dense {inputs}x{outputs}");
        let w = self.constant(&[outputs, inputs], weights);
        let b = self.constant(&[outputs], bias);
        self.node(
            "Gemm",
            &[&x.name, &w.name, &b.name],
            &[x.dims[0], outputs],
            &[Attribute::Int("transB", 1)],
        )
    }

    /// One LSTM step on `x [1, inputs]`, `h [1, hidden]`, `c [1, hidden]`; returns the new `h` and `c`.
    pub fn lstm(
        &mut self,
        x: &Tensor,
        h: &Tensor,
        c: &Tensor,
        w: &LstmWeights,
    ) -> (Tensor, Tensor) {
        let (inputs, hidden) = (x.dims[1], h.dims[1]);
        let input = self.constant(&[1, 4 * hidden, inputs], w.input);
        let recurrent = self.constant(&[1, 4 * hidden, hidden], w.recurrent);
        let mut both = w.bias.to_vec();
        both.resize(8 * hidden, 0.0);
        let bias = self.constant(&[1, 8 * hidden], &both);
        let x = self.reshape(x, &[1, 1, inputs]);
        let h = self.reshape(h, &[1, 1, hidden]);
        let c = self.reshape(c, &[1, 1, hidden]);
        let (h_out, c_out) = (self.fresh("lstm_h"), self.fresh("lstm_c"));
        self.push(
            "LSTM",
            &[
                &x.name,
                &input.name,
                &recurrent.name,
                &bias.name,
                "",
                &h.name,
                &c.name,
            ],
            vec![String::new(), h_out.clone(), c_out.clone()],
            &[Attribute::Int("hidden_size", hidden as i64)],
        );
        let dims = vec![1, 1, hidden];
        let (h, c) = (
            Tensor {
                name: h_out,
                dims: dims.clone(),
            },
            Tensor { name: c_out, dims },
        );
        (
            self.reshape(&h, &[1, hidden]),
            self.reshape(&c, &[1, hidden]),
        )
    }

    /// One GRU step on `x [1, inputs]` and `h [1, hidden]`; returns the new `h`.
    pub fn gru(&mut self, x: &Tensor, h: &Tensor, w: &GruWeights) -> Tensor {
        let (inputs, hidden) = (x.dims[1], h.dims[1]);
        let input = self.constant(&[1, 3 * hidden, inputs], w.input);
        let recurrent = self.constant(&[1, 3 * hidden, hidden], w.recurrent);
        let bias = self.constant(&[1, 6 * hidden], &[w.input_bias, w.recurrent_bias].concat());
        let x = self.reshape(x, &[1, 1, inputs]);
        let h = self.reshape(h, &[1, 1, hidden]);
        let name = self.fresh("gru_h");
        self.push(
            "GRU",
            &[
                &x.name,
                &input.name,
                &recurrent.name,
                &bias.name,
                "",
                &h.name,
            ],
            vec![String::new(), name.clone()],
            &[
                Attribute::Int("hidden_size", hidden as i64),
                Attribute::Int("linear_before_reset", 1),
            ],
        );
        let dims = vec![1, 1, hidden];
        self.reshape(&Tensor { name, dims }, &[1, hidden])
    }

    /// Normalises the last axis, then scales and shifts it.
    pub fn layer_norm(&mut self, x: &Tensor, scale: &[f32], bias: &[f32]) -> Tensor {
        let s = self.constant(&[scale.len()], scale);
        let b = self.constant(&[bias.len()], bias);
        self.node(
            "LayerNormalization",
            &[&x.name, &s.name, &b.name],
            &x.dims,
            &[
                Attribute::Int("axis", -1),
                Attribute::Float("epsilon", 1e-5),
            ],
        )
    }
}
