//! Reading → datagrams, as real devices send them: for the virtual performer, replay and tests.
//!
//! What a reading does not carry (NaN) is left out where the dialect has a message of its own for
//! it, and zero where it shares one.

mod speaker;
pub use speaker::{Speaker, speakers};

use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};

use super::frame::SensorFrame;
use crate::units::STANDARD_GRAVITY_M_PER_S2;

/// A dialect to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// BITalino R-IoT v2: everything in one message of 22 floats.
    RiotV2,
    /// R-IoT v3.20: a bundle of messages, each with the device's milliseconds.
    RiotV3,
    /// x-io NGIMU: bundles with NTP time tags; no id, so that each device needs a port of its own.
    Ngimu,
    /// GyrOSC on an iPhone: gravity and user acceleration apart, Apple's signs.
    Gyrosc,
    /// ZIG SIM on an iPhone: one bundle.
    ZigSim,
    /// CoMote v3 on a phone: SI units, the phone's milliseconds and its rate.
    Comote,
    /// Sensors2OSC on Android: SI units, one message a datagram.
    Sensors2Osc,
    /// Any other profile of the table, a datagram a message.
    Listed(&'static Speaker),
}

impl Spoken {
    pub const ALL: [(&'static str, Spoken); 7] = [
        ("riot_v2", Spoken::RiotV2),
        ("riot_v3", Spoken::RiotV3),
        ("ngimu", Spoken::Ngimu),
        ("gyrosc", Spoken::Gyrosc),
        ("zigsim", Spoken::ZigSim),
        ("comote", Spoken::Comote),
        ("sensors2osc", Spoken::Sensors2Osc),
    ];

    pub fn from_name(name: &str) -> Option<Spoken> {
        let own = Self::ALL.iter().find(|(known, _)| *known == name);
        let listed = speakers().iter().find(|speaker| speaker.name() == name);
        own.map(|(_, spoken)| *spoken)
            .or(listed.map(Spoken::Listed))
    }

    /// Every name that [`Spoken::from_name`] knows.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let own = Self::ALL.iter().map(|(name, _)| *name);
        let is_own = |name: &&str| Self::ALL.iter().any(|(own, _)| own == name);
        let listed = speakers().iter().map(Speaker::name);
        own.chain(listed.filter(move |name| !is_own(name)))
    }

    /// The datagrams of one reading, made `at_s` seconds after the device was switched on.
    pub fn encode(self, device: u16, at_s: f64, frame: &SensorFrame) -> Vec<Vec<u8>> {
        let parts = Parts::of(frame);
        match self {
            Spoken::RiotV2 => vec![message(&format!("/{device}/raw"), parts.riot_v2())],
            Spoken::RiotV3 => vec![bundle(
                0,
                parts.riot_v3(&format!("/riot/v3/{device}"), at_s),
            )],
            Spoken::Ngimu => parts
                .ngimu()
                .into_iter()
                .map(|part| bundle(ntp(at_s), vec![part]))
                .collect(),
            Spoken::Gyrosc => vec![bundle(
                1,
                parts.apple(&format!("/gyrosc/{device}"), "rrate", "quat", "grav"),
            )],
            Spoken::ZigSim => {
                let prefix = format!("/ZIGSIM/imu2music-{device}");
                vec![bundle(
                    1,
                    parts.apple(&prefix, "gyro", "quaternion", "gravity"),
                )]
            }
            Spoken::Comote => each(parts.si_with(&format!("/comote/v3/{device}"), at_s, true)),
            Spoken::Sensors2Osc => each(parts.sensors2osc()),
            Spoken::Listed(speaker) => speaker.encode(device, at_s, frame),
        }
    }
}

type Part = (String, Vec<OscType>);

/// What a reading carries.
struct Parts<'a> {
    frame: &'a SensorFrame,
    accel: Option<[f32; 3]>,
    rate: Option<[f32; 3]>,
    mag: Option<[f32; 3]>,
    quaternion: Option<[f32; 4]>,
    linear: Option<[f32; 3]>,
}

