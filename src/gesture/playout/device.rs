//! One device's readings, joined: what it measured at any recent moment, and how fresh that is.

use super::delay::Staleness;
use super::{
    BRIDGED_GAP_S, FADE_S, LIMIT_ACCEL_M_PER_S2, LIMIT_RATE_RAD_PER_S, Played, PlayoutCounters,
};
use crate::gesture::quaternion::{quaternion_from, slerp};
use crate::gesture::track::{Look, Track};
use crate::sensor::frame::AUX_COUNT;
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;

/// Freshness returns over this time.
const RETURN_S: f64 = 0.05;
/// Magnetic field and user channels are held to this.
const LIMIT_OTHER: f32 = 1e6;

/// The histories of one device, one per quantity, and how they were read.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) id: Option<DeviceId>,
    accel: Track<3>,
    rate: Track<3>,
    mag: Track<3>,
    quaternion: Track<4>,
    linear: Track<3>,
    aux: [Track<1>; AUX_COUNT],
    pub(super) newest_s: f64,
    pub(super) stale_run: u32,
    pub(super) played_s: f64,
    freshness: f32,
    /// Start of the gap last counted, so that each is counted once.
    counted_gap_s: f64,
    counted_dropout_s: f64,
    pub(super) staleness: Staleness,
}

impl Device {
    pub(super) fn new() -> Self {
        Device {
            id: None,
            accel: Track::new(),
            rate: Track::new(),
            mag: Track::new(),
            quaternion: Track::new(),
            linear: Track::new(),
            aux: std::array::from_fn(|_| Track::new()),
            newest_s: f64::NEG_INFINITY,
            stale_run: 0,
            played_s: f64::NEG_INFINITY,
            freshness: 0.0,
            counted_gap_s: f64::NEG_INFINITY,
            counted_dropout_s: f64::NEG_INFINITY,
            staleness: Staleness::new(),
        }
    }

    pub(super) fn forget(&mut self, id: Option<DeviceId>) {
        self.id = id;
        self.freshness = 0.0;
        self.staleness.reset();
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        for track in [&mut self.accel, &mut self.rate, &mut self.mag] {
            track.reset();
        }
        self.quaternion.reset();
        self.linear.reset();
        self.aux.iter_mut().for_each(Track::reset);
        self.newest_s = f64::NEG_INFINITY;
        self.played_s = f64::NEG_INFINITY;
        self.counted_gap_s = f64::NEG_INFINITY;
        self.counted_dropout_s = f64::NEG_INFINITY;
        self.stale_run = 0;
    }

    pub(super) fn file(&mut self, frame: &SensorFrame, counters: &mut PlayoutCounters) {
        let time_s = frame.time.0;
        let invalid = &mut counters.invalid;
        file(
            &mut self.accel,
            time_s,
            frame.accel_m_per_s2,
            LIMIT_ACCEL_M_PER_S2,
            invalid,
        );
        file(
            &mut self.rate,
            time_s,
            frame.rate_rad_per_s,
            LIMIT_RATE_RAD_PER_S,
            invalid,
        );
        file(&mut self.mag, time_s, frame.mag_ut, LIMIT_OTHER, invalid);
        file(
            &mut self.linear,
            time_s,
            frame.linear_accel_m_per_s2,
            LIMIT_ACCEL_M_PER_S2,
            invalid,
        );
        for (track, value) in self.aux.iter_mut().zip(frame.aux) {
            file(track, time_s, [value], LIMIT_OTHER, invalid);
        }
        match quaternion_from(frame.quaternion) {
            Some(unit) => self.quaternion.push(time_s, unit.map(|v| v as f32)),
            None if frame.quaternion.iter().all(|v| v.is_nan()) => {}
            None => *invalid += 1,
        }
        self.newest_s = self.newest_s.max(time_s);
    }

    /// Where the playhead stands among the readings of motion, or of anything else where there is no motion:
    /// `(time of the reading before, the gap to the one after, if known, period)`.
    fn place(&self, time_s: f64) -> Option<(f64, Option<f64>, f64)> {
        let tracks = [
            place_in(&self.rate, time_s),
            place_in(&self.accel, time_s),
            place_in(&self.quaternion, time_s),
            place_in(&self.linear, time_s),
        ];
        let latest = |best: Option<(f64, Option<f64>, f64)>,
                      next: Option<(f64, Option<f64>, f64)>| {
            match (best, next) {
                (Some(b), Some(n)) if n.0 > b.0 => Some(n),
                (None, n) => n,
                (b, _) => b,
            }
        };
        let motion = tracks.into_iter().fold(None, latest);
        motion.or_else(|| {
            let aux = self.aux.iter().map(|track| place_in(track, time_s));
            aux.chain([place_in(&self.mag, time_s)]).fold(None, latest)
        })
    }

