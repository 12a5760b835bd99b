//! `frames.csv`: readings in SI units, one a line in the order of time; what a device does not send is left empty.

use std::fmt::Write as _;
use std::path::Path;

use super::TakeError;
use crate::sensor::frame::{AUX_COUNT, DeviceId, SensorFrame};
use crate::units::HostTime;

/// Columns after `time_s` and `device`, each with its unit.
pub const COLUMNS: [(&str, &str); COUNT] = [
    ("accel_x", "m/s^2"),
    ("accel_y", "m/s^2"),
    ("accel_z", "m/s^2"),
    ("rate_x", "rad/s"),
    ("rate_y", "rad/s"),
    ("rate_z", "rad/s"),
    ("mag_x", "uT"),
    ("mag_y", "uT"),
    ("mag_z", "uT"),
    ("quaternion_w", "1"),
    ("quaternion_x", "1"),
    ("quaternion_y", "1"),
    ("quaternion_z", "1"),
    ("linear_x", "m/s^2"),
    ("linear_y", "m/s^2"),
    ("linear_z", "m/s^2"),
    ("aux_1", "device"),
    ("aux_2", "device"),
    ("aux_3", "device"),
    ("aux_4", "device"),
    ("aux_5", "device"),
    ("aux_6", "device"),
    ("aux_7", "device"),
    ("aux_8", "device"),
];
const COUNT: usize = 16 + AUX_COUNT;

/// The first line.
pub fn header() -> String {
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    format!("time_s,device,{}\n", names.join(","))
}

fn numbers(frame: &SensorFrame) -> impl Iterator<Item = f32> {
    let SensorFrame {
        accel_m_per_s2,
        rate_rad_per_s,
        mag_ut,
        quaternion,
        linear_accel_m_per_s2,
        aux,
        ..
    } = *frame;
    accel_m_per_s2
        .into_iter()
        .chain(rate_rad_per_s)
        .chain(mag_ut)
        .chain(quaternion)
        .chain(linear_accel_m_per_s2)
        .chain(aux)
}

pub fn line(frame: &SensorFrame) -> String {
    let mut line = format!("{:.6},{}", frame.time.0, frame.device.0);
    for number in numbers(frame) {
        line.push(',');
        if number.is_finite() {
            let _ = write!(line, "{number}");
        }
    }
    line.push('\n');
    line
}

/// The whole file's text.
pub fn text(frames: &[SensorFrame]) -> String {
    let mut text = header();
    frames.iter().for_each(|frame| text.push_str(&line(frame)));
    text
}

pub fn read(path: &Path) -> Result<Vec<SensorFrame>, TakeError> {
    let text = std::fs::read_to_string(path).map_err(|cause| TakeError::File {
        path: path.to_owned(),
        cause,
    })?;
    parse(&text).map_err(|(line, reason)| TakeError::Field {
        path: path.to_owned(),
        line,
        reason,
    })
}

/// The error is the number of the line and what is wrong with it.
fn parse(text: &str) -> Result<Vec<SensorFrame>, (usize, String)> {
    let mut lines = text.lines().enumerate();
    let first = lines.next().map_or("", |(_, line)| line);
    let names: Vec<&str> = first.split(',').map(str::trim).collect();
    let place = |wanted: &str| names.iter().position(|name| *name == wanted);
    let missing = |wanted: &str| {
        (
            1,
            format!("there is no column {wanted}; write it into the first line and every line"),
        )
    };
    let time = place("time_s").ok_or_else(|| missing("time_s"))?;
    let device = place("device").ok_or_else(|| missing("device"))?;
    let places: Vec<Option<usize>> = COLUMNS.iter().map(|(name, _)| place(name)).collect();
    for (wanted, place) in COLUMNS.iter().zip(&places).take(3) {
        place.ok_or_else(|| missing(wanted.0))?;
    }
    let mut frames: Vec<SensorFrame> = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let frame = parse_line(line, names.len(), time, device, &places)
            .map_err(|reason| (number + 1, reason))?;
        if frames.last().is_some_and(|last| last.time > frame.time) {
            let cure = "the time goes backwards; sort the lines by time_s".to_owned();
            return Err((number + 1, cure));
        }
        frames.push(frame);
    }
    Ok(frames)
}

fn parse_line(
    line: &str,
    width: usize,
    time: usize,
    device: usize,
    places: &[Option<usize>],
) -> Result<SensorFrame, String> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    if fields.len() != width {
        return Err(format!(
            "{} fields where the first line has {width}; complete it or take it out",
            fields.len()
        ));
    }
    let time_s: f64 = fields[time]
        .parse()
        .ok()
        .filter(|time: &f64| time.is_finite())
        .ok_or_else(|| {
            format!(
                "time_s is '{}', not a number; take the line out",
                fields[time]
            )
        })?;
    let device = fields[device]
        .parse()
        .map_err(|_| format!("device is '{}', not a whole number", fields[device]))?;
    let mut values = [f32::NAN; COUNT];
    for ((value, place), (name, _)) in values.iter_mut().zip(places).zip(&COLUMNS) {
        let field = place.map_or("", |place| fields[place]);
        if !field.is_empty() {
            *value = field.parse().ok().filter(|v: &f32| v.is_finite()).ok_or(format!(
                "{name} is '{field}', not a number; leave the field empty where nothing was measured"
            ))?;
        }
    }
    let mut frame = SensorFrame::empty(DeviceId(device), HostTime(time_s));
    let mut rest = &values[..];
    for part in [
        &mut frame.accel_m_per_s2[..],
        &mut frame.rate_rad_per_s[..],
        &mut frame.mag_ut[..],
        &mut frame.quaternion[..],
        &mut frame.linear_accel_m_per_s2[..],
        &mut frame.aux[..],
    ] {
        let (now, later) = rest.split_at(part.len());
        part.copy_from_slice(now);
        rest = later;
    }
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_survive_being_written() {
        let mut frame = SensorFrame::empty(DeviceId(1), HostTime(0.25));
        frame.accel_m_per_s2 = [0.1, -2.5, 9.81];
        frame.aux[2] = 0.75;
        let back = parse(&text(&[frame])).unwrap();
        assert_eq!(back[0].accel_m_per_s2, frame.accel_m_per_s2);
        assert_eq!((back[0].device, back[0].time), (frame.device, frame.time));
        assert_eq!(back[0].aux[2], 0.75);
        assert!(back[0].rate_rad_per_s[0].is_nan());
    }

    #[test]
    fn what_is_wrong_is_named_by_line_column_and_cure() {
        let good = header();
        let empty = ",".repeat(COUNT);
        for (text, line, word) in [
            ("time_s,device\n".to_owned(), 1, "accel_x"),
            (format!("{good}0.0,0{empty}\n0.1,0\n"), 3, "fields"),
            (format!("{good}nan,0{empty}\n"), 2, "time_s"),
            (format!("{good}1,0{empty}\n0.5,0{empty}\n"), 3, "sort"),
            (format!("{good}1,0,nan{}\n", &empty[1..]), 2, "accel_x"),
        ] {
            let (at, reason) = parse(&text).unwrap_err();
            assert_eq!(at, line, "{reason}");
            assert!(reason.contains(word), "{reason}");
        }
    }
}
