//! Audio samples → host time: a delay-locked loop over the jittery moments at which the host calls.
//!
//! After Fons Adriaensen, "Using a DLL to filter time" (2005). Live, the samples of a block stand for the time that
//! has just passed: the last one is *now*, so every sensor reading they need has had its chance to arrive. Offline,
//! time is exactly the anchor plus samples / rate, whatever the wall clock does. Audio thread.

use crate::units::HostTime;

/// Bandwidth of the loop: settles in about half a second.
const BANDWIDTH_HZ: f64 = 0.5;
/// Beyond this the host has stopped, or skipped: no filtering, a new anchor. Hosts that render ahead in bursts
/// (up to 200 ms) stay within.
const REANCHOR_S: f64 = 0.25;
/// No sound card is further off its nominal rate.
const LARGEST_DRIFT: f64 = 0.01;

/// The clock of one stream of audio blocks.
#[derive(Clone, Copy, Debug)]
pub struct HostClock {
    nominal_s: f64,
    /// Filtered seconds per sample.
    period_s: f64,
    start: HostTime,
    end: HostTime,
    frames: usize,
    now: HostTime,
    anchor: HostTime,
    /// Samples since the anchor up to the start of this block.
    samples: u64,
    mode: Mode,
    reanchored: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Idle,
    Live,
    Offline,
}

impl HostClock {
    pub fn new(sample_rate_hz: f64) -> Self {
        let rate_hz = if sample_rate_hz.is_finite() && sample_rate_hz >= 1.0 {
            sample_rate_hz
        } else {
            48_000.0
        };
        HostClock {
            nominal_s: 1.0 / rate_hz,
            period_s: 1.0 / rate_hz,
            start: HostTime(0.0),
            end: HostTime(0.0),
            frames: 0,
            now: HostTime(0.0),
            anchor: HostTime(0.0),
            samples: 0,
            mode: Mode::Idle,
            reanchored: 0,
        }
    }

    /// The next block anchors anew.
    pub fn reset(&mut self) {
        self.period_s = self.nominal_s;
        self.mode = Mode::Idle;
    }

    /// Tells the clock that the host, at `now`, asks for `frames` samples. Zero frames change nothing. A `now` that
    /// is not finite is coasted over. Entering or leaving `offline` anchors anew.
    ///
    /// Live: blocks follow on one another without a step, except when the clock is off by more than 250 ms (xrun,
    /// a stopped transport): then this block ends at `now`, and time may have jumped either way.
    ///
    /// Offline: the first block starts at its `now`, and from there only samples count, so that any partition into
    /// blocks gives the same times. The render may run ahead of the wall clock: see [`HostClock::sensor_time_of`].
    pub fn block(&mut self, now: HostTime, frames: usize, offline: bool) {
        if frames == 0 {
            return;
        }
        let is_first = self.mode != if offline { Mode::Offline } else { Mode::Live };
        let now = if now.0.is_finite() {
            now
        } else {
            self.end + frames as f64 * self.period_s
        };
        if offline {
            self.block_offline(now, frames, is_first);
        } else {
            self.block_live(now, frames, is_first);
        }
        self.frames = frames;
        self.now = now;
    }

    fn block_offline(&mut self, now: HostTime, frames: usize, is_first: bool) {
        if is_first {
            self.mode = Mode::Offline;
            self.anchor = now;
            self.samples = 0;
        } else {
            self.samples = self.samples.saturating_add(self.frames as u64);
        }
        self.start = self.anchor + self.samples as f64 * self.nominal_s;
        self.end = self.anchor + (self.samples + frames as u64) as f64 * self.nominal_s;
    }

    fn block_live(&mut self, now: HostTime, frames: usize, is_first: bool) {
        let length_s = frames as f64 * self.period_s;
        let error_s = now.seconds_since(self.end + length_s);
        if is_first || error_s.abs() > REANCHOR_S {
            self.reanchored += u64::from(!is_first);
            self.mode = Mode::Live;
            self.period_s = self.nominal_s;
            self.end = now;
            self.start = now - frames as f64 * self.nominal_s;
            return;
        }
        let omega = (std::f64::consts::TAU * BANDWIDTH_HZ * length_s).min(0.5);
        let step_s = (std::f64::consts::SQRT_2 * omega * error_s).clamp(-0.5 * length_s, length_s);
        self.start = self.end;
        self.end = self.end + (length_s + step_s);
        let period_s = self.period_s + omega * omega * error_s / frames as f64;
        let drift_s = LARGEST_DRIFT * self.nominal_s;
        self.period_s = period_s.clamp(self.nominal_s - drift_s, self.nominal_s + drift_s);
    }

    /// Host time of a sample of this block. Rises with the offset, and from block to block where nothing was
    /// anchored anew.
    pub fn time_of(&self, sample_offset_in_block: usize) -> HostTime {
        if self.mode == Mode::Offline {
            let samples = self.samples + sample_offset_in_block as u64;
            return self.anchor + samples as f64 * self.nominal_s;
        }
        let share = sample_offset_in_block as f64 / self.frames.max(1) as f64;
        self.start + share * self.end.seconds_since(self.start)
    }

    /// The same, but never ahead of the clock that stamps live sensors: a host that renders faster than time asks
    /// for moments that have not happened, and then the sensors hold their last reading instead of fading out.
    pub fn sensor_time_of(&self, sample_offset_in_block: usize) -> HostTime {
        let time = self.time_of(sample_offset_in_block);
        if time > self.now { self.now } else { time }
    }

