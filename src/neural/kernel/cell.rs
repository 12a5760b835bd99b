//! The gates of LSTM, GRU and simple RNN cells, after their matrix products. Gate orders and equations are
//! ONNX's (https://onnx.ai/onnx/operators/onnx__LSTM.html and GRU, RNN), default activations.

use pulp::{Arch, Simd, WithSimd};

use super::math::{sigmoid, tanh};

/// `sums` is `[4 * hidden]`: input, output, forget, cell.
pub fn lstm(arch: Arch, sums: &[f32], c_in: &[f32], h: &mut [f32], c: &mut [f32]) {
    arch.dispatch(Lstm { sums, c_in, h, c });
}

/// `input_sums` and `recurrent_sums` are `[3 * hidden]`: update, reset, new (`linear_before_reset`).
pub fn gru(arch: Arch, input_sums: &[f32], recurrent_sums: &[f32], h_in: &[f32], h: &mut [f32]) {
    arch.dispatch(Gru {
        input_sums,
        recurrent_sums,
        h_in,
        h,
    });
}

struct Lstm<'a> {
    sums: &'a [f32],
    c_in: &'a [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
}

impl WithSimd for Lstm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let hidden = self.h.len();
        let (input, rest) = self.sums.split_at(hidden);
        let (output, rest) = rest.split_at(hidden);
        let (forget, cell) = rest.split_at(hidden);
        let (input, input_end) = S::as_simd_f32s(input);
        let (output, output_end) = S::as_simd_f32s(output);
        let (forget, forget_end) = S::as_simd_f32s(forget);
        let (cell, cell_end) = S::as_simd_f32s(&cell[..hidden]);
        let (c_in, c_in_end) = S::as_simd_f32s(&self.c_in[..hidden]);
        let (h, h_end) = S::as_mut_simd_f32s(self.h);
        let (c, c_end) = S::as_mut_simd_f32s(&mut self.c[..hidden]);
        for i in 0..h.len() {
            (h[i], c[i]) = lstm_gates(simd, [input[i], output[i], forget[i], cell[i]], c_in[i]);
        }
        if !h_end.is_empty() {
            let sums =
                [input_end, output_end, forget_end, cell_end].map(|s| simd.partial_load_f32s(s));
            let (h, c) = lstm_gates(simd, sums, simd.partial_load_f32s(c_in_end));
            simd.partial_store_f32s(h_end, h);
            simd.partial_store_f32s(c_end, c);
        }
    }
}

#[inline(always)]
fn lstm_gates<S: Simd>(simd: S, sums: [S::f32s; 4], c: S::f32s) -> (S::f32s, S::f32s) {
    let [input, output, forget, cell] = sums;
    let new = simd.mul_f32s(sigmoid(simd, input), tanh(simd, cell));
    let c = simd.mul_add_e_f32s(sigmoid(simd, forget), c, new);
    (simd.mul_f32s(sigmoid(simd, output), tanh(simd, c)), c)
}

struct Gru<'a> {
    input_sums: &'a [f32],
    recurrent_sums: &'a [f32],
    h_in: &'a [f32],
    h: &'a mut [f32],
}

impl<'a> WithSimd for Gru<'a> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let hidden = self.h.len();
        let part = |sums: &'a [f32], gate: usize| S::as_simd_f32s(&sums[gate * hidden..][..hidden]);
        let x = [0, 1, 2].map(|gate| part(self.input_sums, gate));
        let r = [0, 1, 2].map(|gate| part(self.recurrent_sums, gate));
        let (h_in, h_in_end) = S::as_simd_f32s(&self.h_in[..hidden]);
        let (h, h_end) = S::as_mut_simd_f32s(self.h);
        for i in 0..h.len() {
            let (x, r) = (
                [x[0].0[i], x[1].0[i], x[2].0[i]],
                [r[0].0[i], r[1].0[i], r[2].0[i]],
            );
            h[i] = gru_gates(simd, x, r, h_in[i]);
        }
        if !h_end.is_empty() {
            let x = x.map(|(_, end)| simd.partial_load_f32s(end));
            let r = r.map(|(_, end)| simd.partial_load_f32s(end));
            let h = gru_gates(simd, x, r, simd.partial_load_f32s(h_in_end));
            simd.partial_store_f32s(h_end, h);
        }
    }
}

#[inline(always)]
fn gru_gates<S: Simd>(simd: S, x: [S::f32s; 3], r: [S::f32s; 3], h: S::f32s) -> S::f32s {
    let update = sigmoid(simd, simd.add_f32s(x[0], r[0]));
    let reset = sigmoid(simd, simd.add_f32s(x[1], r[1]));
    let new = tanh(simd, simd.mul_add_e_f32s(reset, r[2], x[2]));
    simd.mul_add_e_f32s(update, simd.sub_f32s(h, new), new)
}
