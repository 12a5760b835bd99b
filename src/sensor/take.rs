//! Takes: recorded motion, a document. A take of our own is a folder ([`document`]); captures made elsewhere are single
//! CSV files. Either is read here for replay with its own timing.
//!
//! Captures are told apart by their first line: a log of OSC messages (`wall-clock,address,numbers`), columns
//! with a header that names quantities and units (x-io, Android), or plain columns of seconds and
//! acceleration in g.

pub mod decode;
pub mod document;
pub mod folder;
pub mod frames;
pub mod raw;

use std::fs;
use std::path::{Path, PathBuf};

use rosc::OscType;

use super::encode::{Spoken, message};
use super::frame::{DeviceId, SensorFrame};
use super::transmit::{TimedDatagram, TimedReading, speak};
use crate::units::{HostTime, STANDARD_GRAVITY_M_PER_S2};

/// A file that is no capture, and where.
#[derive(Debug, thiserror::Error)]
pub enum TakeError {
    #[error("{path}: {cause}")]
    File {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error(
        "{path}: no take is there, which is a folder with a {}. `imu2music record` makes one, and so does \
         `imu2music import` from a table of motion and a WAV file",
        document::DOCUMENT
    )]
    NoTake { path: PathBuf },
    #[error("{path}, line {line}: {reason}")]
    Line {
        path: PathBuf,
        line: usize,
        reason: &'static str,
    },
    #[error("{path}, line {line}: {reason}")]
    Field {
        path: PathBuf,
        line: usize,
        reason: String,
    },
    #[error("{path}: {cause}")]
    Json {
        path: PathBuf,
        cause: serde_json::Error,
    },
    #[error(
        "{path} is of schema {found}; this program reads 1 to {}: update it",
        document::SCHEMA
    )]
    Schema { path: PathBuf, found: u32 },
    #[error("{path} cannot be written: {cause}. Choose a folder that exists and can be written to")]
    Write {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("{path} is there already: choose another name, or move it away")]
    Exists { path: PathBuf },
    #[error(
        "{path}: nothing to play; known are OSC logs (time,address,numbers), columns with a header of quantities and units, and plain columns of seconds and acceleration in g"
    )]
    Empty { path: PathBuf },
}

/// What was captured, in the order of time from zero.
#[derive(Clone, Debug)]
pub enum Take {
    /// As it was on the wire.
    Datagrams(Vec<TimedDatagram>),
    Readings(Vec<TimedReading>),
}

/// Why a line was not understood.
type Reason = &'static str;

impl Take {
    /// A folder or a capture.
    pub fn read(path: &Path) -> Result<Take, TakeError> {
        if path.is_dir() {
            return Take::read_folder(path);
        }
        let text = fs::read_to_string(path).map_err(|cause| TakeError::File {
            path: path.to_owned(),
            cause,
        })?;
        let take = Take::parse(&text).map_err(|(line, reason)| TakeError::Line {
            path: path.to_owned(),
            line,
            reason,
        })?;
        if take.count() == 0 {
            return Err(TakeError::Empty {
                path: path.to_owned(),
            });
        }
        Ok(take)
    }

    /// What was on the wire, or where nothing was recorded there the readings.
    fn read_folder(folder: &Path) -> Result<Take, TakeError> {
        document::Document::read(folder)?;
        let datagrams = folder.join(document::DATAGRAMS);
        if !datagrams.exists() {
            let readings = frames::read(&folder.join(document::FRAMES))?;
            let reading = |frame: &SensorFrame| TimedReading {
                at_s: frame.time.0,
                device: frame.device.0,
                frame: *frame,
            };
            return Ok(Take::Readings(readings.iter().map(reading).collect()));
        }
        let mut senders = Vec::new();
        let mut timed = |datagram: raw::RawDatagram| {
            let known = senders.iter().position(|known| *known == datagram.sender);
            let source = known.unwrap_or_else(|| {
                senders.push(datagram.sender);
                senders.len() - 1
            });
            TimedDatagram {
                at_s: datagram.arrival.0,
                source: source as u16,
                bytes: datagram.bytes,
            }
        };
        let read = raw::read(&datagrams)?;
        Ok(Take::Datagrams(read.into_iter().map(&mut timed).collect()))
    }

