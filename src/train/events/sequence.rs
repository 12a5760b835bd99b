//! Notes as a sequence of events and back. Each event stands at the frame at which it is decided: a network that plays
//! along has heard the motion up to there and no further.

use super::notes::Note;
use crate::neural::events::{Alphabet, Event};

/// The events of a stretch of time, and the frame (from the stretch's beginning) at which each is decided.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    pub events: Vec<usize>,
    pub frames: Vec<usize>,
}

/// What happens in frames `[from, from + frames)`, closed by an end. A note that sounds already begins at once; one
/// that sounds on is left open.
pub fn encode(notes: &[Note], from: usize, frames: usize, alphabet: &Alphabet) -> Sequence {
    let to = from + frames;
    // Ends before beginnings, where both are at one frame.
    let mut changes: Vec<(usize, bool, Note)> = Vec::new();
    for note in notes.iter().filter(|n| n.begin < to && n.end > from) {
        changes.push((note.begin.max(from) - from, true, *note));
        if note.end < to {
            changes.push((note.end - from, false, *note));
        }
    }
    changes.sort_by_key(|(frame, begins, note)| (*frame, *begins, note.note));
    let mut writer = Writer {
        sequence: Sequence::default(),
        alphabet,
        now: 0,
    };
    let mut velocity = None;
    for (frame, begins, note) in changes {
        writer.wait_until(frame);
        if !begins {
            writer.say(Event::Off(note.note));
            continue;
        }
        if velocity != Some(note.velocity) {
            writer.say(Event::Velocity(note.velocity));
            velocity = Some(note.velocity);
        }
        writer.say(Event::On(note.note));
    }
    writer.wait_until(frames);
    writer.say(Event::End);
    // The end is decided when the last frame has been heard.
    for frame in &mut writer.sequence.frames {
        *frame = (*frame).min(frames.saturating_sub(1));
    }
    writer.sequence
}

struct Writer<'a> {
    sequence: Sequence,
    alphabet: &'a Alphabet,
    now: usize,
}

impl Writer<'_> {
    fn say(&mut self, event: Event) {
        self.sequence.events.push(self.alphabet.number(event));
        self.sequence.frames.push(self.now);
    }

    fn wait_until(&mut self, frame: usize) {
        while self.now < frame {
            let units = (frame - self.now).min(self.alphabet.shifts);
            self.say(Event::Shift(units));
            self.now += units;
        }
    }
}

/// The notes that events say within `frames`; what is left open ends there.
pub fn decode(events: &[usize], frames: usize, alphabet: &Alphabet) -> Vec<Note> {
    let (mut now, mut velocity) = (0, alphabet.velocities * 2 / 3);
    let mut open: Vec<Note> = Vec::new();
    let mut notes = Vec::new();
    for event in events {
        match alphabet.event(*event) {
            Event::On(note) => open.push(Note {
                begin: now,
                end: now,
                note,
                velocity,
            }),
            Event::Off(note) => {
                let (ended, rest) = open.into_iter().partition(|n| n.note == note);
                open = rest;
                let ended: Vec<Note> = ended;
                notes.extend(ended.into_iter().map(|n| Note { end: now, ..n }));
            }
            Event::Shift(units) => now = (now + units).min(frames),
            Event::Velocity(v) => velocity = v,
            Event::End => break,
            Event::Start | Event::Pad => {}
        }
    }
    notes.extend(open.into_iter().map(|n| Note { end: frames, ..n }));
    notes.retain(|n| n.end > n.begin);
    notes.sort_by_key(|n| (n.begin, n.note));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(begin: usize, end: usize, note: u8, velocity: usize) -> Note {
        Note {
            begin,
            end,
            note,
            velocity,
        }
    }

    #[test]
    fn events_say_the_notes_that_they_were_made_of() {
        let piano = Alphabet::PIANO;
        let notes = [
            note(0, 30, 60, 20),
            note(30, 70, 60, 20),
            note(70, 75, 64, 9),
            note(70, 200, 67, 9),
        ];
        let sequence = encode(&notes, 0, 300, &piano);
        assert_eq!(decode(&sequence.events, 300, &piano), notes);
        let said = |e: Event| piano.number(e);
        assert_eq!(
            sequence.events[..5],
            [
                said(Event::Velocity(20)),
                said(Event::On(60)),
                said(Event::Shift(30)),
                said(Event::Off(60)),
                said(Event::On(60))
            ]
        );
        assert_eq!(sequence.frames[..5], [0, 0, 0, 30, 30]);
        assert_eq!(sequence.events.last(), Some(&said(Event::End)));
        assert_eq!(sequence.frames.last(), Some(&299));
    }

    #[test]
    fn a_stretch_begins_with_what_sounds_and_leaves_open_what_sounds_on() {
        let piano = Alphabet::PIANO;
        let sequence = encode(&[note(10, 400, 50, 3)], 100, 100, &piano);
        assert_eq!(decode(&sequence.events, 100, &piano), [note(0, 100, 50, 3)]);
        assert!(!sequence.events.contains(&piano.number(Event::Off(50))));
    }

    #[test]
    fn a_wait_longer_than_the_longest_shift_is_several() {
        let piano = Alphabet::PIANO;
        let sequence = encode(&[], 0, 70, &piano);
        let shifts: Vec<Event> = sequence.events.iter().map(|e| piano.event(*e)).collect();
        let expected = [
            Event::Shift(32),
            Event::Shift(32),
            Event::Shift(6),
            Event::End,
        ];
        assert_eq!(shifts, expected);
    }
}
