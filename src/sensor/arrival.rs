//! A steady stream without stamps: its period is tracked, and each packet is given the time at which
//! it should have come.
//!
//! A loop that leans to the early side: packets that come early pull at once, late ones hardly, for
//! a network only delays. When all of a run of packets are late by a period, packets were lost.

use crate::units::HostTime;

/// Intervals that make the first estimate of the period.
const FIRST_INTERVALS: u32 = 12;
/// A late packet pulls with this time constant, an early one ten times as hard.
const LATE_TIME_S: f64 = 0.5;
const EARLY_TO_LATE: f64 = 10.0;
const MOST_PULL_LATE: f64 = 0.03;
const PULL_PERIOD: f64 = 0.02;
/// Packets, and seconds, that must all be late by a period before one is taken for lost.
const LATE_PACKETS: u32 = 6;
const LATE_FOR_S: f64 = 0.1;
/// Intervals over which the rate is checked.
const RUN: u32 = 32;
/// A silence after which the stream begins anew, its period kept.
const SILENCE_S: f64 = 0.25;
/// A silence this long is no loss: the sensor was off.
const SWITCHED_OFF_S: f64 = 5.0;
/// Seconds from packet to packet of the fastest sensor. A burst that a busy machine hands over at once is no stream:
/// taken for one, every pause after it would look like thousands of packets lost.
const FASTEST_S: f64 = 4e-4;
const SLOWEST_S: f64 = 0.5;

/// The time of the packets of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct ArrivalClock {
    first: Option<HostTime>,
    intervals: u32,
    /// Zero until enough packets have come.
    period_s: f64,
    time: HostTime,
    last_arrival: HostTime,
    /// The packets now being late in a row, since when, and the least of their lateness.
    late: u32,
    late_since: HostTime,
    least_late_s: f64,
    run: u32,
    run_start: HostTime,
    lost: u64,
}

impl ArrivalClock {
    /// The time to give the packet that has just arrived: never later than its arrival.
    pub fn read(&mut self, arrival: HostTime) -> HostTime {
        let silence_s = arrival.seconds_since(self.last_arrival);
        self.last_arrival = arrival;
        let Some(first) = self.first else {
            self.begin(arrival);
            return arrival;
        };
        if self.period_s == 0.0 {
            self.learn(first, arrival);
            return arrival;
        }
        if silence_s > SILENCE_S.max(8.0 * self.period_s) {
            if silence_s < SWITCHED_OFF_S {
                self.lost += (silence_s / self.period_s).round() as u64 - 1;
            }
            self.resume(arrival);
            return arrival;
        }
        self.follow(arrival);
        self.time
    }

    /// Seconds from packet to packet; zero while unknown.
    pub fn period_s(&self) -> f64 {
        self.period_s
    }

