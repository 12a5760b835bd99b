//! Notes on the grid of an event model: heard in the Controls of a recording, one after another.

use crate::neural::events::Alphabet;
use crate::train::gesture::Truth;

/// Frames of motion a second, and the grid of time shifts: 20 ms. Onsets are known to about as much.
pub const RATE_HZ: u32 = 50;
/// A note begins above and ends below these levels, as the engine's notes do.
const BEGINS_DB: f32 = -45.0;
const ENDS_DB: f32 = -55.0;
/// A pitch that leaves a note by so much, for so many frames, is another note.
const LEAVES_SEMITONES: f32 = 0.7;
const LEAVES_FRAMES: usize = 3;
/// Shorter ones are no notes: 60 ms.
const SHORTEST_FRAMES: usize = 3;
/// A note is as loud as it gets in its first 200 ms.
const LOUD_WITHIN_FRAMES: usize = 10;

/// A note from frame `begin` up to frame `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note {
    pub begin: usize,
    pub end: usize,
    /// MIDI note number.
    pub note: u8,
    /// In the alphabet's steps.
    pub velocity: usize,
}

/// The notes of a recording at [`RATE_HZ`], in the order of time. One sounds at a time.
pub fn heard(truth: &[Truth], alphabet: &Alphabet) -> Vec<Note> {
    let mut notes = Vec::new();
    let mut begin: Option<usize> = None;
    for now in 0..=truth.len() {
        let ends = match (begin, truth.get(now)) {
            (Some(begin), Some(_)) => ends_before(truth, begin, now),
            (Some(_), None) => true,
            (None, _) => false,
        };
        if ends && let Some(from) = begin.take() {
            notes.extend(note(&truth[from..now], from, alphabet));
        }
        let begins = truth
            .get(now)
            .is_some_and(|frame| frame.pitched && frame.controls.loudness_db > BEGINS_DB);
        if begin.is_none() && begins {
            begin = Some(now);
        }
    }
    notes
}

/// Whether the note that began at `begin` has ended when `now` begins.
fn ends_before(truth: &[Truth], begin: usize, now: usize) -> bool {
    let frame = &truth[now];
    let strikes = frame.onset && !truth[now - 1].onset && now > begin + 1;
    let is_gone = frame.controls.loudness_db < ENDS_DB || !frame.pitched;
    strikes || is_gone || leaves(truth, begin, now)
}

/// The pitch goes to another note at `now` and stays away.
fn leaves(truth: &[Truth], begin: usize, now: usize) -> bool {
    if now < begin + SHORTEST_FRAMES {
        return false;
    }
    let held = middle(&truth[begin..now]);
    let next = &truth[now..(now + LEAVES_FRAMES).min(truth.len())];
    let far = |frame: &Truth| (frame.controls.pitch_note - held).abs() > LEAVES_SEMITONES;
    next.iter().all(far)
}

fn middle(frames: &[Truth]) -> f32 {
    let mut pitches: Vec<f32> = frames.iter().map(|f| f.controls.pitch_note).collect();
    pitches.sort_by(f32::total_cmp);
    pitches[pitches.len() / 2]
}

/// None where it is too short, or beyond the alphabet.
fn note(frames: &[Truth], begin: usize, alphabet: &Alphabet) -> Option<Note> {
    let pitch = middle(frames).round();
    let lowest = f32::from(alphabet.lowest_note);
    let known = (lowest..lowest + alphabet.notes as f32).contains(&pitch);
    if frames.len() < SHORTEST_FRAMES || !known {
        return None;
    }
    let first = frames.iter().take(LOUD_WITHIN_FRAMES);
    let loudness_db = first.fold(f32::MIN, |most, f| most.max(f.controls.loudness_db));
    Some(Note {
        begin,
        end: begin + frames.len(),
        note: pitch as u8,
        velocity: alphabet.velocity(loudness_db),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;

    #[test]
    fn strikes_new_pitches_and_silence_part_notes() {
        let mut truth = Vec::new();
        let mut add = |frames: usize, pitch_note: f32, loudness_db: f32, strikes: bool| {
            for frame in 0..frames {
                truth.push(Truth {
                    controls: Controls {
                        pitch_note,
                        loudness_db,
                        ..Controls::SILENT
                    },
                    onset: strikes && frame < 2,
                    pitched: loudness_db > -70.0,
                });
            }
        };
        add(10, 60.0, -80.0, false);
        add(20, 60.1, -20.0, true);
        add(15, 60.2, -30.0, true);
        add(25, 64.0, -30.0, false);
        add(2, 70.0, -80.0, false);
        add(2, 70.0, -20.0, false);
        let piano = Alphabet::PIANO;
        let found = heard(&truth, &piano);
        let spans: Vec<_> = found.iter().map(|n| (n.begin, n.end, n.note)).collect();
        assert_eq!(spans, [(10, 30, 60), (30, 45, 60), (45, 70, 64)]);
        assert_eq!(found[0].velocity, piano.velocity(-20.0));
    }
}
