//! The devices that one port hears: who they are, and how well they are heard.
//!
//! A device is its sender's address and the id in its OSC address. Where it sends no id, two senders
//! on one host are told apart by port, but only once both are seen to speak at the same time: an app
//! that is restarted, or that opens a new port for every packet, stays one device.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use parking_lot::Mutex;

use super::assembly::Assembly;
use super::clock::{ClockSource, DeviceClock};
use super::dialect::RowId;
use super::frame::{DeviceId, SensorFrame};
use super::stream::Stream;
use crate::units::{DeviceTime, HostTime};

/// Devices that one port keeps; a silent one makes room for a new one.
const MOST_DEVICES: usize = 64;
const SILENT_AFTER_S: f64 = 30.0;
/// Names that one process hands out: hostile senders could make up new ones for ever.
const MOST_NAMED_DEVICES: usize = 8192;
const MOST_STREAMS: usize = 48;
/// Two ports heard in turn within this time are two senders.
const SAME_TIME_S: f64 = 1.0;

/// What is shown of a device.
#[derive(Clone, Debug)]
pub struct DeviceStatus {
    pub id: DeviceId,
    pub name: String,
    pub profile: String,
    pub sender: SocketAddr,
    /// Frames per second of the message it sends most often; 0 once it has fallen silent.
    pub rate_hz: f32,
    pub frames: u64,
    /// Packets that never came, by the device's own count or stamps, else as far as arrivals tell.
    pub lost: u64,
    pub reordered: u64,
    /// Mean deviation of arrivals from an even stream (RFC 3550, 6.4.1).
    pub jitter_ms: f32,
    /// How much longer its readings take than the quickest of them, on average. The quickest way itself cannot be told
    /// from one end.
    pub delay_ms: f32,
    pub clock: ClockSource,
    pub drift_ppm: f32,
    pub last_seen: HostTime,
    /// Its newest reading.
    pub latest: SensorFrame,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    ip: IpAddr,
    id: String,
    /// Counts senders without an id on one host.
    ordinal: u16,
}

/// The number of a device is the same on every port of the process.
fn number_of(key: &Key) -> Option<DeviceId> {
    static NUMBERS: Mutex<Option<HashMap<Key, DeviceId>>> = Mutex::new(None);
    let mut numbers = NUMBERS.lock();
    let numbers = numbers.get_or_insert_default();
    if let Some(number) = numbers.get(key) {
        return Some(*number);
    }
    if numbers.len() >= MOST_NAMED_DEVICES {
        return None;
    }
    let number = DeviceId(numbers.len() as u16);
    numbers.insert(key.clone(), number);
    Some(number)
}

/// One device as heard on one port.
#[derive(Debug)]
pub struct Device {
    key: Key,
    number: DeviceId,
    profile: String,
    port: u16,
    /// The port it was taken over from, and when.
    before: Option<(u16, HostTime)>,
    /// Another sender on the same host sends no id either.
    has_rival: bool,
    pub(super) assembly: Assembly,
    clock: DeviceClock,
    streams: Vec<Stream>,
    frames: u64,
    last_seen: HostTime,
    latest: SensorFrame,
}

impl Device {
    fn new(key: Key, number: DeviceId, port: u16, now: HostTime) -> Self {
        Device {
            key,
            number,
            profile: String::new(),
            port,
            before: None,
            has_rival: false,
            assembly: Assembly::default(),
            clock: DeviceClock::new(),
            streams: Vec::new(),
            frames: 0,
            last_seen: now,
            latest: SensorFrame::empty(number, now),
        }
    }

    pub fn number(&self) -> DeviceId {
        self.number
    }

    pub fn profile(&self) -> &str {
        &self.profile
    }

    pub fn set_profile(&mut self, profile: &str) {
        if self.profile != profile {
            profile.clone_into(&mut self.profile);
        }
    }

    /// The host time of a message of kind `row` that has just arrived.
    pub fn time(
        &mut self,
        row: RowId,
        arrival: HostTime,
        stamp: Option<DeviceTime>,
        sequence: Option<u64>,
    ) -> HostTime {
        let stamped = stamp.and_then(|stamp| self.clock.read(arrival, stamp));
        let known = self.streams.iter().position(|stream| stream.row() == row);
        let index = known.unwrap_or_else(|| {
            if self.streams.len() == MOST_STREAMS {
                self.streams.remove(0);
            }
            self.streams.push(Stream::new(row));
            self.streams.len() - 1
        });
        self.streams[index].read(arrival, stamped, stamp, sequence)
    }

    pub fn count(&mut self, frame: &SensorFrame) {
        self.frames += 1;
        overlay(&mut self.latest, frame);
    }

    fn status(&self, now: HostTime) -> DeviceStatus {
        let busiest = self
            .streams
            .iter()
            .max_by(|a, b| a.rate_hz(now).total_cmp(&b.rate_hz(now)));
        let who = match (&*self.key.id, self.has_rival) {
            ("", false) => self.key.ip.to_string(),
            ("", true) => SocketAddr::new(self.key.ip, self.port).to_string(),
            (id, _) => id.to_owned(),
        };
        DeviceStatus {
            id: self.number,
            name: format!("{} {who}", self.profile),
            profile: self.profile.clone(),
            sender: SocketAddr::new(self.key.ip, self.port),
            rate_hz: busiest.map_or(0.0, |stream| stream.rate_hz(now) as f32),
            frames: self.frames,
            lost: self.streams.iter().map(Stream::lost).sum(),
            reordered: self.streams.iter().map(|stream| stream.reordered()).sum(),
            jitter_ms: busiest.map_or(0.0, |stream| stream.jitter_ms()),
            delay_ms: busiest.map_or(0.0, |stream| stream.delay_ms()),
            clock: self.clock.source(),
            drift_ppm: self.clock.drift_ppm() as f32,
            last_seen: self.last_seen,
            latest: self.latest,
        }
    }
}

