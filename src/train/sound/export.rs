//! The trained network as an ONNX graph under the contract: the same steps as `network`, written node by node, from
//! bare controls to linear amplitudes.

mod level;

use burn::module::Param;
use burn::tensor::Tensor as Weights;

use super::corpus::Stiffness;
use super::network::*;
use crate::controls::Control;
use crate::neural::contract::{Contract, HarmonicNoise, Input, Kind, Output, State};
use crate::neural::graph::{GraphBuilder, GruWeights, Tensor};
use crate::train::analysis::partials::band_edges_hz;
use level::level;

/// Mean and scale of pitch, loudness, brightness and noisiness as the engine feeds them.
const WORDS: [(f32, f32); 4] = [
    (68.0, 1.0 / 16.0),
    (-45.0, 1.0 / 18.0),
    (0.45, 1.0 / 0.12),
    (0.2, 1.0 / 0.2),
];
/// The same of a latent: as it is.
const LATENT: (f32, f32) = (0.0, 1.0);

/// What the file says about itself.
#[derive(Clone, Debug)]
pub struct Label {
    pub name: String,
    pub author: String,
    pub licence: String,
    pub description: String,
    pub frame_rate_hz: u32,
    /// What each latent does.
    pub timbre: Vec<String>,
    pub data: serde_json::Value,
    pub metrics: serde_json::Value,
}

/// A weight as rows of outputs.
fn rows(weight: &Param<Weights<2>>) -> Vec<f32> {
    values2(weight.val().transpose())
}

fn values2(weight: Weights<2>) -> Vec<f32> {
    weight.into_data().try_to_vec().unwrap_or_default()
}

fn values(weight: &Param<Weights<1>>) -> Vec<f32> {
    weight.val().into_data().try_to_vec().unwrap_or_default()
}

/// The bytes of the ONNX file.
pub fn export(network: &Network, bounds: &Bounds, stiffness: Stiffness, label: &Label) -> Vec<u8> {
    let mut g = GraphBuilder::new(&label.name);
    g.contract(&contract(bounds, stiffness, label));
    let controls = g.input("controls", &[1, WORDS.len() + bounds.timbre]);
    let state = g.input("state", &[1, HIDDEN]);
    let words: Vec<Tensor> = (0..WORDS.len())
        .map(|i| {
            let fed = g.slice(&controls, 1, i, i + 1);
            g.affine(&fed, 1.0 / WORDS[i].1, WORDS[i].0)
        })
        .collect();
    let latents = (bounds.timbre > 0)
        .then(|| g.slice(&controls, 1, WORDS.len(), WORDS.len() + bounds.timbre));
    let features = hear(&mut g, &words, latents.as_ref(), bounds);
    let (state_out, shapes) = draw(&mut g, network, &features, &state);
    let (harmonics, noise, stretching) = level(&mut g, &words, &shapes, stiffness);
    g.output("harmonics", &harmonics);
    g.output("noise", &noise);
    g.output("state_out", &state_out);
    if !stiffness.is_none() {
        g.output("inharmonicity", &stretching);
    }
    g.finish()
}

fn contract(bounds: &Bounds, stiffness: Stiffness, label: &Label) -> Contract {
    let latents = std::iter::repeat_n(LATENT, bounds.timbre);
    let fed: Vec<(f32, f32)> = WORDS.into_iter().chain(latents).collect();
    Contract {
        version: 1,
        kind: Kind::Sound,
        name: label.name.clone(),
        author: label.author.clone(),
        licence: label.licence.clone(),
        description: label.description.clone(),
        frame_rate_hz: label.frame_rate_hz,
        feature_schema: None,
        inputs: vec![Input {
            tensor: "controls".into(),
            names: Control::ALL[..fed.len()].iter().map(|c| c.name()).collect(),
            meanings: meanings(fed.len(), &label.timbre),
            mean: fed.iter().map(|w| w.0).collect(),
            scale: fed.iter().map(|w| w.1).collect(),
        }],
        states: vec![State {
            input: "state".into(),
            output: "state_out".into(),
        }],
        outputs: vec![Output::HarmonicNoise(HarmonicNoise {
            harmonics: "harmonics".into(),
            noise: "noise".into(),
            noise_edges_hz: band_edges_hz().to_vec(),
            inharmonicity: (!stiffness.is_none()).then(|| "inharmonicity".into()),
        })],
        data: label.data.clone(),
        metrics: label.metrics.clone(),
    }
}

