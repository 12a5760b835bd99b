//! A network that plays along as an ONNX file under the contract: one step, all it remembers as states. What hears
//! moves on where `hears` is 1, what says where `says` is; else both stay as they were, to the last bit.

use super::attention::{Block, Line, Look, REMEMBERED, SEEN, heads, slope};
use super::material::Material;
use super::network::{Arch, Cell, Form, Network};
use super::notes::RATE_HZ;
use crate::gesture::TICK_RATE_HZ;
use crate::gesture::features::FEATURE_SCHEMA;
use crate::neural::contract::{CONTRACT_VERSION, Contract, Events, Input, Kind, Output, State};
use crate::neural::graph::{Attribute, GraphBuilder, LstmWeights, Tensor, reorder_gates};
use crate::train::gesture::blocks::Norm;
use crate::train::gesture::export::{list, transposed};

pub const FEATURES: &str = "features";
pub const PREVIOUS: &str = "previous";
pub const HEARS: &str = "hears";
pub const SAYS: &str = "says";
pub const LOGITS: &str = "events";
/// Steps from one heard frame to the next.
pub const HEAR_EVERY: u32 = TICK_RATE_HZ / RATE_HZ;

/// What a state moves on with: a new frame, or a said event.
#[derive(Clone, Copy)]
enum Gate {
    Hears,
    Says,
}

struct Writer {
    graph: GraphBuilder,
    states: Vec<State>,
    /// New states, to become outputs at the end.
    ends: Vec<Tensor>,
    /// For each gate: itself, and one minus it.
    gates: [[Tensor; 2]; 2],
}

/// The file's bytes. Only for networks that play along.
pub fn onnx(
    form: Form,
    network: &Network,
    material: &Material,
    metrics: serde_json::Value,
) -> Vec<u8> {
    let mut graph = GraphBuilder::new("events");
    let x = graph.input(FEATURES, &[1, form.inputs]);
    let previous = graph.input(PREVIOUS, &[1, 1]);
    let gates = [HEARS, SAYS].map(|name| {
        let gate = graph.input(name, &[1, 1]);
        // Whatever is fed, what is remembered cannot grow: files are tried with random numbers.
        let [low, high] = [0.0, 1.0].map(|bound| graph.constant(&[], &[bound]));
        let inputs = [&*gate.name, &*low.name, &*high.name];
        let gate = graph.node("Clip", &inputs, &[1, 1], &[]);
        let other = graph.affine(&gate, -1.0, 1.0);
        [gate, other]
    });
    let mut writer = Writer {
        graph,
        states: Vec::new(),
        ends: Vec::new(),
        gates,
    };
    let table = list(network.table.val());
    let before = writer.row_of(&table, form, &previous);
    let top = match form.arch.attends() {
        true => writer.by_blocks(network, &x, &before),
        false => writer.by_cells(network, &x, &before),
    };
    let logits = writer.line(&network.head, &top);
    writer.graph.output(LOGITS, &logits);
    for (state, end) in writer.states.iter().zip(&writer.ends) {
        writer.graph.output(&state.output, end);
    }
    let contract = contract(form.arch, material, writer.states, metrics);
    writer.graph.contract(&contract);
    writer.graph.finish()
}

impl Writer {
    /// The row of the table that the number of the last event names.
    fn row_of(&mut self, table: &[f32], form: Form, number: &Tensor) -> Tensor {
        let g = &mut self.graph;
        let table = g.constant(&[form.symbols, form.width], table);
        let number = g.reshape(number, &[1]);
        let number = g.node("Cast", &[&number.name], &[1], &[Attribute::Int("to", 7)]);
        let inputs = [&*table.name, &*number.name];
        g.node("Gather", &inputs, &[1, form.width], &[])
    }

    /// Declares a state and says what it is now.
    fn state(&mut self, dims: &[usize]) -> Tensor {
        let name = format!("memory_{}", self.states.len());
        let output = format!("{name}_next");
        let tensor = self.graph.input(&name, dims);
        self.states.push(State {
            input: name,
            output,
        });
        tensor
    }

