//! The control grid in samples: tick `k` starts at sample `ceil(k * sample_rate / TICK_RATE_HZ)`, so
//! models step in their own time whatever the host's block size or sample rate.

use crate::gesture::TICK_RATE_HZ;

/// Most samples rendered at once; chunks start at the tick, so no block partition can move them.
pub const CHUNK_SAMPLES: usize = 16;

/// Where the next chunk lies on the grid.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    sample_rate_hz: f64,
    /// Samples rendered since the reset.
    position: u64,
    /// The tick that runs when `position` reaches `next_start`.
    next_tick: u64,
    next_start: u64,
}

/// One chunk to render.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Chunk {
    /// First sample, counted from the reset.
    pub start: u64,
    pub samples: usize,
    /// The tick that starts here, and its length in samples.
    pub tick: Option<(u64, u32)>,
}

impl Ticks {
    pub fn new(sample_rate_hz: f64) -> Self {
        Ticks {
            sample_rate_hz,
            position: 0,
            next_tick: 0,
            next_start: 0,
        }
    }

    pub fn reset(&mut self) {
        *self = Ticks::new(self.sample_rate_hz);
    }

    /// Samples rendered since the reset.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Steps to the next chunk: at most [`CHUNK_SAMPLES`], never across a tick.
    pub fn advance(&mut self) -> Chunk {
        let start = self.position;
        let mut tick = None;
        if start == self.next_start {
            let end = self.tick_start(self.next_tick + 1);
            tick = Some((self.next_tick, (end - start) as u32));
            self.next_tick += 1;
            self.next_start = end;
        }
        let samples = (self.next_start - start).min(CHUNK_SAMPLES as u64);
        self.position += samples;
        Chunk {
            start,
            samples: samples as usize,
            tick,
        }
    }

    fn tick_start(&self, tick: u64) -> u64 {
        (tick as f64 * self.sample_rate_hz / f64::from(TICK_RATE_HZ)).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_keep_their_rate_at_any_sample_rate() {
        for rate in [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0, 11_025.0] {
            let mut ticks = Ticks::new(rate);
            let mut seen = 0;
            while ticks.position() < rate as u64 * 10 {
                let chunk = ticks.advance();
                assert!(chunk.samples >= 1 && chunk.samples <= CHUNK_SAMPLES);
                seen += usize::from(chunk.tick.is_some());
            }
            assert_eq!(seen, 10 * TICK_RATE_HZ as usize, "{rate} Hz");
        }
    }

    #[test]
    fn a_chunk_never_crosses_a_tick() {
        let mut ticks = Ticks::new(44_100.0);
        let mut left = 0;
        for _ in 0..10_000 {
            let chunk = ticks.advance();
            if let Some((_, length)) = chunk.tick {
                assert_eq!(left, 0);
                left = length;
            }
            left -= chunk.samples as u32;
        }
    }
}
