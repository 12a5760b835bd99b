//! Networks with random weights that honour the contract: what the tests and the benchmark run. Not for playing.

use super::contract::Contract;
use super::graph::{GraphBuilder, GruWeights, LstmWeights, Tensor};

/// Deterministic weights.
pub struct Weights(u64);

impl Weights {
    pub fn new(seed: u64) -> Self {
        Weights(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in -1 to 1.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / 8_388_608.0 - 1.0
    }

    /// Scaled so that a layer with `inputs` keeps the size of its signal.
    pub fn layer(&mut self, count: usize, inputs: usize) -> Vec<f32> {
        let scale = (1.0 / inputs as f32).sqrt();
        (0..count).map(|_| self.next() * scale).collect()
    }
}

fn names(count: usize) -> String {
    (0..count)
        .map(|i| format!("\"x{i}\""))
        .collect::<Vec<_>>()
        .join(",")
}

fn gesture_contract(inputs: usize, states: &str) -> Contract {
    let text = format!(
        r#"{{"version":1,"kind":"gesture","name":"Zoo","frame_rate_hz":100,"feature_schema":1,
        "inputs":[{{"tensor":"x","names":[{}]}}],"states":[{states}],
        "outputs":[{{"point":{{"control":"loudness","tensor":"y","offset":-40.0,"scale":20.0}}}}]}}"#,
        names(inputs)
    );
    Contract::parse(&text).expect("the zoo's contracts are in order")
}

/// `layers` LSTM layers and one dense output.
pub fn lstm(inputs: usize, hidden: usize, layers: usize) -> Vec<u8> {
    let mut w = Weights::new(hidden as u64 + 1);
    let mut g = GraphBuilder::new("lstm");
    let mut x = g.input("x", &[1, inputs]);
    let mut states = Vec::new();
    for layer in 0..layers {
        let h = g.input(&format!("h{layer}"), &[1, hidden]);
        let c = g.input(&format!("c{layer}"), &[1, hidden]);
        let width = x.dims[1];
        let (h, c) = g.lstm(
            &x,
            &h,
            &c,
            &LstmWeights {
                input: &w.layer(4 * hidden * width, width),
                recurrent: &w.layer(4 * hidden * hidden, hidden),
                bias: &w.layer(4 * hidden, 4),
            },
        );
        g.output(&format!("h{layer}_out"), &h);
        g.output(&format!("c{layer}_out"), &c);
        for name in ["h", "c"] {
            states.push(format!(
                r#"{{"input":"{name}{layer}","output":"{name}{layer}_out"}}"#
            ));
        }
        x = h;
    }
    let y = g.dense(&x, &w.layer(hidden, hidden), &[0.1]);
    g.output("y", &y);
    g.contract(&gesture_contract(inputs, &states.join(",")));
    g.finish()
}

fn gru_layer(g: &mut GraphBuilder, w: &mut Weights, x: &Tensor, h: &Tensor) -> Tensor {
    let (width, hidden) = (x.dims[1], h.dims[1]);
    g.gru(
        x,
        h,
        &GruWeights {
            input: &w.layer(3 * hidden * width, width),
            recurrent: &w.layer(3 * hidden * hidden, hidden),
            input_bias: &w.layer(3 * hidden, 4),
            recurrent_bias: &w.layer(3 * hidden, 4),
        },
    )
}

/// One GRU layer and one dense output.
pub fn gru(inputs: usize, hidden: usize) -> Vec<u8> {
    let mut w = Weights::new(hidden as u64 + 2);
    let mut g = GraphBuilder::new("gru");
    let x = g.input("x", &[1, inputs]);
    let h = g.input("h", &[1, hidden]);
    let h = gru_layer(&mut g, &mut w, &x, &h);
    g.output("h_out", &h);
    let y = g.dense(&h, &w.layer(hidden, hidden), &[0.1]);
    g.output("y", &y);
    g.contract(&gesture_contract(
        inputs,
        r#"{"input":"h","output":"h_out"}"#,
    ));
    g.finish()
}

fn perceptron(g: &mut GraphBuilder, w: &mut Weights, x: &Tensor, width: usize) -> Tensor {
    let mut x = x.clone();
    for _ in 0..3 {
        let inputs = x.dims[1];
        let y = g.dense(&x, &w.layer(width * inputs, inputs), &w.layer(width, 4));
        let y = g.layer_norm(&y, &vec![1.0; width], &vec![0.0; width]);
        x = g.leaky_relu(&y, 0.01);
    }
    x
}

