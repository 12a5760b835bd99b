//! Which device is worn where, and which channels feed which model input. `Mapping` is the document that is saved
//! with the project; `compile` turns it into fixed arrays for the audio thread.
//!
//! A matrix: an input hears the channel it is named after, or another, and any further ones added to it. Whatever
//! the player leaves alone is not in the document and follows the device and the model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

mod channels;
mod compiled;
mod context;
pub mod file;
mod route;
mod seating;

pub use channels::{CHANNEL_COUNT, Channels, MACRO_COUNT};
pub use compiled::{CompiledMap, INPUT_CAPACITY, MapPlayer, ROUTE_CAPACITY};
pub use context::{Context, ContextWord};
pub use seating::{KnownDevice, Seat, Seating};

use super::Role;
use super::alignment::Alignment;
use super::features::LimbFeature;
use route::Route;

/// How one channel feeds one model input: `gain · (±bend(smooth(channel))) + offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputSource {
    /// `right_forearm.rate_x` or `macro_1`; empty for the channel that the input is named after.
    pub source: String,
    pub gain: f32,
    /// In the input's unit.
    pub offset: f32,
    /// Bend of the response, -1 to 1: below 0 small movements count more, above 0 less; 0 is straight.
    pub curve: f32,
    /// 0 (none) to 1: how much a slow hand is smoothed (1 € filter).
    pub smoothing: f32,
    pub invert: bool,
    /// Feeds the resting value.
    pub mute: bool,
}

impl Default for InputSource {
    fn default() -> Self {
        InputSource {
            source: String::new(),
            gain: 1.0,
            offset: 0.0,
            curve: 0.0,
            smoothing: 0.0,
            invert: false,
            mute: false,
        }
    }
}

/// What was learned of one role: how its sensor sits on the body, and how far its wearer moves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleCalibration {
    /// How the sensor is turned on the limb, from two guided poses.
    pub alignment: Option<Alignment>,
    /// Least and most of a feature while its wearer moved through their range; by feature name, as `energy`.
    pub ranges: BTreeMap<String, (f32, f32)>,
}

/// What the player chose. Whatever is not here is automatic: the first devices to arrive fill the roles that the
/// model asks for, in order, and every input hears the channel it is named after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// The key of the device in a role (its own id where it sends one, its address otherwise).
    pub seats: BTreeMap<Role, String>,
    /// By model input name.
    pub inputs: BTreeMap<String, InputSource>,
    /// Channels that are added to an input beside the one above, by model input name.
    pub added: BTreeMap<String, Vec<InputSource>>,
    pub calibration: BTreeMap<Role, RoleCalibration>,
}

/// An input of a gesture model, by its metadata.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ModelInput {
    pub name: String,
    /// What it heard most of the time while it was trained, in its unit; `None` where the model does not say.
    pub trained_span: Option<(f32, f32)>,
}

impl AsRef<str> for ModelInput {
    fn as_ref(&self) -> &str {
        &self.name
    }
}

/// Why a part of the mapping has no effect. The rest of it works.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblem {
    #[error("input {input} hears no channel called {source_name:?}: choose one in the map")]
    UnknownSource { input: String, source_name: String },
    #[error("the device {key:?} chosen for {} is not here: switch it on, re-seat the role, or choose another", role.name())]
    MissingDevice { role: Role, key: String },
    #[error("{field} of input {input} is not a finite number: it is left out")]
    NotFinite { input: String, field: &'static str },
    #[error("the model has {count} inputs, {INPUT_CAPACITY} are heard")]
    TooManyInputs { count: usize },
    #[error("the map has more than {ROUTE_CAPACITY} connections: take away some that were added")]
    TooManyRoutes,
}

