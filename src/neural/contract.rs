//! What a model file must say about itself: one JSON text under the ONNX metadata key `imu2music`.
//!
//! Batch 1, one time step, fixed shapes, every state an explicit input/output pair. `check` holds the words
//! against the graph's real inputs and outputs, and each refusal names the tensor and the cure.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::ModelError;
use crate::controls::Control;

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

/// One input tensor. The engine feeds `(value - mean) * scale`, in the order of `names`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub tensor: String,
    /// Features (`right_forearm.rate_x`) of a gesture model, control words (`pitch`) of a sound model.
    pub names: Vec<String>,
    /// Empty means 0 everywhere.
    #[serde(default)]
    pub mean: Vec<f32>,
    /// Empty means 1 everywhere.
    #[serde(default)]
    pub scale: Vec<f32>,
}

/// A tensor that the engine carries from one step to the next; it starts as zeros.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub input: String,
    pub output: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    Point(Point),
    CategoricalPitch(CategoricalPitch),
    MixturePitch(MixturePitch),
    Onset(Probability),
    Confidence(Probability),
    HarmonicNoise(HarmonicNoise),
    Waveform(Waveform),
}

/// `value = tensor[index] * scale + offset`, in the control's own unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub control: String,
    pub tensor: String,
    #[serde(default)]
    pub index: usize,
    #[serde(default)]
    pub offset: f32,
    #[serde(default = "one")]
    pub scale: f32,
}

/// Pitch as logits over notes `lowest_note + i * step`; `fine` moves the chosen note by `fine[i]`
/// (or `fine[0]` where it has one element) semitones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CategoricalPitch {
    pub logits: String,
    pub lowest_note: f32,
    #[serde(default = "one")]
    pub step: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fine: Option<String>,
}

/// Pitch as a mixture of normals: logits, `notes * scale + offset` in note numbers and deviations
/// (positive, semitones), one element per component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MixturePitch {
    pub logits: String,
    pub notes: String,
    pub deviations: String,
    #[serde(default)]
    pub offset: f32,
    #[serde(default = "one")]
    pub scale: f32,
}

/// A probability 0 to 1 in one element of a tensor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probability {
    pub tensor: String,
    #[serde(default)]
    pub index: usize,
}

/// Partials (linear peak amplitude) and noise bands (linear RMS each) for one frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HarmonicNoise {
    pub harmonics: String,
    pub noise: String,
    /// One more than there are bands, rising.
    pub noise_edges_hz: Vec<f32>,
    /// One element: B of `f_k = k f0 sqrt(1 + B k²)`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inharmonicity: Option<String>,
}

/// A chunk of samples per step: `sample_rate_hz / frame_rate_hz` of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waveform {
    pub tensor: String,
    pub sample_rate_hz: u32,
}

fn one() -> f32 {
    1.0
}

/// A graph's inputs and outputs with their fixed shapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Signature {
    pub inputs: Vec<(String, Vec<usize>)>,
    pub outputs: Vec<(String, Vec<usize>)>,
}

impl Signature {
    fn input_len(&self, name: &str) -> Result<usize, ModelError> {
        elements(&self.inputs, name, "input")
    }

    pub fn output_len(&self, name: &str) -> Result<usize, ModelError> {
        elements(&self.outputs, name, "output")
    }
}

