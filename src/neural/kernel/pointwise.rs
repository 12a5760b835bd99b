//! Element by element, and along one axis: the cheap operations between the matrices.

use pulp::{Arch, Simd, WithSimd};

use super::math;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unary {
    Identity,
    Neg,
    Abs,
    Relu,
    LeakyRelu(f32),
    Elu(f32),
    Gelu,
    GeluTanh,
    Silu,
    Tanh,
    Sigmoid,
    HardSigmoid {
        slope: f32,
        offset: f32,
    },
    Softplus,
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Sin,
    Cos,
    Erf,
    /// Toward zero.
    Truncate,
    Clip {
        low: f32,
        high: f32,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Pow,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduce {
    Sum,
    Mean,
    Max,
    Min,
}

/// `y = f(x)` vector by vector. A macro, because a closure is built without the instructions of the function around
/// it, and every operation in it would be a call.
macro_rules! map {
    ($simd:expr, $x:expr, $y:expr, |$v:ident| $f:expr) => {{
        let (x, x_end) = S::as_simd_f32s($x);
        let (y, y_end) = S::as_mut_simd_f32s($y);
        for (y, x) in y.iter_mut().zip(x) {
            let $v = *x;
            *y = $f;
        }
        if !y_end.is_empty() {
            let $v = $simd.partial_load_f32s(x_end);
            let end = $f;
            $simd.partial_store_f32s(y_end, end);
        }
    }};
}

/// `y = f(a, b)` in the same way.
macro_rules! zip {
    ($simd:expr, $a_side:expr, $b_side:expr, $y:expr, |$a:ident, $b:ident| $f:expr) => {{
        let count = $y.len();
        let (whole, end) = S::as_mut_simd_f32s($y);
        for (i, y) in whole.iter_mut().enumerate() {
            let ($a, $b) = (operand($simd, $a_side, i), operand($simd, $b_side, i));
            *y = $f;
        }
        if !end.is_empty() {
            let from = count - end.len();
            let $a = operand_end($simd, $a_side, from, count);
            let $b = operand_end($simd, $b_side, from, count);
            let value = $f;
            $simd.partial_store_f32s(end, value);
        }
    }};
}

/// The sum of `f` over a run, in four sums side by side: a lone one would wait for every addition before the next.
/// `f` of zero has to be zero.
macro_rules! total {
    ($simd:expr, $x:expr, |$sum:ident, $v:ident| $add:expr) => {{
        let (whole, end) = S::as_simd_f32s($x);
        let mut sums = [$simd.splat_f32s(0.0); 4];
        let mut fours = whole.chunks_exact(4);
        for four in &mut fours {
            for (sum, v) in sums.iter_mut().zip(four) {
                let ($sum, $v) = (*sum, *v);
                *sum = $add;
            }
        }
        for (sum, v) in sums.iter_mut().zip(fours.remainder()) {
            let ($sum, $v) = (*sum, *v);
            *sum = $add;
        }
        let ($sum, $v) = (sums[3], $simd.partial_load_f32s(end));
        let last = $add;
        let pairs = (
            $simd.add_f32s(sums[0], sums[1]),
            $simd.add_f32s(sums[2], last),
        );
        $simd.reduce_sum_f32s($simd.add_f32s(pairs.0, pairs.1))
    }};
}

/// `y[i] = function(x[i])`.
pub fn unary(arch: Arch, function: Unary, x: &[f32], y: &mut [f32]) {
    arch.dispatch(UnaryMap { function, x, y });
}

struct UnaryMap<'a> {
    function: Unary,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl WithSimd for UnaryMap<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (x, y) = (self.x, self.y);
        match self.function {
            Unary::Identity => y.copy_from_slice(x),
            Unary::Neg => map!(simd, x, y, |v| simd.neg_f32s(v)),
            Unary::Abs => map!(simd, x, y, |v| simd.abs_f32s(v)),
            Unary::Relu => map!(simd, x, y, |v| simd.max_f32s(v, simd.splat_f32s(0.0))),
            Unary::LeakyRelu(slope) => map!(simd, x, y, |v| {
                let below = simd.min_f32s(v, simd.splat_f32s(0.0));
                simd.mul_add_e_f32s(
                    below,
                    simd.splat_f32s(slope),
                    simd.max_f32s(v, simd.splat_f32s(0.0)),
                )
            }),
            Unary::Elu(alpha) => map!(simd, x, y, |v| {
                let below = math::exp(simd, simd.min_f32s(v, simd.splat_f32s(0.0)));
                let below = simd.mul_f32s(
                    simd.sub_f32s(below, simd.splat_f32s(1.0)),
                    simd.splat_f32s(alpha),
                );
                simd.add_f32s(simd.max_f32s(v, simd.splat_f32s(0.0)), below)
            }),
            Unary::Gelu => map!(simd, x, y, |v| {
                let erf = math::erf(
                    simd,
                    simd.mul_f32s(v, simd.splat_f32s(std::f32::consts::FRAC_1_SQRT_2)),
                );
                simd.mul_f32s(
                    simd.mul_f32s(v, simd.splat_f32s(0.5)),
                    simd.add_f32s(erf, simd.splat_f32s(1.0)),
                )
            }),
            Unary::GeluTanh => map!(simd, x, y, |v| {
                let cubic = simd.mul_f32s(simd.mul_f32s(v, v), v);
                let inner = simd.mul_add_e_f32s(cubic, simd.splat_f32s(0.044_715), v);
                // 0.5 (1 + tanh(z)) is sigmoid(2z); 2 sqrt(2 / pi) in front.
                simd.mul_f32s(
                    v,
                    math::sigmoid(simd, simd.mul_f32s(inner, simd.splat_f32s(1.595_769_1))),
                )
            }),
            Unary::Silu => map!(simd, x, y, |v| simd.mul_f32s(v, math::sigmoid(simd, v))),
            Unary::Tanh => map!(simd, x, y, |v| math::tanh(simd, v)),
            Unary::Sigmoid => map!(simd, x, y, |v| math::sigmoid(simd, v)),
            Unary::HardSigmoid { slope, offset } => map!(simd, x, y, |v| {
                let line = simd.mul_add_e_f32s(v, simd.splat_f32s(slope), simd.splat_f32s(offset));
                simd.min_f32s(
                    simd.max_f32s(line, simd.splat_f32s(0.0)),
                    simd.splat_f32s(1.0),
                )
            }),
            Unary::Softplus => map!(simd, x, y, |v| math::softplus(simd, v)),
            Unary::Exp => map!(simd, x, y, |v| math::exp(simd, v)),
            Unary::Log => map!(simd, x, y, |v| math::log(simd, v)),
            Unary::Sqrt => map!(simd, x, y, |v| simd.sqrt_f32s(v)),
            Unary::Reciprocal => map!(simd, x, y, |v| simd.div_f32s(simd.splat_f32s(1.0), v)),
            Unary::Erf => map!(simd, x, y, |v| math::erf(simd, v)),
            Unary::Clip { low, high } => map!(simd, x, y, |v| {
                simd.min_f32s(
                    simd.max_f32s(v, simd.splat_f32s(low)),
                    simd.splat_f32s(high),
                )
            }),
            Unary::Sin => scalar_map(x, y, f32::sin),
            Unary::Cos => scalar_map(x, y, f32::cos),
            Unary::Truncate => scalar_map(x, y, f32::trunc),
        }
    }
}

