//! `y = W x + b`, the one kernel that costs time: panels of 48, 32 or 16 rows, each a run of columns, so
//! that a step streams the weights once from start to end. All right-hand sides (voices, steps of a
//! convolution) pass over a panel before the next is fetched: weights are read from afar once a step.
//!
//! The layout does not depend on the instruction set, so one packing serves every path.

use half::f16;

use super::Aligned;
use super::machine::{Lanes, Machine, WithLanes};
use super::strip::{PANEL, Stored, by_width};

/// How weights are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    #[default]
    Single,
    /// IEEE halves: half the bytes to fetch, each weight off by up to 2⁻¹¹ of itself.
    Half,
}

struct Panel {
    first_row: usize,
    width: usize,
    /// Where its weights start, counted in weights.
    start: usize,
}

enum Weights {
    Single(Aligned<f32>),
    Half(Aligned<u16>),
}

/// A packed matrix with a bias.
pub struct Matrix {
    rows: usize,
    columns: usize,
    panels: Vec<Panel>,
    weights: Weights,
    bias: Aligned<f32>,
}

/// Where in the arenas the right-hand sides lie, `rows` in each voice and `step` floats apart, and their results,
/// one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides {
    pub x: usize,
    pub y: usize,
    pub rows: usize,
    pub step: usize,
    pub voices: usize,
    /// Floats from one voice to the next.
    pub stride: usize,
}

impl Matrix {
    /// `weights` is `[rows][columns]`, `bias` is `[rows]`.
    pub fn new(weights: &[f32], bias: &[f32], columns: usize, precision: Precision) -> Self {
        let rows = bias.len();
        assert_eq!(weights.len(), rows * columns);
        let panels = panels(rows, columns);
        let padded = panels.iter().map(|p| p.width).sum::<usize>();
        let mut padded_bias = Aligned::new(padded);
        padded_bias.as_mut_slice()[..rows].copy_from_slice(bias);
        let packed = match precision {
            Precision::Single => Weights::Single(pack(weights, rows, columns, &panels, |w| w)),
            Precision::Half => Weights::Half(pack(weights, rows, columns, &panels, |w| {
                f16::from_f32(w).to_bits()
            })),
        };
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
        match &self.weights {
            Weights::Single(weights) => size_of_val(weights.as_slice()),
            Weights::Half(weights) => size_of_val(weights.as_slice()),
        }
    }

    /// `y = W x + b` for every right-hand side; `x` has `columns`, `y` has `rows` values.
    #[inline]
    pub fn apply(&self, machine: Machine, arenas: &mut [f32], sides: Sides) {
        let matrix = self;
        match &self.weights {
            Weights::Single(weights) => machine.run(Apply {
                matrix,
                weights: weights.as_slice(),
                arenas,
                sides,
            }),
            Weights::Half(weights) => machine.run(Apply {
                matrix,
                weights: weights.as_slice(),
                arenas,
                sides,
            }),
        }
    }
}

fn panels(rows: usize, columns: usize) -> Vec<Panel> {
    let mut panels = Vec::new();
    let (mut first_row, mut start) = (0, 0);
    while first_row < rows {
        // Two pairs rather than three vectors and a lone one.
        let width = match (rows - first_row).div_ceil(16) {
            1 => 16,
            2 | 4 => 32,
            _ => PANEL,
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

fn pack<T: Copy + Default>(
    weights: &[f32],
    rows: usize,
    columns: usize,
    panels: &[Panel],
    stored: impl Fn(f32) -> T,
) -> Aligned<T> {
    let padded = panels.iter().map(|p| p.width).sum::<usize>();
    let mut packed = Aligned::new(padded * columns);
    for panel in panels {
        let target = &mut packed.as_mut_slice()[panel.start..panel.start + panel.width * columns];
        for row in 0..panel.width.min(rows - panel.first_row) {
            for column in 0..columns {
                target[column * panel.width + row] =
                    stored(weights[(panel.first_row + row) * columns + column]);
            }
        }
    }
    packed
}

struct Apply<'a, W> {
    matrix: &'a Matrix,
    weights: &'a [W],
    arenas: &'a mut [f32],
    sides: Sides,
}

impl<W: Stored> WithLanes for Apply<'_, W> {
    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        let m = self.matrix;
        let count = self.sides.rows * self.sides.voices;
        for panel in &m.panels {
            let weights = &self.weights[panel.start..panel.start + panel.width * m.columns];
            let mut side = 0;
            while side < count {
                side += match count - side {
                    8.. if L::COUNT >= 16 => self.group::<L, 8>(lanes, panel, weights, side),
                    4.. => self.group::<L, 4>(lanes, panel, weights, side),
                    2.. => self.group::<L, 2>(lanes, panel, weights, side),
                    _ => self.group::<L, 1>(lanes, panel, weights, side),
                };
            }
        }
    }
}

