//! Encoder and decoder, in burn. Two hear a whole window before they say its first event, as the original protocol did:
//! an LSTM whose last state begins the decoder, and a Transformer without any limit on what it sees (Vaswani et al. 2017,
//! layers normalised before). Two play along, and are exported: each event is decided from the motion up to its own
//! time and no further. Those know time by distance and by where the shifts have led, not by counting from the start.

use burn::module::{Module, Param};
use burn::tensor::{Device, Int, Tensor, TensorData};

use super::attention::{Block, Line, REMEMBERED, SEEN, View, flat};
use super::batch::Batch;
use crate::sensor::performer::Chance;
use crate::train::gesture::blocks::Norm;
use crate::train::gesture::network::{uniform, vector};
use crate::train::recurrent::lstm::{Weights, lstm};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    Lstm,
    Transformer,
    LstmStream,
    TransformerStream,
}

impl Arch {
    pub const ALL: [Arch; 4] = [
        Arch::Lstm,
        Arch::Transformer,
        Arch::LstmStream,
        Arch::TransformerStream,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Arch::Lstm => "lstm",
            Arch::Transformer => "transformer",
            Arch::LstmStream => "lstm-stream",
            Arch::TransformerStream => "transformer-stream",
        }
    }

    pub fn from_name(name: &str) -> Option<Arch> {
        Arch::ALL.into_iter().find(|arch| arch.name() == name)
    }

    /// It plays along, so it can be exported.
    pub fn streams(self) -> bool {
        matches!(self, Arch::LstmStream | Arch::TransformerStream)
    }

    pub fn attends(self) -> bool {
        matches!(self, Arch::Transformer | Arch::TransformerStream)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    pub arch: Arch,
    pub inputs: usize,
    pub width: usize,
    pub layers: usize,
    /// Numbers of the alphabet.
    pub symbols: usize,
}

/// One LSTM layer: `[x, h]` by one matrix, gates in the order input, forget, cell, output.
#[derive(Module, Debug)]
pub struct Cell {
    pub line: Line,
}

/// `h` and `c`, `[lanes, width]`.
pub type Memory = [Tensor<2>; 2];

impl Cell {
    fn new(chance: &mut Chance, inputs: usize, width: usize, device: &Device) -> Cell {
        let mut line = Line::new(chance, [inputs + width, 4 * width], device);
        let mut bias = vec![0.0; 4 * width];
        bias[width..2 * width].fill(1.0);
        line.bias = vector(bias, device);
        Cell { line }
    }

    /// `x [lanes, frames, inputs]` → `[lanes, frames, width]`.
    fn run(&self, x: Tensor<3>, memory: &mut Memory) -> Tensor<3> {
        let weights = Weights {
            weight: self.line.weight.val(),
            bias: self.line.bias.val(),
        };
        let said = lstm(&weights, x, memory.clone());
        *memory = said.last;
        said.all
    }
}

#[derive(Module, Debug)]
pub struct Network {
    /// `[symbols, width]`: what each event is to the decoder.
    pub table: Param<Tensor<2>>,
    pub encoder_cells: Vec<Cell>,
    pub decoder_cells: Vec<Cell>,
    /// Motion to the width of attention.
    pub enter: Option<Line>,
    pub encoder_blocks: Vec<Block>,
    pub encoder_norm: Option<Norm>,
    pub decoder_blocks: Vec<Block>,
    pub decoder_norm: Option<Norm>,
    /// `[width, symbols]`
    pub head: Line,
}

/// What the encoder makes of the motion: an answer for every frame `[lanes, frames, width]`, and its last memories.
pub struct Heard {
    answers: Tensor<3>,
    memories: Vec<Memory>,
}

/// Leaves out part of what flows while learning.
pub struct Dropout<'a> {
    pub chance: &'a mut Chance,
    pub share: f32,
}

fn dropped(x: Tensor<2>, dropout: &mut Option<Dropout>) -> Tensor<2> {
    let Some(Dropout { chance, share }) = dropout else {
        return x;
    };
    let kept = 1.0 / (1.0 - *share);
    let dims = x.dims();
    let mut one = || {
        if chance.happens(f64::from(*share)) {
            0.0
        } else {
            kept
        }
    };
    let mask: Vec<f32> = (0..dims[0] * dims[1]).map(|_| one()).collect();
    x.clone() * Tensor::from_data(TensorData::new(mask, dims), &x.device())
}

fn indices(values: impl Iterator<Item = usize>, device: &Device) -> Tensor<1, Int> {
    let values: Vec<i32> = values.map(|value| value as i32).collect();
    let count = values.len();
    Tensor::from_data(TensorData::new(values, [count]), device)
}

