//! exp, log, tanh, sigmoid and erf on vectors, branch-free. Relative error of `exp` and absolute error of
//! the others about 1e-7. Polynomials: Cephes (Stephen L. Moshier), single precision `expf` and `logf`;
//! `erf`: Abramowitz and Stegun 7.1.26.

use std::f32::consts::LOG2_E;

use pulp::Simd;

/// 1.5 * 2²³: adding it to a small float leaves the rounded integer in the low bits.
const ROUNDER: f32 = 12_582_912.0;
const EXP_LOW: f32 = -87.3;
const EXP_HIGH: f32 = 88.3;
/// ln 2 in two parts, the first exact in few bits.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;

#[inline(always)]
fn polynomial<S: Simd, const N: usize>(simd: S, x: S::f32s, coefficients: [f32; N]) -> S::f32s {
    let mut sum = simd.splat_f32s(coefficients[0]);
    for c in &coefficients[1..] {
        sum = simd.mul_add_e_f32s(sum, x, simd.splat_f32s(*c));
    }
    sum
}

#[inline(always)]
pub fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(x, simd.splat_f32s(EXP_LOW));
    let x = simd.min_f32s(x, simd.splat_f32s(EXP_HIGH));
    let rounder = simd.splat_f32s(ROUNDER);
    let shifted = simd.mul_add_e_f32s(x, simd.splat_f32s(LOG2_E), rounder);
    let n = simd.sub_f32s(shifted, rounder);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_HIGH), x);
    let r = simd.mul_add_e_f32s(n, simd.splat_f32s(-LN_2_LOW), r);
    const C: [f32; 6] = [
        1.987_569_1e-4,
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        5.000_000_1e-1,
    ];
    let p = polynomial(simd, r, C);
    let one = simd.splat_f32s(1.0);
    let y = simd.mul_add_e_f32s(p, simd.mul_f32s(r, r), simd.add_f32s(r, one));
    let bits = simd.add_u32s(simd.transmute_u32s_f32s(shifted), simd.splat_u32s(127));
    let power = simd.wrapping_dyn_shl_u32s(bits, simd.splat_u32s(23));
    simd.mul_f32s(y, simd.transmute_f32s_u32s(power))
}

/// Natural logarithm of a normal positive number; anything smaller counts as the smallest.
#[inline(always)]
pub fn log<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let x = simd.max_f32s(x, simd.splat_f32s(f32::MIN_POSITIVE));
    let bits = simd.transmute_u32s_f32s(x);
    // The mantissa in sqrt(1/2) .. sqrt(2), and the exponent that goes with it.
    let shifted = simd.add_u32s(bits, simd.splat_u32s(0x3f80_0000 - 0x3f35_04f3));
    let exponent = simd.wrapping_dyn_shr_u32s(shifted, simd.splat_u32s(23));
    let magic = simd.or_u32s(exponent, simd.splat_u32s(0x4b00_0000));
    let e = simd.sub_f32s(
        simd.transmute_f32s_u32s(magic),
        simd.splat_f32s(8_388_608.0 + 127.0),
    );
    let mantissa = simd.add_u32s(
        simd.and_u32s(shifted, simd.splat_u32s(0x007f_ffff)),
        simd.splat_u32s(0x3f35_04f3),
    );
    let m = simd.sub_f32s(simd.transmute_f32s_u32s(mantissa), simd.splat_f32s(1.0));
    const C: [f32; 9] = [
        7.037_683_6e-2,
        -1.151_461e-1,
        1.167_699_9e-1,
        -1.242_014_1e-1,
        1.424_932_3e-1,
        -1.666_805_8e-1,
        2.000_071_5e-1,
        -2.499_999_4e-1,
        3.333_333_1e-1,
    ];
    let square = simd.mul_f32s(m, m);
    let cubic = simd.mul_f32s(polynomial(simd, m, C), simd.mul_f32s(square, m));
    let y = simd.mul_add_e_f32s(e, simd.splat_f32s(LN_2_LOW), cubic);
    let y = simd.mul_add_e_f32s(square, simd.splat_f32s(-0.5), y);
    let y = simd.add_f32s(m, y);
    simd.mul_add_e_f32s(e, simd.splat_f32s(LN_2_HIGH), y)
}

