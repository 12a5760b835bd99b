//! A loaded model of either kind: load off the audio thread, step on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use pulp::Arch;
use tract_onnx::pb;

use super::contract::Contract;
use super::error::ModelError;
use super::kernel::Aligned;
use super::lower::lower;
use super::oracle::{Agreement, Oracle, verify};
use super::plan::{Cost, Plan, Span};
use super::screen::{Screened, screen};

/// A verified plan with the memory of one voice. Clones share the weights and start fresh.
pub struct Model {
    contract: Arc<Contract>,
    plan: Arc<Plan>,
    arena: Aligned,
    arch: Arch,
    agreement: Agreement,
    broken_steps: u32,
}

impl Clone for Model {
    fn clone(&self) -> Self {
        Model {
            contract: self.contract.clone(),
            plan: self.plan.clone(),
            arena: self.plan.arenas(1),
            arch: self.arch,
            agreement: self.agreement,
            broken_steps: 0,
        }
    }
}

impl Model {
    /// Screens, lowers and verifies a file. Takes milliseconds to seconds: for a loader thread.
    pub fn load(bytes: &[u8]) -> Result<Model, ModelError> {
        // The file is a stranger's and tract is large: a panic is an error like any other.
        catch_unwind(AssertUnwindSafe(|| Model::load_screened(bytes, screen(bytes)?))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or(panic.downcast_ref::<&str>().copied());
            Err(ModelError::engine(format!("it stumbled ({})", text.unwrap_or("no message"))))
        })
    }

    fn load_screened(bytes: &[u8], screened: Screened) -> Result<Model, ModelError> {
        let Screened {
            graph,
            signature,
            contract,
        } = screened;
        let plan = lower(&graph, &signature, &contract.states)?;
        let mut oracle = Oracle::new(bytes, &signature, &contract.states)?;
        let agreement = verify(&plan, &mut oracle, is_recurrent(&graph))?;
        let plan = Arc::new(plan);
        Ok(Model {
            arena: plan.arenas(1),
            contract: Arc::new(contract),
            plan,
            arch: Arch::new(),
            agreement,
            broken_steps: 0,
        })
    }

    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    pub fn cost(&self) -> Cost {
        self.plan.cost()
    }

    /// How close to tract the kernels came at load.
    pub fn agreement(&self) -> Agreement {
        self.agreement
    }

    pub fn input_index(&self, tensor: &str) -> Option<usize> {
        self.plan.inputs.iter().position(|(name, _)| name == tensor)
    }

    pub fn output_index(&self, tensor: &str) -> Option<usize> {
        self.plan.outputs.iter().position(|(name, _)| name == tensor)
    }

    pub fn input_mut(&mut self, index: usize) -> &mut [f32] {
        let Span { start, len } = self.plan.inputs[index].1;
        &mut self.arena.as_mut_slice()[start..start + len]
    }

    pub fn output(&self, index: usize) -> &[f32] {
        let Span { start, len } = self.plan.outputs[index].1;
        &self.arena.as_slice()[start..start + len]
    }

    /// Forgets everything it heard.
    pub fn reset(&mut self) {
        self.plan.reset(self.arena.as_mut_slice());
    }

    /// One step. A state that is no longer finite would stay so: it starts over, counted.
    pub fn step(&mut self) {
        self.plan.step(self.arch, self.arena.as_mut_slice());
        if !self.plan.states_are_finite(self.arena.as_slice()) {
            self.reset();
            self.broken_steps = self.broken_steps.saturating_add(1);
        }
    }

    /// Steps after which a state was not finite.
    pub fn broken_steps(&self) -> u32 {
        self.broken_steps
    }
}

fn is_recurrent(graph: &pb::GraphProto) -> bool {
    let recurrent = ["LSTM", "GRU", "RNN"];
    graph.node.iter().any(|n| recurrent.contains(&n.op_type.as_str()))
}