impl<'a> Parts<'a> {
    fn of(frame: &'a SensorFrame) -> Self {
        Parts {
            frame,
            accel: whole(frame.accel_m_per_s2),
            rate: whole(frame.rate_rad_per_s),
            mag: whole(frame.mag_ut),
            quaternion: whole(frame.quaternion),
            linear: whole(frame.linear_accel_m_per_s2),
        }
    }

    fn aux(&self, index: usize) -> f32 {
        let value = self.frame.aux[index];
        if value.is_nan() { 0.0 } else { value }
    }

    fn accel_g(&self) -> [f32; 3] {
        self.accel
            .unwrap_or_default()
            .map(|value| value / STANDARD_GRAVITY_M_PER_S2)
    }

    fn riot_v2(&self) -> Vec<OscType> {
        let mut numbers = Vec::with_capacity(22);
        numbers.extend(self.accel_g());
        numbers.extend(
            self.rate
                .unwrap_or_default()
                .map(|value| value.to_degrees() / 1000.0),
        );
        numbers.extend(self.mag.unwrap_or_default().map(|value| value / 100.0));
        numbers.extend([25.0, self.aux(0), self.aux(3), self.aux(1), self.aux(2)]);
        let quaternion = self.quaternion.unwrap_or_default();
        numbers.extend(quaternion);
        let [yaw, pitch, roll] = euler_deg(quaternion);
        numbers.extend([yaw, pitch, roll, yaw]);
        floats(numbers)
    }

    fn riot_v3(&self, prefix: &str, at_s: f64) -> Vec<Part> {
        let mut parts = self.si_with(prefix, at_s, false);
        if !self.frame.aux[0].is_nan() {
            let ms = OscType::Int((at_s * 1e3) as i32);
            let arguments = vec![OscType::Float(self.aux(0)), OscType::Float(0.0), ms];
            parts.push((format!("{prefix}/control/key"), arguments));
        }
        parts
    }

    /// sc-motion's format: m/s², rad/s, µT, quaternion x, y, z, w, then milliseconds (and Hz).
    fn si_with(&self, prefix: &str, at_s: f64, with_rate: bool) -> Vec<Part> {
        let quaternion = self.quaternion.map(|[w, x, y, z]| vec![x, y, z, w]);
        let named = [
            ("accelerometer", self.accel.map(Vec::from)),
            ("gyroscope", self.rate.map(Vec::from)),
            ("magnetometer", self.mag.map(Vec::from)),
            ("gravity", self.gravity().map(Vec::from)),
            ("absoluteorientation/quaternion", quaternion),
        ];
        let carried = named
            .into_iter()
            .filter_map(|(name, numbers)| Some((name, numbers?)));
        carried
            .map(|(name, numbers)| {
                let mut arguments = floats(numbers);
                arguments.push(OscType::Int((at_s * 1e3).round() as i32));
                if with_rate {
                    arguments.push(OscType::Int(100));
                }
                (format!("{prefix}/{name}"), arguments)
            })
            .collect()
    }