    /// What the newest state becomes: `new` where its gate is open, else what it was.
    fn keep(&mut self, old: &Tensor, new: &Tensor, gate: Gate) -> Tensor {
        let [open, shut] = self.gates[gate as usize].clone();
        let new = self.graph.mul(new, &open);
        let old = self.graph.mul(old, &shut);
        let kept = self.graph.add(&new, &old);
        self.ends.push(kept.clone());
        kept
    }

    fn line(&mut self, line: &Line, x: &Tensor) -> Tensor {
        let (weight, bias) = (list(line.weight.val()), list(line.bias.val()));
        let rows = transposed(&weight, bias.len(), 0, x.dims[1]);
        self.graph.dense(x, &rows, &bias)
    }

    fn norm(&mut self, norm: &Norm, x: &Tensor) -> Tensor {
        let (scale, bias) = (list(norm.scale.val()), list(norm.bias.val()));
        self.graph.layer_norm(x, &scale, &bias)
    }

    fn by_cells(&mut self, network: &Network, x: &Tensor, before: &Tensor) -> Tensor {
        let mut heard = x.clone();
        for cell in &network.encoder_cells {
            heard = self.cell(cell, &heard, Gate::Hears);
        }
        let mut y = self.graph.concat(&[before, &heard], 1);
        for cell in &network.decoder_cells {
            y = self.cell(cell, &y, Gate::Says);
        }
        y
    }

    /// One LSTM step; what it answers is what it keeps.
    fn cell(&mut self, cell: &Cell, x: &Tensor, gate: Gate) -> Tensor {
        const ORDER: [usize; 4] = [0, 3, 1, 2];
        let (weight, bias) = (list(cell.line.weight.val()), list(cell.line.bias.val()));
        let (columns, inputs) = (bias.len(), x.dims[1]);
        let hidden = columns / 4;
        let input = reorder_gates(&transposed(&weight, columns, 0, inputs), &ORDER);
        let recurrent = reorder_gates(&transposed(&weight, columns, inputs, hidden), &ORDER);
        let bias = reorder_gates(&bias, &ORDER);
        let h = self.state(&[1, hidden]);
        let c = self.state(&[1, hidden]);
        let weights = LstmWeights {
            input: &input,
            recurrent: &recurrent,
            bias: &bias,
        };
        let (new_h, new_c) = self.graph.lstm(x, &h, &c, &weights);
        let answer = self.keep(&h, &new_h, gate);
        self.keep(&c, &new_c, gate);
        answer
    }

    fn by_blocks(&mut self, network: &Network, x: &Tensor, before: &Tensor) -> Tensor {
        let mut heard = match &network.enter {
            Some(enter) => self.line(enter, x),
            None => x.clone(),
        };
        for block in &network.encoder_blocks {
            heard = self.own(&block.own, &heard, SEEN, Gate::Hears);
            heard = self.widened(block, &heard);
        }
        if let Some(norm) = &network.encoder_norm {
            heard = self.norm(norm, &heard);
        }
        let mut y = before.clone();
        for block in &network.decoder_blocks {
            y = self.own(&block.own, &y, REMEMBERED, Gate::Says);
            if let Some(look) = &block.motion {
                y = self.at_motion(look, &y, &heard);
            }
            y = self.widened(block, &y);
        }
        match &network.decoder_norm {
            Some(norm) => self.norm(norm, &y),
            None => y,
        }
    }

    fn widened(&mut self, block: &Block, x: &Tensor) -> Tensor {
        let y = self.norm(&block.norm, x);
        let y = self.line(&block.widen, &y);
        let y = self.graph.relu(&y);
        let y = self.line(&block.narrow, &y);
        self.graph.add(x, &y)
    }

    /// Key and value that something offers, `[1, width]` each.
    fn offered(&mut self, look: &Look, x: &Tensor) -> [Tensor; 2] {
        let width = x.dims[1];
        let both = self.line(&look.offer, x);
        [0, 1].map(|part| self.graph.slice(&both, 1, part * width, (part + 1) * width))
    }

