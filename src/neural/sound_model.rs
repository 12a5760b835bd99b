//! A sound model: Controls in, a frame of partials and noise or a piece of waveform out. Runs on the audio thread.
//!
//! A waveform goes its own way, at the model's own rate: its frame is silent, and its samples are added to the sound.
//! Each model has noise bands of its own; they are poured into [`standard_bands`], so that frames of any two
//! models can be mixed band by band when one fades into the other.

mod pour;
mod stream;

pub use pour::standard_bands;

use super::contract::{Contract, Kind, Output};
use super::error::ModelError;
use super::gesture_model::Feed;
use super::runner::Runner;
use super::slot::StepTime;
use crate::controls::{CONTROL_COUNT, Control, Controls};
use crate::sound::frame::{MAX_PARTIALS, NoiseBands, SoundFrame};
use crate::units::note_to_hz;
use pour::Pour;
pub(super) use stream::WaveStream;

pub struct SoundModel {
    model: Runner,
    feed: Feed,
    input_controls: Vec<Control>,
    voice: Voice,
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
        stream: Box<WaveStream>,
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
            Voice::Waveform { samples, stream } => Voice::Waveform {
                samples: *samples,
                stream: Box::new(
                    stream
                        .at_rate(stream.host_rate_hz())
                        .expect("rates that were accepted before"),
                ),
            },
        };
        SoundModel {
            model: self.model.clone(),
            feed: self.feed.clone(),
            input_controls: self.input_controls.clone(),
            voice,
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
            live: false,
        })
    }

    pub fn contract(&self) -> &Contract {
        self.model.contract()
    }

    pub fn runner(&self) -> &Runner {
        &self.model
    }

    /// Makes a waveform's resampler for a host's rate. Allocates.
    pub fn prepare(&mut self, host_rate_hz: f32) -> Result<(), ModelError> {
        if let Voice::Waveform { stream, .. } = &mut self.voice
            && stream.host_rate_hz() != host_rate_hz
        {
            **stream = stream.at_rate(host_rate_hz)?;
        }
        Ok(())
    }

    pub fn is_waveform(&self) -> bool {
        matches!(self.voice, Voice::Waveform { .. })
    }

    /// What its waveform adds to the sound's delay, in samples at the host's rate.
    pub fn delay_samples(&self) -> usize {
        match &self.voice {
            Voice::Frames { .. } => 0,
            Voice::Waveform { stream, .. } => stream.delay_samples(),
        }
    }

    /// Samples of its waveform that were asked for before they had come.
    pub fn underruns(&self) -> u64 {
        match &self.voice {
            Voice::Frames { .. } => 0,
            Voice::Waveform { stream, .. } => stream.underruns(),
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

    /// Forgets everything it heard.
    pub fn reset(&mut self) {
        self.model.reset();
        self.live = false;
        if let Voice::Waveform { stream, .. } = &mut self.voice {
            stream.reset();
        }
    }

    /// Hands a helped model what it will be asked about later.
    pub fn submit(&mut self, tick: u64, controls: &Controls) {
        self.hear(controls);
        self.model.submit(tick);
    }

    /// Reads a helped model's answer; `false`: it is late.
    pub fn fetch(&mut self, step: StepTime) -> bool {
        if let Voice::Waveform { stream, .. } = &mut self.voice
            && (!step.live || !self.live)
        {
            // It begins, or catches up: only what comes from here on is heard.
            stream.begin();
        }
        self.live = step.live;
        self.model.fetch(step.tick, step.patient)
    }

    fn hear(&mut self, controls: &Controls) {
        let mut values = [0.0; MAX_INPUTS];
        for (value, control) in values.iter_mut().zip(&self.input_controls) {
            *value = controls.get(*control);
        }
        self.feed.write(&mut self.model, &values);
    }

    /// One step. Partials and bands that the model does not have are silent.
    pub fn step(&mut self, controls: &Controls, frame: &mut SoundFrame) {
        self.hear(controls);
        self.model.step();
        frame.f0_hz = note_to_hz(controls.pitch_note);
        let (model, presence) = (&self.model, self.model.presence());
        match &mut self.voice {
            Voice::Frames {
                harmonics,
                noise,
                inharmonicity,
                pour,
            } => {
                frame.inharmonicity = inharmonicity.map_or(0.0, |output| model.output(output)[0]);
                fill(&mut frame.harmonics, model.output(*harmonics));
                pour.run(model.output(*noise), &mut frame.noise_rms);
                if presence < 1.0 {
                    frame.scale(presence);
                }
            }
            Voice::Waveform { samples, stream } => {
                frame.inharmonicity = 0.0;
                frame.scale(0.0);
                stream.push(model.output(*samples), presence);
            }
        }
    }

    /// Adds a waveform's next samples to both channels, at a gain that goes from `gain` by `step` a sample.
    pub fn add_wave(&mut self, left: &mut [f32], right: &mut [f32], gain: f32, step: f32) {
        if let Voice::Waveform { stream, .. } = &mut self.voice {
            stream.add(left, right, gain, step);
        }
    }
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
                let stream = WaveStream::new(hop as usize, output.sample_rate_hz, USUAL_RATE_HZ)?;
                Ok(Voice::Waveform {
                    samples: find(&output.tensor)?,
                    stream: Box::new(stream),
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
