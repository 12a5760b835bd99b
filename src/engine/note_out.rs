//! Controls as notes: a note starts when the sound rises, follows when the pitch settles on another
//! key, and ends when the sound falls. One voice; audio thread.

use crate::controls::Controls;

/// The gate opens above and closes below these levels in dB, so that a wavering level is one note.
const OPEN_DB: f32 = -45.0;
const CLOSE_DB: f32 = -55.0;
/// How far the pitch must leave the sounding key before another one is struck, in semitones.
const LEAVE_SEMITONES: f32 = 0.7;

/// What changed at this tick; the end comes before the start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NoteChange {
    pub ended: Option<u8>,
    /// Key and velocity (0 to 1).
    pub started: Option<(u8, f32)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct NoteOut {
    sounding: Option<u8>,
}

impl NoteOut {
    pub fn push(&mut self, controls: &Controls, enabled: bool) -> NoteChange {
        let loud_enough = match self.sounding {
            None => controls.loudness_db > OPEN_DB,
            Some(_) => controls.loudness_db > CLOSE_DB,
        };
        if !enabled || !loud_enough {
            return NoteChange {
                ended: self.sounding.take(),
                started: None,
            };
        }
        let key = controls.pitch_note.round().clamp(0.0, 127.0) as u8;
        let stays = self.sounding.is_some_and(|sounding| {
            (controls.pitch_note - f32::from(sounding)).abs() < LEAVE_SEMITONES
        });
        if stays {
            return NoteChange::default();
        }
        let velocity = (1.0 + controls.loudness_db / 60.0).clamp(0.05, 1.0);
        NoteChange {
            ended: self.sounding.replace(key),
            started: Some((key, velocity)),
        }
    }
}

/// Notes decided since the host last asked, without a heap: a span holds few ticks.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoteQueue {
    notes: [NoteChange; 16],
    first: usize,
    count: usize,
}

impl NoteQueue {
    /// Keeps a change; what changes nothing is not kept. A full queue drops the oldest.
    pub fn push(&mut self, change: NoteChange) {
        if change == NoteChange::default() {
            return;
        }
        if self.count == self.notes.len() {
            self.pop();
        }
        self.notes[(self.first + self.count) % self.notes.len()] = change;
        self.count += 1;
    }

    pub fn pop(&mut self) -> Option<NoteChange> {
        if self.count == 0 {
            return None;
        }
        let change = self.notes[self.first];
        self.first = (self.first + 1) % self.notes.len();
        self.count -= 1;
        Some(change)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(pitch_note: f32, loudness_db: f32) -> Controls {
        Controls {
            pitch_note,
            loudness_db,
            ..Controls::SILENT
        }
    }

    #[test]
    fn vibrato_is_one_note_and_a_step_is_two() {
        let mut notes = NoteOut::default();
        assert_eq!(
            notes.push(&at(60.0, -20.0), true).started.map(|n| n.0),
            Some(60)
        );
        assert_eq!(notes.push(&at(60.6, -20.0), true), NoteChange::default());
        let step = notes.push(&at(62.0, -20.0), true);
        assert_eq!(
            (step.ended, step.started.map(|n| n.0)),
            (Some(60), Some(62))
        );
    }

    #[test]
    fn no_note_hangs_when_the_sound_falls_or_sending_is_switched_off() {
        let mut notes = NoteOut::default();
        notes.push(&at(60.0, -20.0), true);
        assert_eq!(notes.push(&at(60.0, -70.0), true).ended, Some(60));
        notes.push(&at(60.0, -20.0), true);
        assert_eq!(notes.push(&at(60.0, -20.0), false).ended, Some(60));
    }
}
