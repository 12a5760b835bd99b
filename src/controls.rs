//! The musical vocabulary between the two models: a gesture model speaks it, a sound model hears it,
//! and a knob, a key or a scale may override any word of it. `Copy`, used on every thread.

mod chord;
pub mod scale;

pub use chord::{Chord, VOICES_MAX, VoiceSet};

use serde::{Deserialize, Serialize};

/// Free latents that a sound model may name.
pub const TIMBRE_COUNT: usize = 8;
/// How many scalar controls there are: pitch, loudness, brightness, noisiness and the timbre latents.
pub const CONTROL_COUNT: usize = 4 + TIMBRE_COUNT;
/// Loudness at and below which everything is silence.
pub const SILENCE_DB: f32 = -80.0;

/// One frame of musical intent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Controls {
    /// MIDI note number, fractional; 69 is A4.
    pub pitch_note: f32,
    /// A-weighted level in dB relative to full scale, [`SILENCE_DB`] to 0.
    pub loudness_db: f32,
    /// 0 to 1: the power-weighted spectral centroid in octaves above 125 Hz, divided by 7 (125 Hz → 0, 16 kHz → 1).
    pub brightness: f32,
    /// 0 to 1: share of the power that is not harmonic.
    pub noisiness: f32,
    /// Latents whose meaning the sound model names; 0 is neutral.
    pub timbre: [f32; TIMBRE_COUNT],
}

/// A word of the vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Control {
    Pitch,
    Loudness,
    Brightness,
    Noisiness,
    /// Index 0 to 7.
    Timbre(u8),
}

impl Control {
    /// Every word, in the order of the array form.
    pub const ALL: [Control; CONTROL_COUNT] = {
        let mut all = [Control::Pitch; CONTROL_COUNT];
        all[1] = Control::Loudness;
        all[2] = Control::Brightness;
        all[3] = Control::Noisiness;
        let mut i = 0;
        while i < TIMBRE_COUNT {
            all[4 + i] = Control::Timbre(i as u8);
            i += 1;
        }
        all
    };

    /// The word as model files write it: `pitch`, `loudness`, `brightness`, `noisiness`, `timbre_1` … `timbre_8`.
    pub fn name(self) -> String {
        match self {
            Control::Pitch => "pitch".into(),
            Control::Loudness => "loudness".into(),
            Control::Brightness => "brightness".into(),
            Control::Noisiness => "noisiness".into(),
            Control::Timbre(i) => format!("timbre_{}", i + 1),
        }
    }

    pub fn from_name(name: &str) -> Option<Control> {
        Control::ALL.into_iter().find(|c| c.name() == name)
    }

    /// The inclusive range a value of this word is held to.
    pub fn range(self) -> (f32, f32) {
        match self {
            Control::Pitch => (0.0, 127.0),
            Control::Loudness => (SILENCE_DB, 0.0),
            Control::Brightness | Control::Noisiness => (0.0, 1.0),
            Control::Timbre(_) => (-4.0, 4.0),
        }
    }
}

impl Controls {
    pub const SILENT: Controls = Controls {
        pitch_note: 60.0,
        loudness_db: SILENCE_DB,
        brightness: 0.4,
        noisiness: 0.05,
        timbre: [0.0; TIMBRE_COUNT],
    };

    pub fn get(&self, control: Control) -> f32 {
        match control {
            Control::Pitch => self.pitch_note,
            Control::Loudness => self.loudness_db,
            Control::Brightness => self.brightness,
            Control::Noisiness => self.noisiness,
            Control::Timbre(i) => self.timbre[i as usize % TIMBRE_COUNT],
        }
    }

    /// Sets one word, held to its range. A value that is not finite changes nothing and returns `false`.
    pub fn set(&mut self, control: Control, value: f32) -> bool {
        if !value.is_finite() {
            return false;
        }
        let (low, high) = control.range();
        let value = value.clamp(low, high);
        match control {
            Control::Pitch => self.pitch_note = value,
            Control::Loudness => self.loudness_db = value,
            Control::Brightness => self.brightness = value,
            Control::Noisiness => self.noisiness = value,
            Control::Timbre(i) => self.timbre[i as usize % TIMBRE_COUNT] = value,
        }
        true
    }

    /// Straight line from `self` (`amount` 0) to `target` (`amount` 1), word by word.
    pub fn toward(&self, target: &Controls, amount: f32) -> Controls {
        let mut out = *self;
        for control in Control::ALL {
            let (from, to) = (self.get(control), target.get(control));
            out.set(control, from + (to - from) * amount);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_found_by_its_name() {
        for control in Control::ALL {
            assert_eq!(Control::from_name(&control.name()), Some(control));
        }
        assert_eq!(Control::from_name("timbre_9"), None);
    }

    #[test]
    fn a_value_that_is_not_finite_changes_nothing() {
        let mut controls = Controls::SILENT;
        assert!(!controls.set(Control::Loudness, f32::NAN));
        assert_eq!(controls, Controls::SILENT);
    }

    #[test]
    fn halfway_is_halfway() {
        let mut loud = Controls::SILENT;
        loud.set(Control::Loudness, 0.0);
        assert_eq!(
            Controls::SILENT.toward(&loud, 0.5).loudness_db,
            SILENCE_DB / 2.0
        );
    }
}
