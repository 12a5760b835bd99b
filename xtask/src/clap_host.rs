//! A small CLAP host around clack-host: one plugin from a file, both of its ends handed out.
//!
//! `Plugin` stays on the thread that opened it; `Player` goes to the audio thread and comes back to be
//! deactivated. Used by the demo and, as a module by path, by `tests/hosts.rs`.

use clack_extensions::audio_ports::{AudioPortInfoBuffer, PluginAudioPorts};
use clack_extensions::state::PluginState;
use clack_host::events::EventHeader;
use clack_host::events::event_types::{TransportEvent, TransportFlags};
use clack_host::prelude::*;
use clack_host::utils::{BeatTime, SecondsTime};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a plugin refused, in its host's words.
#[derive(Debug)]
pub struct HostError(String);

impl std::fmt::Display for HostError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for HostError {}

fn refused<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> HostError + '_ {
    move |error| HostError(format!("{what}: {error}"))
}

pub struct Requests {
    callback: Arc<AtomicBool>,
}

impl SharedHandler<'_> for Requests {
    fn request_restart(&self) {}
    fn request_process(&self) {}
    fn request_callback(&self) {
        self.callback.store(true, Ordering::Release);
    }
}

pub struct Handlers;

impl HostHandlers for Handlers {
    type Shared<'a> = Requests;
    type MainThread<'a> = ();
    type AudioProcessor<'a> = ();
}

/// The main-thread end. The library unloads when this is dropped.
pub struct Plugin {
    instance: PluginInstance<Handlers>,
    callback_wanted: Arc<AtomicBool>,
}

impl Plugin {
    /// Opens the first plugin in a `.clap`.
    pub fn open(path: &Path) -> Result<Self, HostError> {
        #[allow(unsafe_code)]
        // SAFETY: the file is the bundle that this repository has just built; hosts load it the same way.
        let entry =
            unsafe { PluginEntry::load(path) }.map_err(refused(&path.display().to_string()))?;
        let missing = || HostError(format!("{} holds no plugin", path.display()));
        let factory = entry.get_plugin_factory().ok_or_else(missing)?;
        let descriptor = factory.plugin_descriptors().next().ok_or_else(missing)?;
        let id = descriptor.id().ok_or_else(missing)?.to_owned();
        let host = HostInfo::new("IMU2Music xtask", "IMU2Music", "", "1")
            .map_err(refused("host information"))?;
        let callback_wanted = Arc::new(AtomicBool::new(false));
        let requests = Requests {
            callback: callback_wanted.clone(),
        };
        let instance = PluginInstance::new(|_| requests, |_| (), &entry, &id, &host)
            .map_err(refused("the plugin could not be made"))?;
        Ok(Self {
            instance,
            callback_wanted,
        })
    }

    pub fn activate(
        &mut self,
        sample_rate_hz: f64,
        largest_block: usize,
    ) -> Result<Player, HostError> {
        let (inputs, outputs) = (self.channels(true), self.channels(false));
        let configuration = PluginAudioConfiguration {
            sample_rate: sample_rate_hz,
            min_frames_count: 1,
            max_frames_count: largest_block as u32,
        };
        let processor = self
            .instance
            .activate(|_, _| (), configuration)
            .map_err(refused("the plugin would not activate"))?;
        Ok(Player::new(
            processor,
            &inputs,
            &outputs,
            sample_rate_hz,
            largest_block,
        ))
    }

    pub fn deactivate(&mut self, player: Player) {
        self.instance.deactivate(player.processor.into_stopped());
    }

    /// What the plugin asked of the main thread; call it a few times a second.
    pub fn tend(&mut self) {
        if self.callback_wanted.swap(false, Ordering::AcqRel) {
            self.instance.call_on_main_thread_callback();
        }
    }

    pub fn save_state(&mut self) -> Result<Vec<u8>, HostError> {
        let mut bytes = Vec::new();
        let handle = self.instance.plugin_handle();
        let state = handle
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError("no state".into()))?;
        state
            .save(&handle, &mut bytes)
            .map_err(refused("saving state"))?;
        Ok(bytes)
    }

    pub fn load_state(&mut self, mut bytes: &[u8]) -> Result<(), HostError> {
        let handle = self.instance.plugin_handle();
        let state = handle
            .get_extension::<PluginState>()
            .ok_or_else(|| HostError("no state".into()))?;
        state
            .load(&handle, &mut bytes)
            .map_err(refused("loading state"))
    }

    /// Channel count of every port.
    fn channels(&mut self, is_input: bool) -> Vec<usize> {
        let handle = self.instance.plugin_handle();
        let Some(ports) = handle.get_extension::<PluginAudioPorts>() else {
            return Vec::new();
        };
        let mut buffer = AudioPortInfoBuffer::new();
        let count = ports.count(&handle, is_input);
        let width = |index| {
            ports
                .get(&handle, index, is_input, &mut buffer)
                .map_or(0, |port| port.channel_count as usize)
        };
        (0..count).map(width).collect()
    }
}

