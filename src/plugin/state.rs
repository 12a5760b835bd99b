//! What a song keeps besides parameters, and the gate every saved state passes before any of it is
//! applied: a state with one wrong type applies nothing, so the sound and the mapping stay as they are.

use crate::gesture::mapping::Mapping;
use crate::params::{InstrumentParams, SlotNames};
use nice_plug::prelude::*;
use serde::{Deserialize, Serialize};

/// Raised with every change that an older plugin could not read.
pub const SESSION_VERSION: u32 = 1;
/// The R-IoT's port, and ours until the user says otherwise.
pub const DEFAULT_PORT: u16 = 8888;
/// Ports one instance can listen to.
pub const PORTS_MAX: usize = 4;

/// Which of the two kinds of slot a model fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SlotKind {
    Gesture,
    Sound,
}

/// A model of the user's in a slot: enough to find it again, and to say which one is missing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRef {
    pub kind: SlotKind,
    /// 1 to 16, as the parameter prints it.
    pub slot: u8,
    pub name: String,
    /// SHA-256 of the file in hexadecimal.
    pub sha256: String,
}

/// Saved with the song.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub version: u32,
    /// UDP ports that sensors send to.
    pub ports: Vec<u16>,
    /// `false`: this machine only. `true`: the network, by the user's own choice.
    pub network: bool,
    pub mapping: Mapping,
    #[serde(default)]
    pub models: Vec<ModelRef>,
    /// Logical size of the editor.
    #[serde(default = "default_editor_size")]
    pub editor_size: (u32, u32),
}

impl Default for Session {
    fn default() -> Self {
        Session {
            version: SESSION_VERSION,
            ports: vec![DEFAULT_PORT],
            network: false,
            mapping: Mapping::default(),
            models: Vec::new(),
            editor_size: default_editor_size(),
        }
    }
}

fn default_editor_size() -> (u32, u32) {
    (980, 680)
}

/// Why a saved state was not applied.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    #[error("parameter `{0}` is stored as another type: the state was not applied")]
    ParameterType(String),
    #[error("the session data cannot be read ({0}): the state was not applied")]
    Session(String),
    #[error("the session was saved by a newer version of IMU2Music ({0}): update the plugin to open it")]
    Newer(u32),
}

/// Checks a state and brings an older one up to date; what fails is emptied, so that nothing is applied.
pub fn filter(state: &mut PluginState) -> Result<(), StateError> {
    let checked = check(state);
    if checked.is_err() {
        state.params.clear();
        state.fields.clear();
    }
    checked
}

fn check(state: &PluginState) -> Result<(), StateError> {
    let reference = InstrumentParams::new(SlotNames::default(), SlotNames::default());
    let known = reference.param_map();
    for (id, value) in &state.params {
        let Some((_, param, _)) = known.iter().find(|(known_id, ..)| known_id == id) else {
            continue;
        };
        if !fits(*param, value) {
            return Err(StateError::ParameterType(id.clone()));
        }
    }
    match state.fields.get("session") {
        None => Ok(()),
        Some(json) => check_session(json),
    }
}

fn check_session(json: &str) -> Result<(), StateError> {
    let session: Session =
        serde_json::from_str(json).map_err(|error| StateError::Session(error.to_string()))?;
    if session.version > SESSION_VERSION {
        return Err(StateError::Newer(session.version));
    }
    if session.ports.len() > PORTS_MAX {
        return Err(StateError::Session(format!("{} ports, at most {PORTS_MAX}", session.ports.len())));
    }
    Ok(())
}

fn fits(param: ParamPtr, value: &state::ParamValue) -> bool {
    use state::ParamValue;
    match (param, value) {
        (ParamPtr::FloatParam(_), ParamValue::F32(v)) => v.is_finite(),
        (ParamPtr::IntParam(_), ParamValue::I32(_)) => true,
        (ParamPtr::BoolParam(_), ParamValue::Bool(_)) => true,
        (ParamPtr::EnumParam(_), ParamValue::String(_) | ParamValue::I32(_)) => true,
        _ => false,
    }
}
