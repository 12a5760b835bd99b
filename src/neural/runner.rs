//! A model in either of the ways it can run: on packed kernels where it is asked, or on its helper thread.

use super::contract::Contract;
use super::error::ModelError;
use super::helper::Helped;
use super::model::Model;

#[derive(Clone)]
pub enum Runner {
    Packed(Box<Model>),
    Helped(Box<Helped>),
}

impl Runner {
    /// Loads a file. `helper`: what cannot be packed may run on a thread of its own.
    pub fn load(bytes: &[u8], helper: bool) -> Result<Runner, ModelError> {
        match Model::load(bytes) {
            Ok(model) => Ok(Runner::Packed(Box::new(model))),
            Err(ModelError::NotLowered { .. }) if helper => {
                Ok(Runner::Helped(Box::new(Helped::load(bytes)?)))
            }
            Err(ModelError::NotLowered { node, cause }) => {
                Err(ModelError::NeedsHelper { node, cause })
            }
            Err(error) => Err(error),
        }
    }

    pub fn contract(&self) -> &Contract {
        match self {
            Runner::Packed(model) => model.contract(),
            Runner::Helped(helped) => helped.contract(),
        }
    }

    pub fn helped(&self) -> Option<&Helped> {
        match self {
            Runner::Packed(_) => None,
            Runner::Helped(helped) => Some(helped),
        }
    }

    pub fn input_index(&self, tensor: &str) -> Option<usize> {
        match self {
            Runner::Packed(model) => model.input_index(tensor),
            Runner::Helped(helped) => helped.input_index(tensor),
        }
    }

    pub fn output_index(&self, tensor: &str) -> Option<usize> {
        match self {
            Runner::Packed(model) => model.output_index(tensor),
            Runner::Helped(helped) => helped.output_index(tensor),
        }
    }

    pub fn input_mut(&mut self, index: usize) -> &mut [f32] {
        self.input_of(0, index)
    }

    pub fn output(&self, index: usize) -> &[f32] {
        self.output_of(0, index)
    }

    /// The input of the voice in one seat; a helped model has one.
    pub fn input_of(&mut self, seat: usize, index: usize) -> &mut [f32] {
        match self {
            Runner::Packed(model) => model.input_of(seat, index),
            Runner::Helped(helped) => helped.input_mut(index),
        }
    }

    pub fn output_of(&self, seat: usize, index: usize) -> &[f32] {
        match self {
            Runner::Packed(model) => model.output_of(seat, index),
            Runner::Helped(helped) => helped.output(index),
        }
    }

    /// Makes room for so many voices, where they can be stepped together; all forget. Allocates.
    pub fn set_seats(&mut self, seats: usize) {
        if let Runner::Packed(model) = self {
            model.set_seats(seats);
        }
    }

    /// How many voices it can play at once.
    pub fn seats(&self) -> usize {
        match self {
            Runner::Packed(model) => model.seats(),
            Runner::Helped(_) => 1,
        }
    }

    /// Forgets everything it heard.
    pub fn reset(&mut self) {
        match self {
            Runner::Packed(model) => model.reset(),
            Runner::Helped(helped) => helped.reset(),
        }
    }

    /// Makes the voice in one seat forget.
    pub fn reset_seat(&mut self, seat: usize) {
        match self {
            Runner::Packed(model) => model.reset_seat(seat),
            Runner::Helped(helped) => helped.reset(),
        }
    }

    /// The voice in one seat goes on in another.
    pub fn move_seat(&mut self, from: usize, to: usize) {
        if let Runner::Packed(model) = self {
            model.move_seat(from, to);
        }
    }

    pub fn step(&mut self) {
        self.step_seats(1);
    }

    /// One step of the voices in the first seats. A helped model has made it already: its outputs hold what was
    /// fetched.
    pub fn step_seats(&mut self, count: usize) {
        if let Runner::Packed(model) = self {
            model.step_seats(count);
        }
    }

    /// A helped model is asked for the step of `tick`; its inputs have been written.
    pub fn submit(&mut self, tick: u64) {
        if let Runner::Helped(helped) = self {
            helped.submit(tick);
        }
    }

    /// Reads a helped model's answer to `tick`; `false`: it is late.
    pub fn fetch(&mut self, tick: u64, patient: bool) -> bool {
        match self {
            Runner::Packed(_) => true,
            Runner::Helped(helped) => helped.fetch(tick, patient),
        }
    }

    /// 1, falling to 0 when a helper thread has been late for long.
    pub fn presence(&self) -> f32 {
        self.helped().map_or(1.0, Helped::presence)
    }

    /// Steps after which a state was not finite.
    pub fn broken_steps(&self) -> u32 {
        match self {
            Runner::Packed(model) => model.broken_steps(),
            Runner::Helped(helped) => helped.broken_steps(),
        }
    }
}
