//! Mutants of good model files: no crash, no memory beyond 256 MB, no long wait. A few hundred by default;
//! `IMU2MUSIC_LONG=1` runs 10,000 and prints the slowest.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use imu2music::neural::runner::Runner;
use imu2music::neural::{Model, zoo};
use prost::Message;
use tract_onnx::pb::{GraphProto, ModelProto, tensor_shape_proto::dimension, type_proto};

const LONG: usize = 10_000;
const SHORT: usize = 400;
const MOST_BYTES: usize = 256 << 20;
/// On a machine that does other things too; the goal on a free one is a second.
const LONGEST: Duration = Duration::from_secs(20);

static LIVE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

struct Weighing;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Weighing {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let live = LIVE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(live, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Weighing = Weighing;

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % limit.max(1)
    }

    fn pick<'a, T>(&mut self, list: &'a mut [T]) -> Option<&'a mut T> {
        let index = self.below(list.len());
        list.get_mut(index)
    }
}

const NUMBERS: [i64; 12] = [
    0,
    -1,
    1,
    2,
    7,
    64,
    65_536,
    1 << 24,
    1 << 31,
    1 << 40,
    i64::MAX,
    i64::MIN,
];
const OPS: [&str; 18] = [
    "LSTM",
    "GRU",
    "RNN",
    "Gemm",
    "MatMul",
    "Concat",
    "Slice",
    "Expand",
    "Pad",
    "Reshape",
    "Gather",
    "Transpose",
    "Split",
    "Loop",
    "Softmax",
    "Conv",
    "Softsign",
    "PRelu",
];

/// Flips, cuts, repeats and inserts bytes.
fn scramble(file: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..1 + dice.below(8) {
        let at = dice.below(file.len());
        match dice.below(5) {
            0 => file.truncate(at),
            1 => file.insert(at, dice.below(256) as u8),
            2 => {
                let end = (at + dice.below(64)).min(file.len());
                let piece = file[at..end].to_vec();
                file.splice(at..at, piece);
            }
            _ => {
                if let Some(byte) = file.get_mut(at) {
                    *byte ^= 1 << dice.below(8);
                }
            }
        }
    }
}

/// Keeps the file decodable and breaks its meaning.
fn rewire(graph: &mut GraphProto, dice: &mut Dice) {
    let number = NUMBERS[dice.below(NUMBERS.len())];
    let node_at = dice.below(graph.node.len());
    match dice.below(12) {
        0 => {
            if let Some(dim) = dice
                .pick(&mut graph.initializer)
                .and_then(|t| dice.pick(&mut t.dims))
            {
                *dim = number;
            }
        }
        1 => declare(graph, dice, number),
        2 => {
            if let Some(node) = graph.node.get_mut(node_at) {
                node.op_type = OPS[dice.below(OPS.len())].into();
            }
        }
        3 => {
            let name = graph.node.last().and_then(|n| n.output.first()).cloned();
            let input = dice
                .pick(&mut graph.node)
                .and_then(|n| dice.pick(&mut n.input));
            if let (Some(name), Some(input)) = (name, input) {
                *input = name;
            }
        }
        4 => drop((!graph.node.is_empty()).then(|| graph.node.remove(node_at))),
        5 => {
            if let Some(node) = graph.node.get(node_at).cloned() {
                graph.node.insert(node_at, node);
            }
        }
        6 => {
            let other = dice.below(graph.node.len());
            graph.node.swap(node_at, other);
        }
        7 => {
            let attribute = dice
                .pick(&mut graph.node)
                .and_then(|n| dice.pick(&mut n.attribute));
            if let Some(attribute) = attribute {
                attribute.i = number;
                attribute.ints.push(number);
            }
        }
        8 => {
            let integers = graph.initializer.iter_mut().filter(|t| t.data_type == 7);
            for tensor in integers {
                if dice.below(3) == 0 && tensor.raw_data.len() >= 8 {
                    tensor.raw_data[..8].copy_from_slice(&number.to_le_bytes());
                }
            }
        }
        9 => {
            if let Some(tensor) = dice.pick(&mut graph.initializer) {
                let len = dice.below(tensor.raw_data.len() + 9);
                tensor.raw_data.resize(len, 0xff);
            }
        }
        10 => {
            let names: Vec<String> = graph.initializer.iter().map(|t| t.name.clone()).collect();
            let name = names
                .get(dice.below(names.len()))
                .cloned()
                .unwrap_or_default();
            if let Some(input) = dice
                .pick(&mut graph.node)
                .and_then(|n| dice.pick(&mut n.input))
            {
                *input = name;
            }
        }
        _ => grow(graph, dice),
    }
}

