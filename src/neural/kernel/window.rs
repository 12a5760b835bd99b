//! What convolutions and attention need around the packed matrix: windows over time, overlap-add, a product of
//! two moving matrices, a row picked from a table. Signals lie time by time: `[time][channels]`.

use pulp::{Arch, Simd, WithSimd};

/// Windows of `taps` samples, `dilation` apart, `stride` from one to the next; outside the signal is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Windows {
    pub channels: usize,
    /// Floats from one sample to the next, where `channels` are some of a signal's.
    pub row: usize,
    pub time: usize,
    pub taps: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Zeros before the first sample.
    pub pad: usize,
}

impl Windows {
    /// `x [time][row]`, of which the first `channels` are read, to `y [window][tap][channel]`.
    pub fn run(&self, x: &[f32], y: &mut [f32]) {
        for (window, y) in y.chunks_exact_mut(self.taps * self.channels).enumerate() {
            for (tap, y) in y.chunks_exact_mut(self.channels).enumerate() {
                let at = (window * self.stride + tap * self.dilation).wrapping_sub(self.pad);
                match at < self.time {
                    true => y.copy_from_slice(&x[at * self.row..][..self.channels]),
                    false => y.fill(0.0),
                }
            }
        }
    }
}

/// `x [rows][columns]` to `y [columns][rows]`.
pub fn transpose(x: &[f32], y: &mut [f32], rows: usize, columns: usize) {
    for (column, y) in y.chunks_exact_mut(rows).enumerate().take(columns) {
        for (y, x) in y.iter_mut().zip(x.chunks_exact(columns)) {
            *y = x[column];
        }
    }
}

/// Adds the `taps` samples that each input step makes to the output, `stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlapAdd {
    pub channels: usize,
    /// Input steps.
    pub steps: usize,
    pub taps: usize,
    pub stride: usize,
    pub dilation: usize,
    /// Samples cut from the front.
    pub cut: usize,
}

impl OverlapAdd {
    /// `x [step][tap][channel]` to `y [time][channel]`, which starts as `bias [channel]`.
    pub fn run(&self, x: &[f32], bias: &[f32], y: &mut [f32]) {
        for y in y.chunks_exact_mut(self.channels) {
            y.copy_from_slice(bias);
        }
        let time = y.len() / self.channels;
        for (step, x) in x.chunks_exact(self.channels * self.taps).enumerate() {
            for (tap, x) in x.chunks_exact(self.channels).enumerate() {
                let at = (step * self.stride + tap * self.dilation).wrapping_sub(self.cut);
                if at < time {
                    let y = &mut y[at * self.channels..][..self.channels];
                    y.iter_mut().zip(x).for_each(|(y, x)| *y += x);
                }
            }
        }
    }
}

/// `y = a b` with `a [m][k]`, `b [k][n]`, all row by row.
pub fn product(arch: Arch, a: &[f32], b: &[f32], y: &mut [f32], n: usize) {
    arch.dispatch(Product { a, b, y, n });
}

struct Product<'a> {
    a: &'a [f32],
    b: &'a [f32],
    y: &'a mut [f32],
    n: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let k = self.b.len() / self.n;
        for (a, y) in self.a.chunks_exact(k).zip(self.y.chunks_exact_mut(self.n)) {
            y.fill(0.0);
            for (a, b) in a.iter().zip(self.b.chunks_exact(self.n)) {
                let (y, y_end) = S::as_mut_simd_f32s(y);
                let (b, b_end) = S::as_simd_f32s(b);
                let factor = simd.splat_f32s(*a);
                for (y, b) in y.iter_mut().zip(b) {
                    *y = simd.mul_add_e_f32s(factor, *b, *y);
                }
                for (y, b) in y_end.iter_mut().zip(b_end) {
                    *y += a * b;
                }
            }
        }
    }
}

/// Row `index` of a table of `rows`; counted from the end where negative, held to the table.
pub fn pick(table: &[f32], rows: usize, index: f32, y: &mut [f32]) {
    let width = y.len();
    let index = if index < 0.0 {
        index.trunc() + rows as f32
    } else {
        index
    };
    let row = (index as usize).min(rows.saturating_sub(1));
    y.copy_from_slice(&table[row * width..(row + 1) * width]);
}