/// A decoder as in DDSP (Engel et al., ICLR 2020): two perceptrons, a GRU, a perceptron over all of them,
/// 100 partials and 65 noise bands.
pub fn ddsp_decoder(width: usize) -> Vec<u8> {
    const PARTIALS: usize = 100;
    const BANDS: usize = 65;
    let mut w = Weights::new(width as u64 + 3);
    let mut g = GraphBuilder::new("ddsp");
    let x = g.input("x", &[1, 2]);
    let h = g.input("h", &[1, width]);
    let pitch = g.slice(&x, 1, 0, 1);
    let loudness = g.slice(&x, 1, 1, 2);
    let pitch = perceptron(&mut g, &mut w, &pitch, width);
    let loudness = perceptron(&mut g, &mut w, &loudness, width);
    let both = g.concat(&[&pitch, &loudness], 1);
    let h = gru_layer(&mut g, &mut w, &both, &h);
    g.output("h_out", &h);
    let all = g.concat(&[&h, &pitch, &loudness], 1);
    let all = perceptron(&mut g, &mut w, &all, width);
    let harmonics = g.dense(&all, &w.layer(PARTIALS * width, width), &[-4.0; PARTIALS]);
    let harmonics = g.softplus(&harmonics);
    let noise = g.dense(&all, &w.layer(BANDS * width, width), &[-6.0; BANDS]);
    let noise = g.exp(&noise);
    g.output("harmonics", &harmonics);
    g.output("noise", &noise);
    let edges: Vec<String> = (0..=BANDS)
        .map(|i| format!("{}", i as f32 * 240.0))
        .collect();
    let text = format!(
        r#"{{"version":1,"kind":"sound","name":"Zoo decoder","frame_rate_hz":100,
        "inputs":[{{"tensor":"x","names":["pitch","loudness"],"mean":[60,-40],"scale":[0.1,0.05]}}],
        "states":[{{"input":"h","output":"h_out"}}],
        "outputs":[{{"harmonic_noise":{{"harmonics":"harmonics","noise":"noise","noise_edges_hz":[{}]}}}}]}}"#,
        edges.join(",")
    );
    g.contract(&Contract::parse(&text).expect("the zoo's contracts are in order"));
    g.finish()
}

/// An LSTM that states a distribution over 24 notes, an onset, a confidence and a loudness.
pub fn pitch_chooser(inputs: usize, hidden: usize) -> Vec<u8> {
    let mut w = Weights::new(hidden as u64 + 4);
    let mut g = GraphBuilder::new("chooser");
    let x = g.input("x", &[1, inputs]);
    let h = g.input("h", &[1, hidden]);
    let c = g.input("c", &[1, hidden]);
    let weights = LstmWeights {
        input: &w.layer(4 * hidden * inputs, inputs),
        recurrent: &w.layer(4 * hidden * hidden, hidden),
        bias: &w.layer(4 * hidden, 4),
    };
    let (h, c) = g.lstm(&x, &h, &c, &weights);
    g.output("h_out", &h);
    g.output("c_out", &c);
    let logits = g.dense(&h, &w.layer(24 * hidden, 1), &[0.0; 24]);
    g.output("logits", &logits);
    let fine = g.dense(&h, &w.layer(24 * hidden, hidden), &[0.0; 24]);
    g.output("fine", &fine);
    let rest = g.dense(&h, &w.layer(3 * hidden, hidden), &[0.0; 3]);
    let rest = g.sigmoid(&rest);
    g.output("rest", &rest);
    let text = format!(
        r#"{{"version":1,"kind":"gesture","name":"Zoo chooser","frame_rate_hz":100,"feature_schema":1,
        "inputs":[{{"tensor":"x","names":[{}]}}],
        "states":[{{"input":"h","output":"h_out"}},{{"input":"c","output":"c_out"}}],
        "outputs":[{{"categorical_pitch":{{"logits":"logits","lowest_note":48,"fine":"fine"}}}},
        {{"onset":{{"tensor":"rest"}}}},{{"confidence":{{"tensor":"rest","index":1}}}},
        {{"point":{{"control":"loudness","tensor":"rest","index":2,"scale":80.0,"offset":-80.0}}}}]}}"#,
        names(inputs)
    );
    g.contract(&Contract::parse(&text).expect("the zoo's contracts are in order"));
    g.finish()
}
