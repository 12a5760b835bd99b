//! Small dense products on row-major matrices: four rows by sixteen columns of sums stay in registers. Written so
//! that the compiler vectorises it; `pulp` chooses the instruction set.

use pulp::Arch;

const ROWS: usize = 4;
const COLUMNS: usize = 16;

/// `c [m][n] += a [m][k] · b [k][n]`.
pub fn multiply_add(arch: Arch, a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
    arch.dispatch(
        #[inline(always)]
        || product(a, b, c, k, n),
    );
}

#[inline(always)]
fn product(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize) {
    if k == 0 || n == 0 {
        return;
    }
    let whole = n - n % COLUMNS;
    let mut a_blocks = a.chunks_exact(ROWS * k);
    let mut c_blocks = c.chunks_exact_mut(ROWS * n);
    for (a, c) in (&mut a_blocks).zip(&mut c_blocks) {
        for column in (0..whole).step_by(COLUMNS) {
            block::<ROWS>(a, b, c, k, n, column);
        }
    }
    let (a_rest, c_rest) = (a_blocks.remainder(), c_blocks.into_remainder());
    for (a, c) in a_rest.chunks_exact(k).zip(c_rest.chunks_exact_mut(n)) {
        for column in (0..whole).step_by(COLUMNS) {
            block::<1>(a, b, c, k, n, column);
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

#[inline(always)]
fn block<const R: usize>(a: &[f32], b: &[f32], c: &mut [f32], k: usize, n: usize, column: usize) {
    let mut sums = [[0.0f32; COLUMNS]; R];
    for (index, b) in b.chunks_exact(n).take(k).enumerate() {
        let mut part = [0.0f32; COLUMNS];
        part.copy_from_slice(&b[column..column + COLUMNS]);
        for (row, sums) in sums.iter_mut().enumerate() {
            let a = a[row * k + index];
            for (sum, b) in sums.iter_mut().zip(&part) {
                *sum += a * b;
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (c, sum) in c[row * n + column..][..COLUMNS].iter_mut().zip(sums) {
            *c += sum;
        }
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
