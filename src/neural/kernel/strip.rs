//! The inner loop of the packed matrix: strips of a panel, as many running sums as fit the register file.

use super::machine::Lanes;

/// Rows of a whole panel; the last ones may be narrower.
pub const PANEL: usize = 64;

/// A weight as it is kept.
pub trait Stored: Copy {
    fn load<L: Lanes>(lanes: L, from: &[Self]) -> L::Vector;
}

impl Stored for f32 {
    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[f32]) -> L::Vector {
        lanes.load(from)
    }
}

impl Stored for u16 {
    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[u16]) -> L::Vector {
        lanes.load_half(from)
    }
}

/// Splits a panel into strips that fit the register file: eight running sums, sixteen where there are 32 registers.
/// The comparisons in `const` keep strips that a width of vector never needs from being built.
#[inline(always)]
pub fn by_width<L: Lanes, W: Stored, const N: usize>(
    lanes: L,
    weights: &[W],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
) {
    let width = bias.len();
    let mut row = 0;
    while row < width {
        let left = (width - row) / L::COUNT;
        row += L::COUNT
            * if const { most::<L>(N) >= 8 } && left >= 8 {
                strip::<L, W, N, 8, 1>(lanes, weights, bias, x, out, row)
            } else if const { most::<L>(N) >= 4 } && left >= 4 {
                if const { N == 1 } {
                    strip::<L, W, N, 4, 2>(lanes, weights, bias, x, out, row)
                } else {
                    strip::<L, W, N, 4, 1>(lanes, weights, bias, x, out, row)
                }
            } else if const { L::COUNT < 16 } || left >= 2 {
                if const { N == 1 } {
                    strip::<L, W, N, 2, 4>(lanes, weights, bias, x, out, row)
                } else {
                    strip::<L, W, N, 2, 1>(lanes, weights, bias, x, out, row)
                }
            } else if const { N == 1 } {
                strip::<L, W, N, 1, 4>(lanes, weights, bias, x, out, row)
            } else {
                strip::<L, W, N, 1, 1>(lanes, weights, bias, x, out, row)
            };
    }
}

/// The most vectors of rows that a strip of `sides` right-hand sides may have.
const fn most<L: Lanes>(sides: usize) -> usize {
    let sums = if L::COUNT >= 16 { 16 } else { 8 };
    sums / sides / if L::COUNT >= 16 && sides == 1 { 4 } else { 1 }
}

/// `VECTORS` vectors of rows from `row`, `N` right-hand sides; columns dealt to `WAYS` independent sums, which
/// hides the latency of the multiply-add and also lessens the rounding error. Returns `VECTORS`.
#[inline(always)]
fn strip<L: Lanes, W: Stored, const N: usize, const VECTORS: usize, const WAYS: usize>(
    lanes: L,
    weights: &[W],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
    row: usize,
) -> usize {
    let width = bias.len();
    let end = row + VECTORS * L::COUNT;
    let mut sums = [[[lanes.splat(0.0); VECTORS]; N]; WAYS];
    for side in 0..N {
        for vector in 0..VECTORS {
            sums[0][side][vector] = lanes.load(&bias[row + vector * L::COUNT..]);
        }
    }
    // Every index of `sums` is known to the compiler: only then do they stay in registers.
    let mut rounds = weights.chunks_exact(width * WAYS);
    let mut column = 0;
    for round in &mut rounds {
        for way in 0..WAYS {
            let rows = &round[way * width + row..way * width + end];
            add_column(lanes, rows, x, column + way, &mut sums[way]);
        }
        column += WAYS;
    }
    let rest = rounds.remainder();
    for way in 0..WAYS {
        if let Some(rows) = rest.get(way * width + row..way * width + end) {
            add_column(lanes, rows, x, column + way, &mut sums[way]);
        }
    }
    for side in 0..N {
        for vector in 0..VECTORS {
            let mut sum = sums[0][side][vector];
            for way in 1..WAYS {
                sum = lanes.add(sum, sums[way][side][vector]);
            }
            lanes.store(&mut out[side][row + vector * L::COUNT..], sum);
        }
    }
    VECTORS
}

#[inline(always)]
fn add_column<L: Lanes, W: Stored, const N: usize, const VECTORS: usize>(
    lanes: L,
    weights: &[W],
    x: [&[f32]; N],
    column: usize,
    sums: &mut [[L::Vector; VECTORS]; N],
) {
    let mut column_weights = [lanes.splat(0.0); VECTORS];
    for (vector, weight) in column_weights.iter_mut().enumerate() {
        *weight = W::load(lanes, &weights[vector * L::COUNT..]);
    }
    for side in 0..N {
        let value = lanes.splat(x[side][column]);
        for vector in 0..VECTORS {
            sums[side][vector] = lanes.mul_add(column_weights[vector], value, sums[side][vector]);
        }
    }
}
