//! What a model says: controls, distributions over them, or sound.

use serde::{Deserialize, Serialize};

use super::input::unknown_control;
use super::signature::{at_most, has_index, same_len};
use super::{Contract, Events, MAX_BANDS, MAX_PARTIALS, Signature};
use crate::controls::Control;
use crate::neural::ModelError;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    Point(Point),
    Normal(Normal),
    CategoricalPitch(CategoricalPitch),
    MixturePitch(MixturePitch),
    Onset(Probability),
    Confidence(Probability),
    HarmonicNoise(HarmonicNoise),
    Waveform(Waveform),
    Events(Events),
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

/// A normal distribution of `mean * scale + offset`, in the control's own unit: the mean is `tensor[index]`, the deviation
/// of the mean's unit (0 or more) `deviations[deviation_index]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Normal {
    pub control: String,
    pub tensor: String,
    #[serde(default)]
    pub index: usize,
    pub deviations: String,
    #[serde(default)]
    pub deviation_index: usize,
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

impl Output {
    /// Names of the tensors that it reads.
    pub fn tensors(&self) -> Vec<&str> {
        match self {
            Output::Point(p) => vec![p.tensor.as_str()],
            Output::Normal(n) => vec![n.tensor.as_str(), n.deviations.as_str()],
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
            Output::Events(e) => vec![e.logits.as_str()],
        }
    }

    /// Names of the input tensors that are fed for it.
    pub fn fed(&self) -> Vec<&str> {
        match self {
            Output::Events(events) => events.fed().to_vec(),
            _ => Vec::new(),
        }
    }

    /// What it states.
    pub(super) fn words(&self) -> Result<Vec<String>, ModelError> {
        Ok(match self {
            Output::Point(Point { control, .. }) | Output::Normal(Normal { control, .. }) => {
                let known = Control::from_name(control);
                vec![known.ok_or_else(|| unknown_control(control))?.name()]
            }
            Output::CategoricalPitch(_) | Output::MixturePitch(_) => vec!["pitch".into()],
            Output::Onset(_) => vec!["onset".into()],
            Output::Confidence(_) => vec!["confidence".into()],
            Output::HarmonicNoise(_) | Output::Waveform(_) => vec!["sound".into()],
            Output::Events(_) => ["pitch", "loudness", "onset", "confidence"]
                .map(String::from)
                .into(),
        })
    }

    pub(super) fn check_words(&self, frame_rate_hz: u32) -> Result<(), ModelError> {
        match self {
            Output::Normal(n) => n.check(),
            Output::HarmonicNoise(h) => h.check(),
            Output::Waveform(w) => w.check(frame_rate_hz),
            Output::Events(e) => e.check_words(),
            _ => Ok(()),
        }
    }

    pub(super) fn check(&self, contract: &Contract, graph: &Signature) -> Result<(), ModelError> {
        match self {
            Output::Point(p) => has_index(graph, &p.tensor, p.index),
            Output::Normal(n) => {
                has_index(graph, &n.tensor, n.index)?;
                has_index(graph, &n.deviations, n.deviation_index)
            }
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
            Output::Events(e) => e.check(graph),
        }
    }
}

impl Normal {
    /// Its mean, as a point.
    pub fn mean(&self) -> Point {
        Point {
            control: self.control.clone(),
            tensor: self.tensor.clone(),
            index: self.index,
            offset: self.offset,
            scale: self.scale,
        }
    }

    fn check(&self) -> Result<(), ModelError> {
        if Control::from_name(&self.control) == Some(Control::Pitch) {
            return Err(ModelError::contract(
                "'pitch' is chosen among notes, not drawn as normal: state it as mixture_pitch or categorical_pitch",
            ));
        }
        Ok(())
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
