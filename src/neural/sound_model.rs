//! A sound model: Controls in, a frame of partials and noise or a piece of waveform out. Runs on the audio thread.
//!
//! A waveform goes its own way, at the model's own rate: its frame is silent, and its samples are added to the sound.
//! The voices of a chord step together, in one pass over the weights ([`seats`]).
//! Each model has noise bands of its own; they are poured into [`standard_bands`], so that frames of any two
//! models can be mixed band by band when one fades into the other.

mod pour;
mod seats;
mod stream;

pub use pour::standard_bands;

use super::contract::{Contract, Kind, Output};
use super::error::ModelError;
use super::gesture_model::Feed;
use super::runner::Runner;
use super::slot::StepTime;
use crate::controls::{CONTROL_COUNT, Chord, Control, Controls, VOICES_MAX, VoiceSet};
use crate::sound::chord_frame::ChordFrame;
use crate::sound::frame::{MAX_PARTIALS, NoiseBands, SoundFrame};
use crate::units::note_to_hz;
use pour::Pour;
use seats::Seats;
pub(super) use stream::WaveStream;

pub struct SoundModel {
    model: Runner,
    feed: Feed,
    input_controls: Vec<Control>,
    voice: Voice,
    seats: Seats,
    /// Whether what it says now is heard, and not a past that it catches up on.
    live: bool,
}

/// What a model's outputs are.
enum Voice {
    Frames {
        harmonics: usize,
        noise: usize,
        inharmonicity: Option<usize>,
        pour: Pour,
    },
    Waveform {
        samples: usize,
        /// One a voice, or one that every lead uses.
        streams: Box<[WaveStream]>,
    },
}

/// The host's rate until it is known.
const USUAL_RATE_HZ: f32 = 48_000.0;

impl Clone for SoundModel {
    fn clone(&self) -> Self {
        let voice = match &self.voice {
            Voice::Frames {
                harmonics,
                noise,
                inharmonicity,
                pour,
            } => Voice::Frames {
                harmonics: *harmonics,
                noise: *noise,
                inharmonicity: *inharmonicity,
                pour: pour.clone(),
            },
            Voice::Waveform { samples, streams } => Voice::Waveform {
                samples: *samples,
                streams: at_rate(streams, streams[0].host_rate_hz())
                    .expect("rates that were accepted before"),
            },
        };
        SoundModel {
            model: self.model.clone(),
            feed: self.feed.clone(),
            input_controls: self.input_controls.clone(),
            voice,
            seats: Seats::default(),
            live: false,
        }
    }
}

impl SoundModel {
    pub fn load(bytes: &[u8]) -> Result<SoundModel, ModelError> {
        SoundModel::load_with(bytes, false)
    }

    /// Loads a file; `helper`: it may run on a helper thread.
    pub fn load_with(bytes: &[u8], helper: bool) -> Result<SoundModel, ModelError> {
        SoundModel::new(Runner::load(bytes, helper)?)
    }

    fn new(model: Runner) -> Result<SoundModel, ModelError> {
        if model.contract().kind != Kind::Sound {
            let cause = "this is a gesture model: load it into a gesture slot";
            return Err(ModelError::contract(cause));
        }
        let mut model = model;
        model.set_seats(VOICES_MAX);
        let voice = Voice::new(&model)?;
        let feed = Feed::new(&model)?;
        let input_controls = feed
            .names()
            .iter()
            .filter_map(|name| Control::from_name(name))
            .collect();
        Ok(SoundModel {
            voice,
            input_controls,
            feed,
            model,
            seats: Seats::default(),
            live: false,
        })
    }

    pub fn contract(&self) -> &Contract {
        self.model.contract()
    }

    pub fn runner(&self) -> &Runner {
        &self.model
    }

    /// Makes a waveform's resamplers for a host's rate. Allocates.
    pub fn prepare(&mut self, host_rate_hz: f32) -> Result<(), ModelError> {
        if let Voice::Waveform { streams, .. } = &mut self.voice
            && streams[0].host_rate_hz() != host_rate_hz
        {
            *streams = at_rate(streams, host_rate_hz)?;
        }
        Ok(())
    }

    pub fn is_waveform(&self) -> bool {
        matches!(self.voice, Voice::Waveform { .. })
    }

    /// Whether it hears the lead of a chord only: its helper thread has the memory of one voice.
    pub fn plays_one_voice(&self) -> bool {
        self.model.seats() == 1
    }