/// Samples of all ports: `port[channel][frame]`.
type Ports = Vec<Vec<Vec<f32>>>;

/// The audio-thread end.
pub struct Player {
    processor: PluginAudioProcessor<Handlers>,
    input_list: AudioPorts,
    output_list: AudioPorts,
    inputs: Ports,
    outputs: Ports,
    sample_rate_hz: f64,
    rendered: u64,
}

impl Player {
    fn new(
        processor: StoppedPluginAudioProcessor<Handlers>,
        inputs: &[usize],
        outputs: &[usize],
        sample_rate_hz: f64,
        largest_block: usize,
    ) -> Self {
        let silent = |widths: &[usize]| -> Ports {
            widths
                .iter()
                .map(|&channels| vec![vec![0.0; largest_block]; channels])
                .collect()
        };
        Self {
            processor: processor.into(),
            input_list: AudioPorts::with_capacity(inputs.iter().sum(), inputs.len()),
            output_list: AudioPorts::with_capacity(outputs.iter().sum(), outputs.len()),
            inputs: silent(inputs),
            outputs: silent(outputs),
            sample_rate_hz,
            rendered: 0,
        }
    }

    /// Renders one block of at most the activated size, the song playing on. Silent inputs.
    pub fn render(&mut self, frames: usize, events: &EventBuffer) -> Result<(), HostError> {
        let transport = playing_at(self.rendered as f64 / self.sample_rate_hz);
        let started = self
            .processor
            .ensure_processing_started()
            .map_err(refused("the plugin would not start"))?;
        let inputs = self
            .input_list
            .with_input_buffers(self.inputs.iter_mut().map(|port| {
                AudioPortBuffer {
                    latency: 0,
                    channels: AudioPortBufferType::f32_input_only(
                        port.iter_mut()
                            .map(|channel| InputChannel::constant(&mut channel[..frames])),
                    ),
                }
            }));
        let mut outputs = self
            .output_list
            .with_output_buffers(self.outputs.iter_mut().map(|port| {
                let channels = port.iter_mut().map(|channel| &mut channel[..frames]);
                AudioPortBuffer {
                    latency: 0,
                    channels: AudioPortBufferType::f32_output_only(channels),
                }
            }));
        let mut answers = EventBuffer::new();
        started
            .process(
                &inputs,
                &mut outputs,
                &InputEvents::from_buffer(events),
                &mut OutputEvents::from_buffer(&mut answers),
                Some(self.rendered),
                Some(&transport),
            )
            .map_err(refused("the plugin failed in process"))?;
        self.rendered += frames as u64;
        Ok(())
    }

    /// To be called on the audio thread when it renders no more.
    pub fn rest(&mut self) {
        self.processor.ensure_processing_stopped();
    }

    /// A channel of the main output, as the last block left it.
    pub fn output(&self, channel: usize) -> &[f32] {
        &self.outputs[0][channel]
    }

    pub fn rendered(&self) -> u64 {
        self.rendered
    }
}

fn playing_at(song_s: f64) -> TransportEvent {
    const TEMPO_PER_MINUTE: f64 = 120.0;
    let beats = song_s * TEMPO_PER_MINUTE / 60.0;
    TransportEvent {
        header: EventHeader::new_core(0, clack_host::events::EventFlags::empty()),
        flags: TransportFlags::HAS_TEMPO
            | TransportFlags::HAS_BEATS_TIMELINE
            | TransportFlags::HAS_SECONDS_TIMELINE
            | TransportFlags::HAS_TIME_SIGNATURE
            | TransportFlags::IS_PLAYING,
        song_pos_beats: BeatTime::from_float(beats),
        song_pos_seconds: SecondsTime::from_float(song_s),
        tempo: TEMPO_PER_MINUTE,
        tempo_inc: 0.0,
        loop_start_beats: BeatTime::from_float(0.0),
        loop_end_beats: BeatTime::from_float(0.0),
        loop_start_seconds: SecondsTime::from_float(0.0),
        loop_end_seconds: SecondsTime::from_float(0.0),
        bar_start: BeatTime::from_float((beats / 4.0).floor() * 4.0),
        bar_number: (beats / 4.0) as i32,
        time_signature_numerator: 4,
        time_signature_denominator: 4,
    }
}