/// Of so many inputs; only the latents need one.
fn meanings(inputs: usize, timbre: &[String]) -> Vec<String> {
    if timbre.is_empty() {
        return Vec::new();
    }
    let words = std::iter::repeat_n(String::new(), WORDS.len());
    words.chain(timbre.iter().cloned()).take(inputs).collect()
}

fn unary(g: &mut GraphBuilder, op: &str, x: &Tensor) -> Tensor {
    g.node(op, &[&x.name], &x.dims, &[])
}

fn clip(g: &mut GraphBuilder, x: &Tensor, bounds: (f32, f32)) -> Tensor {
    g.clip(x, bounds.0, bounds.1)
}

fn line(g: &mut GraphBuilder, x: &Tensor, line: (f32, f32)) -> Tensor {
    g.affine(x, line.1, -line.0 * line.1)
}

/// [`Bounds::features`].
fn hear(
    g: &mut GraphBuilder,
    words: &[Tensor],
    latents: Option<&Tensor>,
    bounds: &Bounds,
) -> Tensor {
    let pitch = clip(g, &words[0], bounds.pitch);
    let loudness = clip(g, &words[1], bounds.loudness);
    let brightness = clip(g, &words[2], bounds.brightness);
    let noisiness = clip(g, &words[3], bounds.noisiness);
    let noisiness = unary(g, "Log", &noisiness);
    let parts = [
        line(g, &pitch, PITCH_LINE),
        line(g, &loudness, LOUDNESS_LINE),
        line(g, &brightness, BRIGHTNESS_LINE),
        line(g, &noisiness, LOG_NOISINESS_LINE),
    ];
    let turns = WAVES_SEMITONES.map(|period| std::f32::consts::TAU / period);
    let turns = g.constant(&[1, turns.len()], &turns);
    let angles = g.mul(&pitch, &turns);
    let (sines, cosines) = (unary(g, "Sin", &angles), unary(g, "Cos", &angles));
    let latents = latents.map(|latents| clip(g, latents, TIMBRE_BOUNDS));
    let waves = [&sines, &cosines];
    let all: Vec<&Tensor> = parts.iter().chain(waves).chain(&latents).collect();
    g.concat(&all, 1)
}

/// [`Network::shapes`], one frame.
fn draw(
    g: &mut GraphBuilder,
    network: &Network,
    features: &Tensor,
    state: &Tensor,
) -> (Tensor, Tensor) {
    let gates = rows(&network.gates);
    let heard = network.features();
    let wide = heard + HIDDEN;
    let columns = |first_row: usize, from: usize, to: usize| -> Vec<f32> {
        (first_row..first_row + HIDDEN)
            .flat_map(|r| gates[r * wide + from..r * wide + to].to_vec())
            .collect()
    };
    // ONNX gates in order: update, reset, new.
    let input = [
        columns(HIDDEN, 0, heard),
        columns(0, 0, heard),
        rows(&network.new_x),
    ]
    .concat();
    let recurrent = [
        columns(HIDDEN, heard, wide),
        columns(0, heard, wide),
        rows(&network.new_h),
    ]
    .concat();
    let bias = values(&network.gates_bias);
    let input_bias = [
        bias[HIDDEN..].to_vec(),
        bias[..HIDDEN].to_vec(),
        values(&network.new_bias),
    ]
    .concat();
    let weights = GruWeights {
        input: &input,
        recurrent: &recurrent,
        input_bias: &input_bias,
        recurrent_bias: &vec![0.0; 3 * HIDDEN],
    };
    let state_out = g.gru(features, state, &weights);
    let heard = g.concat(&[features, &state_out], 1);
    let a = g.dense(&heard, &rows(&network.dense_1), &values(&network.bias_1));
    let a = g.tanh(&a);
    let b = g.dense(&a, &rows(&network.dense_2), &values(&network.bias_2));
    let b = g.tanh(&b);
    let shapes = g.dense(&b, &rows(&network.dense_3), &values(&network.bias_3));
    (state_out, shapes)
}

#[cfg(test)]
mod tests;
