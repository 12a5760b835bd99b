//! A gesture model: features in, musical intent out. Runs on the audio thread.
//!
//! Motion barely determines pitch, so a model may state a distribution. It is sampled by the Gumbel-max
//! method (Gumbel 1954): noise that is drawn at an onset and held until the next one is added to the
//! logits, and the largest wins. So a note stays while it is held, whatever the temperature, and the same
//! dice give the same notes. Controls that are normal distributions are sampled by the same dice.

mod events;
mod feed;
mod pitch;
mod spread;

use super::contract::{Contract, Kind, Output, Point, Probability};
use super::error::ModelError;
use super::runner::Runner;
use crate::controls::scale::Scale;
use crate::controls::{CONTROL_COUNT, Control, Controls};
use crate::gesture::mapping::ModelInput;
use events::EventPlayer;
pub use feed::Feed;
use pitch::{Dice, PitchChoice};
use spread::Spread;

/// An onset begins where its probability rises above the first and ends where it falls under the second.
pub const ONSET_BEGINS: f32 = 0.5;
pub const ONSET_ENDS: f32 = 0.3;
/// The same for models that state no onset, by loudness.
const SOUND_BEGINS_DB: f32 = -45.0;
const SOUND_ENDS_DB: f32 = -55.0;

/// The loudness that a model fades to when its helper thread stays away.
const FLOOR_DB: f32 = Controls::SILENT.loudness_db;

/// What a gesture means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intent {
    pub controls: Controls,
    /// Which controls the model states, in the order of [`Control::ALL`]; the others are neutral.
    pub stated: [bool; CONTROL_COUNT],
    /// 0 to 1: whether a note begins now.
    pub onset: f32,
    /// 0 to 1: how sure the model is.
    pub confidence: f32,
}

impl Intent {
    pub const NONE: Intent = Intent {
        controls: Controls::SILENT,
        stated: [false; CONTROL_COUNT],
        onset: 0.0,
        confidence: 0.0,
    };

    /// Straight line from `self` (`amount` 0) to `target` (`amount` 1).
    pub fn toward(&self, target: &Intent, amount: f32) -> Intent {
        let line = |from: f32, to: f32| from + (to - from) * amount;
        Intent {
            controls: self.controls.toward(&target.controls, amount),
            stated: target.stated,
            onset: line(self.onset, target.onset),
            confidence: line(self.confidence, target.confidence),
        }
    }
}

impl Default for Intent {
    fn default() -> Self {
        Intent::NONE
    }
}

/// One element of an output tensor.
#[derive(Clone, Copy)]
struct Element {
    output: usize,
    index: usize,
}

#[derive(Clone, Copy)]
struct PointReading {
    control: Control,
    element: Element,
    scale: f32,
    offset: f32,
}

impl PointReading {
    fn of(model: &Runner, point: &Point) -> Result<PointReading, ModelError> {
        let control = Control::from_name(&point.control);
        let control = control
            .ok_or_else(|| ModelError::contract(format!("'{}' is no control", point.control)))?;
        Ok(PointReading {
            control,
            element: Element {
                output: feed::output(model, &point.tensor)?,
                index: point.index,
            },
            scale: point.scale,
            offset: point.offset,
        })
    }
}

#[derive(Clone)]
pub struct GestureModel {
    model: Runner,
    feed: Feed,
    points: Vec<PointReading>,
    spreads: Vec<Spread>,
    pitch: Option<PitchChoice>,
    events: Option<EventPlayer>,
    onset: Option<Element>,
    confidence: Option<Element>,
    stated: [bool; CONTROL_COUNT],
    scale: Scale,
    held: Controls,
    dice: Dice,
    sounding: bool,
}

impl GestureModel {
    pub fn load(bytes: &[u8]) -> Result<GestureModel, ModelError> {
        GestureModel::load_with(bytes, false)
    }

