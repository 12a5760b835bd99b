//! A steady stream without stamps: its period is tracked, and each packet is given the time at which
//! it should have come.
//!
//! A loop that leans to the early side: packets that come early pull at once, late ones hardly, for
//! a network only delays. When all of a run of packets are late by a period, packets were lost. A network
//! that was seen to lose rather than to hold back is believed at the first packet that comes a period late:
//! the packet after it shows whether that was right (what was held back comes in a bunch).

use crate::units::HostTime;

/// Intervals that make the first estimate of the period.
const FIRST_INTERVALS: usize = 13;
/// After so many attempts, packets that come in bunches are taken as they are.
const MOST_UNEVEN: u32 = 4;
/// A late packet pulls with this time constant, an early one ten times as hard.
const LATE_TIME_S: f64 = 0.5;
const EARLY_TO_LATE: f64 = 10.0;
const MOST_PULL_LATE: f64 = 0.03;
const PULL_PERIOD: f64 = 0.02;
/// Packets, and seconds, that must all be late by a period before one is taken for lost.
const LATE_PACKETS: u32 = 6;
const LATE_FOR_S: f64 = 0.1;
/// A packet this many periods late is a question: were others lost, or was it held back?
const QUESTIONABLE: f64 = 0.7;
/// How fast the answers are learned, and from where on loss is taken for the rule.
const LEARN_LOSSY: f64 = 0.05;
const LOSSY: f64 = 0.7;
/// Intervals over which the rate is checked.
const RUN: u32 = 32;
/// An interval that is no more than this share off the usual one has no loss in it.
const USUAL: f64 = 0.6;
const LEARN_INTERVAL: f64 = 0.004;
/// Where this share of the intervals is usual, packets can be counted by their arrivals, and the period is not far from
/// the usual interval.
const COUNTABLE: f64 = 0.8;
const OFF: f64 = 0.04;
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
    began: bool,
    first_s: [f64; FIRST_INTERVALS],
    intervals: usize,
    /// Attempts at a period that were given up because packets came too unevenly, and the sum of what they told.
    uneven: (u32, f64),
    interval: Interval,
    /// Zero until enough packets have come.
    period_s: f64,
    time: HostTime,
    last_arrival: HostTime,
    /// The packets now being late in a row, since when, and the least of their lateness.
    late: u32,
    late_since: HostTime,
    least_late_s: f64,
    question: Option<Question>,
    /// How often a late packet meant loss, lately: 0 to 1.
    lossy: f64,
    /// Of the lost: those that a single late packet told of.
    presumed: u64,
    run: u32,
    run_start: HostTime,
    lost: u64,
}

/// From one packet to the next, where none was lost between them.
#[derive(Clone, Copy, Debug, Default)]
struct Interval {
    usual_s: f64,
    /// How many are usual: 0 to 1.
    share: f64,
}

/// A packet that came late, until the next one tells why.
#[derive(Clone, Copy, Debug)]
struct Question {
    arrival: HostTime,
    late_s: f64,
    /// Packets already taken for lost.
    presumed_lost: u64,
}

