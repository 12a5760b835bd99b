//! Which device is worn where, and which feature feeds which model input. `Mapping` is the document that is saved
//! with the project; `compile` turns it into fixed arrays for the audio thread.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::features::{FEATURE_COUNT, FeatureBank};
use super::{ROLE_COUNT, Role};
use crate::sensor::DeviceId;

/// Most inputs that a gesture model may have.
pub const INPUT_CAPACITY: usize = 256;

/// How one model input is fed: `gain · (±source) + offset`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputSource {
    /// Feature name, as `right_forearm.rate_x`; empty for the feature that the input is named after.
    pub source: String,
    pub gain: f32,
    /// In the feature's unit.
    pub offset: f32,
    pub invert: bool,
    /// Feeds the feature's resting value.
    pub mute: bool,
}

impl Default for InputSource {
    fn default() -> Self {
        InputSource {
            source: String::new(),
            gain: 1.0,
            offset: 0.0,
            invert: false,
            mute: false,
        }
    }
}

/// What the player chose. Whatever is not here is automatic: the first devices to arrive fill the roles that the
/// model asks for, in order, and every input hears the feature it is named after.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mapping {
    /// The key of the device in a role (its own id where it sends one, its address otherwise).
    pub seats: BTreeMap<Role, String>,
    /// By model input name.
    pub inputs: BTreeMap<String, InputSource>,
}

/// A device that the hub has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice<'a> {
    pub id: DeviceId,
    pub key: &'a str,
}

/// Why a part of the mapping has no effect. The rest of it works.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblem {
    #[error("input {input} hears no feature called {source_name:?}: choose one in the map")]
    UnknownSource { input: String, source_name: String },
    #[error("the device {key:?} chosen for {} is not here: switch it on or choose another", role.name())]
    MissingDevice { role: Role, key: String },
    #[error("the gain or offset of input {input} is not a finite number: it is taken as 1 and 0")]
    NotFinite { input: String },
    #[error("the model has {count} inputs, {INPUT_CAPACITY} are heard")]
    TooManyInputs { count: usize },
}

/// Who sits in a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Nothing asks for this role.
    Empty,
    /// The next device that no seat names.
    Automatic,
    Device(DeviceId),
    /// Kept for a device that is not here.
    Reserved,
}

/// The seats by role and the order in which automatic ones are filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seating {
    pub seats: [Seat; ROLE_COUNT],
    order: [Role; ROLE_COUNT],
    wanted: usize,
}

impl Seating {
    /// The roles asked for, first the one the model names first.
    pub fn wanted(&self) -> &[Role] {
        &self.order[..self.wanted.min(ROLE_COUNT)]
    }

    fn want(&mut self, role: Role) {
        if self.wanted < ROLE_COUNT && !self.wanted().contains(&role) {
            self.order[self.wanted] = role;
            self.wanted += 1;
            self.seats[role.index()] = Seat::Automatic;
        }
    }

    /// Wants what either wants; `self` comes first and keeps its own seats.
    pub fn join(&mut self, other: &Seating) {
        for role in other.wanted() {
            if !self.wanted().contains(role) {
                self.want(*role);
                self.seats[role.index()] = other.seats[role.index()];
            }
        }
    }
}

