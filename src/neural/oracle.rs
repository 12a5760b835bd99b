//! tract as the judge: it reads the same file, and both run the same random sequence. Never on the audio thread.

use tract_onnx::prelude::*;

use super::contract::{Signature, State};
use super::error::ModelError;
use super::kernel::machine::Machine;
use super::plan::Plan;

/// Steps compared at load.
const STEPS: usize = 64;
/// Largest difference, as a share of max(1, |reference|). A recurrent weight that is wrong by 1e-3 shows
/// as 2e-5 only (measured), so the bound has to be near rounding.
const RECURRENT_BOUND: f32 = 1e-6;
const BOUND: f32 = 1e-5;
/// Wide and deep networks round more than the bound: then the bound is this many times what tract's own outputs
/// do when its inputs are off by their last bit, and never more than the second.
const ROUNDINGS: f32 = 8.0;
const HIGHEST_BOUND: f32 = 1e-4;
/// For weights of 16 bits, each off by up to 2⁻¹¹ of itself: a thousandth of full scale, 60 dB below it.
const HALF_BOUND: f32 = 1e-3;
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

type Runnable = std::sync::Arc<TypedRunnableModel>;

/// A model as tract runs it. Clones share the weights.
#[derive(Clone)]
pub struct Oracle {
    model: Runnable,
    signature: Signature,
    /// For each state: which output becomes which input.
    carries: Vec<(usize, usize)>,
    pub inputs: Vec<Vec<f32>>,
    pub outputs: Vec<Vec<f32>>,
}

impl Oracle {
    pub fn new(bytes: &[u8], signature: &Signature, states: &[State]) -> Result<Self, ModelError> {
        let model = tract_onnx::onnx()
            .model_for_read(&mut &bytes[..])
            .and_then(|m| m.into_optimized())
            .and_then(|m| m.into_runnable())
            .map_err(ModelError::engine)?;
        let position = |list: &[(String, Vec<usize>)], name: &str| {
            let found = list.iter().position(|(n, _)| n == name);
            found.ok_or_else(|| ModelError::contract(format!("there is no state '{name}'")))
        };
        let carries = states.iter().map(|s| {
            Ok((
                position(&signature.outputs, &s.output)?,
                position(&signature.inputs, &s.input)?,
            ))
        });
        let zeros = |list: &[(String, Vec<usize>)]| {
            list.iter()
                .map(|(_, dims)| vec![0.0; dims.iter().product()])
                .collect()
        };
        Ok(Oracle {
            model,
            carries: carries.collect::<Result<_, ModelError>>()?,
            inputs: zeros(&signature.inputs),
            outputs: zeros(&signature.outputs),
            signature: signature.clone(),
        })
    }

    /// One step: `inputs` to `outputs`; states are carried into `inputs`.
    pub fn step(&mut self) -> Result<(), ModelError> {
        let tensors = self.inputs.iter().zip(&self.signature.inputs);
        let tensors =
            tensors.map(|(values, (_, dims))| Tensor::from_shape(dims, values).map(Into::into));
        let tensors = tensors
            .collect::<TractResult<TVec<TValue>>>()
            .map_err(ModelError::engine)?;
        let results = self.model.run(tensors).map_err(ModelError::engine)?;
        for (result, output) in results.iter().zip(&mut self.outputs) {
            let view = result
                .to_plain_array_view::<f32>()
                .map_err(ModelError::engine)?;
            if view.len() != output.len() {
                return Err(ModelError::engine(
                    "an output has another shape than declared",
                ));
            }
            output
                .iter_mut()
                .zip(view.iter())
                .for_each(|(o, v)| *o = *v);
        }
        for (from, to) in &self.carries {
            self.inputs[*to].copy_from_slice(&self.outputs[*from]);
        }
        Ok(())
    }

    /// Zeros every state.
    pub fn forget(&mut self) {
        for (_, to) in &self.carries {
            self.inputs[*to].fill(0.0);
        }
    }

    /// Inputs that are no states.
    fn heard(&self) -> Vec<usize> {
        let states: Vec<usize> = self.carries.iter().map(|(_, to)| *to).collect();
        (0..self.inputs.len())
            .filter(|i| !states.contains(i))
            .collect()
    }
}

