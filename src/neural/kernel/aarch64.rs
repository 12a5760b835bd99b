//! Vectors of NEON with its conversion of 16-bit floats, which every 64-bit Arm processor has and `pulp` does not use.
#![allow(unsafe_code)]

use core::arch::aarch64::*;
use core::arch::asm;
use core::mem::transmute;

use super::machine::{Lanes, whole};

/// 4 floats a vector.
#[derive(Clone, Copy, Debug)]
pub struct Neon;

impl Lanes for Neon {
    type Vector = float32x4_t;
    const COUNT: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> float32x4_t {
        // SAFETY: every 64-bit Arm target of Rust has NEON.
        unsafe { vdupq_n_f32(value) }
    }

    #[inline(always)]
    fn load(self, from: &[f32]) -> float32x4_t {
        // SAFETY: a vector is four floats; any alignment of an array read by value will do.
        unsafe { transmute::<[f32; 4], float32x4_t>(whole(from)) }
    }

    /// By name, as the conversion's intrinsic wants the type `f16`, which Rust does not have yet.
    #[inline(always)]
    fn load_half(self, from: &[u16]) -> float32x4_t {
        // SAFETY: four halves are a vector of 8 bytes.
        let halves = unsafe { transmute::<[u16; 4], uint16x4_t>(whole(from)) };
        let floats: float32x4_t;
        // SAFETY: FCVTL is an instruction of the first NEON of 64-bit Arm; it reads and writes these registers alone.
        unsafe {
            asm!(
                "fcvtl {floats:v}.4s, {halves:v}.4h",
                floats = lateout(vreg) floats,
                halves = in(vreg) halves,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
        floats
    }

    #[inline(always)]
    fn store(self, to: &mut [f32], values: float32x4_t) {
        let to: *mut [f32] = &mut to[..4];
        // SAFETY: there is room for four floats.
        unsafe { vst1q_f32(to.cast(), values) }
    }

    #[inline(always)]
    fn add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        // SAFETY: every 64-bit Arm target of Rust has NEON.
        unsafe { vaddq_f32(a, b) }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
        // SAFETY: every 64-bit Arm target of Rust has NEON.
        unsafe { vfmaq_f32(c, a, b) }
    }

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a prefetch changes nothing and never faults.
        unsafe {
            asm!("prfm pldl1keep, [{at}]", at = in(reg) at, options(readonly, nostack, preserves_flags));
        }
    }
}
