//! The instrument without one plugin type: sensor readings, keys and settings in, stereo sound out.
//! Everything is allocated in [`Engine::new`] and [`Engine::prepare`]; [`Engine::render`] returns
//! nothing and counts. Models step on the control grid ([`ticks`]), so any partition of the same
//! input into blocks gives the same samples. Audio thread, but for `new` and `prepare`.

mod chord;
pub mod keys;
mod meters;
pub mod mix;
pub mod note_out;
mod output;
mod tick;
pub mod ticks;
mod wave;

pub use mix::{Override, Source};

use crate::controls::scale::Scale;
use crate::controls::{CONTROL_COUNT, Chord, Controls};
use crate::gesture::TICK_RATE_HZ;
use crate::gesture::mapping::{CompiledMap, MACRO_COUNT, Seating};
use crate::gesture::pipeline::MotionTick;
use crate::handover::{Ship, Shore, handover};
use crate::host_clock::HostClock;
use crate::neural::ModelError;
use crate::neural::gesture_model::Intent;
use crate::neural::sound_model::{SoundModel, standard_bands};
use crate::neural::voice::{
    GestureLoader, GestureRack, SoundLoader, SoundRack, gesture_rack, sound_rack,
};
use crate::sensor::PORTS_MAX;
use crate::sensor::ring::SensorOutput;
use crate::sound::choir::Choir;
use crate::sound::frame::NoiseBands;
use crate::telemetry::{TelemetryInput, TelemetryOutput, telemetry};
use crate::units::HostTime;
use chord::Voices;
use keys::Keys;
use meters::Meters;
use note_out::{NoteChange, NoteOut, NoteQueue};
use output::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use ticks::{CHUNK_SAMPLES, Ticks};
use wave::WaveTick;

/// Readings taken from one ring at one tick: twenty times what six sensors send.
const READINGS_PER_TICK: usize = 256;
/// After a panic the output stays shut this long, for the models to forget.
const PANIC_TICKS: u32 = 8;

/// What the parameters say for one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// 0 to 15.
    pub gesture_slot: u8,
    pub sound_slot: u8,
    pub engage: bool,
    pub freeze: bool,
    /// Acts when it turns true.
    pub recentre: bool,
    /// Acts when it turns true.
    pub panic: bool,
    pub note_out: bool,
    pub gain_db: f32,
    pub transpose_semitones: f32,
    /// Keys that can sound at once, 1 to 8. With 1 the newest key speaks alone.
    pub voices: u8,
    /// 0 takes the most likely note; 1 samples as the model says.
    pub temperature: f32,
    /// The notes that a gesture model may choose; what keys and knobs say stays as it is.
    pub scale: Scale,
    pub crossfade_ms: f32,
    /// `None` adapts to the sensors.
    pub playout_ms: Option<f32>,
    /// Time is counted in samples instead of read from the clock.
    pub offline: bool,
    /// An answer of a helper thread that is late is waited for: only where the host says itself that nobody listens.
    pub patient: bool,
    pub overrides: [Override; CONTROL_COUNT],
    /// What the map can feed to any model input, 0 to 1.
    pub macros: [f32; MACRO_COUNT],
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            gesture_slot: 0,
            sound_slot: 0,
            engage: true,
            freeze: false,
            recentre: false,
            panic: false,
            note_out: false,
            gain_db: 0.0,
            transpose_semitones: 0.0,
            voices: 1,
            temperature: 0.3,
            scale: Scale::default(),
            crossfade_ms: 30.0,
            playout_ms: None,
            offline: false,
            patient: false,
            overrides: [Override::GESTURE; CONTROL_COUNT],
            macros: [0.0; MACRO_COUNT],
        }
    }
}

/// What reaches a running engine from outside the audio thread, a box each.
// A small message in a large box costs nothing: mail is rare.
#[allow(clippy::large_enum_variant)]
pub enum Mail {
    /// Readings of one port, or `None` when it is closed.
    Feed {
        index: usize,
        readings: Option<SensorOutput>,
    },
    /// What feeds the inputs of the gesture model in a slot (0 to 15).
    Map { slot: usize, map: CompiledMap },
    /// Which device fills which role.
    Seating(Seating),
}

/// The other ends of everything an engine holds: what may allocate, free and wait.
pub struct EngineShore {
    pub mail: Shore<Mail>,
    pub telemetry: TelemetryOutput,
    pub gestures: GestureLoader,
    pub sounds: SoundLoader,
    /// The rate that the engine plays at, as bits of an `f32`.
    pub sample_rate: Arc<AtomicU32>,
}