/// The largest difference that was found, as a share of max(1, |reference|).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    pub difference: f32,
    pub bound: f32,
}

impl Agreement {
    pub fn holds(self) -> bool {
        self.difference <= self.bound
    }
}

/// Runs plan and tract side by side on random input, and refuses with the numbers where they part.
pub fn verify(
    plan: &Plan,
    machine: Machine,
    oracle: &mut Oracle,
    recurrent: bool,
) -> Result<Agreement, ModelError> {
    let mut bound = if recurrent { RECURRENT_BOUND } else { BOUND };
    let (difference, tensor, step) = compare(plan, machine, oracle)?;
    if difference > bound {
        bound = bound.max(ROUNDINGS * rounding(oracle)?).min(HIGHEST_BOUND);
    }
    match difference <= bound {
        true => Ok(Agreement { difference, bound }),
        false => Err(ModelError::Mismatch {
            tensor,
            step,
            difference,
            bound,
        }),
    }
}

/// The same for a plan with weights of 16 bits. It may miss its bound: then the exact plan is played.
pub fn compare_half(
    plan: &Plan,
    machine: Machine,
    oracle: &mut Oracle,
) -> Result<Agreement, ModelError> {
    let (difference, ..) = compare(plan, machine, oracle)?;
    Ok(Agreement {
        difference,
        bound: HALF_BOUND,
    })
}

/// The largest difference, in which tensor and at which step.
fn compare(
    plan: &Plan,
    machine: Machine,
    oracle: &mut Oracle,
) -> Result<(f32, String, usize), ModelError> {
    let mut arena = plan.arenas(1);
    let mut random = SEED;
    let mut worst = (0.0, String::new(), 0);
    oracle.forget();
    for step in 0..STEPS {
        for index in oracle.heard() {
            let span = plan.inputs[index].1;
            let target = &mut arena.as_mut_slice()[span.start..span.start + span.len];
            for (ours, theirs) in target.iter_mut().zip(&mut oracle.inputs[index]) {
                *ours = next_input(&mut random);
                *theirs = *ours;
            }
        }
        plan.step(machine, arena.as_mut_slice());
        oracle.step()?;
        let outputs = plan.outputs.iter().zip(&oracle.outputs);
        for (index, ((name, _), reference)) in outputs.enumerate() {
            let ours = plan.output_values(arena.as_slice(), index);
            let difference = largest_difference(&ours, reference);
            if difference.is_nan() || difference > worst.0 {
                worst = (difference, name.clone(), step);
            }
            if difference.is_nan() {
                return Ok((f32::INFINITY, name.clone(), step));
            }
        }
    }
    Ok(worst)
}

/// How far tract's own outputs move when its inputs are off by their last bit: what rounding may do here.
fn rounding(oracle: &mut Oracle) -> Result<f32, ModelError> {
    let mut plain = Vec::new();
    let mut worst = 0.0f32;
    for nudge in [0.0, f32::EPSILON] {
        let mut random = SEED;
        oracle.forget();
        for step in 0..STEPS {
            for index in oracle.heard() {
                for input in &mut oracle.inputs[index] {
                    *input = next_input(&mut random) * (1.0 + nudge);
                }
            }
            oracle.step()?;
            if nudge == 0.0 {
                plain.push(oracle.outputs.clone());
                continue;
            }
            for (moved, reference) in oracle.outputs.iter().zip(&plain[step]) {
                worst = worst.max(largest_difference(moved, reference));
            }
        }
    }
    Ok(worst)
}

/// -1.5 to 1.5: what normalised features look like.
fn next_input(state: &mut u64) -> f32 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    ((*state >> 40) as f32 / 8_388_608.0 - 1.0) * 1.5
}

/// NaN where only ours is not finite. Where tract has no number (the logarithm of a negative one), ours may have any.
fn largest_difference(ours: &[f32], reference: &[f32]) -> f32 {
    ours.iter().zip(reference).fold(0.0, |worst: f32, (o, r)| {
        match (o.is_finite(), r.is_finite()) {
            (true, true) => worst.max((o - r).abs() / r.abs().max(1.0)),
            (_, false) => worst,
            (false, true) => f32::NAN,
        }
    })
}
