//! Datagram → frames, without a socket: what the network thread does, and what the fuzz tests drive.

use std::net::{IpAddr, SocketAddr};

use super::device::{DeviceStatus, DeviceTable};
use super::dialect::{Dialects, Reading, RowId};
use super::frame::SensorFrame;
use super::osc::{self, Argument, Message};
use super::ximu3;
use crate::units::{DeviceTime, HostTime};

/// Unknown addresses that are remembered for the user to look at.
const MOST_UNKNOWN: usize = 32;
/// Two stamps this close in one datagram speak of one instant.
const SAME_INSTANT_S: f64 = 5e-4;

/// What one port has heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HubCounters {
    pub datagrams: u64,
    pub messages: u64,
    pub frames: u64,
    /// Datagrams refused whole: see [`osc::Malformed`].
    pub malformed: u64,
    /// Messages that no dialect knows.
    pub unknown: u64,
    /// Messages with NaN, infinite or impossible numbers, which were left out.
    pub implausible: u64,
    /// Messages of a device too many.
    pub refused: u64,
    /// Frames that this subscription's ring had no room for.
    pub dropped: u64,
    /// Datagrams from senders that nobody here admits.
    pub barred: u64,
}

impl HubCounters {
    /// Both ports together.
    pub fn plus(self, other: HubCounters) -> HubCounters {
        HubCounters {
            datagrams: self.datagrams + other.datagrams,
            messages: self.messages + other.messages,
            frames: self.frames + other.frames,
            malformed: self.malformed + other.malformed,
            unknown: self.unknown + other.unknown,
            implausible: self.implausible + other.implausible,
            refused: self.refused + other.refused,
            dropped: self.dropped + other.dropped,
            barred: self.barred + other.barred,
        }
    }
}

/// A message that no dialect knows, as last heard.
#[derive(Clone, Debug, PartialEq)]
pub struct UnknownMessage {
    pub sender: IpAddr,
    pub address: String,
    pub arguments: Vec<Argument>,
    pub count: u64,
}

/// The frame that a datagram is putting together for one device.
#[derive(Debug)]
struct OpenFrame {
    device: usize,
    frame: SensorFrame,
    stamp: Option<DeviceTime>,
    /// Which messages are in it, by row and first number (rows with `{axis}` come three times).
    parts: Vec<(RowId, usize)>,
    carries: bool,
}

/// Everything one port knows.
#[derive(Debug)]
pub struct Intake {
    dialects: Dialects,
    devices: DeviceTable,
    counters: HubCounters,
    unknown: Vec<UnknownMessage>,
    messages: Vec<Message>,
    open: Vec<OpenFrame>,
}

impl Intake {
    pub fn new(dialects: Dialects) -> Self {
        Intake {
            dialects,
            devices: DeviceTable::default(),
            counters: HubCounters::default(),
            unknown: Vec::new(),
            messages: Vec::new(),
            open: Vec::new(),
        }
    }

    /// Takes one datagram and appends its frames. Total: any bytes are allowed.
    pub fn accept(
        &mut self,
        datagram: &[u8],
        sender: SocketAddr,
        arrival: HostTime,
        frames: &mut Vec<SensorFrame>,
    ) {
        self.counters.datagrams += 1;
        let mut messages = std::mem::take(&mut self.messages);
        let decode = if ximu3::recognises(datagram) {
            ximu3::decode
        } else {
            osc::decode
        };
        if decode(datagram, &mut messages).is_err() {
            self.counters.malformed += 1;
        }
        for message in &messages {
            self.counters.messages += 1;
            self.take(message, sender, arrival, frames);
        }
        self.messages = messages;
        while !self.open.is_empty() {
            self.close(0, frames);
        }
    }

    pub fn counters(&self) -> HubCounters {
        self.counters
    }

    pub fn devices(&self, now: HostTime) -> Vec<DeviceStatus> {
        self.devices.statuses(now)
    }

    pub fn unknown(&self) -> &[UnknownMessage] {
        &self.unknown
    }

    fn take(
        &mut self,
        message: &Message,
        sender: SocketAddr,
        arrival: HostTime,
        frames: &mut Vec<SensorFrame>,
    ) {
        let spoken = self.devices.spoken_by(sender);
        let Some(reading) = self.dialects.read(message, spoken) else {
            self.counters.unknown += 1;
            note_unknown(&mut self.unknown, message, sender.ip());
            return;
        };
        let Some(device) = self.devices.find(sender, reading.id, arrival) else {
            self.counters.refused += 1;
            return;
        };
        self.devices.device(device).set_profile(reading.profile);
        if reading.values.non_finite {
            self.counters.implausible += 1;
        }
        let Some(first) = reading
            .values
            .numbers
            .iter()
            .position(|number| !number.is_nan())
        else {
            return; // Battery and the like.
        };
        let tag = message.time_tag.and_then(|tag| tag.seconds());
        let stamp = reading.values.stamp_s.or(tag).map(DeviceTime);
        let Reading { row, values, .. } = reading;
        let part = (row, first);
        if let Some(number) = self.open.iter().position(|open| open.device == device)
            && !self.open[number].has_room_for(part, stamp)
        {
            self.close(number, frames);
        }
        let device_state = self.devices.device(device);
        let number = match self.open.iter().position(|open| open.device == device) {
            Some(number) => number,
            None => {
                let time = device_state.time(row, arrival, stamp, values.sequence);
                let frame = SensorFrame::empty(device_state.number(), time);
                self.open.push(OpenFrame {
                    device,
                    frame,
                    stamp,
                    parts: Vec::new(),
                    carries: false,
                });
                self.open.len() - 1
            }
        };
        let open = &mut self.open[number];
        open.parts.push(part);
        let added = device_state
            .assembly
            .add(&values, arrival.0, &mut open.frame);
        open.carries |= added.new;
        self.counters.implausible += u64::from(added.implausible && !values.non_finite);
    }

    fn close(&mut self, number: usize, frames: &mut Vec<SensorFrame>) {
        let open = self.open.swap_remove(number);
        if open.carries {
            self.counters.frames += 1;
            self.devices.device(open.device).count(&open.frame);
            frames.push(open.frame);
        }
    }
}

impl OpenFrame {
    fn has_room_for(&self, part: (RowId, usize), stamp: Option<DeviceTime>) -> bool {
        let same_instant = match (self.stamp, stamp) {
            (Some(a), Some(b)) => (a.0 - b.0).abs() < SAME_INSTANT_S,
            _ => true,
        };
        same_instant && !self.parts.contains(&part)
    }
}

fn note_unknown(unknown: &mut Vec<UnknownMessage>, message: &Message, sender: IpAddr) {
    let known = unknown
        .iter_mut()
        .find(|known| known.sender == sender && known.address == message.address);
    if let Some(known) = known {
        known.arguments.clone_from(&message.arguments);
        known.count += 1;
    } else if unknown.len() < MOST_UNKNOWN {
        let (address, arguments) = (message.address.clone(), message.arguments.clone());
        unknown.push(UnknownMessage {
            sender,
            address,
            arguments,
            count: 1,
        });
    }
}

#[cfg(test)]
mod tests;