pub struct Engine {
    sample_rate_hz: f32,
    shared_sample_rate: Arc<AtomicU32>,
    settings: Settings,
    clock: HostClock,
    ticks: Ticks,
    /// Samples handed to the host since the reset.
    delivered: u64,
    /// `delivered` when the block began.
    block_start: u64,
    mail: Ship<Mail>,
    feeds: [Option<Box<Mail>>; PORTS_MAX],
    motion: MotionTick,
    /// 0 to 1: whether the motion that drives the sound is there.
    presence: f32,
    keys: Keys,
    gestures: GestureRack,
    sounds: SoundRack,
    intent: Intent,
    voices: Voices,
    chord: Chord,
    wave: WaveTick,
    bands: NoiseBands,
    choir: Choir,
    output: Output,
    chunk: [[f32; CHUNK_SAMPLES]; 2],
    chunk_left: usize,
    chunk_length: usize,
    panic_ticks: u32,
    song_tick_offset: i64,
    notes: NoteOut,
    note_queue: NoteQueue,
    meters: Meters,
    telemetry: TelemetryInput,
}

impl EngineShore {
    /// Sends a sound model to its slot (0 to 15), ready for the rate that the engine plays at.
    pub fn place_sound(&mut self, slot: usize, mut model: SoundModel) -> Result<(), ModelError> {
        model.prepare(self.sample_rate_hz())?;
        self.sounds.fill(slot, Some(model));
        Ok(())
    }

    /// The rate that the engine plays at.
    pub fn sample_rate_hz(&self) -> f32 {
        f32::from_bits(self.sample_rate.load(Ordering::Acquire))
    }

    /// Frees whatever came home from the audio thread.
    pub fn collect(&mut self) {
        self.mail.collect();
        self.gestures.collect();
        self.sounds.collect();
    }
}

impl Engine {
    /// Allocates an engine and the shore it talks to.
    pub fn new(sample_rate_hz: f32) -> (Engine, EngineShore) {
        let (mail_shore, mail) = handover(64);
        let (telemetry_input, telemetry_output) = telemetry();
        let (gesture_loader, gestures) = gesture_rack();
        let (sound_loader, sounds) = sound_rack();
        let sample_rate = Arc::new(AtomicU32::new(sample_rate_hz.to_bits()));
        let engine = Engine {
            sample_rate_hz,
            shared_sample_rate: sample_rate.clone(),
            settings: Settings::default(),
            clock: HostClock::new(f64::from(sample_rate_hz)),
            ticks: Ticks::new(f64::from(sample_rate_hz), 0.0),
            delivered: 0,
            block_start: 0,
            mail,
            feeds: [const { None }; PORTS_MAX],
            motion: MotionTick::new(),
            presence: 0.0,
            keys: Keys::default(),
            gestures,
            sounds,
            intent: Intent::default(),
            voices: Voices::default(),
            chord: Chord::SILENT,
            wave: WaveTick::default(),
            bands: standard_bands(),
            choir: Choir::new(sample_rate_hz),
            output: Output::new(sample_rate_hz),
            chunk: [[0.0; CHUNK_SAMPLES]; 2],
            chunk_left: 0,
            chunk_length: 0,
            panic_ticks: 0,
            song_tick_offset: 0,
            notes: NoteOut::default(),
            note_queue: NoteQueue::default(),
            meters: Meters::default(),
            telemetry: telemetry_input,
        };
        let shore = EngineShore {
            mail: mail_shore,
            telemetry: telemetry_output,
            gestures: gesture_loader,
            sounds: sound_loader,
            sample_rate,
        };
        (engine, shore)
    }

    /// Makes the engine ready for a sample rate, its control ticks at a phase (0 to 1) of the grid; what is loaded
    /// and mapped stays. May allocate.
    pub fn prepare(&mut self, sample_rate_hz: f32, phase: f64) {
        self.ticks = Ticks::new(f64::from(sample_rate_hz), phase);
        if self.sample_rate_hz != sample_rate_hz {
            self.sample_rate_hz = sample_rate_hz;
            self.clock = HostClock::new(f64::from(sample_rate_hz));
            self.choir = Choir::new(sample_rate_hz);
            self.output = Output::new(sample_rate_hz);
            self.shared_sample_rate
                .store(sample_rate_hz.to_bits(), Ordering::Release);
        }
        // Waveforms are resampled to the new rate; one that cannot be keeps its old one.
        self.sounds.receive();
        self.sounds
            .each(|model| drop(model.prepare(sample_rate_hz)));
        self.reset();
    }

