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
#[inline(always)]
pub fn by_width<L: Lanes, W: Stored, const N: usize, const WIDTH: usize>(
    lanes: L,
    weights: &[W],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
) {
    let sums = if L::COUNT >= 16 { 16 } else { 8 };
    let vectors = (WIDTH / L::COUNT).clamp(1, (sums / N).clamp(1, 8));
    let mut row = 0;
    while row < WIDTH {
        match vectors {
            8 => strip::<L, W, N, WIDTH, 8, 1>(lanes, weights, bias, x, out, row),
            4 if N == 1 => strip::<L, W, N, WIDTH, 4, 2>(lanes, weights, bias, x, out, row),
            4 => strip::<L, W, N, WIDTH, 4, 1>(lanes, weights, bias, x, out, row),
            2 if N == 1 => strip::<L, W, N, WIDTH, 2, 4>(lanes, weights, bias, x, out, row),
            2 => strip::<L, W, N, WIDTH, 2, 1>(lanes, weights, bias, x, out, row),
            _ if N == 1 => strip::<L, W, N, WIDTH, 1, 4>(lanes, weights, bias, x, out, row),
            _ => strip::<L, W, N, WIDTH, 1, 1>(lanes, weights, bias, x, out, row),
        }
        row += vectors * L::COUNT;
    }
}

/// `VECTORS` vectors of rows from `row`, `N` right-hand sides; columns dealt to `WAYS` independent sums, which
/// hides the latency of the multiply-add and also lessens the rounding error.
#[inline(always)]
fn strip<
    L: Lanes,
    W: Stored,
    const N: usize,
    const WIDTH: usize,
    const VECTORS: usize,
    const WAYS: usize,
>(
    lanes: L,
    weights: &[W],
    bias: &[f32],
    x: [&[f32]; N],
    out: &mut [[f32; PANEL]; N],
    row: usize,
) {
    let mut sums = [[[lanes.splat(0.0); VECTORS]; N]; WAYS];
    for side in 0..N {
        for vector in 0..VECTORS {
            sums[0][side][vector] = lanes.load(&bias[row + vector * L::COUNT..]);
        }
    }
    let columns = weights.len() / WIDTH;
    let whole = columns / WAYS * WAYS;
    let mut groups = weights.chunks_exact(WIDTH * WAYS);
    for (group, first) in (&mut groups).zip((0..whole).step_by(WAYS)) {
        for way in 0..WAYS {
            let column = &group[way * WIDTH + row..(way + 1) * WIDTH];
            add_column(lanes, column, x, first + way, &mut sums[way]);
        }
    }
    for (column, index) in groups.remainder().chunks_exact(WIDTH).zip(whole..columns) {
        add_column(lanes, &column[row..], x, index, &mut sums[0]);
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