    /// What its waveform adds to the sound's delay, in samples at the host's rate.
    pub fn delay_samples(&self) -> usize {
        self.streams().first().map_or(0, WaveStream::delay_samples)
    }

    /// Samples of its waveforms that were asked for before they had come.
    pub fn underruns(&self) -> u64 {
        self.streams().iter().map(WaveStream::underruns).sum()
    }

    fn streams(&self) -> &[WaveStream] {
        match &self.voice {
            Voice::Frames { .. } => &[],
            Voice::Waveform { streams, .. } => streams,
        }
    }

    /// The controls it listens to, in the order of its inputs.
    pub fn input_controls(&self) -> &[Control] {
        &self.input_controls
    }

    pub fn frame_rate_hz(&self) -> u32 {
        self.contract().frame_rate_hz
    }

    /// Ticks of the control grid from one step to the next.
    pub fn period_ticks(&self) -> u32 {
        self.contract().ticks_per_frame()
    }

    /// Forgets everything it heard. A voice forgets when it takes its seat.
    pub fn reset(&mut self) {
        if self.plays_one_voice() {
            self.model.reset();
        }
        self.seats = Seats::default();
        self.live = false;
    }

    /// Hands a helped model what it will be asked about later.
    pub fn submit(&mut self, tick: u64, controls: &Controls) {
        self.hear(0, controls);
        self.model.submit(tick);
    }

    /// Reads a helped model's answer; `false`: it is late.
    pub fn fetch(&mut self, step: StepTime) -> bool {
        if let Voice::Waveform { streams, .. } = &mut self.voice
            && (!step.live || !self.live)
        {
            // It begins, or catches up: only what comes from here on is heard.
            streams.iter_mut().for_each(WaveStream::begin);
        }
        self.live = step.live;
        self.model.fetch(step.tick, step.patient)
    }

    fn hear(&mut self, seat: usize, controls: &Controls) {
        let mut values = [0.0; MAX_INPUTS];
        for (value, control) in values.iter_mut().zip(&self.input_controls) {
            *value = controls.get(*control);
        }
        self.feed.write_to(&mut self.model, seat, &values);
    }

    /// One step of one voice alone. Partials and bands that the model does not have are silent.
    pub fn step(&mut self, controls: &Controls, frame: &mut SoundFrame) {
        self.seat(VoiceSet::only(0), 0);
        self.hear(0, controls);
        self.model.step_seats(1);
        self.say(0, 0, controls, frame);
    }

    /// One step of every voice that is live; the others are not live in `frames` either.
    pub fn step_chord(&mut self, chord: &Chord, frames: &mut ChordFrame) {
        self.seat(chord.live, chord.lead);
        let seats = self.seats;
        for (seat, voice) in seats.iter() {
            self.hear(seat, &chord.voices[voice]);
        }
        self.model.step_seats(seats.count());
        frames.live = VoiceSet::NONE;
        for (seat, voice) in seats.iter() {
            self.say(seat, voice, &chord.voices[voice], &mut frames.voices[voice]);
            frames.live.insert(voice);
        }
    }

    fn seat(&mut self, live: VoiceSet, lead: usize) {
        let came = self.seats.follow(live, lead, &mut self.model);
        if let Voice::Waveform { streams, .. } = &mut self.voice {
            for voice in came.iter() {
                stream_of(streams, voice).reset();
            }
        }
    }

    /// Writes what the voice in a seat said.
    fn say(&mut self, seat: usize, voice: usize, controls: &Controls, frame: &mut SoundFrame) {
        frame.f0_hz = note_to_hz(controls.pitch_note);
        let (model, presence) = (&self.model, self.model.presence());
        match &mut self.voice {
            Voice::Frames {
                harmonics,
                noise,
                inharmonicity,
                pour,
            } => {
                frame.inharmonicity =
                    inharmonicity.map_or(0.0, |output| model.output_of(seat, output)[0]);
                fill(&mut frame.harmonics, model.output_of(seat, *harmonics));
                pour.run(model.output_of(seat, *noise), &mut frame.noise_rms);
                if presence < 1.0 {
                    frame.scale(presence);
                }
            }
            Voice::Waveform { samples, streams } => {
                frame.inharmonicity = 0.0;
                frame.scale(0.0);
                stream_of(streams, voice).push(model.output_of(seat, *samples), presence);
            }
        }
    }