    /// Attention over what came before and itself: the `reach - 1` places before are a state.
    fn own(&mut self, look: &Look, x: &Tensor, reach: usize, gate: Gate) -> Tensor {
        let normal = self.norm(&look.norm, x);
        let offered = self.offered(look, &normal);
        let seen = offered.map(|new| {
            let past = self.state(&[reach - 1, new.dims[1]]);
            let all = self.graph.concat(&[&past, &new], 0);
            let kept = self.graph.slice(&all, 0, 1, reach);
            self.keep(&past, &kept, gate);
            all
        });
        self.answer(look, x, &normal, &seen)
    }

    /// Attention over the motion: its places, the present one among them, are a state, so that they are there in steps
    /// that bring no new frame.
    fn at_motion(&mut self, look: &Look, x: &Tensor, heard: &Tensor) -> Tensor {
        let normal = self.norm(&look.norm, x);
        let offered = self.offered(look, heard);
        let seen = offered.map(|new| {
            let past = self.state(&[SEEN, new.dims[1]]);
            let newer = self.graph.slice(&past, 0, 1, SEEN);
            let all = self.graph.concat(&[&newer, &new], 0);
            self.keep(&past, &all, Gate::Hears)
        });
        self.answer(look, x, &normal, &seen)
    }

    fn answer(&mut self, look: &Look, x: &Tensor, normal: &Tensor, seen: &[Tensor; 2]) -> Tensor {
        let (width, count) = (x.dims[1], seen[0].dims[0]);
        let heads = heads(width);
        let each = width / heads;
        let query = self.line(&look.query, normal);
        let query = self.graph.reshape(&query, &[heads, 1, each]);
        let keys = self.by_head(&seen[0], [1, 2, 0], [heads, each, count]);
        let values = self.by_head(&seen[1], [1, 0, 2], [heads, count, each]);
        let g = &mut self.graph;
        let scores = g.node(
            "MatMul",
            &[&query.name, &keys.name],
            &[heads, 1, count],
            &[],
        );
        let scores = g.affine(&scores, (each as f32).powf(-0.5), 0.0);
        let costs = (0..heads).flat_map(|head| {
            (0..count)
                .rev()
                .map(move |ago| -slope(head, heads) * ago as f32)
        });
        let costs = g.constant(&[heads, 1, count], &costs.collect::<Vec<_>>());
        let scores = g.add(&scores, &costs);
        let weights = g.softmax(&scores);
        let inputs = [&*weights.name, &*values.name];
        let heard = g.node("MatMul", &inputs, &[heads, 1, each], &[]);
        let heard = g.reshape(&heard, &[1, width]);
        let answer = self.line(&look.answer, &heard);
        self.graph.add(x, &answer)
    }

    fn by_head(&mut self, x: &Tensor, order: [i64; 3], dims: [usize; 3]) -> Tensor {
        let (count, width) = (x.dims[0], x.dims[1]);
        let heads = heads(width);
        let x = self.graph.reshape(x, &[count, heads, width / heads]);
        let order = Attribute::Ints("perm", order.to_vec());
        self.graph.node("Transpose", &[&x.name], &dims, &[order])
    }
}

fn contract(
    arch: Arch,
    material: &Material,
    states: Vec<State>,
    metrics: serde_json::Value,
) -> Contract {
    let alphabet = material.alphabet;
    Contract {
        version: CONTRACT_VERSION,
        kind: Kind::Gesture,
        name: format!("Events {}", arch.name()),
        author: String::new(),
        licence: material.licence.clone(),
        description: "Says notes as events, playing along with the motion.".into(),
        frame_rate_hz: TICK_RATE_HZ,
        feature_schema: Some(FEATURE_SCHEMA),
        inputs: vec![Input {
            tensor: FEATURES.into(),
            names: material.inputs.clone(),
            meanings: Vec::new(),
            mean: material.standard.mean.clone(),
            scale: material.standard.scale.clone(),
        }],
        states,
        outputs: vec![Output::Events(Events {
            logits: LOGITS.into(),
            previous: PREVIOUS.into(),
            hears: HEARS.into(),
            says: SAYS.into(),
            hear_every: HEAR_EVERY,
            lowest_note: alphabet.lowest_note,
            notes: alphabet.notes,
            shifts: alphabet.shifts,
            velocities: alphabet.velocities,
        })],
        data: material.data.clone(),
        metrics,
    }
}