#[inline(always)]
pub fn sigmoid<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(one, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

#[inline(always)]
pub fn tanh<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let twice = sigmoid(simd, simd.add_f32s(x, x));
    simd.mul_add_e_f32s(twice, simd.splat_f32s(2.0), simd.splat_f32s(-1.0))
}

/// `log(1 + exp(x))`, exact in both tails.
#[inline(always)]
pub fn softplus<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let zero = simd.splat_f32s(0.0);
    let one = simd.splat_f32s(1.0);
    let small = exp(simd, simd.neg_f32s(simd.abs_f32s(x)));
    // log1p by Kahan's correction: what `1 + small` rounded away is put back.
    let sum = simd.add_f32s(one, small);
    let lost = simd.sub_f32s(small, simd.sub_f32s(sum, one));
    let log1p = simd.add_f32s(log(simd, sum), simd.div_f32s(lost, sum));
    simd.add_f32s(simd.max_f32s(x, zero), log1p)
}

#[inline(always)]
pub fn erf<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    let a = simd.abs_f32s(x);
    let t = simd.div_f32s(
        one,
        simd.mul_add_e_f32s(a, simd.splat_f32s(0.327_591_1), one),
    );
    const C: [f32; 6] = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
        0.0,
    ];
    let p = polynomial(simd, t, C);
    let y = simd.sub_f32s(
        one,
        simd.mul_f32s(p, exp(simd, simd.neg_f32s(simd.mul_f32s(a, a)))),
    );
    let sign = simd.and_f32s(x, simd.splat_f32s(-0.0));
    simd.or_f32s(y, sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::{Arch, WithSimd};

    struct Evaluate<'a> {
        values: &'a [f32],
        function: Function,
    }

    #[derive(Clone, Copy, Debug)]
    enum Function {
        Exp,
        Log,
        Sigmoid,
        Tanh,
        Softplus,
        Erf,
    }

    impl WithSimd for Evaluate<'_> {
        type Output = Vec<f32>;
        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
            let mut out = self.values.to_vec();
            for x in S::as_mut_simd_f32s(&mut out).0 {
                *x = match self.function {
                    Function::Exp => exp(simd, *x),
                    Function::Log => log(simd, *x),
                    Function::Sigmoid => sigmoid(simd, *x),
                    Function::Tanh => tanh(simd, *x),
                    Function::Softplus => softplus(simd, *x),
                    Function::Erf => erf(simd, *x),
                };
            }
            out
        }
    }

    fn worst(
        arch: Arch,
        function: Function,
        reference: impl Fn(f64) -> f64,
        relative: bool,
    ) -> f64 {
        let values: Vec<f32> = (0..65_536)
            .map(|i| (i as f32 - 32_768.0) / 512.0 * 1.3)
            .collect();
        let out = arch.dispatch(Evaluate {
            values: &values,
            function,
        });
        let errors = values.iter().zip(&out).map(|(x, y)| {
            let r = reference(*x as f64);
            (*y as f64 - r).abs() / if relative { r.abs() } else { r.abs().max(1.0) }
        });
        errors.fold(0.0, f64::max)
    }

    #[test]
    fn errors_stay_near_one_part_in_ten_million() {
        for arch in [Arch::new(), Arch::Scalar] {
            assert!(worst(arch, Function::Exp, f64::exp, true) < 2e-7);
            assert!(worst(arch, Function::Sigmoid, |x| 1.0 / (1.0 + (-x).exp()), false) < 1.5e-7);
            assert!(worst(arch, Function::Tanh, f64::tanh, false) < 2.5e-7);
            assert!(
                worst(
                    arch,
                    Function::Softplus,
                    |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
                    false
                ) < 1.5e-7
            );
            let log = |x: f64| x.max(f32::MIN_POSITIVE as f64).ln();
            assert!(worst(arch, Function::Log, log, false) < 1.5e-7);
        }
    }

    #[test]
    fn erf_at_known_points() {
        let out = Arch::new().dispatch(Evaluate {
            values: &[-0.5, 0.0, 0.5, 1.0, 2.0, -3.0, 0.1, 9.0],
            function: Function::Erf,
        });
        let known = [
            -0.520_499_9,
            0.0,
            0.520_499_9,
            0.842_700_8,
            0.995_322_3,
            -0.999_977_9,
            0.112_462_9,
            1.0,
        ];
        for (y, r) in out.iter().zip(known) {
            assert!((y - r).abs() < 3e-7, "{y} {r}");
        }
    }
}