    /// Adds the next samples of every voice's waveform to both channels. `gain` gives a voice its gain and the step
    /// that it goes by from sample to sample.
    pub fn add_waves(
        &mut self,
        left: &mut [f32],
        right: &mut [f32],
        gain: impl Fn(usize) -> (f32, f32),
    ) {
        if let Voice::Waveform { streams, .. } = &mut self.voice {
            for (_, voice) in self.seats.iter() {
                let (gain, step) = gain(voice);
                stream_of(streams, voice).add(left, right, gain, step);
            }
        }
    }
}

fn stream_of(streams: &mut [WaveStream], voice: usize) -> &mut WaveStream {
    let place = voice % streams.len();
    &mut streams[place]
}

fn at_rate(streams: &[WaveStream], host_rate_hz: f32) -> Result<Box<[WaveStream]>, ModelError> {
    let again = streams.iter().map(|stream| stream.at_rate(host_rate_hz));
    again.collect()
}

impl Voice {
    fn new(model: &Runner) -> Result<Voice, ModelError> {
        let find = |tensor: &str| {
            let index = model.output_index(tensor);
            index.ok_or_else(|| ModelError::contract(format!("there is no output '{tensor}'")))
        };
        match model.contract().outputs.first() {
            Some(Output::HarmonicNoise(output)) => {
                let bands = NoiseBands::from_edges(&output.noise_edges_hz).ok_or_else(|| {
                    ModelError::contract("noise_edges_hz has to rise from 0 or more")
                })?;
                Ok(Voice::Frames {
                    harmonics: find(&output.harmonics)?,
                    noise: find(&output.noise)?,
                    inharmonicity: output.inharmonicity.as_deref().map(find).transpose()?,
                    pour: Pour::new(&bands),
                })
            }
            Some(Output::Waveform(output)) => {
                let hop = output.sample_rate_hz / model.contract().frame_rate_hz;
                let stream =
                    |_| WaveStream::new(hop as usize, output.sample_rate_hz, USUAL_RATE_HZ);
                Ok(Voice::Waveform {
                    samples: find(&output.tensor)?,
                    streams: (0..model.seats()).map(stream).collect::<Result<_, _>>()?,
                })
            }
            _ => Err(ModelError::contract(
                "a sound model states harmonic_noise or waveform",
            )),
        }
    }
}

/// A sound model may name each control in several tensors; this many inputs are plenty.
const MAX_INPUTS: usize = 4 * CONTROL_COUNT;

fn fill(target: &mut [f32; MAX_PARTIALS], values: &[f32]) {
    let count = values.len().min(MAX_PARTIALS);
    target[..count].copy_from_slice(&values[..count]);
    target[count..].fill(0.0);
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::neural::graph::GraphBuilder;

    /// Two partials that follow brightness and loudness, one noise band at a tenth of them.
    pub fn organ() -> Vec<u8> {
        let mut g = GraphBuilder::new("organ");
        let x = g.input("x", &[1, 2]);
        let harmonics = g.dense(&x, &[0.5, 0.0, 0.0, 0.25], &[0.0, 0.0]);
        let noise = g.dense(&x, &[0.1, 0.1], &[0.0]);
        g.output("harmonics", &harmonics);
        g.output("noise", &noise);
        let text = r#"{"version":1,"kind":"sound","name":"Organ","frame_rate_hz":200,
            "inputs":[{"tensor":"x","names":["brightness","loudness"],"mean":[0,-80],"scale":[1,0.0125]}],
            "outputs":[{"harmonic_noise":{"harmonics":"harmonics","noise":"noise","noise_edges_hz":[0,24000]}}]}"#;
        g.contract(&Contract::parse(text).unwrap());
        g.finish()
    }

    #[test]
    fn controls_become_partials_and_the_rest_is_silent() {
        let mut model = SoundModel::load(&organ()).unwrap();
        let mut controls = Controls::SILENT;
        controls.set(Control::Loudness, -40.0);
        controls.set(Control::Brightness, 1.0);
        controls.set(Control::Pitch, 69.0);
        let mut frame = SoundFrame::SILENT;
        frame.harmonics = [9.0; MAX_PARTIALS];
        model.step(&controls, &mut frame);
        assert_eq!(frame.f0_hz, 440.0);
        assert_eq!(frame.harmonics[..3], [0.5, 0.125, 0.0]);
        let noise_power: f32 = frame.noise_rms.iter().map(|rms| rms * rms).sum();
        assert!((noise_power.sqrt() - 0.15).abs() < 1e-5);
        assert_eq!(
            model.input_controls(),
            [Control::Brightness, Control::Loudness]
        );
    }
}
