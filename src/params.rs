//! Every parameter of the plugin, declared once. An id here is final: songs and automation refer to it.
//! The audio thread reads them once a block through [`InstrumentParams::settings`].

mod scale;

pub use scale::{RootParam, ScaleParam};

use crate::controls::scale::Scale;
use crate::controls::{CONTROL_COUNT, Control, Controls, TIMBRE_COUNT, VOICES_MAX};
use crate::engine::{Override, Settings, Source};
use crate::gesture::mapping::MACRO_COUNT;
use crate::plugin::state::Session;
use nice_plug::prelude::*;
use parking_lot::RwLock;
use std::sync::Arc;

/// Slots for gesture models and for sound models, each.
pub use crate::neural::slot::SLOT_COUNT;

/// Names of the loaded models, written when they load and read when a host prints a slot.
pub type SlotNames = Arc<RwLock<[String; SLOT_COUNT]>>;

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum SourceParam {
    #[id = "gesture"]
    Gesture,
    #[id = "keys"]
    Keys,
    #[id = "knob"]
    Knob,
}

#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum RenderParam {
    /// What the host says.
    #[id = "auto"]
    #[name = "Follow host"]
    Auto,
    #[id = "live"]
    Live,
    #[id = "offline"]
    Offline,
}

/// Where one word of the vocabulary comes from: `value + amount * (source - value)`.
#[derive(Params)]
pub struct ControlParams {
    #[id = "source"]
    pub source: EnumParam<SourceParam>,
    #[id = "amount"]
    pub amount: FloatParam,
    #[id = "value"]
    pub value: FloatParam,
}

#[derive(Params)]
pub struct TimbreParams {
    #[nested(id_prefix = "timbre")]
    pub control: ControlParams,
}

/// A knob of the host that the map can feed to any input of the gesture model.
#[derive(Params)]
pub struct MacroParams {
    #[id = "macro"]
    pub value: FloatParam,
}

#[derive(Params)]
pub struct InstrumentParams {
    #[id = "gesture"]
    pub gesture_slot: IntParam,
    #[id = "sound"]
    pub sound_slot: IntParam,
    #[id = "engage"]
    pub engage: BoolParam,
    #[id = "freeze"]
    pub freeze: BoolParam,
    #[id = "recentre"]
    pub recentre: BoolParam,
    #[id = "panic"]
    pub panic: BoolParam,
    #[id = "gain"]
    pub gain_db: FloatParam,
    #[id = "transpose"]
    pub transpose: IntParam,
    #[id = "temperature"]
    pub temperature: FloatParam,
    #[id = "crossfade"]
    pub crossfade_ms: FloatParam,
    #[id = "playout_auto"]
    pub playout_auto: BoolParam,
    #[id = "playout"]
    pub playout_ms: FloatParam,
    #[id = "note_out"]
    pub note_out: BoolParam,
    #[id = "scale_root"]
    pub scale_root: EnumParam<RootParam>,
    #[id = "scale"]
    pub scale: EnumParam<ScaleParam>,
    #[id = "render"]
    pub render: EnumParam<RenderParam>,
    #[nested(id_prefix = "pitch", group = "Pitch")]
    pub pitch: ControlParams,
    #[nested(id_prefix = "loudness", group = "Loudness")]
    pub loudness: ControlParams,
    #[nested(id_prefix = "brightness", group = "Brightness")]
    pub brightness: ControlParams,
    #[nested(id_prefix = "noisiness", group = "Noisiness")]
    pub noisiness: ControlParams,
    #[nested(array, group = "Timbre")]
    pub timbre: [TimbreParams; TIMBRE_COUNT],
    #[nested(array, group = "Macros")]
    pub macros: [MacroParams; MACRO_COUNT],
    #[id = "voices"]
    pub voices: IntParam,

    /// What is saved with the song and is not a parameter.
    #[persist = "session"]
    pub session: Arc<RwLock<Session>>,
}

