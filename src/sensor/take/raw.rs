//! `datagrams.csv`: everything that came over the wire, so that an old take can be read again by a corrected dialect.
//! One datagram a line: arrival and, where it says one, its own time in seconds, its sender, its bytes in hexadecimal.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::TakeError;
use crate::sensor::dialect::Dialects;
use crate::sensor::{osc, ximu3};
use crate::units::HostTime;

/// The first line.
pub const HEADER: &str = "arrival_s,device_s,sender,bytes";

/// One datagram as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct RawDatagram {
    pub arrival: HostTime,
    pub sender: SocketAddr,
    pub bytes: Vec<u8>,
}

impl RawDatagram {
    /// Its line, on a clock that starts at `start`.
    pub fn line(&self, start: HostTime, dialects: &mut Dialects) -> String {
        let mut line = format!("{:.6},", self.arrival.seconds_since(start));
        if let Some(device_s) = device_time_s(&self.bytes, dialects) {
            let _ = write!(line, "{device_s:.6}");
        }
        let _ = write!(line, ",{},", self.sender);
        for byte in &self.bytes {
            let _ = write!(line, "{byte:02x}");
        }
        line.push('\n');
        line
    }
}

/// What the device's own clock said: the first stamp or time tag in a datagram.
fn device_time_s(bytes: &[u8], dialects: &mut Dialects) -> Option<f64> {
    let mut messages = Vec::new();
    let decode = if ximu3::recognises(bytes) {
        ximu3::decode
    } else {
        osc::decode
    };
    decode(bytes, &mut messages).ok()?;
    messages.iter().find_map(|message| {
        let tag = message.time_tag.and_then(|tag| tag.seconds());
        let stamp = dialects.read(message, None)?.values.stamp_s;
        stamp.or(tag)
    })
}

/// Reads a file of datagrams; times are the take's own.
pub fn read(path: &Path) -> Result<Vec<RawDatagram>, TakeError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TakeError::File {
        path: path.to_owned(),
        cause,
    })?;
    let at = |line: usize, reason| TakeError::Line {
        path: path.to_owned(),
        line,
        reason,
    };
    if text.lines().next() != Some(HEADER) {
        return Err(at(
            1,
            "the first line is not arrival_s,device_s,sender,bytes",
        ));
    }
    let lines = text.lines().enumerate().skip(1);
    lines
        .filter(|(_, line)| !line.trim().is_empty())
        .map(|(number, line)| parse(line).map_err(|reason| at(number + 1, reason)))
        .collect()
}

fn parse(line: &str) -> Result<RawDatagram, &'static str> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let &[arrival, _, sender, bytes] = &fields[..] else {
        return Err("it has not four fields; take the line out");
    };
    let arrival: f64 = arrival
        .parse()
        .ok()
        .filter(|time: &f64| time.is_finite())
        .ok_or("the arrival is not a number; take the line out")?;
    let sender = sender
        .parse()
        .map_err(|_| "the sender is not address:port; take the line out")?;
    Ok(RawDatagram {
        arrival: HostTime(arrival),
        sender,
        bytes: from_hexadecimal(bytes).ok_or("the bytes are not hexadecimal; take the line out")?,
    })
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).map(|digit| digit as u8))
        .collect();
    let digits = digits?;
    let whole = digits.len().is_multiple_of(2);
    whole.then(|| {
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect()
    })
}