impl Network {
    pub fn new(form: Form, seed: u64, device: &Device) -> Network {
        let Form {
            arch,
            inputs,
            width,
            layers,
            symbols,
        } = form;
        let mut chance = Chance::new(seed, 27);
        let chance = &mut chance;
        let table = uniform(chance, symbols, width, 1.0 / (width as f64).sqrt(), device);
        let mut cells = |first: usize| -> Vec<Cell> {
            let count = if arch.attends() { 0 } else { layers };
            let fed = (0..count).map(|index| if index == 0 { first } else { width });
            fed.map(|inputs| Cell::new(chance, inputs, width, device))
                .collect()
        };
        let encoder_cells = cells(inputs);
        // One that plays along hears the motion of the moment beside the event before.
        let decoder_cells = cells(if arch.streams() { 2 * width } else { width });
        let mut blocks = |decodes: bool| -> Vec<Block> {
            let count = if arch.attends() { layers } else { 0 };
            (0..count)
                .map(|_| Block::new(chance, width, decodes, device))
                .collect()
        };
        let (encoder_blocks, decoder_blocks) = (blocks(false), blocks(true));
        let norm = || arch.attends().then(|| Norm::new(width, device));
        Network {
            table,
            encoder_cells,
            decoder_cells,
            enter: arch
                .attends()
                .then(|| Line::new(chance, [inputs, width], device)),
            encoder_blocks,
            encoder_norm: norm(),
            decoder_blocks,
            decoder_norm: norm(),
            head: Line::new(chance, [width, symbols], device),
        }
    }

    /// Logits `[lanes * length, symbols]`, lane by lane.
    pub fn forward(&self, form: Form, batch: &Batch, dropout: Option<Dropout>) -> Tensor<2> {
        let heard = self.encode(form, batch);
        self.decode(form, &heard, batch, dropout)
    }

    pub fn encode(&self, form: Form, batch: &Batch) -> Heard {
        let device = &self.table.val().device();
        let (lanes, frames) = (batch.lanes, batch.frames);
        let dims = [lanes, frames, form.inputs];
        let x = Tensor::<3>::from_data(TensorData::new(batch.motion.clone(), dims), device);
        let Some(enter) = &self.enter else {
            return self.encode_by_cells(form, x);
        };
        let mut y = enter.of(flat(x)).reshape([lanes, frames, form.width]);
        let view = form.arch.streams().then(|| {
            let now: Vec<usize> = (0..frames).collect();
            View::back(&[now], frames, Some(SEEN), device)
        });
        if !form.arch.streams() {
            y = y + positions(frames, form.width, device);
        }
        for block in &self.encoder_blocks {
            y = block.forward(y, view.as_ref(), None);
        }
        if let Some(norm) = &self.encoder_norm {
            y = norm.forward(flat(y)).reshape([lanes, frames, form.width]);
        }
        Heard {
            answers: y,
            memories: Vec::new(),
        }
    }

    fn encode_by_cells(&self, form: Form, x: Tensor<3>) -> Heard {
        let mut memories = memories(form, x.dims()[0], &x.device());
        let cells = self.encoder_cells.iter().zip(&mut memories);
        let answers = cells.fold(x, |y, (cell, memory)| cell.run(y, memory));
        Heard { answers, memories }
    }

    pub fn decode(
        &self,
        form: Form,
        heard: &Heard,
        batch: &Batch,
        mut dropout: Option<Dropout>,
    ) -> Tensor<2> {
        let top = match form.arch.attends() {
            true => self.decode_by_blocks(form, heard, batch, &mut dropout),
            false => self.decode_by_cells(form, heard, batch, &mut dropout),
        };
        self.head.of(dropped(top, &mut dropout))
    }

    fn decode_by_cells(
        &self,
        form: Form,
        heard: &Heard,
        batch: &Batch,
        dropout: &mut Option<Dropout>,
    ) -> Tensor<2> {
        let (lanes, length) = (batch.lanes, batch.length);
        let device = &self.table.val().device();
        let mut memories = match form.arch.streams() {
            true => memories(form, lanes, device),
            false => heard.memories.clone(),
        };
        let before = indices(batch.previous.iter().copied(), device);
        let mut y = self.table.val().select(0, before);
        if form.arch.streams() {
            let frames = heard.answers.dims()[1];
            let lanes = batch.at.iter().enumerate();
            let rows = lanes.flat_map(|(lane, at)| at.iter().map(move |at| lane * frames + at));
            let now = flat(heard.answers.clone()).select(0, indices(rows, device));
            y = Tensor::cat(vec![y, now], 1);
        }
        let fed = y.dims()[1];
        let y = dropped(y, dropout).reshape([lanes, length, fed]);
        let cells = self.decoder_cells.iter().zip(&mut memories);
        flat(cells.fold(y, |y, (cell, memory)| cell.run(y, memory)))
    }

