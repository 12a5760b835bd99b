//! The network of a sound model, in burn: a GRU hears the controls, three dense layers draw the shape of the spectrum,
//! and exact arithmetic gives that shape the commanded noisiness and A-weighted loudness. `export` writes the same
//! steps as a graph; a test holds the two together.

use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Tensor, TensorData};

use super::dice::Dice;
use crate::controls::Controls;
use crate::sound::frame::MAX_PARTIALS;
use crate::train::analysis::a_weight_power;
use crate::train::analysis::partials::{BANDS, band_edges_hz, stretch};
use crate::units::note_to_hz;

/// Numbers that the recurrent layer hears of the four controls and four waves of pitch; latents follow.
const OF_WORDS: usize = 12;
/// Periods of the waves of pitch, in semitones: resonances make partials rise and fall along the scale.
pub const WAVES_SEMITONES: [f32; 4] = [48.0, 24.0, 12.0, 6.0];
pub const HIDDEN: usize = 64;
pub const WIDE: usize = 128;
/// Partials fade out between these, as the synth fades them.
pub const FADE_FROM_HZ: f32 = 18_000.0;
pub const FADE_TO_HZ: f32 = 20_000.0;
/// Keeps quotients finite.
pub const TINY: f32 = 1e-9;

/// Controls outside these bounds are heard as the bound, but loudness and noisiness are still obeyed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bounds {
    pub pitch: (f32, f32),
    pub loudness: (f32, f32),
    pub brightness: (f32, f32),
    pub noisiness: (f32, f32),
    /// How many latents are heard.
    pub timbre: usize,
}

/// Latents beyond this are heard as this, whatever the recordings had.
pub const TIMBRE_BOUNDS: (f32, f32) = (-3.5, 3.5);

/// How a clipped control becomes a number of order 1: `(value - offset) · scale`; noisiness by its logarithm.
pub const PITCH_LINE: (f32, f32) = (68.0, 1.0 / 16.0);
pub const LOUDNESS_LINE: (f32, f32) = (-25.0, 1.0 / 15.0);
pub const BRIGHTNESS_LINE: (f32, f32) = (0.45, 1.0 / 0.12);
pub const LOG_NOISINESS_LINE: (f32, f32) = (-3.5, 1.0 / 2.0);

impl Bounds {
    /// Numbers that the recurrent layer hears per frame.
    pub fn width(&self) -> usize {
        OF_WORDS + self.timbre
    }

    /// What the network hears of controls.
    pub fn features(&self, controls: &Controls) -> Vec<f32> {
        let Controls {
            pitch_note,
            loudness_db,
            brightness,
            noisiness,
            timbre,
        } = controls;
        let line = |x: f32, l: (f32, f32)| (x - l.0) * l.1;
        let pitch = pitch_note.clamp(self.pitch.0, self.pitch.1);
        let mut out = vec![0.0; OF_WORDS];
        out[0] = line(pitch, PITCH_LINE);
        out[1] = line(
            loudness_db.clamp(self.loudness.0, self.loudness.1),
            LOUDNESS_LINE,
        );
        out[2] = line(
            brightness.clamp(self.brightness.0, self.brightness.1),
            BRIGHTNESS_LINE,
        );
        out[3] = line(
            noisiness.clamp(self.noisiness.0, self.noisiness.1).ln(),
            LOG_NOISINESS_LINE,
        );
        for (i, period) in WAVES_SEMITONES.iter().enumerate() {
            let angle = std::f32::consts::TAU / period * pitch;
            (out[4 + i], out[8 + i]) = (angle.sin(), angle.cos());
        }
        let (low, high) = TIMBRE_BOUNDS;
        out.extend(timbre[..self.timbre].iter().map(|x| x.clamp(low, high)));
        out
    }
}

#[derive(Module, Debug)]
pub struct Network {
    /// `[features + HIDDEN, 2 · HIDDEN]`: reset, update.
    pub gates: Param<Tensor<2>>,
    pub gates_bias: Param<Tensor<1>>,
    /// The new state: from features, and from the state scaled by reset.
    pub new_x: Param<Tensor<2>>,
    pub new_h: Param<Tensor<2>>,
    pub new_bias: Param<Tensor<1>>,
    pub dense_1: Param<Tensor<2>>,
    pub bias_1: Param<Tensor<1>>,
    pub dense_2: Param<Tensor<2>>,
    pub bias_2: Param<Tensor<1>>,
    pub dense_3: Param<Tensor<2>>,
    pub bias_3: Param<Tensor<1>>,
}

fn matrix(
    dice: &mut Dice,
    rows: usize,
    columns: usize,
    gain: f32,
    device: &Device,
) -> Param<Tensor<2>> {
    let bound = gain * (3.0 / rows as f32).sqrt();
    let values: Vec<f32> = (0..rows * columns)
        .map(|_| dice.between(-bound, bound))
        .collect();
    Param::from_tensor(Tensor::from_data(
        TensorData::new(values, [rows, columns]),
        device,
    ))
}

fn vector(values: Vec<f32>, device: &Device) -> Param<Tensor<1>> {
    let count = values.len();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, [count]), device))
}