impl<W: Stored> Apply<'_, W> {
    /// Sides `side..side + N` over one panel. Returns `N`.
    #[inline(always)]
    fn group<L: Lanes, const N: usize>(
        &mut self,
        lanes: L,
        panel: &Panel,
        weights: &[W],
        side: usize,
    ) -> usize {
        let m = self.matrix;
        let at = |side: usize, start: usize, step: usize| {
            let (voice, row) = (side / self.sides.rows, side % self.sides.rows);
            voice * self.sides.stride + start + row * step
        };
        let mut x = [&[][..]; N];
        for (i, x) in x.iter_mut().enumerate() {
            let from = at(side + i, self.sides.x, self.sides.step);
            *x = &self.arenas[from..from + m.columns];
        }
        let bias = &m.bias.as_slice()[panel.first_row..panel.first_row + panel.width];
        let mut out = [[0.0; PANEL]; N];
        match panel.width {
            16 => by_width::<L, W, N, 16>(lanes, weights, bias, x, &mut out),
            32 => by_width::<L, W, N, 32>(lanes, weights, bias, x, &mut out),
            _ => by_width::<L, W, N, PANEL>(lanes, weights, bias, x, &mut out),
        }
        let used = panel.width.min(m.rows - panel.first_row);
        for (i, out) in out.iter().enumerate() {
            let to = at(side + i, self.sides.y, m.rows) + panel.first_row;
            self.arenas[to..to + used].copy_from_slice(&out[..used]);
        }
        N
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

    /// `W x + b` for two voices of `rows` right-hand sides each, on every path.
    fn applied(matrix: &Matrix, machine: Machine, x: &[f32], rows: usize) -> Vec<f32> {
        let (columns, outputs) = (matrix.columns(), matrix.rows());
        let stride = rows * (columns + outputs);
        let mut arenas = vec![0.0; 2 * stride];
        for (arena, x) in arenas
            .chunks_exact_mut(stride)
            .zip(x.chunks_exact(rows * columns))
        {
            arena[..rows * columns].copy_from_slice(x);
        }
        let sides = Sides {
            x: 0,
            y: rows * columns,
            rows,
            step: columns,
            voices: 2,
            stride,
        };
        matrix.apply(machine, &mut arenas, sides);
        let results = arenas.chunks_exact(stride);
        results.flat_map(|a| a[rows * columns..].to_vec()).collect()
    }

    /// Runs `check` on machine, sizes, weights, bias, right-hand sides.
    fn over_every_shape(check: impl Fn(Machine, usize, &[f32], &[f32], &[f32])) {
        for machine in Machine::every() {
            for (outputs, columns) in [
                (1, 1),
                (3, 7),
                (16, 5),
                (17, 33),
                (48, 31),
                (64, 64),
                (65, 130),
                (200, 3),
            ] {
                for rows in [1, 2, 5, 8] {
                    let (w, b) = (noise(outputs * columns, 1), noise(outputs, 2));
                    check(machine, rows, &w, &b, &noise(2 * rows * columns, 3));
                }
            }
        }
    }

    /// The same in f64, with the weights as `stored` keeps them, and the sum of the sizes of all terms.
    fn exact(w: &[f32], b: &[f32], x: &[f32], stored: fn(f32) -> f32) -> Vec<(f64, f64)> {
        let columns = w.len() / b.len();
        let sums = x.chunks_exact(columns).flat_map(|x| {
            w.chunks_exact(columns).zip(b).map(move |(w, b)| {
                let terms = w
                    .iter()
                    .zip(x)
                    .map(|(w, x)| f64::from(stored(*w)) * f64::from(*x));
                terms.fold((f64::from(*b), f64::from(b.abs())), |(sum, size), t| {
                    (sum + t, size + t.abs())
                })
            })
        });
        sums.collect()
    }

    #[test]
    fn every_shape_agrees_with_the_sum_in_f64() {
        over_every_shape(|machine, rows, w, b, x| {
            let matrix = Matrix::new(w, b, w.len() / b.len(), Precision::Single);
            let y = applied(&matrix, machine, x, rows);
            for (y, (sum, size)) in y.iter().zip(exact(w, b, x, |w| w)) {
                assert!((f64::from(*y) - sum).abs() < 3e-7 * size, "{machine}");
            }
        });
    }

    #[test]
    fn halves_are_read_exactly_and_cost_half_the_bytes() {
        over_every_shape(|machine, rows, w, b, x| {
            let columns = w.len() / b.len();
            let matrix = Matrix::new(w, b, columns, Precision::Half);
            let y = applied(&matrix, machine, x, rows);
            for (y, (sum, size)) in y.iter().zip(exact(w, b, x, |w| f16::from_f32(w).to_f32())) {
                assert!((f64::from(*y) - sum).abs() < 3e-7 * size, "{machine}");
            }
            let single = Matrix::new(w, b, columns, Precision::Single);
            assert_eq!(2 * matrix.weight_bytes(), single.weight_bytes());
        });
    }

    #[test]
    fn halves_of_every_size_are_read() {
        for machine in Machine::every() {
            for weight in [0.0, -0.0, 1.0, -2.5, 65_504.0, 6.1e-5, -6.0e-8] {
                let matrix = Matrix::new(&[weight], &[0.0], 1, Precision::Half);
                let y = applied(&matrix, machine, &[1.0, 1.0], 1);
                assert_eq!(y, [f16::from_f32(weight).to_f32(); 2], "{machine}");
            }
        }
    }
}