/// Lays what a frame carries over what is known.
fn overlay(known: &mut SensorFrame, frame: &SensorFrame) {
    known.time = frame.time;
    let pairs = [
        (&mut known.accel_m_per_s2[..], &frame.accel_m_per_s2[..]),
        (&mut known.rate_rad_per_s[..], &frame.rate_rad_per_s[..]),
        (&mut known.mag_ut[..], &frame.mag_ut[..]),
        (&mut known.quaternion[..], &frame.quaternion[..]),
        (
            &mut known.linear_accel_m_per_s2[..],
            &frame.linear_accel_m_per_s2[..],
        ),
        (&mut known.aux[..], &frame.aux[..]),
    ];
    for (old, new) in pairs {
        for (old, new) in old.iter_mut().zip(new).filter(|(_, new)| !new.is_nan()) {
            *old = *new;
        }
    }
}

/// All devices of one port.
#[derive(Debug, Default)]
pub struct DeviceTable {
    devices: Vec<Device>,
}

impl DeviceTable {
    /// What a sender spoke last, to tell alike dialects apart.
    pub fn spoken_by(&self, sender: SocketAddr) -> Option<&str> {
        let from_here = self
            .devices
            .iter()
            .filter(|device| device.key.ip == sender.ip());
        let mut heard = from_here.filter(|device| device.port == sender.port());
        heard.next().map(|device| &*device.profile)
    }

    /// The device that sent a message; `None` if there are too many.
    pub fn find(&mut self, sender: SocketAddr, id: &str, now: HostTime) -> Option<usize> {
        let index = match self.known(sender, id, now) {
            Some(index) => index,
            None => self.add(sender, id, now)?,
        };
        self.devices[index].last_seen = now;
        Some(index)
    }

    pub fn device(&mut self, index: usize) -> &mut Device {
        &mut self.devices[index]
    }

    pub fn statuses(&self, now: HostTime) -> Vec<DeviceStatus> {
        self.devices
            .iter()
            .map(|device| device.status(now))
            .collect()
    }

    fn known(&mut self, sender: SocketAddr, id: &str, now: HostTime) -> Option<usize> {
        let (ip, port) = (sender.ip(), sender.port());
        let same = |device: &Device| device.key.ip == ip && device.key.id == id;
        if !id.is_empty() {
            let index = self.devices.iter().position(same)?;
            self.devices[index].port = port;
            return Some(index);
        }
        if let Some(index) = self
            .devices
            .iter()
            .position(|device| same(device) && device.port == port)
        {
            return Some(index);
        }
        let came_back = |device: &Device| {
            device
                .before
                .is_some_and(|(old, at)| old == port && now.seconds_since(at) < SAME_TIME_S)
        };
        if let Some(index) = self
            .devices
            .iter()
            .position(|device| same(device) && came_back(device))
        {
            // Both ports speak: the first keeps this device, the other becomes one of its own.
            let rival = SocketAddr::new(ip, self.devices[index].port);
            self.devices[index].before = None;
            self.devices[index].has_rival = true;
            self.devices[index].port = port;
            if let Some(other) = self.add(rival, id, now) {
                self.devices[other].has_rival = true;
            }
            return self
                .devices
                .iter()
                .position(|device| same(device) && device.port == port);
        }
        let free = |device: &Device| {
            !device.has_rival || now.seconds_since(device.last_seen) > SAME_TIME_S
        };
        let index = self
            .devices
            .iter()
            .position(|device| same(device) && free(device))?;
        let device = &mut self.devices[index];
        device.before = Some((std::mem::replace(&mut device.port, port), now));
        Some(index)
    }

    fn add(&mut self, sender: SocketAddr, id: &str, now: HostTime) -> Option<usize> {
        let silent = |device: &Device| now.seconds_since(device.last_seen) > SILENT_AFTER_S;
        let full = self.devices.len() >= MOST_DEVICES;
        let replaced = if full {
            Some(self.devices.iter().position(silent)?)
        } else {
            None
        };
        let taken = |ordinal: u16| {
            let mut all = self.devices.iter();
            all.any(|device| {
                device.key.ip == sender.ip() && device.key.id == id && device.key.ordinal == ordinal
            })
        };
        let ordinal = (0..).find(|&ordinal| !taken(ordinal))?;
        let key = Key {
            ip: sender.ip(),
            id: id.to_owned(),
            ordinal,
        };
        let device = Device::new(key.clone(), number_of(&key)?, sender.port(), now);
        // In place: indices of the others are in use while a datagram is read.
        if let Some(index) = replaced {
            self.devices[index] = device;
            return Some(index);
        }
        self.devices.push(device);
        Some(self.devices.len() - 1)
    }
}
