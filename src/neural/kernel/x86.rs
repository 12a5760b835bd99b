//! Vectors of AVX-512, and of AVX2 with its conversion of 16-bit floats. A token of either type exists only where
//! the processor and the operating system have the instructions; that is what makes the calls below sound.
#![allow(unsafe_code)]

use core::arch::x86_64::*;
use core::mem::transmute;

use pulp::NullaryFnOnce;

use super::machine::{Lanes, whole};

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
        // SAFETY: a vector is eight floats; any alignment of an array read by value will do.
        unsafe { transmute::<[f32; 8], __m256>(whole(from)) }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16]) -> __m256 {
        // SAFETY: eight halves are a vector of 16 bytes, and the token says that F16C is there.
        unsafe { _mm256_cvtph_ps(transmute::<[u16; 8], __m128i>(whole(from))) }
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

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
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
        // SAFETY: a vector is sixteen floats; any alignment of an array read by value will do.
        unsafe { transmute::<[f32; 16], __m512>(whole(from)) }
    }

    #[inline(always)]
    fn load_half(self, from: &[u16]) -> __m512 {
        // SAFETY: sixteen halves are a vector of 32 bytes, and the token says that AVX-512 is there.
        unsafe { _mm512_cvtph_ps(transmute::<[u16; 16], __m256i>(whole(from))) }
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

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a prefetch reads nothing and never faults.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
}
