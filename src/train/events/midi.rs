//! Notes out of a Standard MIDI File (format 0 or 1), with its tempo changes. Total: whatever the bytes are, it says
//! what is wrong with them.

use super::score::Written;

/// Microseconds per quarter note until a file says otherwise: 120 a minute.
const TEMPO_US: f64 = 500_000.0;

/// What matters of a track, in ticks from its beginning.
enum Word {
    Tempo(f64),
    /// Channel and key, and the velocity: 0 ends the note.
    Key(u8, u8, u8),
}

/// The notes in the order of their ends.
pub fn notes(bytes: &[u8]) -> Result<Vec<Written>, String> {
    let mut file = Reader { bytes, at: 0 };
    if file.take(4)? != b"MThd" {
        return Err("it does not begin with MThd".into());
    }
    let length = file.number(4)?;
    let header = file.take(length)?;
    let &[_, format, tracks_high, tracks_low, high, low, ..] = header else {
        return Err("its header is too short".into());
    };
    if format > 1 {
        return Err(format!("it has format {format}; 0 and 1 are read"));
    }
    if high & 0x80 != 0 {
        return Err("its times are film frames, not beats".into());
    }
    let per_quarter = f64::from(u16::from_be_bytes([high, low]).max(1));
    let mut words = Vec::new();
    for _ in 0..u16::from_be_bytes([tracks_high, tracks_low]) {
        let is_track = file.take(4)? == b"MTrk";
        let length = file.number(4)?;
        let body = file.take(length)?;
        if is_track {
            track(body, &mut words)?;
        }
    }
    // Stable: at one tick, what stands first comes first.
    words.sort_by_key(|(tick, _)| *tick);
    Ok(joined(&words, per_quarter))
}

fn track(bytes: &[u8], words: &mut Vec<(u64, Word)>) -> Result<(), String> {
    let mut track = Reader { bytes, at: 0 };
    let (mut tick, mut running) = (0u64, 0u8);
    while track.at < bytes.len() {
        tick += track.variable()? as u64;
        let first = track.byte()?;
        let status = if first & 0x80 != 0 { first } else { running };
        if first & 0x80 == 0 {
            track.at -= 1;
        }
        match status {
            0xff => {
                let kind = track.byte()?;
                let length = track.variable()?;
                let data = track.take(length)?;
                if let (0x51, &[a, b, c]) = (kind, data) {
                    let tempo = u32::from_be_bytes([0, a, b, c]);
                    words.push((tick, Word::Tempo(f64::from(tempo))));
                }
            }
            0xf0 | 0xf7 => {
                let length = track.variable()?;
                track.take(length)?;
            }
            0x80..=0xef => {
                running = status;
                let data = track.take(if matches!(status >> 4, 0xc | 0xd) {
                    1
                } else {
                    2
                })?;
                let channel = status & 0x0f;
                match (status >> 4, data) {
                    (0x9, &[key, velocity]) => {
                        words.push((tick, Word::Key(channel, key, velocity)));
                    }
                    (0x8, &[key, _]) => words.push((tick, Word::Key(channel, key, 0))),
                    _ => {}
                }
            }
            _ => return Err(format!("byte {} of a track is no event", track.at)),
        }
    }
    Ok(())
}

fn joined(words: &[(u64, Word)], per_quarter: f64) -> Vec<Written> {
    let (mut now_s, mut before, mut tempo_us) = (0.0, 0, TEMPO_US);
    let mut open: Vec<(u8, u8, f64, u8)> = Vec::new();
    let mut notes = Vec::new();
    for (tick, word) in words {
        now_s += (tick - before) as f64 / per_quarter * tempo_us * 1e-6;
        before = *tick;
        match word {
            Word::Tempo(us) => tempo_us = *us,
            Word::Key(channel, key, velocity) => {
                let place = open.iter().position(|o| (o.0, o.1) == (*channel, *key));
                if let Some((_, _, onset_s, struck)) = place.map(|place| open.remove(place)) {
                    notes.push(Written {
                        onset_s,
                        offset_s: now_s,
                        pitch: f64::from(*key),
                        velocity: f64::from(struck),
                    });
                }
                if *velocity > 0 {
                    open.push((*channel, *key, now_s, *velocity));
                }
            }
        }
    }
    notes
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let end = self
            .at
            .checked_add(count)
            .filter(|end| *end <= self.bytes.len());
        let end =
            end.ok_or_else(|| format!("it ends in the middle, at byte {}", self.bytes.len()))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self, bytes: usize) -> Result<usize, String> {
        let taken = self.take(bytes)?;
        Ok(taken
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    /// Seven bits a byte, four bytes at most.
    fn variable(&mut self) -> Result<usize, String> {
        let mut sum = 0;
        for _ in 0..4 {
            let byte = self.byte()?;
            sum = sum << 7 | usize::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return Ok(sum);
            }
        }
        Err(format!("a length before byte {} is too long", self.at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::sound::phrases::{Phrases, midi};

    #[test]
    fn our_own_files_are_read_back() {
        let wanted = Phrases {
            program: 0,
            lowest_note: 50,
            highest_note: 70,
            seconds: 20.0,
            seed: 1,
            struck: false,
            out: Default::default(),
        };
        let found = notes(&midi(&wanted)).unwrap();
        assert!(found.len() > 10);
        assert!(found.iter().all(|n| (50.0..=70.0).contains(&n.pitch)));
        assert!(
            found
                .iter()
                .all(|n| n.offset_s > n.onset_s && n.offset_s < 35.0)
        );
    }

    #[test]
    fn tempo_and_running_status_are_followed() {
        let body: &[u8] = &[
            0, 0xff, 0x51, 3, 0x07, 0xa1, 0x20, 0, 0x90, 60, 100, 96, 62, 90, 96, 60, 0, 0, 0xff,
            0x51, 3, 0x0f, 0x42, 0x40, 96, 62, 0, 0, 0xff, 0x2f, 0,
        ];
        let mut file = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk\0\0\0".to_vec();
        file.push(body.len() as u8);
        file.extend(body);
        let found = notes(&file).unwrap();
        let times: Vec<_> = found
            .iter()
            .map(|n| (n.onset_s, n.offset_s, n.pitch))
            .collect();
        assert_eq!(times, [(0.0, 1.0, 60.0), (0.5, 2.0, 62.0)]);
        for length in 0..file.len() {
            let _ = notes(&file[..length]);
        }
        assert!(
            notes(&file[..30])
                .unwrap_err()
                .contains("ends in the middle")
        );
    }
}
