//! Networks with random weights that honour the contract: what the tests and the benchmark run. Not for playing.

mod conv;
pub mod tune;

use super::contract::Contract;
use super::graph::{Attribute, GraphBuilder, GruWeights, LstmWeights, Tensor};
pub use conv::conv_decoder;

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

/// A causal Transformer: `layers` of attention over the last `window` frames (keys and values are states) and a
/// feed-forward block of four times the width. Four heads.
pub fn transformer(inputs: usize, width: usize, layers: usize, window: usize) -> Vec<u8> {
    const HEADS: usize = 4;
    let each = width / HEADS;
    let mut w = Weights::new(width as u64 + 6);
    let mut g = GraphBuilder::new("transformer");
    let mut states = Vec::new();
    let x = g.input("x", &[1, inputs]);
    let mut x = g.dense(&x, &w.layer(width * inputs, inputs), &w.layer(width, 16));
    for _ in 0..layers {
        let y = g.layer_norm(&x, &vec![1.0; width], &vec![0.0; width]);
        let q = g.dense(&y, &w.layer(width * width, width), &vec![0.0; width]);
        let mut cached = |g: &mut GraphBuilder, w: &mut Weights| {
            let new = g.dense(&y, &w.layer(width * width, width), &vec![0.0; width]);
            let name = format!("cache{}", states.len());
            let old = g.input(&name, &[window - 1, width]);
            let all = g.concat(&[&old, &new], 0);
            let kept = g.slice(&all, 0, 1, window);
            g.output(&format!("{name}_out"), &kept);
            states.push(format!(r#"{{"input":"{name}","output":"{name}_out"}}"#));
            g.reshape(&all, &[window, HEADS, each])
        };
        let (k, v) = (cached(&mut g, &mut w), cached(&mut g, &mut w));
        let turn = |g: &mut GraphBuilder, x: &Tensor, perm: [i64; 3], dims: [usize; 3]| {
            g.node(
                "Transpose",
                &[&x.name],
                &dims,
                &[Attribute::Ints("perm", perm.to_vec())],
            )
        };
        let k = turn(&mut g, &k, [1, 2, 0], [HEADS, each, window]);
        let v = turn(&mut g, &v, [1, 0, 2], [HEADS, window, each]);
        let q = g.reshape(&q, &[HEADS, 1, each]);
        let scores = g.node("MatMul", &[&q.name, &k.name], &[HEADS, 1, window], &[]);
        let scores = g.affine(&scores, (each as f32).powf(-0.5), 0.0);
        let scores = g.softmax(&scores);
        let y = g.node("MatMul", &[&scores.name, &v.name], &[HEADS, 1, each], &[]);
        let y = g.reshape(&y, &[1, width]);
        let y = g.dense(&y, &w.layer(width * width, width), &vec![0.0; width]);
        x = g.add(&x, &y);
        let y = g.layer_norm(&x, &vec![1.0; width], &vec![0.0; width]);
        let y = g.dense(
            &y,
            &w.layer(4 * width * width, width),
            &vec![0.0; 4 * width],
        );
        let y = g.relu(&y);
        let y = g.dense(
            &y,
            &w.layer(4 * width * width, 4 * width),
            &vec![0.0; width],
        );
        x = g.add(&x, &y);
    }
    let y = g.dense(&x, &w.layer(width, width), &[0.0]);
    g.output("y", &y);
    g.contract(&gesture_contract(inputs, &states.join(",")));
    g.finish()
}

/// For the helper thread: `s' = s / 2 + x`, and `softsign(s')` as brightness. x = 1 gives 1/2, 3/5, 7/11 and so on.
pub fn softsign() -> Vec<u8> {
    let mut g = GraphBuilder::new("softsign");
    let x = g.input("x", &[1, 1]);
    let s = g.input("s", &[1, 1]);
    let s = g.affine(&s, 0.5, 0.0);
    let s = g.add(&s, &x);
    g.output("s_out", &s);
    let y = g.node("Softsign", &[&s.name], &[1, 1], &[]);
    g.output("y", &y);
    let text = r#"{"version":1,"kind":"gesture","name":"Softsign","frame_rate_hz":200,"feature_schema":1,
        "inputs":[{"tensor":"x","names":["right_forearm.energy"]}],"states":[{"input":"s","output":"s_out"}],
        "outputs":[{"point":{"control":"brightness","tensor":"y"}}]}"#;
    g.contract(&Contract::parse(text).expect("the zoo's contracts are in order"));
    g.finish()
}

/// A sine of the pitch and the loudness that it hears, as a waveform. `helped` adds an operation that changes nothing
/// and has no packed kernel. The phase goes on as a point on the unit circle, of which the state holds `(sin, cos - 1)`.
pub fn sine_wave(frame_rate_hz: u32, sample_rate_hz: u32, helped: bool) -> Vec<u8> {
    let hop = (sample_rate_hz / frame_rate_hz) as usize;
    let mut g = GraphBuilder::new("sine");
    let x = g.input("x", &[1, 2]);
    let (sin, cos) = (g.input("sin", &[1, 1]), g.input("cos", &[1, 1]));
    let cos = g.affine(&cos, 1.0, 1.0);
    let octaves = g.slice(&x, 1, 0, 1);
    let loudness = g.slice(&x, 1, 1, 2);
    let octaves = g.affine(&octaves, 0.1 * std::f32::consts::LN_2, 0.0);
    let turn = g.exp(&octaves);
    let turn = g.affine(
        &turn,
        std::f32::consts::TAU * 440.0 / sample_rate_hz as f32,
        0.0,
    );
    let counts: Vec<f32> = (0..=hop).map(|n| n as f32).collect();
    let counts = g.constant(&[1, hop + 1], &counts);
    let angles = g.mul(&turn, &counts);
    let on_circle = |g: &mut GraphBuilder, op| g.node(op, &[&angles.name], &angles.dims, &[]);
    let (sines, cosines) = (on_circle(&mut g, "Sin"), on_circle(&mut g, "Cos"));
    let product = |g: &mut GraphBuilder, a: [&Tensor; 2], b: [&Tensor; 2]| {
        (g.mul(a[0], a[1]), g.mul(b[0], b[1]))
    };
    let (a, b) = product(&mut g, [&sin, &cosines], [&cos, &sines]);
    let wave = g.add(&a, &b);
    let (a, b) = product(&mut g, [&cos, &cosines], [&sin, &sines]);
    let other = g.sub(&a, &b);
    let (sin, cos) = (
        g.slice(&wave, 1, hop, hop + 1),
        g.slice(&other, 1, hop, hop + 1),
    );
    let (a, b) = product(&mut g, [&sin, &sin], [&cos, &cos]);
    let radius = g.add(&a, &b);
    let radius = g.node("Sqrt", &[&radius.name], &[1, 1], &[]);
    let (sin, cos) = (g.div(&sin, &radius), g.div(&cos, &radius));
    let cos = g.affine(&cos, 1.0, -1.0);
    g.output("sin_out", &sin);
    g.output("cos_out", &cos);
    let wave = g.slice(&wave, 1, 0, hop);
    let wave = g.mul(&wave, &loudness);
    let wave = if helped {
        let rounded = g.node("Round", &[&wave.name], &wave.dims, &[]);
        let nothing = g.affine(&rounded, 0.0, 0.0);
        g.add(&wave, &nothing)
    } else {
        wave
    };
    g.output("wave", &wave);
    let text = format!(
        r#"{{"version":1,"kind":"sound","name":"Zoo sine","frame_rate_hz":{frame_rate_hz},
        "inputs":[{{"tensor":"x","names":["pitch","loudness"],"mean":[69,-80],"scale":[0.83333333,0.0125]}}],
        "states":[{{"input":"sin","output":"sin_out"}},{{"input":"cos","output":"cos_out"}}],
        "outputs":[{{"waveform":{{"tensor":"wave","sample_rate_hz":{sample_rate_hz}}}}}]}}"#
    );
    g.contract(&Contract::parse(&text).expect("the zoo's contracts are in order"));
    g.finish()
}
