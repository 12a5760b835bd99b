//! Any dialect of the table, spoken from its own rows: what is read by data is written by the same data.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Parts, euler_rad, message};
use crate::sensor::dialect::TABLE;
use crate::sensor::frame::SensorFrame;
use crate::sensor::layout::{Layout, Quantity, Said, VALUE_COUNT};

/// Devices whose messages are counted apart.
const COUNTED_DEVICES: usize = 16;
/// x-IMU3 says the same in lines of text.
const TEXT_PREFIX: &str = "/ximu3/";

/// One profile of the table that carries motion.
#[derive(Debug)]
pub struct Speaker {
    profile: &'static str,
    name: String,
    rows: Vec<(&'static str, Layout)>,
    sent: [AtomicU32; COUNTED_DEVICES],
}

static SPEAKERS: LazyLock<Vec<Speaker>> = LazyLock::new(|| {
    let mut speakers: Vec<Speaker> = Vec::new();
    for (profile, ..) in TABLE {
        if speakers.iter().all(|known| known.profile != *profile) {
            speakers.extend(Speaker::of(profile));
        }
    }
    speakers
});

/// Every profile of the table that can be spoken.
pub fn speakers() -> &'static [Speaker] {
    &SPEAKERS
}

impl Speaker {
    fn of(profile: &'static str) -> Option<Speaker> {
        let own = TABLE.iter().filter(|row| row.0 == profile);
        let mut rows: Vec<(&str, Layout)> = Vec::new();
        for (_, address, layout) in own {
            let Ok(layout) = Layout::parse(layout) else {
                continue;
            };
            // One that answers to two spellings or two lengths sends one of them.
            let is_new = rows
                .iter()
                .all(|(known, _)| !known.eq_ignore_ascii_case(address));
            if is_new && layout.is_motion() && !address.contains("{any}") {
                rows.push((address, layout));
            }
        }
        // With an id in the address where it can have one.
        if rows.iter().any(|(address, _)| address.contains("{id}")) {
            rows.retain(|(address, _)| address.contains("{id}"));
        }
        (!rows.is_empty()).then(|| Speaker {
            profile,
            name: named(profile),
            rows,
            sent: [const { AtomicU32::new(0) }; COUNTED_DEVICES],
        })
    }

    /// What the command line calls it: "Myo Mapper" is `myo_mapper`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As the editor shows it.
    pub fn profile(&self) -> &'static str {
        self.profile
    }

    pub(super) fn encode(&self, device: u16, at_s: f64, frame: &SensorFrame) -> Vec<Vec<u8>> {
        let said = Said {
            numbers: numbers(frame),
            at_s,
            sequence: self.sent[usize::from(device) % COUNTED_DEVICES]
                .fetch_add(1, Ordering::Relaxed),
            id: format!("imu2music{device}"),
        };
        let mut datagrams = Vec::new();
        for (address, layout) in &self.rows {
            let address = address.replace("{id}", &device.to_string());
            let mut axes = layout.axes().peekable();
            if axes.peek().is_none() {
                let arguments = layout.say(&said, None);
                datagrams.extend(arguments.map(|arguments| datagram(&address, arguments)));
            }
            for axis in axes {
                let arguments = layout.say(&said, Some(axis));
                let address = address.replace("{axis}", word(axis));
                datagrams.extend(arguments.map(|arguments| datagram(&address, arguments)));
            }
        }
        datagrams
    }
}

impl PartialEq for Speaker {
    fn eq(&self, other: &Speaker) -> bool {
        self.profile == other.profile
    }
}

impl Eq for Speaker {}

fn named(profile: &str) -> String {
    let letters = profile.chars().map(|letter| match letter {
        'A'..='Z' | 'a'..='z' | '0'..='9' => letter.to_ascii_lowercase(),
        _ => ' ',
    });
    let spaced: String = letters.collect();
    spaced.split_whitespace().collect::<Vec<_>>().join("_")
}

fn word(axis: char) -> &'static str {
    match axis {
        'x' => "x",
        'z' => "z",
        'w' => "w",
        'p' => "pitch",
        'r' => "roll",
        // Yaw's letter is taken: angles name it by their order, `ypr`, and axes never stand beside angles.
        _ => "y",
    }
}

fn datagram(address: &str, arguments: Vec<rosc::OscType>) -> Vec<u8> {
    let Some(letter) = address.strip_prefix(TEXT_PREFIX) else {
        return message(address, arguments);
    };
    let fields = arguments.iter().map(|argument| match argument {
        rosc::OscType::Float(number) => number.to_string(),
        rosc::OscType::Int(number) => number.to_string(),
        other => format!("{other:?}"),
    });
    let fields: Vec<String> = fields.collect();
    format!("{letter},{}\r\n", fields.join(",")).into_bytes()
}

