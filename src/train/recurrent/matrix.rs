//! Small dense products on row-major matrices: four rows by two vectors of sums stay in registers. `pulp` chooses the
//! instruction set.

use pulp::{Arch, Simd, WithSimd};

const ROWS: usize = 4;

/// `c [m][n] += a [m][k] · b [k][n]`.
pub fn multiply_add(arch: Arch, a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
    if k > 0 && n > 0 {
        arch.dispatch(Product { a, b, c, k, n });
    }
}

struct Product<'a> {
    a: &'a [f32],
    b: &'a [f32],
    c: &'a mut [f32],
    k: usize,
    n: usize,
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Product { a, b, c, k, n } = self;
        let whole = n - n % (2 * S::F32_LANES);
        let mut a_blocks = a.chunks_exact(ROWS * k);
        let mut c_blocks = c.chunks_exact_mut(ROWS * n);
        for (a, c) in (&mut a_blocks).zip(&mut c_blocks) {
            for column in (0..whole).step_by(2 * S::F32_LANES) {
                block::<S, ROWS>(simd, a, b, c, [k, n, column]);
            }
        }
        let (a_rest, c_rest) = (a_blocks.remainder(), c_blocks.into_remainder());
        for (a, c) in a_rest.chunks_exact(k).zip(c_rest.chunks_exact_mut(n)) {
            for column in (0..whole).step_by(2 * S::F32_LANES) {
                block::<S, 1>(simd, a, b, c, [k, n, column]);
            }
        }
        if whole < n {
            for (a, c) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
                for (a, b) in a.iter().zip(b.chunks_exact(n)) {
                    for (c, b) in c[whole..].iter_mut().zip(&b[whole..]) {
                        *c += a * b;
                    }
                }
            }
        }
    }
}

#[inline(always)]
fn block<S: Simd, const R: usize>(
    simd: S,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
    [k, n, column]: [usize; 3],
) {
    let mut sums = [[simd.splat_f32s(0.0); 2]; R];
    for (index, b) in b.chunks_exact(n).take(k).enumerate() {
        let (b, _) = S::as_simd_f32s(&b[column..column + 2 * S::F32_LANES]);
        for (row, sums) in sums.iter_mut().enumerate() {
            let a = simd.splat_f32s(a[row * k + index]);
            sums[0] = simd.mul_add_e_f32s(a, b[0], sums[0]);
            sums[1] = simd.mul_add_e_f32s(a, b[1], sums[1]);
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        let c = &mut c[row * n + column..][..2 * S::F32_LANES];
        let (c, _) = S::as_mut_simd_f32s(c);
        c[0] = simd.add_f32s(c[0], sums[0]);
        c[1] = simd.add_f32s(c[1], sums[1]);
    }
}

/// `[rows][columns]` → `[columns][rows]`.
pub fn transposed(values: &[f32], columns: usize) -> Vec<f32> {
    let rows = values.len() / columns.max(1);
    let mut out = vec![0.0; values.len()];
    for (row, line) in values.chunks_exact(columns.max(1)).enumerate() {
        for (column, value) in line.iter().enumerate() {
            out[column * rows + row] = *value;
        }
    }
    out
}

/// `sums [n] +=` the rows of `values [m][n]`.
pub fn add_rows(values: &[f32], sums: &mut [f32]) {
    for line in values.chunks_exact(sums.len().max(1)) {
        for (sum, value) in sums.iter_mut().zip(line) {
            *sum += value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_awkward_sizes_are_right() {
        for (m, k, n) in [(4, 3, 16), (7, 5, 37), (1, 1, 1), (9, 20, 71)] {
            let a: Vec<f32> = (0..m * k).map(|i| (i as f32 * 0.7).sin()).collect();
            let b: Vec<f32> = (0..k * n).map(|i| (i as f32 * 0.3).cos()).collect();
            let mut c = vec![1.0; m * n];
            multiply_add(Arch::new(), &a, &b, &mut c, k, n);
            for i in 0..m {
                for j in 0..n {
                    let dot: f32 = (0..k).map(|p| a[i * k + p] * b[p * n + j]).sum();
                    assert!((c[i * n + j] - 1.0 - dot).abs() < 1e-5);
                }
            }
        }
    }
}