    /// Loads a file; `helper`: it may run on a helper thread.
    pub fn load_with(bytes: &[u8], helper: bool) -> Result<GestureModel, ModelError> {
        let model = Runner::load(bytes, helper)?;
        if model.contract().kind != Kind::Gesture {
            let cause = "this is a sound model: load it into a sound slot";
            return Err(ModelError::contract(cause));
        }
        let mut gesture = GestureModel {
            feed: Feed::new(&model)?,
            points: Vec::new(),
            spreads: Vec::new(),
            pitch: None,
            events: None,
            onset: None,
            confidence: None,
            stated: [false; CONTROL_COUNT],
            scale: Scale::default(),
            held: Controls::SILENT,
            dice: Dice::default(),
            sounding: false,
            model,
        };
        let outputs = gesture.model.contract().outputs.clone();
        outputs
            .iter()
            .try_for_each(|output| gesture.add_output(output))?;
        Ok(gesture)
    }

    fn add_output(&mut self, output: &Output) -> Result<(), ModelError> {
        let model = &self.model;
        let element = |p: &Probability| {
            let output = feed::output(model, &p.tensor)?;
            Ok::<_, ModelError>(Element {
                output,
                index: p.index,
            })
        };
        let mut stated = None;
        match output {
            Output::Point(p) => {
                let point = PointReading::of(model, p)?;
                stated = Some(point.control);
                self.points.push(point);
            }
            Output::Normal(n) => {
                let mean = PointReading::of(model, &n.mean())?;
                self.spreads.push(Spread::of(model, n, mean.control)?);
                stated = Some(mean.control);
                self.points.push(mean);
            }
            Output::CategoricalPitch(c) => {
                self.pitch = Some(PitchChoice::categorical(model, c)?);
                stated = Some(Control::Pitch);
            }
            Output::MixturePitch(m) => {
                self.pitch = Some(PitchChoice::mixture(model, m)?);
                stated = Some(Control::Pitch);
            }
            Output::Onset(p) => self.onset = Some(element(p)?),
            Output::Confidence(p) => self.confidence = Some(element(p)?),
            Output::Events(e) => {
                self.events = Some(EventPlayer::new(model, e)?);
                self.stated[place_of(Control::Pitch)] = true;
                self.stated[place_of(Control::Loudness)] = true;
            }
            Output::HarmonicNoise(_) | Output::Waveform(_) => {}
        }
        if let Some(control) = stated {
            self.stated[place_of(control)] = true;
        }
        Ok(())
    }

    pub fn contract(&self) -> &Contract {
        self.model.contract()
    }

    pub fn runner(&self) -> &Runner {
        &self.model
    }

    /// Hands a helped model what it will be asked about later; `inputs` as for [`GestureModel::step`].
    pub fn submit(&mut self, tick: u64, inputs: &[f32]) {
        self.feed.write(&mut self.model, inputs);
        self.model.submit(tick);
    }

    /// Reads a helped model's answer to `tick`; `false`: it is late.
    pub fn fetch(&mut self, tick: u64, patient: bool) -> bool {
        self.model.fetch(tick, patient)
    }

    /// Names of the inputs of `step`, in its order.
    pub fn input_names(&self) -> &[String] {
        self.feed.names()
    }

    /// Inputs of `step` in its order, each with what it heard of two standard deviations about its mean.
    pub fn inputs(&self) -> Vec<ModelInput> {
        let groups = self.contract().inputs.iter();
        let each = groups.flat_map(|group| {
            group.names.iter().enumerate().map(move |(index, name)| {
                let mean = group.mean.get(index).copied().unwrap_or(0.0);
                let deviation = group.scale.get(index).map(|scale| 1.0 / scale);
                ModelInput {
                    name: name.clone(),
                    trained_span: deviation
                        .filter(|d| d.is_finite())
                        .map(|d| (mean - 2.0 * d.abs(), mean + 2.0 * d.abs())),
                }
            })
        });
        each.collect()
    }

