//! Which instructions this computer has: found once, when a model is loaded, and fixed for its life, so that
//! two runs on one machine give the same bits.
//!
//! `pulp` finds and drives AVX2+FMA, NEON and the portable path. Its AVX-512 would change how it is built
//! for everything else that uses it, and it has no conversion of 16-bit floats: `x86` and `aarch64` beside this file add
//! both to the one kernel that lives by them, the packed matrix.

use std::fmt;

use pulp::{Arch, Simd};

#[cfg(target_arch = "aarch64")]
use super::aarch64::Neon;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512};

/// Vectors of floats as a matrix product needs them. Slices may be longer than a vector; the rest is not touched.
pub trait Lanes: Copy {
    type Vector: Copy;
    /// Floats in a vector.
    const COUNT: usize;

    fn splat(self, value: f32) -> Self::Vector;
    fn load(self, from: &[f32]) -> Self::Vector;
    /// From IEEE halves.
    fn load_half(self, from: &[u16]) -> Self::Vector;
    fn store(self, to: &mut [f32], values: Self::Vector);
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Asks for a cache line that will be read soon; any address will do.
    #[inline(always)]
    fn prefetch(self, _at: *const u8) {}
    /// `a * b + c`.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
}

/// The first `N` numbers, by value: the intrinsics that load leave a copy on the stack in builds that check themselves.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn whole<T: Copy, const N: usize>(from: &[T]) -> [T; N] {
    match from.first_chunk() {
        Some(chunk) => *chunk,
        None => panic!("a vector of {N} from {} numbers", from.len()),
    }
}

/// Work written once for every instruction set. `run` has to be `#[inline(always)]`.
pub trait WithLanes {
    fn run<L: Lanes>(self, lanes: L);
}

#[derive(Clone, Copy, Debug)]
pub struct Machine {
    arch: Arch,
    path: Path,
}

#[derive(Clone, Copy, Debug)]
enum Path {
    Pulp,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
}

impl Machine {
    /// The fastest path of this computer.
    pub fn detect() -> Machine {
        // `every` is never empty: the portable path is always there.
        Machine::every().pop().unwrap_or(Machine {
            arch: Arch::Scalar,
            path: Path::Pulp,
        })
    }

    /// Every path of this computer, the slowest first.
    pub fn every() -> Vec<Machine> {
        let arch = Arch::new();
        let path = Path::Pulp;
        #[allow(unused_mut)]
        let mut paths = vec![Machine {
            arch: Arch::Scalar,
            path,
        }];
        #[cfg(target_arch = "aarch64")]
        paths.push(Machine {
            arch,
            path: Path::Neon(Neon),
        });
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        paths.push(Machine { arch, path });
        #[cfg(target_arch = "x86_64")]
        {
            let wider = [
                Avx2::try_new().map(Path::Avx2),
                Avx512::try_new().map(Path::Avx512),
            ];
            paths.extend(
                wider
                    .into_iter()
                    .flatten()
                    .map(|path| Machine { arch, path }),
            );
        }
        paths
    }

    /// For kernels written against `pulp`.
    #[inline(always)]
    pub fn arch(self) -> Arch {
        self.arch
    }

    /// Whether weights of 16 bits cost no more work than weights of 32. Integer arithmetic stands in elsewhere.
    pub fn converts_halves(self) -> bool {
        !matches!(self.path, Path::Pulp)
    }

    #[inline(always)]
    pub fn run(self, work: impl WithLanes) {
        match self.path {
            // Every processor with AVX2 has F16C, and every Arm NEON, so what is left there is the portable path.
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            Path::Pulp => work.run(PulpLanes(pulp::Scalar)),
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            Path::Pulp => self.arch.dispatch(OnPulp(work)),
            #[cfg(target_arch = "aarch64")]
            Path::Neon(lanes) => work.run(lanes),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(lanes) => lanes.vectorize(OnLanes { work, lanes }),
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(lanes) => lanes.vectorize(OnLanes { work, lanes }),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self.path {
            #[cfg(target_arch = "x86_64")]
            Path::Avx2(_) => "AVX2 with F16C",
            #[cfg(target_arch = "x86_64")]
            Path::Avx512(_) => "AVX-512",
            #[cfg(target_arch = "aarch64")]
            Path::Neon(_) => "NEON",
            Path::Pulp => match self.arch {
                Arch::Scalar => "portable",
                _ => "pulp",
            },
        })
    }
}

#[cfg(target_arch = "x86_64")]
struct OnLanes<W, L> {
    work: W,
    lanes: L,
}

#[cfg(target_arch = "x86_64")]
impl<W: WithLanes, L: Lanes> pulp::NullaryFnOnce for OnLanes<W, L> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.work.run(self.lanes);
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
struct OnPulp<W>(W);

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
impl<W: WithLanes> pulp::WithSimd for OnPulp<W> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.run(PulpLanes(simd));
    }
}

#[derive(Clone, Copy)]
struct PulpLanes<S>(S);

impl<S: Simd> Lanes for PulpLanes<S> {
    type Vector = S::f32s;
    const COUNT: usize = S::F32_LANES;

    #[inline(always)]
    fn splat(self, value: f32) -> S::f32s {
        self.0.splat_f32s(value)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> S::f32s {
        S::as_simd_f32s(&from[..Self::COUNT]).0[0]
    }

    /// Moves the bits to where a float has them; the exponents' offsets differ by 112.
    #[inline(always)]
    fn load_half(self, from: &[u16]) -> S::f32s {
        let simd = self.0;
        let mut words = [0u32; 16];
        for (word, half) in words.iter_mut().zip(&from[..Self::COUNT]) {
            *word = u32::from(*half);
        }
        let words = S::as_simd_u32s(&words[..Self::COUNT]).0[0];
        let sign = simd.wrapping_dyn_shl_u32s(
            simd.and_u32s(words, simd.splat_u32s(0x8000)),
            simd.splat_u32s(16),
        );
        let size = simd.wrapping_dyn_shl_u32s(
            simd.and_u32s(words, simd.splat_u32s(0x7fff)),
            simd.splat_u32s(13),
        );
        let raise = simd.splat_f32s(f32::from_bits((127 + 112) << 23));
        let size = simd.mul_f32s(simd.transmute_f32s_u32s(size), raise);
        simd.or_f32s(size, simd.transmute_f32s_u32s(sign))
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], values: S::f32s) {
        S::as_mut_simd_f32s(&mut to[..Self::COUNT]).0[0] = values;
    }

    #[inline(always)]
    fn add(self, a: S::f32s, b: S::f32s) -> S::f32s {
        self.0.add_f32s(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: S::f32s, b: S::f32s, c: S::f32s) -> S::f32s {
        self.0.mul_add_e_f32s(a, b, c)
    }
}