    fn ngimu(&self) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.accel.is_some() || self.rate.is_some() {
            let mut numbers = self.rate.unwrap_or_default().map(f32::to_degrees).to_vec();
            numbers.extend(self.accel_g());
            numbers.extend(self.mag.unwrap_or_default());
            numbers.push(1013.0);
            parts.push(("/sensors".to_owned(), floats(numbers)));
        }
        parts.extend(
            self.quaternion
                .map(|numbers| ("/quaternion".to_owned(), floats(numbers.to_vec()))),
        );
        parts
    }

    fn apple(&self, prefix: &str, rate: &str, quaternion: &str, gravity: &str) -> Vec<Part> {
        let in_apple_g = |vector: [f32; 3]| {
            vector
                .map(|value| -value / STANDARD_GRAVITY_M_PER_S2)
                .to_vec()
        };
        let order = |[w, x, y, z]: [f32; 4]| {
            if quaternion == "quat" {
                vec![w, x, y, z]
            } else {
                vec![x, y, z, w]
            }
        };
        let named = [
            (rate, self.rate.map(Vec::from)),
            (gravity, self.gravity().map(in_apple_g)),
            ("accel", self.user_acceleration().map(in_apple_g)),
            (quaternion, self.quaternion.map(order)),
        ];
        let carried = named
            .into_iter()
            .filter_map(|(name, numbers)| Some((name, numbers?)));
        carried
            .map(|(name, numbers)| (format!("{prefix}/{name}"), floats(numbers)))
            .collect()
    }

    fn sensors2osc(&self) -> Vec<Part> {
        let quaternion = self.quaternion.map(|[w, x, y, z]| vec![x, y, z, w]);
        let named = [
            ("/accelerometer", self.accel.map(Vec::from)),
            ("/gyroscope", self.rate.map(Vec::from)),
            ("/magneticfield", self.mag.map(Vec::from)),
            ("/linearacceleration", self.linear.map(Vec::from)),
            ("/rotationvector", quaternion),
        ];
        let carried = named
            .into_iter()
            .filter_map(|(name, numbers)| Some((name, numbers?)));
        carried
            .map(|(name, numbers)| (name.to_owned(), floats(numbers)))
            .collect()
    }

    /// Gravity's part of the specific force, from the orientation; else all of it.
    fn gravity(&self) -> Option<[f32; 3]> {
        match (self.accel, self.linear, self.quaternion) {
            (Some(accel), Some(linear), _) => {
                Some(std::array::from_fn(|axis| accel[axis] - linear[axis]))
            }
            (_, _, Some([w, x, y, z])) => {
                let up = [
                    2.0 * (x * z - w * y),
                    2.0 * (y * z + w * x),
                    w * w - x * x - y * y + z * z,
                ];
                Some(up.map(|value| value * STANDARD_GRAVITY_M_PER_S2))
            }
            (accel, ..) => accel,
        }
    }

    fn user_acceleration(&self) -> Option<[f32; 3]> {
        let gravity = self.gravity()?;
        let difference = |accel: [f32; 3]| std::array::from_fn(|axis| accel[axis] - gravity[axis]);
        self.linear.or_else(|| self.accel.map(difference))
    }
}

fn whole<const N: usize>(numbers: [f32; N]) -> Option<[f32; N]> {
    numbers
        .iter()
        .all(|number| number.is_finite())
        .then_some(numbers)
}

fn floats(numbers: Vec<f32>) -> Vec<OscType> {
    numbers.into_iter().map(OscType::Float).collect()
}

fn euler_deg(quaternion: [f32; 4]) -> [f32; 3] {
    euler_rad(quaternion).map(f32::to_degrees)
}

/// Yaw about z, then pitch about y, then roll about x.
fn euler_rad([w, x, y, z]: [f32; 4]) -> [f32; 3] {
    let yaw = (2.0 * (x * y + w * z)).atan2(w * w + x * x - y * y - z * z);
    let pitch = (2.0 * (w * y - x * z)).clamp(-1.0, 1.0).asin();
    let roll = (2.0 * (w * x + y * z)).atan2(w * w - x * x - y * y + z * z);
    [yaw, pitch, roll]
}

/// One message as a datagram.
pub fn message(address: &str, args: Vec<OscType>) -> Vec<u8> {
    bytes(&OscPacket::Message(OscMessage {
        addr: address.to_owned(),
        args,
    }))
}

/// Messages as one bundle.
pub fn bundle(time_tag: u64, parts: Vec<Part>) -> Vec<u8> {
    let content = parts
        .into_iter()
        .map(|(addr, args)| OscPacket::Message(OscMessage { addr, args }));
    let timetag = OscTime::from(((time_tag >> 32) as u32, time_tag as u32));
    bytes(&OscPacket::Bundle(OscBundle {
        timetag,
        content: content.collect(),
    }))
}

fn each(parts: Vec<Part>) -> Vec<Vec<u8>> {
    parts
        .into_iter()
        .map(|(address, arguments)| message(&address, arguments))
        .collect()
}

/// A device whose clock was set to 1 January 2025 when it was switched on.
fn ntp(at_s: f64) -> u64 {
    const SWITCHED_ON: u64 = 3_944_678_400;
    ((SWITCHED_ON as f64 + at_s) * 4_294_967_296.0) as u64
}

fn bytes(packet: &OscPacket) -> Vec<u8> {
    // The encoder writes to memory and has nothing to fail at.
    rosc::encoder::encode(packet).unwrap_or_default()
}
