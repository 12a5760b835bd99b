//! From a virtual performance to takes: what the sensors would send under given circumstances (strap, rate, gaps, a
//! sensor that is missing), through the playout and the features of the code that plays. Different circumstances for
//! every take are the augmentation.

use crate::gesture::mapping::{Channels, KnownDevice, MapPlayer, Mapping};
use crate::gesture::pipeline::MotionTick;
use crate::gesture::{Role, TICK_RATE_HZ, TICK_S};
use crate::sensor::performer::{Chance, LIMBS, Performer, Reading};
use crate::sensor::{DeviceId, SensorFrame};
use crate::units::HostTime;

/// Which words of a reading a device sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Accelerometer, gyroscope and its own quaternion.
    Fused,
    /// Accelerometer and gyroscope.
    SixAxis,
    /// An accelerometer alone.
    Accelerometer,
}

/// How one sensor is worn and received.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    pub present: bool,
    pub kind: Kind,
    pub rate_hz: f64,
    /// Gaps of 20 to 250 ms.
    pub gaps_per_s: f64,
}

impl Circumstances {
    /// As the demo and most players have it.
    #[cfg(test)]
    pub const GOOD: Circumstances = Circumstances {
        present: true,
        kind: Kind::SixAxis,
        rate_hz: 100.0,
        gaps_per_s: 0.0,
    };

    pub fn any(chance: &mut Chance) -> Circumstances {
        Circumstances {
            present: true,
            kind: if chance.happens(0.5) {
                Kind::Fused
            } else {
                Kind::SixAxis
            },
            rate_hz: chance.pick(&[50.0, 100.0, 100.0, 100.0, 200.0]),
            gaps_per_s: if chance.happens(0.3) {
                chance.between(0.05, 0.5)
            } else {
                0.0
            },
        }
    }
}

/// What a device with these circumstances would have sent of a reading.
fn frame(device: u16, t_s: f64, reading: &Reading, kind: Kind) -> SensorFrame {
    let mut frame = SensorFrame::empty(DeviceId(device), HostTime(t_s));
    frame.accel_m_per_s2 = reading.accel_m_per_s2;
    if kind != Kind::Accelerometer {
        frame.rate_rad_per_s = reading.rate_rad_per_s;
    }
    if kind == Kind::Fused {
        frame.quaternion = reading.quaternion;
    }
    frame
}

/// Everything that one sensor sends of a performance that has been going on since `from_s`, on a clock that starts
/// at 0 there. Reading times jitter by some tenths of a millisecond, as a device's own clock does.
pub fn send(
    performer: &Performer,
    limb: usize,
    from_s: f64,
    duration_s: f64,
    circumstances: &Circumstances,
    chance: &mut Chance,
) -> Vec<SensorFrame> {
    let mut frames = Vec::new();
    let period_s = 1.0 / circumstances.rate_hz;
    let phase_s = chance.unit() * period_s;
    let mut gap_until_s = 0.0;
    for index in 0..(duration_s * circumstances.rate_hz) as u64 {
        let t_s = index as f64 * period_s + phase_s + 3e-4 * chance.normal().clamp(-3.0, 3.0);
        if chance.happens(circumstances.gaps_per_s * period_s) {
            gap_until_s = t_s + chance.between(0.02, 0.25);
        }
        if circumstances.present && t_s > gap_until_s && t_s >= 0.0 {
            let reading = performer.reading(limb, from_s + t_s);
            frames.push(frame(limb as u16, t_s, &reading, circumstances.kind));
        }
    }
    frames
}

/// What a model hears of the readings that each limb's sensor sent.
pub fn listen(
    sent: &[Vec<SensorFrame>],
    input_names: &[String],
    frames: usize,
    rate_hz: u32,
) -> Vec<f32> {
    let roles: Vec<Role> = LIMBS
        .iter()
        .filter_map(|limb| Role::from_name(limb))
        .collect();
    let worn = &roles[..sent.len().min(roles.len())];
    hear(sent, worn, input_names, frames, rate_hz)
}

/// The playing code's own playout and features, on its control grid, thinned to a model's rate: `[frames][input
/// names]`. `sent[i]` are the readings of device `i`, worn in `roles[i]`, on a clock whose 0 is the first frame.
pub fn hear(
    sent: &[Vec<SensorFrame>],
    roles: &[Role],
    input_names: &[String],
    frames: usize,
    rate_hz: u32,
) -> Vec<f32> {
    let keys: Vec<String> = roles.iter().map(|role| role.name().to_owned()).collect();
    let known = keys.iter().enumerate().map(|(seat, key)| KnownDevice {
        id: DeviceId(seat as u16),
        key,
        last_seen: HostTime(0.0),
    });
    let devices: Vec<KnownDevice> = known.collect();
    let seats = roles.iter().copied().zip(keys.iter().cloned());
    let mapping = Mapping {
        seats: seats.collect(),
        ..Mapping::default()
    };
    let (map, _) = mapping.compile(input_names, &devices);
    let mut motion = MotionTick::new();
    motion.set_seating(&map.seating);
    let mut player = MapPlayer::new(&map);
    // Readings are there ahead of the tick, so the playout needs no delay to interpolate as it does when playing,
    // and features and truth are of the same moment.
    motion.playout.set_delay(Some(0.0));
    let mut next = vec![0; sent.len()];
    let mut features = Vec::with_capacity(frames * input_names.len());
    let mut row = vec![0.0; input_names.len()];
    let ticks = (TICK_RATE_HZ / rate_hz) as usize;
    for tick in 0..frames * ticks {
        let time_s = tick as f64 * TICK_S;
        for (sent, next) in sent.iter().zip(&mut next) {
            while *next < sent.len() && sent[*next].time.0 <= time_s + AHEAD_S {
                motion.push(sent[*next]);
                *next += 1;
            }
        }
        let bank = motion.tick(HostTime(time_s)).bank;
        if tick % ticks == 0 {
            let channels = Channels {
                bank,
                ..Channels::NEUTRAL
            };
            player.read(&channels, 1.0 / rate_hz as f32, &mut row);
            features.extend_from_slice(&row);
        }
    }
    features
}

/// More than the longest gap that the playout bridges.
const AHEAD_S: f64 = 0.12;
