//! The trained network as an ONNX file under the contract: one step, states in and out, the heads named. Written to a
//! temporary name and renamed, so that a model that is there is whole. `steps` plays a file: the test that it
//! says what the network said.

use std::path::Path;

use burn::tensor::Tensor as Trained;

use super::fit::Model as Fitted;
use super::heads::{Heads, Line};
use super::hearing::Hearing;
use super::network::{Arch, Layer, Shape};
use super::spread;
use super::tail::Tail;
use crate::controls::Control;
use crate::neural::contract::{
    CONTRACT_VERSION, CategoricalPitch, Contract, Input, Kind, Normal, Output, Point, Probability,
    State,
};
use crate::neural::graph::{GraphBuilder, GruWeights, LstmWeights, Tensor, reorder_gates};
use crate::neural::{Model, ModelError};

/// What the file says about itself besides its shapes.
#[derive(Clone, Debug, Default)]
pub struct Label {
    pub name: String,
    pub author: String,
    pub licence: String,
    pub description: String,
    pub frame_rate_hz: u32,
    pub feature_schema: u32,
    pub inputs: Vec<String>,
    pub data: serde_json::Value,
    pub metrics: serde_json::Value,
}

const FEATURES: &str = "features";

pub fn list<const D: usize>(tensor: Trained<D>) -> Vec<f32> {
    tensor.inner().into_data().try_to_vec().unwrap_or_default()
}

/// Rows `[from, from + rows)` of a row-major matrix with `columns` columns, transposed.
pub fn transposed(values: &[f32], columns: usize, from: usize, rows: usize) -> Vec<f32> {
    let at = |row: usize, column: usize| values[(from + row) * columns + column];
    (0..columns)
        .flat_map(|column| (0..rows).map(move |row| at(row, column)))
        .collect()
}

/// Layers as graph nodes; states are declared as they are met.
pub(super) struct Writer {
    pub(super) graph: GraphBuilder,
    pub(super) states: Vec<State>,
    shape: Shape,
    /// New states, to become outputs at the end.
    ends: Vec<(String, Tensor)>,
}

impl Writer {
    pub(super) fn state(&mut self, stem: &str, layer: usize, dims: &[usize]) -> Tensor {
        let (input, output) = (format!("{stem}_{layer}"), format!("{stem}_{layer}_next"));
        let tensor = self.graph.input(&input, dims);
        self.states.push(State { input, output });
        tensor
    }

    pub(super) fn keep(&mut self, state: usize, tensor: Tensor) {
        self.ends.push((self.states[state].output.clone(), tensor));
    }

    fn layer(&mut self, index: usize, layer: &Layer, x: &Tensor) -> Tensor {
        let hidden = self.shape.hidden;
        let inputs = x.dims[1];
        let (weight, bias) = (list(layer.weight.val()), list(layer.bias.val()));
        let columns = bias.len();
        let input = transposed(&weight, columns, 0, inputs);
        if self.shape.arch == Arch::Fc {
            let y = self.graph.dense(x, &input, &bias);
            return self.graph.tanh(&y);
        }
        let h = self.state("h", index, &[1, hidden]);
        let first = self.states.len() - 1;
        let recurrent = transposed(&weight, columns, inputs, hidden);
        match self.shape.arch.cell() {
            Some(Arch::Lstm) => {
                let c = self.state("c", index, &[1, hidden]);
                const ORDER: [usize; 4] = [0, 3, 1, 2];
                let (input, recurrent) = (
                    reorder_gates(&input, &ORDER),
                    reorder_gates(&recurrent, &ORDER),
                );
                let bias = reorder_gates(&bias, &ORDER);
                let weights = LstmWeights {
                    input: &input,
                    recurrent: &recurrent,
                    bias: &bias,
                };
                let (h, c) = self.graph.lstm(x, &h, &c, &weights);
                self.keep(first, h.clone());
                self.keep(first + 1, c);
                h
            }
            Some(Arch::Gru) => {
                let h = self.gru(layer, x, &h, [input, recurrent, bias]);
                self.keep(first, h.clone());
                h
            }
            _ => {
                let joined = self.graph.concat(&[x, &h], 1);
                let all = transposed(&weight, columns, 0, inputs + hidden);
                let y = self.graph.dense(&joined, &all, &bias);
                let h = self.graph.tanh(&y);
                self.keep(first, h.clone());
                h
            }
        }
    }

