//! How far in the past to read: the smallest delay with which 99.5 % of recent ticks had a newer reading.

/// Longest delay, adaptive or fixed.
const LONGEST_S: f64 = 0.05;
/// Delay before anything is known: two periods of a 100 Hz sensor.
const INITIAL_S: f64 = 0.02;
/// Share of ticks that need not find a newer reading.
const MISSED: f64 = 0.005;
/// The delay grows at most this many seconds per second: time is stretched by 5 %.
const RISE_PER_S: f64 = 0.05;
/// It shrinks more gently.
const FALL_PER_S: f64 = 0.005;
/// A change by hand glides faster.
const GLIDE_PER_S: f64 = 0.2;

const BIN_S: f64 = 0.000_5;
const BIN_COUNT: usize = 101;
/// Ticks remembered: 20 s.
const WINDOW: usize = 4000;
/// Ticks before a verdict: 1 s.
const ENOUGH: usize = 200;

/// How old the newest reading of a device was at recent ticks.
#[derive(Clone, Debug)]
pub struct Staleness {
    window: Box<[u8]>,
    next: usize,
    filled: usize,
    bins: [u16; BIN_COUNT],
}

impl Staleness {
    pub fn new() -> Self {
        Staleness {
            window: vec![0; WINDOW].into_boxed_slice(),
            next: 0,
            filled: 0,
            bins: [0; BIN_COUNT],
        }
    }

    pub fn reset(&mut self) {
        self.next = 0;
        self.filled = 0;
        self.bins = [0; BIN_COUNT];
    }

    /// Ages over 100 ms are gaps, not jitter: no delay would hold them.
    pub fn observe(&mut self, age_s: f64) {
        if age_s.is_nan() || age_s > super::BRIDGED_GAP_S {
            return;
        }
        let bin = ((age_s / BIN_S).ceil().max(0.0) as usize).min(BIN_COUNT - 1);
        if self.filled == WINDOW {
            let oldest = &mut self.bins[usize::from(self.window[self.next]).min(BIN_COUNT - 1)];
            *oldest = oldest.saturating_sub(1);
        } else {
            self.filled += 1;
        }
        self.window[self.next] = bin as u8;
        self.bins[bin] += 1;
        self.next = (self.next + 1) % WINDOW;
    }

    /// `None` until a second of ticks has been seen.
    pub fn delay_s(&self) -> Option<f64> {
        if self.filled < ENOUGH {
            return None;
        }
        let may_miss = (self.filled as f64 * MISSED) as usize;
        let mut missed = 0;
        for bin in (0..BIN_COUNT).rev() {
            missed += usize::from(self.bins[bin]);
            if missed > may_miss {
                return Some(bin as f64 * BIN_S);
            }
        }
        Some(0.0)
    }
}

/// The delay in use, gliding to the one wanted.
#[derive(Clone, Copy, Debug)]
pub struct Delay {
    now_s: f64,
    fixed_s: Option<f64>,
}

impl Delay {
    pub fn new() -> Self {
        Delay {
            now_s: INITIAL_S,
            fixed_s: None,
        }
    }

    pub fn reset(&mut self) {
        self.now_s = self.fixed_s.unwrap_or(INITIAL_S);
    }

    pub fn seconds(&self) -> f64 {
        self.now_s
    }

    /// A value that is not finite is ignored.
    pub fn fix(&mut self, fixed_ms: Option<f32>) {
        match fixed_ms {
            None => self.fixed_s = None,
            Some(ms) if ms.is_finite() => {
                self.fixed_s = Some((f64::from(ms) * 1e-3).clamp(0.0, LONGEST_S));
            }
            Some(_) => {}
        }
    }

    pub fn step(&mut self, needed_s: Option<f64>, elapsed_s: f64) {
        let (target_s, rise, fall) = match (self.fixed_s, needed_s) {
            (Some(fixed_s), _) => (fixed_s, GLIDE_PER_S, GLIDE_PER_S),
            (None, Some(needed_s)) => (needed_s.min(LONGEST_S), RISE_PER_S, FALL_PER_S),
            (None, None) => return,
        };
        let way_s = (target_s - self.now_s).clamp(-fall * elapsed_s, rise * elapsed_s);
        self.now_s += way_s;
    }
}
