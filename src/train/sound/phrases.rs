//! Phrases for a synthesiser to play, as a MIDI file: seeded melodies that walk over an instrument's whole range, soft
//! and loud, short and long, swelling and dying. Rendered offline (for example by fluidsynth), they are recordings to
//! train on. Format: Standard MIDI Files 1.0.

use std::path::PathBuf;

use super::TrainError;
use super::dice::Dice;

/// Ticks per second: 480 per quarter at the default tempo of 120.
const TICKS_PER_S: f32 = 960.0;
/// A swell is drawn by this many controller values a second.
const SWELL_HZ: f32 = 40.0;
const EXPRESSION: u8 = 11;

/// What is asked of the player.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "standalone", derive(clap::Args))]
pub struct Phrases {
    /// General MIDI program, from 0: 71 is a clarinet, 24 a nylon guitar, 42 a cello.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub program: u8,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 50))]
    pub lowest_note: u8,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 90))]
    pub highest_note: u8,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 300.0))]
    pub seconds: f32,
    #[cfg_attr(feature = "standalone", arg(long, default_value_t = 1))]
    pub seed: u64,
    /// Struck and plucked sounds ring by themselves: no swells, longer gaps.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub struck: bool,
    /// The MIDI file to write.
    #[cfg_attr(feature = "standalone", arg(long))]
    pub out: PathBuf,
}

/// Writes the phrases.
pub fn run(wanted: &Phrases) -> Result<(), TrainError> {
    super::write_whole(&wanted.out, &midi(wanted))
}

/// The bytes of a MIDI file.
pub fn midi(wanted: &Phrases) -> Vec<u8> {
    let mut dice = Dice::new(wanted.seed);
    let mut track = Track::default();
    track.event(0.0, &[0xC0, wanted.program.min(127)]);
    let (low, high) = (
        f32::from(wanted.lowest_note),
        f32::from(wanted.highest_note.max(wanted.lowest_note)),
    );
    let (mut at, mut note) = (0.5, dice.between(low, high));
    while at < wanted.seconds {
        let phrase_end = at + dice.between(3.0, 9.0);
        let loud = dice.between(25.0, 127.0);
        if dice.chance(0.3) {
            note = dice.between(low, high);
        }
        while at < phrase_end {
            note += 3.2 * dice.normal();
            note = if note < low { 2.0 * low - note } else { note };
            note = if note > high { 2.0 * high - note } else { note }.clamp(low, high);
            let length =
                0.12 * dice.between(0.0, 3.3).exp2() * if wanted.struck { 1.6 } else { 1.0 };
            let velocity = (loud + 14.0 * dice.normal()).clamp(8.0, 127.0) as u8;
            let key = note.round() as u8;
            if !wanted.struck {
                swell(&mut track, &mut dice, at, length);
            }
            track.event(at, &[0x90, key, velocity]);
            let held = length
                * if dice.chance(0.5) {
                    1.0
                } else {
                    dice.between(0.5, 0.95)
                };
            track.event(at + held, &[0x80, key, 0]);
            at += length;
        }
        at += dice.between(0.3, if wanted.struck { 2.0 } else { 0.9 });
    }
    track.file()
}

/// Expression over a note: between two levels, by way of a third.
fn swell(track: &mut Track, dice: &mut Dice, at: f32, length: f32) {
    let mut level = || dice.between(50.0, 127.0);
    let (from, by, to) = (level(), level(), level());
    let count = (length * SWELL_HZ).ceil().max(1.0);
    for i in 0..count as usize {
        let x = i as f32 / count;
        let value = (1.0 - x).powi(2) * from + 2.0 * x * (1.0 - x) * by + x * x * to;
        track.event(
            at + x * length,
            &[0xB0, EXPRESSION, value.clamp(0.0, 127.0) as u8],
        );
    }
}

#[derive(Default)]
struct Track {
    /// Tick, order of arrival, bytes.
    events: Vec<(u32, Vec<u8>)>,
}

impl Track {
    fn event(&mut self, seconds: f32, bytes: &[u8]) {
        self.events
            .push(((seconds * TICKS_PER_S) as u32, bytes.to_vec()));
    }

    fn file(mut self) -> Vec<u8> {
        // Stable: at one tick, what was said first comes first.
        self.events.sort_by_key(|(tick, _)| *tick);
        let (mut body, mut now) = (Vec::new(), 0);
        for (tick, bytes) in &self.events {
            body.extend(variable_length(tick - now));
            body.extend(bytes);
            now = *tick;
        }
        body.extend(variable_length(3 * TICKS_PER_S as u32));
        body.extend([0xFF, 0x2F, 0x00]);
        let mut file = b"MThd\0\0\0\x06\0\0\0\x01\x01\xE0MTrk".to_vec();
        file.extend((body.len() as u32).to_be_bytes());
        file.extend(body);
        file
    }
}

/// Seven bits a byte, the highest first, all but the last marked.
fn variable_length(value: u32) -> Vec<u8> {
    let mut bytes = vec![(value & 0x7F) as u8];
    let mut rest = value >> 7;
    while rest > 0 {
        bytes.insert(0, (rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_format_asks() {
        assert_eq!(variable_length(0x40), [0x40]);
        assert_eq!(variable_length(0x3FFF), [0xFF, 0x7F]);
        assert_eq!(variable_length(0x20_0000), [0x81, 0x80, 0x80, 0x00]);
    }

    #[test]
    fn the_same_seed_plays_the_same_phrases_within_the_range() {
        let wanted = Phrases {
            program: 71,
            lowest_note: 50,
            highest_note: 60,
            seconds: 20.0,
            seed: 3,
            struck: true,
            out: PathBuf::new(),
        };
        let file = midi(&wanted);
        assert_eq!(file, midi(&wanted));
        let notes = file.windows(2).filter(|w| w[0] == 0x90).map(|w| w[1]);
        assert!(notes.clone().count() > 20 && notes.into_iter().all(|n| (50..=60).contains(&n)));
    }
}
