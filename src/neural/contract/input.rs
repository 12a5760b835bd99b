//! What a model hears, and what it carries from one step to the next.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::controls::Control;
use crate::neural::ModelError;

/// One input tensor. The engine feeds `(value - mean) * scale`, in the order of `names`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub tensor: String,
    /// Features (`right_forearm.rate_x`) of a gesture model, control words (`pitch`) of a sound model.
    pub names: Vec<String>,
    /// What each means, for people; empty texts and an empty list say nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub meanings: Vec<String>,
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

impl Input {
    pub(super) fn check(&self, kind: Kind) -> Result<(), ModelError> {
        let count = self.names.len();
        if !self.meanings.is_empty() && self.meanings.len() != count {
            return Err(ModelError::contract(format!(
                "input '{}' has {count} names and {} meanings: give one each, or none",
                self.tensor,
                self.meanings.len()
            )));
        }
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

pub(super) fn unknown_control(name: &str) -> ModelError {
    ModelError::contract(format!(
        "'{name}' is no control: use pitch, loudness, brightness, noisiness or timbre_1 to timbre_8"
    ))
}
