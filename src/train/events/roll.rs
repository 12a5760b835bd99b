//! Notes as a picture: time to the right, pitch upwards, louder notes darker; and as Controls, to be sung.

use std::fmt::Write;

use super::material::WINDOW;
use super::notes::{Note, RATE_HZ};
use crate::controls::SILENCE_DB;
use crate::neural::events::Alphabet;
use crate::train::explore::picture::Trace;

const WIDTH: f32 = 620.0;
const ROW: f32 = 5.0;

/// `truth` is grey, what was said is red and hollow; one window.
pub fn draw(title: &str, truth: &[Note], said: &[Note], alphabet: &Alphabet) -> String {
    let pitches = || truth.iter().chain(said).map(|note| note.note);
    let low = pitches().min().unwrap_or(60).saturating_sub(2);
    let high = pitches().max().unwrap_or(72).saturating_add(2);
    let height = f32::from(high - low + 1) * ROW;
    let mut svg = format!(
        "<figure><svg style=\"width:{WIDTH}px\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\"><rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#f6f6f4\"/>"
    );
    let mut add = |notes: &[Note], look: &dyn Fn(f32) -> String| {
        for note in notes {
            let place = |frame: usize| WIDTH * frame as f32 / WINDOW as f32;
            let (x, to) = (place(note.begin), place(note.end.min(WINDOW)));
            let y = f32::from(high - note.note) * ROW;
            let loud = (note.velocity + 1) as f32 / alphabet.velocities as f32;
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{ROW}\" {}/>",
                (to - x - 0.6).max(0.6),
                look(loud)
            );
        }
    };
    add(truth, &|loud| {
        format!("fill=\"#555\" fill-opacity=\"{:.2}\"", 0.25 + 0.6 * loud)
    });
    add(said, &|loud| {
        format!(
            "fill=\"#c2410c\" fill-opacity=\"{:.2}\" stroke=\"#c2410c\" stroke-width=\"0.8\"",
            0.4 * loud
        )
    });
    let _ = write!(svg, "</svg><figcaption>{title}</figcaption></figure>");
    svg
}

/// One voice: the note that began last, at its loudness; silence where none sounds.
pub fn trace(notes: &[Note], alphabet: &Alphabet) -> Trace {
    let mut last = notes.first().map_or(60.0, |note| f32::from(note.note));
    Trace::of((0..WINDOW).map(|frame| {
        let sounds = notes.iter().filter(|n| (n.begin..n.end).contains(&frame));
        match sounds.max_by_key(|note| note.begin) {
            // The frame before an end is silent, so that a note struck again is heard as two.
            Some(note) if frame + 1 < note.end => {
                last = f32::from(note.note);
                (last, alphabet.loudness_db(note.velocity))
            }
            _ => (last, SILENCE_DB),
        }
    }))
}

/// Frames of a trace a second.
pub const TRACE_HZ: u32 = RATE_HZ;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_shows_every_note_and_a_trace_sings_them() {
        let piano = Alphabet::PIANO;
        let note = |begin: usize, end: usize, note: u8| Note {
            begin,
            end,
            note,
            velocity: 20,
        };
        let truth = [note(0, 100, 60), note(100, 300, 64)];
        let svg = draw("notes", &truth, &[note(10, 400, 62)], &piano);
        assert_eq!(svg.matches("<rect").count(), 4);
        let trace = trace(&truth, &piano);
        assert_eq!((trace.notes[50], trace.notes[150]), (60.0, 64.0));
        assert_eq!(trace.loudness_db[99], SILENCE_DB);
        assert_eq!(trace.loudness_db[150], piano.loudness_db(20));
    }
}
