//! The host adapter: CLAP, VST3 and standalone around the engine. Nothing musical happens here.

pub mod desk;
mod gate;
pub mod library;
mod pace;
mod place;
pub mod state;
mod steward;
mod trace;

use crate::editor::Editor;
use crate::engine::keys::HeldKey;
use crate::engine::{Engine, Settings};
use crate::params::{InstrumentParams, SlotNames};
use crate::units::{HostTime, spread_out};
use desk::{Desk, Request};
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::*;
use nice_plug_egui::EguiEditor;
use pace::Pace;
use place::Place;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use steward::Steward;

const STEREO: NonZeroU32 = new_nonzero_u32(2);

pub struct Imu2Music {
    params: Arc<InstrumentParams>,
    desk: Arc<Desk>,
    /// Waits for the steward, who starts with the first activation: a scan opens nothing.
    requests: Option<Receiver<Request>>,
    gesture_names: SlotNames,
    sound_names: SlotNames,
    engine: Option<Box<Engine>>,
    steward: Option<Steward>,
    /// What the host said of this activation; nothing where its word comes late (VST3).
    host_offline: Option<bool>,
    pace: Pace,
    place: Place,
    helper_mode: Arc<AtomicBool>,
}

impl Default for Imu2Music {
    fn default() -> Self {
        let (gesture_names, sound_names) = (SlotNames::default(), SlotNames::default());
        let (desk, requests) = desk::desk();
        Imu2Music {
            params: Arc::new(InstrumentParams::new(
                gesture_names.clone(),
                sound_names.clone(),
            )),
            desk: Arc::new(desk),
            requests: Some(requests),
            gesture_names,
            sound_names,
            engine: None,
            steward: None,
            host_offline: None,
            pace: Pace::default(),
            place: Place::take(),
            helper_mode: Arc::default(),
        }
    }
}

impl Plugin for Imu2Music {
    const NAME: &'static str = "IMU2Music";
    const VENDOR: &'static str = "IMU2Music";
    const URL: &'static str = "https://github.com/imu2music/imu2music";
    const EMAIL: &'static str = "hello@imu2music.example";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const AUDIO_IO_LAYOUTS: &'static [AudioIOLayout] = &[AudioIOLayout {
        main_input_channels: None,
        main_output_channels: Some(STEREO),
        aux_input_ports: &[STEREO],
        ..AudioIOLayout::const_default()
    }];
    const MIDI_INPUT: MidiConfig = MidiConfig::MidiCCs;
    const MIDI_OUTPUT: MidiConfig = MidiConfig::Basic;
    const SAMPLE_ACCURATE_AUTOMATION: bool = true;

    type Editor = EguiEditor<Editor>;
    type SysExMessage = ();
    type BackgroundTask = ();

    fn params(&self) -> Arc<dyn Params> {
        self.params.clone()
    }

    fn editor(&mut self, _executor: AsyncExecutor<Self>) -> Option<Self::Editor> {
        crate::editor::create(self.params.clone(), self.desk.clone())
    }

    fn filter_state(state: &mut PluginState) {
        if let Err(error) = gate::filter(state) {
            nice_warn!("{error}");
        }
    }

    fn activate(
        &mut self,
        _layout: &AudioIOLayout,
        config: &BufferConfig,
        context: &mut impl ActivateContext<Self>,
    ) -> bool {
        let said_offline = config.process_mode == ProcessMode::Offline;
        self.host_offline = (context.plugin_api() != PluginApi::Vst3).then_some(said_offline);
        self.pace = Pace::default();
        let helper = self.params.session.read().helper;
        self.helper_mode.store(helper, Ordering::Release);
        if self.engine.is_none() {
            self.build(config.sample_rate);
        }
        if let Some(engine) = &mut self.engine {
            engine.set_helper_mode(helper);
            engine.prepare(config.sample_rate, spread_out(self.place.number()));
            context.set_latency_samples(engine.latency_samples());
        }
        true
    }