    /// The reset and update gates have one bias, the new gate one on either side of the reset gate.
    fn gru(&mut self, layer: &Layer, x: &Tensor, h: &Tensor, gates: [Vec<f32>; 3]) -> Tensor {
        let (hidden, inputs) = (self.shape.hidden, x.dims[1]);
        let [mut input, mut recurrent, mut bias] = gates;
        let new_weight = layer
            .new_weight
            .as_ref()
            .map(|w| list(w.val()))
            .unwrap_or_default();
        let new_bias = layer
            .new_bias
            .as_ref()
            .map(|b| list(b.val()))
            .unwrap_or_default();
        input.extend(transposed(&new_weight, hidden, 0, inputs));
        recurrent.extend(transposed(&new_weight, hidden, inputs, hidden));
        let mut recurrent_bias = vec![0.0; 2 * hidden];
        bias.extend(&new_bias[..hidden]);
        recurrent_bias.extend(&new_bias[hidden..]);
        const ORDER: [usize; 3] = [1, 0, 2];
        let weights = GruWeights {
            input: &reorder_gates(&input, &ORDER),
            recurrent: &reorder_gates(&recurrent, &ORDER),
            input_bias: &reorder_gates(&bias, &ORDER),
            recurrent_bias: &reorder_gates(&recurrent_bias, &ORDER),
        };
        self.graph.gru(x, h, &weights)
    }
}

/// The file's bytes.
pub fn onnx(
    shape: Shape,
    heads: &Heads,
    model: &Fitted,
    hearing: &Hearing,
    label: &Label,
) -> Vec<u8> {
    let Fitted {
        network,
        straight,
        calibration,
        ..
    } = model;
    let mut writer = Writer {
        graph: GraphBuilder::new("gesture"),
        states: Vec::new(),
        shape,
        ends: Vec::new(),
    };
    let x = writer.graph.input(FEATURES, &[1, hearing.features()]);
    let x = hearing.write(&mut writer.graph, &x);
    let mut y = x.clone();
    for (index, conv) in network.front.iter().enumerate() {
        y = writer.conv(index, conv, &y);
    }
    for (index, layer) in network.layers.iter().enumerate() {
        y = writer.layer(index, layer, &y);
    }
    for (index, block) in network.blocks.iter().enumerate() {
        y = writer.attention(index, block, &y);
    }
    let (mut head, mut bias) = (list(network.head.val()), list(network.head_bias.val()));
    if let Some(straight) = straight {
        y = writer.graph.concat(&[&y, &x], 1);
        head.extend_from_slice(&straight.weight);
        bias.iter_mut()
            .zip(&straight.bias)
            .for_each(|(own, more)| *own += more);
    }
    let width = y.dims[1];
    let all = transposed(&head, shape.outputs, 0, width);
    let part = |graph: &mut GraphBuilder, from: usize, count: usize| {
        let weights = &all[from * width..][..count * width];
        graph.dense(&y, weights, &bias[from..][..count])
    };
    state(&mut writer.graph, heads, &calibration.tail, part);
    for (name, tensor) in std::mem::take(&mut writer.ends) {
        writer.graph.output(&name, &tensor);
    }
    let contract = contract(heads, hearing, label, writer.states);
    writer.graph.contract(&contract);
    writer.graph.finish()
}

/// The outputs as [`Heads::stated`] has them; `part` gives so many of the raw ones.
fn state(
    graph: &mut GraphBuilder,
    heads: &Heads,
    tail: &Tail,
    part: impl Fn(&mut GraphBuilder, usize, usize) -> Tensor,
) {
    let count = heads.notes.count;
    let notes = part(graph, 0, count);
    let fine = part(graph, heads.fine(), count);
    if heads.distributions.pitch {
        let notes = tail.write(graph, &notes);
        graph.output("notes", &notes);
        graph.output("fine", &fine);
    } else {
        let above: Vec<f32> = (0..count).map(|index| index as f32).collect();
        let above = graph.constant(&[1, count], &above);
        let above = graph.add(&fine, &above);
        let chances = graph.softmax(&notes);
        let weighed = graph.mul(&chances, &above);
        let mean = graph.sum(&weighed);
        let raw = graph.affine(&mean, 1.0 / heads.pitch_line().scale, 0.0);
        graph.output("pitch", &raw);
    }
    let points = part(graph, heads.loudness(), heads.points());
    graph.output("points", &points);
    let chances = part(graph, heads.onset(), 2);
    let chances = graph.sigmoid(&chances);
    graph.output("chances", &chances);
    if heads.spreads() > 0 {
        let logs = part(graph, heads.confidence() + 1, heads.spreads());
        let logs = graph.clip(&logs, spread::LEAST, spread::MOST);
        let deviations = graph.exp(&logs);
        graph.output("deviations", &deviations);
    }
}