impl ArrivalClock {
    /// The time to give the packet that has just arrived: never later than its arrival.
    pub fn read(&mut self, arrival: HostTime) -> HostTime {
        let silence_s = arrival.seconds_since(self.last_arrival);
        self.last_arrival = arrival;
        if !self.began {
            self.begin();
            return arrival;
        }
        if self.period_s == 0.0 {
            self.learn(silence_s, arrival);
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
        self.learn_interval(silence_s);
        self.check_rate(arrival);
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

    fn begin(&mut self) {
        self.began = true;
        self.intervals = 0;
        self.period_s = 0.0;
        self.question = None;
        self.uneven = (0, 0.0);
    }

    fn resume(&mut self, arrival: HostTime) {
        self.time = arrival;
        self.late = 0;
        self.question = None;
        self.run = 0;
        self.run_start = arrival;
    }

    fn learn(&mut self, interval_s: f64, arrival: HostTime) {
        self.first_s[self.intervals] = interval_s;
        self.intervals += 1;
        if self.intervals < FIRST_INTERVALS {
            return;
        }
        self.first_s.sort_unstable_by(f64::total_cmp);
        let usual_s = self.first_s[FIRST_INTERVALS / 2];
        let mean_s = self.first_s.iter().sum::<f64>() / FIRST_INTERVALS as f64;
        if !(FASTEST_S..=SLOWEST_S).contains(&mean_s) {
            self.begin(); // Single events, not a stream.
            return;
        }
        // What had queued up before the port was open comes at once, and tells no period.
        let is_uneven = usual_s < 0.5 * mean_s;
        if is_uneven && self.uneven.0 < MOST_UNEVEN {
            let (attempts, sum_s) = self.uneven;
            self.begin();
            self.uneven = (attempts + 1, sum_s + mean_s);
            return;
        }
        let (attempts, sum_s) = self.uneven;
        self.period_s = match is_uneven {
            true => (sum_s + mean_s) / f64::from(attempts + 1),
            false => mean_s,
        };
        self.interval.usual_s = usual_s;
        self.resume(arrival);
    }

    /// With every tenth packet lost, the mean interval would pass for a slower sensor, and time would saw to and fro.
    fn learn_interval(&mut self, interval_s: f64) {
        let Interval { usual_s, share } = &mut self.interval;
        let off_s = interval_s - *usual_s;
        let is_usual = off_s.abs() < USUAL * *usual_s;
        if is_usual {
            *usual_s += LEARN_INTERVAL * off_s;
        }
        *share += LEARN_INTERVAL * (f64::from(u8::from(is_usual)) - *share);
        if *share > COUNTABLE && self.lossy > LOSSY {
            let (least, most) = (*usual_s * (1.0 - OFF), *usual_s * (1.0 + OFF));
            self.period_s = self.period_s.clamp(least, most);
        }
    }

    fn follow(&mut self, arrival: HostTime) {
        self.answer(arrival);
        let presumed_lost = self.presume(arrival);
        let predicted = self.time + (1 + presumed_lost) as f64 * self.period_s;
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
    }

    /// Packets to take for lost before this one, where this network loses rather than holds back.
    fn presume(&mut self, arrival: HostTime) -> u64 {
        let late_s = arrival.seconds_since(self.time + self.period_s);
        if late_s < -0.5 * self.period_s && self.presumed > 0 {
            // No packet comes before it is made: one was presumed lost that was not.
            self.take_back(1);
            return 0;
        }
        if late_s < QUESTIONABLE * self.period_s {
            return 0;
        }
        let presumed_lost = if self.interval.share > COUNTABLE && self.lossy > LOSSY {
            (late_s / self.period_s).round() as u64
        } else {
            0
        };
        self.lost += presumed_lost;
        self.presumed += presumed_lost;
        self.question = Some(Question {
            arrival,
            late_s,
            presumed_lost,
        });
        presumed_lost
    }

    /// Learns from the packet after a late one: what was held back is caught up with, a loss stays.
    fn answer(&mut self, arrival: HostTime) {
        let Some(question) = self.question.take() else {
            return;
        };
        let apart_s = arrival.seconds_since(question.arrival);
        let late_s = question.late_s + apart_s - self.period_s;
        let was_lost = apart_s > 0.5 * self.period_s && late_s > QUESTIONABLE * self.period_s;
        self.lossy += LEARN_LOSSY * (f64::from(u8::from(was_lost)) - self.lossy);
        if !was_lost {
            self.take_back(question.presumed_lost);
        }
    }

    fn take_back(&mut self, presumed_lost: u64) {
        self.time = self.time - presumed_lost as f64 * self.period_s;
        self.lost -= presumed_lost;
        self.presumed -= presumed_lost;
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
            self.begin();
        }
        self.run = 0;
        self.run_start = arrival;
    }
}

#[cfg(test)]
mod tests;