    /// Reads a capture; the error is the number of the line and what is wrong with it.
    pub fn parse(text: &str) -> Result<Take, (usize, Reason)> {
        let first = text.lines().next().unwrap_or_default();
        let second_field = first.split(',').nth(1).unwrap_or_default();
        if second_field.trim_start().starts_with('/') {
            return parse_osc_log(text).map(Take::Datagrams);
        }
        let columns = match first
            .split(',')
            .next()
            .map(str::trim)
            .map(str::parse::<f64>)
        {
            Some(Ok(_)) => Columns::plain(),
            _ => Columns::from_header(first).map_err(|reason| (1, reason))?,
        };
        parse_columns(text, &columns).map(Take::Readings)
    }

    /// How many datagrams or readings.
    pub fn count(&self) -> usize {
        match self {
            Take::Datagrams(datagrams) => datagrams.len(),
            Take::Readings(readings) => readings.len(),
        }
    }

    pub fn seconds(&self) -> f64 {
        match self {
            Take::Datagrams(datagrams) => datagrams.last().map_or(0.0, |last| last.at_s),
            Take::Readings(readings) => readings.last().map_or(0.0, |last| last.at_s),
        }
    }

    /// The datagrams to send; readings are spoken in a dialect.
    pub fn into_datagrams(self, spoken: Spoken) -> Vec<TimedDatagram> {
        match self {
            Take::Datagrams(datagrams) => datagrams,
            Take::Readings(readings) => speak(readings.into_iter(), spoken).collect(),
        }
    }
}

/// `2019-07-29 14:46:04.181835,/0/raw,0.00122,…`
fn parse_osc_log(text: &str) -> Result<Vec<TimedDatagram>, (usize, Reason)> {
    let mut datagrams: Vec<TimedDatagram> = Vec::new();
    let mut start_s = None;
    let mut sources: Vec<&str> = Vec::new();
    for (number, line) in text
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim().is_empty())
    {
        let at = |reason| (number + 1, reason);
        let mut fields = line.split(',').map(str::trim);
        let clock_s = fields
            .next()
            .and_then(wall_clock_s)
            .ok_or(at("no time at its beginning"))?;
        let address = fields
            .next()
            .filter(|field| field.starts_with('/'))
            .ok_or(at("no OSC address"))?;
        let numbers = fields
            .map(|field| {
                field
                    .parse()
                    .map(OscType::Float)
                    .map_err(|_| at("a value is not a number"))
            })
            .collect::<Result<_, _>>()?;
        let source = sources
            .iter()
            .position(|known| *known == address)
            .unwrap_or_else(|| {
                sources.push(address);
                sources.len() - 1
            });
        let mut at_s: f64 = clock_s - *start_s.get_or_insert(clock_s);
        if at_s < -43_200.0 {
            at_s += 86_400.0; // Past midnight.
        }
        let not_before = datagrams.last().map_or(0.0, |last| last.at_s);
        datagrams.push(TimedDatagram {
            at_s: at_s.max(not_before),
            source: source as u16,
            bytes: message(address, numbers),
        });
    }
    Ok(datagrams)
}

/// Seconds of the day of `[date ]hours:minutes:seconds`, or plain seconds.
fn wall_clock_s(text: &str) -> Option<f64> {
    let time = text.split([' ', 'T']).next_back()?;
    let seconds = time.split(':').try_fold(0.0, |sum, part| {
        Some(sum * 60.0 + part.parse::<f64>().ok()?)
    })?;
    seconds.is_finite().then_some(seconds)
}

/// Where a reading's numbers stand in a line.
#[derive(Debug, Default)]
struct Columns {
    time: usize,
    seconds_per_unit: f64,
    targets: Vec<Target>,
}

#[derive(Clone, Copy, Debug)]
struct Target {
    column: usize,
    quantity: Quantity,
    component: usize,
    scale: f32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Accel,
    Linear,
    Rate,
    Mag,
    Quaternion,
}

impl Columns {
    /// Seconds, then acceleration in g.
    fn plain() -> Self {
        let targets = (0..3).map(|component| Target {
            column: component + 1,
            quantity: Quantity::Accel,
            component,
            scale: STANDARD_GRAVITY_M_PER_S2,
        });
        Columns {
            time: 0,
            seconds_per_unit: 1.0,
            targets: targets.collect(),
        }
    }