    fn decode_by_blocks(
        &self,
        form: Form,
        heard: &Heard,
        batch: &Batch,
        dropout: &mut Option<Dropout>,
    ) -> Tensor<2> {
        let (lanes, length, width) = (batch.lanes, batch.length, form.width);
        let device = &self.table.val().device();
        let before = indices(batch.previous.iter().copied(), device);
        let y = dropped(self.table.val().select(0, before), dropout);
        let mut y = y.reshape([lanes, length, width]);
        let streams = form.arch.streams();
        if !streams {
            y = y + positions(length, width, device);
        }
        let places: Vec<usize> = (0..length).collect();
        let own = View::back(&[places], length, streams.then_some(REMEMBERED), device);
        let motion = streams.then(|| View::back(&batch.at, batch.frames, Some(SEEN), device));
        for block in &self.decoder_blocks {
            y = block.forward(y, Some(&own), Some((&heard.answers, motion.as_ref())));
        }
        match &self.decoder_norm {
            Some(norm) => norm.forward(flat(y)),
            None => flat(y),
        }
    }
}

fn memories(form: Form, lanes: usize, device: &Device) -> Vec<Memory> {
    let zeros = || Tensor::zeros([lanes, form.width], device);
    (0..form.layers).map(|_| [zeros(), zeros()]).collect()
}

/// Sines and cosines of rising period (Vaswani et al. 2017), `[1, rows, width]`.
fn positions(rows: usize, width: usize, device: &Device) -> Tensor<3> {
    let value = |row: usize, column: usize| {
        let turn = row as f32 / 10_000f32.powf((column / 2 * 2) as f32 / width as f32);
        if column.is_multiple_of(2) {
            turn.sin()
        } else {
            turn.cos()
        }
    };
    let values: Vec<f32> = (0..rows)
        .flat_map(|row| (0..width).map(move |column| value(row, column)))
        .collect();
    Tensor::from_data(TensorData::new(values, [1, rows, width]), device)
}

#[cfg(test)]
mod tests {
    use super::super::batch::Lane;
    use super::super::sequence::Sequence;
    use super::*;
    use crate::neural::events::Alphabet;

    const INPUTS: usize = 3;
    const FRAMES: usize = 120;

    fn logits(arch: Arch, change: impl Fn(&mut Vec<f32>)) -> Vec<f32> {
        let form = Form {
            arch,
            inputs: INPUTS,
            width: 16,
            layers: 2,
            symbols: Alphabet::PIANO.size(),
        };
        let network = Network::new(form, 5, &Device::flex());
        let mut chance = Chance::new(3, 3);
        let mut motion: Vec<f32> = (0..FRAMES * INPUTS)
            .map(|_| chance.normal() as f32)
            .collect();
        change(&mut motion);
        let sequence = Sequence {
            events: (0..20).map(|n| (n * 37) % 240).collect(),
            frames: (0..20).map(|n| n * 5).collect(),
        };
        let lane = Lane {
            motion: &motion,
            sequence,
        };
        let batch = Batch::new(&[lane], INPUTS, arch, &Alphabet::PIANO);
        let raw = network.forward(form, &batch, None);
        raw.into_data().try_to_vec().unwrap()
    }

    /// The first event whose logits another motion from frame 50 on changes.
    fn first_changed(arch: Arch) -> Option<usize> {
        let plain = logits(arch, |_| ());
        let moved = logits(arch, |motion| {
            motion[50 * INPUTS..].iter_mut().for_each(|v| *v += 1.0);
        });
        let size = Alphabet::PIANO.size();
        (0..20).find(|event| plain[event * size..][..size] != moved[event * size..][..size])
    }

    #[test]
    fn who_plays_along_hears_no_motion_ahead_of_its_events_and_who_hears_a_window_does() {
        // Event 10 is decided at frame 50.
        assert_eq!(first_changed(Arch::LstmStream), Some(10));
        assert_eq!(first_changed(Arch::TransformerStream), Some(10));
        assert_eq!(first_changed(Arch::Lstm), Some(0));
        assert_eq!(first_changed(Arch::Transformer), Some(0));
    }
}