    /// Lets models run on helper threads, at the price of [`Engine::latency_samples`]; or not, and those that need
    /// one are gone. Before [`Engine::prepare`].
    pub fn set_helper_mode(&mut self, on: bool) {
        self.gestures.set_helper_mode(on);
        self.sounds.set_helper_mode(on);
    }

    /// Audio latency to report to the host: what helper threads take, from Controls to sound. The sensors' playout
    /// delay is not the host's to compensate.
    pub fn latency_samples(&self) -> u32 {
        let delay_s = f64::from(self.sounds.delay_ticks()) / f64::from(TICK_RATE_HZ);
        (delay_s * f64::from(self.sample_rate_hz)).round() as u32
    }

    /// Forgets everything that sounded; keeps models, map and sensors.
    pub fn reset(&mut self) {
        self.clock.reset();
        self.ticks.reset();
        self.delivered = 0;
        self.chunk_left = 0;
        self.wave = WaveTick::default();
        self.keys.clear();
        self.motion.reset();
        self.intent = Intent::default();
        self.voices.reset();
        self.chord = Chord::SILENT;
        self.gestures.reset();
        self.sounds.reset();
        self.choir.reset();
        self.output.reset();
        self.notes = NoteOut::default();
        self.note_queue = NoteQueue::default();
        self.panic_ticks = 0;
    }

    /// Starts a block of `samples` at the clock's `now`: takes mail, notes what the parameters say.
    /// `song_s` is the transport's position while it rolls: distributions are sampled by it.
    #[cfg_attr(feature = "rtsan", rtsan_standalone::nonblocking)]
    pub fn begin_block(
        &mut self,
        now: HostTime,
        samples: usize,
        settings: &Settings,
        song_s: Option<f64>,
    ) {
        // Models before mail: a map goes to the model that is in its slot.
        self.gestures.receive();
        self.sounds.receive();
        self.take_mail();
        if settings.recentre && !self.settings.recentre {
            self.motion.recentre();
        }
        if settings.panic && !self.settings.panic {
            self.panic();
        }
        self.settings = *settings;
        self.gestures.set_patient(settings.patient);
        self.sounds.set_patient(settings.patient);
        self.motion.engage(settings.engage);
        self.motion.playout.set_delay(settings.playout_ms);
        self.clock.block(now, samples, settings.offline);
        self.block_start = self.delivered;
        if let Some(song_s) = song_s {
            let here_s = self.delivered as f64 / f64::from(self.sample_rate_hz);
            self.song_tick_offset = ((song_s - here_s) * f64::from(TICK_RATE_HZ)).round() as i64;
        }
    }

    /// Renders the next samples of the block; any length.
    #[cfg_attr(feature = "rtsan", rtsan_standalone::nonblocking)]
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        let total = left.len().min(right.len());
        let mut done = 0;
        while done < total {
            if self.chunk_left == 0 {
                self.render_chunk();
            }
            let from = self.chunk_length - self.chunk_left;
            let count = self.chunk_left.min(total - done);
            left[done..done + count].copy_from_slice(&self.chunk[0][from..from + count]);
            right[done..done + count].copy_from_slice(&self.chunk[1][from..from + count]);
            self.chunk_left -= count;
            self.delivered += count as u64;
            done += count;
        }
    }

    /// Ends the block that took from `begun` to `now`.
    #[cfg_attr(feature = "rtsan", rtsan_standalone::nonblocking)]
    pub fn end_block(&mut self, begun: HostTime, now: HostTime, samples: usize) {
        self.meters.push(
            now.seconds_since(begun),
            samples as f64 / f64::from(self.sample_rate_hz),
        );
    }

    pub fn keys(&mut self) -> &mut Keys {
        &mut self.keys
    }

    /// The next note that began or ended in what was rendered.
    pub fn next_note(&mut self) -> Option<NoteChange> {
        self.note_queue.pop()
    }

    /// What the sound model heard last, of the voice that leads.
    pub fn controls(&self) -> &Controls {
        self.chord.lead()
    }

    /// How many voices play.
    pub fn voices(&self) -> usize {
        self.chord.live.count()
    }
}
