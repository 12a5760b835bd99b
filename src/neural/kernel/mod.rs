//! Packed kernels: what a lowered model is made of. Each allocates at construction only and does the same
//! work every time; the instruction set (AVX2+FMA, AVX-512, NEON, portable) is chosen at run time by [`machine`].

#[cfg(target_arch = "aarch64")]
mod aarch64;
pub mod cell;
pub mod machine;
pub mod math;
pub mod matrix;
pub mod pointwise;
mod strip;
pub mod window;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Numbers that start on a cache line. The buffer never grows, so it never moves.
pub struct Aligned<T = f32> {
    buffer: Vec<T>,
    start: usize,
    len: usize,
}

const CACHE_LINE_BYTES: usize = 64;

impl<T: Copy + Default> Aligned<T> {
    pub fn new(len: usize) -> Self {
        let spare = CACHE_LINE_BYTES / size_of::<T>();
        let buffer = vec![T::default(); len + spare];
        let start = buffer.as_ptr().align_offset(CACHE_LINE_BYTES).min(spare);
        Aligned { buffer, start, len }
    }

    #[inline(always)]
    pub fn as_slice(&self) -> &[T] {
        &self.buffer[self.start..self.start + self.len]
    }

    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [T] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}
