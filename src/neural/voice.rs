//! The two kinds of model as a rack plays them: a gesture model behind its map, a sound model as it is.

use super::gesture_model::{GestureModel, Intent};
use super::helper::Helped;
use super::runner::Runner;
use super::slot::{Blend, Loader, Rack, StepTime, Stepping, rack};
use super::sound_model::SoundModel;
use crate::controls::Chord;
use crate::controls::scale::Scale;
use crate::gesture::TICK_S;
use crate::gesture::mapping::{Channels, CompiledMap, INPUT_CAPACITY, MapPlayer, Mapping};
use crate::sound::chord_frame::ChordFrame;

pub type GestureLoader = Loader<GestureVoice>;
pub type GestureRack = Rack<GestureVoice>;
pub type SoundLoader = Loader<SoundModel>;
pub type SoundRack = Rack<SoundModel>;

pub fn gesture_rack() -> (GestureLoader, GestureRack) {
    rack(Channels::NEUTRAL, Intent::default())
}

pub fn sound_rack() -> (SoundLoader, SoundRack) {
    rack(Chord::SILENT, ChordFrame::SILENT)
}

/// A gesture model and what feeds its inputs.
pub struct GestureVoice {
    model: GestureModel,
    map: MapPlayer,
    inputs: [f32; INPUT_CAPACITY],
}

/// How a gesture model's distributions are drawn from at this tick.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    /// 0 takes the most likely.
    pub temperature: f32,
    /// The same at the same place in the song.
    pub dice: u32,
    /// The notes to choose from.
    pub scale: Scale,
}

impl GestureVoice {
    /// Every input hears the feature it is named after, until a map says otherwise.
    pub fn new(model: GestureModel) -> Self {
        let (map, _) = Mapping::default().compile(model.input_names(), &[]);
        GestureVoice {
            model,
            map: MapPlayer::new(&map),
            inputs: [0.0; INPUT_CAPACITY],
        }
    }

    pub fn model(&self) -> &GestureModel {
        &self.model
    }

    fn map_inputs(&mut self, channels: &Channels) -> usize {
        let count = self.model.input_names().len().min(INPUT_CAPACITY);
        let step_s = self.model.period_ticks() as f32 * TICK_S as f32;
        self.map.read(channels, step_s, &mut self.inputs[..count]);
        count
    }

    pub fn set_map(&mut self, map: &CompiledMap) {
        self.map.set_map(map);
    }
}

impl Stepping for GestureVoice {
    type Input = Channels;
    type Context = Draw;
    type Output = Intent;

    fn period_ticks(&self) -> u32 {
        self.model.period_ticks()
    }

    fn reset(&mut self) {
        self.model.reset();
        self.map.reset();
    }

    fn step(&mut self, channels: &Channels, draw: Draw) -> Intent {
        // A helped model has had its inputs when they were submitted; a map with a memory must not hear them twice.
        let count = if self.is_helped() {
            self.model.input_names().len().min(INPUT_CAPACITY)
        } else {
            self.map_inputs(channels)
        };
        self.model.set_scale(draw.scale);
        self.model
            .step(&self.inputs[..count], draw.temperature, draw.dice)
    }

    fn look_ahead(&mut self, tick: u64, channels: &Channels) {
        if self.is_helped() {
            let count = self.map_inputs(channels);
            self.model.submit(tick, &self.inputs[..count]);
        }
    }

    fn fetch(&mut self, step: StepTime) -> bool {
        self.model.fetch(step.tick, step.patient)
    }

    fn is_helped(&self) -> bool {
        self.model.runner().helped().is_some()
    }

    fn most_catch_up(&self) -> u64 {
        most_catch_up(self.model.runner())
    }
}

fn most_catch_up(runner: &Runner) -> u64 {
    runner.helped().map_or(u64::MAX, Helped::most_catch_up)
}

impl Stepping for SoundModel {
    type Input = Chord;
    type Context = ();
    type Output = ChordFrame;

    fn period_ticks(&self) -> u32 {
        SoundModel::period_ticks(self)
    }

    fn reset(&mut self) {
        SoundModel::reset(self);
    }

    fn step(&mut self, chord: &Chord, (): ()) -> ChordFrame {
        let mut frames = ChordFrame::SILENT;
        self.step_chord(chord, &mut frames);
        frames
    }

    fn look_ahead(&mut self, tick: u64, chord: &Chord) {
        if self.is_helped() {
            self.submit(tick, chord.lead());
        }
    }

    fn fetch(&mut self, step: StepTime) -> bool {
        SoundModel::fetch(self, step)
    }

    fn is_helped(&self) -> bool {
        self.runner().helped().is_some()
    }

    fn most_catch_up(&self) -> u64 {
        most_catch_up(self.runner())
    }

    fn needs_lead(&self) -> bool {
        self.is_waveform()
    }
}

impl Blend for Intent {
    fn toward(&self, target: &Self, amount: f32) -> Self {
        Intent::toward(self, target, amount)
    }
}

impl Blend for ChordFrame {
    fn toward(&self, target: &Self, amount: f32) -> Self {
        ChordFrame::toward(self, target, amount)
    }
}