#[inline(always)]
fn scalar_map(x: &[f32], y: &mut [f32], f: impl Fn(f32) -> f32) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = f(*x);
    }
}

/// `y[i] = function(a[i * a_step], b[i * b_step])` with steps 0 or 1.
pub fn binary(arch: Arch, function: Binary, a: (&[f32], usize), b: (&[f32], usize), y: &mut [f32]) {
    arch.dispatch(BinaryMap { function, a, b, y });
}

struct BinaryMap<'a> {
    function: Binary,
    a: (&'a [f32], usize),
    b: (&'a [f32], usize),
    y: &'a mut [f32],
}

impl WithSimd for BinaryMap<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (a, b, y) = (self.a, self.b, self.y);
        match self.function {
            Binary::Add => zip!(simd, a, b, y, |a, b| simd.add_f32s(a, b)),
            Binary::Sub => zip!(simd, a, b, y, |a, b| simd.sub_f32s(a, b)),
            Binary::Mul => zip!(simd, a, b, y, |a, b| simd.mul_f32s(a, b)),
            Binary::Div => zip!(simd, a, b, y, |a, b| simd.div_f32s(a, b)),
            Binary::Min => zip!(simd, a, b, y, |a, b| simd.min_f32s(a, b)),
            Binary::Max => zip!(simd, a, b, y, |a, b| simd.max_f32s(a, b)),
            Binary::Pow => {
                for (i, y) in y.iter_mut().enumerate() {
                    *y = a.0[i * a.1].powf(b.0[i * b.1]);
                }
            }
        }
    }
}

/// Vector `i` of an operand: its own values, or the one value again and again where the step is 0.
#[inline(always)]
fn operand<S: Simd>(simd: S, (x, step): (&[f32], usize), i: usize) -> S::f32s {
    match step {
        0 => simd.splat_f32s(x[0]),
        _ => S::as_simd_f32s(&x[i * S::F32_LANES..][..S::F32_LANES]).0[0],
    }
}

