//! When a reading was made, on the host's clock: from the device's own stamps where they can be
//! trusted, else from arrivals with the network's jitter taken out.
//!
//! A network only ever delays. So the best arrivals, not the mean, tell the offset between two
//! clocks: the smallest offset of each half second, and a line through those that shrugs off
//! outliers (Theil 1950, Sen 1968). Runs on the network thread; no allocation after `new`.

use std::collections::VecDeque;

use crate::units::{DeviceTime, HostTime};

const BLOCK_S: f64 = 0.5;
const BLOCKS: usize = 48;
/// Blocks before a drift is believed.
const BLOCKS_FOR_DRIFT: usize = 6;
/// Cheap resonators are off by up to half a per cent.
const MOST_DRIFT: f64 = 0.01;
/// A stamp this far ahead of its own arrival means that the device's clock was set.
const STEP_AHEAD_S: f64 = 0.02;
/// Half a second in which every packet is this late means the same, the other way.
const STEP_BEHIND_S: f64 = 0.1;
/// A packet cannot have been under way longer than this.
const LONGEST_DELAY_S: f64 = 1.0;
/// How fast a better fit is taken up, so that time never jumps.
const SETTLE_S: f64 = 1.0;

/// Where the time of a device's readings comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockSource {
    #[default]
    Arrival,
    Stamp,
}

/// One device's stamps, fitted to host time.
#[derive(Debug)]
pub struct DeviceClock {
    origin: Option<Origin>,
    /// Offset of host to device time: `intercept_s + drift * device time since the origin`.
    intercept_s: f64,
    drift: f64,
    blocks: VecDeque<Best>,
    block_start_s: f64,
    best: Option<Best>,
    /// What the last refit moved, fading.
    moved_s: f64,
    newest_s: f64,
    sanity: Sanity,
    steps: u64,
    slopes: Vec<f64>,
}

#[derive(Clone, Copy, Debug)]
struct Origin {
    host: HostTime,
    device: DeviceTime,
}

impl Origin {
    /// Device seconds and host seconds from here to there.
    fn since(self, there: Origin) -> (f64, f64) {
        (
            there.device.0 - self.device.0,
            there.host.seconds_since(self.host),
        )
    }
}

/// The arrival of a block that was least delayed.
#[derive(Clone, Copy, Debug)]
struct Best {
    device_s: f64,
    offset_s: f64,
}

/// Stamps are believed while they advance about as fast as time does.
#[derive(Clone, Copy, Debug, Default)]
struct Sanity {
    since: Option<(HostTime, DeviceTime)>,
    sane: bool,
}

impl Default for DeviceClock {
    fn default() -> Self {
        Self::new()
    }
}

impl DeviceClock {
    pub fn new() -> Self {
        DeviceClock {
            origin: None,
            intercept_s: 0.0,
            drift: 0.0,
            blocks: VecDeque::with_capacity(BLOCKS),
            block_start_s: 0.0,
            best: None,
            moved_s: 0.0,
            newest_s: f64::NEG_INFINITY,
            sanity: Sanity::default(),
            steps: 0,
            slopes: Vec::with_capacity(BLOCKS * BLOCKS / 2),
        }
    }

    /// The host time of a stamp that has just arrived; `None` while stamps cannot be trusted.
    pub fn read(&mut self, arrival: HostTime, stamp: DeviceTime) -> Option<HostTime> {
        if !stamp.0.is_finite() {
            return None;
        }
        let here = Origin {
            host: arrival,
            device: stamp,
        };
        let (device_s, arrival_s) = self.origin.get_or_insert(here).since(here);
        let ahead_s = self.predict_s(device_s) - arrival_s;
        let set_ahead =
            ahead_s > STEP_AHEAD_S && device_s >= self.newest_s && self.blocks.len() >= 2;
        if set_ahead || device_s < self.newest_s - LONGEST_DELAY_S {
            self.restart(here);
        }
        self.sanity.watch(arrival, stamp);
        let (device_s, arrival_s) = self.origin?.since(here);
        self.observe(Best {
            device_s,
            offset_s: arrival_s - device_s,
        });
        let origin = self.origin?;
        let (device_s, arrival_s) = origin.since(here);
        let time_s = self
            .predict_s(device_s)
            .clamp(arrival_s - LONGEST_DELAY_S, arrival_s);
        self.sanity.sane.then_some(origin.host + time_s)
    }

