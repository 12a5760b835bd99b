//! A steady stream without stamps: its period is tracked, and each packet is given the time at which
//! it should have come.
//!
//! A loop that leans to the early side: packets that come early pull at once, late ones hardly, for
//! a network only delays. When all of a run of packets are late by a period, packets were lost.

use crate::units::HostTime;

/// Intervals that make the first estimate of the period.
const FIRST_INTERVALS: u32 = 12;
const PULL_EARLY: f64 = 0.2;
const PULL_LATE: f64 = 0.02;
const PULL_PERIOD: f64 = 0.02;
/// Packets whose least lateness tells whether some were lost before them.
const RUN: u32 = 16;
/// A silence after which the stream begins anew, its period kept.
const SILENCE_S: f64 = 0.25;
/// A silence this long is no loss: the sensor was off.
const SWITCHED_OFF_S: f64 = 5.0;
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
    run: u32,
    least_late_s: f64,
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
        self.run = 0;
        self.run_start = arrival;
    }

    fn learn(&mut self, first: HostTime, arrival: HostTime) {
        self.intervals += 1;
        if self.intervals < FIRST_INTERVALS {
            return;
        }
        let mean_s = arrival.seconds_since(first) / f64::from(self.intervals);
        if mean_s > SLOWEST_S || mean_s < 1e-5 {
            self.begin(arrival); // Single events, not a stream.
            return;
        }
        self.period_s = mean_s;
        self.resume(arrival);
    }

    fn follow(&mut self, arrival: HostTime) {
        let predicted = self.time + self.period_s;
        let late_s = arrival.seconds_since(predicted);
        let pull_s = late_s * if late_s < 0.0 { PULL_EARLY } else { PULL_LATE };
        let time = predicted + pull_s;
        self.time = if time > arrival { arrival } else { time };
        self.period_s += PULL_PERIOD * pull_s;
        self.watch(arrival, late_s);
    }

    fn watch(&mut self, arrival: HostTime, late_s: f64) {
        self.least_late_s = if self.run == 0 {
            late_s
        } else {
            self.least_late_s.min(late_s)
        };
        self.run += 1;
        if self.run < RUN {
            return;
        }
        let mean_s = arrival.seconds_since(self.run_start) / f64::from(RUN);
        let missing = (self.least_late_s / self.period_s).round();
        if missing >= 1.0 {
            self.time = self.time + missing * self.period_s;
            self.lost += missing as u64;
        }
        // A rate that was changed: learn it anew.
        if !(0.6 * self.period_s..2.5 * self.period_s).contains(&mean_s) {
            self.begin(arrival);
        }
        self.run = 0;
        self.run_start = arrival;
    }
}