fn numbers(frame: &SensorFrame) -> [f32; VALUE_COUNT] {
    let parts = Parts::of(frame);
    let mut numbers = [f32::NAN; VALUE_COUNT];
    let mut put = |quantity: Quantity, values: &[f32]| {
        let places = numbers[quantity.range()].iter_mut();
        places
            .zip(values)
            .for_each(|(place, value)| *place = *value);
    };
    let vectors = [
        (Quantity::Accel, parts.accel),
        (Quantity::Linear, parts.user_acceleration()),
        (Quantity::Gravity, parts.gravity()),
        (Quantity::Rate, parts.rate),
        (Quantity::Mag, parts.mag),
        (Quantity::Euler, parts.quaternion.map(euler_rad)),
        (Quantity::Attitude, parts.quaternion.map(attitude_rad)),
    ];
    for (quantity, vector) in vectors {
        if let Some(vector) = vector {
            put(quantity, &vector);
        }
    }
    if let Some(quaternion) = parts.quaternion {
        put(Quantity::Quaternion, &quaternion);
    }
    put(Quantity::Aux, &frame.aux);
    numbers
}

/// Yaw about z, then pitch about x, then roll about y.
fn attitude_rad([w, x, y, z]: [f32; 4]) -> [f32; 3] {
    let yaw = (2.0 * (w * z - x * y)).atan2(1.0 - 2.0 * (x * x + z * z));
    let pitch = (2.0 * (y * z + w * x)).clamp(-1.0, 1.0).asin();
    let roll = (2.0 * (w * y - x * z)).atan2(1.0 - 2.0 * (x * x + y * y));
    [yaw, pitch, roll]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sensor::dialect::Dialects;
    use crate::sensor::frame::DeviceId;
    use crate::sensor::intake::Intake;
    use crate::units::HostTime;

    /// Tilted, turned and moving, so that a wrong order, sign or unit shows.
    fn reading() -> SensorFrame {
        let mut frame = SensorFrame::empty(DeviceId(0), HostTime(0.0));
        frame.quaternion = [0.8, 0.3, -0.4, 0.331_662_5];
        let parts = Parts::of(&frame);
        let gravity = parts.gravity().expect("a quaternion tells it");
        frame.linear_accel_m_per_s2 = [1.0, -2.0, 0.5];
        frame.accel_m_per_s2 = std::array::from_fn(|i| gravity[i] + frame.linear_accel_m_per_s2[i]);
        frame.rate_rad_per_s = [0.5, -2.0, 1.0];
        frame.mag_ut = [20.0, -30.0, 10.0];
        frame
    }

    fn apart(a: &[f32], b: &[f32]) -> f32 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max)
    }

    #[test]
    fn every_profile_that_carries_motion_is_heard_as_it_was_said() {
        let told = reading();
        let mut count = 0;
        for (number, speaker) in speakers().iter().enumerate() {
            let mut intake = Intake::new(Dialects::built_in());
            let sender = std::net::SocketAddr::from(([10, 0, 1, number as u8], 9000));
            for step in 0..12 {
                let at_s = 1.0 + f64::from(step) * 0.01;
                let mut frames = Vec::new();
                for datagram in speaker.encode(7, at_s, &told) {
                    intake.accept(&datagram, sender, HostTime(at_s), &mut frames);
                }
            }
            let counters = intake.counters();
            let wrong = (counters.malformed, counters.unknown, counters.implausible);
            assert_eq!(wrong, (0, 0, 0), "{}", speaker.profile());
            let devices = intake.devices(HostTime(1.12));
            assert_eq!(devices.len(), 1, "{}: {devices:?}", speaker.profile());
            let heard = &devices[0].latest;
            let pairs: [(&[f32], &[f32], f32); 4] = [
                (&heard.accel_m_per_s2, &told.accel_m_per_s2, 0.02),
                (&heard.rate_rad_per_s, &told.rate_rad_per_s, 0.01),
                (
                    &heard.linear_accel_m_per_s2,
                    &told.linear_accel_m_per_s2,
                    0.02,
                ),
                (&heard.mag_ut, &told.mag_ut, 0.1),
            ];
            let mut is_heard = false;
            for (heard, told, most) in pairs {
                if heard.iter().all(|value| value.is_finite()) {
                    is_heard = true;
                    assert!(
                        apart(heard, told) < most,
                        "{}: {heard:?} {told:?}",
                        speaker.profile()
                    );
                }
            }
            let turned: f32 = heard
                .quaternion
                .iter()
                .zip(told.quaternion)
                .map(|(a, b)| a * b)
                .sum();
            if turned.is_finite() {
                is_heard = true;
                assert!(turned.abs() > 0.999, "{}: {heard:?}", speaker.profile());
            }
            assert!(is_heard, "{}", speaker.profile());
            count += 1;
        }
        assert!(count > 25, "{count} profiles");
    }
}