impl Default for Seating {
    fn default() -> Self {
        Seating {
            seats: [Seat::Empty; ROLE_COUNT],
            order: Role::ALL,
            wanted: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Route {
    /// Index in the bank; beyond it for an input that hears nothing.
    feature: u16,
    gain: f32,
    offset: f32,
}

/// A mapping as the audio thread uses it: fixed arrays, `Copy`.
#[derive(Clone, Copy, Debug)]
pub struct CompiledMap {
    pub seating: Seating,
    routes: [Route; INPUT_CAPACITY],
    count: usize,
}

impl CompiledMap {
    /// Hears nothing and wants no device.
    pub fn empty() -> Self {
        CompiledMap {
            seating: Seating::default(),
            routes: [Route {
                feature: FEATURE_COUNT as u16,
                gain: 0.0,
                offset: 0.0,
            }; INPUT_CAPACITY],
            count: 0,
        }
    }

    pub fn input_count(&self) -> usize {
        self.count
    }

    /// Writes the model's inputs, in its order; inputs beyond the map get 0. Always finite.
    pub fn apply(&self, bank: &FeatureBank, inputs: &mut [f32]) {
        let routes = &self.routes[..self.count.min(INPUT_CAPACITY)];
        for (index, input) in inputs.iter_mut().enumerate() {
            let value = routes.get(index).map_or(0.0, |route| {
                route.gain * bank.get(usize::from(route.feature)) + route.offset
            });
            *input = if value.is_finite() { value } else { 0.0 };
        }
    }
}

impl Mapping {
    /// For a model that asks for `inputs`, with the devices seen so far. Never fails: what cannot be done is listed.
    pub fn compile(
        &self,
        inputs: &[impl AsRef<str>],
        devices: &[KnownDevice<'_>],
    ) -> (CompiledMap, Vec<MappingProblem>) {
        let mut map = CompiledMap::empty();
        let mut problems = Vec::new();
        if inputs.len() > INPUT_CAPACITY {
            problems.push(MappingProblem::TooManyInputs {
                count: inputs.len(),
            });
        }
        for (route, input) in map.routes.iter_mut().zip(inputs) {
            if let Some(feature) = self.route(input.as_ref(), route, &mut problems) {
                let role = FeatureBank::feature_at(feature).map(|(role, _)| role);
                role.into_iter().for_each(|role| map.seating.want(role));
            }
        }
        map.count = inputs.len().min(INPUT_CAPACITY);
        self.take_seats(&mut map.seating, devices, &mut problems);
        (map, problems)
    }

    fn route(
        &self,
        input: &str,
        route: &mut Route,
        problems: &mut Vec<MappingProblem>,
    ) -> Option<usize> {
        let chosen = self.inputs.get(input).cloned().unwrap_or_default();
        let name = if chosen.source.is_empty() {
            input
        } else {
            &chosen.source
        };
        let Some(feature) = FeatureBank::index_of(name) else {
            problems.push(MappingProblem::UnknownSource {
                input: input.into(),
                source_name: name.into(),
            });
            return None;
        };
        let (mut gain, mut offset) = (chosen.gain, chosen.offset);
        if !(gain.is_finite() && offset.is_finite()) {
            problems.push(MappingProblem::NotFinite {
                input: input.into(),
            });
            (gain, offset) = (1.0, 0.0);
        }
        if chosen.invert {
            gain = -gain;
        }
        if chosen.mute {
            (gain, offset) = (0.0, FeatureBank::NEUTRAL.get(feature));
        }
        *route = Route {
            feature: feature as u16,
            gain,
            offset,
        };
        Some(feature)
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
            let found = devices.iter().find(|device| device.key == key);
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
mod tests {
    use super::*;

    const INPUTS: [&str; 3] = ["left_forearm.speed", "right_forearm.up_z", "nonsense"];

    fn bank() -> FeatureBank {
        let mut bank = FeatureBank::NEUTRAL;
        bank.0[Role::LeftForearm.index()][12] = 3.0;
        bank
    }

    #[test]
    fn an_input_hears_the_feature_it_is_named_after() {
        let (map, problems) = Mapping::default().compile(&INPUTS, &[]);
        let mut inputs = [f32::NAN; 4];
        map.apply(&bank(), &mut inputs);
        assert_eq!(inputs, [3.0, 1.0, 0.0, 0.0]);
        assert_eq!(problems.len(), 1);
        assert_eq!(
            map.seating.wanted(),
            [Role::LeftForearm, Role::RightForearm]
        );
        assert_eq!(
            map.seating.seats[Role::LeftForearm.index()],
            Seat::Automatic
        );
    }

    #[test]
    fn what_the_player_chose_survives_saving_and_shapes_the_input() {
        let mut mapping = Mapping::default();
        let shaped = InputSource {
            source: "left_forearm.speed".into(),
            gain: 2.0,
            offset: 0.5,
            invert: true,
            mute: false,
        };
        let muted = InputSource {
            mute: true,
            ..InputSource::default()
        };
        mapping.inputs.insert("nonsense".into(), shaped);
        mapping.inputs.insert("right_forearm.up_z".into(), muted);
        mapping.seats.insert(Role::LeftForearm, "wrist-7".into());
        mapping.seats.insert(Role::RightForearm, "gone".into());
        let saved = serde_json::to_string(&mapping).unwrap();
        let mapping: Mapping = serde_json::from_str(&saved).unwrap();

        let here = KnownDevice {
            id: DeviceId(4),
            key: "wrist-7",
        };
        let (map, problems) = mapping.compile(&INPUTS, &[here]);
        let mut inputs = [0.0; 3];
        let mut moved = bank();
        moved.0[Role::RightForearm.index()][8] = -1.0;
        map.apply(&moved, &mut inputs);
        assert_eq!(inputs, [3.0, 1.0, -5.5]);
        let seats = map.seating.seats;
        assert_eq!(seats[Role::LeftForearm.index()], Seat::Device(DeviceId(4)));
        assert_eq!(seats[Role::RightForearm.index()], Seat::Reserved);
        assert_eq!(seats[Role::Head.index()], Seat::Empty);
        assert_eq!(problems.len(), 1, "{problems:?}");
    }

    #[test]
    fn an_old_or_partial_document_still_opens() {
        let text = r#"{"inputs": {"a": {"source": "head.energy"}}}"#;
        let mapping: Mapping = serde_json::from_str(text).unwrap();
        assert_eq!(mapping.inputs["a"].gain, 1.0);
        assert!(mapping.seats.is_empty());
    }
}
