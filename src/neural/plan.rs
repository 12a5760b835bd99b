//! A lowered model: a straight list of kernels over one flat arena of floats per voice.
//!
//! Every value gets its own stretch of the arena, later values further on, so a kernel reads below its output
//! and writes at it: the borrow checker sees two halves, and nothing is ever reused while it is needed.
//! Runs on the audio thread: no allocation, no lock, no branch on data.

use pulp::Arch;

use super::kernel::Aligned;
use super::kernel::cell;
use super::kernel::machine::Machine;
use super::kernel::matrix::{Matrix, Sides};
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
    /// `rows` right-hand sides, `step` floats from one to the next.
    Dense {
        matrix: Matrix,
        x: usize,
        rows: usize,
        step: usize,
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
    /// Pieces of `run` floats, one after the other.
    Gather {
        from: Vec<usize>,
        run: usize,
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
    /// Outputs that are the past of a convolution, with their channels: they lie time by time.
    pub turned: Vec<(usize, usize)>,
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

    /// Gives one voice's states to another's place; both are counted from the first arena.
    pub fn move_voice(&self, arenas: &mut [f32], from: usize, to: usize) {
        let (from, to) = (from * self.arena_len, to * self.arena_len);
        for (_, state) in &self.carries {
            let start = from + state.start;
            arenas.copy_within(start..start + state.len, to + state.start);
        }
    }

    /// An output of one voice in the order that the file declares. Allocates.
    pub fn output_values(&self, arena: &[f32], index: usize) -> Vec<f32> {
        let values = self.outputs[index].1.of(arena);
        let mut ordered = values.to_vec();
        if let Some((_, channels)) = self.turned.iter().find(|(i, _)| *i == index) {
            let time = values.len() / channels;
            window::transpose(values, &mut ordered, time, *channels);
        }
        ordered
    }

    pub fn states_are_finite(&self, arena: &[f32]) -> bool {
        self.carries
            .iter()
            .all(|(_, to)| to.of(arena).iter().all(|v| v.is_finite()))
    }

    /// Runs every kernel once for each voice in `arenas` and carries the states over. Voices share each pass over
    /// the weights.
    pub fn step(&self, machine: Machine, arenas: &mut [f32]) {
        let stride = self.arena_len.max(1);
        let voices = arenas.len() / stride;
        for Op { kernel, out } in &self.ops {
            if let Kernel::Dense {
                matrix,
                x,
                rows,
                step,
            } = kernel
            {
                let sides = Sides {
                    x: *x,
                    y: out.start,
                    rows: *rows,
                    step: *step,
                    voices,
                    stride,
                };
                matrix.apply(machine, arenas, sides);
                continue;
            }
            for arena in arenas.chunks_exact_mut(stride) {
                let (before, rest) = arena.split_at_mut(out.start);
                run(machine.arch(), kernel, before, &mut rest[..out.len]);
            }
        }
        for arena in arenas.chunks_exact_mut(stride) {
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

/// Every kernel but `Dense`, which serves all voices at once.
fn run(arch: Arch, kernel: &Kernel, before: &[f32], out: &mut [f32]) {
    match kernel {
        Kernel::Dense { .. } => {}
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
        Kernel::Gather { from, run: 1 } => {
            for (out, from) in out.iter_mut().zip(from) {
                *out = before[*from];
            }
        }
        Kernel::Gather { from, run } => {
            for (out, from) in out.chunks_exact_mut(*run).zip(from) {
                out.copy_from_slice(&before[*from..from + run]);
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
        } => pointwise::reduce(arch, *function, x.of(before), out, *len, *inner),
        Kernel::LayerNorm {
            x,
            scale,
            bias,
            epsilon,
        } => pointwise::layer_norm(arch, &before[*x..][..out.len()], scale, bias, *epsilon, out),
        Kernel::Windows { windows, x } => windows.run(&before[*x..], out),
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
