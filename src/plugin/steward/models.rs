//! Fills the slots: the shipped models first, then the song's own from the library, and files that the
//! user loads. A model that fails leaves its slot as it was and says why.

use super::super::desk::{Desk, SlotView};
use super::super::library;
use super::super::state::{ModelRef, Session, SlotKind};
use crate::engine::EngineShore;
use crate::gesture::mapping::ModelInput;
use crate::neural::contract::Kind;
use crate::neural::gesture_model::GestureModel;
use crate::neural::runner::Runner;
use crate::neural::shipped;
use crate::neural::sound_model::SoundModel;
use crate::neural::voice::GestureVoice;
use crate::params::{InstrumentParams, SLOT_COUNT, SlotNames};
use std::path::{Path, PathBuf};

pub struct Models {
    gesture_names: SlotNames,
    sound_names: SlotNames,
    gesture_inputs: [Vec<ModelInput>; SLOT_COUNT],
    /// The song's models that were tried, whether or not they could be loaded.
    tried: Vec<ModelRef>,
    /// Slots (1 to 16) that a song has named since the shipped models were loaded into them.
    named: Vec<(SlotKind, u8)>,
    /// Where the user's models are kept, or why nowhere.
    library: Result<PathBuf, String>,
    /// Models may run on helper threads.
    helper: bool,
}

impl Models {
    pub fn new(
        gesture_names: SlotNames,
        sound_names: SlotNames,
        library: Result<PathBuf, String>,
    ) -> Self {
        Models {
            gesture_names,
            sound_names,
            gesture_inputs: Default::default(),
            tried: Vec::new(),
            named: Vec::new(),
            library,
            helper: false,
        }
    }

    pub fn load_shipped(&mut self, shore: &mut EngineShore, desk: &Desk) {
        let (gestures, sounds) = match shipped::models() {
            Ok(models) => models,
            Err(error) => {
                desk.trouble(format!("the shipped models do not load: {error}"));
                return;
            }
        };
        for (slot, model) in gestures.into_iter().enumerate() {
            self.place_gesture(slot, model, shore, desk);
        }
        for (slot, model) in sounds.into_iter().enumerate() {
            if let Err(error) = self.place_sound(slot, model, shore, desk) {
                self.refuse(SlotKind::Sound, slot as u8 + 1, error, desk);
            }
        }
    }

    /// Loads what the song names and is not in its slot yet; a slot that it names no more gets back what was shipped in
    /// it. When helper mode changed, everything is tried again.
    pub fn follow(
        &mut self,
        session: &Session,
        helper: bool,
        shore: &mut EngineShore,
        desk: &Desk,
    ) {
        if self.helper != helper {
            self.helper = helper;
            self.tried.clear();
        }
        if self.tried == session.models {
            return;
        }
        self.restore(session, shore, desk);
        let tried = std::mem::replace(&mut self.tried, session.models.clone());
        for wanted in session
            .models
            .iter()
            .filter(|wanted| !tried.contains(wanted))
        {
            let outcome = self
                .bytes_of(wanted, session)
                .and_then(|bytes| self.place(wanted.kind, wanted.slot, &bytes, shore, desk));
            if let Err(error) = outcome {
                self.refuse(wanted.kind, wanted.slot, error, desk);
            }
        }
        self.note_names(session);
    }

    fn note_names(&mut self, session: &Session) {
        let places = session.models.iter().map(|model| (model.kind, model.slot));
        self.named = places.collect();
    }