fn elements(list: &[(String, Vec<usize>)], name: &str, what: &str) -> Result<usize, ModelError> {
    list.iter()
        .find(|(n, _)| n == name)
        .map(|(_, dims)| dims.iter().product())
        .ok_or_else(|| {
            let known: Vec<&str> = list.iter().map(|(n, _)| n.as_str()).collect();
            ModelError::contract(format!(
                "the graph has no {what} '{name}'; it has {}. Name one of these in the metadata",
                known.join(", ")
            ))
        })
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
            let word = match output {
                Output::Point(p) => {
                    let known = Control::from_name(&p.control);
                    known.ok_or_else(|| unknown_control(&p.control))?.name()
                }
                Output::CategoricalPitch(_) | Output::MixturePitch(_) => "pitch".into(),
                Output::Onset(_) => "onset".into(),
                Output::Confidence(_) => "confidence".into(),
                Output::HarmonicNoise(h) => h.check().map(|()| "sound".into())?,
                Output::Waveform(w) => w.check(self.frame_rate_hz).map(|()| "sound".into())?,
            };
            if !stated.insert(word.clone()) {
                let cause = format!("'{word}' is stated twice: keep one of the two outputs");
                return Err(ModelError::contract(cause));
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
        for state in &self.states {
            let (from, to) = (
                graph.output_len(&state.output)?,
                graph.input_len(&state.input)?,
            );
            same_len("state", &state.input, to, from)?;
            if !fed.insert(state.input.as_str()) {
                let cause = format!("tensor '{}' is fed twice: list it once", state.input);
                return Err(ModelError::contract(cause));
            }
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

impl Input {
    fn check(&self, kind: Kind) -> Result<(), ModelError> {
        let count = self.names.len();
        for (what, list) in [("mean", &self.mean), ("scale", &self.scale)] {
            if !list.is_empty() && list.len() != count {
                return Err(ModelError::contract(format!(
                    "input '{}' has {count} names and {} values of {what}: give one each, or none",
                    self.tensor,
                    list.len()
                )));
            }
            if list.iter().any(|v| !v.is_finite()) {
                let cause = format!("input '{}' has a {what} that is not a number", self.tensor);
                return Err(ModelError::contract(cause));
            }
        }
        match self
            .names
            .iter()
            .find(|n| kind == Kind::Sound && Control::from_name(n).is_none())
        {
            Some(name) => Err(unknown_control(name)),
            None => Ok(()),
        }
    }
}

impl Output {
    /// Names of the tensors that it reads.
    pub fn tensors(&self) -> Vec<&str> {
        match self {
            Output::Point(p) => vec![p.tensor.as_str()],
            Output::Onset(p) | Output::Confidence(p) => vec![p.tensor.as_str()],
            Output::CategoricalPitch(c) => std::iter::once(c.logits.as_str())
                .chain(c.fine.as_deref())
                .collect(),
            Output::MixturePitch(m) => {
                vec![m.logits.as_str(), m.notes.as_str(), m.deviations.as_str()]
            }
            Output::HarmonicNoise(h) => [h.harmonics.as_str(), h.noise.as_str()]
                .into_iter()
                .chain(h.inharmonicity.as_deref())
                .collect(),
            Output::Waveform(w) => vec![w.tensor.as_str()],
        }
    }

    fn check(&self, contract: &Contract, graph: &Signature) -> Result<(), ModelError> {
        match self {
            Output::Point(p) => has_index(graph, &p.tensor, p.index),
            Output::Onset(p) | Output::Confidence(p) => has_index(graph, &p.tensor, p.index),
            Output::CategoricalPitch(c) => {
                let notes = graph.output_len(&c.logits)?;
                match &c.fine {
                    Some(fine) if graph.output_len(fine)? != 1 => {
                        same_len("output", fine, graph.output_len(fine)?, notes)
                    }
                    _ => has_index(graph, &c.logits, 0),
                }
            }
            Output::MixturePitch(m) => {
                let components = graph.output_len(&m.logits)?;
                same_len("output", &m.notes, graph.output_len(&m.notes)?, components)?;
                same_len(
                    "output",
                    &m.deviations,
                    graph.output_len(&m.deviations)?,
                    components,
                )
            }
            Output::HarmonicNoise(h) => {
                let bands = h.noise_edges_hz.len() - 1;
                same_len("output", &h.noise, graph.output_len(&h.noise)?, bands)?;
                at_most(&h.harmonics, graph.output_len(&h.harmonics)?, MAX_PARTIALS)?;
                match &h.inharmonicity {
                    Some(name) => same_len("output", name, graph.output_len(name)?, 1),
                    None => Ok(()),
                }
            }
            Output::Waveform(w) => {
                let hop = (w.sample_rate_hz / contract.frame_rate_hz) as usize;
                same_len("output", &w.tensor, graph.output_len(&w.tensor)?, hop)
            }
        }
    }
}

impl HarmonicNoise {
    fn check(&self) -> Result<(), ModelError> {
        let edges = &self.noise_edges_hz;
        if !(2..=MAX_BANDS + 1).contains(&edges.len()) {
            return Err(ModelError::contract(format!(
                "noise_edges_hz has {} values; {MAX_BANDS} bands at most, and one more edge than bands",
                edges.len()
            )));
        }
        let rising = edges.windows(2).all(|e| e[0] < e[1]);
        if !rising || edges[0] < 0.0 || !edges[edges.len() - 1].is_finite() {
            return Err(ModelError::contract(
                "noise_edges_hz has to rise from 0 or more",
            ));
        }
        Ok(())
    }
}

impl Waveform {
    fn check(&self, frame_rate_hz: u32) -> Result<(), ModelError> {
        if !(8_000..=192_000).contains(&self.sample_rate_hz)
            || !self.sample_rate_hz.is_multiple_of(frame_rate_hz)
        {
            return Err(ModelError::contract(format!(
                "sample_rate_hz {} has to be a multiple of frame_rate_hz {frame_rate_hz}, 8000 to 192000",
                self.sample_rate_hz
            )));
        }
        Ok(())
    }
}

fn unknown_control(name: &str) -> ModelError {
    ModelError::contract(format!(
        "'{name}' is no control: use pitch, loudness, brightness, noisiness or timbre_1 to timbre_8"
    ))
}

fn same_len(what: &str, tensor: &str, graph: usize, words: usize) -> Result<(), ModelError> {
    if graph == words {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "{what} '{tensor}' has {graph} elements in the graph and {words} in the metadata: make them agree"
    )))
}

fn at_most(tensor: &str, graph: usize, limit: usize) -> Result<(), ModelError> {
    if graph <= limit {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "output '{tensor}' has {graph} elements; at most {limit} are played. Slice it in the graph"
    )))
}