fn declare(graph: &mut GraphProto, dice: &mut Dice, number: i64) {
    let infos = if dice.below(2) == 0 {
        &mut graph.input
    } else {
        &mut graph.output
    };
    let value = dice
        .pick(infos)
        .and_then(|i| i.r#type.as_mut())
        .and_then(|t| t.value.as_mut());
    let Some(type_proto::Value::TensorType(tensor)) = value else {
        return;
    };
    if let Some(dim) = tensor.shape.as_mut().and_then(|s| dice.pick(&mut s.dim)) {
        dim.value = Some(dimension::Value::DimValue(number));
    }
}

/// A value joined to itself again and again: small in the file, large in memory.
fn grow(graph: &mut GraphProto, dice: &mut Dice) {
    let Some(like) = graph.node.iter().find(|n| n.op_type == "Concat").cloned() else {
        return;
    };
    let Some(mut name) = graph
        .initializer
        .get(dice.below(graph.initializer.len()))
        .map(|t| t.name.clone())
    else {
        return;
    };
    for i in 0..40 {
        let mut node = like.clone();
        node.input = vec![name.clone(), name];
        name = format!("grown_{i}");
        node.output = vec![name.clone()];
        node.attribute.iter_mut().for_each(|a| a.i = 0);
        graph.node.insert(i, node);
    }
}

fn mutant(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut file = seeds[dice.below(seeds.len())].clone();
    match dice.below(3) {
        0 => scramble(&mut file, dice),
        _ => {
            let Ok(mut model) = ModelProto::decode(&file[..]) else {
                return file;
            };
            for _ in 0..1 + dice.below(3) {
                if let Some(graph) = &mut model.graph {
                    rewire(graph, dice);
                }
            }
            file = model.encode_to_vec();
        }
    }
    file
}

#[test]
fn no_mutant_crashes_or_eats_memory() {
    let long = std::env::var_os("IMU2MUSIC_LONG").is_some();
    let seeds = [
        zoo::lstm(4, 8, 1),
        zoo::gru(3, 8),
        zoo::ddsp_decoder(16),
        zoo::pitch_chooser(4, 8),
        zoo::softsign(),
        zoo::sine_wave(200, 8_000, true),
    ];
    let mut dice = Dice(0x005e_ed0f_1417);
    let (mut slowest, mut heaviest, mut accepted) = (Duration::ZERO, 0, 0);
    // Panics inside tract are caught and counted as refusals; their texts would bury the result.
    std::panic::set_hook(Box::new(|_| {}));
    for _ in 0..if long { LONG } else { SHORT } {
        let file = mutant(&seeds, &mut dice);
        let before = LIVE.load(Ordering::Relaxed);
        PEAK.store(before, Ordering::Relaxed);
        let start = Instant::now();
        accepted += Runner::load(&file, true).is_ok() as usize;
        slowest = slowest.max(start.elapsed());
        heaviest = heaviest.max(PEAK.load(Ordering::Relaxed).saturating_sub(before));
    }
    let _ = std::panic::take_hook();
    println!(
        "accepted {accepted}, slowest {slowest:?}, heaviest {} KiB",
        heaviest >> 10
    );
    assert!(heaviest < MOST_BYTES, "{heaviest} bytes");
    assert!(slowest < LONGEST, "{slowest:?}");
    assert!(
        accepted > 0,
        "every mutant was refused: the seeds are not what they should be"
    );
}

#[test]
fn a_file_of_nothing_or_noise_is_refused() {
    assert!(Model::load(&[]).is_err());
    let mut dice = Dice(99);
    for len in [1, 10, 100, 10_000] {
        let noise: Vec<u8> = (0..len).map(|_| dice.below(256) as u8).collect();
        assert!(Model::load(&noise).is_err());
    }
}
