//! The control grid in samples: tick `k` starts at sample `ceil((k + phase) * sample_rate / TICK_RATE_HZ)`,
//! so models step in their own time whatever the host's block size or sample rate. Instances in one
//! process take different phases: their models then do not all step in the same callback.

use crate::gesture::TICK_RATE_HZ;

/// Most samples rendered at once; chunks start at the tick, so no block partition can move them.
pub const CHUNK_SAMPLES: usize = 16;

/// Where the next chunk lies on the grid.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    sample_rate_hz: f64,
    /// 0 to 1: how much of a tick passes before the first one.
    phase: f64,
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
    pub fn new(sample_rate_hz: f64, phase: f64) -> Self {
        let mut ticks = Ticks {
            sample_rate_hz,
            phase,
            position: 0,
            next_tick: 0,
            next_start: 0,
        };
        ticks.next_start = ticks.tick_start(0);
        ticks
    }

    pub fn reset(&mut self) {
        *self = Ticks::new(self.sample_rate_hz, self.phase);
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
        let ticks = tick as f64 + self.phase;
        (ticks * self.sample_rate_hz / f64::from(TICK_RATE_HZ)).ceil() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::spread_out;

    #[test]
    fn ticks_keep_their_rate_at_any_sample_rate() {
        for rate in [44_100.0, 48_000.0, 88_200.0, 96_000.0, 192_000.0, 11_025.0] {
            let mut ticks = Ticks::new(rate, 0.0);
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
    fn eight_instances_tick_in_eight_places() {
        let mut places: Vec<u64> = (0..8)
            .map(|n| Ticks::new(48_000.0, spread_out(n)).tick_start(0))
            .collect();
        places.sort_unstable();
        assert_eq!(places, [0, 30, 60, 90, 120, 150, 180, 210]);
        let mut late = Ticks::new(48_000.0, spread_out(1));
        let first = std::iter::from_fn(|| Some(late.advance())).find(|chunk| chunk.tick.is_some());
        assert_eq!(
            first.map(|chunk| (chunk.start, chunk.tick)),
            Some((120, Some((0, 240))))
        );
    }

    #[test]
    fn a_chunk_never_crosses_a_tick() {
        let mut ticks = Ticks::new(44_100.0, 0.0);
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