    /// `Gyroscope X (deg/s)` or `linear_acceleration_x`; without a unit, SI is meant, and milliseconds
    /// for a `timestamp`.
    fn from_header(header: &str) -> Result<Self, Reason> {
        let names: Vec<String> = header
            .split(',')
            .map(|name| name.trim().to_lowercase())
            .collect();
        let time = names
            .iter()
            .position(|name| name.starts_with("time"))
            .ok_or("no column of time")?;
        let unit = unit_of(&names[time]);
        let seconds_per_unit = match unit {
            "s" => 1.0,
            "us" | "µs" => 1e-6,
            _ if names[time].starts_with("timestamp") || unit == "ms" => 1e-3,
            _ => 1.0,
        };
        let targets: Vec<_> = names
            .iter()
            .enumerate()
            .filter_map(|(column, name)| target(column, name))
            .collect();
        if targets.is_empty() {
            return Err("no column of motion");
        }
        Ok(Columns {
            time,
            seconds_per_unit,
            targets,
        })
    }

    fn read(&self, line: &str, readings: &mut Vec<TimedReading>) -> Result<(), Reason> {
        let fields: Vec<&str> = line.split(',').map(str::trim).collect();
        let number = |column: usize| {
            fields
                .get(column)
                .and_then(|field| field.parse::<f64>().ok())
        };
        let at_s = number(self.time)
            .filter(|time| time.is_finite())
            .ok_or("the time is not a number")?;
        let at_s = at_s * self.seconds_per_unit;
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(at_s));
        for target in &self.targets {
            let value = number(target.column).ok_or("a value is missing or not a number")?;
            let quantity = match target.quantity {
                Quantity::Accel => &mut frame.accel_m_per_s2[..],
                Quantity::Linear => &mut frame.linear_accel_m_per_s2[..],
                Quantity::Rate => &mut frame.rate_rad_per_s[..],
                Quantity::Mag => &mut frame.mag_ut[..],
                Quantity::Quaternion => &mut frame.quaternion[..],
            };
            quantity[target.component] = value as f32 * target.scale;
        }
        readings.push(TimedReading {
            at_s,
            device: 0,
            frame,
        });
        Ok(())
    }
}

fn target(column: usize, name: &str) -> Option<Target> {
    let plain = name.split('(').next()?.trim();
    let axis = plain.chars().next_back()?;
    let body = plain[..plain.len() - axis.len_utf8()].trim_end_matches(['_', ' ']);
    let (quantity, axes) = match body {
        "accelerometer" | "acceleration" => (Quantity::Accel, "xyz"),
        "linear_acceleration" | "linear acceleration" => (Quantity::Linear, "xyz"),
        "gyroscope" => (Quantity::Rate, "xyz"),
        "magnetometer" => (Quantity::Mag, "xyz"),
        "quaternion" => (Quantity::Quaternion, "wxyz"),
        _ => return None,
    };
    let scale = match unit_of(name) {
        "g" => STANDARD_GRAVITY_M_PER_S2,
        "deg/s" | "°/s" => std::f32::consts::PI / 180.0,
        _ => 1.0,
    };
    Some(Target {
        column,
        quantity,
        component: axes.find(axis)?,
        scale,
    })
}

/// `ut` of `magnetometer x (ut)`.
fn unit_of(name: &str) -> &str {
    name.split_once('(')
        .map_or("", |(_, unit)| unit.trim_end_matches(')'))
}

fn parse_columns(text: &str, columns: &Columns) -> Result<Vec<TimedReading>, (usize, Reason)> {
    let has_header = columns.time != 0
        || text
            .lines()
            .next()
            .is_some_and(|line| line.starts_with(char::is_alphabetic));
    let mut readings = Vec::new();
    for (number, line) in text.lines().enumerate().skip(usize::from(has_header)) {
        if !line.trim().is_empty() {
            columns
                .read(line, &mut readings)
                .map_err(|reason| (number + 1, reason))?;
        }
    }
    readings.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    let start_s = readings.first().map_or(0.0, |first| first.at_s);
    for reading in &mut readings {
        reading.at_s -= start_s;
        reading.frame.time = HostTime(reading.at_s);
    }
    Ok(readings)
}

#[cfg(test)]
mod tests;
