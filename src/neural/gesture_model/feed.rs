//! Values with a unit to normalised input tensors. Shared by both kinds of model.

use crate::neural::error::ModelError;
use crate::neural::runner::Runner;

/// Normalised inputs are held to this many deviations: a wild sensor must not saturate a network for long.
const WIDEST: f32 = 100.0;

#[derive(Clone)]
struct Target {
    tensor: usize,
    index: usize,
    mean: f32,
    scale: f32,
}

/// Where each named input goes.
#[derive(Clone)]
pub struct Feed {
    names: Vec<String>,
    targets: Vec<Target>,
}

impl Feed {
    pub fn new(model: &Runner) -> Result<Feed, ModelError> {
        let (mut names, mut targets) = (Vec::new(), Vec::new());
        for input in &model.contract().inputs {
            let tensor = model.input_index(&input.tensor);
            let tensor = tensor.ok_or_else(|| {
                ModelError::contract(format!("there is no input '{}'", input.tensor))
            })?;
            for (index, name) in input.names.iter().enumerate() {
                names.push(name.clone());
                targets.push(Target {
                    tensor,
                    index,
                    mean: input.mean.get(index).copied().unwrap_or(0.0),
                    scale: input.scale.get(index).copied().unwrap_or(1.0),
                });
            }
        }
        Ok(Feed { names, targets })
    }

    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Missing values and values that are not numbers stand at their mean.
    pub fn write(&self, model: &mut Runner, values: &[f32]) {
        self.write_to(model, 0, values);
    }

    /// The same for the voice in one seat of the model.
    pub fn write_to(&self, model: &mut Runner, seat: usize, values: &[f32]) {
        for (i, target) in self.targets.iter().enumerate() {
            let value = values.get(i).copied().unwrap_or(f32::NAN);
            let normal = (value - target.mean) * target.scale;
            let normal = if normal.is_finite() {
                normal.clamp(-WIDEST, WIDEST)
            } else {
                0.0
            };
            model.input_of(seat, target.tensor)[target.index] = normal;
        }
    }
}

pub fn output(model: &Runner, tensor: &str) -> Result<usize, ModelError> {
    let index = model.output_index(tensor);
    index.ok_or_else(|| ModelError::contract(format!("there is no output '{tensor}'")))
}
