//! A model that packed kernels cannot run: tract steps it on a thread of its own, the audio thread asks and reads.
//!
//! Each input is handed over with the tick it belongs to, and its answer is read [`HELPER_TICKS`] later, so every
//! answer has the same age. An answer that is not there then is late: what came last is held, then fades. This end
//! allocates, locks and waits for nothing, but for [`Helped::fetch`] in an offline render, which waits.

mod admission;
mod worker;

pub use admission::Admission;

use super::contract::{Contract, GRID_HZ};
use super::error::ModelError;
use super::oracle::Oracle;
use super::screen::{Screened, screen};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use worker::{Engine, Worker};

/// Ticks of the control grid from an input to its answer: 10 ms. Fast models wait as long while helper mode is on.
pub const HELPER_TICKS: u32 = 2;
/// Late answers: held this long, then faded over the second time.
const HOLD_S: f32 = 0.05;
const FADE_S: f32 = 0.15;

/// A tensor of this end's copy.
#[derive(Clone)]
struct Port {
    name: String,
    start: usize,
    len: usize,
}

pub struct Helped {
    contract: Arc<Contract>,
    admission: Admission,
    /// What every clone's thread starts from.
    engine: Engine,
    worker: Worker,
    inputs: Vec<Port>,
    input: Box<[f32]>,
    outputs: Vec<Port>,
    output: Box<[f32]>,
    late_in_row: u32,
}

impl Clone for Helped {
    fn clone(&self) -> Self {
        Helped {
            contract: self.contract.clone(),
            admission: self.admission,
            engine: self.engine.clone(),
            worker: Worker::start(self.engine.clone()).unwrap_or_else(|_| Worker::absent()),
            inputs: self.inputs.clone(),
            input: self.input.clone(),
            outputs: self.outputs.clone(),
            output: vec![0.0; self.output.len()].into_boxed_slice(),
            late_in_row: 0,
        }
    }
}

impl Helped {
    /// Screens a file, times it and starts its thread. Takes up to seconds: for a loader thread.
    pub fn load(bytes: &[u8]) -> Result<Helped, ModelError> {
        // tract is large and the file a stranger's: a panic is an error like any other.
        catch_unwind(AssertUnwindSafe(|| {
            Helped::load_screened(bytes, screen(bytes)?)
        }))
        .unwrap_or_else(|_| Err(ModelError::engine("it stumbled over this graph")))
    }

    fn load_screened(bytes: &[u8], screened: Screened) -> Result<Helped, ModelError> {
        admission::check_sizes(&screened)?;
        let Screened {
            signature,
            contract,
            ..
        } = screened;
        let oracle = Oracle::new(bytes, &signature, &contract.states)?;
        let heard = contract.inputs.iter().map(|input| input.tensor.as_str());
        let told = contract.outputs.iter().flat_map(|output| output.tensors());
        let mut engine = Engine::new(oracle, &signature, heard, told);
        let admission = admission::time(&mut engine, contract.frame_rate_hz)?;
        let (inputs, input_len) = ports(&engine.heard, &signature.inputs);
        let (outputs, output_len) = ports(&engine.told, &signature.outputs);
        Ok(Helped {
            worker: Worker::start(engine.clone())?,
            contract: Arc::new(contract),
            admission,
            engine,
            inputs,
            input: vec![0.0; input_len].into_boxed_slice(),
            outputs,
            output: vec![0.0; output_len].into_boxed_slice(),
            late_in_row: 0,
        })
    }

    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// How long its steps took at load.
    pub fn admission(&self) -> Admission {
        self.admission
    }

    /// Ticks of the past that its thread has time for beside each present one, by half of a tick's time.
    pub fn most_catch_up(&self) -> u64 {
        let steps_a_tick = 0.5e6 / (f64::from(GRID_HZ) * self.admission.p99_us.max(1.0));
        let ticks = steps_a_tick * f64::from(self.contract.ticks_per_frame());
        (ticks as u64).saturating_sub(1)
    }

    /// Whether the system gave the thread real-time priority.
    pub fn has_priority(&self) -> bool {
        self.worker.has_priority()
    }

    pub fn input_index(&self, tensor: &str) -> Option<usize> {
        self.inputs.iter().position(|port| port.name == tensor)
    }

    pub fn output_index(&self, tensor: &str) -> Option<usize> {
        self.outputs.iter().position(|port| port.name == tensor)
    }

    pub fn input_mut(&mut self, index: usize) -> &mut [f32] {
        let Port { start, len, .. } = self.inputs[index];
        &mut self.input[start..start + len]
    }

    pub fn output(&self, index: usize) -> &[f32] {
        let Port { start, len, .. } = self.outputs[index];
        &self.output[start..start + len]
    }

    /// Forgets everything it heard; answers that are under way are not for us any more.
    pub fn reset(&mut self) {
        self.worker.forget();
        self.output.fill(0.0);
        self.late_in_row = 0;
    }

    /// Hands over what stands in the inputs, as the step of `tick`.
    pub fn submit(&mut self, tick: u64) {
        self.worker.ask(tick, &self.input);
    }

    /// Reads the answer to `tick` into the outputs; `false`: it is late, and what came last is held.
    pub fn fetch(&mut self, tick: u64, patient: bool) -> bool {
        if patient {
            self.worker.wait();
        }
        let in_time = self.worker.read(tick, &mut self.output);
        self.late_in_row = if in_time {
            0
        } else {
            self.late_in_row.saturating_add(1)
        };
        in_time
    }

    /// 1 while answers come or are held, then falling to 0.
    pub fn presence(&self) -> f32 {
        let stale_s = self.late_in_row as f32 / self.contract.frame_rate_hz as f32;
        (1.0 - (stale_s - HOLD_S) / FADE_S).clamp(0.0, 1.0)
    }

    /// Steps after which an output was not finite, so that the model started over.
    pub fn broken_steps(&self) -> u32 {
        self.worker.broken_steps()
    }
}

fn ports(chosen: &[usize], all: &[(String, Vec<usize>)]) -> (Vec<Port>, usize) {
    let mut end = 0;
    let ports = chosen.iter().map(|&index| {
        let (name, dims) = &all[index];
        let (start, len) = (end, dims.iter().product());
        end += len;
        Port {
            name: name.clone(),
            start,
            len,
        }
    });
    (ports.collect(), end)
}

#[cfg(test)]
mod tests;
