//! Readings that come late, in parts, out of order or not at all → one joined reading per control tick.
//!
//! Every device has a history per quantity. A tick reads a little in the past (the playout delay), where readings
//! on both sides are known, and interpolates. Only stamps drive it: the same pushes and reads give the same result.
//! Audio thread and training; nothing allocates after `new`.

use super::TICK_S;
use super::quaternion::{quaternion_from, slerp};
use super::track::{Look, Track};
use crate::sensor::frame::AUX_COUNT;
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;

mod delay;
use delay::{Delay, Staleness};

/// How many devices are remembered at a time.
pub const DEVICE_CAPACITY: usize = 16;
/// A gap up to this long is bridged as if nothing were missing.
pub const BRIDGED_GAP_S: f64 = 0.1;
/// After a longer gap, freshness fades to nothing over this time.
pub const FADE_S: f64 = 0.4;
/// Freshness returns over this time.
const RETURN_S: f64 = 0.05;
/// Stamps that lie further back than this are stale; so many in a row mean that the clock stepped.
const STALE_S: f64 = 1.0;
const STALE_RUN: u32 = 8;
/// A device silent for this long gives its place to a new one when all are taken.
const FORGOTTEN_S: f64 = 30.0;
/// Larger readings are held to these: beyond any sensor, safe to square.
pub const LIMIT_ACCEL_M_PER_S2: f32 = 4000.0;
pub const LIMIT_RATE_RAD_PER_S: f32 = 200.0;
const LIMIT_OTHER: f32 = 1e6;

/// What went wrong on the way, since `new`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutCounters {
    /// Readings filed.
    pub readings: u64,
    /// Came after their moment had been played.
    pub late: u64,
    /// Gaps longer than two and a half periods, up to 100 ms, that were interpolated across.
    pub bridged: u64,
    /// Gaps longer than 100 ms.
    pub dropouts: u64,
    /// Fields dropped because a value was infinite or a quaternion had no length, and frames without a finite stamp.
    pub invalid: u64,
    /// Frames with a stamp over a second older than the newest: dropped until eight in a row show a clock step.
    pub stale: u64,
    /// Histories started again after a clock step.
    pub restarts: u64,
    /// Frames of a seventeenth device.
    pub crowded: u64,
}

/// A joined reading on the tick grid.
#[derive(Clone, Copy, Debug)]
pub struct Played {
    /// What the device measured at `frame.time`, the tick less the delay. Fields it never sent, or stopped sending
    /// while others go on, are NaN.
    pub frame: SensorFrame,
    /// 1 while readings arrive, falling to 0 from 100 to 500 ms after the last; 0 for an unknown device.
    pub freshness: f32,
}

#[derive(Clone, Debug)]
struct Device {
    id: Option<DeviceId>,
    accel: Track<3>,
    rate: Track<3>,
    mag: Track<3>,
    quaternion: Track<4>,
    linear: Track<3>,
    aux: [Track<1>; AUX_COUNT],
    newest_s: f64,
    stale_run: u32,
    played_s: f64,
    freshness: f32,
    /// Start of the gap last counted, so that each is counted once.
    counted_gap_s: f64,
    counted_dropout_s: f64,
    staleness: Staleness,
}

