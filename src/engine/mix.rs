//! Who decides each word of the vocabulary: the gesture model, the keys, or a knob.
//! `value + amount * (source - value)`, word by word; a held key always owns the pitch. Once for each voice.

use super::keys::Finger;
use crate::controls::{CONTROL_COUNT, Control, Controls, SILENCE_DB};

/// Where a word comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Gesture,
    Keys,
    Knob,
}

/// One word's source, how much of it is heard, and the knob beneath.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Override {
    pub source: Source,
    /// 0 to 1.
    pub amount: f32,
    /// In the word's own unit.
    pub value: f32,
}

impl Override {
    /// All from the gesture model.
    pub const GESTURE: Override = Override {
        source: Source::Gesture,
        amount: 1.0,
        value: 0.0,
    };
}

/// Loudness of a key struck at full velocity, and the range below it, in dB.
const KEY_TOP_DB: f32 = -8.0;
const KEY_RANGE_DB: f32 = 36.0;

/// What the sound model hears. `presence` (0 to 1) fades whatever motion drives as sensors fall silent.
pub fn mix(
    overrides: &[Override; CONTROL_COUNT],
    gesture: &Controls,
    finger: &Finger,
    presence: f32,
    transpose_semitones: f32,
) -> Controls {
    let mut out = Controls::SILENT;
    for (word, over) in Control::ALL.into_iter().zip(overrides) {
        let source = match over.source {
            Source::Gesture => gesture_word(gesture, word, presence),
            Source::Keys => key_word(finger, word).unwrap_or(over.value),
            Source::Knob => over.value,
        };
        out.set(
            word,
            over.value + over.amount.clamp(0.0, 1.0) * (source - over.value),
        );
    }
    if let Some(key) = &finger.speaking {
        out.set(Control::Pitch, finger.pitch_note(key));
    }
    out.set(Control::Pitch, out.pitch_note + transpose_semitones);
    out
}

fn gesture_word(gesture: &Controls, word: Control, presence: f32) -> f32 {
    let value = gesture.get(word);
    match word {
        Control::Loudness => SILENCE_DB + (value - SILENCE_DB) * presence.clamp(0.0, 1.0),
        _ => value,
    }
}

fn key_word(finger: &Finger, word: Control) -> Option<f32> {
    let speaking = finger.speaking;
    match word {
        Control::Pitch => finger.last.map(|key| finger.pitch_note(&key)),
        Control::Loudness => Some(speaking.map_or(SILENCE_DB, |key| {
            let force = key.pressure.unwrap_or(key.velocity).clamp(0.0, 1.0);
            KEY_TOP_DB - KEY_RANGE_DB * (1.0 - force)
        })),
        Control::Brightness => speaking.and_then(|key| key.brightness),
        Control::Noisiness | Control::Timbre(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::{HeldKey, Keys};
    use super::*;

    const ALL_GESTURE: [Override; CONTROL_COUNT] = [Override::GESTURE; CONTROL_COUNT];

    fn finger(keys: &Keys) -> Finger {
        keys.finger(keys.speaking())
    }

    fn loud_a4() -> Controls {
        Controls {
            pitch_note: 69.0,
            loudness_db: -10.0,
            ..Controls::SILENT
        }
    }

    #[test]
    fn a_held_key_owns_the_pitch_and_the_arm_keeps_the_rest() {
        let mut keys = Keys::default();
        keys.press(HeldKey::new(0, 48, 1.0));
        let heard = mix(&ALL_GESTURE, &loud_a4(), &finger(&keys), 1.0, 2.0);
        assert_eq!((heard.pitch_note, heard.loudness_db), (50.0, -10.0));
    }

    #[test]
    fn motion_that_stopped_is_silent() {
        let heard = mix(&ALL_GESTURE, &loud_a4(), &Finger::default(), 0.0, 0.0);
        assert_eq!(heard.loudness_db, SILENCE_DB);
    }

    #[test]
    fn amount_leads_from_the_knob_to_the_source() {
        let mut overrides = ALL_GESTURE;
        overrides[1] = Override {
            source: Source::Gesture,
            amount: 0.5,
            value: -30.0,
        };
        let heard = mix(&overrides, &loud_a4(), &Finger::default(), 1.0, 0.0);
        assert!((heard.loudness_db + 20.0).abs() < 1e-4);
    }

    #[test]
    fn keys_as_the_loudness_source_are_silent_when_lifted() {
        let mut overrides = ALL_GESTURE;
        overrides[1] = Override {
            source: Source::Keys,
            amount: 1.0,
            value: -30.0,
        };
        let mut keys = Keys::default();
        keys.press(HeldKey::new(0, 60, 1.0));
        assert_eq!(
            mix(&overrides, &loud_a4(), &finger(&keys), 1.0, 0.0).loudness_db,
            KEY_TOP_DB
        );
        keys.release(None, None);
        assert_eq!(
            mix(&overrides, &loud_a4(), &finger(&keys), 1.0, 0.0).loudness_db,
            SILENCE_DB
        );
    }
}
