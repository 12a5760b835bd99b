//! `y = W x + b`, the one kernel that costs time: panels of 64, 32 or 16 rows, each a run of columns, so
//! that a step streams the weights once from start to end. Up to four right-hand sides (voices of a chord,
//! steps of a convolution) share one pass over the weights.
//!
//! The layout does not depend on the instruction set, so one packing serves every path.

use pulp::{Arch, Simd, WithSimd};

use super::Aligned;

/// Rows of a whole panel; the last ones may be narrower.
const PANEL: usize = 64;
/// How many right-hand sides share a pass.
pub const MAX_SIDES: usize = 4;

struct Panel {
    first_row: usize,
    width: usize,
    /// Where its weights start, counted in floats.
    start: usize,
}

/// A packed matrix with a bias.
pub struct Matrix {
    rows: usize,
    columns: usize,
    panels: Vec<Panel>,
    weights: Aligned,
    bias: Aligned,
}

impl Matrix {
    /// `weights` is `[rows][columns]`, `bias` is `[rows]`.
    pub fn new(weights: &[f32], bias: &[f32], columns: usize) -> Self {
        let rows = bias.len();
        assert_eq!(weights.len(), rows * columns);
        let panels = panels(rows, columns);
        let padded = panels.iter().map(|p| p.width).sum::<usize>();
        let mut packed = Aligned::new(padded * columns);
        for panel in &panels {
            let target =
                &mut packed.as_mut_slice()[panel.start..panel.start + panel.width * columns];
            for row in 0..panel.width.min(rows - panel.first_row) {
                for column in 0..columns {
                    target[column * panel.width + row] =
                        weights[(panel.first_row + row) * columns + column];
                }
            }
        }
        let mut padded_bias = Aligned::new(padded);
        padded_bias.as_mut_slice()[..rows].copy_from_slice(bias);
        Matrix {
            rows,
            columns,
            panels,
            weights: packed,
            bias: padded_bias,
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Bytes that one step streams.
    pub fn weight_bytes(&self) -> usize {
        self.weights.len * size_of::<f32>()
    }

    /// `y = W x + b` for each of `N` right-hand sides. `x` holds `columns`, `y` holds `rows` values.
    #[inline]
    pub fn apply<const N: usize>(&self, arch: Arch, x: [&[f32]; N], y: [&mut [f32]; N]) {
        arch.dispatch(Apply { matrix: self, x, y });
    }
}

fn panels(rows: usize, columns: usize) -> Vec<Panel> {
    let mut panels = Vec::new();
    let (mut first_row, mut start) = (0, 0);
    while first_row < rows {
        let width = match rows - first_row {
            49.. => PANEL,
            17..=48 => 32,
            _ => 16,
        };
        panels.push(Panel {
            first_row,
            width,
            start,
        });
        first_row += width;
        start += width * columns;
    }
    panels
}

struct Apply<'a, const N: usize> {
    matrix: &'a Matrix,
    x: [&'a [f32]; N],
    y: [&'a mut [f32]; N],
}

impl<const N: usize> WithSimd for Apply<'_, N> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let m = self.matrix;
        let x = self.x.map(|x| &x[..m.columns]);
        for panel in &m.panels {
            let weights = &m.weights.as_slice()[panel.start..panel.start + panel.width * m.columns];
            let bias = &m.bias.as_slice()[panel.first_row..panel.first_row + panel.width];
            let mut out = [[0.0; PANEL]; N];
            match panel.width {
                64 => by_width::<S, N, 64>(simd, weights, bias, x, &mut out),
                32 => by_width::<S, N, 32>(simd, weights, bias, x, &mut out),
                _ => by_width::<S, N, 16>(simd, weights, bias, x, &mut out),
            }
            let used = panel.width.min(m.rows - panel.first_row);
            for (y, out) in self.y.iter_mut().zip(&out) {
                y[panel.first_row..panel.first_row + used].copy_from_slice(&out[..used]);
            }
        }
    }
}

/// Splits a panel into strips that fit the register file: about eight running sums, whatever the vector's width.
#[inline(always)]
fn by_width<S: Simd, const N: usize, const WIDTH: usize>(
    simd: S,
    weights: &[f32],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
) {
    let lanes = S::F32_LANES;
    let vectors = (WIDTH / lanes).clamp(1, if N >= 4 { 2 } else { 8 / N });
    let mut row = 0;
    while row < WIDTH {
        match vectors {
            8 => strip::<S, N, WIDTH, 8, 1>(simd, weights, bias, x, out, row),
            4 if N == 1 => strip::<S, N, WIDTH, 4, 2>(simd, weights, bias, x, out, row),
            4 => strip::<S, N, WIDTH, 4, 1>(simd, weights, bias, x, out, row),
            2 if N == 1 => strip::<S, N, WIDTH, 2, 4>(simd, weights, bias, x, out, row),
            2 => strip::<S, N, WIDTH, 2, 1>(simd, weights, bias, x, out, row),
            _ if N == 1 => strip::<S, N, WIDTH, 1, 4>(simd, weights, bias, x, out, row),
            _ => strip::<S, N, WIDTH, 1, 1>(simd, weights, bias, x, out, row),
        }
        row += vectors * lanes;
    }
}

/// `VECTORS` vectors of rows from `row`, `N` right-hand sides; columns dealt to `WAYS` independent sums, which
/// hides the latency of the multiply-add and also lessens the rounding error.
#[inline(always)]
fn strip<S: Simd, const N: usize, const WIDTH: usize, const VECTORS: usize, const WAYS: usize>(
    simd: S,
    weights: &[f32],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
    row: usize,
) {
    let zero = simd.splat_f32s(0.0);
    let mut sums = [[[zero; VECTORS]; N]; WAYS];
    let (bias, _) = S::as_simd_f32s(&bias[row..]);
    for side in 0..N {
        sums[0][side].copy_from_slice(&bias[..VECTORS]);
    }
    let columns = weights.len() / WIDTH;
    let whole = columns / WAYS * WAYS;
    let mut groups = weights.chunks_exact(WIDTH * WAYS);
    for (group, first) in (&mut groups).zip((0..whole).step_by(WAYS)) {
        for way in 0..WAYS {
            let column = &group[way * WIDTH + row..(way + 1) * WIDTH];
            add_column(simd, column, x, first + way, &mut sums[way]);
        }
    }
    for (column, index) in groups.remainder().chunks_exact(WIDTH).zip(whole..columns) {
        add_column(simd, &column[row..], x, index, &mut sums[0]);
    }
    for side in 0..N {
        let (target, _) = S::as_mut_simd_f32s(&mut out[side][row..]);
        for vector in 0..VECTORS {
            let mut sum = sums[0][side][vector];
            for way in 1..WAYS {
                sum = simd.add_f32s(sum, sums[way][side][vector]);
            }
            target[vector] = sum;
        }
    }
}

#[inline(always)]
fn add_column<S: Simd, const N: usize, const VECTORS: usize>(
    simd: S,
    weights: &[f32],
    x: [&[f32]; N],
    column: usize,
    sums: &mut [[S::f32s; VECTORS]; N],
) {
    let (weights, _) = S::as_simd_f32s(weights);
    for side in 0..N {
        let value = simd.splat_f32s(x[side][column]);
        for vector in 0..VECTORS {
            sums[side][vector] = simd.mul_add_e_f32s(weights[vector], value, sums[side][vector]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small deterministic generator: numbers in -1 to 1.
    fn noise(count: usize, seed: u64) -> Vec<f32> {
        let mut state = seed;
        (0..count)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 40) as f32 / 8_388_608.0 - 1.0
            })
            .collect()
    }

    #[test]
    fn every_shape_agrees_with_the_sum_in_f64() {
        for arch in [Arch::new(), Arch::Scalar] {
            for (rows, columns) in [
                (1, 1),
                (3, 7),
                (16, 5),
                (17, 33),
                (48, 31),
                (64, 64),
                (65, 130),
                (200, 3),
            ] {
                let (w, b) = (noise(rows * columns, 1), noise(rows, 2));
                let matrix = Matrix::new(&w, &b, columns);
                let x: Vec<Vec<f32>> = (0..4).map(|i| noise(columns, 3 + i)).collect();
                let mut y = vec![vec![0.0; rows]; 4];
                let [a, c, d, e] = &mut y[..] else {
                    unreachable!()
                };
                matrix.apply(arch, [&x[0], &x[1], &x[2], &x[3]], [a, c, d, e]);
                let mut alone = vec![0.0; rows];
                matrix.apply(arch, [&x[0]], [&mut alone]);
                for row in 0..rows {
                    for side in 0..4 {
                        let exact: f64 = (0..columns)
                            .map(|k| w[row * columns + k] as f64 * x[side][k] as f64)
                            .sum::<f64>()
                            + b[row] as f64;
                        assert!(
                            (y[side][row] as f64 - exact).abs() < 3e-6,
                            "{rows}x{columns}"
                        );
                    }
                    assert!((alone[row] - y[0][row]).abs() < 3e-6);
                }
            }
        }
    }
}
