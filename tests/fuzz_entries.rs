//! The entries of the fuzz targets on stable Rust: good input, and a few hundred changes of it.

#[path = "../fuzz/entries.rs"]
mod entries;

use imu2music::neural::zoo;
use imu2music::sensor::encode::Spoken;
use imu2music::sensor::{DeviceId, SensorFrame};
use imu2music::units::HostTime;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    /// A copy with some bytes flipped, set or cut off.
    fn changed(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(bytes.len());
            match self.below(8) {
                0 => bytes.truncate(at),
                1 => bytes[at] = 0xff,
                _ => bytes[at] ^= 1 << self.below(8),
            }
            if bytes.is_empty() {
                break;
            }
        }
        bytes
    }
}

/// Behind their lengths, as the entry wants them.
fn joined(datagrams: &[Vec<u8>]) -> Vec<u8> {
    let pieces = datagrams.iter().map(|datagram| {
        let length = (datagram.len() as u16).to_le_bytes();
        [&length[..], datagram].concat()
    });
    pieces.collect::<Vec<_>>().concat()
}

#[test]
fn the_model_entry_plays_good_files_and_survives_bad_ones() {
    let mut dice = Dice(0x5eed);
    for file in [zoo::lstm(3, 4, 1), zoo::softsign()] {
        assert!(entries::model(&file));
        for _ in 0..60 {
            entries::model(&dice.changed(&file));
        }
    }
    assert!(!entries::model(b""));
}

#[test]
fn the_datagram_entry_makes_frames_and_survives_noise() {
    let mut reading = SensorFrame::empty(DeviceId(0), HostTime(0.0));
    reading.accel_m_per_s2 = [1.0, -2.0, 9.0];
    reading.rate_rad_per_s = [0.5, -4.0, 2.0];
    reading.quaternion = [1.0, 0.0, 0.0, 0.0];
    let mut good = Vec::new();
    for step in 0..3 {
        for (name, spoken) in Spoken::ALL {
            let datagrams = spoken.encode(7, 0.01 * f64::from(step), &reading);
            assert!(entries::datagrams(&joined(&datagrams)) > 0, "{name}");
            good.extend(joined(&datagrams));
        }
    }
    let mut dice = Dice(0xda7a);
    for _ in 0..500 {
        entries::datagrams(&dice.changed(&good));
        let noise: Vec<u8> = (0..dice.below(200))
            .map(|_| dice.below(256) as u8)
            .collect();
        entries::datagrams(&noise);
    }
}