impl Device {
    fn new() -> Self {
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

    fn forget(&mut self, id: Option<DeviceId>) {
        self.id = id;
        self.freshness = 0.0;
        self.staleness.reset();
        self.restart();
    }

    fn restart(&mut self) {
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

    fn file(&mut self, frame: &SensorFrame, counters: &mut PlayoutCounters) {
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

    fn read(&mut self, time_s: f64, elapsed_s: f64, counters: &mut PlayoutCounters) -> Played {
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

/// The histories of up to [`DEVICE_CAPACITY`] devices and the delay they are read with.
#[derive(Clone, Debug)]
pub struct Playout {
    devices: Box<[Device]>,
    order: [DeviceId; DEVICE_CAPACITY],
    known: usize,
    delay: Delay,
    tick_s: f64,
    elapsed_s: f64,
    counters: PlayoutCounters,
}

impl Playout {
    pub fn new() -> Self {
        Playout {
            devices: (0..DEVICE_CAPACITY).map(|_| Device::new()).collect(),
            order: [DeviceId::default(); DEVICE_CAPACITY],
            known: 0,
            delay: Delay::new(),
            tick_s: f64::NEG_INFINITY,
            elapsed_s: 0.0,
            counters: PlayoutCounters::default(),
        }
    }

    /// Forgets every device; counters and a fixed delay stay.
    pub fn reset(&mut self) {
        self.devices.iter_mut().for_each(|d| d.forget(None));
        self.known = 0;
        self.tick_s = f64::NEG_INFINITY;
        self.delay.reset();
    }

    /// Files a reading, or a part of one.
    pub fn push(&mut self, frame: SensorFrame) {
        let time_s = frame.time.0;
        if !time_s.is_finite() {
            self.counters.invalid += 1;
            return;
        }
        let Some(slot) = self.slot_for(frame.device, time_s) else {
            self.counters.crowded += 1;
            return;
        };
        let device = &mut self.devices[slot];
        if time_s < device.newest_s - STALE_S {
            self.counters.stale += 1;
            device.stale_run += 1;
            if device.stale_run < STALE_RUN {
                return;
            }
            device.restart();
            self.counters.restarts += 1;
        }
        device.stale_run = 0;
        self.counters.readings += 1;
        if time_s < device.played_s {
            self.counters.late += 1;
        }
        device.file(&frame, &mut self.counters);
    }

    fn slot_of(&self, id: DeviceId) -> Option<usize> {
        self.devices.iter().position(|d| d.id == Some(id))
    }

    fn slot_for(&mut self, id: DeviceId, time_s: f64) -> Option<usize> {
        if let Some(slot) = self.slot_of(id) {
            return Some(slot);
        }
        let free = self.devices.iter().position(|d| d.id.is_none());
        let slot = free.or_else(|| {
            let forgotten = |d: &Device| d.newest_s + FORGOTTEN_S < time_s;
            self.devices.iter().position(forgotten)
        })?;
        if let Some(old) = self.devices[slot].id
            && let Some(at) = self.order[..self.known].iter().position(|d| *d == old)
        {
            self.order.copy_within(at + 1..self.known, at);
            self.known -= 1;
        }
        self.devices[slot].forget(Some(id));
        self.order[self.known] = id;
        self.known += 1;
        Some(slot)
    }

    /// The devices in order of their first reading.
    pub fn devices(&self) -> &[DeviceId] {
        &self.order[..self.known]
    }

    /// Stamp of a device's newest reading.
    pub fn newest(&self, device: DeviceId) -> Option<HostTime> {
        self.slot_of(device)
            .map(|slot| HostTime(self.devices[slot].newest_s))
    }

    /// Begins a tick: moves the delay. [`Playout::read`] does it by itself at the first read of a later time.
    pub fn advance(&mut self, time: HostTime) {
        let step_s = time.0 - self.tick_s;
        if step_s == 0.0 || !time.0.is_finite() {
            return;
        }
        self.tick_s = time.0;
        // A clock that went back or jumped is followed, and nothing is learnt from the jump.
        self.elapsed_s = if (0.0..=0.25).contains(&step_s) {
            step_s
        } else {
            TICK_S
        };
        for device in self.devices.iter_mut().filter(|d| d.id.is_some()) {
            device.staleness.observe(time.0 - device.newest_s);
        }
        let needed_s = self
            .devices
            .iter()
            .filter_map(|device| device.staleness.delay_s())
            .fold(None, |most: Option<f64>, delay_s| {
                Some(most.map_or(delay_s, |m| m.max(delay_s)))
            });
        self.delay.step(needed_s, self.elapsed_s);
    }

    /// What `device` measured at `time` less the delay. Reading twice at one time gives the same.
    pub fn read(&mut self, device: DeviceId, time: HostTime) -> Played {
        let time_s = if time.0.is_finite() {
            time.0
        } else {
            self.tick_s.max(0.0)
        };
        self.advance(HostTime(time_s));
        let playhead_s = time_s - self.delay.seconds();
        let Some(slot) = self.slot_of(device) else {
            return Played {
                frame: SensorFrame::empty(device, HostTime(playhead_s)),
                freshness: 0.0,
            };
        };
        let device = &mut self.devices[slot];
        let elapsed_s = if playhead_s > device.played_s || playhead_s < device.played_s - STALE_S {
            self.elapsed_s
        } else {
            0.0
        };
        if playhead_s < device.played_s - STALE_S {
            device.played_s = playhead_s;
        }
        device.read(playhead_s, elapsed_s, &mut self.counters)
    }

    /// The delay now in use, in seconds.
    pub fn delay_s(&self) -> f64 {
        self.delay.seconds()
    }

    /// Fixes the delay in ms (0 to 50), or lets it adapt with `None`. It glides there.
    pub fn set_delay(&mut self, fixed_ms: Option<f32>) {
        self.delay.fix(fixed_ms);
    }

    pub fn counters(&self) -> PlayoutCounters {
        self.counters
    }
}

impl Default for Playout {
    fn default() -> Self {
        Playout::new()
    }
}

#[cfg(test)]
mod tests;
