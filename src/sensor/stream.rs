//! One kind of message of one device: its time, its rate, and what was lost of it.
//!
//! Losses are counted by the device's own numbers where it sends any, else by the holes in its stamps,
//! else as far as arrivals tell. Runs on the network thread.

use super::arrival::ArrivalClock;
use super::dialect::RowId;
use crate::units::{DeviceTime, HostTime};

/// One kind of message of one device.
#[derive(Debug)]
pub struct Stream {
    row: RowId,
    arrivals: ArrivalClock,
    stamps: StampGaps,
    sequence: Option<u64>,
    sequence_lost: u64,
    reordered: u64,
    mean_interval_s: f64,
    jitter_s: f64,
    delay_s: f64,
    last: Option<(HostTime, HostTime)>,
}

impl Stream {
    pub fn new(row: RowId) -> Self {
        Stream {
            row,
            arrivals: ArrivalClock::default(),
            stamps: StampGaps::default(),
            sequence: None,
            sequence_lost: 0,
            reordered: 0,
            mean_interval_s: 0.0,
            jitter_s: 0.0,
            delay_s: 0.0,
            last: None,
        }
    }

    pub fn read(
        &mut self,
        arrival: HostTime,
        stamped: Option<HostTime>,
        stamp: Option<DeviceTime>,
        sequence: Option<u64>,
    ) -> HostTime {
        let tracked = self.arrivals.read(arrival);
        let time = stamped.unwrap_or(tracked);
        let waited_s = self
            .last
            .map_or(0.0, |(last, _)| arrival.seconds_since(last));
        let out_of_order =
            stamped.is_some() && stamp.is_some_and(|stamp| self.stamps.read(stamp, waited_s));
        self.reordered += u64::from(out_of_order);
        if let Some(sequence) = sequence {
            self.follow(sequence);
        }
        if let Some((last_arrival, last_time)) = self.last {
            let interval_s = arrival.seconds_since(last_arrival);
            let weight = if self.mean_interval_s == 0.0 || interval_s > 2.0 {
                1.0
            } else {
                0.03
            };
            self.mean_interval_s += weight * (interval_s - self.mean_interval_s);
            let deviation_s = (interval_s - time.seconds_since(last_time)).abs();
            self.jitter_s += (deviation_s.min(1.0) - self.jitter_s) / 16.0;
            let held_up_s = arrival.seconds_since(time).clamp(0.0, 1.0);
            self.delay_s += (held_up_s - self.delay_s) / 16.0;
        }
        self.last = Some((arrival, time));
        time
    }

    fn follow(&mut self, sequence: u64) {
        let gap = self.sequence.and_then(|last| sequence.checked_sub(last));
        if let Some(missing @ 1..1000) = gap.map(|gap| gap.saturating_sub(1)) {
            self.sequence_lost += missing;
        }
        self.sequence = Some(sequence);
    }

    pub fn row(&self) -> RowId {
        self.row
    }

    /// Packets overtaken by a newer one.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Mean deviation of arrivals from an even stream (RFC 3550, 6.4.1).
    pub fn jitter_ms(&self) -> f32 {
        (self.jitter_s * 1e3) as f32
    }

    /// How much longer packets take than the quickest, on average.
    pub fn delay_ms(&self) -> f32 {
        (self.delay_s * 1e3) as f32
    }

    pub fn lost(&self) -> u64 {
        if self.sequence.is_some() {
            self.sequence_lost
        } else if self.stamps.is_settled() {
            self.stamps.lost
        } else {
            self.arrivals.lost()
        }
    }

    pub fn rate_hz(&self, now: HostTime) -> f64 {
        let silent = self
            .last
            .is_none_or(|(arrival, _)| now.seconds_since(arrival) > 2.0);
        if silent || self.mean_interval_s <= 0.0 {
            0.0
        } else {
            1.0 / self.mean_interval_s
        }
    }
}

/// Losses seen as holes in a device's own stamps.
#[derive(Clone, Copy, Debug, Default)]
struct StampGaps {
    newest: Option<DeviceTime>,
    period_s: f64,
    seen: u32,
    lost: u64,
}

impl StampGaps {
    /// Notes a stamp that came `waited_s` after the last; true if a newer one came before it.
    fn read(&mut self, stamp: DeviceTime, waited_s: f64) -> bool {
        /// A network holds packets back no longer: stamps that are further ahead of arrivals were set anew.
        const LONGEST_WAY_S: f64 = 0.5;
        let Some(newest) = self.newest else {
            self.newest = Some(stamp);
            return false;
        };
        let step_s = stamp.0 - newest.0;
        if (-1.0..=0.0).contains(&step_s) {
            let late = step_s < 0.0;
            self.lost = self.lost.saturating_sub(u64::from(late));
            return late;
        }
        self.newest = Some(stamp);
        if !(0.0..5.0).contains(&step_s) || step_s > waited_s + LONGEST_WAY_S {
            return false; // Set anew, or switched off.
        }
        self.seen = self.seen.saturating_add(1);
        if self.seen == 1 {
            self.period_s = step_s;
        }
        // Steps towards the median: a hole counts no more than an ordinary step.
        let pull = if self.is_settled() { 0.01 } else { 0.2 };
        let toward = (step_s - self.period_s).clamp(-pull * self.period_s, pull * self.period_s);
        self.period_s += toward;
        if self.is_settled() {
            self.lost += ((step_s / self.period_s).round() as u64).saturating_sub(1);
        }
        false
    }

    fn is_settled(&self) -> bool {
        self.seen > 30
    }
}