fn has_index(graph: &Signature, tensor: &str, index: usize) -> Result<(), ModelError> {
    let len = graph.output_len(tensor)?;
    if index < len {
        return Ok(());
    }
    Err(ModelError::contract(format!(
        "output '{tensor}' has {len} elements, so there is no index {index}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Contract {
        Contract::parse(
            r#"{"version":1,"kind":"gesture","name":"Bow","frame_rate_hz":100,"feature_schema":1,
            "inputs":[{"tensor":"x","names":["right_forearm.rate_x","right_forearm.rate_y"]}],
            "states":[{"input":"h","output":"h_out"}],
            "outputs":[{"point":{"control":"loudness","tensor":"y","index":0,"offset":-40.0,"scale":20.0}},
            {"categorical_pitch":{"logits":"p","lowest_note":48.0}},{"onset":{"tensor":"y","index":1}}]}"#,
        )
        .unwrap()
    }

    fn signature() -> Signature {
        let tensor = |name: &str, n| (name.to_string(), vec![1, n]);
        Signature {
            inputs: vec![tensor("x", 2), tensor("h", 8)],
            outputs: vec![tensor("h_out", 8), tensor("y", 2), tensor("p", 24)],
        }
    }

    #[test]
    fn a_contract_survives_its_text() {
        let text = serde_json::to_string(&example()).unwrap();
        assert_eq!(Contract::parse(&text), Ok(example()));
        assert_eq!(example().check(&signature()), Ok(()));
    }

    fn refusal(change: impl Fn(&mut Contract)) -> String {
        let mut contract = example();
        change(&mut contract);
        let result = contract
            .check_words()
            .and_then(|()| contract.check(&signature()));
        result.unwrap_err().to_string()
    }

    #[test]
    fn every_refusal_names_the_tensor_or_the_word() {
        assert!(refusal(|c| c.version = 2).contains("version 2"));
        assert!(refusal(|c| c.frame_rate_hz = 60).contains("divide 200"));
        assert!(refusal(|c| c.inputs[0].names.truncate(1)).contains("'x' has 2 elements"));
        assert!(refusal(|c| c.inputs[0].mean = vec![0.0]).contains("1 values of mean"));
        assert!(refusal(|c| c.states.clear()).contains("nothing feeds the graph's input 'h'"));
        assert!(refusal(|c| c.states[0].output = "y".into()).contains("8 elements"));
        assert!(refusal(|c| c.states[0].output = "z".into()).contains("no output 'z'"));
        assert!(refusal(|c| c.outputs.push(c.outputs[0].clone())).contains("stated twice"));
        assert!(refusal(|c| c.outputs.clear()).contains("no outputs"));
        assert!(refusal(|c| c.kind = Kind::Sound).contains("no control"));
        assert!(
            refusal(|c| {
                c.outputs[2] = Output::Onset(Probability {
                    tensor: "y".into(),
                    index: 2,
                })
            })
            .contains("no index 2")
        );
    }

    #[test]
    fn text_that_is_not_a_contract_says_why() {
        let error = Contract::parse("{\"version\":1}").unwrap_err();
        assert!(error.to_string().contains("missing field `kind`"));
    }
}
