//! How far a control lies from its mean: a draw from the normal distribution that a model states of it, held from one
//! onset to the next as the note is.

use super::pitch::Dice;
use super::{Element, feed, place_of};
use crate::controls::{Control, Controls};
use crate::neural::contract::Normal;
use crate::neural::error::ModelError;
use crate::neural::runner::Runner;

/// Draws farther out are held to this many deviations: one note in eighty would be, and be heard as a mistake.
const WIDEST: f32 = 2.5;
/// Faces of the dice that no note has.
const FACES: u32 = 0x0100_0000;

#[derive(Clone, Copy)]
pub struct Spread {
    control: Control,
    deviation: Element,
    /// From the tensor's unit to the control's.
    scale: f32,
    face: u32,
}

impl Spread {
    pub fn of(model: &Runner, normal: &Normal, control: Control) -> Result<Spread, ModelError> {
        Ok(Spread {
            control,
            deviation: Element {
                output: feed::output(model, &normal.deviations)?,
                index: normal.deviation_index,
            },
            scale: normal.scale,
            face: FACES + place_of(control) as u32,
        })
    }

    /// Moves the control away from its mean, by nothing at a temperature of 0 and as the model says from 1 on. A
    /// deviation that is no number, or less than 0, is 0.
    pub fn apply(&self, model: &Runner, dice: &Dice, temperature: f32, controls: &mut Controls) {
        let deviation =
            model.output(self.deviation.output)[self.deviation.index] * self.scale.abs();
        let deviation = if deviation.is_finite() {
            deviation.max(0.0)
        } else {
            0.0
        };
        let draw = dice.normal(self.face).clamp(-WIDEST, WIDEST);
        let away = temperature.clamp(0.0, 1.0) * deviation * draw;
        controls.set(self.control, controls.get(self.control) + away);
    }
}