impl Mapping {
    /// For a model that asks for `inputs` by name alone.
    pub fn compile(
        &self,
        inputs: &[impl AsRef<str>],
        devices: &[KnownDevice<'_>],
    ) -> (CompiledMap, Vec<MappingProblem>) {
        let inputs: Vec<ModelInput> = inputs
            .iter()
            .map(|name| ModelInput {
                name: name.as_ref().into(),
                trained_span: None,
            })
            .collect();
        self.compile_for(&inputs, devices)
    }

    /// For a model that asks for `inputs`, with the devices seen so far. Never fails: what cannot be done is listed.
    pub fn compile_for(
        &self,
        inputs: &[ModelInput],
        devices: &[KnownDevice<'_>],
    ) -> (CompiledMap, Vec<MappingProblem>) {
        let mut map = CompiledMap::empty();
        let mut problems = Vec::new();
        if inputs.len() > INPUT_CAPACITY {
            problems.push(MappingProblem::TooManyInputs {
                count: inputs.len(),
            });
        }
        map.input_count = inputs.len().min(INPUT_CAPACITY);
        for (number, input) in inputs.iter().take(INPUT_CAPACITY).enumerate() {
            self.connect(number, input, &mut map, &mut problems);
        }
        for (role, learned) in &self.calibration {
            map.seating.turns[role.index()] = learned.alignment.and_then(Alignment::turn);
        }
        self.take_seats(&mut map.seating, devices, &mut problems);
        (map, problems)
    }

    /// Every connection of one input: its own, then those that were added.
    fn connect(
        &self,
        number: usize,
        input: &ModelInput,
        map: &mut CompiledMap,
        problems: &mut Vec<MappingProblem>,
    ) {
        let automatic = InputSource::default();
        let own = self.inputs.get(&input.name).unwrap_or(&automatic);
        let added = self.added.get(&input.name).into_iter().flatten();
        for (place, chosen) in std::iter::once(own).chain(added).enumerate() {
            let name = if chosen.source.is_empty() {
                &input.name
            } else {
                &chosen.source
            };
            let Some(channel) = Channels::index_of(name) else {
                problems.push(MappingProblem::UnknownSource {
                    input: input.name.clone(),
                    source_name: name.clone(),
                });
                continue;
            };
            let learned = self.learned_range(channel);
            let mut route = Route::new(number, channel, input, chosen, learned, problems);
            // What was added and is muted adds nothing.
            if place > 0 && chosen.mute {
                route.rest_at(0.0);
            }
            if let Some((role, _)) = Channels::limb_of(channel) {
                map.seating.want(role);
            }
            if !map.push(route) {
                if !problems.contains(&MappingProblem::TooManyRoutes) {
                    problems.push(MappingProblem::TooManyRoutes);
                }
                return;
            }
        }
    }

    fn learned_range(&self, channel: usize) -> Option<(f32, f32)> {
        let (role, feature): (Role, LimbFeature) = Channels::limb_of(channel)?;
        let range = *self.calibration.get(&role)?.ranges.get(feature.name())?;
        let usable = range.0.is_finite() && range.1.is_finite() && range.1 - range.0 > 1e-6;
        (usable && !feature.is_direction()).then_some(range)
    }

    fn take_seats(
        &self,
        seating: &mut Seating,
        devices: &[KnownDevice<'_>],
        problems: &mut Vec<MappingProblem>,
    ) {
        for (role, key) in &self.seats {
            if seating.seats[role.index()] == Seat::Empty {
                continue;
            }
            // A device that comes back under another address is listed twice by its own id: the one heard last is it.
            let found = devices
                .iter()
                .filter(|device| device.key == key)
                .max_by(|a, b| a.last_seen.0.total_cmp(&b.last_seen.0));
            seating.seats[role.index()] = match found {
                Some(device) => Seat::Device(device.id),
                None => {
                    problems.push(MappingProblem::MissingDevice {
                        role: *role,
                        key: key.clone(),
                    });
                    Seat::Reserved
                }
            };
        }
    }
}

#[cfg(test)]
mod tests;
