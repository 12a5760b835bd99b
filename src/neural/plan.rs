//! A lowered model: a straight list of kernels over one flat arena of floats per voice.
//!
//! Every value gets its own stretch of the arena, later values further on, so a kernel reads below its output
//! and writes at it: the borrow checker sees two halves, and nothing is ever reused while it is needed.
//! Runs on the audio thread: no allocation, no lock, no branch on data.

use pulp::Arch;

use super::kernel::Aligned;
use super::kernel::cell;
use super::kernel::matrix::{MAX_SIDES, Matrix};
use super::kernel::pointwise::{self, Binary, Reduce, Unary};
use super::kernel::window::{self, OverlapAdd, Windows};

/// A stretch of the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub len: usize,
}

impl Span {
    fn of<'a>(&self, arena: &'a [f32]) -> &'a [f32] {
        &arena[self.start..self.start + self.len]
    }
}

/// `len` floats from `from` (in the arena) to `to` (in the output).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    pub from: usize,
    pub to: usize,
    pub len: usize,
}

pub enum Kernel {
    /// `rows` right-hand sides one after the other.
    Dense {
        matrix: Matrix,
        x: usize,
        rows: usize,
    },
    /// Output: h, then c.
    LstmGates {
        sums: usize,
        c: usize,
        hidden: usize,
    },
    GruGates {
        input_sums: usize,
        recurrent_sums: usize,
        h: usize,
        hidden: usize,
    },
    Unary {
        function: Unary,
        x: usize,
    },
    /// `starts` says where each run of `run` elements begins in a and b; steps are 0 or 1.
    Binary {
        function: Binary,
        starts: Vec<(usize, usize)>,
        steps: (usize, usize),
        run: usize,
    },
    Move {
        segments: Vec<Segment>,
    },
    Softmax {
        x: usize,
        len: usize,
        inner: usize,
    },
    Reduce {
        function: Reduce,
        x: Span,
        len: usize,
        inner: usize,
    },
    LayerNorm {
        x: usize,
        scale: Vec<f32>,
        bias: Vec<f32>,
        epsilon: f32,
    },
    Windows {
        windows: Windows,
        x: usize,
    },
    Transpose {
        x: usize,
        rows: usize,
        columns: usize,
    },
    OverlapAdd {
        add: OverlapAdd,
        x: usize,
        bias: Vec<f32>,
    },
    /// Matrices `[m][k]` and `[k][n]`, as many as the output holds.
    Product {
        a: usize,
        b: usize,
        shape: [usize; 3],
    },
    Pick {
        table: usize,
        rows: usize,
        width: usize,
        index: usize,
    },
}

/// A kernel and where it writes.
pub struct Op {
    pub kernel: Kernel,
    pub out: Span,
}

#[derive(Default)]
pub struct Plan {
    pub ops: Vec<Op>,
    pub arena_len: usize,
    /// What the arena holds before the first step, apart from zeros.
    pub constants: Vec<(usize, Vec<f32>)>,
    pub inputs: Vec<(String, Span)>,
    pub outputs: Vec<(String, Span)>,
    /// State outputs and the inputs that they become.
    pub carries: Vec<(Span, Span)>,
}

impl Plan {
    /// Arenas for `voices` voices, one after the other, ready for the first step.
    pub fn arenas(&self, voices: usize) -> Aligned {
        let mut arenas = Aligned::new(self.arena_len * voices);
        for arena in arenas
            .as_mut_slice()
            .chunks_exact_mut(self.arena_len.max(1))
        {
            for (start, values) in &self.constants {
                arena[*start..*start + values.len()].copy_from_slice(values);
            }
        }
        arenas
    }

    /// Zeros the states of one voice.
    pub fn reset(&self, arena: &mut [f32]) {
        for (_, to) in &self.carries {
            arena[to.start..to.start + to.len].fill(0.0);
        }
    }

    pub fn states_are_finite(&self, arena: &[f32]) -> bool {
        self.carries
            .iter()
            .all(|(_, to)| to.of(arena).iter().all(|v| v.is_finite()))
    }

    /// Runs every kernel once for each voice in `arenas` and carries the states over.
    pub fn step(&self, arch: Arch, arenas: &mut [f32]) {
        let mut rest = arenas;
        while rest.len() >= self.arena_len && !rest.is_empty() {
            let voices = match rest.len() / self.arena_len {
                MAX_SIDES.. => MAX_SIDES,
                2.. => 2,
                _ => 1,
            };
            let (group, later) = rest.split_at_mut(voices * self.arena_len);
            match voices {
                MAX_SIDES => self.step_group::<MAX_SIDES>(arch, group),
                2 => self.step_group::<2>(arch, group),
                _ => self.step_group::<1>(arch, group),
            }
            rest = later;
        }
    }

    fn step_group<const N: usize>(&self, arch: Arch, group: &mut [f32]) {
        for op in &self.ops {
            let mut arenas = group.chunks_exact_mut(self.arena_len);
            match &op.kernel {
                Kernel::Dense { matrix, x, rows } => {
                    let voices: [_; N] = std::array::from_fn(|_| match arenas.next() {
                        Some(arena) => split(arena, op.out),
                        None => (&[][..], &mut [][..]),
                    });
                    dense(arch, matrix, *x, *rows, voices);
                }
                kernel => {
                    for arena in arenas {
                        let (before, out) = split(arena, op.out);
                        run(arch, kernel, before, out);
                    }
                }
            }
        }
        for arena in group.chunks_exact_mut(self.arena_len) {
            for (from, to) in &self.carries {
                arena.copy_within(from.start..from.start + from.len, to.start);
            }
        }
    }