impl Network {
    /// For so many features; `start` is the mean of what the last layer should say.
    pub fn new(seed: u64, features: usize, start: Vec<f32>, device: &Device) -> Network {
        let mut dice = Dice::new(seed);
        let zeros = |count: usize| vector(vec![0.0; count], device);
        Network {
            gates: matrix(&mut dice, features + HIDDEN, 2 * HIDDEN, 0.8, device),
            gates_bias: zeros(2 * HIDDEN),
            new_x: matrix(&mut dice, features, HIDDEN, 0.7, device),
            new_h: matrix(&mut dice, HIDDEN, HIDDEN, 0.7, device),
            new_bias: zeros(HIDDEN),
            dense_1: matrix(&mut dice, features + HIDDEN, WIDE, 1.0, device),
            bias_1: zeros(WIDE),
            dense_2: matrix(&mut dice, WIDE, WIDE, 1.0, device),
            bias_2: zeros(WIDE),
            dense_3: matrix(&mut dice, WIDE, MAX_PARTIALS + BANDS, 0.3, device),
            bias_3: vector(start, device),
        }
    }

    /// How many numbers it hears per frame.
    pub fn features(&self) -> usize {
        self.new_x.dims()[0]
    }

    /// Features `[lanes, frames, features]` to log shapes `[lanes · frames, MAX_PARTIALS + BANDS]`, lane by lane.
    pub fn shapes(&self, x: Tensor<3>) -> Tensor<2> {
        let [lanes, frames, features] = x.dims();
        let mut h = Tensor::<2>::zeros([lanes, HIDDEN], &x.device());
        let mut states = Vec::with_capacity(frames);
        for frame in 0..frames {
            let now = x.clone().narrow(1, frame, 1).reshape([lanes, features]);
            h = self.step(now, h);
            states.push(h.clone().reshape([lanes, 1, HIDDEN]));
        }
        let heard = Tensor::cat(vec![x, Tensor::cat(states, 1)], 2)
            .reshape([lanes * frames, features + HIDDEN]);
        let a = tanh(heard.matmul(self.dense_1.val()) + self.bias_1.val().unsqueeze());
        let b = tanh(a.matmul(self.dense_2.val()) + self.bias_2.val().unsqueeze());
        b.matmul(self.dense_3.val()) + self.bias_3.val().unsqueeze()
    }

    fn step(&self, x: Tensor<2>, h: Tensor<2>) -> Tensor<2> {
        let joined = Tensor::cat(vec![x.clone(), h.clone()], 1);
        let gates = sigmoid(joined.matmul(self.gates.val()) + self.gates_bias.val().unsqueeze());
        let (reset, update) = (
            gates.clone().narrow(1, 0, HIDDEN),
            gates.narrow(1, HIDDEN, HIDDEN),
        );
        let from_h = reset * h.clone().matmul(self.new_h.val());
        let new = tanh(x.matmul(self.new_x.val()) + from_h + self.new_bias.val().unsqueeze());
        new.clone() + update * (h - new)
    }
}

/// What the exact part knows about one frame besides the shapes, all linear.
pub struct Frame {
    /// Gain of each partial near the top, 0 above it.
    pub inside: [f32; MAX_PARTIALS],
    /// A-weighting of each partial, as power.
    pub weight: [f32; MAX_PARTIALS],
}

impl Frame {
    pub fn new(note: f32, inharmonicity: f32) -> Frame {
        let f0_hz = note_to_hz(note);
        let hz = |i: usize| f0_hz * (i + 1) as f32 * stretch(i + 1, inharmonicity);
        Frame {
            inside: std::array::from_fn(|i| {
                ((FADE_TO_HZ - hz(i)) / (FADE_TO_HZ - FADE_FROM_HZ)).clamp(0.0, 1.0)
            }),
            weight: std::array::from_fn(|i| a_weight_power(hz(i))),
        }
    }
}

/// A-weighting of each noise band, as power.
pub fn band_weights() -> [f32; BANDS] {
    let edges = band_edges_hz();
    std::array::from_fn(|b| a_weight_power(0.5 * (edges[b] + edges[b + 1])))
}

/// Gives log shapes the commanded noisiness and loudness: log amplitudes of partials and log RMS of bands.
/// `noisiness` and `loudness` (in nepers) are `[rows, 1]`, `inside_sq` and `weight` `[rows, MAX_PARTIALS]`.
pub fn level(
    shapes: Tensor<2>,
    noisiness: Tensor<2>,
    loudness: Tensor<2>,
    inside_sq: Tensor<2>,
    weight: Tensor<2>,
) -> (Tensor<2>, Tensor<2>) {
    let bands = Tensor::<1>::from_data(
        TensorData::new(band_weights().to_vec(), [BANDS]),
        &shapes.device(),
    );
    let (harmonic, noise) = (
        shapes.clone().narrow(1, 0, MAX_PARTIALS),
        shapes.narrow(1, MAX_PARTIALS, BANDS),
    );
    let power_h = (harmonic.clone() * 2.0).exp() * inside_sq * 0.5;
    let power_n = (noise.clone() * 2.0).exp();
    let share_h = (noisiness.clone() * -1.0 + 1.0) / (power_h.clone().sum_dim(1) + TINY);
    let share_n = noisiness / (power_n.clone().sum_dim(1) + TINY);
    let heard = (power_h * weight).sum_dim(1) * share_h.clone()
        + (power_n * bands.unsqueeze()).sum_dim(1) * share_n.clone();
    let common = loudness - (heard + TINY).log() * 0.5;
    let gain_h = common.clone() + (share_h + 1e-12).log() * 0.5;
    let gain_n = common + (share_n + 1e-12).log() * 0.5;
    (harmonic + gain_h, noise + gain_n)
}
