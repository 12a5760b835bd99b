//! What a model file must say about itself: one JSON text under the ONNX metadata key `imu2music`.
//!
//! Batch 1, one time step, fixed shapes, every state an explicit input/output pair. `check` holds the words
//! against the graph's real inputs and outputs, and each refusal names the tensor and the cure.

mod events;
mod input;
mod output;
mod signature;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ModelError;
pub use events::Events;
pub use input::{Input, State};
pub use output::{
    CategoricalPitch, HarmonicNoise, MixturePitch, Normal, Output, Point, Probability, Waveform,
};
pub use signature::Signature;
use signature::same_len;

/// Key in ONNX `metadata_props`.
pub const METADATA_KEY: &str = "imu2music";
/// The contract version this code reads and writes.
pub const CONTRACT_VERSION: u32 = 1;
/// The control grid; a model's frame rate divides it.
pub use crate::gesture::TICK_RATE_HZ as GRID_HZ;
/// Partials and noise bands a sound frame can carry.
pub use crate::sound::frame::{MAX_BANDS, MAX_PARTIALS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Gesture,
    Sound,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Contract {
    pub version: u32,
    pub kind: Kind,
    pub name: String,
    #[serde(default)]
    pub author: String,
    #[serde(default)]
    pub licence: String,
    #[serde(default)]
    pub description: String,
    /// Steps per second: a divisor of [`GRID_HZ`] from 10 up.
    pub frame_rate_hz: u32,
    /// Gesture models: the version of the feature names they were trained on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feature_schema: Option<u32>,
    pub inputs: Vec<Input>,
    #[serde(default)]
    pub states: Vec<State>,
    pub outputs: Vec<Output>,
    /// What it was trained on: free JSON.
    #[serde(default)]
    pub data: serde_json::Value,
    /// How well it does: free JSON.
    #[serde(default)]
    pub metrics: serde_json::Value,
}

impl Contract {
    /// Reads the JSON text and checks all that can be checked without the graph.
    pub fn parse(text: &str) -> Result<Contract, ModelError> {
        let contract: Contract = serde_json::from_str(text).map_err(|e| {
            ModelError::contract(format!(
                "the metadata '{METADATA_KEY}' is not readable: {e}"
            ))
        })?;
        contract.check_words()?;
        Ok(contract)
    }

    /// Steps of the control grid per step of this model.
    pub fn ticks_per_frame(&self) -> u32 {
        GRID_HZ / self.frame_rate_hz
    }

    fn check_words(&self) -> Result<(), ModelError> {
        let refuse = |cause: String| Err(ModelError::contract(cause));
        if self.version != CONTRACT_VERSION {
            return refuse(format!(
                "it is written in version {}; this program reads version {CONTRACT_VERSION}",
                self.version
            ));
        }
        let rate = self.frame_rate_hz;
        if !(10..=GRID_HZ).contains(&rate) || !GRID_HZ.is_multiple_of(rate) {
            return refuse(format!(
                "frame_rate_hz is {rate}, but it has to divide {GRID_HZ}: 200, 100, 50, 40, 25, 20 or 10"
            ));
        }
        if self.name.trim().is_empty() {
            return refuse("it has no name: give it one that a musician would recognise".into());
        }
        for input in &self.inputs {
            input.check(self.kind)?;
        }
        self.check_outputs()
    }

    fn check_outputs(&self) -> Result<(), ModelError> {
        let refuse = |cause: String| Err(ModelError::contract(cause));
        let sound = |o: &Output| matches!(o, Output::HarmonicNoise(_) | Output::Waveform(_));
        match self.kind {
            Kind::Gesture if self.outputs.iter().any(sound) => refuse(
                "a gesture model cannot state harmonic_noise or waveform; set kind to \"sound\""
                    .into(),
            ),
            Kind::Sound if self.outputs.len() != 1 || !sound(&self.outputs[0]) => {
                refuse("a sound model states exactly one output: harmonic_noise or waveform".into())
            }
            _ if self.outputs.is_empty() => {
                refuse("it states no outputs: state at least one control".into())
            }
            _ => self.check_output_words(),
        }
    }

    fn check_output_words(&self) -> Result<(), ModelError> {
        let mut stated = HashSet::new();
        for output in &self.outputs {
            output.check_words(self.frame_rate_hz)?;
            for word in output.words()? {
                if !stated.insert(word.clone()) {
                    let cause = format!("'{word}' is stated twice: keep one of the two outputs");
                    return Err(ModelError::contract(cause));
                }
            }
        }
        Ok(())
    }

    /// Holds the contract against the graph.
    pub fn check(&self, graph: &Signature) -> Result<(), ModelError> {
        let mut fed = HashSet::new();
        for input in &self.inputs {
            same_len(
                "input",
                &input.tensor,
                graph.input_len(&input.tensor)?,
                input.names.len(),
            )?;
            fed.insert(input.tensor.as_str());
        }
        for tensor in self.outputs.iter().flat_map(Output::fed) {
            graph.input_len(tensor)?;
            feed_once(&mut fed, tensor)?;
        }
        for state in &self.states {
            let (from, to) = (
                graph.output_len(&state.output)?,
                graph.input_len(&state.input)?,
            );
            same_len("state", &state.input, to, from)?;
            feed_once(&mut fed, &state.input)?;
        }
        if let Some((name, _)) = graph.inputs.iter().find(|(n, _)| !fed.contains(n.as_str())) {
            return Err(ModelError::contract(format!(
                "nothing feeds the graph's input '{name}': list it under inputs or states"
            )));
        }
        self.outputs
            .iter()
            .try_for_each(|output| output.check(self, graph))
    }
}

fn feed_once<'a>(fed: &mut HashSet<&'a str>, tensor: &'a str) -> Result<(), ModelError> {
    if fed.insert(tensor) {
        return Ok(());
    }
    let cause = format!("tensor '{tensor}' is fed twice: list it once");
    Err(ModelError::contract(cause))
}