    fn reset(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    fn process(
        &mut self,
        buffer: &mut Buffer,
        _aux: &mut AuxiliaryBuffers,
        context: &mut impl ProcessContext<Self>,
    ) -> ProcessStatus {
        let Some(engine) = &mut self.engine else {
            return ProcessStatus::Normal;
        };
        let samples = buffer.samples();
        let begun = HostTime::now();
        let transport = context.transport();
        let length_s = samples as f64 / f64::from(transport.sample_rate);
        let is_ahead = self.pace.block(begun, length_s);
        let settings: Settings = self.params.settings(self.host_offline, is_ahead);
        if settings.patient
            && let Some(steward) = &self.steward
        {
            // A bounce may wait, and has to: whichever model it wants sounds from its first block.
            util::permit_alloc(|| steward.settle());
        }
        let song_s = if transport.playing {
            transport.pos_seconds()
        } else {
            None
        };
        engine.begin_block(begun, samples, &settings, song_s);
        if let [left, right, ..] = buffer.as_slice() {
            render_between_events(engine, left, right, context);
        }
        engine.end_block(begun, HostTime::now(), samples);
        // OSC cannot wake a sleeping plugin, so it never sleeps.
        ProcessStatus::KeepAlive
    }
}

impl Imu2Music {
    /// The first activation: allocates the engine and starts the steward.
    fn build(&mut self, sample_rate_hz: f32) {
        let (engine, shore) = Engine::new(sample_rate_hz);
        self.engine = Some(Box::new(engine));
        if let Some(requests) = self.requests.take() {
            self.steward = Some(Steward::start(steward::Post {
                shore,
                requests,
                params: self.params.clone(),
                desk: self.desk.clone(),
                gesture_names: self.gesture_names.clone(),
                sound_names: self.sound_names.clone(),
                library: library::folder().map_err(|error| error.to_string()),
                helper_mode: self.helper_mode.clone(),
            }));
        }
    }
}

/// Renders up to each event, applies it, and goes on, so that events are heard where they stand.
fn render_between_events(
    engine: &mut Engine,
    left: &mut [f32],
    right: &mut [f32],
    context: &mut impl ProcessContext<Imu2Music>,
) {
    let samples = left.len().min(right.len());
    let mut done = 0;
    while let Some(event) = context.next_event() {
        let at = (event.timing() as usize).clamp(done, samples);
        render_span(engine, left, right, done..at, context);
        done = at;
        apply(engine, event);
    }
    render_span(engine, left, right, done..samples, context);
}

fn render_span(
    engine: &mut Engine,
    left: &mut [f32],
    right: &mut [f32],
    span: std::ops::Range<usize>,
    context: &mut impl ProcessContext<Imu2Music>,
) {
    let Some((left, right)) = left.get_mut(span.clone()).zip(right.get_mut(span.clone())) else {
        return;
    };
    engine.render(left, right);
    // Notes are stamped with the end of the span they were decided in.
    let timing = span.end.saturating_sub(1) as u32;
    while let Some(change) = engine.next_note() {
        if let Some(key) = change.ended {
            let _ = context.try_send_event(note_off(timing, key));
        }
        if let Some((key, velocity)) = change.started {
            let _ = context.try_send_event(note_on(timing, key, velocity));
        }
    }
}

fn note_on(timing: u32, key: u8, velocity: f32) -> NoteEvent<()> {
    NoteEvent::NoteOn {
        timing,
        voice_id: VoiceID::Wildcard,
        channel: Channel::Number(0),
        key: Key::Number(key),
        velocity,
    }
}

fn note_off(timing: u32, key: u8) -> NoteEvent<()> {
    NoteEvent::NoteOff {
        timing,
        voice_id: VoiceID::Wildcard,
        channel: Channel::Number(0),
        key: Key::Number(key),
        velocity: 0.0,
    }
}

fn apply(engine: &mut Engine, event: NoteEvent<()>) {
    let keys = engine.keys();
    match event {
        NoteEvent::NoteOn {
            channel,
            key,
            velocity,
            ..
        } => keys.press(HeldKey::new(
            channel.number().unwrap_or(0),
            key.number_or_middle_c().min(127),
            velocity,
        )),
        NoteEvent::NoteOff { channel, key, .. } | NoteEvent::Choke { channel, key, .. } => {
            keys.release(channel.number(), key.number());
        }
        NoteEvent::PolyTuning {
            channel,
            key,
            tuning,
            ..
        } => {
            keys.express(channel.number(), key.number(), |held| {
                held.tuning_semitones = tuning
            });
        }
        NoteEvent::PolyPressure {
            channel,
            key,
            pressure,
            ..
        } => {
            keys.express(channel.number(), key.number(), |held| {
                held.pressure = Some(pressure)
            });
        }
        NoteEvent::PolyBrightness {
            channel,
            key,
            brightness,
            ..
        } => {
            keys.express(channel.number(), key.number(), |held| {
                held.brightness = Some(brightness)
            });
        }
        NoteEvent::MidiChannelPressure {
            channel, pressure, ..
        } => {
            keys.express(Some(channel), None, |held| held.pressure = Some(pressure));
        }
        NoteEvent::MidiPitchBend { value, .. } => keys.bend(2.0 * value - 1.0),
        NoteEvent::MidiCC {
            cc: control_change::ALL_NOTES_OFF | control_change::ALL_SOUND_OFF,
            ..
        } => {
            keys.clear();
        }
        _ => {}
    }
}

impl ClapPlugin for Imu2Music {
    const CLAP_ID: &'static str = "io.github.imu2music";
    const CLAP_DESCRIPTION: Option<&'static str> =
        Some("Wearable motion sensors play neural instruments");
    const CLAP_MANUAL_URL: Option<&'static str> = Some(Self::URL);
    const CLAP_SUPPORT_URL: Option<&'static str> = Some(Self::URL);
    const CLAP_FEATURES: &'static [ClapFeature] = &[
        ClapFeature::Instrument,
        ClapFeature::Synthesizer,
        ClapFeature::Stereo,
    ];

    fn remote_controls(&self, context: &mut impl RemoteControlsContext) {
        let params = &self.params;
        context.add_section("Play", |section| {
            section.add_page("Models", |page| {
                page.add_param(&params.gesture_slot);
                page.add_param(&params.sound_slot);
                page.add_param(&params.crossfade_ms);
                page.add_param(&params.temperature);
                page.add_param(&params.engage);
                page.add_param(&params.freeze);
                page.add_param(&params.recentre);
                page.add_param(&params.gain_db);
            });
            section.add_page("Notes", |page| {
                page.add_param(&params.scale_root);
                page.add_param(&params.scale);
                page.add_param(&params.transpose);
                page.add_param(&params.note_out);
            });
            section.add_page("Macros", |page| {
                for knob in &params.macros {
                    page.add_param(&knob.value);
                }
            });
        });
    }
}

impl Vst3Plugin for Imu2Music {
    const VST3_CLASS_ID: [u8; 16] = *b"IMU2MusicNeural1";
    const VST3_SUBCATEGORIES: &'static [Vst3SubCategory] =
        &[Vst3SubCategory::Instrument, Vst3SubCategory::Synth];
}
