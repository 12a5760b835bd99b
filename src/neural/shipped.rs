//! The models that come inside the plugin, so that it sounds on first load. Each has a card in `models/`.
//! They are read and checked once a process; every instance gets a copy. Never on the audio thread.

use super::ModelError;
use super::gesture_model::GestureModel;
use super::slot::Loader;
use super::sound_model::SoundModel;
use super::voice::{GestureLoader, GestureVoice, SoundLoader};
use std::sync::{Mutex, PoisonError};

/// ONNX files in the order of their slots.
pub const GESTURES: &[&[u8]] = &[
    include_bytes!("../../models/bowing-forearm.onnx"),
    include_bytes!("../../models/energy-tilt.onnx"),
    include_bytes!("../../models/strum.onnx"),
];
pub const SOUNDS: &[&[u8]] = &[
    include_bytes!("../../models/violin.onnx"),
    include_bytes!("../../models/clarinet.onnx"),
    include_bytes!("../../models/nylon-guitar.onnx"),
    include_bytes!("../../models/cello.onnx"),
    include_bytes!("../../models/flute.onnx"),
    include_bytes!("../../models/vibraphone.onnx"),
];

static LOADED: Mutex<Option<(Vec<GestureModel>, Vec<SoundModel>)>> = Mutex::new(None);

/// Copies of the shipped models: gesture models, then sound models.
pub fn models() -> Result<(Vec<GestureModel>, Vec<SoundModel>), ModelError> {
    let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(models) = &*loaded {
        return Ok(models.clone());
    }
    let gestures = GESTURES
        .iter()
        .map(|bytes| GestureModel::load(bytes))
        .collect::<Result<_, _>>()?;
    let sounds = SOUNDS
        .iter()
        .map(|bytes| SoundModel::load(bytes))
        .collect::<Result<_, _>>()?;
    Ok(loaded.insert((gestures, sounds)).clone())
}

/// What is shipped in a slot (0 to 15) of either kind.
pub fn in_slot(slot: usize) -> Result<(Option<GestureModel>, Option<SoundModel>), ModelError> {
    let (mut gestures, mut sounds) = models()?;
    let gesture = (slot < gestures.len()).then(|| gestures.swap_remove(slot));
    let sound = (slot < sounds.len()).then(|| sounds.swap_remove(slot));
    Ok((gesture, sound))
}

/// Fills the first slots with the shipped models.
pub fn fill(gestures: &mut GestureLoader, sounds: &mut SoundLoader) -> Result<(), ModelError> {
    let (gesture_models, sound_models) = models()?;
    fill_in_order(gestures, gesture_models.into_iter().map(GestureVoice::new));
    fill_in_order(sounds, sound_models.into_iter());
    Ok(())
}

fn fill_in_order<M: Send>(loader: &mut Loader<M>, models: impl Iterator<Item = M>) {
    for (slot, model) in models.enumerate() {
        loader.fill(slot, Some(model));
    }
}
