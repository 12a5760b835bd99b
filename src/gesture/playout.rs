//! Readings that come late, in parts, out of order or not at all → one joined reading per control tick.
//!
//! Every device has a history per quantity. A tick reads a little in the past (the playout delay), where readings
//! on both sides are known, and interpolates. Only stamps drive it: the same pushes and reads give the same result.
//! Audio thread and training; nothing allocates after `new`.

use super::TICK_S;
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;

mod delay;
mod device;
use delay::Delay;
use device::Device;

/// How many devices are remembered at a time.
pub const DEVICE_CAPACITY: usize = 16;
/// A gap up to this long is bridged as if nothing were missing.
pub const BRIDGED_GAP_S: f64 = 0.1;
/// After a longer gap, freshness fades to nothing over this time.
pub const FADE_S: f64 = 0.4;
/// Stamps that lie further back than this are stale; so many in a row mean that the clock stepped.
const STALE_S: f64 = 1.0;
const STALE_RUN: u32 = 8;
/// A device silent for this long gives its place to a new one when all are taken.
const FORGOTTEN_S: f64 = 30.0;
/// Larger readings are held to these: beyond any sensor, safe to square.
pub const LIMIT_ACCEL_M_PER_S2: f32 = 4000.0;
pub const LIMIT_RATE_RAD_PER_S: f32 = 200.0;

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
