//! Vectors of AVX-512, and of AVX2 with its conversion of 16-bit floats. A token of either type exists only where
//! the processor and the operating system have the instructions; that is what makes the calls below sound.
#![allow(unsafe_code)]

use core::arch::x86_64::*;

use pulp::NullaryFnOnce;

use super::machine::Lanes;

pulp::simd_type! {
    /// 8 floats a vector.
    pub struct Avx2 {
        avx: "avx",
        avx2: "avx2",
        fma: "fma",
        f16c: "f16c",
    }
}

/// 16 floats a vector. By hand, as `pulp` knows AVX-512 only when built with a feature.
#[derive(Clone, Copy, Debug)]
pub struct Avx512(());

impl Avx512 {
    pub fn try_new() -> Option<Avx512> {
        let there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        there.then_some(Avx512(()))
    }

    /// Runs `work`, which has to be inlined, with these instructions.
    #[inline(always)]
    pub fn vectorize<W: NullaryFnOnce>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx512f,avx2,fma,f16c")]
        #[inline]
        fn wide<W: NullaryFnOnce>(work: W) -> W::Output {
            work.call()
        }
        // SAFETY: `try_new`, the only source of `self`, found every one of these features.
        unsafe { wide(work) }
    }
}

impl Lanes for Avx2 {
    type Vector = __m256;
    const COUNT: usize = 8;

    #[inline(always)]
    fn splat(self, value: f32) -> __m256 {
        self.avx._mm256_set1_ps(value)
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from: *const [f32] = &from[..8];
        // SAFETY: eight floats lie there, and the token says that AVX is there.
        unsafe { _mm256_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16]) -> __m256 {
        let from: *const [u16] = &from[..8];
        // SAFETY: eight halves of 16 bytes lie there, and the token says that F16C is there.
        unsafe { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], values: __m256) {
        let to: *mut [f32] = &mut to[..8];
        // SAFETY: there is room for eight floats, and the token says that AVX is there.
        unsafe { _mm256_storeu_ps(to.cast(), values) }
    }

    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        self.avx._mm256_add_ps(a, b)
    }

    #[inline(always)]
    fn mul_add(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        self.fma._mm256_fmadd_ps(a, b, c)
    }
}

impl Lanes for Avx512 {
    type Vector = __m512;
    const COUNT: usize = 16;

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: the token says that AVX-512 is there.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from: *const [f32] = &from[..16];
        // SAFETY: sixteen floats lie there, and the token says that AVX-512 is there.
        unsafe { _mm512_loadu_ps(from.cast()) }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16]) -> __m512 {
        let from: *const [u16] = &from[..16];
        // SAFETY: sixteen halves of 32 bytes lie there, and the token says that AVX-512 is there.
        unsafe { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], values: __m512) {
        let to: *mut [f32] = &mut to[..16];
        // SAFETY: there is room for sixteen floats, and the token says that AVX-512 is there.
        unsafe { _mm512_storeu_ps(to.cast(), values) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token says that AVX-512 is there.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token says that AVX-512 is there.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
}
