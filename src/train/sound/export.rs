//! The trained network as an ONNX graph under the contract: the same steps as `network`, written node by node, from
//! bare controls to linear amplitudes.

use burn::module::Param;
use burn::tensor::Tensor as Weights;

use super::corpus::Stiffness;
use super::network::*;
use crate::controls::SILENCE_DB;
use crate::neural::contract::{Contract, HarmonicNoise, Input, Kind, Output, State};
use crate::neural::graph::{GraphBuilder, GruWeights, Tensor};
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::partials::{BANDS, band_edges_hz};

/// Loudness rises from nothing over about this much above silence, from a hair above it: rounding must not sound.
const GATE_DB: f32 = 3.0;
const HAIR_DB: f32 = 0.05;
/// Mean and scale of pitch, loudness, brightness and noisiness as the engine feeds them.
const WORDS: [(f32, f32); 4] = [
    (68.0, 1.0 / 16.0),
    (-45.0, 1.0 / 18.0),
    (0.45, 1.0 / 0.12),
    (0.2, 1.0 / 0.2),
];
/// The exact levels hold between these notes; the ear hardly weighs a fundamental below.
const LEVEL_NOTES: (f32, f32) = (24.0, 115.0);

/// What the file says about itself.
#[derive(Clone, Debug)]
pub struct Label {
    pub name: String,
    pub author: String,
    pub licence: String,
    pub description: String,
    pub frame_rate_hz: u32,
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
    g.contract(&contract(stiffness, label));
    let controls = g.input("controls", &[1, 4]);
    let state = g.input("state", &[1, HIDDEN]);
    let words: Vec<Tensor> = (0..4)
        .map(|i| {
            let fed = g.slice(&controls, 1, i, i + 1);
            g.affine(&fed, 1.0 / WORDS[i].1, WORDS[i].0)
        })
        .collect();
    let features = hear(&mut g, &words, bounds);
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

fn contract(stiffness: Stiffness, label: &Label) -> Contract {
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
            names: ["pitch", "loudness", "brightness", "noisiness"]
                .map(String::from)
                .to_vec(),
            mean: WORDS.map(|w| w.0).to_vec(),
            scale: WORDS.map(|w| w.1).to_vec(),
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

fn unary(g: &mut GraphBuilder, op: &str, x: &Tensor) -> Tensor {
    g.node(op, &[&x.name], &x.dims, &[])
}

fn clip(g: &mut GraphBuilder, x: &Tensor, bounds: (f32, f32)) -> Tensor {
    let (low, high) = (g.constant(&[], &[bounds.0]), g.constant(&[], &[bounds.1]));
    g.node("Clip", &[&x.name, &low.name, &high.name], &x.dims, &[])
}

fn line(g: &mut GraphBuilder, x: &Tensor, line: (f32, f32)) -> Tensor {
    g.affine(x, line.1, -line.0 * line.1)
}

/// [`Bounds::features`].
fn hear(g: &mut GraphBuilder, words: &[Tensor], bounds: &Bounds) -> Tensor {
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
    g.concat(
        &[&parts[0], &parts[1], &parts[2], &parts[3], &sines, &cosines],
        1,
    )
}

/// [`Network::shapes`], one frame.
fn draw(
    g: &mut GraphBuilder,
    network: &Network,
    features: &Tensor,
    state: &Tensor,
) -> (Tensor, Tensor) {
    let gates = rows(&network.gates);
    let wide = FEATURES + HIDDEN;
    let columns = |first_row: usize, from: usize, to: usize| -> Vec<f32> {
        (first_row..first_row + HIDDEN)
            .flat_map(|r| gates[r * wide + from..r * wide + to].to_vec())
            .collect()
    };
    // ONNX gates in order: update, reset, new.
    let input = [
        columns(HIDDEN, 0, FEATURES),
        columns(0, 0, FEATURES),
        rows(&network.new_x),
    ]
    .concat();
    let recurrent = [
        columns(HIDDEN, FEATURES, wide),
        columns(0, FEATURES, wide),
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

/// [`super::network::level`] and [`Frame::new`]: linear amplitudes of partials and bands, and B.
fn level(
    g: &mut GraphBuilder,
    words: &[Tensor],
    shapes: &Tensor,
    stiffness: Stiffness,
) -> (Tensor, Tensor, Tensor) {
    let (khz, stretching) = partial_khz(g, &words[0], stiffness);
    let inside = g.affine(
        &khz,
        -1e3 / (FADE_TO_HZ - FADE_FROM_HZ),
        FADE_TO_HZ / (FADE_TO_HZ - FADE_FROM_HZ),
    );
    let inside = clip(g, &inside, (0.0, 1.0));
    let shapes = unary(g, "Exp", shapes);
    let harmonic = g.slice(&shapes, 1, 0, MAX_PARTIALS);
    let harmonic = g.mul(&harmonic, &inside);
    let noise = g.slice(&shapes, 1, MAX_PARTIALS, MAX_PARTIALS + BANDS);
    let square = |g: &mut GraphBuilder, x: &Tensor| g.mul(x, x);
    let (power_h, power_n) = (square(g, &harmonic), square(g, &noise));
    let power_h = g.affine(&power_h, 0.5, 0.0);
    let noisiness = clip(g, &words[3], (0.0, 1.0));
    let tonality = g.affine(&noisiness, -1.0, 1.0);
    let share = |g: &mut GraphBuilder, wanted: &Tensor, power: &Tensor| {
        let sum = g.sum(power);
        let sum = g.affine(&sum, 1.0, TINY);
        g.div(wanted, &sum)
    };
    let (share_h, share_n) = (
        share(g, &tonality, &power_h),
        share(g, &noisiness, &power_n),
    );
    let weight = a_weighting(g, &khz);
    let bands = g.constant(&[1, BANDS], &band_weights());
    let heard = |g: &mut GraphBuilder, power: &Tensor, weight: &Tensor, share: &Tensor| {
        let weighted = g.mul(power, weight);
        let sum = g.sum(&weighted);
        g.mul(&sum, share)
    };
    let heard_h = heard(g, &power_h, &weight, &share_h);
    let heard_n = heard(g, &power_n, &bands, &share_n);
    let both = g.add(&heard_h, &heard_n);
    let both = g.affine(&both, 1.0, TINY);
    let gain = commanded_power(g, &words[1]);
    let gain = g.div(&gain, &both);
    let apply = |g: &mut GraphBuilder, amplitude: &Tensor, share: &Tensor| {
        let power_gain = g.mul(&gain, share);
        let gain = unary(g, "Sqrt", &power_gain);
        g.mul(amplitude, &gain)
    };
    let (harmonics, noise) = (apply(g, &harmonic, &share_h), apply(g, &noise, &share_n));
    (harmonics, noise, stretching)
}

/// The A-weighted power that loudness asks for: exactly 0 at silence.
fn commanded_power(g: &mut GraphBuilder, loudness: &Tensor) -> Tensor {
    let loudness = clip(g, loudness, (SILENCE_DB, 0.0));
    let power = g.affine(&loudness, std::f32::consts::LN_10 / 10.0, 0.0);
    let power = unary(g, "Exp", &power);
    let gate = g.affine(&loudness, 1.0 / GATE_DB, -(SILENCE_DB + HAIR_DB) / GATE_DB);
    let gate = g.relu(&gate);
    let gate = g.tanh(&gate);
    g.mul(&power, &gate)
}

/// Frequencies of the partials in kHz, and B.
fn partial_khz(g: &mut GraphBuilder, pitch: &Tensor, stiffness: Stiffness) -> (Tensor, Tensor) {
    let pitch = clip(g, pitch, LEVEL_NOTES);
    let octave = std::f32::consts::LN_2 / 12.0;
    let f0 = g.affine(&pitch, octave, 0.44f32.ln() - 69.0 * octave);
    let f0 = unary(g, "Exp", &f0);
    let numbers: [f32; MAX_PARTIALS] = std::array::from_fn(|i| (i + 1) as f32);
    let multiples = g.constant(&[1, MAX_PARTIALS], &numbers);
    let harmonic = g.mul(&f0, &multiples);
    if stiffness.is_none() {
        return (harmonic, f0);
    }
    let b = g.affine(
        &pitch,
        stiffness.slope,
        stiffness.level - 60.0 * stiffness.slope,
    );
    let b = unary(g, "Exp", &b);
    let squares = g.constant(&[1, MAX_PARTIALS], &numbers.map(|k| k * k));
    let stretch = g.mul(&b, &squares);
    let stretch = g.affine(&stretch, 1.0, 1.0);
    let stretch = unary(g, "Sqrt", &stretch);
    (g.mul(&harmonic, &stretch), b)
}

/// `a_weight_power` of frequencies in kHz.
fn a_weighting(g: &mut GraphBuilder, khz: &Tensor) -> Tensor {
    let u = g.mul(khz, khz);
    let plus = |g: &mut GraphBuilder, corner_khz: f32| g.affine(&u, 1.0, corner_khz * corner_khz);
    let (a, b, c, d) = (
        plus(g, 0.0206),
        plus(g, 0.1077),
        plus(g, 0.7379),
        plus(g, 12.194),
    );
    // Quotients first: every factor stays near 1.
    let first = g.div(&u, &a);
    let last = g.div(&u, &d);
    let outer = g.mul(&first, &last);
    let outer = g.mul(&outer, &outer);
    let inner = g.mul(&b, &c);
    let weight = g.div(&outer, &inner);
    g.affine(&weight, 12.194f32.powi(4) * 1.258_925f32.powi(2), 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::neural::sound_model::SoundModel;
    use burn::tensor::{Device, TensorData};

    fn bounds() -> Bounds {
        Bounds {
            pitch: (34.0, 102.0),
            loudness: (-60.0, -8.0),
            brightness: (0.2, 0.8),
            noisiness: (1e-4, 0.98),
        }
    }

    fn label() -> Label {
        Label {
            name: "Test".into(),
            author: String::new(),
            licence: String::new(),
            description: String::new(),
            frame_rate_hz: 200,
            data: serde_json::Value::Null,
            metrics: serde_json::Value::Null,
        }
    }

    /// Log amplitudes of the partials by the training graph, frame by frame.
    fn trained(network: &Network, stiffness: Stiffness, rows: &[[f32; 4]]) -> Vec<f32> {
        let device = Device::flex();
        let tensor = |v: Vec<f32>, n: usize| {
            Weights::<2>::from_data(TensorData::new(v, [rows.len(), n]), &device)
        };
        let frames: Vec<Frame> = rows
            .iter()
            .map(|r| Frame::new(r[0], stiffness.at_note(r[0])))
            .collect();
        let features: Vec<f32> = rows.iter().flat_map(|r| bounds().features(*r)).collect();
        let x = Weights::<3>::from_data(
            TensorData::new(features, [1, rows.len(), FEATURES]),
            &device,
        );
        let (harmonic, _) = super::super::network::level(
            network.shapes(x),
            tensor(rows.iter().map(|r| r[3]).collect(), 1),
            tensor(
                rows.iter()
                    .map(|r| r[1] * std::f32::consts::LN_10 / 20.0)
                    .collect(),
                1,
            ),
            tensor(
                frames
                    .iter()
                    .flat_map(|f| f.inside.map(|x| x * x))
                    .collect(),
                MAX_PARTIALS,
            ),
            tensor(frames.iter().flat_map(|f| f.weight).collect(), MAX_PARTIALS),
        );
        values2(harmonic)
    }

    #[test]
    fn the_file_plays_what_was_trained() {
        let network = Network::new(5, vec![0.0; MAX_PARTIALS + BANDS], &Device::flex());
        let rows: Vec<[f32; 4]> = (0..30)
            .map(|i| {
                let x = i as f32 / 30.0;
                [
                    50.0 + 30.0 * x,
                    -50.0 + 35.0 * x,
                    0.3 + 0.4 * x,
                    0.02 + 0.3 * x,
                ]
            })
            .collect();
        for stiffness in [
            Stiffness::NONE,
            Stiffness {
                level: -9.0,
                slope: 0.05,
            },
        ] {
            let bytes = export(&network, &bounds(), stiffness, &label());
            let mut model = SoundModel::load(&bytes).unwrap();
            let wanted = trained(&network, stiffness, &rows);
            let mut frame = crate::sound::frame::SoundFrame::SILENT;
            for (row, wanted) in rows.iter().zip(wanted.chunks(MAX_PARTIALS)) {
                let mut controls = crate::controls::Controls::SILENT;
                controls.pitch_note = row[0];
                (
                    controls.loudness_db,
                    controls.brightness,
                    controls.noisiness,
                ) = (row[1], row[2], row[3]);
                model.step(&controls, &mut frame);
                let inside = Frame::new(row[0], stiffness.at_note(row[0])).inside;
                for k in 0..MAX_PARTIALS {
                    let expected = wanted[k].exp() * inside[k];
                    assert!(
                        (frame.harmonics[k] - expected).abs() < 1e-4 * expected + 1e-7,
                        "{row:?}, {k}"
                    );
                }
            }
        }
    }

    #[test]
    fn silence_is_silent_and_louder_is_louder_at_every_pitch() {
        let network = Network::new(6, vec![0.0; MAX_PARTIALS + BANDS], &Device::flex());
        let bytes = export(&network, &bounds(), Stiffness::NONE, &label());
        let mut model = SoundModel::load(&bytes).unwrap();
        let mut frame = crate::sound::frame::SoundFrame::SILENT;
        for note in [0.0, 36.0, 68.0, 100.0, 127.0] {
            let mut before = -1.0;
            for loudness_db in [-80.0, -79.0, -70.0, -50.0, -30.0, -10.0, 0.0] {
                let mut controls = crate::controls::Controls::SILENT;
                (controls.pitch_note, controls.loudness_db) = (note, loudness_db);
                model.reset();
                model.step(&controls, &mut frame);
                let power: f32 = frame
                    .harmonics
                    .iter()
                    .chain(&frame.noise_rms)
                    .map(|a| a * a)
                    .sum();
                assert!(
                    power.is_finite() && power > before,
                    "{note}, {loudness_db}: {power}"
                );
                assert!(loudness_db > -80.0 || power == 0.0);
                before = power;
            }
        }
    }
}