    pub fn frame_rate_hz(&self) -> u32 {
        self.contract().frame_rate_hz
    }

    /// Ticks of the control grid from one step to the next.
    pub fn period_ticks(&self) -> u32 {
        self.contract().ticks_per_frame()
    }

    /// The notes that it may choose from now on.
    pub fn set_scale(&mut self, scale: Scale) {
        self.scale = scale;
    }

    /// Forgets everything it heard.
    pub fn reset(&mut self) {
        self.model.reset();
        self.held = Controls::SILENT;
        self.dice = Dice::default();
        self.sounding = false;
        if let Some(pitch) = &mut self.pitch {
            pitch.reset();
        }
        if let Some(events) = &mut self.events {
            events.reset();
        }
    }

    /// One step. `inputs` are features in their own units, in the order of `input_names`; missing ones are at
    /// their mean. `temperature` 0 plays the likeliest pitch and the mean of every other control; 1 samples what the
    /// model learned. `random` is the dice of this moment of the song.
    pub fn step(&mut self, inputs: &[f32], temperature: f32, random: u32) -> Intent {
        self.feed.write(&mut self.model, inputs);
        if let Some(events) = &self.events {
            events.ask(&mut self.model);
        }
        self.model.step();
        for point in &self.points {
            let mut value = self.read(point.element) * point.scale + point.offset;
            if point.control == Control::Pitch {
                value = self.scale.nearest(value, Some(self.held.pitch_note));
            }
            self.held.set(point.control, value);
        }
        let probability = |element: Option<Element>, default: f32| {
            let value = element.map_or(default, |e| self.read(e));
            if value.is_finite() {
                value.clamp(0.0, 1.0)
            } else {
                0.0
            }
        };
        let mut onset = probability(self.onset, 0.0);
        let mut confidence = probability(self.confidence, 1.0);
        if let Some(events) = &mut self.events {
            let said = events.listen(&self.model, temperature, random, self.scale);
            if let Some(note) = said.pitch_note {
                self.held.set(Control::Pitch, note);
            }
            self.held.set(Control::Loudness, said.loudness_db);
            onset = f32::from(u8::from(said.onset));
            confidence = said.confidence;
        }
        let began = self.onset_begins(onset);
        if began || !self.dice.is_thrown() {
            self.dice.throw(random);
        }
        if let Some(pitch) = &mut self.pitch {
            let note = pitch.choose(&self.model, &mut self.dice, temperature, began, self.scale);
            self.held.set(Control::Pitch, note);
        }
        // Only what goes out is sampled: an onset that is heard in the loudness is heard in its mean, so no throw can
        // begin or end a note and so bring about the next.
        let mut controls = self.held;
        for spread in &self.spreads {
            spread.apply(&self.model, &self.dice, temperature, &mut controls);
        }
        let presence = self.model.presence();
        if presence < 1.0 {
            controls.loudness_db = FLOOR_DB + presence * (controls.loudness_db - FLOOR_DB);
        }
        Intent {
            controls,
            stated: self.stated,
            onset,
            confidence,
        }
    }

    fn read(&self, element: Element) -> f32 {
        self.model.output(element.output)[element.index]
    }

    fn onset_begins(&mut self, onset: f32) -> bool {
        let (level, begins, ends) = match self.onset {
            Some(_) => (onset, ONSET_BEGINS, ONSET_ENDS),
            None => (self.held.loudness_db, SOUND_BEGINS_DB, SOUND_ENDS_DB),
        };
        let sounded = self.sounding;
        self.sounding = if sounded {
            level > ends
        } else {
            level > begins
        };
        self.sounding && !sounded
    }
}

/// Where a control stands in [`Control::ALL`].
fn place_of(control: Control) -> usize {
    let place = Control::ALL.iter().position(|c| *c == control);
    place.unwrap_or(0)
}

#[cfg(test)]
mod tests;