    /// Weights, multiply-adds and bytes streamed per step.
    pub fn cost(&self) -> Cost {
        let mut cost = Cost::default();
        for op in &self.ops {
            if let Kernel::Dense { matrix, rows, .. } = &op.kernel {
                let weights = matrix.rows() * matrix.columns();
                cost.parameters += weights + matrix.rows();
                cost.multiply_adds += weights * rows;
                cost.weight_bytes += matrix.weight_bytes();
            }
        }
        cost.state_len = self.carries.iter().map(|(from, _)| from.len).sum();
        cost
    }
}

/// What one step costs, by the sizes of its matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    pub parameters: usize,
    pub multiply_adds: usize,
    pub weight_bytes: usize,
    pub state_len: usize,
}

fn split(arena: &mut [f32], out: Span) -> (&[f32], &mut [f32]) {
    let (before, rest) = arena.split_at_mut(out.start);
    (before, &mut rest[..out.len])
}

fn dense<const N: usize>(
    arch: Arch,
    matrix: &Matrix,
    x: usize,
    rows: usize,
    mut voices: [(&[f32], &mut [f32]); N],
) {
    let (columns, outputs) = (matrix.columns(), matrix.rows());
    let side = |before: &'_ [f32], row: usize| -> (usize, usize) {
        let from = x + row * columns;
        (from, (from + columns).min(before.len()))
    };
    let mut row = 0;
    if N == 1 {
        // One voice with many rows: the rows share the pass over the weights.
        let (before, out) = &mut voices[0];
        while row + MAX_SIDES <= rows {
            let x: [&[f32]; MAX_SIDES] = std::array::from_fn(|i| {
                let (from, to) = side(before, row + i);
                &before[from..to]
            });
            let mut chunks = out[row * outputs..].chunks_exact_mut(outputs);
            let y: [&mut [f32]; MAX_SIDES] =
                std::array::from_fn(|_| chunks.next().unwrap_or_default());
            matrix.apply(arch, x, y);
            row += MAX_SIDES;
        }
    }
    while row < rows {
        let mut x = [&[][..]; N];
        for (x, (before, _)) in x.iter_mut().zip(&voices) {
            let (from, to) = side(before, row);
            *x = &before[from..to];
        }
        let y = voices
            .each_mut()
            .map(|(_, out)| &mut out[row * outputs..(row + 1) * outputs]);
        matrix.apply(arch, x, y);
        row += 1;
    }
}

/// Every kernel but `Dense`, which serves several voices at once.
fn run(arch: Arch, kernel: &Kernel, before: &[f32], out: &mut [f32]) {
    match kernel {
        Kernel::Dense { matrix, x, rows } => dense(arch, matrix, *x, *rows, [(before, out)]),
        Kernel::LstmGates { sums, c, hidden } => {
            let (h, c_out) = out.split_at_mut(*hidden);
            cell::lstm(
                arch,
                &before[*sums..][..4 * hidden],
                &before[*c..][..*hidden],
                h,
                c_out,
            );
        }
        Kernel::GruGates {
            input_sums,
            recurrent_sums,
            h,
            hidden,
        } => {
            let input_sums = &before[*input_sums..][..3 * hidden];
            let recurrent_sums = &before[*recurrent_sums..][..3 * hidden];
            cell::gru(
                arch,
                input_sums,
                recurrent_sums,
                &before[*h..][..*hidden],
                out,
            );
        }
        Kernel::Unary { function, x } => {
            pointwise::unary(arch, *function, &before[*x..][..out.len()], out);
        }
        Kernel::Binary {
            function,
            starts,
            steps,
            run,
        } => {
            for ((a, b), out) in starts.iter().zip(out.chunks_exact_mut(*run)) {
                let a = (&before[*a..], steps.0);
                pointwise::binary(arch, *function, a, (&before[*b..], steps.1), out);
            }
        }
        Kernel::Move { segments } => {
            for s in segments {
                out[s.to..s.to + s.len].copy_from_slice(&before[s.from..s.from + s.len]);
            }
        }
        Kernel::Softmax { x, len, inner } => {
            pointwise::softmax(arch, &before[*x..][..out.len()], out, *len, *inner);
        }
        Kernel::Reduce {
            function,
            x,
            len,
            inner,
        } => pointwise::reduce(*function, x.of(before), out, *len, *inner),
        Kernel::LayerNorm {
            x,
            scale,
            bias,
            epsilon,
        } => pointwise::layer_norm(&before[*x..][..out.len()], scale, bias, *epsilon, out),
        Kernel::Windows { windows, x } => {
            windows.run(&before[*x..][..windows.channels * windows.time], out);
        }
        Kernel::Transpose { x, rows, columns } => {
            window::transpose(&before[*x..][..out.len()], out, *rows, *columns);
        }
        Kernel::OverlapAdd { add, x, bias } => {
            add.run(
                &before[*x..][..add.steps * add.channels * add.taps],
                bias,
                out,
            );
        }
        Kernel::Product {
            a,
            b,
            shape: [m, k, n],
        } => {
            for (i, out) in out.chunks_exact_mut(m * n).enumerate() {
                let a = &before[a + i * m * k..][..m * k];
                window::product(arch, a, &before[b + i * k * n..][..k * n], out, *n);
            }
        }
        Kernel::Pick {
            table,
            rows,
            width,
            index,
        } => {
            for (i, out) in out.chunks_exact_mut(*width).enumerate() {
                let table = &before[*table..][..rows * width];
                window::pick(table, *rows, before[index + i], out);
            }
        }
    }
}