impl InstrumentParams {
    pub fn new(gestures: SlotNames, sounds: SlotNames) -> Self {
        let timbre = |i: u8| TimbreParams {
            control: control_params(Control::Timbre(i)),
        };
        InstrumentParams {
            gesture_slot: slot_param("Gesture model", gestures),
            sound_slot: slot_param("Sound model", sounds),
            engage: BoolParam::new("Engage motion", true),
            freeze: BoolParam::new("Freeze", false),
            recentre: BoolParam::new("Recentre", false),
            panic: BoolParam::new("Panic", false),
            gain_db: number(
                "Gain",
                0.0,
                FloatRange::Linear {
                    min: -60.0,
                    max: 12.0,
                },
                " dB",
                1,
            ),
            transpose: IntParam::new("Transpose", 0, IntRange::Linear { min: -36, max: 36 })
                .with_unit(" st")
                .with_string_to_value(Arc::new(|text| {
                    first_number(text).map(|n| n.round() as i32)
                })),
            temperature: number(
                "Temperature",
                0.3,
                FloatRange::Linear { min: 0.0, max: 2.0 },
                "",
                2,
            ),
            crossfade_ms: number("Crossfade", 30.0, skewed(0.0, 2000.0), " ms", 0),
            playout_auto: BoolParam::new("Automatic playout delay", true),
            playout_ms: number(
                "Playout delay",
                10.0,
                FloatRange::Linear {
                    min: 0.0,
                    max: 50.0,
                },
                " ms",
                1,
            ),
            note_out: BoolParam::new("Send notes", false),
            scale_root: EnumParam::new("Scale root", RootParam::C),
            scale: EnumParam::new("Scale", ScaleParam::Free),
            render: EnumParam::new("Render mode", RenderParam::Auto).non_automatable(),
            pitch: control_params(Control::Pitch),
            loudness: control_params(Control::Loudness),
            brightness: control_params(Control::Brightness),
            noisiness: control_params(Control::Noisiness),
            timbre: std::array::from_fn(|i| timbre(i as u8)),
            macros: std::array::from_fn(macro_params),
            voices: voices_param(),
            session: Arc::new(RwLock::new(Session::default())),
        }
    }

    pub fn control(&self, control: Control) -> &ControlParams {
        match control {
            Control::Pitch => &self.pitch,
            Control::Loudness => &self.loudness,
            Control::Brightness => &self.brightness,
            Control::Noisiness => &self.noisiness,
            Control::Timbre(i) => &self.timbre[i as usize % TIMBRE_COUNT].control,
        }
    }

    /// Whether time is to be counted in samples. `host_offline`: whether the host renders without regard to time.
    fn is_offline(&self, host_offline: bool) -> bool {
        match self.render.value() {
            RenderParam::Auto => host_offline,
            RenderParam::Live => false,
            RenderParam::Offline => true,
        }
    }

    /// What the engine needs, copied. `host_offline`: whether the host renders without regard to time, by its own word
    /// if it gives one; `guess`: whether it seems to. A guess may turn live at any block, so nothing waits on it.
    pub fn settings(&self, host_offline: Option<bool>, guess: bool) -> Settings {
        let overrides: [Override; CONTROL_COUNT] = Control::ALL.map(|word| {
            let of = self.control(word);
            Override {
                source: of.source.value().into(),
                amount: of.amount.value(),
                value: of.value.value(),
            }
        });
        Settings {
            gesture_slot: (self.gesture_slot.value() - 1).clamp(0, SLOT_COUNT as i32 - 1) as u8,
            sound_slot: (self.sound_slot.value() - 1).clamp(0, SLOT_COUNT as i32 - 1) as u8,
            engage: self.engage.value(),
            freeze: self.freeze.value(),
            recentre: self.recentre.value(),
            panic: self.panic.value(),
            note_out: self.note_out.value(),
            gain_db: self.gain_db.value(),
            transpose_semitones: self.transpose.value() as f32,
            voices: self.voices.value().clamp(1, VOICES_MAX as i32) as u8,
            temperature: self.temperature.value(),
            scale: Scale {
                root: self.scale_root.value() as u8,
                kind: self.scale.value().into(),
            },
            crossfade_ms: self.crossfade_ms.value(),
            playout_ms: (!self.playout_auto.value()).then(|| self.playout_ms.value()),
            offline: self.is_offline(host_offline.unwrap_or(guess)),
            patient: self.is_offline(host_offline == Some(true)),
            overrides,
            macros: std::array::from_fn(|i| self.macros[i].value.value()),
        }
    }
}