    /// Packets that must have been lost, as far as arrivals can tell.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn begin(&mut self, arrival: HostTime) {
        self.first = Some(arrival);
        self.intervals = 0;
        self.period_s = 0.0;
    }

    fn resume(&mut self, arrival: HostTime) {
        self.time = arrival;
        self.late = 0;
        self.run = 0;
        self.run_start = arrival;
    }

    fn learn(&mut self, first: HostTime, arrival: HostTime) {
        self.intervals += 1;
        if self.intervals < FIRST_INTERVALS {
            return;
        }
        let mean_s = arrival.seconds_since(first) / f64::from(self.intervals);
        if !(FASTEST_S..=SLOWEST_S).contains(&mean_s) {
            self.begin(arrival); // Single events, not a stream.
            return;
        }
        self.period_s = mean_s;
        self.resume(arrival);
    }

    fn follow(&mut self, arrival: HostTime) {
        let predicted = self.time + self.period_s;
        let late_s = arrival.seconds_since(predicted);
        let pull_late = (self.period_s / LATE_TIME_S).min(MOST_PULL_LATE);
        let pull_s = late_s
            * if late_s < 0.0 {
                EARLY_TO_LATE * pull_late
            } else {
                pull_late
            };
        // Not beyond the arrival; the period must feel that too, or it creeps upwards.
        let pull_s = pull_s.min(late_s);
        self.period_s += PULL_PERIOD * pull_s;
        self.time = predicted + pull_s;
        self.count_missing(arrival, late_s);
        self.check_rate(arrival);
    }

    fn count_missing(&mut self, arrival: HostTime, late_s: f64) {
        if late_s < 0.6 * self.period_s {
            self.late = 0;
            return;
        }
        if self.late == 0 {
            (self.late_since, self.least_late_s) = (arrival, late_s);
        }
        self.late += 1;
        self.least_late_s = self.least_late_s.min(late_s);
        if self.late >= LATE_PACKETS && arrival.seconds_since(self.late_since) >= LATE_FOR_S {
            let missing = (self.least_late_s / self.period_s).round().max(1.0);
            let time = self.time + missing * self.period_s;
            self.time = if time > arrival { arrival } else { time };
            self.lost += missing as u64;
            self.late = 0;
        }
    }

    /// Learns a rate anew when it was changed.
    fn check_rate(&mut self, arrival: HostTime) {
        self.run += 1;
        if self.run < RUN {
            return;
        }
        let mean_s = arrival.seconds_since(self.run_start) / f64::from(RUN);
        if !(0.6 * self.period_s..2.5 * self.period_s).contains(&mean_s) {
            self.begin(arrival);
        }
        self.run = 0;
        self.run_start = arrival;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(number: u64) -> f64 {
        let hash = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        hash as f64 / (1 << 24) as f64
    }

    fn spread(errors: &[f64]) -> f64 {
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        (errors
            .iter()
            .map(|error| (error - mean).powi(2))
            .sum::<f64>()
            / errors.len() as f64)
            .sqrt()
    }

    #[test]
    fn jitter_is_taken_out_of_a_steady_stream() {
        for rate_hz in [20.0, 100.0, 200.0, 1000.0] {
            let mut clock = ArrivalClock::default();
            let (mut jittered, mut read) = (Vec::new(), Vec::new());
            let mut arrival_s = 0.0_f64;
            for number in 0..(30.0 * rate_hz) as u64 {
                let truth_s = number as f64 / rate_hz;
                let delay_s = 0.001 - 0.003 * (1.0 - unit(number)).ln().max(-6.0);
                arrival_s = arrival_s.max(truth_s + delay_s);
                let time = clock.read(HostTime(arrival_s));
                assert!(time.0 <= arrival_s);
                if truth_s > 10.0 {
                    jittered.push(arrival_s - truth_s);
                    read.push(time.0 - truth_s);
                }
            }
            assert!(
                spread(&read) < 0.4 * spread(&jittered),
                "{rate_hz} Hz: {} of {}",
                spread(&read),
                spread(&jittered)
            );
            assert!(
                (clock.period_s() * rate_hz - 1.0).abs() < 0.02,
                "{rate_hz} Hz: {}",
                clock.period_s()
            );
            assert_eq!(clock.lost(), 0);
        }
    }

    #[test]
    fn a_silence_is_counted_and_the_stream_goes_on() {
        let mut clock = ArrivalClock::default();
        let mut last = (0.0, HostTime(0.0));
        for number in (0..500).chain(600..1_000) {
            let at_s = f64::from(number) * 0.01;
            last = (at_s, clock.read(HostTime(at_s)));
        }
        assert_eq!(clock.lost(), 100);
        assert!((last.1.0 - last.0).abs() < 1e-3);
    }

    #[test]
    fn single_losses_are_counted() {
        let mut clock = ArrivalClock::default();
        for number in (0..10_000).filter(|number| number % 100 != 50) {
            clock.read(HostTime(f64::from(number) * 0.01));
        }
        assert!((95..=100).contains(&clock.lost()), "{}", clock.lost());
    }

    #[test]
    fn a_rate_that_is_changed_is_learned_anew() {
        let mut clock = ArrivalClock::default();
        let slow = (0..300).map(|number| f64::from(number) * 0.02);
        let fast = (0..1_000).map(|number| 6.0 + f64::from(number) * 0.005);
        for at_s in slow.chain(fast) {
            clock.read(HostTime(at_s));
        }
        assert!(
            (clock.period_s() - 0.005).abs() < 1e-4,
            "{}",
            clock.period_s()
        );
    }

    #[test]
    fn buttons_pressed_at_will_keep_their_arrivals() {
        let mut clock = ArrivalClock::default();
        let mut at_s = 0.0;
        for number in 0..200 {
            at_s += 0.6 + 3.0 * unit(number);
            assert_eq!(clock.read(HostTime(at_s)), HostTime(at_s));
        }
    }
}