    pub fn source(&self) -> ClockSource {
        if self.sanity.sane {
            ClockSource::Stamp
        } else {
            ClockSource::Arrival
        }
    }

    /// How much faster than the host's the device's clock runs.
    pub fn drift_ppm(&self) -> f64 {
        -self.drift * 1e6
    }

    /// How often the device's clock was set or the device restarted.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    fn predict_s(&self, device_s: f64) -> f64 {
        device_s + self.intercept_s + self.drift * device_s + self.moved_s
    }

    fn advance(&mut self, device_s: f64) {
        let elapsed_s = (device_s - self.newest_s).clamp(0.0, SETTLE_S);
        self.moved_s *= 1.0 - elapsed_s / SETTLE_S;
        self.newest_s = self.newest_s.max(device_s);
    }

    /// A new start on the same crystal: the drift stays.
    fn restart(&mut self, origin: Origin) {
        self.origin = Some(origin);
        self.steps += 1;
        self.intercept_s = 0.0;
        self.moved_s = 0.0;
        self.blocks.clear();
        self.best = None;
        self.block_start_s = 0.0;
        self.newest_s = 0.0;
        self.sanity.since = None;
    }

    fn observe(&mut self, arrival: Best) {
        self.advance(arrival.device_s);
        if arrival.device_s - self.block_start_s >= BLOCK_S {
            if self.was_set_back() {
                return;
            }
            self.close_block();
            self.block_start_s = arrival.device_s;
        }
        let line = |best: Best| best.offset_s - self.drift * best.device_s;
        if self.best.is_none_or(|best| line(arrival) < line(best)) {
            self.best = Some(arrival);
        }
        // Until there is a fit, the least delayed packet so far is the best there is.
        if self.blocks.len() < BLOCKS_FOR_DRIFT {
            self.intercept_s = self.intercept_s.min(line(arrival));
        }
    }

    /// Begins anew when even the best packet of a block came impossibly late.
    fn was_set_back(&mut self) -> bool {
        let (Some(best), Some(origin)) = (self.best, self.origin) else {
            return false;
        };
        let late_s = best.offset_s + best.device_s - self.predict_s(best.device_s);
        if late_s <= STEP_BEHIND_S {
            return false;
        }
        let device = DeviceTime(origin.device.0 + self.newest_s);
        let host = origin.host + (self.newest_s + best.offset_s);
        self.restart(Origin { host, device });
        true
    }

    fn close_block(&mut self) {
        let Some(best) = self.best.take() else { return };
        if self.blocks.len() == BLOCKS {
            self.blocks.pop_front();
        }
        self.blocks.push_back(best);
        if self.blocks.len() >= BLOCKS_FOR_DRIFT {
            self.refit();
        }
    }

    fn refit(&mut self) {
        let before_s = self.predict_s(self.newest_s);
        self.slopes.clear();
        for (number, a) in self.blocks.iter().enumerate() {
            for b in self.blocks.iter().skip(number + 1) {
                let apart_s = b.device_s - a.device_s;
                if apart_s > 0.0 {
                    self.slopes.push((b.offset_s - a.offset_s) / apart_s);
                }
            }
        }
        self.drift = median(&mut self.slopes).clamp(-MOST_DRIFT, MOST_DRIFT);
        self.slopes.clear();
        let drift = self.drift;
        self.slopes.extend(
            self.blocks
                .iter()
                .map(|best| best.offset_s - drift * best.device_s),
        );
        self.intercept_s = median(&mut self.slopes);
        self.moved_s = 0.0;
        self.moved_s = before_s - self.predict_s(self.newest_s);
    }
}

impl Sanity {
    fn watch(&mut self, arrival: HostTime, stamp: DeviceTime) {
        let Some((host, device)) = self.since else {
            self.since = Some((arrival, stamp));
            return;
        };
        let elapsed_s = arrival.seconds_since(host);
        let window_s = if self.sane { 2.0 } else { 0.3 };
        if elapsed_s >= window_s {
            self.sane = (0.5..2.0).contains(&((stamp.0 - device.0) / elapsed_s));
            self.since = Some((arrival, stamp));
        }
    }
}

fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Jitter that repeats: mostly near nothing, now and then tens of milliseconds.
    fn delay_s(number: u64) -> f64 {
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        let unit = hash as f64 / (1 << 24) as f64;
        0.002 - 0.004 * (1.0 - unit).ln().max(-8.0)
    }

    /// Plays packets of a device whose clock runs by `drift`, and returns the errors of their times
    /// against the truth after `settle_s`, with the smallest delay taken as given.
    fn errors(
        clock: &mut DeviceClock,
        rate_hz: f64,
        drift: f64,
        seconds: f64,
        settle_s: f64,
    ) -> Vec<f64> {
        (0..(seconds * rate_hz) as u64)
            .filter_map(|number| {
                let truth_s = number as f64 / rate_hz;
                let device = DeviceTime(5_000.0 + truth_s * (1.0 + drift));
                let time = clock.read(HostTime(100.0 + truth_s + delay_s(number)), device);
                (truth_s > settle_s).then(|| time.unwrap().0 - 100.0 - truth_s)
            })
            .collect()
    }

    #[test]
    fn jitter_and_drift_are_taken_out() {
        for (rate_hz, drift) in [(20.0, 2e-4), (100.0, -2e-4), (1000.0, 2e-4), (100.0, 5e-3)] {
            let mut clock = DeviceClock::new();
            let errors = errors(&mut clock, rate_hz, drift, 60.0, 5.0);
            let (least, most) = errors
                .iter()
                .fold((f64::MAX, f64::MIN), |(least, most), &error| {
                    (least.min(error), most.max(error))
                });
            // 4 ms of mean jitter go in. What remains of it comes from the least delayed packet of half a second.
            assert!(
                least > 0.0 && most < 0.006 && most - least < 0.0025,
                "{rate_hz} Hz: {least}..{most}"
            );
            assert!(
                (clock.drift_ppm() - drift * 1e6).abs() < 60.0,
                "{} ppm",
                clock.drift_ppm()
            );
            assert_eq!(clock.steps(), 0);
        }
    }

    #[test]
    fn a_burst_that_comes_late_keeps_its_own_times() {
        let mut clock = DeviceClock::new();
        for number in 0..500 {
            let at_s = f64::from(number) * 0.01;
            clock.read(HostTime(at_s), DeviceTime(at_s));
        }
        // 80 ms of silence, then eight at once.
        for number in 500..508 {
            let at_s = f64::from(number) * 0.01;
            let time = clock.read(HostTime(5.08), DeviceTime(at_s)).unwrap();
            assert!((time.0 - at_s).abs() < 1e-3, "{time:?}");
        }
    }

    #[test]
    fn a_clock_that_is_set_is_followed() {
        for step_s in [-3600.0, -0.3, 0.3, 3600.0] {
            let mut clock = DeviceClock::new();
            let mut last_error_s = f64::NAN;
            for number in 0..2_000 {
                let at_s = f64::from(number) * 0.01;
                let step_s = if number < 1_000 { 0.0 } else { step_s };
                if let Some(time) = clock.read(HostTime(at_s), DeviceTime(50.0 + at_s + step_s)) {
                    assert!(time.0 <= at_s + 1e-9);
                    last_error_s = time.0 - at_s;
                }
            }
            assert!(last_error_s.abs() < 2e-3, "step {step_s}: {last_error_s}");
            assert_eq!(clock.steps(), 1, "step {step_s}");
        }
    }

    #[test]
    fn stamps_that_do_not_advance_with_time_are_not_believed() {
        // Stuck; microseconds taken for milliseconds; not numbers.
        for stamp in [|_| 7.0, |at_s: f64| at_s * 1000.0, |_| f64::NAN] {
            let mut clock = DeviceClock::new();
            for number in 0..500 {
                let at_s = f64::from(number) * 0.01;
                assert_eq!(clock.read(HostTime(at_s), DeviceTime(stamp(at_s))), None);
            }
            assert_eq!(clock.source(), ClockSource::Arrival);
        }
    }

    #[test]
    fn packets_out_of_order_get_their_own_times() {
        let mut clock = DeviceClock::new();
        for number in 0..1_000_u32 {
            let swapped = number ^ 1;
            let at_s = f64::from(swapped) * 0.01;
            let arrival = HostTime(f64::from(number) * 0.01 + 0.02);
            if let Some(time) = clock
                .read(arrival, DeviceTime(at_s))
                .filter(|_| number > 100)
            {
                assert!((time.0 - at_s - 0.01).abs() < 1e-3, "{time:?} {at_s}");
            }
        }
        assert_eq!(clock.steps(), 0);
    }
}