fn outputs(heads: &Heads) -> Vec<Output> {
    let chance = |index: usize| Probability {
        tensor: "chances".into(),
        index,
    };
    let mut outputs = vec![pitch(heads)];
    outputs.extend((0..heads.points()).map(|which| number(heads, which)));
    outputs.extend([Output::Onset(chance(0)), Output::Confidence(chance(1))]);
    outputs
}

fn pitch(heads: &Heads) -> Output {
    if heads.distributions.pitch {
        Output::CategoricalPitch(CategoricalPitch {
            logits: "notes".into(),
            lowest_note: heads.notes.lowest,
            step: 1.0,
            fine: Some("fine".into()),
        })
    } else {
        let Line { scale, offset } = heads.pitch_line();
        Output::Point(Point {
            control: Control::Pitch.name(),
            tensor: "pitch".into(),
            index: 0,
            offset,
            scale,
        })
    }
}

fn number(heads: &Heads, which: usize) -> Output {
    let (control, tensor) = (heads.control(which), "points".into());
    let Line { scale, offset } = Line::of(control);
    let control = control.name();
    match heads.spread(which) {
        None => Output::Point(Point {
            control,
            tensor,
            index: which,
            offset,
            scale,
        }),
        Some(at) => Output::Normal(Normal {
            control,
            tensor,
            index: which,
            deviations: "deviations".into(),
            deviation_index: at - heads.confidence() - 1,
            offset,
            scale,
        }),
    }
}

fn contract(heads: &Heads, hearing: &Hearing, label: &Label, states: Vec<State>) -> Contract {
    Contract {
        version: CONTRACT_VERSION,
        kind: Kind::Gesture,
        name: label.name.clone(),
        author: label.author.clone(),
        licence: label.licence.clone(),
        description: label.description.clone(),
        frame_rate_hz: label.frame_rate_hz,
        feature_schema: Some(label.feature_schema),
        inputs: vec![Input {
            tensor: FEATURES.into(),
            names: label.inputs.clone(),
            meanings: Vec::new(),
            mean: hearing.standard.mean.clone(),
            scale: hearing.standard.scale.clone(),
        }],
        states,
        outputs: outputs(heads),
        data: label.data.clone(),
        metrics: label.metrics.clone(),
    }
}

/// Writes beside the wanted name and renames.
pub fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".part");
    let temporary = std::path::PathBuf::from(temporary);
    std::fs::write(&temporary, bytes)?;
    std::fs::rename(&temporary, path).inspect_err(|_| {
        let _ = std::fs::remove_file(&temporary);
    })
}

/// Runs `bytes` by the plugin's kernels (held against tract at load), with the weights as they were written, over
/// `rows`, which begin with the standardised features; returns rows as [`Heads::stated`] has them.
pub fn steps(bytes: &[u8], rows: &[&[f32]]) -> Result<Vec<Vec<f32>>, ModelError> {
    let mut model = Model::load_exact(bytes)?;
    let named = model.contract().outputs.iter().flat_map(Output::tensors);
    let mut heads: Vec<usize> = named.filter_map(|name| model.output_index(name)).collect();
    heads.sort_unstable();
    heads.dedup();
    let says = |row: &&[f32]| {
        let input = model.input_mut(0);
        input.copy_from_slice(&row[..input.len()]);
        model.step();
        heads
            .iter()
            .flat_map(|head| model.output(*head).to_vec())
            .collect()
    };
    Ok(rows.iter().map(says).collect())
}
