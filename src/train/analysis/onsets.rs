//! Where notes begin, from what the analysis says of each frame: the loudness rises, or the pitch goes to another note
//! and stays. Offline.

use super::Analysis;

/// The rise that makes an onset, over this time.
const RISE_DB: f32 = 8.0;
const RISE_S: f32 = 0.05;
/// Quieter than this nothing begins.
const AUDIBLE_DB: f32 = -50.0;
/// Another note is this far away, and is held this long.
const STEP_SEMITONES: f32 = 0.7;
const HELD_S: f32 = 0.06;
/// Two onsets are at least this far apart.
const APART_S: f32 = 0.09;
/// A note counts as beginning for this long.
pub const LASTS_S: f32 = 0.05;

/// Per frame: a note has begun within the last [`LASTS_S`].
pub fn onsets(analysis: &Analysis) -> Vec<bool> {
    let rate = analysis.frame_rate_hz as f32;
    let frames = |seconds: f32| ((seconds * rate).round() as usize).max(1);
    let controls = &analysis.controls;
    let mut begins = vec![false; controls.len()];
    let mut last: Option<usize> = None;
    for now in 0..controls.len() {
        let loudness_db = controls[now].loudness_db;
        let far = last.is_none_or(|last| now - last >= frames(APART_S));
        let before = now.saturating_sub(frames(RISE_S));
        let rises = loudness_db - controls[before].loudness_db > RISE_DB;
        let turns = changes_note(analysis, now, frames(HELD_S));
        if far && loudness_db > AUDIBLE_DB && (rises || turns) {
            last = Some(now);
        }
        begins[now] = last.is_some_and(|last| now - last < frames(LASTS_S));
    }
    begins
}

/// The pitch was one note until `now` and is another from here on.
fn changes_note(analysis: &Analysis, now: usize, held: usize) -> bool {
    let note = |frame: usize| analysis.controls[frame].pitch_note;
    if now < held || now + held > analysis.controls.len() {
        return false;
    }
    let voiced = (now - held..now + held).all(|frame| analysis.voicing[frame] > 0.5);
    let level = |from: usize| {
        let span = (from..from + held).map(note);
        let (low, high) = span.fold((f32::MAX, f32::MIN), |(low, high), n| {
            (low.min(n), high.max(n))
        });
        (high - low < STEP_SEMITONES).then_some(0.5 * (low + high))
    };
    match (level(now - held), level(now)) {
        (Some(old), Some(new)) => voiced && (new - old).abs() > STEP_SEMITONES,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controls::Controls;

    #[test]
    fn a_rise_and_a_new_note_begin_and_a_held_note_does_not() {
        let mut analysis = Analysis {
            frame_rate_hz: 100,
            controls: vec![Controls::SILENT; 200],
            voicing: vec![1.0; 200],
            parts: Vec::new(),
        };
        for (frame, controls) in analysis.controls.iter_mut().enumerate() {
            controls.loudness_db = if frame < 50 { -80.0 } else { -20.0 };
            controls.pitch_note = if frame < 120 { 60.0 } else { 62.0 };
        }
        let begins = onsets(&analysis);
        let starts: Vec<usize> = (1..200).filter(|f| begins[*f] && !begins[f - 1]).collect();
        assert_eq!(starts, [50, 120]);
        assert!(begins[54] && !begins[55]);
    }
}