    /// The sample rate against the clock that stamps sensors, in Hz.
    pub fn measured_rate_hz(&self) -> f64 {
        1.0 / self.period_s
    }

    /// How often the clock was off by more than 250 ms.
    pub fn reanchored(&self) -> u64 {
        self.reanchored
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Deterministic noise in 0 to 1.
    fn noise(state: &mut u32) -> f64 {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(*state >> 8) / f64::from(1u32 << 24)
    }

    /// Runs callbacks of `frames` at a true rate with one-sided jitter; returns the worst error of the block's end
    /// after settling, its mean removed, and the clock.
    fn run(frames: usize, true_rate_hz: f64, jitter_s: f64, seconds: f64) -> (f64, HostClock) {
        let mut clock = HostClock::new(48_000.0);
        let (mut state, mut errors) = (1, Vec::new());
        let blocks = (seconds * true_rate_hz / frames as f64) as usize;
        for block in 1..=blocks {
            let truth_s = 100.0 + (block * frames) as f64 / true_rate_hz;
            let now = HostTime(truth_s + jitter_s * noise(&mut state));
            let before = clock.end;
            clock.block(now, frames, false);
            if block > 1 {
                assert_eq!(clock.time_of(0), before, "a step between blocks");
                assert!(clock.time_of(frames) > clock.time_of(0));
            }
            if block > blocks / 2 {
                errors.push(clock.time_of(frames).0 - truth_s);
            }
        }
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        let worst = errors.iter().fold(0.0f64, |w, e| w.max((e - mean).abs()));
        assert!(mean >= -1e-4 && mean <= jitter_s + 1e-4, "mean {mean}");
        (worst, clock)
    }

    #[test]
    fn jitter_of_callbacks_is_smoothed() {
        for frames in [64, 480, 2048] {
            let (worst, clock) = run(frames, 48_000.0, 0.004, 30.0);
            println!(
                "block {frames}: 4 ms of callback jitter leave {:.3} ms",
                worst * 1e3
            );
            assert!(worst < 0.001_6, "{frames}: {worst}");
            assert_eq!(clock.reanchored(), 0);
        }
    }

    #[test]
    fn drift_of_the_sound_card_is_followed() {
        let true_rate_hz = 48_000.0 * (1.0 + 300e-6);
        let (worst, clock) = run(256, true_rate_hz, 0.0, 30.0);
        assert!(worst < 1e-5, "{worst}");
        assert!((clock.measured_rate_hz() / true_rate_hz - 1.0).abs() < 5e-6);
    }

    #[test]
    fn an_xrun_anchors_anew_and_counts() {
        let (_, mut clock) = run(256, 48_000.0, 0.001, 5.0);
        let late = clock.end + 0.8;
        clock.block(late, 256, false);
        assert_eq!(clock.time_of(256), late);
        assert_eq!(clock.reanchored(), 1);
        clock.block(late + 256.0 / 48_000.0, 256, false);
        assert!((clock.time_of(0).0 - late.0).abs() < 1e-9);
        // And back, as after a suspended machine whose clock was set.
        clock.block(HostTime(1.0), 256, false);
        assert_eq!(clock.time_of(256), HostTime(1.0));
        assert_eq!(clock.reanchored(), 2);
    }

    #[test]
    fn offline_time_is_samples_over_rate_for_any_partition() {
        let mut whole = HostClock::new(44_100.0);
        whole.block(HostTime(5.0), 44_100, true);
        let mut split = HostClock::new(44_100.0);
        let mut at = 0;
        for frames in [1, 17, 64, 511, 4096, 10_000].into_iter().cycle() {
            let frames = frames.min(44_100 - at);
            if frames == 0 {
                break;
            }
            // The wall clock hardly moves: the render is faster than time.
            split.block(HostTime(5.0 + at as f64 * 1e-7), frames, true);
            assert_eq!(split.time_of(0), whole.time_of(at));
            assert_eq!(split.time_of(frames - 1), whole.time_of(at + frames - 1));
            assert!(split.sensor_time_of(frames - 1) <= HostTime(5.0 + at as f64 * 1e-7));
            at += frames;
        }
        assert_eq!(split.time_of(split.frames), HostTime(6.0));
    }

    #[test]
    fn bounce_and_back_to_live() {
        let mut clock = HostClock::new(48_000.0);
        clock.block(HostTime(1.0), 480, false);
        clock.block(HostTime(1.01), 480, true);
        assert_eq!(clock.time_of(0), HostTime(1.01));
        clock.block(HostTime(2.0), 480, false);
        assert_eq!(clock.time_of(480), HostTime(2.0));
        assert_eq!(clock.reanchored(), 0);
    }

    #[test]
    fn senseless_input_gives_finite_times() {
        let mut clock = HostClock::new(f64::NAN);
        for now in [f64::NAN, 1.0, f64::INFINITY, -1e300, 1e300, 0.0, f64::NAN] {
            for frames in [0, 1, usize::MAX >> 20] {
                clock.block(HostTime(now), frames, now == 1.0);
                assert!(clock.time_of(frames).0.is_finite());
                assert!(clock.sensor_time_of(0).0.is_finite());
            }
        }
    }
}