    pub(super) fn read(
        &mut self,
        time_s: f64,
        elapsed_s: f64,
        counters: &mut PlayoutCounters,
    ) -> Played {
        let place = self.place(time_s);
        let (before_s, target) = match place {
            None => (time_s, 0.0),
            Some((before_s, gap, period_s)) => {
                let age_s = match gap {
                    Some(gap_s) if gap_s <= BRIDGED_GAP_S => {
                        self.count_bridge(before_s, gap_s, period_s, counters);
                        0.0
                    }
                    _ => time_s - before_s,
                };
                if age_s > BRIDGED_GAP_S && self.counted_dropout_s < before_s {
                    self.counted_dropout_s = before_s;
                    counters.dropouts += 1;
                }
                let faded = (age_s - BRIDGED_GAP_S).max(0.0) / FADE_S;
                (before_s, 1.0 - faded.min(1.0))
            }
        };
        let rise = (elapsed_s / RETURN_S) as f32;
        self.freshness = (target as f32).min(self.freshness + rise);
        self.played_s = self.played_s.max(time_s);
        Played {
            frame: self.join(time_s, before_s),
            freshness: self.freshness,
        }
    }

    fn count_bridge(
        &mut self,
        before_s: f64,
        gap_s: f64,
        period_s: f64,
        counters: &mut PlayoutCounters,
    ) {
        if gap_s > 2.5 * period_s && gap_s > 0.015 && self.counted_gap_s < before_s {
            self.counted_gap_s = before_s;
            counters.bridged += 1;
        }
    }

    fn join(&self, time_s: f64, fresh_s: f64) -> SensorFrame {
        let id = self.id.unwrap_or_default();
        let mut frame = SensorFrame::empty(id, HostTime(time_s));
        frame.accel_m_per_s2 = at(&self.accel, time_s, fresh_s);
        frame.rate_rad_per_s = at(&self.rate, time_s, fresh_s);
        frame.mag_ut = at(&self.mag, time_s, f64::NEG_INFINITY);
        frame.linear_accel_m_per_s2 = at(&self.linear, time_s, fresh_s);
        frame.quaternion = turned_at(&self.quaternion, time_s, fresh_s);
        for (value, track) in frame.aux.iter_mut().zip(&self.aux) {
            // Buttons and battery levels are sent when they change: they stand until then.
            if let Look::Between(last, _) | Look::After(last) | Look::Before(last) =
                track.look(time_s)
            {
                *value = last.values[0];
            }
        }
        frame
    }
}

fn file<const N: usize>(
    track: &mut Track<N>,
    time_s: f64,
    values: [f32; N],
    limit: f32,
    invalid: &mut u64,
) {
    if values.iter().any(|v| v.is_infinite()) {
        *invalid += 1;
    } else if values.iter().any(|v| !v.is_nan()) {
        track.push(time_s, values.map(|v| v.clamp(-limit, limit)));
    }
}

fn place_in<const N: usize>(track: &Track<N>, time_s: f64) -> Option<(f64, Option<f64>, f64)> {
    match track.look(time_s) {
        Look::Nothing | Look::Before(_) => None,
        Look::Between(a, b) => Some((a.time_s, Some(b.time_s - a.time_s), track.period_s)),
        Look::After(a) => Some((a.time_s, None, track.period_s)),
    }
}

/// A quantity that stopped `FADE_S + BRIDGED_GAP_S` before the device's other readings is no longer sent.
fn is_current(before_s: f64, fresh_s: f64) -> bool {
    before_s + FADE_S + BRIDGED_GAP_S >= fresh_s
}

fn at<const N: usize>(track: &Track<N>, time_s: f64, fresh_s: f64) -> [f32; N] {
    match track.look(time_s) {
        Look::Before(a) => a.values,
        Look::After(a) if is_current(a.time_s, fresh_s) => a.values,
        Look::Between(a, b) if b.time_s - a.time_s <= BRIDGED_GAP_S => {
            let amount = ((time_s - a.time_s) / (b.time_s - a.time_s)) as f32;
            std::array::from_fn(|i| a.values[i] + (b.values[i] - a.values[i]) * amount)
        }
        Look::Between(a, _) if is_current(a.time_s, fresh_s) => a.values,
        _ => [f32::NAN; N],
    }
}

fn turned_at(track: &Track<4>, time_s: f64, fresh_s: f64) -> [f32; 4] {
    if let Look::Between(a, b) = track.look(time_s)
        && b.time_s - a.time_s <= BRIDGED_GAP_S
        && let (Some(from), Some(to)) = (quaternion_from(a.values), quaternion_from(b.values))
    {
        let amount = (time_s - a.time_s) / (b.time_s - a.time_s);
        return slerp(from, to, amount).map(|v| v as f32);
    }
    at(track, time_s, fresh_s)
}
