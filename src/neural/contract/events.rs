//! A model that says notes as events: which tensors the engine reads and feeds, and the alphabet.

use serde::{Deserialize, Serialize};

use super::Signature;
use super::signature::same_len;
use crate::neural::ModelError;
use crate::neural::events::Alphabet;

/// Most steps between two frames of motion that are heard.
const MOST_EVERY: u32 = 40;

/// Logits over an [`Alphabet`]. At every step the engine feeds three inputs of one element: `previous`, the number of
/// the event that was chosen last; `hears`, 1 where the motion is of a new frame; `says`, 1 where the logits of this
/// step are drawn from. Where one of the two is 0, the states behind it must stay as they were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Events {
    pub logits: String,
    pub previous: String,
    pub hears: String,
    pub says: String,
    /// Steps of the model from one heard frame of motion to the next, and in one unit of a time shift.
    pub hear_every: u32,
    #[serde(default = "lowest")]
    pub lowest_note: u8,
    #[serde(default = "notes")]
    pub notes: usize,
    #[serde(default = "shifts")]
    pub shifts: usize,
    #[serde(default = "velocities")]
    pub velocities: usize,
}

fn lowest() -> u8 {
    Alphabet::PIANO.lowest_note
}
fn notes() -> usize {
    Alphabet::PIANO.notes
}
fn shifts() -> usize {
    Alphabet::PIANO.shifts
}
fn velocities() -> usize {
    Alphabet::PIANO.velocities
}

impl Events {
    pub fn alphabet(&self) -> Alphabet {
        Alphabet {
            lowest_note: self.lowest_note,
            notes: self.notes,
            shifts: self.shifts,
            velocities: self.velocities,
        }
    }

    /// The inputs that the engine feeds with the course of events.
    pub fn fed(&self) -> [&str; 3] {
        [&self.previous, &self.hears, &self.says]
    }

    /// Seconds in one unit of a time shift.
    pub fn unit_s(&self, frame_rate_hz: u32) -> f32 {
        self.hear_every as f32 / frame_rate_hz as f32
    }

    pub(super) fn check_words(&self) -> Result<(), ModelError> {
        let refuse = |cause: String| Err(ModelError::contract(cause));
        if !(1..=MOST_EVERY).contains(&self.hear_every) {
            let every = self.hear_every;
            return refuse(format!(
                "events have hear_every {every}: it is a number of steps from 1 to {MOST_EVERY}"
            ));
        }
        let highest = usize::from(self.lowest_note) + self.notes;
        if self.notes == 0 || highest > 128 {
            return refuse(format!(
                "events have {} notes from {}: MIDI notes end at 127, and there is one at least",
                self.notes, self.lowest_note
            ));
        }
        let counts = [("shifts", self.shifts), ("velocities", self.velocities)];
        match counts.iter().find(|(_, n)| !(1..=128).contains(n)) {
            Some((what, count)) => refuse(format!("events have {count} {what}: 1 to 128")),
            None => Ok(()),
        }
    }

    pub(super) fn check(&self, graph: &Signature) -> Result<(), ModelError> {
        for tensor in self.fed() {
            same_len("input", tensor, graph.input_len(tensor)?, 1)?;
        }
        let logits = graph.output_len(&self.logits)?;
        if logits == self.alphabet().size() {
            return Ok(());
        }
        Err(ModelError::contract(format!(
            "output '{}' has {logits} elements; two for each of {} notes, {} shifts, {} velocities, start, end and pad make {}",
            self.logits,
            self.notes,
            self.shifts,
            self.velocities,
            self.alphabet().size()
        )))
    }
}
