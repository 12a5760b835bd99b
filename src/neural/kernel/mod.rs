//! Packed kernels: what a lowered model is made of. Each allocates at construction only and does the same
//! work every time; the instruction set (AVX2+FMA, AVX-512, NEON, portable) is chosen at run time by `pulp`.

pub mod cell;
pub mod math;
pub mod matrix;
pub mod pointwise;
pub mod window;

/// `f32`s that start on a cache line. The buffer never grows, so it never moves.
pub struct Aligned {
    buffer: Vec<f32>,
    start: usize,
    len: usize,
}

const CACHE_LINE_BYTES: usize = 64;

impl Aligned {
    pub fn new(len: usize) -> Self {
        let spare = CACHE_LINE_BYTES / size_of::<f32>();
        let buffer = vec![0.0; len + spare];
        let start = buffer.as_ptr().align_offset(CACHE_LINE_BYTES).min(spare);
        Aligned { buffer, start, len }
    }

    #[inline(always)]
    pub fn as_slice(&self) -> &[f32] {
        &self.buffer[self.start..self.start + self.len]
    }

    #[inline(always)]
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        &mut self.buffer[self.start..self.start + self.len]
    }
}
