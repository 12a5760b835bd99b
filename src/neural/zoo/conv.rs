//! A streaming convolutional decoder: every convolution keeps the samples that its next step will need.

use super::Weights;
use crate::neural::contract::Contract;
use crate::neural::graph::{Attribute, GraphBuilder, Tensor};

/// Joins the past (a state) in front of `x` and keeps the newest `past` samples for the next step.
fn with_past(g: &mut GraphBuilder, x: &Tensor, past: usize, states: &mut Vec<String>) -> Tensor {
    if past == 0 {
        return x.clone();
    }
    let (channels, time) = (x.dims[1], x.dims[2]);
    let name = format!("past{}", states.len());
    let state = g.input(&name, &[1, channels, past]);
    let joined = g.concat(&[&state, x], 2);
    let kept = g.slice(&joined, 2, time, time + past);
    g.output(&format!("{name}_out"), &kept);
    states.push(format!(r#"{{"input":"{name}","output":"{name}_out"}}"#));
    joined
}

fn causal_conv(
    g: &mut GraphBuilder,
    w: &mut Weights,
    x: &Tensor,
    (outputs, taps, dilation): (usize, usize, usize),
    states: &mut Vec<String>,
) -> Tensor {
    let inputs = x.dims[1];
    let time = x.dims[2];
    let x = with_past(g, x, (taps - 1) * dilation, states);
    let weights = w.layer(outputs * inputs * taps, inputs * taps);
    let weights = g.constant(&[outputs, inputs, taps], &weights);
    let bias = g.constant(&[outputs], &w.layer(outputs, 16));
    let dilation = Attribute::Ints("dilations", vec![dilation as i64]);
    let inputs = [&*x.name, &weights.name, &bias.name];
    g.node("Conv", &inputs, &[1, outputs, time], &[dilation])
}

/// A streaming convolutional decoder in the manner of BRAVE (Caspe et al., arXiv 2503.11562): `capacity` times
/// 16, 8, 4 and 2 channels, doubling the rate at the last three stages, residual blocks with dilations 1 to 36.
pub fn conv_decoder(capacity: usize) -> Vec<u8> {
    let mut w = Weights::new(capacity as u64 + 5);
    let mut g = GraphBuilder::new("conv");
    let mut states = Vec::new();
    let x = g.input("x", &[1, 12]);
    let x = g.reshape(&x, &[1, 12, 1]);
    let mut x = causal_conv(&mut g, &mut w, &x, (capacity * 16, 7, 1), &mut states);
    for (stage, channels) in [16, 8, 4, 2]
        .map(|n| n * capacity / 2)
        .into_iter()
        .enumerate()
    {
        let y = g.leaky_relu(&x, 0.2);
        x = match stage {
            0 => causal_conv(&mut g, &mut w, &y, (channels, 3, 1), &mut states),
            _ => upsampled(&mut g, &mut w, &y, channels),
        };
        for dilation in [1, 3, 9, 27, 36] {
            let y = g.leaky_relu(&x, 0.2);
            let y = causal_conv(&mut g, &mut w, &y, (channels, 3, dilation), &mut states);
            let y = g.leaky_relu(&y, 0.2);
            let y = causal_conv(&mut g, &mut w, &y, (channels, 1, 1), &mut states);
            x = g.add(&x, &y);
        }
    }
    let y = causal_conv(&mut g, &mut w, &x, (16, 7, 1), &mut states);
    let y = g.tanh(&y);
    let time = y.dims[2];
    let y = g.node(
        "Transpose",
        &[&y.name],
        &[1, time, 16],
        &[Attribute::Ints("perm", vec![0, 2, 1])],
    );
    let y = g.reshape(&y, &[1, time * 16]);
    g.output("audio", &y);
    let controls: Vec<String> = crate::controls::Control::ALL
        .iter()
        .map(|c| format!("\"{}\"", c.name()))
        .collect();
    let text = format!(
        r#"{{"version":1,"kind":"sound","name":"Zoo convolutions","frame_rate_hz":200,
        "inputs":[{{"tensor":"x","names":[{}]}}],"states":[{}],
        "outputs":[{{"waveform":{{"tensor":"audio","sample_rate_hz":{}}}}}]}}"#,
        controls.join(","),
        states.join(","),
        time * 16 * 200
    );
    g.contract(&Contract::parse(&text).expect("the zoo's contracts are in order"));
    g.finish()
}

fn upsampled(g: &mut GraphBuilder, w: &mut Weights, x: &Tensor, channels: usize) -> Tensor {
    let (inputs, time) = (x.dims[1], x.dims[2]);
    let weights = w.layer(inputs * channels * 2, inputs);
    let weights = g.constant(&[inputs, channels, 2], &weights);
    let bias = g.constant(&[channels], &w.layer(channels, 16));
    let names = [&*x.name, &weights.name, &bias.name];
    let strides = Attribute::Ints("strides", vec![2]);
    g.node(
        "ConvTranspose",
        &names,
        &[1, channels, 2 * time],
        &[strides],
    )
}
