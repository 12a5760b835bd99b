//! Raw datagrams → readings and devices, by the very code that listens live: what makes a take out of a recording,
//! and what reads an old one again with a corrected dialect.

use super::document::Worn;
use super::raw::RawDatagram;
use crate::sensor::clock::ClockSource;
use crate::sensor::device::DeviceStatus;
use crate::sensor::dialect::Dialects;
use crate::sensor::frame::{DeviceId, SensorFrame};
use crate::sensor::intake::{HubCounters, Intake};
use crate::units::HostTime;

/// What datagrams turned out to hold.
pub struct Decoded {
    /// In the order of time; devices are numbered from 0 in the order of their coming.
    pub frames: Vec<SensorFrame>,
    /// Without roles.
    pub devices: Vec<Worn>,
    pub counters: HubCounters,
}

pub fn decode(datagrams: &[RawDatagram], dialects: Dialects) -> Decoded {
    let mut intake = Intake::new(dialects);
    let mut frames = Vec::new();
    for datagram in datagrams {
        intake.accept(
            &datagram.bytes,
            datagram.sender,
            datagram.arrival,
            &mut frames,
        );
    }
    let end = datagrams.last().map_or(HostTime(0.0), |last| last.arrival);
    let statuses = intake.devices(end);
    let numbers: Vec<DeviceId> = statuses.iter().map(|status| status.id).collect();
    for frame in &mut frames {
        let number = numbers.iter().position(|known| *known == frame.device);
        frame.device = DeviceId(number.unwrap_or(0) as u16);
    }
    // A device's stamps may put a reading before one that came earlier.
    frames.sort_by(|a, b| a.time.0.total_cmp(&b.time.0));
    let devices = statuses
        .iter()
        .enumerate()
        .map(|(number, status)| worn(number as u16, status, &frames))
        .collect();
    Decoded {
        frames,
        devices,
        counters: intake.counters(),
    }
}

fn worn(device: u16, status: &DeviceStatus, frames: &[SensorFrame]) -> Worn {
    Worn {
        device,
        name: status.name.clone(),
        profile: status.profile.clone(),
        sender: status.sender.to_string(),
        rate_hz: rate_hz(device, frames),
        clock: match status.clock {
            ClockSource::Stamp => "device".into(),
            ClockSource::Arrival => "arrival".into(),
        },
        drift_ppm: f64::from(status.drift_ppm),
        lost: status.lost,
        ..Worn::default()
    }
}

/// Readings a second between a device's first and last.
pub fn rate_hz(device: u16, frames: &[SensorFrame]) -> f64 {
    let times = || {
        let own = frames.iter().filter(|frame| frame.device.0 == device);
        own.map(|frame| frame.time.0)
    };
    let (count, first, last) = (times().count(), times().next(), times().next_back());
    match (first, last) {
        (Some(first), Some(last)) if last > first => (count - 1) as f64 / (last - first),
        _ => 0.0,
    }
}
