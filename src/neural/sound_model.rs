//! A sound model: Controls in, a frame of partials and noise out. Runs on the audio thread.
//!
//! Each model has noise bands of its own; they are poured into [`standard_bands`], so that frames of any two
//! models can be mixed band by band when one fades into the other.

mod pour;

pub use pour::standard_bands;

use super::contract::{Contract, Kind, Output};
use super::error::ModelError;
use super::gesture_model::Feed;
use super::model::Model;
use crate::controls::{CONTROL_COUNT, Control, Controls};
use crate::sound::frame::{MAX_PARTIALS, NoiseBands, SoundFrame};
use crate::units::note_to_hz;
use pour::Pour;

#[derive(Clone)]
pub struct SoundModel {
    model: Model,
    feed: Feed,
    input_controls: Vec<Control>,
    harmonics: usize,
    noise: usize,
    inharmonicity: Option<usize>,
    pour: Pour,
}

impl SoundModel {
    pub fn load(bytes: &[u8]) -> Result<SoundModel, ModelError> {
        SoundModel::new(Model::load(bytes)?)
    }

    fn new(model: Model) -> Result<SoundModel, ModelError> {
        if model.contract().kind != Kind::Sound {
            let cause = "this is a gesture model: load it into a gesture slot";
            return Err(ModelError::contract(cause));
        }
        let Some(Output::HarmonicNoise(output)) = model.contract().outputs.first().cloned() else {
            let cause = "this model states a waveform; this slot plays harmonic_noise";
            return Err(ModelError::contract(cause));
        };
        let find = |tensor: &str| {
            let index = model.output_index(tensor);
            index.ok_or_else(|| ModelError::contract(format!("there is no output '{tensor}'")))
        };
        let bands = NoiseBands::from_edges(&output.noise_edges_hz);
        let bands = bands
            .ok_or_else(|| ModelError::contract("noise_edges_hz has to rise from 0 or more"))?;
        let feed = Feed::new(&model)?;
        let input_controls = feed
            .names()
            .iter()
            .filter_map(|name| Control::from_name(name))
            .collect();
        Ok(SoundModel {
            harmonics: find(&output.harmonics)?,
            noise: find(&output.noise)?,
            inharmonicity: output.inharmonicity.as_deref().map(find).transpose()?,
            input_controls,
            pour: Pour::new(&bands),
            feed,
            model,
        })
    }

    pub fn contract(&self) -> &Contract {
        self.model.contract()
    }

    pub fn model(&self) -> &Model {
        &self.model
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
    }

    /// One step. Partials and bands that the model does not have are silent.
    pub fn step(&mut self, controls: &Controls, frame: &mut SoundFrame) {
        let mut values = [0.0; MAX_INPUTS];
        for (value, control) in values.iter_mut().zip(&self.input_controls) {
            *value = controls.get(*control);
        }
        self.feed.write(&mut self.model, &values);
        self.model.step();
        frame.f0_hz = note_to_hz(controls.pitch_note);
        frame.inharmonicity = self
            .inharmonicity
            .map_or(0.0, |output| self.model.output(output)[0]);
        fill(&mut frame.harmonics, self.model.output(self.harmonics));
        self.pour
            .run(self.model.output(self.noise), &mut frame.noise_rms);
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