/// What is left of an operand behind whole vectors, from `from`.
#[inline(always)]
fn operand_end<S: Simd>(simd: S, (x, step): (&[f32], usize), from: usize, to: usize) -> S::f32s {
    match step {
        0 => simd.splat_f32s(x[0]),
        _ => simd.partial_load_f32s(&x[from..to]),
    }
}

/// Softmax over `len` elements `inner` apart, for every outer and inner position.
pub fn softmax(arch: Arch, x: &[f32], y: &mut [f32], len: usize, inner: usize) {
    let blocks = x.chunks_exact(len * inner);
    for (x, y) in blocks.zip(y.chunks_exact_mut(len * inner)) {
        for at in 0..inner {
            let x = x[at..].iter().step_by(inner);
            let high = x.clone().fold(f32::MIN, |m, v| m.max(*v));
            let y = y[at..].iter_mut().step_by(inner);
            y.zip(x).for_each(|(y, x)| *y = x - high);
        }
        arch.dispatch(ExpInPlace(y));
        for at in 0..inner {
            let sum = match inner {
                1 => arch.dispatch(Sum(y)),
                _ => y[at..].iter().step_by(inner).sum(),
            };
            let share = 1.0 / sum;
            y[at..].iter_mut().step_by(inner).for_each(|y| *y *= share);
        }
    }
}

/// The sum of a run.
struct Sum<'a>(&'a [f32]);

impl WithSimd for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f32 {
        total!(simd, self.0, |sum, v| simd.add_f32s(sum, v))
    }
}

struct ExpInPlace<'a>(&'a mut [f32]);

impl WithSimd for ExpInPlace<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (whole, end) = S::as_mut_simd_f32s(self.0);
        for v in whole {
            *v = math::exp(simd, *v);
        }
        if !end.is_empty() {
            let value = math::exp(simd, simd.partial_load_f32s(end));
            simd.partial_store_f32s(end, value);
        }
    }
}

/// Reduces `len` elements `inner` apart to one.
pub fn reduce(arch: Arch, function: Reduce, x: &[f32], y: &mut [f32], len: usize, inner: usize) {
    for (x, y) in x.chunks_exact(len * inner).zip(y.chunks_exact_mut(inner)) {
        for (at, y) in y.iter_mut().enumerate() {
            let values = x[at..].iter().step_by(inner);
            let sum = || match inner {
                1 => arch.dispatch(Sum(x)),
                _ => values.clone().sum::<f32>(),
            };
            *y = match function {
                Reduce::Sum => sum(),
                Reduce::Mean => sum() / len as f32,
                Reduce::Max => values.fold(f32::MIN, |m, v| m.max(*v)),
                Reduce::Min => values.fold(f32::MAX, |m, v| m.min(*v)),
            };
        }
    }
}

/// Layer normalisation over runs of `scale.len()` elements.
pub fn layer_norm(arch: Arch, x: &[f32], scale: &[f32], bias: &[f32], epsilon: f32, y: &mut [f32]) {
    let len = scale.len();
    for (x, y) in x.chunks_exact(len).zip(y.chunks_exact_mut(len)) {
        arch.dispatch(LayerNorm {
            x,
            scale,
            bias,
            epsilon,
            y,
        });
    }
}

struct LayerNorm<'a> {
    x: &'a [f32],
    scale: &'a [f32],
    bias: &'a [f32],
    epsilon: f32,
    y: &'a mut [f32],
}

impl WithSimd for LayerNorm<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (len, y) = (self.x.len() as f32, self.y);
        let mean = simd.splat_f32s(Sum(self.x).with_simd(simd) / len);
        map!(simd, self.x, y, |v| simd.sub_f32s(v, mean));
        let squares = total!(simd, y, |sum, v| simd.mul_add_e_f32s(v, v, sum));
        let gain = 1.0 / (squares / len + self.epsilon).sqrt();
        let ((scale, scale_end), (bias, bias_end)) =
            (S::as_simd_f32s(self.scale), S::as_simd_f32s(self.bias));
        let (whole, end) = S::as_mut_simd_f32s(y);
        for ((y, s), b) in whole.iter_mut().zip(scale).zip(bias) {
            *y = simd.mul_add_e_f32s(simd.mul_f32s(*y, simd.splat_f32s(gain)), *s, *b);
        }
        for ((y, s), b) in end.iter_mut().zip(scale_end).zip(bias_end) {
            *y = *y * gain * s + b;
        }
    }
}