    /// Puts the shipped models back, or nothing where none was, into the slots that the song has left.
    fn restore(&mut self, session: &Session, shore: &mut EngineShore, desk: &Desk) {
        let is_named = |place: &(SlotKind, u8)| {
            let mut models = session.models.iter();
            models.any(|model| (model.kind, model.slot) == *place)
        };
        for (kind, slot) in std::mem::take(&mut self.named) {
            let index = usize::from(slot).wrapping_sub(1);
            if index >= SLOT_COUNT || is_named(&(kind, slot)) {
                continue;
            }
            let outcome = shipped::in_slot(index).map_err(|error| error.to_string());
            let outcome = outcome.and_then(|(gesture, sound)| match (kind, gesture, sound) {
                (SlotKind::Gesture, Some(model), _) => {
                    self.place_gesture(index, model, shore, desk);
                    Ok(())
                }
                (SlotKind::Sound, _, Some(model)) => self.place_sound(index, model, shore, desk),
                _ => {
                    self.empty(kind, index, shore, desk);
                    Ok(())
                }
            });
            if let Err(error) = outcome {
                self.refuse(kind, slot, error, desk);
            }
        }
    }

    /// Empties a slot (0 to 15); what plays from it plays on until another is selected.
    fn empty(&mut self, kind: SlotKind, slot: usize, shore: &mut EngineShore, desk: &Desk) {
        let names = match kind {
            SlotKind::Gesture => {
                shore.gestures.fill(slot, None);
                self.gesture_inputs[slot].clear();
                &self.gesture_names
            }
            SlotKind::Sound => {
                shore.sounds.fill(slot, None);
                &self.sound_names
            }
        };
        names.write()[slot].clear();
        desk.write(|view| match kind {
            SlotKind::Gesture => view.gestures[slot] = SlotView::default(),
            SlotKind::Sound => view.sounds[slot] = SlotView::default(),
        });
    }

    pub fn library(&self) -> &Result<PathBuf, String> {
        &self.library
    }

    /// A model's file from the library, else from the song: then the library gets it back.
    fn bytes_of(&self, wanted: &ModelRef, session: &Session) -> Result<Vec<u8>, String> {
        let found = self.library.clone().and_then(|folder| {
            library::find(&folder, &wanted.name, &wanted.sha256).map_err(|error| error.to_string())
        });
        let missing = match found {
            Ok(bytes) => return Ok(bytes),
            Err(error) => error,
        };
        let mut embedded = session.embedded.iter().map(|embedded| &embedded.file.0);
        let file = embedded
            .find(|file| library::sha256(file) == wanted.sha256)
            .ok_or(missing)?;
        if let Ok(folder) = &self.library {
            // It plays even where it cannot be kept.
            let _ = library::keep(folder, file);
        }
        Ok(file.to_vec())
    }

    /// Loads a file into a slot (1 to 16), keeps a copy, and notes it in the session.
    pub fn load_file(
        &mut self,
        (kind, slot): (SlotKind, u8),
        file: &Path,
        shore: &mut EngineShore,
        params: &InstrumentParams,
        desk: &Desk,
    ) -> Result<(), String> {
        let bytes = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let name = self
            .place(kind, slot, &bytes, shore, desk)
            .map_err(|error| format!("{}: {error}", file.display()))?;
        let folder = self.library.clone()?;
        let sha256 = library::keep(&folder, &bytes).map_err(|error| error.to_string())?;
        let reference = ModelRef {
            kind,
            slot,
            name,
            sha256,
        };
        let mut session = params.session.write();
        session
            .models
            .retain(|known| (known.kind, known.slot) != (kind, slot));
        session.models.push(reference);
        self.tried = session.models.clone();
        self.note_names(&session);
        Ok(())
    }

    /// Inputs of the gesture models, by slot; empty where there is none.
    pub fn gesture_inputs(&self) -> &[Vec<ModelInput>; SLOT_COUNT] {
        &self.gesture_inputs
    }

    pub fn gesture_name(&self, slot: u8) -> String {
        name_in(&self.gesture_names, slot)
    }

    pub fn sound_name(&self, slot: u8) -> String {
        name_in(&self.sound_names, slot)
    }

