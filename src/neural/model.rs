//! A loaded model of either kind: load off the audio thread, step on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tract_onnx::pb;

use super::contract::Contract;
use super::error::ModelError;
use super::kernel::Aligned;
use super::kernel::machine::Machine;
use super::kernel::matrix::Precision;
use super::lower::lower;
use super::oracle::{Agreement, Oracle, compare_half, verify};
use super::plan::{Cost, Plan, Span};
use super::screen::{Screened, screen};

/// From this size on 16 bits a weight are tried: smaller models stay in the processor's own cache, where the exact
/// ones come as fast.
const HALF_FROM_BYTES: usize = 1 << 20;

/// A verified plan with the memory of its voices: one, until it is given more. Clones share the weights and start
/// fresh. A voice's place in the memory is its seat; what names no seat means the first.
pub struct Model {
    contract: Arc<Contract>,
    plan: Arc<Plan>,
    arenas: Aligned,
    seats: usize,
    machine: Machine,
    agreement: Agreement,
    half: Option<Agreement>,
    broken_steps: u32,
}

impl Clone for Model {
    fn clone(&self) -> Self {
        Model {
            contract: self.contract.clone(),
            plan: self.plan.clone(),
            arenas: self.plan.arenas(self.seats),
            seats: self.seats,
            machine: self.machine,
            agreement: self.agreement,
            half: self.half,
            broken_steps: 0,
        }
    }
}

impl Model {
    /// Screens, lowers and verifies a file. Takes milliseconds to seconds: for a loader thread.
    pub fn load(bytes: &[u8]) -> Result<Model, ModelError> {
        Model::load_with(bytes, true)
    }

    /// The same with every weight as the file has it, however many there are: to hold a file against what it was
    /// written from.
    pub fn load_exact(bytes: &[u8]) -> Result<Model, ModelError> {
        Model::load_with(bytes, false)
    }

    fn load_with(bytes: &[u8], try_halves: bool) -> Result<Model, ModelError> {
        // The file is a stranger's and tract is large: a panic is an error like any other.
        catch_unwind(AssertUnwindSafe(|| {
            Model::load_screened(bytes, screen(bytes)?, try_halves)
        }))
        .unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            Err(ModelError::engine(format!(
                "it stumbled ({})",
                text.unwrap_or("no message")
            )))
        })
    }

    fn load_screened(
        bytes: &[u8],
        screened: Screened,
        try_halves: bool,
    ) -> Result<Model, ModelError> {
        let Screened {
            graph,
            signature,
            contract,
        } = screened;
        let machine = Machine::detect();
        let lowered = |precision| lower(&graph, &signature, &contract.states, precision);
        let mut plan = lowered(Precision::Single)?;
        let mut oracle = Oracle::new(bytes, &signature, &contract.states)?;
        let agreement = verify(&plan, machine, &mut oracle, is_recurrent(&graph))?;
        let mut half = None;
        if try_halves && machine.converts_halves() && plan.cost().weight_bytes >= HALF_FROM_BYTES {
            let small = lowered(Precision::Half)?;
            let close = compare_half(&small, machine, &mut oracle)?;
            half = Some(close);
            if close.holds() {
                plan = small;
            }
        }
        let plan = Arc::new(plan);
        Ok(Model {
            arenas: plan.arenas(1),
            seats: 1,
            contract: Arc::new(contract),
            plan,
            machine,
            agreement,
            half,
            broken_steps: 0,
        })
    }

    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    pub fn cost(&self) -> Cost {
        self.plan.cost()
    }

    /// How close to tract the kernels came at load, with the weights as the file has them.
    pub fn agreement(&self) -> Agreement {
        self.agreement
    }

    /// How close they came with 16 bits a weight, where that was tried; those are played if it holds.
    pub fn half_agreement(&self) -> Option<Agreement> {
        self.half
    }

    /// The instructions that it runs on.
    pub fn machine(&self) -> Machine {
        self.machine
    }

    pub fn input_index(&self, tensor: &str) -> Option<usize> {
        self.plan.inputs.iter().position(|(name, _)| name == tensor)
    }

    /// `None` also for the past of a convolution: it lies in an order of its own.
    pub fn output_index(&self, tensor: &str) -> Option<usize> {
        let index = self.plan.outputs.iter().position(|(n, _)| n == tensor)?;
        let is_past = self.plan.turned.iter().any(|(i, _)| *i == index);
        (!is_past).then_some(index)
    }

    pub fn input_mut(&mut self, index: usize) -> &mut [f32] {
        self.input_of(0, index)
    }

    pub fn output(&self, index: usize) -> &[f32] {
        self.output_of(0, index)
    }

    pub fn input_of(&mut self, seat: usize, index: usize) -> &mut [f32] {
        let Span { start, len } = self.plan.inputs[index].1;
        let start = seat * self.plan.arena_len + start;
        &mut self.arenas.as_mut_slice()[start..start + len]
    }

    pub fn output_of(&self, seat: usize, index: usize) -> &[f32] {
        let Span { start, len } = self.plan.outputs[index].1;
        let start = seat * self.plan.arena_len + start;
        &self.arenas.as_slice()[start..start + len]
    }

    /// Makes room for so many voices, at least one; all forget. Allocates.
    pub fn set_seats(&mut self, seats: usize) {
        self.seats = seats.max(1);
        self.arenas = self.plan.arenas(self.seats);
    }

    /// How many voices it has room for.
    pub fn seats(&self) -> usize {
        self.seats
    }

    /// Forgets everything it heard.
    pub fn reset(&mut self) {
        (0..self.seats).for_each(|seat| self.reset_seat(seat));
    }

    pub fn reset_seat(&mut self, seat: usize) {
        let (start, len) = (seat * self.plan.arena_len, self.plan.arena_len);
        let arenas = self.arenas.as_mut_slice();
        self.plan.reset(&mut arenas[start..start + len]);
    }

    /// The voice in one seat goes on in another.
    pub fn move_seat(&mut self, from: usize, to: usize) {
        self.plan.move_voice(self.arenas.as_mut_slice(), from, to);
    }

    pub fn step(&mut self) {
        self.step_seats(1);
    }

    /// One step of the voices in the first `count` seats, in one pass over the weights. A state that is no longer
    /// finite would stay so: that voice starts over, counted.
    pub fn step_seats(&mut self, count: usize) {
        let len = self.plan.arena_len;
        let count = count.min(self.seats);
        let arenas = &mut self.arenas.as_mut_slice()[..count * len];
        self.plan.step(self.machine, arenas);
        for seat in 0..count {
            let arena = &self.arenas.as_slice()[seat * len..(seat + 1) * len];
            if !self.plan.states_are_finite(arena) {
                self.reset_seat(seat);
                self.broken_steps = self.broken_steps.saturating_add(1);
            }
        }
    }

    /// Steps after which a state was not finite.
    pub fn broken_steps(&self) -> u32 {
        self.broken_steps
    }
}

fn is_recurrent(graph: &pb::GraphProto) -> bool {
    let recurrent = ["LSTM", "GRU", "RNN"];
    graph
        .node
        .iter()
        .any(|n| recurrent.contains(&n.op_type.as_str()))
}

#[cfg(test)]
mod tests;