impl From<SourceParam> for Source {
    fn from(param: SourceParam) -> Source {
        match param {
            SourceParam::Gesture => Source::Gesture,
            SourceParam::Keys => Source::Keys,
            SourceParam::Knob => Source::Knob,
        }
    }
}

/// Prints "03 Violin" and reads the number back: hosts are not told when a name changes.
fn slot_param(name: &str, names: SlotNames) -> IntParam {
    IntParam::new(
        name,
        1,
        IntRange::Linear {
            min: 1,
            max: SLOT_COUNT as i32,
        },
    )
    .with_value_to_string(Arc::new(move |slot| {
        let name = names
            .read()
            .get(slot.max(1) as usize - 1)
            .cloned()
            .unwrap_or_default();
        if name.is_empty() {
            format!("{slot:02}")
        } else {
            format!("{slot:02} {name}")
        }
    }))
    .with_string_to_value(Arc::new(|text| first_number(text).map(|n| n as i32)))
}

fn control_params(control: Control) -> ControlParams {
    let (min, max) = control.range();
    let word = match control {
        Control::Pitch => "Pitch".to_string(),
        Control::Loudness => "Loudness".to_string(),
        Control::Brightness => "Brightness".to_string(),
        Control::Noisiness => "Noisiness".to_string(),
        Control::Timbre(i) => format!("Timbre {}", i + 1),
    };
    let (unit, digits) = match control {
        Control::Pitch => (" st", 2),
        Control::Loudness => (" dB", 1),
        _ => ("", 3),
    };
    let default = match control {
        Control::Loudness => -20.0,
        word => Controls::SILENT.get(word),
    };
    ControlParams {
        source: EnumParam::new(format!("{word} source"), SourceParam::Gesture),
        amount: number(
            &format!("{word} amount"),
            1.0,
            FloatRange::Linear { min: 0.0, max: 1.0 },
            "",
            3,
        ),
        value: number(
            &format!("{word} value"),
            default,
            FloatRange::Linear { min, max },
            unit,
            digits,
        ),
    }
}

/// One voice is how songs sounded before there were more.
fn voices_param() -> IntParam {
    let range = IntRange::Linear {
        min: 1,
        max: VOICES_MAX as i32,
    };
    IntParam::new("Voices", 1, range).with_string_to_value(Arc::new(|text| {
        first_number(text).map(|n| n.round() as i32)
    }))
}

fn macro_params(index: usize) -> MacroParams {
    let range = FloatRange::Linear { min: 0.0, max: 1.0 };
    MacroParams {
        value: number(&format!("Macro {}", index + 1), 0.0, range, "", 3),
    }
}

/// A float parameter that prints with a unit and reads back what it printed.
fn number(
    name: &str,
    default: f32,
    range: FloatRange,
    unit: &'static str,
    digits: usize,
) -> FloatParam {
    FloatParam::new(name, default, range)
        .with_unit(unit)
        .with_value_to_string(formatters::v2s_f32_rounded(digits))
        .with_string_to_value(Arc::new(first_number))
}

fn skewed(min: f32, max: f32) -> FloatRange {
    FloatRange::Skewed {
        min,
        max,
        factor: FloatRange::skew_factor(-1.5),
    }
}

/// The number that a text starts with, whatever unit or name follows.
fn first_number(text: &str) -> Option<f32> {
    let text = text.trim();
    let end = text
        .char_indices()
        .find(|&(i, c)| !(c.is_ascii_digit() || c == '.' || (i == 0 && (c == '-' || c == '+'))))
        .map_or(text.len(), |(i, _)| i);
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests;