    fn place(
        &mut self,
        kind: SlotKind,
        slot: u8,
        bytes: &[u8],
        shore: &mut EngineShore,
        desk: &Desk,
    ) -> Result<String, String> {
        let index = (slot as usize)
            .checked_sub(1)
            .filter(|&index| index < SLOT_COUNT);
        let index =
            index.ok_or_else(|| format!("there is no slot {slot}: choose 1 to {SLOT_COUNT}"))?;
        match kind {
            SlotKind::Gesture => {
                let model = GestureModel::load_with(bytes, self.helper)
                    .map_err(|error| error.to_string())?;
                self.place_gesture(index, model, shore, desk);
                Ok(self.gesture_name(index as u8))
            }
            SlotKind::Sound => {
                let model =
                    SoundModel::load_with(bytes, self.helper).map_err(|error| error.to_string())?;
                self.place_sound(index, model, shore, desk)?;
                Ok(self.sound_name(index as u8))
            }
        }
    }

    fn place_gesture(
        &mut self,
        slot: usize,
        model: GestureModel,
        shore: &mut EngineShore,
        desk: &Desk,
    ) {
        let view = SlotView {
            name: model.contract().name.clone(),
            inputs: model.input_names().to_vec(),
            meanings: Vec::new(),
            frame_rate_hz: model.frame_rate_hz(),
            notes: notes(model.runner(), 0, 1.0),
            error: None,
        };
        self.gesture_names.write()[slot] = view.name.clone();
        self.gesture_inputs[slot] = model.inputs();
        shore.gestures.fill(slot, Some(GestureVoice::new(model)));
        desk.write(|desk| desk.gestures[slot] = view);
    }

    fn place_sound(
        &mut self,
        slot: usize,
        model: SoundModel,
        shore: &mut EngineShore,
        desk: &Desk,
    ) -> Result<(), String> {
        let sample_rate_hz = shore.sample_rate_hz();
        let mut model = model;
        model
            .prepare(sample_rate_hz)
            .map_err(|error| error.to_string())?;
        let delay_samples = model.delay_samples();
        // A sound model hears one tensor, so either list is in the order of the other.
        let fed = || model.contract().inputs.iter();
        let view = SlotView {
            name: model.contract().name.clone(),
            inputs: fed().flat_map(|input| input.names.clone()).collect(),
            meanings: fed().flat_map(|input| input.meanings.clone()).collect(),
            frame_rate_hz: model.frame_rate_hz(),
            notes: notes(model.runner(), delay_samples, sample_rate_hz),
            error: None,
        };
        shore
            .place_sound(slot, model)
            .map_err(|error| error.to_string())?;
        self.sound_names.write()[slot] = view.name.clone();
        desk.write(|desk| desk.sounds[slot] = view);
        Ok(())
    }

    fn refuse(&self, kind: SlotKind, slot: u8, error: String, desk: &Desk) {
        desk.write(|view| {
            let slots = match kind {
                SlotKind::Gesture => &mut view.gestures,
                SlotKind::Sound => &mut view.sounds,
            };
            if let Some(view) = slots.get_mut((slot as usize).wrapping_sub(1)) {
                view.error = Some(error.clone());
            }
        });
        desk.trouble(error);
    }
}

/// What a player should know of how a model runs.
fn notes(runner: &Runner, delay_samples: usize, sample_rate_hz: f32) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(helped) = runner.helped() {
        let priority = if helped.has_priority() {
            "with real-time priority"
        } else {
            "without real-time priority (the system did not grant it)"
        };
        let admission = helped.admission();
        notes.push(format!(
            "It runs on a helper thread {priority}: {:.0} of {:.0} µs a step.",
            admission.p99_us,
            2.0 * admission.limit_us
        ));
        if runner.contract().kind == Kind::Sound {
            notes.push("It plays one voice: of several keys the newest.".into());
        }
    }
    if delay_samples > 0 {
        let delay_ms = 1e3 * delay_samples as f32 / sample_rate_hz;
        notes.push(format!("Resampling delays it by {delay_ms:.1} ms."));
    }
    notes
}

fn name_in(names: &SlotNames, slot: u8) -> String {
    names.read().get(slot as usize).cloned().unwrap_or_default()
}
