//! The gates of one frame, forward and backward, between the matrix products.

use pulp::{Simd, WithSimd};

/// e^x within 1e-6 for |x| < 80, branch-free so that it vectorises (Cephes, `expf`).
#[inline(always)]
fn exp(x: f32) -> f32 {
    const ROUNDER: f32 = 12_582_912.0;
    let x = x.clamp(-80.0, 80.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUNDER;
    let n = shifted - ROUNDER;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    for c in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5.000_000_1e-1,
    ] {
        p = p * r + c;
    }
    let y = p * r * r + r + 1.0;
    y * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// One frame of all lanes, forward.
pub struct Cell<'a> {
    pub gates: &'a mut [f32],
    pub c_before: &'a [f32],
    pub c: &'a mut [f32],
    pub c_squashed: &'a mut [f32],
    pub h: &'a mut [f32],
    pub hidden: usize,
}

// The loops below are plain so that the compiler vectorises them for the instruction set at hand.
impl WithSimd for Cell<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let hidden = self.hidden;
        for (lane, gates) in self.gates.chunks_exact_mut(4 * hidden).enumerate() {
            let at = lane * hidden..(lane + 1) * hidden;
            let (gate_i, rest) = gates.split_at_mut(hidden);
            let (gate_f, rest) = rest.split_at_mut(hidden);
            let (gate_c, gate_o) = rest.split_at_mut(hidden);
            gate_i.iter_mut().for_each(|g| *g = sigmoid(*g));
            gate_f.iter_mut().for_each(|g| *g = sigmoid(*g));
            gate_c.iter_mut().for_each(|g| *g = tanh(*g));
            gate_o.iter_mut().for_each(|g| *g = sigmoid(*g));
            let (c_before, c) = (&self.c_before[at.clone()], &mut self.c[at.clone()]);
            let (squashed, h) = (&mut self.c_squashed[at.clone()], &mut self.h[at]);
            for j in 0..hidden {
                c[j] = gate_f[j] * c_before[j] + gate_i[j] * gate_c[j];
                squashed[j] = tanh(c[j]);
                h[j] = gate_o[j] * squashed[j];
            }
        }
    }
}

/// One frame of all lanes, backward.
pub struct CellSlope<'a> {
    pub gates: &'a [f32],
    pub c_before: &'a [f32],
    pub c_squashed: &'a [f32],
    pub h_slope: &'a [f32],
    pub c_slope: &'a mut [f32],
    pub gate_slope: &'a mut [f32],
    pub hidden: usize,
}

impl WithSimd for CellSlope<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let hidden = self.hidden;
        let lanes = self
            .gates
            .chunks_exact(4 * hidden)
            .zip(self.gate_slope.chunks_exact_mut(4 * hidden));
        for (lane, (gates, slopes)) in lanes.enumerate() {
            let at = lane * hidden..(lane + 1) * hidden;
            let (c_before, squashed) = (&self.c_before[at.clone()], &self.c_squashed[at.clone()]);
            let (h_slope, c_slope) = (&self.h_slope[at.clone()], &mut self.c_slope[at]);
            let (gate_i, rest) = gates.split_at(hidden);
            let (gate_f, rest) = rest.split_at(hidden);
            let (gate_c, gate_o) = rest.split_at(hidden);
            let (slope_i, rest) = slopes.split_at_mut(hidden);
            let (slope_f, rest) = rest.split_at_mut(hidden);
            let (slope_c, slope_o) = rest.split_at_mut(hidden);
            for j in 0..hidden {
                let c = c_slope[j] + h_slope[j] * gate_o[j] * (1.0 - squashed[j] * squashed[j]);
                slope_o[j] = h_slope[j] * squashed[j] * gate_o[j] * (1.0 - gate_o[j]);
                slope_i[j] = c * gate_c[j] * gate_i[j] * (1.0 - gate_i[j]);
                slope_f[j] = c * c_before[j] * gate_f[j] * (1.0 - gate_f[j]);
                slope_c[j] = c * gate_i[j] * (1.0 - gate_c[j] * gate_c[j]);
                c_slope[j] = c * gate_f[j];
            }
        }
    }
}
