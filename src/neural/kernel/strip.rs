//! The inner loop of the packed matrix: strips of a panel, as many running sums as fit the register file.

use super::CACHE_LINE_BYTES;
use super::machine::Lanes;

/// Rows of a whole panel; the last ones may be narrower. Three vectors of sixteen: with eight right-hand sides they take
/// 24 of the 32 wide registers for sums, and a multiply-add then costs the fewest loads (a fifth faster than 2 by 8).
pub const PANEL: usize = 48;

/// A weight as it is kept.
pub trait Stored: Copy {
    /// Whether one right-hand side alone asks for weights ahead. Halves come from afar a tenth faster so; where there
    /// are twice as many bytes, the asking costs more than it hides.
    const ALONE_AHEAD: bool;

    fn load<L: Lanes>(lanes: L, from: &[Self]) -> L::Vector;
}

impl Stored for f32 {
    const ALONE_AHEAD: bool = false;

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[f32]) -> L::Vector {
        lanes.load(from)
    }
}

impl Stored for u16 {
    const ALONE_AHEAD: bool = true;

    #[inline(always)]
    fn load<L: Lanes>(lanes: L, from: &[u16]) -> L::Vector {
        lanes.load_half(from)
    }
}

/// How far ahead weights are asked for: what comes from the outer caches takes as long as a few thousand bytes of work.
const AHEAD_BYTES: usize = 4096;

/// Splits a panel of `WIDTH` rows into strips of three vectors, so that the running sums stay in the register file.
/// The width is known to the compiler, so that no load is checked.
#[inline(always)]
pub fn by_width<L: Lanes, W: Stored, const N: usize, const WIDTH: usize>(
    lanes: L,
    weights: &[W],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
) {
    let (columns, _) = weights.as_chunks::<WIDTH>();
    let Some(bias) = bias.first_chunk::<WIDTH>() else {
        return;
    };
    let mut row = 0;
    while row < WIDTH {
        let vectors = (WIDTH - row) / L::COUNT;
        row += L::COUNT
            * match (vectors, const { N == 1 }) {
                (3 | 5.., true) => {
                    alone::<L, W, WIDTH, 3, 4>(lanes, columns, bias, x[0], &mut out[0], row)
                }
                (2.., true) => {
                    alone::<L, W, WIDTH, 2, 4>(lanes, columns, bias, x[0], &mut out[0], row)
                }
                (_, true) => {
                    alone::<L, W, WIDTH, 1, 4>(lanes, columns, bias, x[0], &mut out[0], row)
                }
                (3 | 5.., false) => {
                    together::<L, W, N, WIDTH, 3>(lanes, columns, bias, x, out, row)
                }
                (2.., false) => together::<L, W, N, WIDTH, 2>(lanes, columns, bias, x, out, row),
                (_, false) => together::<L, W, N, WIDTH, 1>(lanes, columns, bias, x, out, row),
            };
    }
}

/// `VECTORS` vectors of rows from `row` for one right-hand side; columns dealt to `WAYS` independent sums, which
/// hides the latency of the multiply-add and also lessens the rounding error. Returns `VECTORS`.
// In both strips every index of `sums` is known to the compiler: only then do they stay in registers.
#[inline(always)]
fn alone<L: Lanes, W: Stored, const WIDTH: usize, const VECTORS: usize, const WAYS: usize>(
    lanes: L,
    columns: &[[W; WIDTH]],
    bias: &[f32; WIDTH],
    x: &[f32],
    out: &mut [f32; PANEL],
    row: usize,
) -> usize {
    let (from, to) = (row, row + VECTORS * L::COUNT);
    let mut sums = [[lanes.splat(0.0); VECTORS]; WAYS];
    for vector in 0..VECTORS {
        sums[0][vector] = lanes.load(&bias[row + vector * L::COUNT..]);
    }
    let ((rounds, rest), (groups, x_rest)) = (columns.as_chunks::<WAYS>(), x.as_chunks::<WAYS>());
    for (round, x) in rounds.iter().zip(groups) {
        for way in 0..WAYS {
            let rows = &round[way][from..to];
            if W::ALONE_AHEAD {
                ahead(lanes, rows);
            }
            let value = lanes.splat(x[way]);
            for vector in 0..VECTORS {
                let weight = W::load(lanes, &rows[vector * L::COUNT..]);
                sums[way][vector] = lanes.mul_add(weight, value, sums[way][vector]);
            }
        }
    }
    for ((rows, x), sums) in rest.iter().zip(x_rest).zip(&mut sums) {
        let (rows, value) = (&rows[from..to], lanes.splat(*x));
        for vector in 0..VECTORS {
            let weight = W::load(lanes, &rows[vector * L::COUNT..]);
            sums[vector] = lanes.mul_add(weight, value, sums[vector]);
        }
    }
    for vector in 0..VECTORS {
        let mut sum = sums[0][vector];
        for way in 1..WAYS {
            sum = lanes.add(sum, sums[way][vector]);
        }
        lanes.store(&mut out[row + vector * L::COUNT..], sum);
    }
    VECTORS
}

/// The same for `N` right-hand sides: there are enough sums without ways.
#[inline(always)]
fn together<L: Lanes, W: Stored, const N: usize, const WIDTH: usize, const VECTORS: usize>(
    lanes: L,
    columns: &[[W; WIDTH]],
    bias: &[f32; WIDTH],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
    row: usize,
) -> usize {
    let (from, to) = (row, row + VECTORS * L::COUNT);
    let mut sums = [[lanes.splat(0.0); VECTORS]; N];
    for side in 0..N {
        for vector in 0..VECTORS {
            sums[side][vector] = lanes.load(&bias[row + vector * L::COUNT..]);
        }
    }
    // One number bounds the loop and is the length of every side, so that no column is checked. (Not with `map`: it
    // becomes a call, behind which the lengths are unknown again.)
    let count = x[0].len();
    let mut sides = x;
    for side in 0..N {
        sides[side] = &x[side][..count];
    }
    for (column, rows) in (0..count).zip(columns) {
        let rows = &rows[from..to];
        ahead(lanes, rows);
        let mut column_weights = [lanes.splat(0.0); VECTORS];
        for (vector, weight) in column_weights.iter_mut().enumerate() {
            *weight = W::load(lanes, &rows[vector * L::COUNT..]);
        }
        for side in 0..N {
            let value = lanes.splat(sides[side][column]);
            for vector in 0..VECTORS {
                sums[side][vector] =
                    lanes.mul_add(column_weights[vector], value, sums[side][vector]);
            }
        }
    }
    for side in 0..N {
        for vector in 0..VECTORS {
            lanes.store(
                &mut out[side][row + vector * L::COUNT..],
                sums[side][vector],
            );
        }
    }
    VECTORS
}

/// Asks for what lies further on behind every cache line of `rows`; past the end of the weights that does nothing.
#[inline(always)]
fn ahead<L: Lanes, W>(lanes: L, rows: &[W]) {
    let start = rows.as_ptr().cast::<u8>().wrapping_add(AHEAD_BYTES);
    for line in 0..size_of_val(rows).div_ceil(CACHE_LINE_BYTES) {
        lanes.prefetch(start.wrapping_add(line * CACHE_LINE_BYTES));
    }
}
